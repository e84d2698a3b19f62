"""The BPTT chapter's own pictures: gradients flowing back, and where truncation cuts them.

Belongs here: drawings of that chapter that take more than a few lines. Plots stay
on the page. Conventions are those of :mod:`figures`.
"""

from __future__ import annotations

from collections.abc import Sequence

from figures import Canvas, Figure

FORWARD, OUTPUT, BACKWARD, LOSS = 2, 3, 4, 5
"""Palette entries: the state, the output, gradients (always dashed) and losses."""


def gradient_flow(steps: int = 3) -> Figure:
    """Draw the unrolled network with gradients (dashed) on their way back.

    Each cell gets a gradient from its own loss above and from the next cell at its
    right. It sends one to the cell at its left, and its part of the weights'
    gradient down into the box that all cells share.
    """
    pitch, left = 132.0, 108.0
    right = left + (steps - 1) * pitch
    canvas = Canvas(right + 84, 266)
    for t in range(1, steps + 1):
        _cell_with_gradients(canvas, left + (t - 1) * pitch, t, last=t == steps)
    canvas.arrow((38, 94), (left - 28, 94), role=FORWARD)
    canvas.text(32, 94, "h_0", anchor="end")
    canvas.arrow((left - 28, 122), (38, 122), role=BACKWARD, dashed=True)
    canvas.text(32, 122, "dh_0", anchor="end", size=14)
    canvas.arrow((right + 66, 122), (right + 28, 122), role=BACKWARD, dashed=True)
    canvas.text(right + 76, 122, "|0", size=16)
    canvas.box((left + right) / 2, 244, right - left + 84, 30, role=1)
    canvas.text((left + right) / 2, 244, "W_{xh}, W_{hh}, b_h (shared by all steps)", size=14)
    return canvas.figure(
        f"A network unrolled over {steps} steps. Solid arrows: the state passes from left to "
        "right, and an output leads up from each cell to its loss. Dashed arrows are gradients: "
        "one comes down from each loss into its cell, one passes from each cell to the cell at "
        "its left, starting with 0 at the far right and ending at h_0, and one leads down from "
        "each cell into a single box of shared weights."
    )


def _cell_with_gradients(canvas: Canvas, x: float, t: int, *, last: bool) -> None:
    """Draw step ``t`` at ``x``: cell, loss above, and every arrow that leaves the cell."""
    canvas.box(x, 24, 46, 30, role=LOSS, label=f"ℒ_{t}")
    canvas.box(x, 108, 54, 54, role=1, label=f"h_{t}")
    canvas.arrow((x - 9, 81), (x - 9, 41), role=OUTPUT)
    canvas.arrow((x + 9, 40), (x + 9, 80), role=BACKWARD, dashed=True)
    canvas.text(x - 15, 61, f"y_{t}", size=14, anchor="end")
    canvas.text(x + 16, 61, f"dy_{t} W_{{hy}}", size=14, anchor="start", role=BACKWARD)
    canvas.arrow((x - 14, 176), (x - 14, 137))
    canvas.text(x - 14, 188, f"x_{t}", size=14)
    canvas.arrow((x + 9, 136), (x + 9, 227), role=BACKWARD, dashed=True)
    canvas.text(x + 15, 202, f"da_{t}ᵀ h_{t - 1}", size=14, anchor="start", role=BACKWARD)
    if not last:
        canvas.arrow((x + 28, 94), (x + 104, 94), role=FORWARD)
        canvas.arrow((x + 104, 122), (x + 28, 122), role=BACKWARD, dashed=True)
        canvas.text(x + 66, 140, f"da_{t + 1} W_{{hh}}", size=14, role=BACKWARD)


def values_and_gradients(
    x: Sequence[float], h: Sequence[float], *, dh: Sequence[float], h_0: float, dh_0: float
) -> Figure:
    """Draw a network of one unit with its states on top of each step, and its gradients above them.

    ``x``, ``h`` and ``dh`` have one number for each step, step 1 first.
    """
    canvas = Canvas(420, 176)
    pitch = 364 / len(x)
    for y, name, role in ((24, "dh", BACKWARD), (48, "h", FORWARD), (162, "x", None)):
        canvas.text(8, y, name, size=14, role=role, anchor="start")
    canvas.text(8, 74, "h_0", anchor="start")
    canvas.text(8, 94, f"|{h_0:.2f}", size=13, role=FORWARD, anchor="start")
    canvas.text(8, 114, f"|{dh_0:.2f}", size=13, role=BACKWARD, anchor="start")
    for t in range(1, len(x) + 1):
        middle = 56 + pitch * (t - 0.5)
        before = middle - pitch + 23 if t > 1 else 40
        canvas.box(middle, 84, 46, 44, role=1, label=f"h_{t}")
        canvas.arrow((middle, 148), (middle, 108))
        canvas.arrow((before, 78), (middle - 23, 78), role=FORWARD)
        canvas.arrow((middle - 23, 94), (before, 94), role=BACKWARD, dashed=True)
        for y, value, role in ((162, x, None), (48, h, FORWARD), (24, dh, BACKWARD)):
            canvas.text(middle, y, f"|{value[t - 1]:.2f}".replace("-", "−"), size=14, role=role)
    states, gradients = (", ".join(f"{value:.2f}" for value in values) for values in (h, dh))
    return canvas.figure(
        f"A network of one unit unrolled over {len(x)} steps. States from step 1 on: {states}. "
        f"Gradients of the loss for them: {gradients}; for h_0: {dh_0:.2f}."
    )


def truncation(steps: int = 6, chunk: int = 3) -> Figure:
    """Draw truncated BPTT: the state crosses the border of a piece, the gradient does not."""
    pitch, left = 72.0, 66.0
    canvas = Canvas(left + (steps - 1) * pitch + 44, 138)
    for start in range(0, steps, chunk):
        n = min(chunk, steps - start)
        middle = left + (start + (n - 1) / 2) * pitch
        canvas.box(middle, 62, (n - 1) * pitch + 58, 92, role=3)
        canvas.text(middle, 124, f"|piece {start // chunk + 1}", size=15)
    for t in range(1, steps + 1):
        x = left + (t - 1) * pitch
        canvas.box(x, 62, 40, 46, role=1, label=f"h_{t}")
        canvas.arrow((x - 52 if t > 1 else x - 44, 52), (x - 20, 52), role=FORWARD)
        if t == 1:
            canvas.text(x - 46, 52, "h_0", size=14, anchor="end")
        elif (t - 1) % chunk == 0:
            canvas.text(x - pitch / 2, 75, "|✕", size=17, role=BACKWARD)
        else:
            canvas.arrow((x - 20, 74), (x - 52, 74), role=BACKWARD, dashed=True)
    return canvas.figure(
        f"{steps} steps in pieces of {chunk}. Solid arrows carry the state from each step to the "
        "next, across the borders of the pieces too. Dashed arrows carry the gradient back "
        "from step to step inside a piece; at each border a cross stands in their place."
    )
