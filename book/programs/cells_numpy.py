"""Programs 9 and 10 in NumPy: one step of an RNN, one of an LSTM."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import sigmoid


def simple_rnn(
    x: np.ndarray,
    h: np.ndarray,
    i2h: np.ndarray,
    h2h: np.ndarray,
    h2o: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Output (N, C) and new state (N, H) of one step.

    ``x`` is (N, D), ``h`` (N, H). Weights hold their bias as last column:
    ``i2h`` (H, D + 1), ``h2h`` (H, H + 1), ``h2o`` (C, H + 1).
    """
    h = np.tanh(linear(x, i2h) + linear(h, h2h))
    return linear(h, h2o), h


def lstm_cell(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    weights: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """New ``h`` and ``c``, (N, H), from eight matrices, two for a block.

    They are called i2f, h2f, i2i, h2i, i2c, h2c, i2o and h2o.
    """

    def block(name: str) -> np.ndarray:
        from_x, from_h = weights[f"i2{name}"], weights[f"h2{name}"]
        return linear(x, from_x) + linear(h, from_h)

    f, i, o = (sigmoid(block(name)) for name in "fio")
    c = f * c + i * np.tanh(block("c"))
    return o * np.tanh(c), c


def linear(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x (N, D) times a matrix (H, D + 1) whose last column is the bias."""
    return x @ weight[:, :-1].T + weight[:, -1]
