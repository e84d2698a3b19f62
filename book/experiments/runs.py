"""What the scripts of the chapter Experiments share: networks, the training loop, and the results' file.

Belongs here: the four cells as the papers start them, one loop that trains any of them, and the
record of what was run, by which seed, on what, and how the seeds differ. Does not belong here: a
task, its sizes, and what is measured in it; those are what a script ``exp_*.py`` says.

Every script takes the same options. A run that is in the file already is not run again, so a
script that was stopped goes on where it was::

    python book/experiments/exp_adding.py [--seeds 5] [--quick | --full] [--device cpu] [--out FILE]

``--check`` runs everything again beside the committed file, and says which numbers leave their bands.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import record
import torch
from torch import nn

HERE = Path(__file__).resolve().parent
SCHEMA = "unrolled/experiment/v1"
CELLS = ("RNN", "IRNN", "LSTM", "GRU")
BLOCKS = {"RNN": 1, "IRNN": 1, "LSTM": 4, "GRU": 3}

Setting = dict[str, Any]
Result = dict[str, Any]
Size = Literal["quick", "cpu", "full"]


def make_cell(name: str, input_size: int, hidden_size: int, forget_bias: float | None = 1.0) -> nn.RNNBase:
    """One recurrent layer, started as its paper starts it.

    Parameters
    ----------
    name
        ``RNN`` (tanh), ``IRNN`` (ReLU, recurrent weights the identity, input weights of deviation
        0.001, biases 0; Le, Jaitly and Hinton 2015), ``LSTM`` or ``GRU`` (both as PyTorch draws them).
    forget_bias
        The LSTM's forget bias in total; ``None`` leaves what PyTorch drew.
    """
    if name == "GRU":
        return nn.GRU(input_size, hidden_size)
    if name == "RNN":
        return nn.RNN(input_size, hidden_size)
    with torch.no_grad():
        if name == "IRNN":
            cell = nn.RNN(input_size, hidden_size, nonlinearity="relu")
            nn.init.normal_(cell.weight_ih_l0, std=0.001)
            nn.init.eye_(cell.weight_hh_l0)
            nn.init.zeros_(cell.bias_ih_l0)
            nn.init.zeros_(cell.bias_hh_l0)
            return cell
        lstm = nn.LSTM(input_size, hidden_size)
        if forget_bias is not None:
            forget = slice(hidden_size, 2 * hidden_size)
            lstm.bias_ih_l0[forget], lstm.bias_hh_l0[forget] = forget_bias, 0.0
        return lstm


class Network(nn.Module):
    """One recurrent layer and a linear layer on its last state, or on every state.

    Takes ``(T, N, D)``; gives ``(N, C)``, or ``(T, N, C)`` with ``every_step``.
    """

    def __init__(self, cell: nn.RNNBase, output_size: int, *, every_step: bool = False) -> None:
        super().__init__()
        self.cell, self.every_step = cell, every_step
        self.output = nn.Linear(cell.hidden_size, output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs for the sequences ``x``."""
        states, _ = self.cell(x)
        return self.output(states if self.every_step else states[-1])


def count(cell: str, input_size: int, hidden_size: int, output_size: int) -> int:
    """Parameters of a :class:`Network`, both of PyTorch's biases included."""
    return BLOCKS[cell] * hidden_size * (input_size + hidden_size + 2) + output_size * (hidden_size + 1)


