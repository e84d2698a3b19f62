"""A roster: a CSV file that says which names mean which student.

Its first line names the columns. `name` (or `student`) is what reports call the student; every other column is
one more name by which a submission may call the same student: a number, a login, an address, a folder.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.record import printable
from autograder.submissions.names import MAX_STUDENT, folded

MAX_BYTES = 20_000_000
NAMES = ("name", "student")


class RosterError(Exception):
    """A roster that cannot be used; the message says which line and what to do."""


@dataclass(frozen=True)
class Roster:
    """Students by every name they have. An empty one knows nobody, and changes nothing."""

    by_name: dict[str, str] = field(default_factory=dict)

    def student(self, aliases: Iterable[str]) -> str | None:
        """The student whom one of these names means, the first one that is known."""
        return next((self.by_name[name] for alias in aliases if (name := folded(alias)) in self.by_name), None)

    @property
    def known(self) -> Collection[str]:
        """Every name, folded."""
        return self.by_name.keys()


def read_roster(path: Path) -> Roster:
    """Read a roster.

    Raises
    ------
    RosterError
        If it is no CSV in UTF-8, has no column of names, or gives one name to two students.
    OSError
        If it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RosterError(f"{path}: the roster is larger than {MAX_BYTES // 1_000_000} MB")
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RosterError(f"{path}: not a CSV file in UTF-8: save it again as such") from error
    head = [folded(cell) for cell in rows[0]] if rows else []
    column = next((head.index(name) for name in NAMES if name in head), None)
    if column is None:
        raise RosterError(f"{path}: the first line must name the columns, one of them 'name'")
    by_name: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        student = printable(row[column].strip(), MAX_STUDENT) if column < len(row) else ""
        if not student:
            raise RosterError(f"{path}, row {number}: there is no name in it")
        for cell in row:
            name = folded(cell)
            if name and by_name.setdefault(name, student) != student:
                raise RosterError(f"{path}, row {number}: '{printable(cell, 100)}' is also a name of {by_name[name]}")
    return Roster(by_name)
