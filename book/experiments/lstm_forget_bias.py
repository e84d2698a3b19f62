"""What the forget gate's bias at the start does to learning a long delay.

A sequence of T steps begins with +1 or -1, and small random numbers follow; the network
must say at the end what came first. An LSTM is trained with a forget bias of 0, 1, 2, 4 in
total, and with the random biases that PyTorch draws, for several T. The loss, averaged over
every ten steps of training, is saved.

    python book/experiments/lstm_forget_bias.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import record
import torch
from torch import nn

OUT = record.DATA / "lstm_forget_bias.json"
BIASES: tuple[float | None, ...] = (None, 0.0, 1.0, 2.0, 4.0)


def batch(rng: np.random.Generator, steps: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (T, N, 1): a sign, then noise of deviation 0.2; targets (N,): 1 for plus."""
    x = 0.2 * rng.normal(size=(steps, size, 1))
    sign = rng.integers(0, 2, size=size)
    x[0, :, 0] = 2 * sign - 1
    return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(sign)


def losses(bias: float | None, delay: int, seed: int, args: argparse.Namespace) -> list[float]:
    """The loss at every step of training, averaged over blocks of ten steps."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layer, head = nn.LSTM(1, args.hidden), nn.Linear(args.hidden, 2)
    if bias is not None:
        forget = slice(args.hidden, 2 * args.hidden)
        with torch.no_grad():
            layer.bias_ih_l0[forget], layer.bias_hh_l0[forget] = bias, 0.0
    weights = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=args.lr)
    found = []
    for _ in range(args.updates):
        x, sign = batch(rng, delay, args.batch)
        loss = nn.functional.cross_entropy(head(layer(x)[0][-1]), sign)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        found.append(loss.item())
    return [round(float(v), 4) for v in np.reshape(found, (-1, 10)).mean(axis=1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--delays", type=int, nargs="+", default=[10, 20, 40, 80])
    parser.add_argument("--updates", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    if args.updates < 10 or args.updates % 10:
        parser.error("--updates: a multiple of 10, since ten losses are averaged into a point")
    torch.set_num_threads(1)
    curves = {}
    for bias in BIASES:
        name = "PyTorch's own" if bias is None else f"{bias:g}"
        curves[name] = {}
        for delay in args.delays:
            curves[name][str(delay)] = runs = [losses(bias, delay, seed, args) for seed in range(args.seeds)]
            print(f"forget bias {name}, {delay} steps: last losses {[run[-1] for run in runs]}", flush=True)
    record.save(args.out, {"curves": curves, "about": record.head(args, "torch", "numpy")})


if __name__ == "__main__":
    main()
