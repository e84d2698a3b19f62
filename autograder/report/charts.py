"""Pictures as SVG that stands inside a page: colours from the page's style, a text for who cannot see them.

Each bar's number is written beside it, so nothing depends on colour. Strings that come in are labels of our own
or escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 22, 36


def histogram(counts: Sequence[int], labels: Sequence[str], axis: str, description: str) -> Markup:
    """Columns with their counts above and labels below; `description` says in words what it shows."""
    parts = [
        Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, description),
        Markup('<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(LEFT, WIDTH - RIGHT, y=HEIGHT - BOTTOM),
    ]
    room, most = (WIDTH - LEFT - RIGHT) / max(len(counts), 1), max([*counts, 1])
    every = 1 if len(labels) <= 8 else 2
    for i, count in enumerate(counts):
        tall = (HEIGHT - TOP - BOTTOM) * count / most
        x, y, middle = LEFT + i * room, HEIGHT - BOTTOM - tall, LEFT + (i + 0.5) * room
        parts.append(
            Markup('<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
                x + 2, y, room - 4, tall
            )
        )
        if count:
            parts.append(Markup('<text class="count" x="{:.1f}" y="{:.1f}">{}</text>').format(middle, y - 5, count))
        if i % every == 0:
            parts.append(
                Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(middle, HEIGHT - 20, labels[i])
            )
    parts.append(Markup('<text class="name" x="{}" y="{}">{}</text></svg>').format(WIDTH / 2, HEIGHT - 4, axis))
    return Markup("").join(parts)


def bar(part: float, kind: str = "") -> Markup:
    """A bar as wide as its box, filled to `part` (0 to 1). The number stands beside it, so it is not read out."""
    return Markup(
        '<svg class="rate {}" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="ground" width="100" height="10"/><rect class="bar" width="{:.1f}" height="10"/></svg>'
    ).format(escape(kind), 100 * min(1.0, max(0.0, part)))
