"""Programs 8 and 11 in NumPy: forward, loss, backward, one update."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import RNN


def loss_and_gradients(
    model: RNN, x: np.ndarray, targets: np.ndarray
) -> tuple[float, dict[str, np.ndarray]]:
    """Mean cross-entropy over all steps, and its gradient for each weight.

    ``x`` is (T, N, D), ``targets`` (T, N) the numbers of the classes.
    """
    w = model.weights
    logits, states, _ = model.forward(x)
    h0 = np.zeros_like(states[:1])
    before = np.concatenate([h0, states[:-1]])  # h_0 to h_{T-1}

    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    right = np.take_along_axis(log_p, targets[..., None], axis=-1)
    one_hot = np.eye(logits.shape[-1])[targets]
    dy = (np.exp(log_p) - one_hot) / targets.size  # (T, N, C)

    da = np.empty_like(states)
    dh = np.zeros_like(states[0])  # what comes from step T + 1: nothing
    for t in reversed(range(len(x))):
        dh = dh + dy[t] @ w["W_hy"]  # the step's own loss, also at step T
        da[t] = dh * (1 - states[t] ** 2)
        dh = da[t] @ w["W_hh"]

    db = da.sum(axis=(0, 1))
    gradients = {
        "W_xh": np.einsum("tnh,tnd->hd", da, x),
        "W_hh": np.einsum("tnh,tnk->hk", da, before),
        "b_xh": db,
        "b_hh": db.copy(),
        "W_hy": np.einsum("tnc,tnh->ch", dy, states),
        "b_y": dy.sum(axis=(0, 1)),
    }
    return -right.mean(), gradients


def update(
    model: RNN,
    gradients: dict[str, np.ndarray],
    lr: float,
    max_norm: float = 1.0,
) -> float:
    """One clipped step of gradient descent; the norm before clipping."""
    norm = float(np.sqrt(sum((g**2).sum() for g in gradients.values())))
    scale = min(1.0, max_norm / (norm + 1e-6))
    for name, gradient in gradients.items():
        model.weights[name] = model.weights[name] - lr * scale * gradient
    return norm
