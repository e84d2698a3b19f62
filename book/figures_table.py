"""The numbers of a plot as a table, for readers who do not see the plot or want the numbers.

Belongs here: reading a Matplotlib figure's lines, and writing them as an HTML table. Does not
belong here: drawing (:mod:`figures`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

ROWS = 25
"""Longer lines are shown at evenly spaced points: a table of a thousand rows helps nobody."""

GAPS = 0.5
"""Lines that share so few x values that more than this part of the table would be empty get none."""


def data_table(fig: Any) -> str:
    """Return a folded HTML table for each of the figure's axes that has lines with numbers; else ``""``.

    A column is a line with a label, or the only line there is. Lines without a label next to
    labelled ones are aids to the eye, and are left out. Bars, images, and dots on named rows have
    no table: their numbers are not a function of an axis of numbers.
    """
    tables = [table for ax in fig.axes if (table := _axes_table(ax))]
    if not tables:
        return ""
    return f'<details class="unrolled-data"><summary>The data as a table</summary>{"".join(tables)}</details>'


def _axes_table(ax: Any) -> str:
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    labelled = [line for line in lines if not line.get_label().startswith("_")]
    chosen = labelled or (lines if len(lines) == 1 else [])
    if not chosen or _has_words(ax):
        return ""
    columns = [_points(line) for line in chosen]
    every = sorted(set().union(*columns))
    filled = sum(map(len, columns)) / (len(every) * len(columns)) if every else 0
    if filled < 1 - GAPS:
        return ""
    names = [line.get_label() for line in chosen] if labelled else [ax.get_ylabel()]
    return _markup(ax, names, columns, every)


def _has_words(ax: Any) -> bool:
    """Are there named rows or columns instead of numbers along an axis?"""
    ticks = [label.get_text() for axis in (ax.xaxis, ax.yaxis) for label in axis.get_ticklabels()]
    return any(text[:1].isalpha() for text in ticks)


def _points(line: Any) -> dict[float, float]:
    """The finite points of a line, y by x."""
    x, y = (np.asarray(values, dtype=float) for values in (line.get_xdata(), line.get_ydata()))
    kept = np.isfinite(x) & np.isfinite(y)
    return {round(float(a), 9): float(b) for a, b in zip(x[kept], y[kept], strict=True)}


def _markup(ax: Any, names: Sequence[str], columns: Sequence[dict[float, float]], every: Sequence[float]) -> str:
    places = np.unique(np.linspace(0, len(every) - 1, min(ROWS, len(every))).round().astype(int))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in (ax.get_xlabel(), *names))
    rows = []
    for x in (every[place] for place in places):
        cells = "".join(f"<td>{_number(column[x]) if x in column else '–'}</td>" for column in columns)
        rows.append(f'<tr><th scope="row">{_number(x)}</th>{cells}</tr>')
    about = ax.get_title() or ax.get_ylabel()
    sampled = f"; {len(places)} of {len(every)} points" if len(places) < len(every) else ""
    return (
        '<div class="pst-scrollable-table-container"><table class="table">'
        f"<caption>{escape(about)}{sampled}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
