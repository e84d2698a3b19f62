"""LSTM, GRU and tanh network with equal parameters, as models of sequences of bits.

The question of Chung, Gulcehre, Cho and Bengio (2014), table 2: which unit gives unseen sequences the
smaller negative log-probability? Theirs were piano rolls, a column of bits per step. Here a column is
a row of a digit of scikit-learn's set, its pixels made black or white (8 steps of 8 bits), or one
pixel (64 steps of 1 bit). At each step the network says how likely each bit of the next column is.
Validation digits choose the epoch, as in the paper.

    python book/experiments/exp_equal.py
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import torch
from runs import Experiment, Network, Result, Setting, Size, count, fit, make_cell
from sklearn.datasets import load_digits
from torch import nn

CELLS, BATCH, RATES = ("RNN", "LSTM", "GRU"), 32, (1e-3, 5e-3)
SHAPES = {"rows": (8, 8), "pixels": (64, 1)}
PARTS = (1197, 240, 360)


def columns(task: str, seed: int) -> list[np.ndarray]:
    """Bits (T, N, D) to train, to choose the epoch by and to test with."""
    images = (load_digits().images >= 8).astype(np.float32).reshape(-1, *SHAPES[task])
    order = np.random.default_rng(seed).permutation(len(images))
    return [images[part].transpose(1, 0, 2) for part in np.split(order, np.cumsum(PARTS)[:2])]


def shifted(bits: np.ndarray, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets (T, N, D): the column before, nothing at the first step, and the column."""
    target = torch.from_numpy(np.ascontiguousarray(bits)).to(device)
    return torch.cat([torch.zeros_like(target[:1]), target[:-1]]), target


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Negative log-probability of a column, in nats: summed over D, mean over steps and digits."""
    return nn.functional.binary_cross_entropy_with_logits(logits, target) * target.shape[2]


def without_memory(train: np.ndarray, test: np.ndarray) -> float:
    """The same of a model that knows how often each pixel is black and nothing of the others."""
    share = (train.sum(axis=1, keepdims=True) + 1) / (train.shape[1] + 2)
    logs = test * np.log(share) + (1 - test) * np.log(1 - share)
    return float(-logs.sum(axis=2).mean())


def equal_size(cell: str, bits: int, parameters: int) -> int:
    """The hidden size whose count of parameters comes nearest to ``parameters``."""
    return min(range(1, 500), key=lambda size: abs(count(cell, bits, size, bits) - parameters))


def plan(size: Size) -> list[Setting]:
    """Three cells of the size of a GRU of 32 units, on both tasks, each at two learning rates."""
    epochs = {"rows": 1} if size == "quick" else {"rows": 60, "pixels": 60}
    units = 4 if size == "quick" else 32
    found = []
    for task, n in epochs.items():
        bits = SHAPES[task][1]
        target = count("GRU", bits, units, bits)
        for cell, rate in itertools.product(CELLS, RATES):
            hidden = equal_size(cell, bits, target)
            found.append(
                {"task": task, "cell": cell, "hidden_size": hidden, "epochs": n, "rate": rate}
                | {"parameters": count(cell, bits, hidden, bits)}
            )
    return found


def batches(x: torch.Tensor, target: torch.Tensor, epochs: int, seed: int) -> Iterator[tuple]:
    """All digits in a new order for every epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(x.shape[1]), -(-x.shape[1] // BATCH)):
            chosen = torch.from_numpy(rows).to(x.device)
            yield x[:, chosen], target[:, chosen]


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train one network; nats per step on all three parts, at the epoch that validation chose."""
    torch.manual_seed(seed)
    bits = columns(setting["task"], seed)
    (x, target), valid, test = (shifted(part, device) for part in bits)
    width = target.shape[2]
    network = Network(make_cell(setting["cell"], width, setting["hidden_size"]), width, every_step=True).to(device)
    kept: list[tuple[float, float, float]] = []

    def measure() -> float:
        kept.append(tuple(loss(network(a), b).item() for a, b in (valid, test, (x, target))))
        return kept[-1][0]

    draw = batches(x, target, setting["epochs"], seed)
    curve = fit(network, draw, loss, measure, lr=setting["rate"], every=-(-x.shape[1] // BATCH))
    best = min(range(len(kept)), key=lambda epoch: kept[epoch][0])
    names = dict(zip(("valid", "nats", "train"), (float(f"{v:.5g}") for v in kept[best]), strict=True))
    return names | {
        "epoch": best,
        "without_memory": float(f"{without_memory(bits[0], bits[2]):.5g}"),
        "curve": [value for _, value in curve],
    }


EXPERIMENT = Experiment("exp_equal", __doc__, plan, run, ("nats", "train", "without_memory"))

if __name__ == "__main__":
    EXPERIMENT.main()
