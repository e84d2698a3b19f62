"""Every way of computing an LSTM and a GRU layer, timed on one GPU in one run.

For each hidden size, batch, length and dtype: eager cells, fused gates, hoisted projections, the
compiled step, CUDA graphs of it, cuDNN's layer, and the persistent Triton kernel; forwards alone, and
forwards with backwards. Times are CUDA events around single calls, after a warm-up; the median and
the quartiles are kept. Each variant's results are compared with cuDNN's in float64 first, and the
largest difference is kept beside its time. TF32 is off.

    python book/experiments/fast_gpu.py            # about ten minutes on an H100
    python book/experiments/fast_gpu.py --quick    # one shape
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

BOOK = Path(__file__).parent.parent
sys.path.insert(0, str(BOOK))

import record  # noqa: E402
from fast import graphs, torch_steps  # noqa: E402
from fast.roofline import DEVICES, floor, work  # noqa: E402

OUT = record.DATA / "fast_gpu.json"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
KINDS = {"LSTM": (nn.LSTM, 4), "GRU": (nn.GRU, 3)}
VARIANTS = ("eager cells", "fused gates", "hoisted", "compiled", "CUDA graph", "cuDNN", "Triton")


@dataclass(frozen=True)
class Shape:
    """Sizes of one measurement; the layer has as many inputs as hidden units."""

    kind: str
    dtype: str
    H: int
    N: int
    T: int


def arguments(shape: Shape, device: str) -> tuple[nn.Module, list[Tensor], Tensor]:
    """PyTorch's layer, the arguments that all variants take, and what arrives at the states."""
    rng = np.random.default_rng(0)
    layer_type, _ = KINDS[shape.kind]
    torch.manual_seed(0)
    layer = layer_type(shape.H, shape.H)
    if shape.kind == "LSTM":
        nn.init.zeros_(layer.bias_hh_l0)  # the variants have one bias

    def draw(*sizes: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=sizes)).to(device, DTYPES[shape.dtype])

    layer = layer.to(device, DTYPES[shape.dtype])
    states = [draw(shape.N, shape.H) / 2 for _ in range(2 if shape.kind == "LSTM" else 1)]
    weights = list(layer.parameters())[: 3 if shape.kind == "LSTM" else 4]
    given = [draw(shape.T, shape.N, shape.H), *states, *(w.detach().clone() for w in weights)]
    return layer, [v.requires_grad_() for v in given], draw(shape.T, shape.N, shape.H)


