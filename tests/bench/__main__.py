"""Measure, print tables in Markdown, and write JSON if asked to."""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import tests.bench
from tests.bench.figures import ROOT, BenchError, head
from tests.bench.grader import bench_grader
from tests.bench.others import bench_others
from tests.bench.site_build import bench_site

PARTS = ("grader", "others", "site")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=tests.bench.__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", nargs="?", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--notebooks", type=int, default=1000, help="how many for the memory's growth (1000)")
    arguments = parser.parse_args()
    if arguments.rounds < 1 or arguments.notebooks < 10:
        parser.error("at least one round, and ten notebooks")
    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f"{arguments.json}: there is no such folder to write to")
    figures: dict[str, Any] = head()
    try:
        for part in PARTS if arguments.what == "all" else (arguments.what,):
            figures[part] = _measure(part, arguments.rounds, arguments.notebooks)
            if arguments.json:
                arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    sys.path.insert(0, str(ROOT / "book"))
    print(import_module("bench_table").as_markdown(figures))
    return 0


def _measure(part: str, rounds: int, notebooks: int) -> dict[str, Any]:
    if part == "others":
        return bench_others(rounds)
    return bench_grader(rounds, notebooks) if part == "grader" else bench_site()


if __name__ == "__main__":
    sys.exit(main())
