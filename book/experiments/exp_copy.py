"""Copy memory: say ten symbols again after a wait.

Ten symbols out of eight, then a wait of blanks, then a sign that the answer is due, then ten blanks,
during which the ten symbols are to be said again in their order (Arjovsky, Shah and Bengio 2016,
section 4.1, after Hochreiter and Schmidhuber 1997). The loss is the mean cross-entropy over all
``lag + 20`` steps. Who knows when to answer but not what has a loss of 10 ln 8 / (lag + 20).

    python book/experiments/exp_copy.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from runs import CELLS, Experiment, Network, Result, Setting, Size, fit, make_cell, to
from torch import nn

SYMBOLS, RECALL, BATCH, TEST = 8, 10, 32, 500
BLANK, DELIMITER = SYMBOLS, SYMBOLS + 1
RATES = {"RNN": 1e-3, "IRNN": 1e-3, "LSTM": 5e-3, "GRU": 5e-3}


def baseline(lag: int) -> float:
    """The loss without memory: blanks are certain, each of ten symbols is one of eight."""
    return RECALL * math.log(SYMBOLS) / (lag + 2 * RECALL)


def sequences(rng: np.random.Generator, lag: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Symbols that come in (T, N) and that are to go out (T, N), with T = lag + 20."""
    said = rng.integers(0, SYMBOLS, (RECALL, batch_size))
    inputs = np.full((lag + 2 * RECALL, batch_size), BLANK)
    inputs[:RECALL] = said
    inputs[RECALL + lag - 1] = DELIMITER
    targets = np.full_like(inputs, BLANK)
    targets[-RECALL:] = said
    return inputs, targets


def one_hot(inputs: np.ndarray) -> np.ndarray:
    """(T, N) as (T, N, 10)."""
    return np.eye(SYMBOLS + 2)[inputs]


def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of (T, N, 9) over all steps."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def batches(rng: np.random.Generator, lag: int, updates: int, device: torch.device) -> Iterator[tuple]:
    """Fresh sequences for every update."""
    for _ in range(updates):
        inputs, targets = sequences(rng, lag, BATCH)
        yield to(device, one_hot(inputs), targets)


def plan(size: Size) -> list[Setting]:
    """Four cells and two waits; the paper's own waits are among the long settings."""
    if size == "quick":
        return [{"lag": 3, "cell": cell, "hidden_size": 8, "updates": 10} for cell in CELLS]
    waits = {10: 2000, 30: 1000}
    settings = [
        {"lag": lag, "cell": cell, "hidden_size": 40, "updates": u} for lag, u in waits.items() for cell in CELLS
    ]
    if size == "full":
        settings += [
            {"lag": lag, "cell": cell, "hidden_size": 128, "updates": 20_000} for lag in (100, 200) for cell in CELLS
        ]
    return settings


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train one network; its loss on unseen sequences, as a part of the baseline, and what it recalls."""
    torch.manual_seed(seed)
    lag, cell = setting["lag"], setting["cell"]
    inputs, targets = sequences(np.random.default_rng(10_000 + seed), lag, TEST)
    x, target = to(device, one_hot(inputs), targets)
    network = Network(make_cell(cell, SYMBOLS + 2, setting["hidden_size"]), SYMBOLS + 1, every_step=True).to(device)
    curve = fit(
        network, batches(np.random.default_rng(seed), lag, setting["updates"], device), loss,
        lambda: loss(network(x), target).item() / baseline(lag),
        lr=RATES[cell], every=max(1, setting["updates"] // 40), solved=1e-2,
    )  # fmt: skip
    with torch.no_grad():
        recalled = (network(x)[-RECALL:].argmax(2) == target[-RECALL:]).double().mean().item()
    return {"of_baseline": curve[-1][1], "recalled": round(recalled, 4), "updates_used": curve[-1][0], "curve": curve}


EXPERIMENT = Experiment("exp_copy", __doc__, plan, run, ("of_baseline", "recalled", "updates_used"))

if __name__ == "__main__":
    EXPERIMENT.main()
