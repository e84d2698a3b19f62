"""RNN, GRU and LSTM on the same task: parameters, time per step, accuracy.

The task is scikit-learn's digits, 1797 real handwritten digits of 8 x 8 pixels,
read row by row (8 steps of 8 numbers) and pixel by pixel (64 steps of 1 number).
Every cell is trained with the same recipe, once with the same number of hidden
units and once with (nearly) the same number of parameters. Each seed draws its
own split, its own initial weights and its own batches. The accuracy is that after
the last epoch: no epoch is chosen by looking at the test set.

    python book/experiments/cells_compare.py
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

CELLS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
BLOCKS = {"RNN": 1, "GRU": 3, "LSTM": 4}
TASKS = {"rows": (8, 8), "pixels": (64, 1)}
EPOCHS = {"rows": 40, "pixels": 60}
CLASSES = 10


class Classifier(nn.Module):
    """One recurrent layer, and a linear layer that reads its last state."""

    def __init__(self, cell: str, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = CELLS[cell](input_size, hidden_size)
        self.output = nn.Linear(hidden_size, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, C) of the sequences x (T, N, D)."""
        states, _ = self.cell(x)
        return self.output(states[-1])


def count(cell: str, input_size: int, hidden_size: int) -> int:
    """Parameters of a :class:`Classifier`, both of PyTorch's biases included."""
    block = hidden_size * (input_size + hidden_size + 2)
    return BLOCKS[cell] * block + CLASSES * (hidden_size + 1)


def equal_size(cell: str, input_size: int, parameters: int) -> int:
    """The number of hidden units whose parameter count comes nearest to ``parameters``."""
    return min(range(1, 400), key=lambda size: abs(count(cell, input_size, size) - parameters))


def digits(task: str, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Train and test sequences, (T, N, D) in [0, 1], and their classes (N,)."""
    seq_len, input_size = TASKS[task]
    data = load_digits()
    images = (data.images / 16).astype(np.float32).reshape(-1, seq_len, input_size)
    parts = train_test_split(images, data.target, test_size=360, stratify=data.target, random_state=seed)
    x_train, x_test, y_train, y_test = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    return x_train.transpose(0, 1), x_test.transpose(0, 1), y_train, y_test


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, classes: torch.Tensor, batch_size: int = 64
) -> float:
    """One pass through the sequences x (T, N, D), gradients clipped to a norm of 1; the last batch's loss."""
    for rows in torch.randperm(len(classes)).split(batch_size):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x[:, rows]), classes[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return loss.item()


@torch.no_grad()
def share_right(model: nn.Module, x: torch.Tensor, classes: torch.Tensor) -> float:
    """Which share of the sequences x (T, N, D) the model puts into their class."""
    return float((model(x).argmax(1) == classes).double().mean())


def train(cell: str, hidden_size: int, task: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train one network; its accuracy on the test set after every epoch.

    Adam, gradients clipped to a global norm of 1, learning rate falling linearly to 0.
    """
    torch.manual_seed(seed)
    x_train, x_test, y_train, y_test = digits(task, seed)
    model = Classifier(cell, TASKS[task][1], hidden_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=EPOCHS[task])
    accuracy = []
    for _ in range(EPOCHS[task]):
        train_epoch(model, optimizer, x_train, y_train, args.batch_size)
        decay.step()
        accuracy.append(round(share_right(model, x_test, y_test), 4))
    return {"seed": seed, "accuracy": accuracy}


def milliseconds_per_step(cell: str, hidden_size: int, fused: bool, repeats: int = 25) -> float:
    """Processor time of one step, forward and backward, for a batch of 64 with D = 8.

    It is the time that this process was computing, so other work on the machine hardly counts.
    ``fused=False`` switches oneDNN off, a library with a kernel of its own for the LSTM.
    """
    warnings.filterwarnings("ignore", message="TF32 acceleration")  # about graphics cards
    torch.manual_seed(0)
    model, x, times = CELLS[cell](8, hidden_size), torch.randn(16, 64, 8), []
    with torch.backends.mkldnn.flags(enabled=fused):
        for _ in range(repeats):
            start = time.process_time()
            states, _ = model(x)
            states.sum().backward()
            times.append((time.process_time() - start) * 1e3 / len(x))
    return round(statistics.median(times), 4)


def plan() -> list[dict[str, Any]]:
    """Every network of the comparison: task, cell, hidden units and parameters."""
    runs = []
    for task, (_, input_size) in TASKS.items():
        target = count("GRU", input_size, 32)
        sizes = [("units", cell, 32) for cell in CELLS]
        sizes += [("parameters", cell, equal_size(cell, input_size, target)) for cell in CELLS]
        for equal, cell, size in sizes:
            if equal == "parameters" and cell == "GRU":
                continue  # the same network as with equal units
            runs.append(
                {"task": task, "equal": equal, "cell": cell, "hidden_size": size}
                | {"parameters": count(cell, input_size, size)}
            )
    return runs


def main() -> None:
    """Train everything and write the JSON that the pages draw from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="train with seeds 0 to this minus 1")
    parser.add_argument("--lr", type=float, default=1e-2, help="at the start")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--out", type=Path, default=record.DATA / "cells_compare.json")
    args = parser.parse_args()
    torch.set_num_threads(1)

    runs = plan()
    steps = [
        {"cell": cell, "hidden_size": size, "fused": fused, "milliseconds": milliseconds_per_step(cell, size, fused)}
        for size in (32, 256)
        for fused in (True, False)
        for cell in CELLS
    ]
    print(*steps, sep="\n", flush=True)
    for run in runs:
        size = run["hidden_size"]
        run["seeds"] = [train(run["cell"], size, run["task"], seed, args) for seed in range(args.seeds)]
        last = [100 * s["accuracy"][-1] for s in run["seeds"]]
        print(f"{run['task']:7} {run['cell']:5} H = {size:3} {run['parameters']:5} parameters: "
              f"{statistics.mean(last):5.1f} % ± {statistics.stdev(last):.1f} "
              f"{time.perf_counter() - record.BEGAN:.0f} s so far", flush=True)  # fmt: skip
    made_by = record.head(args, "torch", "scikit-learn", epochs=EPOCHS)
    record.save(args.out, made_by | {"steps": steps, "runs": runs})


if __name__ == "__main__":
    main()
