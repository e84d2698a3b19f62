"""From graded submissions to grades: which attempt counts, what lateness costs, what a person changed.

Here belongs policy: pure functions of entries and of what an instructor decided. The automatic score is never
changed; what is taken off or added stands beside it, with its reason. Reading an instructor's CSV files lies in
`policy_files`; printing in `report`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from autograder.entry import Entry


@dataclass(frozen=True)
class Late:
    """What handing in late costs.

    Attributes
    ----------
    cost
        The part of the attempt's own points that each started unit takes, 0 to 1.
    unit
        A day, or an hour.
    cap
        The largest part that lateness can take, 0 to 1.
    grace
        So long after the date costs nothing; the units are then counted from the date itself.
    due
        The date of a chapter, or of one student's chapter (which goes first): keys (student, chapter), the
        student empty for everybody. A chapter without a date is never late.
    """

    cost: float
    unit: timedelta
    cap: float = 1.0
    grace: timedelta = timedelta()
    due: Mapping[tuple[str, str], datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Adjustment:
    """What a person added to, or took from, a student's chapter, and why."""

    student: str
    chapter: str
    points: float
    reason: str


@dataclass(frozen=True)
class Policy:
    """How grades come from scores.

    `handed_in` are dates that an instructor gives, by (submission,) or by (student, chapter); the first goes first.
    """

    attempts: Literal["best", "last"] = "best"
    late: Late | None = None
    adjustments: tuple[Adjustment, ...] = ()
    handed_in: Mapping[tuple[str, ...], datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Grade:
    """One student's grade in one chapter.

    `automatic` is the score of the attempt that counts (`entry`, None if nothing was handed in but somebody
    adjusted it), `late_points` what lateness took of it, `adjusted` what a person added. `attempts` counts
    different submissions; `reasons` says, a sentence each, how the score differs from the automatic one.
    """

    student: str
    chapter: str
    max_score: float
    automatic: float
    late_points: float = 0.0
    adjusted: float = 0.0
    attempts: int = 0
    entry: Entry | None = None
    reasons: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """The grade in points: never below zero; above `max_score` only by a person's decision."""
        return max(0.0, round(self.automatic - self.late_points + self.adjusted, 6))


PLAIN = Policy()


def grades(entries: Sequence[Entry], policy: Policy = PLAIN, points: Mapping[str, float] | None = None) -> list[Grade]:
    """A grade for each student's each chapter, by student, then chapter.

    Parameters
    ----------
    entries
        In the order in which they were graded. Of two results of one submission under another seed or key the
        later one counts; under the same ones they are attempts (a file handed in again under its name). Attempts
        without a date are taken to have come in the order of their first results.
    points
        The points of each chapter, for those of which nothing could be graded.

    Files of no known chapter have no grade: see `astray`.
    """
    by_chapter: dict[tuple[str, str], dict[str, list[Entry]]] = {}
    for entry in entries:
        if entry.chapter:
            attempts = by_chapter.setdefault((entry.student, entry.chapter), {})
            results = attempts.setdefault(entry.submission, [])
            results[:] = [old for old in results if (old.seed, old.key) == (entry.seed, entry.key)] + [entry]
    for change in policy.adjustments:
        by_chapter.setdefault((change.student, change.chapter), {})
    largest = dict(points or {})
    for entry in entries:
        largest[entry.chapter] = max(largest.get(entry.chapter, 0.0), entry.record.max_score)
    return [
        _grade(
            student, chapter, [e for results in attempts.values() for e in results], policy, largest.get(chapter, 0.0)
        )
        for (student, chapter), attempts in sorted(by_chapter.items())
    ]


def astray(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that belong to no chapter: they could not be read, or are of another course."""
    return [entry for entry in entries if not entry.chapter]


def when(entry: Entry, policy: Policy = PLAIN) -> datetime | None:
    """When it was handed in: what the instructor's dates say, else what the entry says; None if nothing does."""
    given = policy.handed_in.get((entry.submission,), policy.handed_in.get((entry.student, entry.chapter)))
    if given is not None or entry.submitted is None:
        return given
    try:
        found = datetime.fromisoformat(entry.submitted)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def lateness(entry: Entry, policy: Policy) -> tuple[float, str]:
    """The points that lateness takes from an entry, and the sentence that says so ("" if none)."""
    late, handed_in = policy.late, when(entry, policy)
    if late is None or handed_in is None:
        return 0.0, ""
    due = late.due.get((entry.student, entry.chapter), late.due.get(("", entry.chapter)))
    if due is None or handed_in <= due + late.grace:
        return 0.0, ""
    units = math.ceil((handed_in - due) / late.unit)
    part = min(late.cap, units * late.cost)
    points = round(part * entry.record.score, 6)
    name = "day" if late.unit == timedelta(days=1) else "hour"
    return points, f"{units} {name}{'s' * (units != 1)} late: {part:.0%} of {entry.record.score:g} points"


def _grade(student: str, chapter: str, attempts: list[Entry], policy: Policy, max_score: float) -> Grade:
    changes = [a for a in policy.adjustments if (a.student, a.chapter) == (student, chapter)]
    adjusted = round(sum(change.points for change in changes), 6)
    reasons = tuple(f"{change.points:+g} points: {change.reason}" for change in changes)
    if not attempts:
        return Grade(student, chapter, max_score, 0.0, 0.0, adjusted, 0, None, reasons)
    entry = _counting(attempts, policy)
    late_points, sentence = lateness(entry, policy)
    return Grade(
        student, chapter, max_score, entry.record.score, late_points, adjusted, len(attempts), entry,
        ((sentence,) if sentence else ()) + reasons,
    )  # fmt: skip


def _counting(attempts: list[Entry], policy: Policy) -> Entry:
    """The attempt that counts; of equal ones the latest. Those without a date come before those with one."""
    never = datetime.min.replace(tzinfo=UTC)
    in_time = sorted(attempts, key=lambda entry: when(entry, policy) or never)
    if policy.attempts == "last":
        return in_time[-1]
    worth = {id(entry): (entry.record.score - lateness(entry, policy)[0], not entry.record.error) for entry in attempts}
    return max(reversed(in_time), key=lambda entry: worth[id(entry)])
