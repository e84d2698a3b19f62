"""`python -m tests.mutation`: every mutant of every reference solution, through its checks.

    python -m tests.mutation [CHAPTER|EXERCISE ...] [--seeds N] [--json FILE] [--limit N] [--oracle all]

It may be stopped at any time: results are kept in the JSON file, by what was run (the mutant and
everything around it that could change the outcome), and a later call goes on where it stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograder.kernel import open_kernels
from autograder.notebook import Chapter
from autograder.reference import prelude
from tests.mutation.judge import SEEDS, Judge
from tests.mutation.mutants import Mutant, mutants
from tests.mutation.oracle import Oracle
from tests.mutation.survivors import Survivors
from tests.submissions.samples import chapter as read
from tests.submissions.samples import chapters

RESULTS = Path("_build/mutation.json")


def main(arguments: list[str] | None = None) -> int:
    """The command. Exit code 1 if a mutant survives unexplained, or the oracle doubts a verdict."""
    options = _options(arguments)
    seeds = (*SEEDS, *range(100, 100 + options.seeds))[: options.seeds]
    results = Results(options.json)
    start, figures, problems = time.monotonic(), Counter[str](), list[str]()
    survivors = Survivors.load()
    with open_kernels() as kernels:
        judge, oracle = Judge(kernels, seeds), Oracle(kernels)
        for chapter, exercise in _wanted(options.exercises):
            found = sampled(mutants(chapter, exercise, kernels), options.limit)
            for mutant in found:
                entry = results.get(chapter, mutant, judge, oracle, always=options.oracle == "all")
                verdict = survivors.verdict(mutant.name, entry)
                figures[verdict.kind] += 1
                if verdict.problem:
                    problems.append(verdict.problem)
            results.save()
            spent = f"{time.monotonic() - start:7.0f} s"
            print(f"{spent}  {chapter.name:11} {exercise:24} {len(found):5}  {_line(figures)}", flush=True)
    print(*problems, sep="\n")
    print(f"{sum(figures.values())} mutants, {len(seeds)} seeds: {_line(figures)}; {len(problems)} problems")
    return 1 if problems else 0


class Results:
    """What was found, kept in a file by the content of what was run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
        self.saved = time.monotonic()

    def get(self, chapter: Chapter, mutant: Mutant, judge: Judge, oracle: Oracle, always: bool) -> dict[str, Any]:
        """A mutant's entry: from the file, or from running what is missing there."""
        checks = "\n".join(cell.source for cell in chapter.of("check", mutant.exercise))
        around = f"{prelude(chapter, mutant.exercise)}\n{chapter.solution(mutant.exercise).source}"
        content = "\n".join([around, checks, mutant.source, str(judge.seeds)])
        name = hashlib.sha256(content.encode()).hexdigest()[:24]
        entry = self.entries.setdefault(name, {"name": mutant.name, "family": mutant.family})
        if "complaints" not in entry:
            entry["complaints"] = judge.complaints(chapter, mutant.exercise, mutant.source)
        trial = oracle.trial(chapter, mutant.exercise)
        if always or not all(entry["complaints"]):
            edition = hashlib.sha256(trial.encode()).hexdigest()[:12]
            if entry.get("edition") != edition:
                entry["differs"] = oracle.difference(chapter, mutant.exercise, mutant.source)
                entry["edition"] = edition
        if time.monotonic() - self.saved > 20:
            self.save()
        return entry

    def save(self) -> None:
        """Write the file; never half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(self.entries, indent=0, ensure_ascii=False))
        temporary.replace(self.path)
        self.saved = time.monotonic()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description="Mutants of the reference solutions.")
    parser.add_argument("exercises", nargs="*", help="chapters or exercises; all of them if none is named")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="graded seeds for each mutant")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where results are kept, and gone on with")
    parser.add_argument("--limit", type=int, default=0, help="at most so many mutants of each exercise, evenly spread")
    parser.add_argument("--oracle", choices=["survivors", "all"], default="survivors", help="whom the oracle looks at")
    return parser.parse_args(arguments)


def _wanted(names: list[str]) -> Iterator[tuple[Chapter, str]]:
    known = {name: read(name) for name in chapters()}
    missing = set(names) - set(known) - {exercise for chapter in known.values() for exercise in chapter.exercises}
    if missing:
        sys.exit(f"no such chapter or exercise: {', '.join(sorted(missing))}")
    for name, chapter in known.items():
        for exercise in chapter.exercises:
            if not names or name in names or exercise in names:
                yield chapter, exercise


def sampled(found: list[Mutant], limit: int) -> list[Mutant]:
    """An even spread over the list, always the same."""
    if not limit or len(found) <= limit:
        return found
    return [found[i * len(found) // limit] for i in range(limit)]


def _line(figures: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(figures.items()))
