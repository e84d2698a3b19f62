"""Programs 4 and 5 in NumPy: examples, forecasts, errors, baselines."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import RNN


def windows(
    series: np.ndarray, window: int, horizon: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (window, N, D) and targets (N, D) of a series (S, D).

    Example ``n`` holds the values ``n`` to ``n + window - 1``; its target
    comes ``horizon`` steps after the last of them.
    """
    starts = np.arange(len(series) - window - horizon + 1)
    inputs = series[starts + np.arange(window)[:, None]]
    return inputs, series[starts + window - 1 + horizon]


def rmse(forecasts: np.ndarray, targets: np.ndarray) -> float:
    """Root of the mean squared error; refuses to broadcast."""
    if forecasts.shape != targets.shape:
        raise ValueError(f"shapes {forecasts.shape} and {targets.shape}")
    return float(np.sqrt(np.mean((forecasts - targets) ** 2)))


def forecast(model: RNN, inputs: np.ndarray) -> np.ndarray:
    """Forecasts (N, D) of (T, N, D): last value plus last output."""
    changes, _, _ = model.forward(inputs)
    return inputs[-1] + changes[-1]


def persistence(inputs: np.ndarray) -> np.ndarray:
    """The simplest forecast, (N, D): the last value again."""
    return inputs[-1]


def autoregression(
    inputs: np.ndarray, targets: np.ndarray, new_inputs: np.ndarray
) -> np.ndarray:
    """Forecasts (N, D) linear in the window, fitted by least squares."""

    def rows(x: np.ndarray) -> np.ndarray:
        flat = x.transpose(1, 0, 2).reshape(x.shape[1], -1)
        return np.hstack([flat, np.ones((len(flat), 1))])

    weights, *_ = np.linalg.lstsq(rows(inputs), targets, rcond=None)
    return rows(new_inputs) @ weights
