"""How many hidden units? Accuracy on digits against the size of the state.

scikit-learn's digits (1797 real images of 8 x 8 pixels) are read row by row: 8 steps
of 8 numbers. One network per cell, size and seed; each is trained with the same
recipe on 1077 images. Of the others, 360 are for choosing (validation) and 360 for
judging (test).

    python book/experiments/faq_hidden_size.py
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from sklearn.datasets import load_digits
from torch import nn

CELLS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
SIZES = (2, 4, 8, 16, 32, 64, 128)


class Classifier(nn.Module):
    """One recurrent layer and a linear layer on its last state."""

    def __init__(self, cell: str, hidden_size: int) -> None:
        super().__init__()
        self.cell, self.output = CELLS[cell](8, hidden_size), nn.Linear(hidden_size, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, 10) of the images x (8, N, 8)."""
        return self.output(self.cell(x)[0][-1])


def split(seed: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Images (T, N, D) = (8, N, 8) in [0, 1] and their classes, in three parts."""
    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    x = torch.from_numpy((data.images[order] / 16).astype(np.float32)).transpose(0, 1).contiguous()
    y = torch.from_numpy(data.target[order])
    cuts = {"train": slice(0, 1077), "validation": slice(1077, 1437), "test": slice(1437, 1797)}
    return {name: (x[:, part].contiguous(), y[part]) for name, part in cuts.items()}


def train(cell: str, hidden_size: int, seed: int, epochs: int) -> dict[str, Any]:
    """Train one network for a fixed number of epochs; its accuracy on each part."""
    parts = split(seed)
    torch.manual_seed(seed)
    model = Classifier(cell, hidden_size)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs)
    generator = torch.Generator().manual_seed(seed)
    x, y = parts["train"]
    start = time.perf_counter()
    for _ in range(epochs):
        for rows in torch.randperm(len(y), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[:, rows]), y[rows]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        schedule.step()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        accuracy = {name: (model(x).argmax(1) == y).double().mean().item() for name, (x, y) in parts.items()}
    return {
        "cell": cell, "hidden_size": hidden_size, "seed": seed, "seconds": round(seconds, 2), **accuracy,
        "parameters": sum(weight.numel() for weight in model.parameters()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--out", type=Path, default=record.DATA / "faq_hidden_size.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for cell in CELLS:
        for hidden_size in SIZES:
            rows += [train(cell, hidden_size, seed, args.epochs) for seed in range(args.seeds)]
            print(f"{rows[-1]} after {time.perf_counter() - record.BEGAN:.0f} s", file=sys.stderr)
    record.save(args.out, {"about": record.head(args, "torch", "scikit-learn"), "rows": rows})


if __name__ == "__main__":
    main()
