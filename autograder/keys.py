"""The committed answer keys, read: a chapter's exercises, their checks and reference payloads.

A key is a notebook (`keys/<chapter>.ipynb`) written by `release`. Here belongs reading one into
records; nothing here runs code. Standard library and NumPy only, as `check` needs it too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from autograder.compare import Tolerance
from autograder.diagnose import CellError, Mistake
from autograder.payload import MIME, Payload, PayloadError, decode

KEY_SCHEMA = "unrolled/key/v2"
KEYS = Path(__file__).parent / "keys"
COURSE = ("background", "equations", "bptt", "lstm", "gru", "code", "fast", "after")


class KeyFileError(Exception):
    """An answer key that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Check:
    """One check cell: its share of the points, the reference's payload, how to compare."""

    id: str
    cell_id: str
    exercise: str
    points: float
    axes: dict[str, str]
    tolerances: dict[str, Tolerance]
    reference: Payload
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True)
class Exercise:
    """One exercise's card: what a student sees before starting, and its checks."""

    id: str
    title: str
    backend: str
    points: float
    minutes: int
    difficulty: int
    page: str
    checks: tuple[Check, ...]
    mistakes: int
    variants: int
    hints: int

    @property
    def values(self) -> int:
        """The named values that its checks compare; arguments, looked at after the calls, among them."""
        return sum(len(check.reference.values) for check in self.checks)


@dataclass(frozen=True)
class Key:
    """A chapter's answer key. `notebook` is its JSON; `hash` names its content."""

    chapter: str
    title: str
    source: str
    hash: str
    notebook: dict[str, Any]
    exercises: tuple[Exercise, ...]

    @property
    def points(self) -> float:
        """The chapter's points."""
        return sum(exercise.points for exercise in self.exercises)

    @property
    def checks(self) -> list[Check]:
        """All checks, in the order of the notebook."""
        return [check for exercise in self.exercises for check in exercise.checks]


@lru_cache(maxsize=32)
def load_key(chapter: str, folder: Path = KEYS) -> Key:
    """Read the key of one chapter.

    Raises
    ------
    KeyFileError
        If there is no such chapter, or its key is damaged or of another version.
    """
    path = folder / f"{chapter}.ipynb"
    if not path.is_file():
        known = ", ".join(chapters(folder)) or "none"
        raise KeyFileError(f"unknown chapter '{chapter}': there is no answer key for it (chapters: {known})")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return parse_key(notebook)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileError(f"the answer key {path.name} is damaged; make it again: autograder release") from error


def chapters(folder: Path = KEYS) -> list[str]:
    """The chapters that have a key, in alphabetical order."""
    return sorted(path.stem for path in folder.glob("*.ipynb"))


def course_order(folder: Path = KEYS) -> list[str]:
    """The chapters that have a key, in the order of the book; any other at the end."""
    known = chapters(folder)
    return [name for name in COURSE if name in known] + [name for name in known if name not in COURSE]


def parse_key(notebook: dict[str, Any]) -> Key:
    """A key from its notebook's JSON."""
    about = notebook["metadata"]["unrolled"]
    if about["schema"] != KEY_SCHEMA:
        raise KeyFileError(f"an answer key of version {about['schema']}, not {KEY_SCHEMA}: run autograder release")
    exercises = []
    for cell in notebook["cells"]:
        card = cell["metadata"].get("unrolled", {})
        if card.get("role") == "card":
            exercises.append(_exercise(card, notebook["cells"]))
    content = json.dumps(notebook, sort_keys=True).encode()
    return Key(
        about["chapter"], about["title"], about["source"],
        hashlib.sha256(content).hexdigest()[:16], notebook, tuple(exercises),
    )  # fmt: skip


def find_check(check_id: str, folder: Path = KEYS) -> tuple[Key, Check] | None:
    """The check of this id among all chapters, or None."""
    for chapter in chapters(folder):
        key = load_key(chapter, folder)
        for check in key.checks:
            if check.id == check_id:
                return key, check
    return None


def payloads(outputs: list[dict[str, Any]]) -> Iterator[object]:
    """The (undecoded) payloads among a cell's outputs."""
    for output in outputs:
        data = output.get("data")
        if isinstance(data, dict) and MIME in data:
            yield data[MIME]


def parse_outcome(data: dict[str, Any]) -> Payload | CellError:
    """What a mistake produced: a payload, or `{"error": name, "message": ...}`."""
    if "error" in data:
        return CellError(str(data["error"]), str(data["message"]))
    return decode(data)


def without_repeats(outcome: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """A mistake's outcome as keys store it: values that are the reference's are named only, under `same`."""
    if "error" in outcome:
        return outcome
    same = sorted(name for name, value in outcome["values"].items() if reference["values"].get(name) == value)
    return outcome | {"values": {n: v for n, v in outcome["values"].items() if n not in same}, "same": same}


def with_repeats(outcome: dict[str, Any], reference: dict[str, Any]) -> dict[str, Any]:
    """The outcome that `without_repeats` shortened."""
    if "error" in outcome:
        return outcome
    values = {name: reference["values"][name] for name in outcome["same"]} | outcome["values"]
    return {name: value for name, value in outcome.items() if name != "same"} | {"values": values}


def _exercise(card: dict[str, Any], cells: list[dict[str, Any]]) -> Exercise:
    mine = [c for c in cells if c["metadata"].get("unrolled", {}).get("exercise") == card["exercise"]]
    checks = tuple(_check(c) for c in mine if c["metadata"]["unrolled"]["role"] == "check")
    return Exercise(
        card["exercise"], card["title"], card["backend"], card["points"], card["minutes"],
        card["difficulty"], card["page"], checks, card["mistakes"], card["variants"], card["hints"],
    )  # fmt: skip


def _check(cell: dict[str, Any]) -> Check:
    about = cell["metadata"]["unrolled"]
    found: list[Any] = list(payloads(cell["outputs"]))
    if len(found) != 1:
        raise PayloadError(f"the check cell {cell['id']} has {len(found)} payloads")
    tolerances = {n: Tolerance(t["rtol"], t["atol"]) for n, t in about["tolerances"].items()}
    outcomes = [parse_outcome(with_repeats(m["outcome"], found[0])) for m in about["mistakes"]]
    mistakes = tuple(Mistake(m["id"], m["says"], o) for m, o in zip(about["mistakes"], outcomes, strict=True))
    return Check(
        about["check"], cell["id"], about["exercise"], about["points"], about["axes"],
        tolerances, decode(found[0]), mistakes,
    )  # fmt: skip
