"""Drawings of the LSTM chapter: the cell, whole or one part at a time, and gates over a text.

Belongs here: what only that chapter draws. Everything is a :class:`figures.Canvas`, so one
drawing serves the light and the dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from figures import Canvas, Figure, colour, faded, node

Part = Literal["forget", "write", "output", "peephole"]

ROLE = {"i": 3, "f": 2, "g": 4, "o": 5, "c": 1}
"""The palette entry of each gate and of the cell state, in every figure of the chapter."""

COLUMN = {"f": 108.0, "i": 184.0, "g": 260.0, "o": 336.0}
NAME = {"f": "forget", "i": "input", "g": "candidate", "o": "output"}
CELL_LINE, BOX_LINE, BUS = 46.0, 196.0, 240.0
MIDDLE, RIGHT = 222.0, 400.0  # where the candidate joins, and where the state is shown


def lstm_cell(part: Part | None = None, *, alt: str) -> Figure:
    """Draw an LSTM cell.

    Parameters
    ----------
    part
        Which part to bring out; the others are faint. None draws all alike.
        ``"peephole"`` adds the three peepholes to a faint cell.
    alt
        Text alternative.
    """
    canvas = Canvas(480, 286)
    peep = part == "peephole"
    with faded(canvas, peep):
        _inputs(canvas, part)
        with faded(canvas, part == "output"):
            _cell_line(canvas)
        with faded(canvas, part in ("write", "output")):
            _gate(canvas, "f")
            canvas.arrow((COLUMN["f"], BOX_LINE - 18), (COLUMN["f"], CELL_LINE + 11), role=ROLE["f"])
            node(canvas, COLUMN["f"], CELL_LINE, "×", ROLE["f"])
        with faded(canvas, part in ("forget", "output")):
            _write(canvas)
        with faded(canvas, part in ("forget", "write")):
            _output(canvas)
    if peep:
        _peepholes(canvas)
    return canvas.figure(alt)


def _gate(canvas: Canvas, gate: str) -> None:
    """Draw the box of a gate, with its letter above and its name below."""
    x = COLUMN[gate]
    canvas.arrow((x, BUS), (x, BOX_LINE + 18))
    canvas.box(x, BOX_LINE, 46, 34, role=ROLE[gate], label="|tanh" if gate == "g" else "|σ")
    canvas.text(x, BUS + 15, f"|{NAME[gate]}", size=13)


def _inputs(canvas: Canvas, part: Part | None) -> None:
    """Draw the line that brings the input and the last hidden state to all gates."""
    end = {"forget": COLUMN["f"], "write": COLUMN["g"]}.get(part or "", COLUMN["o"])
    canvas.text(22, BUS, "h_{t-1}", anchor="middle")
    canvas.text(62, 274, "x_t")
    canvas.parts.append(
        f'<path d="M44 {BUS}H{end:g}M62 262V{BUS}" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    )


def _cell_line(canvas: Canvas) -> None:
    """Draw the path of the cell state, and the plus on it."""
    canvas.text(22, CELL_LINE, "c_{t-1}", anchor="middle")
    canvas.arrow((46, CELL_LINE), (452, CELL_LINE), role=ROLE["c"])
    canvas.text(466, CELL_LINE, "c_t")
    node(canvas, MIDDLE, CELL_LINE, "+", ROLE["c"])


def _write(canvas: Canvas) -> None:
    """Draw input gate and candidate, their product, and its way to the plus."""
    for gate, end in (("i", MIDDLE - 11), ("g", MIDDLE + 11)):
        _gate(canvas, gate)
        x = COLUMN[gate]
        canvas.arrow((x, BOX_LINE - 18), (x, 122), (end, 122), role=ROLE[gate])
    node(canvas, MIDDLE, 122, "×", ROLE["i"])
    canvas.arrow((MIDDLE, 111), (MIDDLE, CELL_LINE + 11), role=ROLE["i"])


def _output(canvas: Canvas) -> None:
    """Draw the output gate, the tanh of the cell state, and the hidden state."""
    _gate(canvas, "o")
    canvas.arrow((RIGHT, CELL_LINE), (RIGHT, 76), role=ROLE["c"])
    canvas.box(RIGHT, 90, 50, 28, role=ROLE["c"], label="|tanh")
    canvas.arrow((RIGHT, 104), (RIGHT, 133), role=ROLE["c"])
    canvas.arrow((COLUMN["o"], BOX_LINE - 18), (COLUMN["o"], 144), (RIGHT - 11, 144), role=ROLE["o"])
    node(canvas, RIGHT, 144, "×", ROLE["o"])
    canvas.arrow((RIGHT + 10, 144), (452, 144), role=ROLE["o"])
    canvas.text(466, 144, "h_t")


def _peepholes(canvas: Canvas) -> None:
    """Draw the three extra paths: old cell state to f and i, new one to o."""
    y = BOX_LINE - 36
    for gate, label in (("f", "p_f"), ("i", "p_i")):
        x = COLUMN[gate] - 13
        canvas.arrow((62, CELL_LINE), (62, y), (x, y), (x, BOX_LINE - 18), role=1)
        canvas.text(x - 17, y + 11, label, size=14)
    x = COLUMN["o"] - 13
    canvas.arrow((290, CELL_LINE), (290, y), (x, y), (x, BOX_LINE - 18), role=1)
    canvas.text(x - 17, y + 11, "p_o", size=14)


def gates_over_text(
    text: str,
    rows: Mapping[str, Sequence[float]],
    *,
    alt: str,
    columns: int = 32,
    scale: Mapping[str, float] | None = None,
) -> Figure:
    """Draw one value per character as a strip under the text, for several named rows.

    Parameters
    ----------
    text
        One character a column; spaces are shown as ``·`` and line ends as ``↵``.
    rows
        By name, one value for each character. The first letter of a name picks its colour.
        Full colour means 1 (or ``scale[name]``); negative values take another colour.
    alt
        Text alternative.
    columns
        Characters in a line before the strip is continued below.
    scale
        By name, the value of full colour, where it is not 1.
    """
    unit, high, left = 12.0, 15.0, 40.0
    lines = range(0, len(text), columns)
    block = 24 + high * len(rows) + 14
    canvas = Canvas(left + unit * columns + 2, block * len(lines) - 8)
    for number, start in enumerate(lines):
        top = number * block
        for k, character in enumerate(text[start : start + columns]):
            shown = {" ": "·", "\n": "↵"}.get(character, character)
            canvas.text(left + unit * (k + 0.5), top + 12, f"|{shown}", size=14)
        for r, (name, values) in enumerate(rows.items()):
            y = top + 24 + high * r
            canvas.text(left - 8, y + high / 2, name, size=14, anchor="end")
            piece = [v / (scale or {}).get(name, 1.0) for v in values[start : start + columns]]
            _strip(canvas, left, y, unit, high - 2, piece, ROLE[name[0]])
    return canvas.figure(alt)


def _strip(canvas: Canvas, x: float, y: float, w: float, h: float, values: Sequence[float], role: int) -> None:
    """Draw a row of cells whose opacity is the value; one path for each shade."""
    shades: dict[tuple[int, int], list[str]] = {}
    for k, value in enumerate(values):
        shade = (role if value >= 0 else 2, min(20, round(20 * abs(value))))
        shades.setdefault(shade, []).append(f"M{x + k * w:g} {y:g}h{w:g}v{h:g}h{-w:g}z")
    for (tone, level), cells in shades.items():
        if level:
            canvas.parts.append(f'<path d="{"".join(cells)}" fill="{colour(tone)}" fill-opacity="{level / 20:g}"/>')
    canvas.parts.append(
        f'<rect x="{x:g}" y="{y:g}" width="{len(values) * w:g}" height="{h:g}" fill="none" '
        'stroke="currentColor" stroke-opacity="0.35"/>'
    )
