"""The table of what a page costs its reader, from `data/page_metrics.json`.

`python -m tests.bench.page_metrics` makes the figures.
"""

from __future__ import annotations

import json
from pathlib import Path

from IPython.display import HTML
from tables import Table, as_html

FIGURES = Path(__file__).parent / "data" / "page_metrics.json"
HEAD = ("page", "kB, compressed", "requests", "largest paint, s", "layout shift", "blocked, s")


def page_table() -> HTML:
    """One row for each measured page, and below the table how it was measured."""
    measured = json.loads(FIGURES.read_text(encoding="utf-8"))
    about = measured["about"]
    rows = [
        (
            page["page"].removeprefix("book/"),
            f"{page['kB']:.0f}",
            f"{page['requests']}",
            f"{page['lcp_ms'] / 1000:.1f}",
            f"{page['cls']:.3f}",
            f"{page['tbt_ms'] / 1000:.1f}",
        )
        for page in measured["pages"]
    ]
    exercise = measured["exercise"]
    caption = (
        f"First visit: processor slowed down {about['settings']['processor slowed down']} times, 10 Mbit/s, 40 ms. "
        f"The first verdict on an exercise of the page {exercise['page'].removeprefix('book/')} brings its total to "
        f"{exercise['kB'] / 1000:.1f} MB in {exercise['requests']} requests and takes {exercise['cold_s']:.1f} s "
        f"at the machine's own speed; the next ones take {exercise['warm_ms']:.0f} ms "
        f"(median of {exercise['warm_runs']}). "
        f"Measured on {about['machine']['cores']} cores with a load of {about['machine']['load']}: {about['command']}"
    )
    return as_html(Table(caption, HEAD, tuple(rows)))
