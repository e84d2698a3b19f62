"""Two gradings of a class compared: whose grade changed, and why.

Here belongs the comparing, on grades; the table of it lies in `report`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.grades import Grade
from autograder.record import CheckResult


@dataclass(frozen=True)
class CheckChange:
    """One check that came out otherwise: outcome and points before and after (None: there was no such check)."""

    check: str
    before: str | None
    after: str | None
    points_before: float
    points_after: float


@dataclass(frozen=True)
class Change:
    """One grade that changed: scores before and after (None: there was no grade), the reasons, the checks."""

    student: str
    chapter: str
    before: float | None
    after: float | None
    reasons: tuple[str, ...]
    checks: tuple[CheckChange, ...]


def changes(old: Iterable[Grade], new: Iterable[Grade]) -> list[Change]:
    """Whose grade changed from one grading to the next, by student, then chapter."""
    before = {(g.student, g.chapter): g for g in old}
    after = {(g.student, g.chapter): g for g in new}
    found = [_change(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    return [change for change in found if change is not None]


def _change(name: tuple[str, str], old: Grade | None, new: Grade | None) -> Change | None:
    if old is not None and new is not None and (old.score, old.max_score) == (new.score, new.max_score):
        return None
    checks = _checks(old, new)
    reasons = tuple(_reasons(old, new))
    if not reasons and not checks:
        reasons = ("the points of the chapter changed",)
    return Change(*name, old.score if old else None, new.score if new else None, reasons, checks)


def _reasons(old: Grade | None, new: Grade | None) -> Iterable[str]:
    """What differs between the gradings besides the checks, a phrase each."""
    if old is None or new is None:
        yield "handed in since" if old is None else "no longer there"
        return
    a, b = old.entry, new.entry
    if a is None or b is None:
        if a is not b:
            yield "handed in since" if a is None else "no longer there"
    else:
        if a.submission != b.submission:
            yield f"another attempt counts: {b.submission} instead of {a.submission}"
        if a.key != b.key:
            yield f"key changed: {a.key or 'none'} to {b.key or 'none'}"
        if a.seed != b.seed:
            yield f"seed changed: {a.seed} to {b.seed}"
        if a.record.error != b.record.error:
            yield f"could not be graded: {b.record.error}" if b.record.error else "can be graded now"
    if old.late_points != new.late_points:
        yield f"lateness takes {new.late_points:g} instead of {old.late_points:g}"
    if old.adjusted != new.adjusted:
        yield f"adjusted by {new.adjusted:+g} instead of {old.adjusted:+g}"


def _checks(old: Grade | None, new: Grade | None) -> tuple[CheckChange, ...]:
    before, after = _results(old), _results(new)
    found = []
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a and b and (a.outcome, a.points) == (b.outcome, b.points):
            continue
        outcomes = (a.outcome if a else None, b.outcome if b else None)
        found.append(CheckChange(name, *outcomes, a.points if a else 0.0, b.points if b else 0.0))
    return tuple(found) if before and after else ()


def _results(grade: Grade | None) -> dict[str, CheckResult]:
    entry = grade.entry if grade else None
    return {result.id: result for result in entry.record.checks} if entry else {}
