"""The result of grading one submission: typed, versioned, JSON. Every report is a function of it.

Schema `unrolled/result/v1`, documented on the book's page about the grader.
"""

from __future__ import annotations

import math
import platform
import unicodedata
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SCHEMA = "unrolled/result/v1"
LIMITS = ("timeout", "memory", "processes", "output", "disk", "files")
OUTCOMES = ("pass", "fail", "error", "policy", "died", *LIMITS, "missing", "malformed")
PACKAGES = ("unrolled", "numpy", "torch", "nbval")
MAX_MESSAGE = 1000
# Control characters, marks that reorder text, halves of a surrogate pair, separators of lines; not the two
# joiners, which some scripts need.
_UNSHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_TYPES: dict[str, tuple[type, ...]] = {  # of a record's plain fields
    "str": (str,), "int": (int,), "float": (int, float), "str | None": (str, type(None)),
}  # fmt: skip
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class CheckResult:
    """One check: what came of it, whose doing it was, and what to tell the student."""

    id: str
    exercise: str
    points: float
    max_points: float
    outcome: str
    cause: str | None
    mistake: str | None
    message: str


@dataclass(frozen=True)
class Record:
    """One graded submission. `error` is set, and `checks` empty, if it could not be graded."""

    chapter: str | None
    submission: str
    seed: int
    key: str | None
    score: float
    max_score: float
    seconds: float
    checks: tuple[CheckResult, ...] = ()
    error: str | None = None
    versions: dict[str, str] = field(default_factory=lambda: versions())
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The record as JSON data."""
        return {"schema": SCHEMA} | asdict(self)


def record_of(data: object) -> Record:
    """A record from the JSON data that `Record.as_json` made of it; nothing in it is trusted to be what it should.

    Raises
    ------
    ValueError
        If it is of another schema, or a field is missing or of another type; the message says which.
    """
    try:
        return _record_of(data)
    except ValueError as error:
        raise ValueError(f"not a record of schema {SCHEMA}: {error}") from None


def _record_of(data: object) -> Record:
    names = {f.name for f in fields(Record)}
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError("it is of another, or of none")
    if unknown := data.keys() - names - {"schema"}:
        raise ValueError(f"unknown field {printable(repr(min(unknown, key=str)), 60)}")
    checks, made_with, notes = data.get("checks"), data.get("versions"), data.get("notes")
    many = (list, tuple)  # JSON gives the first, `as_json` itself the second
    if not isinstance(checks, many) or not isinstance(made_with, dict) or not isinstance(notes, many):
        raise ValueError("checks, versions or notes are missing")
    plain = {f.name: _typed(data, f.name, str(f.type)) for f in fields(Record) if str(f.type) in _TYPES}
    results = tuple(_check_of(item) for item in checks)
    said = tuple(str(note) for note in notes)
    return Record(**plain, checks=results, versions={str(k): str(v) for k, v in made_with.items()}, notes=said)


def _check_of(data: object) -> CheckResult:
    if not isinstance(data, dict):
        raise ValueError("a check is no object")
    result = CheckResult(**{f.name: _typed(data, f.name, str(f.type)) for f in fields(CheckResult)})
    if result.outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {printable(repr(result.outcome), 60)}")
    return result


def _typed(data: dict[str, Any], name: str, kind: str) -> Any:
    value = data.get(name)
    if not isinstance(value, _TYPES[kind]) or isinstance(value, bool) or (value is None and name not in data):
        raise ValueError(f"'{name}' is missing, or no {kind}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"'{name}' is no finite number")
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def printable(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text that others wrote, on one line and safe to show: characters that cannot be seen are spelt out."""
    shown = "".join(_shown(c) for c in text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNSHOWN or character in _JOINERS:
        return character
    return {"\n": " ", "\t": " "}.get(character) or character.encode("unicode_escape").decode("ascii")


def name_of(path: Path) -> str:
    """What a record calls a file: its path, as valid Unicode whatever bytes its name is made of."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def ungraded(path: Path, seed: int, error: str, chapter: str | None = None) -> Record:
    """The record of a submission that could not be graded."""
    return Record(chapter, name_of(path), seed, None, 0.0, 0.0, 0.0, error=printable(error))
