"""Results of the chapter Experiments: read, printed beside published numbers, and drawn with their bands.

Belongs here: what several experiments of that page show in the same way. Does not belong here: how
the results were made (``experiments/``), and what plots of all pages share (:mod:`figures`).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import plot_axes, show

DATA = Path(__file__).resolve().parent / "data"
Runs = list[dict[str, Any]]


def results(name: str) -> dict[str, Any]:
    """What a script wrote: ``about``, ``bands`` and ``runs``."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def chosen(runs: Runs, **setting: Any) -> Runs:
    """The runs with a setting, in the order of their seeds."""
    found = [run for run in runs if all(run[key] == value for key, value in setting.items())]
    return sorted(found, key=lambda run: run["seed"])


def numbers(runs: Runs, metric: str, **setting: Any) -> np.ndarray:
    """One number of each of these runs, (seeds,)."""
    return np.array([run[metric] for run in chosen(runs, **setting)], dtype=float)


def spread(values: Sequence[float] | np.ndarray, form: str = ".3g") -> str:
    """The median, and in brackets the least and the greatest."""
    low, high = np.min(values), np.max(values)
    return f"{np.median(values):{form}} [{low:{form}}, {high:{form}}]"


def made_by(record: dict[str, Any]) -> None:
    """Print how a record was made."""
    about = record["about"]
    minutes = about["processor_seconds"] / 60
    print(about["command"])
    print(f"{len(record['runs'])} runs, {minutes:.0f} min of processor time")
    for machine in about["machines"]:
        print(textwrap.fill(machine, 40))


def held(curves: Sequence[Sequence[Sequence[float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Curves of pairs (update, value) on common updates, (points,) and (seeds, points).

    A curve that ended early, because its network had solved the task, keeps its last value.
    """
    updates = np.array(sorted({update for curve in curves for update, _ in curve}))
    rows = []
    for curve in curves:
        at, value = np.array(curve, dtype=float).T
        rows.append(value[np.searchsorted(at, updates, side="right") - 1])
    return updates, np.array(rows)


def band_lines(
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]],
    x_label: str,
    y_label: str,
    alt: str,
    *,
    dress: Callable[[Any], None] | None = None,
    size: tuple[float, float] = (5.4, 3.2),
) -> Any:
    """Draw a median line for each entry and shade from the least to the greatest of its runs.

    Parameters
    ----------
    lines
        By name, points (points,) and values (seeds, points).
    dress
        What else is to be done with the axes: scales, limits, a line at the baseline.
    """
    fig, ax = plot_axes(x_label, y_label, size=size)
    for name, (x, rows) in lines.items():
        (line,) = ax.plot(x, np.median(rows, axis=0), label=name)
        ax.fill_between(x, rows.min(axis=0), rows.max(axis=0), color=line.get_color(), alpha=0.16, linewidth=0)
    if dress:
        dress(ax)
    return show(fig, alt)
