"""Which known mistake is it? A wrong payload against the payloads that known mistakes give.

Here belongs the matching alone; mistakes come from the answer key (`keys`) or from running
them under another seed (`reference`). NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autograder.compare import Tolerance, compare, compare_value, differing_values
from autograder.payload import Payload


@dataclass(frozen=True)
class CellError:
    """An exception that a cell ended with: its class name and its message."""

    name: str
    message: str


@dataclass(frozen=True)
class Mistake:
    """A known mistake: its id, what to tell the student, and what its code produces."""

    id: str
    says: str
    outcome: Payload | CellError


def diagnose(
    outcome: Payload | CellError,
    reference: Payload,
    mistakes: Iterable[Mistake],
    tolerances: Mapping[str, Tolerance] | None = None,
) -> Mistake | None:
    """The known mistake that gives this outcome, or None.

    First the mistake whose every value equals the student's; failing that, of those whose
    values equal the student's wherever the student is wrong, the one that is wrong in the
    fewest places besides.
    """
    bank = list(mistakes)
    if isinstance(outcome, CellError):
        return next((m for m in bank if _same_error(outcome, m.outcome)), None)
    for mistake in bank:
        if isinstance(mistake.outcome, Payload) and not compare(outcome, mistake.outcome, tolerances):
            return mistake
    wrong = differing_values(outcome, reference, tolerances)
    fitting = [m for m in bank if _explains(m, outcome, wrong, tolerances)]
    return min(fitting, key=lambda m: _wrong_values(m, reference, tolerances), default=None)


def _same_error(error: CellError, other: Payload | CellError) -> bool:
    return isinstance(other, CellError) and (error.name, error.message) == (other.name, other.message)


def _explains(
    mistake: Mistake,
    student: Payload,
    wrong: list[str],
    tolerances: Mapping[str, Tolerance] | None,
) -> bool:
    """Whether the mistake gives the student's value for every value that the student has wrong."""
    if not isinstance(mistake.outcome, Payload) or not wrong:
        return False
    for name in wrong:
        if name not in student.values or name not in mistake.outcome.values:
            return False
        tolerance = (tolerances or {}).get(name)
        if compare_value(name, student.values[name], mistake.outcome.values[name], tolerance):
            return False
    return True


def _wrong_values(mistake: Mistake, reference: Payload, tolerances: Mapping[str, Tolerance] | None) -> int:
    """In how many of its values the mistake differs from the reference."""
    assert isinstance(mistake.outcome, Payload)
    return len(differing_values(mistake.outcome, reference, tolerances))
