"""Time of a linear recurrence over T steps, computed in four ways, beside PyTorch's GRU.

Everything runs on one thread of a CPU, in float32, with the same batch and width: a forward pass
over T steps and the backward pass through it. A time is the processor time of one pass, the
median of several after a warm-up, so other work on the machine hardly counts.

A CPU thread does one thing after the other, whatever the order. So these times show the *work*
of each way and the cost of calling PyTorch once per step. They do not show what a scan is for:
to do in a few rounds what many processors can share.

    python book/experiments/after_scan.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import record
import torch
from after_cells import by_halves, by_logarithms, by_rounds, by_steps
from torch import Tensor, nn
from torch.nn import functional as F

Scan = Callable[[Tensor, Tensor], Tensor]
SCANS: dict[str, Scan] = {"by steps": by_steps, "by rounds": by_rounds, "by halves": by_halves}


def positive(a: Tensor) -> Tensor:
    """The logarithm of the positive candidate of Feng et al. (2024): a + 1/2 above 0, sigmoid below."""
    return torch.where(a >= 0, torch.log(F.relu(a) + 0.5), -F.softplus(-a))


def min_gru(linear: nn.Linear, x: Tensor, way: str) -> Tensor:
    """The states (T, N, H) of a minGRU, its recurrence computed in the way of this name."""
    sums, n = linear(x).chunk(2, dim=-1)
    if way == "by logarithms":
        return by_logarithms(-F.softplus(-sums), -F.softplus(sums) + positive(n))
    z = torch.sigmoid(sums)
    return SCANS[way](z, (1 - z) * n)


def milliseconds(run: Callable[[], Tensor], repeats: int) -> list[float]:
    """Processor time of each pass, forward and backward, without the first two."""
    times = []
    for _ in range(repeats + 2):
        start = time.process_time()
        run().sum().backward()
        times.append(1e3 * (time.process_time() - start))
    return [round(t, 3) for t in sorted(times[2:])]


def passes(T: int, args: argparse.Namespace) -> dict[str, Callable[[], Tensor]]:
    """By name, a forward pass over T steps."""
    generator = torch.Generator().manual_seed(T)
    x = torch.randn(T, args.batch_size, args.input_size, generator=generator)
    gru, linear = nn.GRU(args.input_size, args.hidden_size), nn.Linear(args.input_size, 2 * args.hidden_size)
    ways = {f"minGRU {way}": way for way in [*SCANS, "by logarithms"]}
    return {"nn.GRU": lambda: gru(x)[0]} | {
        name: (lambda way=way: min_gru(linear, x, way))
        for name, way in ways.items()  # type: ignore[misc]
    }


def main() -> None:
    """Measure every way at every length and write the JSON that the page draws from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 64, 256, 1024, 4096])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--input-size", type=int, default=32)
    parser.add_argument("--hidden-size", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--out", type=Path, default=record.DATA / "after_scan.json")
    args = parser.parse_args()
    torch.set_num_threads(1)

    runs = []
    for T in args.lengths:
        for name, run in passes(T, args).items():
            times = milliseconds(run, args.repeats)
            middle = round(statistics.median(times), 3)
            runs.append({"way": name, "seq_len": T, "milliseconds": middle, "all": times})
            print(f"T = {T:5} {name:22} {middle:9.2f} ms ({times[0]:.2f} to {times[-1]:.2f})", flush=True)
    record.save(args.out, record.head(args, "torch") | {"passes": runs})


if __name__ == "__main__":
    main()
