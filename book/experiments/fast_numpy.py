"""The NumPy layers of `book/fast/numpy_cells.py` against PyTorch's, on one thread, in one run.

For RNN, GRU and LSTM and several hidden sizes: forwards, and backwards, in float64 and float32. The
two libraries take turns, call by call, so that both see the same machine; the processor time of each
call is taken, and the least of all calls is kept beside the median.

    python book/experiments/fast_numpy.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before NumPy is imported

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

BOOK = Path(__file__).parent.parent
sys.path.insert(0, str(BOOK))

import record  # noqa: E402
from fast import numpy_cells  # noqa: E402

from autograder.reference import functions  # noqa: E402

OUT = record.DATA / "fast_numpy.json"
KINDS = {"RNN": (nn.RNN, 1), "GRU": (nn.GRU, 3), "LSTM": (nn.LSTM, 4)}
Call = Callable[[], Any]


def calls(kind: str, T: int, N: int, H: int, dtype: str) -> dict[str, tuple[Call, Call]]:
    """Forward, and forward with backward, of each contender, on the same numbers; D is H."""
    rng = np.random.default_rng(0)
    layer_type, blocks = KINDS[kind]

    def draw(*shape: int) -> np.ndarray:
        return (rng.normal(size=shape) / shape[-1] ** 0.5).astype(dtype)

    x, h0, c0, up, nothing = draw(T, N, H), draw(N, H), draw(N, H), draw(T, N, H), np.zeros((N, H), dtype)
    W, U, b, b_hh = draw(blocks * H, H), draw(blocks * H, H), draw(blocks * H), draw(blocks * H)
    layer = layer_type(H, H).to(getattr(torch, dtype))
    tensors = [torch.from_numpy(v) for v in (x, h0, c0, up)]
    inputs = [v[None] if v.dim() == 2 else v for v in tensors]
    start = (inputs[1], inputs[2]) if kind == "LSTM" else inputs[1]
    leaf = tensors[0].clone().requires_grad_()

    def torch_forward() -> Any:
        with torch.no_grad():
            return layer(inputs[0], start)

    def torch_both() -> Any:
        layer.zero_grad()
        leaf.grad = None
        layer(leaf, start)[0].backward(tensors[3])

    own: dict[str, tuple[Call, Call]]
    if kind == "LSTM":
        plain = functions("lstm")

        def lstm_both(module: Any) -> Any:
            states = module.lstm_forward(x, h0, c0, W, U, b)
            return module.lstm_backward(up, nothing, x, h0, c0, *states, W, U)

        own = {
            "NumPy": (lambda: numpy_cells.lstm_forward(x, h0, c0, W, U, b), lambda: lstm_both(numpy_cells)),
            "exercise": (lambda: plain.lstm_forward(x, h0, c0, W, U, b), lambda: lstm_both(plain)),
        }
    elif kind == "GRU":
        fast = numpy_cells

        def gru_both() -> Any:
            states = fast.gru_forward_reset_after(x, h0, W, U, b, b_hh)
            return fast.gru_backward_reset_after(up, x, h0, *states, W, U)

        own = {"NumPy": (lambda: fast.gru_forward_reset_after(x, h0, W, U, b, b_hh), gru_both)}
    else:

        def rnn_both() -> Any:
            return numpy_cells.rnn_backward(up, nothing, x, h0, numpy_cells.rnn_forward(x, h0, W, U, b), W, U)

        own = {"NumPy": (lambda: numpy_cells.rnn_forward(x, h0, W, U, b), rnn_both)}
    return own | {"PyTorch": (torch_forward, torch_both)}


def processor_milliseconds(call: Call) -> float:
    """Processor time of one call: what another program does meanwhile is not counted."""
    began = time.process_time_ns()
    call()
    return (time.process_time_ns() - began) / 1e6


def measured(kind: str, T: int, N: int, H: int, dtype: str, seconds: float) -> list[dict[str, Any]]:
    """Rows of one shape: the contenders take turns until the time is up."""
    contenders = calls(kind, T, N, H, dtype)
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in contenders}
    for pair in contenders.values():
        for call in pair:
            call()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends or len(found["PyTorch"][0]) < 9:
        for name, pair in contenders.items():
            for times, call in zip(found[name], pair, strict=True):
                times.append(processor_milliseconds(call))
    about = {"kind": kind, "dtype": dtype, "H": H, "N": N, "T": T}
    rows = []
    for name, (forward, both) in found.items():
        row = {"who": name, **about, "calls": len(forward)}
        for part, times in (("forward", forward), ("both", both)):
            row[part] = {"least": round(min(times), 3), "median": round(statistics.median(times), 3)}
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, nargs="+", default=[32, 64, 128, 256, 512])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=4.0, help="for each shape")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for dtype in ("float64", "float32"):
        for kind in KINDS:
            for H in args.hidden:
                rows += measured(kind, args.steps, args.batch, H, dtype, args.seconds)
                both = {row["who"]: row["both"]["least"] for row in rows[-3 if kind == "LSTM" else -2 :]}
                print(f"{kind} {dtype} H={H}: NumPy / PyTorch {both['NumPy'] / both['PyTorch']:.2f}", both, flush=True)
    about = record.head(args, "torch", "numpy")
    about["machine"] += "; processor time"
    record.save(args.out, {"rows": rows, "about": about})


if __name__ == "__main__":
    main()
