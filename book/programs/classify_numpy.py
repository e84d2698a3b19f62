"""Programs 1, 2, 3, 13, 14 in NumPy: answer at the last step."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import LSTM, RNN


def last_step(model: RNN, x: np.ndarray) -> np.ndarray:
    """Logits (N, C) of inputs (T, N, D): the outputs of the last step."""
    outputs, _, _ = model.forward(x)  # (T, N, C)
    return outputs[-1]


def stacked(lower: LSTM, upper: LSTM, x: np.ndarray) -> np.ndarray:
    """Logits (N, C); the upper layer reads the states of the lower one."""
    _, states, _ = lower.forward(x)  # (T, N, 128)
    return last_step(upper, states)
