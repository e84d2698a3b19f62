"""Grade a class made up from a seed, as one command, and measure it.

    python -m tests.bench.class_run [--students 1000] [--jobs N] [--json FILE]

Throughput, what a submission of each kind costs, and the memory of the command, of each worker and of each fork
server over the run. One line of the table for each tenth of the class; the same as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # ipykernel brings it

from autograder.gradebook import open_gradebook
from tests.bench.figures import ROOT, BenchError, head, sandbox, say, spread
from tests.submissions.classes import HandedIn, chapters, made_up, write_folders

MIB = 2**20
KEPT = 200  # looks at the memory that are written down
ROLES = ("command", "worker", "server", "kernel")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.class_run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--students", type=int, default=1000, help="how many, each with every chapter (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the class (1)")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="worker processes (cores)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for a cell (10): some run for ever")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two looks at the memory (5)")
    parser.add_argument("--chapters", help="their names, with commas between; default: all")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    if arguments.students < 1 or arguments.jobs < 1:
        parser.error("at least one student, and one job")
    if arguments.json and not arguments.json.parent.is_dir():
        parser.error(f"{arguments.json}: there is no such folder to write to")
    try:
        figures = head() | {"class": measure(arguments)}
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    sys.path.insert(0, str(ROOT / "book"))
    print(import_module("class_table").as_markdown(figures["class"]))
    return 0


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Make the class, grade it, and what was found."""
    names = arguments.chapters.split(",") if arguments.chapters else chapters()
    kinds: dict[str, str] = {}

    def noted() -> Iterator[HandedIn]:
        for one in made_up(arguments.students, arguments.seed, names):
            kinds[f"{one.student.replace('/', '_')}/{one.chapter}.ipynb"] = one.kind
            yield one

    with tempfile.TemporaryDirectory(prefix="unrolled-class-") as name:
        folder = Path(name)
        count = write_folders(folder / "class", noted())
        say(f"class: {count} notebooks of {arguments.students} students")
        seconds, samples = _graded(folder, arguments)
        with open_gradebook(folder / "class.sqlite") as gradebook:
            found = [(kinds[e.submission], e.record.seconds, e.record.error) for e in gradebook.entries()]
        size = (folder / "class.sqlite").stat().st_size
    if len(found) != count:
        raise BenchError(f"{count} notebooks were handed in, and {len(found)} are in the gradebook")
    by_kind = defaultdict(list)
    for kind, spent, _ in found:
        by_kind[kind].append(spent)
    return {
        "students": arguments.students, "chapters": len(names), "submissions": count, "seed": arguments.seed,
        "jobs": arguments.jobs, "timeout_s": arguments.timeout, "seconds": round(seconds, 1),
        "per_second": round(count / seconds, 3), "seconds_per_submission": round(seconds / count, 4),
        "could_not_be_graded": sum(error is not None for *_, error in found),
        "gradebook_bytes_per_submission": size // count,
        "kernel_seconds": {k: {"count": len(v), **spread(v), "sum": round(sum(v), 1)} for k, v in by_kind.items()},
        "memory": samples[:: 1 + len(samples) // KEPT],
        "peak_mib": {r: max((s["mib"][r] for s in samples), default=0) for r in ROLES},
    }  # fmt: skip


def _graded(folder: Path, arguments: argparse.Namespace) -> tuple[float, list[dict[str, Any]]]:
    """Grade with the command; seconds, and the memory at each look."""
    words = [Path(sys.executable).with_name("autograder"), "grade", folder / "class", "--gradebook",
             folder / "class.sqlite", "--jobs", arguments.jobs, "--timeout", arguments.timeout,
             "--seed", arguments.seed, *([] if sandbox()[1] else ["--unsafe"])]  # fmt: skip
    samples: list[dict[str, Any]] = []
    began = time.monotonic()
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(list(map(str, words)), stdout=said, stderr=said)
        while process.poll() is None:
            try:
                process.wait(timeout=arguments.every)
            except subprocess.TimeoutExpired:
                sample = {"seconds": round(time.monotonic() - began, 1), "done": _done(folder), "mib": _memory(process)}
                samples.append(sample)
                say(f"class: {sample}")
    if process.returncode not in (0, 1, 2) or not _done(folder):
        raise BenchError(f"the command failed: {(folder / 'said').read_text()[-500:]}")
    return time.monotonic() - began, samples


def _done(folder: Path) -> int:
    path = folder / "class.sqlite"
    if not path.is_file():
        return 0
    try:
        with open_gradebook(path) as gradebook:
            return int(gradebook.count())
    except Exception:  # it is being made
        return 0


def _memory(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """MiB of the largest process of each role: resident memory for the grader's, and for kernels their own alone."""
    found = dict.fromkeys(ROLES, 0.0)
    try:
        command = psutil.Process(process.pid)
        found["command"] = command.memory_info().rss / MIB
        workers = {child.pid for child in command.children() if "popen_loky" in " ".join(child.cmdline())}
        servers = set[int]()
        for child in command.children(recursive=True):  # parents come before their children
            role = _role(child, workers, servers)
            memory = child.memory_full_info().uss if role == "kernel" else child.memory_info().rss
            found[role] = max(found[role], memory / MIB)
    except psutil.Error:
        pass  # kernels come and go
    return {role: round(mib, 1) for role, mib in found.items()}


def _role(child: psutil.Process, workers: set[int], servers: set[int]) -> str:
    if child.pid in workers:
        return "worker"
    words = child.cmdline()
    if "autograder.kernel.zygote" in words and "bwrap" not in words[0] and not servers & {child.ppid()}:
        servers.add(child.pid)
        return "server"
    return "kernel" if "autograder.kernel.zygote" in words and "bwrap" not in words[0] else "command"


if __name__ == "__main__":
    sys.exit(main())
