"""A submission's cells into the key: what is run is the key, with the student's answers in it.

Only two things are taken from a submission: the sources of its solution cells (found by cell
id) and the student's own extra code cells, in their place. Everything else of the submission
(locked cells, tags, outputs, metadata, kernelspec, nbval's markers) counts for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.keys import KEYS, Key, KeyFileError, chapters, load_key

MAX_EXTRA_CELLS = 500
# Parsing takes up to 900 bytes of memory for each character. The longest reference has 1,300.
MAX_SOLUTION = 100_000
MAX_EXTRA = 300_000  # characters of all extra cells together


@dataclass(frozen=True)
class Graft:
    """A submission, grafted: what to run, in order.

    `missing` are the exercises without a solution; `left_out` counts extra cells beyond the limits.
    """

    key: Key
    steps: tuple[Step, ...]
    missing: frozenset[str] = field(default_factory=frozenset)
    left_out: int = 0


@dataclass(frozen=True)
class Step:
    """One code cell to run; `cell` is the key's cell, or a bare one for an extra cell."""

    role: str  # "setup" | "inputs" | "toy" | "solution" | "check" | "extra"
    exercise: str
    source: str
    cell_id: str


def chapter_of(submission: dict[str, Any], folder: Path = KEYS) -> str:
    """The chapter that a submission is of: by its metadata, or by the ids of its cells. `folder` holds the keys.

    Raises
    ------
    KeyFileError
        If it is a notebook of another course, or of a chapter without a key.
    """
    about = submission["metadata"].get("unrolled")
    named = about.get("chapter") if isinstance(about, dict) else None
    if isinstance(named, str) and named in chapters(folder):
        return named
    found: Counter[str] = Counter()
    ids = {name for cell in submission["cells"] for name in _names(cell)}
    for chapter in chapters(folder):
        theirs = {cell["id"] for cell in load_key(chapter, folder).notebook["cells"]}
        found[chapter] = len(ids & theirs)
    best = found.most_common(1)
    if best and best[0][1] > 0:
        return best[0][0]
    if isinstance(named, str):
        raise KeyFileError(
            f"unknown chapter '{named[:40]}' (chapters: {', '.join(chapters(folder))}): update the grader"
        )
    raise KeyFileError("not a notebook of this course: use one from book/exercises/")


def isolate(whole: Graft, exercises: Collection[str], solutions: dict[str, str]) -> Graft:
    """Only these exercises, each in clean surroundings.

    No cell of the student's own, and the reference in the place of every other exercise's
    solution (where `solutions` has it): what a student broke elsewhere cannot reach them.
    """
    steps = []
    for step in whole.steps:
        if step.role == "extra" or (step.role == "check" and step.exercise not in exercises):
            continue
        if step.role == "solution" and step.exercise not in exercises:
            step = replace(step, role="setup", source=solutions.get(step.exercise, step.source))
        steps.append(step)
    return replace(whole, steps=tuple(steps))


def graft(key: Key, submission: dict[str, Any]) -> Graft:
    """The key with the submission's solutions and its extra cells."""
    home = _homes(key, submission["cells"])
    own: dict[str, dict[str, Any]] = {name: cell for name, cell in home if name}
    extras, left_out = _extras(home)
    steps = [_extra(cell) for cell in extras.get("", [])]
    missing = set()
    for cell in key.notebook["cells"]:
        about = cell["metadata"]["unrolled"]
        if cell["cell_type"] == "code":
            source = cell["source"]
            if about["role"] == "solution":
                answer = own.get(cell["id"])
                if answer is None or answer["cell_type"] != "code" or len(answer["source"]) > MAX_SOLUTION:
                    missing.add(about["exercise"])
                else:
                    source = answer["source"]
            steps.append(Step(about["role"], about["exercise"], source, cell["id"]))
        steps += [_extra(cell) for cell in extras.get(cell["id"], [])]
    return Graft(key, tuple(steps), frozenset(missing), left_out)


def _homes(key: Key, cells: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each cell of the submission with the key's cell id it stands for ("" for an extra cell).

    A cell's own id decides; where no code cell has the id, the id kept in its metadata does
    (tools that drop ids keep metadata). Of two cells with one id, the first code cell counts.
    """
    wanted = {cell["id"] for cell in key.notebook["cells"]}
    taken: dict[str, int] = {}
    for which in (0, 1):
        for code in (True, False):
            for i, cell in enumerate(cells):
                names = _names(cell)
                name = names[which] if which < len(names) else ""
                fits = name in wanted and name not in taken and i not in taken.values()
                if fits and (cell["cell_type"] == "code") == code:
                    taken[name] = i
    by_index = {i: name for name, i in taken.items()}
    return [(by_index.get(i, ""), cell) for i, cell in enumerate(cells)]


def _names(cell: dict[str, Any]) -> list[str]:
    """A cell's id, and the id in its metadata ("" where there is none)."""
    about = cell["metadata"].get("unrolled")
    kept = about.get("id") if isinstance(about, dict) else None
    return [cell["id"] or "", kept if isinstance(kept, str) else ""]


def _extras(home: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, list[dict[str, Any]]], int]:
    """The student's own code cells, by the id of the key's cell that they follow; how many are too many."""
    found: dict[str, list[dict[str, Any]]] = {}
    after, count, length, left_out = "", 0, 0, 0
    for name, cell in home:
        if name:
            after = name
        elif cell["cell_type"] == "code" and cell["source"].strip():
            if count < MAX_EXTRA_CELLS and length + len(cell["source"]) <= MAX_EXTRA:
                found.setdefault(after, []).append(cell)
                count, length = count + 1, length + len(cell["source"])
            else:
                left_out += 1
    return found, left_out


def _extra(cell: dict[str, Any]) -> Step:
    return Step("extra", "", cell["source"], "")
