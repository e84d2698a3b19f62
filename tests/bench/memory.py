"""The grader's memory over many notebooks, in a process of its own: `python -m tests.bench.memory N`.

Prints a JSON list: after every tenth of them, the resident memory of the grader and that of the
processes it keeps (the fork server; kernels come and go).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ipykernel brings it

from autograder.grade import grade_each, open_course
from autograder.kernel import KernelSettings, open_kernels
from tests.bench.figures import sandbox, say
from tests.submissions.samples import chapter, good

CHAPTER = "equations"
MIB = 2**20


def main(count: int) -> None:
    """Grade solved, untouched and half-done notebooks in turn, as one class."""
    samples = list(good(chapter(CHAPTER)))
    process = psutil.Process()
    found: list[dict[str, float]] = []

    def graded(number: int) -> None:
        if number % max(1, count // 10) == 0:
            kept = sum(map(_resident, process.children(recursive=True)))
            mine = process.memory_info().rss
            sample = {"notebooks": number, "grader_mib": round(mine / MIB, 1), "kept_mib": round(kept / MIB, 1)}
            found.append(sample)
            say(f"memory: {sample}")

    with tempfile.TemporaryDirectory() as name, open_kernels(unsafe=not sandbox()[1]) as kernels:
        folder = Path(name)
        paths = [folder / f"{i:05}.ipynb" for i in range(count)]
        for i, path in enumerate(paths):
            path.write_bytes(samples[i % len(samples)].content)
        course = open_course(kernels, folder / "cache")
        for number, _ in enumerate(grade_each(paths, course, KernelSettings(seed=1)), 1):
            graded(number)
    print(json.dumps(found))


def _resident(process: psutil.Process) -> int:
    """Bytes of memory of a process; none of one that has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


if __name__ == "__main__":
    main(int(sys.argv[1]))
