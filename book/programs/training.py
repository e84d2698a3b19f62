"""The training loop, once: seeds, batches, epochs, evaluation, files."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

Batch = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def pick_device() -> torch.device:
    """The accelerator that is there, or the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def seed_everything(seed: int) -> np.random.Generator:
    """Seed Python, NumPy, PyTorch; a generator for the examples' order."""
    random.seed(seed)
    np.random.seed(seed)  # for libraries that use NumPy's global state
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def batches(
    x: torch.Tensor,
    y: torch.Tensor,
    size: int,
    rng: np.random.Generator | None = None,
) -> Iterator[Batch]:
    """Batches (T, size, D) and targets; with ``rng`` in a new order."""
    N = x.shape[1]
    order = np.arange(N) if rng is None else rng.permutation(N)
    for start in range(0, N, size):
        places = order[start : start + size]
        chosen = torch.as_tensor(places, device=x.device)
        yield x[:, chosen], y[chosen]


def train_epoch(
    model: nn.Module,
    data: Iterable[Batch],
    optimizer: torch.optim.Optimizer,
    loss_fn: Loss,
    max_norm: float,
) -> float:
    """Update the model for each batch; the mean loss of an example."""
    model.train()
    total, count = 0.0, 0
    for x, y in data:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@torch.no_grad()
def evaluate(
    model: nn.Module, data: Iterable[Batch], loss_fn: Loss
) -> tuple[float, float]:
    """Mean loss, and share of right answers, in eval mode."""
    was_training = model.training
    model.eval()
    loss, right, count = 0.0, 0, 0
    for x, y in data:
        outputs = model(x)
        loss += loss_fn(outputs, y).item() * len(y)
        if not y.is_floating_point():
            right += int((outputs.argmax(dim=-1) == y).sum())
        count += len(y)
    model.train(was_training)
    return loss / count, right / count


@dataclass
class History:
    """One entry per epoch, and the epoch that was kept."""

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_accuracy: list[float] = field(default_factory=list)
    best_epoch: int = 0


def fit(
    model: nn.Module, train: Batch, valid: Batch, loss_fn: Loss,
    rng: np.random.Generator, *, epochs: int, lr: float = 5e-3,
    batch_size: int = 64, max_norm: float = 1.0, patience: int = 10,
) -> History:  # fmt: skip
    """Train until ``patience`` epochs bring no better validation loss."""
    optimizer = torch.optim.Adam(model.parameters(), lr)
    history, best = History(), copy.deepcopy(model.state_dict())
    for epoch in range(epochs):
        shuffled = batches(*train, batch_size, rng)
        loss = train_epoch(model, shuffled, optimizer, loss_fn, max_norm)
        history.train_loss.append(loss)
        loss, accuracy = evaluate(model, batches(*valid, 512), loss_fn)
        history.valid_loss.append(loss)
        history.valid_accuracy.append(accuracy)
        if loss == min(history.valid_loss):
            history.best_epoch = epoch
            best = copy.deepcopy(model.state_dict())
        elif epoch - history.best_epoch >= patience:
            break
    model.load_state_dict(best)
    return history


def save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    settings: dict,
) -> None:
    """Write all that is needed to go on training."""
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epoch,
        "settings": settings,
    }
    torch.save(state, path)


def load(path: Path, device: torch.device | str = "cpu") -> dict:
    """Read what ``save`` wrote; runs no code from the file."""
    return torch.load(path, map_location=device, weights_only=True)
