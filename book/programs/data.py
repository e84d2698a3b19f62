"""Real sequences that need no download: digits, an electroencephalogram, a
sine, text.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class Part:
    """Part of a data set: inputs (T, N, D), and N targets."""

    x: np.ndarray
    y: np.ndarray


@cache
def digits(read: Literal["rows", "pixels"] = "rows") -> dict[str, Part]:
    """Handwritten digits of 8 x 8 pixels, time-major, float32 from 0 to 1.

    Read row by row (T = 8, D = 8) or pixel by pixel (T = 64, D = 1). The
    parts follow the order of the data set, so that the last digits, which
    are written by people whom training has not seen, are the test.
    """
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    steps = 8 if read == "rows" else 64
    x = (images / 16).astype(np.float32).reshape(len(images), steps, -1)
    x, borders = x.swapaxes(0, 1), (0, 1100, 1400, len(images))
    names = ("train", "valid", "test")
    return {
        name: Part(x[:, a:b].copy(), classes[a:b])
        for name, (a, b) in zip(names, pairwise(borders), strict=True)
    }


def eeg() -> np.ndarray:
    """Ten seconds of a brain's signal, (800, 4): 80 values a second.

    From Matplotlib's sample data, each electrode scaled to mean 0 and
    standard deviation 1 by its first 480 values, the training part.
    """
    from matplotlib.cbook import get_sample_data

    with get_sample_data("eeg.dat") as file:
        values = np.frombuffer(file.read(), dtype=np.float64)
    series = values.reshape(800, 4)
    train = series[:480]
    return (series - train.mean(axis=0)) / train.std(axis=0)


def sine(periods: int = 10, per_period: int = 40) -> np.ndarray:
    """A sine wave as a series (S, 1)."""
    angles = 2 * np.pi * np.arange(periods * per_period) / per_period
    return np.sin(angles)[:, None]


def zen() -> str:
    """The 19 lines of ``import this``: 823 characters in every Python."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    text = "".join(this.d.get(c, c) for c in this.s)
    return text.split("\n\n", 1)[1] + "\n"


def topics() -> str:
    """Python's own help texts on the language, as shipped with it.

    Characters outside printable ASCII are left out. The texts differ a
    little between versions of Python.
    """
    from pydoc_data.topics import topics as texts

    joined = "\n\n".join(texts[name].strip() for name in sorted(texts))
    return "".join(c for c in joined if c == "\n" or " " <= c <= "~")