def fit(
    network: nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    measure: Callable[[], float],
    *,
    lr: float,
    every: int,
    solved: float = -math.inf,
    clip: float = 1.0,
) -> list[tuple[int, float]]:
    """Train with Adam, gradients clipped to the global norm ``clip``; return what was measured.

    ``measure`` is called before the first update and after every ``every`` updates. Training ends
    with the batches, or when it gives less than ``solved``, or when the loss is no longer a number.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    curve = [(0, measured(network, measure))]
    for update, (x, target) in enumerate(batches, start=1):
        now = loss(network(x), target)
        optimizer.zero_grad()
        now.backward()
        nn.utils.clip_grad_norm_(network.parameters(), clip)
        optimizer.step()
        if update % every == 0:
            curve.append((update, measured(network, measure)))
            if curve[-1][1] < solved or not math.isfinite(curve[-1][1]):
                break
    return curve


def measured(network: nn.Module, measure: Callable[[], float]) -> float:
    """Five digits of ``measure()``, taken without gradients."""
    network.eval()
    with torch.no_grad():
        value = float(f"{measure():.5g}")
    network.train()
    return value


@dataclass(frozen=True)
class Experiment:
    """One experiment: what is to be run, how one run is made, and which of its numbers count.

    ``plan(size)`` lists the settings, ``run(setting, seed, device)`` trains once and returns numbers,
    and for every name in ``metrics`` the file gets the spread over the seeds of each setting.
    """

    name: str
    doc: str
    plan: Callable[[Size], list[Setting]]
    run: Callable[[Setting, int, torch.device], Result]
    metrics: tuple[str, ...]
    seeds: int = 5

    @property
    def file(self) -> Path:
        """Where the committed results are."""
        return record.DATA / f"{self.name}.json"

    def main(self, arguments: list[str] | None = None) -> None:
        """Run what the file does not hold yet, and write it after every run.

        Raises
        ------
        SystemExit
            With ``--check``, if a number lies outside its committed band.
        """
        parser = argparse.ArgumentParser(description=self.doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        size = parser.add_mutually_exclusive_group()
        size.add_argument("--quick", dest="size", action="store_const", const="quick", help="a few seconds")
        size.add_argument("--full", dest="size", action="store_const", const="full", help="the long settings too")
        parser.add_argument("--seeds", type=int, default=None, help=f"seeds 0 to this minus 1 (default {self.seeds})")
        parser.add_argument("--device", default="cpu", help="cpu, cuda or mps")
        parser.add_argument("--check", action="store_true", help="run again, and compare with the committed bands")
        parser.add_argument("--out", type=Path, default=None, help=f"default: {self.file.name} in book/data")
        args = parser.parse_args(arguments)
        args.size = args.size or "cpu"
        seeds = args.seeds or (1 if args.size == "quick" else self.seeds)
        aside = HERE.parents[1] / "_build" / "experiments" / args.size / self.file.name
        out = args.out or (aside if args.check or args.size == "quick" else self.file)
        torch.set_num_threads(1)
        device = torch.device(args.device)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        runs = json.loads(out.read_text())["runs"] if out.exists() and args.size != "quick" else []
        # One seed of everything first, so that a script that is stopped has something of all.
        for seed in range(seeds):
            for setting in self.plan(args.size):
                if find(runs, setting, seed):
                    continue
                runs.append(setting | {"seed": seed} | self.timed(setting, seed, device))
                self.write(out, runs)
                numbers = " ".join(f"{name} {runs[-1][name]:.4g}" for name in self.metrics)
                what = " ".join(str(value) for value in setting.values())
                print(f"{self.name}: {what}, seed {seed}: {numbers}, {runs[-1]['seconds']:.1f} s", flush=True)
        self.write(out, runs)
        if args.check:
            wrong = self.outside(runs)
            count = len(runs) * len(self.metrics)
            print(*wrong, f"{self.name}: {count - len(wrong)} of {count} numbers are in their bands", sep="\n")
            if wrong:
                sys.exit(1)

    def timed(self, setting: Setting, seed: int, device: torch.device) -> Result:
        """One run, with what it took and where."""
        began, worked = time.perf_counter(), time.process_time()
        result = self.run(setting, seed, device)
        return result | {
            "seconds": round(time.perf_counter() - began, 2),
            "processor_seconds": round(time.process_time() - worked, 2),
            "machine": record.machine(device),
        }

    def outside(self, runs: list[Result]) -> list[str]:
        """The numbers of ``runs`` that lie outside the committed bands, a line each."""
        committed = json.loads(self.file.read_text())["bands"]
        lines = []
        for run in runs:
            bands = [b for b in committed if matches(run, {k: v for k, v in b.items() if not isinstance(v, dict)})]
            for name in self.metrics:
                held = any(within(run[name], b[name]) for b in bands)
                if not held:
                    setting = {k: v for k, v in run.items() if bands and k in bands[0] and k not in self.metrics}
                    wanted = bands[0][name].get("expected") if bands else "nothing committed"
                    lines.append(f"{self.name}: {setting}, seed {run['seed']}: {name} {run[name]:.5g}, not in {wanted}")
        return lines

    def write(self, out: Path, runs: list[Result]) -> None:
        """Write the runs with their bands and what a reader needs to repeat them."""
        own = {key for size in ("quick", "cpu", "full") for setting in self.plan(size) for key in setting}
        settings = [dict(items) for items in dict.fromkeys(tuple((k, r[k]) for k in r if k in own) for r in runs)]
        bands = [
            setting | {name: band([r[name] for r in runs if matches(r, setting)]) for name in self.metrics}
            for setting in settings
        ]
        about = {
            "schema": SCHEMA,
            "command": f"python book/experiments/{self.name}.py",
            "metrics": list(self.metrics),
            "seeds": sorted({run["seed"] for run in runs}),
            "machines": sorted({run["machine"] for run in runs}),
            "torch_threads": torch.get_num_threads(),
            "seconds": round(sum(run["seconds"] for run in runs)),
            "processor_seconds": round(sum(run["processor_seconds"] for run in runs)),
            "versions": record.versions("torch", "numpy"),
        }
        record.write(out, {"about": about, "bands": bands, "runs": runs})


def matches(run: Result, setting: Setting) -> bool:
    """Was ``run`` made with ``setting``?"""
    return all(run.get(key) == value for key, value in setting.items())


def find(runs: list[Result], setting: Setting, seed: int) -> list[Result]:
    """The runs with a setting and a seed: one or none."""
    return [run for run in runs if run["seed"] == seed and matches(run, setting)]


def band(values: list[float]) -> dict[str, Any]:
    """How the seeds differ, and the interval in which a run of any one seed is expected again.

    ``expected`` is the range from least to greatest, widened on both sides by half of itself and
    by a fiftieth of the median: another processor rounds differently, and training amplifies it.
    """
    kept = [value for value in values if math.isfinite(value)]
    if not kept:
        return {"n": len(values), "finite": 0}
    q1, median, q3 = (float(v) for v in np.quantile(kept, (0.25, 0.5, 0.75)))
    low, high = min(kept), max(kept)
    room = (high - low) / 2 + abs(median) / 50
    numbers = {"min": low, "q1": q1, "median": median, "q3": q3, "max": high}
    return {"n": len(values), "finite": len(kept)} | {k: float(f"{v:.5g}") for k, v in numbers.items()} | {
        "expected": [float(f"{v:.5g}") for v in (low - room, high + room)]
    }  # fmt: skip


def within(value: float, band: dict[str, Any]) -> bool:
    """Is a number where :func:`band` expects it? What is no number belongs where one was before."""
    if not math.isfinite(value):
        return bool(band["finite"] < band["n"])
    low, high = band.get("expected", (math.inf, -math.inf))
    return bool(low <= value <= high)


def to(device: torch.device, *arrays: np.ndarray) -> tuple[torch.Tensor, ...]:
    """NumPy arrays as tensors on the device, floats in float32."""
    tensors = (torch.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return tuple((t.float() if t.is_floating_point() else t).to(device) for t in tensors)


if __name__ == "__main__":
    sys.exit("this module is what the scripts exp_*.py share; run one of those")
