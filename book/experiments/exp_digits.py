"""Digits read row by row, pixel by pixel, and pixel by pixel in a shuffled order.

scikit-learn's 1797 digits of 8 x 8 pixels stand in for MNIST's 28 x 28 (Le, Jaitly and Hinton 2015,
section 4.2; Bai, Kolter and Koltun 2018, table 1): 8 steps of 8 numbers, or 64 steps of 1. The
shuffled order is the same for all digits of a seed. All cells have the same hidden size and recipe;
the accuracy is that after the last epoch on 360 digits that training has not seen.

    python book/experiments/exp_digits.py
"""

from __future__ import annotations

from collections.abc import Iterator

import cells_compare
import numpy as np
import torch
from runs import CELLS, Experiment, Network, Result, Setting, Size, fit, make_cell
from torch import nn

ORDERS = ("rows", "pixels", "shuffled")
BATCH = 64
RATES = {"RNN": 1e-3, "IRNN": 1e-3, "LSTM": 5e-3, "GRU": 5e-3}


def digits(order: str, seed: int, device: torch.device) -> list[torch.Tensor]:
    """Sequences (T, N, D) to train and to test with, and their classes (N,)."""
    parts = cells_compare.digits("rows" if order == "rows" else "pixels", seed)
    if order == "shuffled":
        places = torch.from_numpy(np.random.default_rng(seed).permutation(64))
        parts = (parts[0][places], parts[1][places], *parts[2:])
    return [part.to(device) for part in parts]


def batches(x: torch.Tensor, classes: torch.Tensor, epochs: int, seed: int) -> Iterator[tuple]:
    """All digits in a new order for every epoch."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(classes)), -(-len(classes) // BATCH)):
            chosen = torch.from_numpy(rows).to(x.device)
            yield x[:, chosen], classes[chosen]


def plan(size: Size) -> list[Setting]:
    """Four cells, three ways to read."""
    if size == "quick":
        return [{"order": "rows", "cell": cell, "hidden_size": 8, "epochs": 1, "rate": RATES[cell]} for cell in CELLS]
    base = {"hidden_size": 32, "epochs": 40}
    found = [{"order": o, "cell": cell} | base | {"rate": RATES[cell]} for o in ORDERS for cell in CELLS]
    found += [{"order": o, "cell": "RNN"} | base | {"rate": RATES["LSTM"]} for o in ORDERS]  # is it the rate?
    found.append({"order": "pixels", "cell": "IRNN"} | base | {"epochs": 400, "rate": RATES["IRNN"]})  # or patience?
    if size == "full":
        base = {"hidden_size": 128, "epochs": 300}
        found += [{"order": o, "cell": cell} | base | {"rate": RATES[cell]} for o in ORDERS[1:] for cell in CELLS]
    return found


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train one network; its accuracy on digits that it has not seen, in percent."""
    torch.manual_seed(seed)
    cell, order = setting["cell"], setting["order"]
    x_train, x_test, y_train, y_test = digits(order, seed, device)
    network = Network(make_cell(cell, x_train.shape[2], setting["hidden_size"]), 10).to(device)
    every = -(-len(y_train) // BATCH)
    curve = fit(
        network, batches(x_train, y_train, setting["epochs"], seed), nn.functional.cross_entropy,
        lambda: 100 * (network(x_test).argmax(1) == y_test).double().mean().item(),
        lr=setting["rate"], every=every,
    )  # fmt: skip
    accuracy = [round(value, 2) for _, value in curve]
    return {"accuracy": accuracy[-1], "epochs_curve": accuracy}


EXPERIMENT = Experiment("exp_digits", __doc__, plan, run, ("accuracy",))

if __name__ == "__main__":
    EXPERIMENT.main()
