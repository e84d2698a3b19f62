"""The tables of a whole class, from `data/class_run.json`.

`python -m tests.bench.class_run --json book/data/class_run.json` makes the figures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from IPython.display import HTML
from tables import Table, as_html, markdown

FIGURES = Path(__file__).parent / "data" / "class_run.json"
ROWS = 10
KINDS = {
    "solved": "solved", "half-done": "half done", "untouched": "untouched", "mistakes": "a known mistake",
    "variants": "another right way", "broken": "a damaged notebook", "no-notebook": "no notebook at all",
    "hostile": "hostile",
}  # fmt: skip


def class_table(part: str) -> HTML:
    """A table of the committed figures: "kinds" or "memory"."""
    return as_html(tables(json.loads(FIGURES.read_text(encoding="utf-8"))["class"])[part])


def as_markdown(found: dict[str, Any]) -> str:
    """All tables of these figures in Markdown."""
    return "\n\n".join(map(markdown, tables(found).values()))


def tables(found: dict[str, Any]) -> dict[str, Table]:
    """What a submission of each kind costs, and the memory of each process over the run."""
    kinds = [
        (KINDS.get(kind, kind), f"{cost['count']:,}", *(f"{cost[name]:.2f}" for name in ("median", "max")),
         f"{cost['sum']:,.0f}")
        for kind, cost in sorted(found["kernel_seconds"].items(), key=lambda item: -item[1]["count"])
    ]  # fmt: skip
    samples = found["memory"]
    shown = samples[:: max(1, len(samples) // ROWS)]
    shown += [] if samples[-1] is shown[-1] else [samples[-1]]
    memory = [
        (f"{sample['done']:,}", f"{sample['seconds']:,.0f}", *(f"{mib:.0f}" for mib in sample["mib"].values()))
        for sample in shown
    ]
    whole = (
        f"{found['submissions']:,} submissions ({found['students']:,} students, {found['chapters']} chapters) with "
        f"{found['jobs']} workers: {found['seconds']:,.0f} s, {found['per_second']:.2f} a second, "
        f"{found['seconds_per_submission']:.2f} s each"
    )
    head = ("submissions of this kind", "how many", "median, s", "largest, s", "sum, s")
    roles = (f"{role}, MiB" for role in samples[0]["mib"])
    return {
        "kinds": Table(f"{whole}. Time in the kernel:", head, tuple(kinds)),
        "memory": Table("Memory of the largest process of each sort", ("graded", "seconds", *roles), tuple(memory)),
    }
