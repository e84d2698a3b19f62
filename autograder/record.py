"""The result of grading one submission: typed, versioned, JSON. Every report is a function of it.

Schema `unrolled/result/v1`, documented in the book's instructor page.
"""

from __future__ import annotations

import platform
import unicodedata
from dataclasses import asdict, dataclass, field
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


def record_of(data: dict[str, Any]) -> Record:
    """A record from the JSON data that `Record.as_json` made of it.

    Raises
    ------
    ValueError
        If it is of another schema, or not of this one's shape.
    """
    data = dict(data)
    if data.pop("schema", None) != SCHEMA:
        raise ValueError(f"not a record of schema {SCHEMA}")
    try:
        checks = tuple(CheckResult(**check) for check in data.pop("checks"))
        return Record(**data | {"checks": checks, "notes": tuple(data["notes"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a record of schema {SCHEMA}") from error


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
