"""Remembering a digit over a wait: what the first value of the update gate decides.

A GRU reads a digit of scikit-learn's set row by row (8 steps), then blank rows (56
steps), and names the digit after the last of them. Nothing is learnt unless a trace of
the digit is still in the state when the answer is asked for. The GRUs differ in the bias
of the update gate before training; one keeps PyTorch's biases and is trained with a
smaller epsilon in Adam. An RNN is trained beside them. How far training moves the input's
weights is kept too: what a digit looks like can be learnt nowhere else.

    python book/experiments/gru_wait.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import record
import torch
from cells_compare import Classifier, digits, share_right, train_epoch
from torch import nn

NETWORKS: dict[str, dict[str, float]] = {
    "RNN": {},
    "GRU, as PyTorch starts": {},
    "GRU, as PyTorch starts, epsilon 1e-30": {"eps": 1e-30},
    "GRU, bias 1": {"bias": 1.0},
    "GRU, bias 3": {"bias": 3.0},
}
"""What is changed, by the network's name: the update gate's bias, or Adam's epsilon (1e-8 otherwise)."""


def start_update_gate(gru: nn.GRU, bias: float) -> None:
    """Let the update gate start near sigmoid(bias); its two biases add up to ``bias``."""
    block = slice(gru.hidden_size, 2 * gru.hidden_size)
    with torch.no_grad():
        gru.bias_ih_l0[block] = bias
        gru.bias_hh_l0[block] = 0.0


def train(name: str, seed: int, args: argparse.Namespace) -> tuple[list[float], float]:
    """Accuracy on the test set after every epoch, in percent; the largest move of an input weight."""
    change = NETWORKS[name]
    torch.manual_seed(seed)
    x_train, x_test, y_train, y_test = digits("rows", seed)
    x_train, x_test = (torch.cat([x, torch.zeros(args.wait, x.shape[1], 8)]) for x in (x_train, x_test))
    model = Classifier(name.split(",")[0], 8, args.hidden_size)
    if "bias" in change:
        start_update_gate(model.cell, change["bias"])
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, eps=change.get("eps", 1e-8))
    before = model.cell.weight_ih_l0.detach().clone()
    accuracy = []
    for _ in range(args.epochs):
        train_epoch(model, optimizer, x_train, y_train)
        accuracy.append(round(100 * share_right(model, x_test, y_test), 1))
    moved = (model.cell.weight_ih_l0.detach() - before).abs().max().item()
    return accuracy, float(f"{moved:.2g}")


def main() -> None:
    """Train every network with every seed and write the JSON that the page draws from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="train with seeds 0 to this minus 1")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--wait", type=int, default=56, help="blank steps after the 8 rows")
    parser.add_argument("--hidden-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--out", type=Path, default=record.DATA / "gru_wait.json")
    args = parser.parse_args()
    torch.set_num_threads(1)

    runs, moved = {}, {}
    for name in NETWORKS:
        found = [train(name, seed, args) for seed in range(args.seeds)]
        runs[name], moved[name] = ([run[part] for run in found] for part in (0, 1))
        last = [accuracy[-1] for accuracy in runs[name]]
        spread = f"{min(last):.1f} to {max(last):.1f} %, median {statistics.median(last):.1f} %"
        print(f"{name:37} {spread}, {time.perf_counter() - record.BEGAN:.0f} s so far", flush=True)
    record.save(args.out, record.head(args, "torch", "scikit-learn") | {"accuracy": runs, "moved": moved})


if __name__ == "__main__":
    main()
