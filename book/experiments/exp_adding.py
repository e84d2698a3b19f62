"""The adding problem: add the two marked numbers of a sequence.

Every step has two inputs, a number drawn evenly from [0, 1] and a marker, which is 1 at one step
of the first half and at one of the second, and 0 elsewhere. The answer, after the last step, is the
sum of the two marked numbers (Hochreiter and Schmidhuber 1997, section 5.4, in the form of Le,
Jaitly and Hinton 2015). Who always answers 1 has a mean squared error of 1/6. Training ends when
the error on 1000 unseen sequences is below 0.001, or after so many updates.

    python book/experiments/exp_adding.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from runs import CELLS, Experiment, Network, Result, Setting, Size, fit, make_cell, to
from torch import nn

BATCH, TEST, SOLVED = 32, 1000, 1e-3
RATES = {"RNN": 1e-3, "IRNN": 1e-3, "LSTM": 5e-3, "GRU": 5e-3}
WRONG = 0.08  # 0.04 in the units of 1997, whose answers lie between 0 and 1


def sequences(rng: np.random.Generator, seq_len: int, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (T, N, 2), numbers and markers, and answers (N, 1)."""
    x = np.zeros((seq_len, batch_size, 2))
    x[:, :, 0] = rng.random((seq_len, batch_size))
    every, half = np.arange(batch_size), seq_len // 2
    first, second = rng.integers(0, half, batch_size), rng.integers(half, seq_len, batch_size)
    x[first, every, 1] = x[second, every, 1] = 1
    return x, (x[first, every, 0] + x[second, every, 0])[:, None]


def batches(rng: np.random.Generator, seq_len: int, updates: int, device: torch.device) -> Iterator[tuple]:
    """Fresh sequences for every update."""
    for _ in range(updates):
        yield to(device, *sequences(rng, seq_len, BATCH))


def plan(size: Size) -> list[Setting]:
    """Four cells at every length."""
    if size == "quick":
        return [{"seq_len": 10, "cell": cell, "hidden_size": 8, "updates": 10} for cell in CELLS]
    lengths = {50: 3000, 100: 3000, 200: 3000}
    settings = [
        {"seq_len": t, "cell": cell, "hidden_size": 32, "updates": n} for t, n in lengths.items() for cell in CELLS
    ]
    if size == "full":
        settings += [
            {"seq_len": t, "cell": cell, "hidden_size": 128, "updates": 10_000} for t in (400, 600) for cell in CELLS
        ]
    return settings


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train one network; its errors on unseen sequences."""
    torch.manual_seed(seed)
    seq_len, cell = setting["seq_len"], setting["cell"]
    x, answer = to(device, *sequences(np.random.default_rng(10_000 + seed), seq_len, TEST))
    network = Network(make_cell(cell, 2, setting["hidden_size"]), 1).to(device)
    draw = batches(np.random.default_rng(seed), seq_len, setting["updates"], device)
    every = max(1, setting["updates"] // 40)
    curve = fit(
        network, draw, nn.functional.mse_loss, lambda: nn.functional.mse_loss(network(x), answer).item(),
        lr=RATES[cell], every=every, solved=SOLVED,
    )  # fmt: skip
    with torch.no_grad():
        wrong = ((network(x) - answer).abs() >= WRONG).double().mean().item()
    return {"mse": curve[-1][1], "wrong": round(wrong, 4), "updates_used": curve[-1][0], "curve": curve}


EXPERIMENT = Experiment("exp_adding", __doc__, plan, run, ("mse", "wrong", "updates_used"))

if __name__ == "__main__":
    EXPERIMENT.main()
