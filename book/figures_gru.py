"""Drawings of the GRU chapter: the cell, the two orders of its reset gate, and maps of gates.

Belongs here: what only that chapter draws. Everything is a :class:`figures.Canvas`, so one
drawing serves the light and the dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from figures import Canvas, Figure, colour, faded, node

Part = Literal["update", "reset"]

ROLE = {"h": 1, "z": 2, "r": 3, "n": 4, "x": 5}
"""The palette entry of the state, the two gates, the candidate and the input."""

COLUMN = {"r": 122.0, "z": 214.0, "n": 322.0}
NAME = {"r": "reset", "z": "update", "n": "candidate"}
STATE_LINE, MIX_LINE, RESET_LINE, H_BUS, BOX_LINE, X_BUS = 30.0, 82.0, 124.0, 158.0, 206.0, 250.0
BRANCH, MEET = 68.0, 340.0  # where h leaves the state line, and where the candidate joins it


def gru_cell(part: Part | None = None, *, alt: str) -> Figure:
    """Draw a GRU cell with the reset before the product.

    Parameters
    ----------
    part
        Which gate to bring out; what does not touch it is faint. None draws all alike.
    alt
        Text alternative.
    """
    canvas = Canvas(430, 272)
    _inputs(canvas)
    with faded(canvas, part == "update"):
        _reset(canvas)
    with faded(canvas, part == "reset"):
        _update(canvas)
    _candidate(canvas, part)
    return canvas.figure(alt)


def _line(canvas: Canvas, path: str, role: int | None = None) -> None:
    """Draw a path without a head."""
    canvas.parts.append(
        f'<path d="{path}" fill="none" stroke="{colour(role)}" stroke-width="1.6" stroke-linejoin="round"/>'
    )


def _dot(canvas: Canvas, x: float, y: float, role: int) -> None:
    """Mark a point where a line branches."""
    canvas.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3.2" fill="{colour(role)}"/>')


def _box(canvas: Canvas, block: str) -> None:
    """Draw the box of a gate or of the candidate with its name below."""
    x = COLUMN[block]
    canvas.box(x, BOX_LINE, 58, 34, role=ROLE[block], label="|tanh" if block == "n" else "|σ")
    canvas.text(x + 9, BOX_LINE + 28, f"|{NAME[block]}", size=13, anchor="start")


def _inputs(canvas: Canvas) -> None:
    """Draw the input's line below the boxes and the old state's line down to them."""
    canvas.text(20, X_BUS, "x_t")
    _line(canvas, f"M36 {X_BUS:g}H{COLUMN['n']:g}", ROLE["x"])
    canvas.text(20, STATE_LINE, "h_{t-1}")
    _line(canvas, f"M{BRANCH:g} {STATE_LINE:g}V{H_BUS:g}", ROLE["h"])


def _gate_inputs(canvas: Canvas, gate: str) -> None:
    """Draw what a gate looks at: the old state from above, the input from below."""
    x = COLUMN[gate]
    canvas.arrow((BRANCH, H_BUS), (x - 14, H_BUS), (x - 14, BOX_LINE - 18), role=ROLE["h"])
    if gate == "r":
        _dot(canvas, x - 14, H_BUS, ROLE["h"])
    canvas.arrow((x, X_BUS), (x, BOX_LINE + 18), role=ROLE["x"])


def _reset(canvas: Canvas) -> None:
    """Draw the reset gate, and the old state on its way through it to the candidate."""
    x, end = COLUMN["r"] + 14, COLUMN["n"] - 18
    _gate_inputs(canvas, "r")
    _box(canvas, "r")
    canvas.arrow((x, BOX_LINE - 17), (x, RESET_LINE + 11), role=ROLE["r"])
    canvas.text(x + 11, BOX_LINE - 31, "r_t", size=14)
    canvas.arrow((BRANCH, RESET_LINE), (x - 11, RESET_LINE), role=ROLE["h"])
    _dot(canvas, BRANCH, RESET_LINE, ROLE["h"])
    node(canvas, x, RESET_LINE, "×", ROLE["r"])
    canvas.arrow((x + 10, RESET_LINE), (end, RESET_LINE), (end, BOX_LINE - 18), role=ROLE["r"])


def _update(canvas: Canvas) -> None:
    """Draw the update gate and the two products that it takes part in."""
    x = COLUMN["z"] + 14
    _gate_inputs(canvas, "z")
    _box(canvas, "z")
    canvas.arrow((x, BOX_LINE - 17), (x, STATE_LINE + 11), role=ROLE["z"])
    canvas.text(x + 11, BOX_LINE - 31, "z_t", size=14)
    _dot(canvas, x, MIX_LINE, ROLE["z"])
    canvas.arrow((x, MIX_LINE), (MEET - 11, MIX_LINE), role=ROLE["z"])
    canvas.text((x + MEET) / 2, MIX_LINE - 11, "1−z_t", size=14)
    node(canvas, x, STATE_LINE, "×", ROLE["z"])
    node(canvas, MEET, MIX_LINE, "×", ROLE["z"])


def _candidate(canvas: Canvas, part: Part | None) -> None:
    """Draw the candidate, its way up, and the line of the state."""
    canvas.arrow((COLUMN["n"], X_BUS), (COLUMN["n"], BOX_LINE + 18), role=ROLE["x"])
    _box(canvas, "n")
    canvas.text(MEET + 12, BOX_LINE - 31, "n_t", size=14)
    canvas.arrow((MEET, BOX_LINE - 17), (MEET, MIX_LINE + 11), role=ROLE["n"])
    with faded(canvas, part == "reset"):
        canvas.arrow((40, STATE_LINE), (COLUMN["z"] + 3, STATE_LINE), role=ROLE["h"])
        canvas.arrow((COLUMN["z"] + 25, STATE_LINE), (MEET - 11, STATE_LINE), role=ROLE["h"])
        canvas.arrow((MEET, MIX_LINE - 10), (MEET, STATE_LINE + 11), role=ROLE["n"])
        node(canvas, MEET, STATE_LINE, "+", ROLE["h"])
        canvas.arrow((MEET + 10, STATE_LINE), (394, STATE_LINE), role=ROLE["h"])
        canvas.text(410, STATE_LINE, "h_t")
    _dot(canvas, BRANCH, STATE_LINE, ROLE["h"])


def reset_orders(*, alt: str) -> Figure:
    """Draw the way from the old state to the candidate in both forms of the GRU."""
    canvas = Canvas(430, 186)
    for top, before in ((0.0, True), (96.0, False)):
        y = top + 62
        canvas.text(4, top + 14, f"|reset {'before' if before else 'after'} the product", size=15, anchor="start")
        canvas.text(18, y, "h_{t-1}")
        gate, weight = (90.0, 176.0) if before else (218.0, 116.0)
        label = "W_{hn}" if before else "W_{hn}, b_{hn}"
        width = 54.0 if before else 92.0
        first, second = ((gate, 10.0), (weight, width / 2)) if before else ((weight, width / 2), (gate, 10.0))
        canvas.arrow((40, y), (first[0] - first[1] - 1, y), role=ROLE["h"])
        canvas.arrow((first[0] + first[1], y), (second[0] - second[1] - 1, y))
        canvas.arrow((second[0] + second[1], y), (281, y))
        canvas.box(weight, y, width, 30, role=ROLE["n"], label=label)
        node(canvas, gate, y, "×", ROLE["r"])
        canvas.text(gate - 20, y - 22, "r_t", size=14)
        canvas.arrow((gate, y - 30), (gate, y - 11), role=ROLE["r"])
        node(canvas, 292, y, "+", ROLE["x"])
        canvas.text(292, y - 42, "x_t W_{xn}ᵀ", size=14)
        canvas.arrow((292, y - 30), (292, y - 11), role=ROLE["x"])
        canvas.arrow((302, y), (327, y))
        canvas.box(354, y, 52, 30, role=ROLE["n"], label="|tanh")
        canvas.arrow((380, y), (404, y), role=ROLE["n"])
        canvas.text(416, y, "n_t")
    return canvas.figure(alt)


def gate_maps(rows: Mapping[str, np.ndarray], *, alt: str, marks: Mapping[int, str] | None = None) -> Figure:
    """Draw arrays over time as maps, one below the other; full colour is 1, none is 0.

    Parameters
    ----------
    rows
        By name, an array (T, rows) of numbers from 0 to 1. The name is written at the left;
        its first letter picks the colour from :data:`ROLE`.
    alt
        Text alternative.
    marks
        Words to write below, by the step (from 0) above whose left edge they begin.
    """
    seq_len = len(next(iter(rows.values())))
    left, width = 44.0, 384.0
    unit, y = width / seq_len, 4.0
    canvas = Canvas(left + width + 2, 0)
    for name, values in rows.items():
        high = unit if values.shape[1] <= 8 else 6.5
        _map(canvas, left, y, unit, high, values, ROLE[name[0]])
        canvas.text(left - 8, y + high * values.shape[1] / 2, name, anchor="end")
        y += high * values.shape[1] + 12
    for step, word in (marks or {}).items():
        x = left + unit * step
        _line(canvas, f"M{x:g} 4V{y + 14:g}")
        canvas.text(x + 5, y + 6, f"|{word}", size=14, anchor="start")
    canvas.height = y + 18
    return canvas.figure(alt)


def _map(canvas: Canvas, x: float, y: float, w: float, h: float, values: np.ndarray, role: int) -> None:
    """Draw a grid of cells whose opacity is their value, one path for each shade."""
    levels = np.clip(np.rint(12 * values), 0, 12).astype(int)
    for level in range(1, 13):
        cells = [f"M{x + t * w:g} {y + k * h:g}h{w:g}v{h:g}h{-w:g}z" for t, k in np.argwhere(levels == level)]
        if cells:
            shade = f'fill="{colour(role)}" fill-opacity="{level / 12:.2g}"'
            canvas.parts.append(f'<path d="{"".join(cells)}" {shade}/>')
    frame = f'x="{x:g}" y="{y:g}" width="{w * len(values):g}" height="{h * values.shape[1]:g}"'
    canvas.parts.append(f'<rect {frame} fill="none" stroke="currentColor" stroke-opacity="0.35"/>')


def dots_with_means(ax: Any, groups: Sequence[tuple[str, Sequence[float]]], role_colours: Sequence[str]) -> None:
    """Plot every value of each group as a dot on its own line, and the mean as a tick."""
    for line, ((_, values), tone) in enumerate(zip(groups, role_colours, strict=True)):
        ax.plot(values, [line] * len(values), linestyle="", marker="o", markersize=7, alpha=0.55, color=tone)
        ax.plot([np.mean(values)] * 2, [line - 0.28, line + 0.28], linestyle="-", color=tone)
    ax.set(yticks=range(len(groups)), ylim=(len(groups) - 0.5, -0.5))
    ax.set_yticklabels([name for name, _ in groups])
