"""The result of grading one submission: typed, versioned, JSON. Every report is a function of it.

Schema `unrolled/result/v1`, documented in the book's instructor page.
"""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SCHEMA = "unrolled/result/v1"
OUTCOMES = ("pass", "fail", "error", "timeout", "died", "missing", "malformed")
PACKAGES = ("unrolled", "numpy", "torch", "nbval")


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


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def ungraded(submission: str, seed: int, error: str, chapter: str | None = None) -> Record:
    """The record of a submission that could not be graded."""
    return Record(chapter, submission, seed, None, 0.0, 0.0, 0.0, error=error)
