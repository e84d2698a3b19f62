"""Figures of the course, drawn by code for the light and the dark theme.

Belongs here: what more than one page draws, namely unrolled networks, blocks to
scale with the shapes of a product, the parts that drawings of cells share, and
the set-up of plots. A chapter's own picture is a few calls of :class:`Canvas` in
that chapter.

Everything is inline SVG. Lines and text take the colour of the page's text, and
fills are CSS variables (``--fig-1`` to ``--fig-5``, in ``unrolled.css``), so one
drawing serves both themes. Outside the site the light values apply. Each figure
carries a text alternative, which is required.

Labels use a small markup: ``h_1`` and ``W_{xh}`` set a subscript, letters are
italic, and everything in parentheses or after ``|`` is upright.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal

PALETTE = ("#0b5fa5", "#b04a00", "#00704a", "#93388a", "#6b5b00")
"""Colours told apart by colour-blind readers, with a contrast above 4.5 on white."""

INK = "#1b1b1d"  # replaced by the page's text colour
GRID = "#8b8b8d"  # replaced by a faint version of it

Point = tuple[float, float]
Block = tuple[str, str, str]
"""A matrix to draw: its name, its rows and its columns, as in ``("x_t", "N", "D")``."""


@dataclass(frozen=True)
class Figure:
    """A finished drawing that Jupyter shows as inline SVG, with its numbers folded below."""

    svg: str
    alt: str
    table: str = ""

    def _repr_html_(self) -> str:
        return f'<div class="unrolled-figure">{self.svg}{self.table}</div>'

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


def colour(role: int | None) -> str:
    """Return the CSS colour of palette entry ``role`` (from 1), or of the text."""
    if role is None:
        return "currentColor"
    return f"var(--fig-{role}, {PALETTE[role - 1]})"


def label_markup(text: str) -> str:
    """Turn ``W_{xh} (H, D)`` into SVG text spans with a subscript."""
    upright = re.compile(r"(\([^)]*\)|\|.*)$")
    match = upright.search(text)
    tail = match.group().lstrip("|") if match else ""
    spans = []
    for part in re.split(r"(_\{[^}]*\}|_\w)", text[: match.start()] if match else text):
        if part.startswith("_"):
            sub = escape(part[1:].strip("{}"))
            spans.append(f'<tspan dy="4" font-size="75%">{sub}</tspan>')
            spans.append('<tspan dy="-4">\u200b</tspan>')
        elif part:
            spans.append(f'<tspan font-style="italic">{escape(part)}</tspan>')
    return "".join(spans) + escape(tail)


@dataclass
class Canvas:
    """An SVG drawing of ``width`` by ``height`` pixels, built call by call.

    Keep ``width`` at 480 or less, so that a label stays readable when a phone
    shrinks the drawing to 340 pixels.
    """

    width: float
    height: float
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        label: str,
        *,
        size: float = 15,
        role: int | None = None,
        anchor: Literal["start", "middle", "end"] = "middle",
    ) -> None:
        """Write ``label`` centred on height ``y``."""
        self.parts.append(
            f'<text x="{x:g}" y="{y + size * 0.35:g}" font-size="{size:g}" '
            f'text-anchor="{anchor}" fill="{colour(role)}">{label_markup(label)}</text>'
        )

    def box(self, x: float, y: float, w: float, h: float, *, role: int, label: str = "") -> None:
        """Draw a tinted, rounded box whose centre is ``(x, y)``."""
        tone = colour(role)
        self.parts.append(
            f'<rect x="{x - w / 2:g}" y="{y - h / 2:g}" width="{w:g}" height="{h:g}" '
            f'rx="7" fill="{tone}" fill-opacity="0.16" stroke="{tone}" '
            'stroke-width="1.6"/>'
        )
        if label:
            self.text(x, y, label)

    def grid(self, x: float, y: float, rows: int, cols: int, unit: float, *, role: int) -> None:
        """Draw a matrix of square cells whose top left corner is ``(x, y)``."""
        tone = colour(role)
        w, h = cols * unit, rows * unit
        lines = [f"M{x + i * unit:g} {y:g}v{h:g}" for i in range(1, cols)]
        lines += [f"M{x:g} {y + i * unit:g}h{w:g}" for i in range(1, rows)]
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" fill="{tone}" '
            f'fill-opacity="0.16" stroke="{tone}" stroke-width="1.6"/>'
            f'<path d="{"".join(lines)}" stroke="{tone}" stroke-opacity="0.45"/>'
        )

    def arrow(self, *points: Point, role: int | None = None, dashed: bool = False) -> None:
        """Draw a line through ``points`` with a head at the last."""
        tone = colour(role)
        (x0, y0), (x1, y1) = points[-2:]
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-9)
        ux, uy = (x1 - x0) / length, (y1 - y0) / length
        bx, by = x1 - 8 * ux, y1 - 8 * uy
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in (*points[:-1], (bx, by)))
        head = [(x1, y1), (bx - 4 * uy, by + 4 * ux), (bx + 4 * uy, by - 4 * ux)]
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in head)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{tone}" stroke-width="1.6" '
            f'stroke-linejoin="round"{dash}/><polygon points="{corners}" fill="{tone}"/>'
        )

    def figure(self, alt: str) -> Figure:
        """Finish the drawing; ``alt`` says in words what it shows."""
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'aria-label="{escape(alt)}" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'width="{self.width:g}" font-family="system-ui, sans-serif">'
            f"{''.join(self.parts)}</svg>"
        )
        return Figure(svg, alt)


@contextmanager
def faded(canvas: Canvas, fade: bool) -> Iterator[None]:
    """Draw what follows faintly, if ``fade``."""
    if fade:
        canvas.parts.append('<g opacity="0.45">')
    yield
    if fade:
        canvas.parts.append("</g>")


def node(canvas: Canvas, x: float, y: float, sign: str, role: int | None = None) -> None:
    """Draw a small circle with an operation in it, on top of what is there."""
    tone = colour(role)
    canvas.parts.append(
        f'<circle cx="{x:g}" cy="{y:g}" r="10" fill="var(--pst-color-background, #fff)"/>'
        f'<circle cx="{x:g}" cy="{y:g}" r="10" fill="{tone}" fill-opacity="0.16" stroke="{tone}" stroke-width="1.6"/>'
    )
    canvas.text(x, y, f"|{sign}", size=16)


def unrolled_diagram(
    steps: int = 3,
    *,
    outputs: Literal["all", "last", "none"] = "all",
    states: Sequence[str] = ("h",),
    folded: bool = False,
    alt: str | None = None,
) -> Figure:
    """Draw a recurrent network once per time step.

    Parameters
    ----------
    steps
        How many steps to draw; at most 4 fit on a phone.
    outputs
        Which steps have an output ``y_t``.
    states
        What a step hands to the next: ``("h",)``, or ``("h", "c")`` for an LSTM.
    folded
        Draw the same cell as a loop at the left.
    alt
        Text alternative; made from the other arguments if left out.
    """
    pitch, left = 92.0, 112.0 if folded else 0.0
    canvas = Canvas(left + 44 + steps * pitch, 178)
    if folded:
        _loop(canvas, states)
    for t in range(1, steps + 1):
        x = left + 44 + (t - 1) * pitch + 30
        shown = outputs == "all" or (outputs == "last" and t == steps)
        _step(canvas, x, f"_{t}", output=shown)
        for i, name in enumerate(states):
            y = 86 + 22 * (i - (len(states) - 1) / 2)
            tail = x - 22 - (pitch - 44 if t > 1 else 26)
            canvas.arrow((tail, y), (x - 22, y), role=2)
            if t == 1:
                canvas.text(tail - 5, y, f"{name}_0", anchor="end")
            else:
                canvas.text(x - 46, y - 12, f"{name}_{t - 1}", size=14)
    which = {
        "all": f"an output y_1 to y_{steps} at every step",
        "last": f"one output y_{steps} after the last step",
        "none": "no outputs drawn",
    }[outputs]
    loop = "One cell with a loop from its state to itself, and the same " if folded else "A "
    given = (
        f"{loop}network unrolled over {steps} steps: inputs x_1 to x_{steps} enter from "
        f"below, the state {' and '.join(states)} passes from left to right starting "
        f"at step 0, with {which}."
    )
    return canvas.figure(alt or given)


def _step(canvas: Canvas, x: float, index: str, *, output: bool) -> None:
    """Draw one cell at ``x`` with its input below and its output above."""
    canvas.box(x, 86, 44, 56, role=1, label="|cell")
    canvas.arrow((x, 148), (x, 116))
    canvas.text(x, 161, f"x{index}")
    if output:
        canvas.arrow((x, 57), (x, 28), role=3)
        canvas.text(x, 15, f"y{index}")


def _loop(canvas: Canvas, states: Sequence[str]) -> None:
    """Draw the folded cell, its loop and the equals sign at the left."""
    _step(canvas, 32, "_t", output=True)
    canvas.arrow((54, 72), (76, 72), (76, 100), (55, 100), role=2)
    canvas.text(67, 58, ", ".join(f"{name}_t" for name in states), size=14)
    canvas.text(104, 86, "|=", size=20)


SIZES = {"1": 1, "N": 2, "T": 4, "D": 3, "H": 4, "C": 2, "H+D": 7, "4H": 16, "3H": 12}
"""How many cells :func:`shape_blocks` draws for a dimension, unless told."""


def shape_blocks(
    *items: Block | str,
    alt: str,
    sizes: dict[str, int] | None = None,
    unit: float = 11,
    roles: Sequence[int] = (3, 1, 2, 2, 2, 4),
) -> Figure:
    """Draw matrices to scale in one line, with operators between them.

    Parameters
    ----------
    items
        Blocks ``(name, rows, columns)`` and operator strings, in reading order:
        ``shape_blocks(("y_t", "N", "C"), "=", ("h_t", "N", "H"), ..., alt=...)``.
        Rows ``""`` mean a vector, labelled ``(columns,)``.
    alt
        Text alternative.
    sizes
        Cells per dimension, in addition to :data:`SIZES`.
    unit
        Side of one cell in pixels.
    roles
        Palette entry of each block in turn (cycled).
    """
    cells = SIZES | (sizes or {})
    blocks = [item for item in items if not isinstance(item, str)]
    depth = max(cells[rows or "1"] for _, rows, _ in blocks) * unit
    middle = 32 + depth / 2
    canvas, x, drawn = Canvas(0, depth + 58), 2.0, 0
    for item in items:
        if isinstance(item, str):
            width = 8.0 * len(item) + 10
            canvas.text(x + width / 2, middle, f"|{item}", size=16)
            x += width
            continue
        name, rows, columns = item
        n_rows, n_columns = cells[rows or "1"], cells[columns]
        shape = f"({rows}, {columns})" if rows else f"({columns},)"
        width = max(n_columns * unit, 7.0 * len(shape)) + 8
        start, top = x + (width - n_columns * unit) / 2, middle - n_rows * unit / 2
        canvas.grid(start, top, n_rows, n_columns, unit, role=roles[drawn % len(roles)])
        canvas.text(x + width / 2, 14, name, size=16)
        canvas.text(x + width / 2, depth + 46, shape, size=14)
        x += width
        drawn += 1
    canvas.width = x + 2
    return canvas.figure(alt)


def plot_axes(x_label: str, y_label: str, *, size: tuple[float, float] = (5.4, 3.0)) -> tuple[Any, Any]:
    """Return Matplotlib's ``(fig, ax)`` in the course's style.

    Lines take :data:`PALETTE` and differ in dash as well as in colour. End the
    cell with :func:`show`.
    """
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib.figure import Figure as MplFigure

    dashes = ["-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 3))]
    style = {
        "font.size": 13,
        "axes.prop_cycle": cycler(color=PALETTE) + cycler(linestyle=dashes),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.alpha": 0.35,
        "grid.linewidth": 0.7,
        "lines.linewidth": 2,
        "lines.markersize": 4,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    }
    with mpl.rc_context(style):
        fig = MplFigure(figsize=size, layout="constrained")
        ax = fig.subplots()
    ax.set(xlabel=x_label, ylabel=y_label)
    return fig, ax


def show(fig: Any, alt: str) -> Figure:
    """Turn a Matplotlib figure into inline SVG that follows the page's theme.

    Lines that have a label get a legend above the plot. Where the lines' numbers are of use
    as a table, that stands folded below (see :mod:`figures_table`).
    """
    import matplotlib as mpl
    from figures_table import data_table

    lines = [line for ax in fig.axes for line in ax.get_legend_handles_labels()[0]]
    if lines:
        above = {"loc": "outside upper center", "ncols": min(len(lines), 3)}
        fig.legend(handles=lines, **above, frameon=False, labelcolor=INK, fontsize=13, columnspacing=1.2)

    salt = hashlib.sha256(alt.encode()).hexdigest()[:8]
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        fig.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every plot of a page
    svg = svg.replace("xlink:href", "href")
    svg = re.sub(r"(font: [\d.]+px) [^;\"]*", r"\1 system-ui, sans-serif", svg)
    for role, value in enumerate(PALETTE, start=1):
        svg = svg.replace(value, colour(role))
    svg = svg.replace(INK, "currentColor").replace(GRID, "var(--fig-grid, #8b8b8d)")
    width = float(re.search(r'width="([\d.]+)pt"', svg).group(1))
    svg = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        rf'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="\1" '
        rf'width="{width * 1.2:.0f}" aria-label="{escape(alt)}">',
        svg,
        count=1,
    )
    return Figure(svg.strip(), alt, data_table(fig))
