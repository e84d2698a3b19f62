"""Parity: which recurrences can follow a state of one bit, and for how long?

The input is a sequence of bits, and the answer at every step is whether the number of ones so far
is odd. Networks train on sequences of ``--train-length`` steps, all of whose steps count in the
loss, so all shorter lengths are trained too. They are tested on longer sequences, and what is
recorded is the share of right answers by the position of the step.

All networks have the same frame (:class:`after_cells.Tagger`), the same width and the same recipe.

    python book/experiments/after_parity.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import record
import torch
from after_cells import Tagger
from torch import Tensor, nn

NETWORKS = {
    "RNN": ("RNN", 1),
    "LSTM": ("LSTM", 1),
    "GRU": ("GRU", 1),
    "minGRU": ("minGRU", 1),
    "minGRU, 2 layers": ("minGRU", 2),
    "minLSTM": ("minLSTM", 1),
    "linear attention": ("linear attention", 1),
    "signed minGRU": ("signed minGRU", 1),
}
"""By name: the layer, and how many of them."""


def draw(seq_len: int, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random bits and their parities so far, (T, N) each."""
    bits = torch.randint(2, (seq_len, batch_size), generator=generator)
    return bits, bits.cumsum(0) % 2


def train(name: str, seed: int, args: argparse.Namespace) -> dict[str, Any]:
    """Train one network; its share of right answers by position, in bins of ``args.bin`` steps."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(1000 + seed)
    layer, layers = NETWORKS[name]
    model = Tagger(layer, args.hidden_size, layers)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=args.steps)
    for _ in range(args.steps):
        bits, parity = draw(args.train_length, args.batch_size, generator)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(bits).flatten(0, 1), parity.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        decay.step()
    bits, parity = draw(args.test_length, 512, torch.Generator().manual_seed(seed))
    with torch.no_grad():
        right = (model(bits).argmax(2) == parity).double().mean(1)
    by_bin = [round(float(part.mean()), 4) for part in right.split(args.bin)]
    seen = float(right[: args.train_length].mean())
    return {
        "seed": seed,
        "seen": round(seen, 4),
        "right": by_bin,
        "parameters": sum(w.numel() for w in model.parameters()),
    }


def main() -> None:
    """Train every network with every seed and write the JSON that the page draws from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="train with seeds 0 to this minus 1")
    parser.add_argument("--steps", type=int, default=1500, help="batches to train on")
    parser.add_argument("--train-length", type=int, default=40)
    parser.add_argument("--test-length", type=int, default=480)
    parser.add_argument("--bin", type=int, default=20, help="steps whose answers are counted together")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--hidden-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-3, help="at the start; it falls to 0")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--out", type=Path, default=record.DATA / "after_parity.json")
    args = parser.parse_args()
    torch.set_num_threads(1)

    runs = {}
    for name in args.networks:
        runs[name] = [train(name, seed, args) for seed in range(args.seeds)]
        print(f"{name:18}", end=" ")
        for words, values in (
            ("trained lengths", [run["seen"] for run in runs[name]]),
            ("longest", [run["right"][-1] for run in runs[name]]),
        ):
            low, middle, high = (100 * f(values) for f in (min, statistics.median, max))
            print(f"{words} {low:5.1f} to {high:5.1f} %, median {middle:5.1f}", end="; ")
        print(f"{time.perf_counter() - record.BEGAN:.0f} s so far", flush=True)
    record.save(args.out, record.head(args, "torch") | {"runs": runs})


if __name__ == "__main__":
    main()
