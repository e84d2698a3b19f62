"""Programs 9 and 10 in NumPy: one step of an RNN, one of an LSTM."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import sigmoid


def simple_rnn(
    x: np.ndarray,
    h: np.ndarray,
    w_x: np.ndarray,
    w_h: np.ndarray,
    w_y: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Output (N, C) and new state (N, H) of one step.

    ``x`` is (N, D), ``h`` (N, H). Weights hold their bias as last column:
    ``w_x`` (H, D + 1), ``w_h`` (H, H + 1), ``w_y`` (C, H + 1).
    """
    h = np.tanh(linear(x, w_x) + linear(h, w_h))
    return linear(h, w_y), h


def lstm_cell(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    weights: dict[str, np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """New ``h`` and ``c``, (N, H), from eight matrices, two for a block.

    Their names: x_to_f, h_to_f, and so on, for the blocks f, i, c and o.
    """

    def block(name: str) -> np.ndarray:
        from_x, from_h = weights[f"x_to_{name}"], weights[f"h_to_{name}"]
        return linear(x, from_x) + linear(h, from_h)

    f, i, o = (sigmoid(block(name)) for name in "fio")
    c = f * c + i * np.tanh(block("c"))
    return o * np.tanh(c), c


def linear(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """x (N, D) times a matrix (H, D + 1) whose last column is the bias."""
    return x @ weight[:, :-1].T + weight[:, -1]
