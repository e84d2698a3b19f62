"""Drawings of the chapter After the LSTM: what waits for what, and the tree of a scan.

Belongs here: what only that chapter draws. Everything is a :class:`figures.Canvas`, so one
drawing serves the light and the dark theme.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from figures import Canvas, Figure

STATE, READY, INPUT = 1, 3, 5
"""Palette entries: what has to wait, what is finished, and the inputs."""


def waiting(*, alt: str) -> Figure:
    """Draw four steps of a GRU, where each waits for the last, above four of a linear recurrence."""
    canvas = Canvas(430, 342)
    canvas.text(4, 14, "|GRU: gates look at the last state", anchor="start")
    columns = [82.0, 178.0, 274.0, 370.0]
    canvas.text(14, 62, "h_0")
    for t, x in enumerate(columns, start=1):
        canvas.box(x, 62, 64, 34, role=STATE, label=f"|round {t}")
        canvas.arrow((28 if t == 1 else x - 64, 62), (x - 33, 62), role=STATE)
        canvas.arrow((x, 112), (x, 80), role=INPUT)
        canvas.text(x, 124, f"x_{t}")
        if t < 4:
            canvas.text(x + 48, 48, f"h_{t}", size=14)
    canvas.text(4, 164, "|linear: factors look at the input only", anchor="start")
    scan = 226.0
    canvas.box(226, scan, 346, 34, role=READY, label="|scan: rounds 2 and 3")
    for t, x in enumerate(columns, start=1):
        canvas.arrow((x, scan - 18), (x, scan - 34), role=READY)
        canvas.text(x + 16, scan - 30, f"h_{t}", size=14)
        canvas.box(x, scan + 48, 64, 30, role=STATE, label="|round 1")
        canvas.arrow((x, scan + 32), (x, scan + 18), role=STATE)
        canvas.arrow((x, scan + 88), (x, scan + 64), role=INPUT)
        canvas.text(x, scan + 98, f"x_{t}")
    canvas.text(14, scan, "h_0")
    canvas.arrow((28, scan), (52, scan), role=STATE)
    return canvas.figure(alt)


def halves_tree(*, alt: str) -> Figure:
    """Draw a work-efficient scan over eight steps: up to the whole, then down to what is missing."""
    pitch, high, left = 47.0, 58.0, 76.0
    canvas = Canvas(left + 7 * pitch + 24, 30 + 5 * high + 18)
    place = {(t, t): 0 for t in range(1, 9)}  # a span and the row in which it is made
    parts: dict[tuple[int, int], tuple[tuple[int, int], tuple[int, int]]] = {}
    for row, size in ((1, 2), (2, 4), (3, 8)):
        for last in range(size, 9, size):
            whole, middle = (last - size + 1, last), last - size // 2
            place[whole], parts[whole] = row, ((whole[0], middle), (middle + 1, last))
    for row, whole, middle in ((4, (1, 6), 4), (5, (1, 3), 2), (5, (1, 5), 4), (5, (1, 7), 6)):
        place[whole], parts[whole] = row, ((1, middle), (middle + 1, whole[1]))

    def at(span: tuple[int, int]) -> tuple[float, float]:
        return left + pitch * (span[1] - 1), 24 + high * place[span]

    for whole, (first, second) in parts.items():
        (x, y), (x1, y1), (x2, y2) = at(whole), at(first), at(second)
        canvas.arrow((x2, y2 + 15), (x, y - 16))
        canvas.arrow((x1 + 4, y1 + 15), (x - 4, y - 17), role=2)
    for span in place:
        label = f"|{span[0]}" if span[0] == span[1] else f"|{span[0]}–{span[1]}"
        canvas.box(*at(span), 38, 30, role=READY if span[0] == 1 else STATE, label=label)
    for row, words in enumerate(("at first", "up 1", "up 2", "up 3", "down 1", "down 2")):
        canvas.text(2, 24 + high * row, f"|{words}", anchor="start", size=14)
    return canvas.figure(alt)


def bands(ax: Any, x: Any, groups: dict[str, Any], tones: dict[str, str]) -> None:
    """Plot the median of each group (runs, points) as a line, and all of its range as a band."""
    for name, runs in groups.items():
        values = np.asarray(runs, dtype=float)
        ax.plot(x, np.median(values, axis=0), label=name, color=tones[name])
        ax.fill_between(x, values.min(axis=0), values.max(axis=0), color=tones[name], alpha=0.18, linewidth=0)
