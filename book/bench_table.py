"""The benchmark's tables, drawn from its figures in `data/bench_grader.json`.

`python -m tests.bench` makes the figures; it prints the same tables in Markdown.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from IPython.display import HTML
from tables import Table, as_html, markdown

FIGURES = Path(__file__).parent / "data" / "bench_grader.json"
LIBRARIES = {"numpy": "NumPy", "torch": "PyTorch"}
GRADERS = {"ours": "this grader", "nbval": "pytest --nbval", "nbgrader": "nbgrader", "otter": "Otter", "floor": "floor"}
PACKAGES = {"nbval": "nbval", "nbgrader": "nbgrader", "otter": "otter-grader"}


def bench_table(part: str) -> HTML:
    """A table of the committed figures: "notebook", "class", "start", "chapters", "memory" or "site"."""
    return as_html(tables(json.loads(FIGURES.read_text(encoding="utf-8")))[part])


def measured_on() -> HTML:
    """When, where and with what the committed figures were measured, as a sentence."""
    return HTML(f"<p>{html.escape(_measured_on(json.loads(FIGURES.read_text(encoding='utf-8'))))}</p>")


def as_markdown(figures: dict[str, Any]) -> str:
    """All tables of these figures in Markdown."""
    return "\n\n".join([_measured_on(figures), *map(markdown, tables(figures).values())])


def tables(figures: dict[str, Any]) -> dict[str, Table]:
    """What can be drawn from these figures: each part of the benchmark may be missing."""
    found = {}
    if "others" in figures:
        found["notebook"] = _against_others(figures, "marginal", "Seconds for one more notebook of {cells} cells")
        found["class"] = _against_others(
            figures, "whole", "Seconds for a class of {notebooks} notebooks, start-up included"
        )
    if "grader" in figures:
        found |= _of_ours(figures["grader"])
    if "site" in figures:
        site = figures["site"]
        rows = (("cold build", f"{site['cold']:g}"), ("rebuild after one sentence", f"{site['rebuild']:g}"))
        found["site"] = Table("Seconds for building the site", ("build", "seconds"), rows)
    return found


def _against_others(figures: dict[str, Any], what: str, title: str) -> Table:
    others = figures["others"]
    rows = []
    for name, label in GRADERS.items():
        row = [label if name not in PACKAGES else f"{label} {others['versions'][name][PACKAGES[name]]}"]
        for library in LIBRARIES:
            measured = others["banks"][library][name][what]
            row += [_spread(measured), _ratio(measured["ratio"])]
        rows.append(tuple(row))
    head = ("grader", *(name for library in LIBRARIES.values() for name in (library, "to ours")))
    return Table(title.format(**others), head, tuple(rows))


def _of_ours(grader: dict[str, Any]) -> dict[str, Table]:
    start = (
        ("first kernel ready", _spread(grader["ready"])),
        ("autograder check: first verdict", _spread(grader["first_verdict"])),
        ("autograder check: all verdicts, process ended", _spread(grader["check"])),
    )
    chapters = tuple((name, _spread(seconds)) for name, seconds in grader["chapters"].items())
    memory = tuple((f"{m['notebooks']:,}", f"{m['grader_mib']:g}", f"{m['kept_mib']:g}") for m in grader["memory"])
    return {
        "start": Table("Seconds from the start of the command", ("until", "seconds"), start),
        "chapters": Table("Seconds for a solved notebook of each chapter", ("chapter", "seconds"), chapters),
        "memory": Table("Memory after so many notebooks (MiB)", ("notebooks", "grader", "fork server"), memory),
    }


def _spread(measured: dict[str, float]) -> str:
    """The median, and the range if there is one."""
    median, low, high = (_number(measured[name]) for name in ("median", "min", "max"))
    return median if low == high else f"{median} ({low}–{high})"


def _ratio(times: float) -> str:
    return f"{times:.0f}×" if times >= 10 or times == 1 else f"{times:.1f}×" if times > 1 else f"{times:.2f}×"


def _number(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds < 1 else f"{seconds:.2f}" if seconds < 10 else f"{seconds:.1f}"


def _measured_on(figures: dict[str, Any]) -> str:
    machine, versions = figures["machine"], figures["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    rounds = next((figures[part]["rounds"] for part in ("others", "grader") if part in figures), 1)
    times = f" Medians of {rounds} rounds, smallest and largest in brackets." if rounds > 1 else ""
    cores = f"{machine['cores']} cores ({machine['architecture']}, {machine['system']}, {machine['memory_gib']} GiB)"
    where = f"Measured on {figures['date']} on {cores}, one numerical thread, with {named}."
    return f"{where} Sandbox of this grader's kernels: {figures['sandbox']}.{times}"
