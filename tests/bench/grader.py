"""Our grader on the real course: start-up, the first verdict, each chapter, memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autograder.grade import SESSION, grade_files, open_course
from autograder.kernel import KernelSettings, open_kernels
from autograder.keys import load_key
from tests.bench.environments import run, settings
from tests.bench.figures import ROOT, BenchError, sandbox, say, spread, timed
from tests.bench.memory import CHAPTER
from tests.bench.with_ours import PROGRAM
from tests.submissions.samples import chapter, chapters, good

READY = """
import sys

import autograder.cli
from autograder.grade import open_course
from autograder.kernel import KernelSettings, open_kernels, run_cell
from autograder.reference import cache_folder

with open_kernels() as kernels:
    open_course(kernels, cache_folder())
    kernel = kernels.kernel(KernelSettings(seed=1))
    run_cell(kernel, "pass")
    print("ready", file=sys.stderr, flush=True)
    kernel.stop()
"""


def bench_grader(rounds: int, notebooks: int) -> dict[str, Any]:
    """All figures of our grader alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        solved = folder / f"{CHAPTER}.ipynb"
        solved.write_bytes(_solved(CHAPTER))
        variables = settings(folder) | {"UNROLLED_CACHE": str(folder / "cache")} | _import_path()
        checks = {check.id for check in load_key(CHAPTER).checks}
        say("grader: start-up, first verdict")
        ready = [sys.executable, "-c", READY]
        started = [_until(ready, lambda line: line == "ready", variables)[0] for _ in range(rounds + 1)]
        check = [PROGRAM, "check", str(solved)]
        checked = [_until(check, lambda line: line.split()[-1] in checks, variables) for _ in range(rounds + 1)]
        say(f"grader: memory over {notebooks} notebooks")
        count = [sys.executable, "-m", "tests.bench.memory", str(notebooks)]
        memory = json.loads(run(count, ROOT, variables | _import_path(ROOT)))
    return {
        "rounds": rounds,
        "checked": CHAPTER,
        # The first of each is not counted: it may read the disk, or compile.
        "ready": spread(started[1:], 2),
        "first_verdict": spread([first for first, _ in checked[1:]], 2),
        "check": spread([end for _, end in checked[1:]], 2),
        "chapters": _chapters(rounds),
        "memory": memory,
    }


def _chapters(rounds: int) -> dict[str, dict[str, float]]:
    """Seconds for a solved notebook of each chapter, in sessions as a class is graded."""
    found = {}
    with tempfile.TemporaryDirectory() as name, open_kernels(unsafe=not sandbox()[1]) as kernels:
        folder = Path(name)
        course = open_course(kernels, folder / "cache")
        for title in chapters():
            say(f"grader: a solved notebook of {title}")
            paths = [folder / f"{title}-{i}.ipynb" for i in range(SESSION)]
            for path in paths:
                path.write_bytes(_solved(title))

            def grade(paths: Sequence[Path] = paths) -> None:
                records = grade_files(paths, course, KernelSettings(seed=1))
                if any(record.score < record.max_score for record in records):
                    raise BenchError(f"{paths[0].name}: a solved notebook lost points")

            grade()  # the reference's values under this seed are made once, and not counted
            found[title] = spread([timed(grade) / SESSION for _ in range(rounds)])
    return found


def _solved(title: str) -> bytes:
    return next(iter(good(chapter(title)))).content


def _until(command: list[str], wanted: Callable[[str], bool], variables: dict[str, str]) -> tuple[float, float]:
    """Seconds until a command prints a line that is wanted to standard error, and until it ends."""
    began = time.perf_counter()
    first = None
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables, text=True, encoding="utf-8"
    )
    assert process.stderr is not None
    lines = []
    with process.stderr:
        for line in process.stderr:
            lines.append(line)
            if first is None and line.strip() and wanted(line.strip()):
                first = time.perf_counter() - began
    if process.wait() or first is None:
        told = "".join(lines[-20:]) or "nothing on standard error"
        raise BenchError(
            f"{' '.join(command[:2])}: exit code {process.returncode}, and what was awaited did not come: {told}"
        )
    return first, time.perf_counter() - began


def _import_path(*folders: Path) -> dict[str, str]:
    """`PYTHONPATH` as it was, these folders first."""
    path = [*map(str, folders), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {"PYTHONPATH": os.pathsep.join(path)} if path else {}
