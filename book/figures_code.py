"""Figures of the Code chapter: the training loop, and a digit that becomes a sequence."""

from __future__ import annotations

import numpy as np
from figures import Canvas, Figure

STEPS = ("clear gradients", "forward, loss", "backward", "clip", "step")


def training_loop() -> Figure:
    """Draw one update as a cycle of five boxes, and evaluation beside it."""
    canvas = Canvas(470, 300)
    x, top, pitch = 130, 52, 52
    for k, name in enumerate(STEPS):
        y = top + k * pitch
        canvas.box(x, y, 150, 34, role=1, label=f"|{name}")
        if k + 1 < len(STEPS):
            canvas.arrow((x, y + 17), (x, y + pitch - 18))
    bottom = top + (len(STEPS) - 1) * pitch
    canvas.arrow((x - 75, bottom), (24, bottom), (24, top), (x - 76, top), role=1)
    canvas.text(x, 16, "|for each batch")
    canvas.box(375, top + pitch, 150, 34, role=3, label="|evaluate")
    canvas.box(375, top + 3 * pitch, 150, 34, role=3, label="|keep best weights")
    canvas.arrow((205, bottom), (280, bottom), (280, top + pitch), (299, top + pitch), role=3)
    canvas.arrow((375, top + pitch + 17), (375, top + 3 * pitch - 18), role=3)
    canvas.text(375, 16, "|after each epoch")
    canvas.text(375, bottom + 6, "|no gradients,", size=14)
    canvas.text(375, bottom + 24, "|eval mode", size=14)
    return canvas.figure(
        "The training loop. For each batch: clear gradients, forward and loss, backward, clip, "
        "step, and back to the start. After each epoch: evaluate on the validation part, without "
        "gradients and in eval mode, and keep the best weights."
    )


def digit_as_sequence(image: np.ndarray) -> Figure:
    """Draw an 8 x 8 picture, and its rows as the inputs of eight steps."""
    unit, left, top = 20, 70, 30
    canvas = Canvas(470, top + 8 * unit + 16)
    for row in range(8):
        y = top + row * unit
        canvas.text(left - 12, y + unit / 2, f"x_{row + 1}", anchor="end", size=14)
        for column in range(8):
            _pixel(canvas, left + column * unit, y, unit, image[row, column])
    canvas.text(left + 4 * unit, 14, "|row by row: T = 8, D = 8", size=14)
    canvas.text(370, 14, "|pixel by pixel: T = 64, D = 1", size=14)
    for k, value in enumerate(image.reshape(-1)):
        _pixel(canvas, 300 + (k % 8) * unit * 0.85, top + (k // 8) * unit, unit * 0.85, value)
    for row in range(8):
        y = top + row * unit + unit * 0.42
        canvas.text(288, y, f"x_{{{8 * row + 1}}}", anchor="end", size=13)
        if row < 7:
            end = 300 + 8 * unit * 0.85
            canvas.parts.append(
                f'<path d="M{end + 2:g} {y:g}h8v{unit / 2 + 1.5:g}" fill="none" stroke="currentColor" '
                'stroke-opacity="0.5"/>'
            )
    return canvas.figure(
        "A handwritten digit of 8 by 8 pixels, twice. Left: each row is one input of 8 numbers, "
        "x_1 to x_8. Right: each pixel is one input of 1 number, x_1 to x_64, row after row."
    )


def _pixel(canvas: Canvas, x: float, y: float, size: float, value: float) -> None:
    """Draw one pixel; ``value`` from 0 to 1 is how dark it is."""
    canvas.parts.append(
        f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{size:g}" fill="var(--fig-1, #0b5fa5)" '
        f'fill-opacity="{value:.2f}" stroke="currentColor" stroke-opacity="0.25"/>'
    )
