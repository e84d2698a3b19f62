"""Speed and memory, measured: `make bench` (or `python -m tests.bench [--json FILE] [grader|site]`).

Nothing here passes or fails; figures differ between machines. The tests never measure time.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autograder.grade import grade_files, open_course
from autograder.kernel import KernelSettings, open_kernels
from autograder.record import versions
from tests.submissions.samples import chapter, chapters, good

ROOT = Path(__file__).parents[1]
RUNS = 5


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def median_of(action: Callable[[], object], runs: int = RUNS) -> float:
    """The median of several runs, after one that is not counted."""
    action()
    return statistics.median(timed(action) for _ in range(runs))


def bench_grader() -> dict[str, Any]:
    """Seconds for a solved notebook of each chapter, the command's start, memory."""
    found: dict[str, Any] = {"seconds per solved notebook, sixteen at a time": {}}
    with tempfile.TemporaryDirectory() as name, open_kernels() as kernels:
        folder = Path(name)
        course = open_course(kernels, folder / "cache")
        for title in chapters():
            solved = next(iter(good(chapter(title)))).content
            paths = [folder / f"{title}-{i}.ipynb" for i in range(16)]
            for path in paths:
                path.write_bytes(solved)
            seconds = median_of(lambda paths=paths: grade_files(paths, course, KernelSettings(seed=1)))
            found["seconds per solved notebook, sixteen at a time"][title] = round(seconds / 16, 4)
        program = str(Path(sys.executable).with_name("autograder"))
        command = [program, "check", str(folder / "equations-0.ipynb")]
        found["autograder check, from start to end (s)"] = round(
            median_of(lambda: subprocess.run(command, capture_output=True, check=True)), 2
        )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grade_files([folder / "equations-0.ipynb"] * 320, course, KernelSettings(seed=1))
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        found["growth of the grader over 320 notebooks (MB)"] = round(grown / 1024, 1)
    return found


def bench_site() -> dict[str, Any]:
    """Seconds for a cold build of the site, and for a rebuild after one prose change."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "course"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", "tmp*"))
        (copy / ".git").mkdir()
        build = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "--keep-going", "-n"]

        def run() -> None:
            subprocess.run(build, cwd=copy, check=True, capture_output=True)

        cold = timed(run)
        page = copy / "book" / "bptt.md"
        page.write_text(page.read_text() + "\nOne more sentence.\n")
        return {
            "cold build of the site (s)": round(cold, 1),
            "rebuild after one prose change (s)": round(timed(run), 1),
        }


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("grader", "site", "all"), default="all")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"machine": f"{platform.machine()}, {platform.system()}", "versions": versions()}
    if arguments.what in ("grader", "all"):
        figures |= bench_grader()
    if arguments.what in ("site", "all"):
        figures |= bench_site()
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
