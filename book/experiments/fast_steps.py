"""The steps of the page *Fast on a GPU* on a CPU: operators per step, and processor time.

Operators are counted as they run (views and allocations left out), forwards and backwards; on a GPU
each is at least one launch. For the compiled layer the kernels that the compiler has generated are
counted. Times are processor time on one thread: they say what the same change is worth where a
launch costs little, and nothing about a GPU.

    python book/experiments/fast_steps.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BOOK = Path(__file__).parent.parent
sys.path.insert(0, str(BOOK))

import record  # noqa: E402
from fast import graphs, torch_steps  # noqa: E402

OUT = record.DATA / "fast_steps.json"


def arguments(kind: str, T: int, N: int, D: int, H: int) -> list[Tensor]:
    """Inputs, first states and weights, all of which want gradients."""
    rng = np.random.default_rng(0)
    blocks = 4 if kind == "LSTM" else 3
    states = [(N, H)] * (2 if kind == "LSTM" else 1)
    biases = [(blocks * H,)] * (1 if kind == "LSTM" else 2)
    sizes = [(T, N, D), *states, (blocks * H, D), (blocks * H, H), *biases]
    return [torch.tensor(rng.normal(size=s) / s[-1] ** 0.5, dtype=torch.float32, requires_grad=True) for s in sizes]


def library(kind: str, given: list[Tensor]) -> Callable[..., Tensor]:
    """nn.LSTM or nn.GRU with the same weights."""
    layer = (nn.LSTM if kind == "LSTM" else nn.GRU)(given[0].shape[2], given[1].shape[1])
    weights = given[3:] if kind == "LSTM" else given[2:]
    with torch.no_grad():
        for own in layer.parameters():
            own.zero_()
        for own, theirs in zip(layer.parameters(), weights, strict=False):
            own.copy_(theirs)

    def call(x: Tensor, *rest: Tensor) -> Tensor:
        start = (rest[0][None], rest[1][None]) if kind == "LSTM" else rest[0][None]
        found: Tensor = layer(x, start)[0]
        return found

    return call


def states(found: Any) -> Tensor:
    """The hidden states among a layer's results."""
    return found[0] if isinstance(found, tuple) else found


def counted(layer: Callable[..., Any], kind: str, D: int) -> dict[str, dict[str, float]]:
    """Operators and products that a step adds, and those of the whole that no step adds.

    Two lengths are run; the difference is what the steps between them cost.
    """
    found: dict[str, dict[int, tuple[int, int]]] = {"forward": {}, "both": {}}
    for T in (10, 30):
        given = arguments(kind, T, 4, D, D)
        with torch_steps.Launches() as forward, torch.no_grad():
            layer(*given)
        with torch_steps.Launches() as both:
            states(layer(*given)).sum().backward()
        found["forward"][T] = forward.count, forward.products
        found["both"][T] = both.count, both.products
    return {
        part: {
            "operators": (counts[30][0] - counts[10][0]) / 20, "products": (counts[30][1] - counts[10][1]) / 20,
            "once": counts[10][0] - (counts[30][0] - counts[10][0]) / 2,
        }
        for part, counts in found.items()
    }  # fmt: skip


def generated_kernels(kind: str, H: int) -> dict[str, int]:
    """How many kernels the compiler makes of one step, beside the product: forward, and with backward."""
    from torch._inductor import metrics

    metrics.reset()
    torch._dynamo.reset()
    layer = graphs.compiled_lstm() if kind == "LSTM" else graphs.compiled_gru()
    given = arguments(kind, 1, 4, H, H)
    with torch.no_grad():
        layer(*given)
    forward = metrics.generated_kernel_count
    metrics.reset()
    torch._dynamo.reset()
    states(layer(*given)).sum().backward()
    return {"forward": forward, "both": metrics.generated_kernel_count}


def milliseconds(call: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Processor time of a call: least and median."""
    for _ in range(2):
        call()
    found: list[float] = []
    ends = time.monotonic() + seconds
    while time.monotonic() < ends or len(found) < 7:
        began = time.process_time_ns()
        call()
        found.append((time.process_time_ns() - began) / 1e6)
    return {"least": round(min(found), 2), "median": round(statistics.median(found), 2), "calls": len(found)}


def rows_of(kind: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each step of the page."""
    steps = torch_steps
    lstm = kind == "LSTM"
    given = arguments(kind, args.steps, args.batch, args.hidden, args.hidden)
    torch._dynamo.reset()
    layers: dict[str, Callable[..., Any]] = {
        "eager cells": steps.eager_lstm if lstm else steps.eager_gru,
        "fused gates": steps.fused_lstm if lstm else steps.fused_gru,
        "hoisted": steps.hoisted_lstm if lstm else steps.hoisted_gru,
        "compiled": graphs.compiled_lstm() if lstm else graphs.compiled_gru(),
        "nn." + kind: library(kind, given),
    }
    rows = []
    for name, layer in layers.items():
        row: dict[str, Any] = {"kind": kind, "variant": name}
        if name == "compiled":
            row["kernels"] = generated_kernels(kind, args.hidden)
            torch._dynamo.reset()
        elif not name.startswith("nn."):
            row["counts"] = counted(layer, kind, args.hidden)

        def forward(layer: Callable[..., Any] = layer) -> None:
            with torch.no_grad():
                layer(*given)

        def both(layer: Callable[..., Any] = layer) -> None:
            for v in given:
                v.grad = None
            states(layer(*given)).sum().backward()

        row |= {"forward_ms": milliseconds(forward, args.seconds), "both_ms": milliseconds(both, args.seconds)}
        rows.append(row)
        print(row, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each time")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for kind in ("LSTM", "GRU") for row in rows_of(kind, args)]
    about = record.head(args, "torch")
    about["machine"] += "; processor time"
    record.save(args.out, {"rows": rows, "about": about})


if __name__ == "__main__":
    main()
