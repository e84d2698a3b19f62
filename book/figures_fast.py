"""Drawings of the chapter on speed: launches as bars, and how a persistent kernel is laid out.

Belongs here: what only that chapter draws, and the tables it makes of its committed data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from figures import Canvas, Figure, colour
from IPython.display import HTML
from tables import Table, as_html


@dataclass(frozen=True)
class Row:
    """One way of computing a layer: kernels before the loop, kernels of a step, and how they start.

    Attributes
    ----------
    once
        Whether one large kernel projects all inputs first.
    each
        Kernels of one step.
    together
        ``"graph"``: launched by one call; ``"kernel"``: one kernel for all steps.
    """

    name: str
    once: bool
    each: int
    together: str = ""


def launch_bars(rows: Sequence[Row], *, steps: int = 2, alt: str) -> Figure:
    """Draw every kernel of ``steps`` time steps as a bar; a frame holds what one call starts."""
    pitch, left = 34.0, 112.0
    canvas = Canvas(430, pitch * len(rows) + 6)
    for place, row in enumerate(rows):
        y, x = 20 + place * pitch, left
        canvas.text(left - 10, y, f"|{row.name}", size=14, anchor="end")
        if row.once:
            _bar(canvas, x, y, 22, role=3)
            x += 28
        start = x
        for _ in range(steps):
            width = 52.0 if row.together == "kernel" else 3.4
            for _ in range(row.each):
                _bar(canvas, x, y, width, role=1)
                x += width + (1.2 if row.together else 2.4)
            x += 0 if row.together == "kernel" else 6
        if row.together:
            canvas.parts.append(
                f'<rect x="{start - 4:g}" y="{y - 13:g}" width="{x - start + 4:g}" height="26" rx="5" fill="none" '
                f'stroke="{colour(2)}" stroke-width="1.6"/>'
            )
    return canvas.figure(alt)


def _bar(canvas: Canvas, x: float, y: float, width: float, *, role: int) -> None:
    """A kernel."""
    canvas.parts.append(
        f'<rect x="{x:g}" y="{y - 9:g}" width="{width:g}" height="18" rx="1" '
        f'fill="{colour(role)}" fill-opacity="0.75"/>'
    )


def persistent_layout(programs: int = 4, *, alt: str) -> Figure:
    """Draw programs that hold slices of the recurrent weights, and the state that they exchange."""
    canvas, pitch = Canvas(440, 246), 104.0
    canvas.box(220, 24, 416, 32, role=3, label="|all states of the step before, in the shared cache")
    canvas.box(220, 222, 416, 32, role=2, label="|barrier: all slices are written, all may read")
    for k in range(programs):
        x = 64 + k * pitch
        canvas.arrow((x, 42), (x, 64))
        canvas.box(x, 128, 92, 124, role=1)
        canvas.text(x, 82, f"|program {k + 1}", size=13)
        for g, gate in enumerate("ifgo"):
            y = 100 + 15 * g
            canvas.parts.append(
                f'<rect x="{x - 24:g}" y="{y - 6:g}" width="62" height="12" fill="{colour(4)}" fill-opacity="0.3" '
                f'stroke="{colour(4)}" stroke-width="1.2"/>'
            )
            canvas.text(x - 33, y, gate, size=13)
        canvas.text(x, 174, "c_t", size=14)
        canvas.arrow((x, 190), (x, 205))
    return canvas.figure(alt)


def shown_name(variant: str) -> str:
    """What the page calls a variant of the committed measurements."""
    return "gate by gate" if variant == "eager cells" else variant


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> HTML:
    """A table of the page's theme that scrolls on a phone."""
    return as_html(Table(caption, tuple(head), tuple(tuple(map(str, row)) for row in rows)))


def gpu_results(data: dict[str, Any], kind: str = "LSTM", dtype: str = "bfloat16") -> HTML:
    """Microseconds for a step of forward and backward by variant and shape, and the part of the floor."""
    rows = [row for row in data["rows"] if (row["kind"], row["dtype"]) == (kind, dtype)]
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    shapes = list(dict.fromkeys((row["H"], row["N"], row["T"]) for row in rows))
    lines = []
    for shape in shapes:
        by = {row["variant"]: row for row in rows if (row["H"], row["N"], row["T"]) == shape}
        cells = [
            by[name]["both"]["median"] * 1000 / shape[2] if "both" in by.get(name, {}) else None for name in variants
        ]
        lines.append(["{}, {}, {}".format(*shape), *(f"{cell:.1f}" if cell is not None else "–" for cell in cells)])
    about = data["about"]
    caption = (
        f"{kind}, {dtype}: microseconds for each time step, forward and backward, medians. "
        f"{about['device']}, {about['date']}, torch {about['versions']['torch']}"
    )
    return table(["H, N, T", *map(shown_name, variants)], lines, caption)
