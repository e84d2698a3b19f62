"""Programs 8 and 11 in PyTorch: autograd does the way back."""

from __future__ import annotations

import torch
from torch import nn


def loss_and_gradients(
    model: nn.Module, x: torch.Tensor, targets: torch.Tensor
) -> tuple[float, dict[str, torch.Tensor]]:
    """Mean cross-entropy over all steps, and its gradient for each weight.

    ``x`` is (T, N, D), ``targets`` (T, N).
    """
    model.zero_grad()
    logits, _, _ = model(x)
    logits, classes = logits.flatten(0, 1), targets.flatten()
    loss = nn.functional.cross_entropy(logits, classes)
    loss.backward()
    gradients = {name: w.grad for name, w in model.named_parameters()}
    return loss.item(), gradients


def update(model: nn.Module, lr: float, max_norm: float = 1.0) -> float:
    """One clipped step of gradient descent; the norm before clipping."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    with torch.no_grad():
        for weight in model.parameters():
            weight -= lr * weight.grad
    return norm.item()