def states_only(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """The same function, with the hidden states as its only result."""

    def only(*given: Tensor) -> Tensor:
        found = function(*given)
        return found[0] if isinstance(found, tuple) else found

    return only


def library(layer: nn.Module, kind: str) -> Callable[..., Tensor]:
    """PyTorch's own layer, cuDNN's on a GPU, called like the others; its weights are the module's."""

    def call(x: Tensor, *given: Tensor) -> Tensor:
        start = (given[0][None], given[1][None]) if kind == "LSTM" else given[0][None]
        found: Tensor = layer(x, start)[0]
        return found

    return call


def variants(shape: Shape, layer: nn.Module) -> dict[str, Callable[..., Tensor]]:
    """What is compared, slow to fast; each takes the same arguments and returns all states."""
    lstm = shape.kind == "LSTM"
    steps = torch_steps
    compiled = states_only(graphs.compiled_lstm() if lstm else graphs.compiled_gru())
    found = {
        "eager cells": states_only(steps.eager_lstm if lstm else steps.eager_gru),
        "fused gates": states_only(steps.fused_lstm if lstm else steps.fused_gru),
        "hoisted": states_only(steps.hoisted_lstm if lstm else steps.hoisted_gru),
        "compiled": compiled,
        "CUDA graph": compiled,  # recorded in `measure`
        "cuDNN": library(layer, shape.kind),
    }
    try:
        from fast.triton_gru import gru
        from fast.triton_lstm import lstm as triton_lstm
    except ImportError:
        return found
    return found | {"Triton": states_only(triton_lstm if lstm else gru)}


def reference(shape: Shape, layer: nn.Module, given: list[Tensor], up: Tensor) -> list[Tensor]:
    """States and gradients by PyTorch's layer in float64."""
    wide = KINDS[shape.kind][0](shape.H, shape.H).to(up.device, torch.float64)
    copies = [v.detach().double().requires_grad_() for v in given]
    begin = 3 if shape.kind == "LSTM" else 2
    with torch.no_grad():
        for own, theirs in zip(wide.parameters(), layer.parameters(), strict=True):
            own.copy_(theirs.double())
    start = (copies[1][None], copies[2][None]) if shape.kind == "LSTM" else copies[1][None]
    states = wide(copies[0], start)[0]
    inputs = [*copies[:begin], *list(wide.parameters())[: len(given) - begin]]
    return [states.detach(), *torch.autograd.grad(states, inputs, up.double())]


def largest_error(function: Callable[..., Tensor], given: list[Tensor], up: Tensor, expected: list[Tensor]) -> float:
    """The largest difference of states and gradients from float64, as a part of the largest entry."""
    states = function(*given)
    found = [states, *torch.autograd.grad(states, given, up, allow_unused=True)]
    errors = []
    for mine, theirs in zip(found, expected, strict=True):
        if mine is not None:  # the library's weights are the module's own
            errors.append(float((mine.double() - theirs).abs().max() / theirs.abs().max().clamp(min=1e-30)))
    return max(errors)


def timed(call: Callable[[], Any], seconds: float = 1.0) -> dict[str, float]:
    """Milliseconds of one call: median and quartiles of CUDA events around single calls."""
    for _ in range(5):
        call()
    torch.cuda.synchronize()
    found: list[float] = []
    while len(found) < 15 or (sum(found) < 1000 * seconds and len(found) < 200):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        call()
        end.record()
        end.synchronize()
        found.append(begin.elapsed_time(end))
    low, middle, high = statistics.quantiles(found, n=4)
    return {"median": round(middle, 4), "low": round(low, 4), "high": round(high, 4), "calls": len(found)}


def measure(name: str, function: Callable[..., Tensor], layer: nn.Module, given: list[Tensor], up: Tensor,
            expected: list[Tensor]) -> dict[str, Any]:  # fmt: skip
    """Error and times of one variant; for the library the weights that get gradients are the module's."""
    forward = training = function
    if name == "CUDA graph":
        training = graphs.recorded_for_training(function, given)
        forward = graphs.recorded(function, given)
    error = largest_error(training, given, up, expected)
    wanted = [v for v in given if name != "cuDNN"] or [given[0], *layer.parameters()]

    def alone() -> None:
        with torch.no_grad():
            forward(*given)

    def both() -> None:
        torch.autograd.grad(training(*given), wanted, up, allow_unused=True)

    return {"error": float(f"{error:.2g}"), "forward": timed(alone), "both": timed(both)}


def rows_of(shape: Shape, chosen: list[str]) -> list[dict[str, Any]]:
    """All variants at one shape; one that cannot run says why."""
    torch._dynamo.reset()
    layer, given, up = arguments(shape, "cuda")
    expected = reference(shape, layer, given, up)
    rows = []
    for name, function in variants(shape, layer).items():
        if name not in chosen:
            continue
        row: dict[str, Any] = {"variant": name, **vars(shape)}
        try:
            row |= measure(name, function, layer, given, up, expected)
        except Exception as problem:  # a variant that does not fit is a result too
            row["cannot"] = f"{type(problem).__name__}: {str(problem).splitlines()[0][:120]}"
        rows.append(row)
        both = row.get("both", {}).get("median", row.get("cannot"))
        print(f"{shape}  {name:12} forward and backward: {both}", flush=True)
    return rows


def with_floor(row: dict[str, Any], device: str) -> dict[str, Any]:
    """Sequence steps per second and the part of the floor that was reached, where the device is known."""
    known = next((d for key, d in DEVICES.items() if key in device), None)
    for part in ("forward", "both"):
        if part not in row:
            continue
        seconds = row[part]["median"] / 1000
        row[part]["steps_per_second"] = round(row["N"] * row["T"] / seconds)
        if known:
            size = DTYPES[row["dtype"]].itemsize
            done = work(row["T"], row["N"], row["H"], row["H"], size, row["kind"], backward=part == "both")
            row[part]["of_floor"] = float(f"{floor(done, known, row['dtype'])['floor'] / seconds:.3g}")
    return row


def shapes(args: argparse.Namespace) -> list[Shape]:
    """What is measured."""
    if args.quick:
        return [Shape("LSTM", dtype, 128, 32, 64) for dtype in args.dtypes]
    return [
        Shape(kind, dtype, H, N, T)
        for kind in args.kinds for dtype in args.dtypes for H in args.hidden for N in args.batch for T in args.steps
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one shape only")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--dtypes", nargs="+", default=list(DTYPES), choices=list(DTYPES))
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 128, 256, 512])
    parser.add_argument("--batch", type=int, nargs="+", default=[16, 64])
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 256])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("fast_gpu: no CUDA device here, so there is nothing to measure; nothing was written.")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    device = torch.cuda.get_device_name()
    began = datetime.datetime.now(datetime.UTC)
    rows = [with_floor(row, device) for shape in shapes(args) for row in rows_of(shape, args.variants)]
    about = record.head(args, "torch", "triton") | {"device": device, "date": began.date().isoformat()}
    about["versions"] |= {"cuda": torch.version.cuda, "cudnn": str(torch.backends.cudnn.version())}
    record.save(args.out, {"rows": rows, "about": about})


if __name__ == "__main__":
    main()
