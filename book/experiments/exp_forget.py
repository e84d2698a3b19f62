"""The forget gate's bias before training, from 0 to 4, over more seeds than the LSTM chapter's.

The task is that of ``lstm_forget_bias.py``: a sequence begins with +1 or -1, noise follows, and at the
end the network says what came first. Jozefowicz, Zaremba and Sutskever (2015) asked the same of three
larger tasks; Gers, Schmidhuber and Cummins (2000) introduced the gate with positive biases. What is
measured is after how many updates the loss on unseen sequences is below 0.1.

    python book/experiments/exp_forget.py
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from lstm_forget_bias import batch
from runs import Experiment, Network, Result, Setting, Size, fit, make_cell
from torch import nn

HIDDEN, BATCH, TEST, RATE, SOLVED = 16, 32, 256, 5e-3, 0.1
BIASES = ("PyTorch", 0.0, 1.0, 2.0, 4.0)


def batches(rng: np.random.Generator, delay: int, updates: int, device: torch.device) -> Iterator[tuple]:
    """Fresh sequences for every update."""
    for _ in range(updates):
        x, sign = batch(rng, delay, BATCH)
        yield x.to(device), sign.to(device)


def plan(size: Size) -> list[Setting]:
    """Five biases at every delay."""
    if size == "quick":
        return [{"delay": 10, "bias": bias, "updates": 20} for bias in BIASES]
    delays = {20: 1000, 40: 1000, 80: 1000} | ({160: 5000, 320: 5000} if size == "full" else {})
    return [{"delay": delay, "bias": bias, "updates": n} for delay, n in delays.items() for bias in BIASES]


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train one LSTM; after how many updates it is solved, the most there are if it never is."""
    torch.manual_seed(seed)
    delay, bias = setting["delay"], setting["bias"]
    x, sign = (part.to(device) for part in batch(np.random.default_rng(10_000 + seed), delay, TEST))
    cell = make_cell("LSTM", 1, HIDDEN, None if bias == "PyTorch" else bias)
    network = Network(cell, 2).to(device)
    curve = fit(
        network, batches(np.random.default_rng(seed), delay, setting["updates"], device), nn.functional.cross_entropy,
        lambda: nn.functional.cross_entropy(network(x), sign).item(),
        lr=RATE, every=10, solved=SOLVED,
    )  # fmt: skip
    return {
        "loss": curve[-1][1],
        "updates_used": curve[-1][0],
        "solved": int(curve[-1][1] < SOLVED),
        "curve": [value for _, value in curve],
    }


EXPERIMENT = Experiment("exp_forget", __doc__, plan, run, ("updates_used", "loss", "solved"), seeds=6)

if __name__ == "__main__":
    EXPERIMENT.main()
