"""Grades as CSV: one for people and programs, one of all checks, one for Canvas's gradebook.

Texts that others wrote pass through `csv_text`; numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from autograder.entry import Entry
from autograder.grades import Grade
from autograder.policy_files import CANVAS
from autograder.record import printable
from autograder.report.safe import csv_text

GRADES = ("student", "chapter", "score", "max_score", "automatic", "late_points", "adjusted", "attempts", "submission",
          "submitted", "seed", "key", "lost_on", "error", "reasons")  # fmt: skip
CHECKS = ("student", "chapter", "submission", "seed", "exercise", "check", "outcome", "points", "max_points", "cause",
          "mistake", "message")  # fmt: skip
# Canvas, "How do I import grades in the Gradebook?": the five columns CANVAS come first, then the assignments;
# the row below the header holds the points possible.
POSSIBLE = "    Points Possible"
Roster = tuple[tuple[str, ...], tuple[dict[str, str], ...]]  # as `policy_files.read_canvas` gives it


def grades_csv(grades: Iterable[Grade], astray: Iterable[Entry] = ()) -> str:
    """A row for each grade, then one for each file that is of no known chapter."""
    rows = [_grade_row(grade) for grade in grades]
    for entry in astray:
        blank = dict.fromkeys(GRADES, "")
        found = {"student": csv_text(entry.student), "submission": csv_text(entry.submission), "seed": entry.seed,
                 "submitted": csv_text(entry.submitted or ""), "error": csv_text(entry.record.error or "")}  # fmt: skip
        rows.append(blank | found)
    return _csv(GRADES, rows)


def checks_csv(entries: Iterable[Entry]) -> str:
    """A row for each check of each entry; a file that could not be graded has none."""
    rows: list[dict[str, object]] = []
    for entry in entries:
        for check in entry.record.checks:
            texts = {name: csv_text(getattr(check, name) or "") for name in ("outcome", "cause", "mistake", "message")}
            rows.append(texts | {
                "student": csv_text(entry.student), "chapter": csv_text(entry.chapter), "seed": entry.seed,
                "submission": csv_text(entry.submission), "exercise": csv_text(check.exercise),
                "check": csv_text(check.id), "points": f"{check.points:g}", "max_points": f"{check.max_points:g}",
            })  # fmt: skip
    return _csv(CHECKS, rows)


def canvas_csv(
    grades: Sequence[Grade], titles: Mapping[str, str], roster: Roster | None = None
) -> tuple[str, list[str]]:
    """A gradebook to import into Canvas, and the students that its roster does not have.

    With a roster (Canvas's own export) each of its students gets a row, and a chapter goes into the assignment
    of its title. Without one, a student's name stands for the login. What has no grade stays blank, which
    changes nothing in Canvas.
    """
    scores: dict[str, dict[str, Grade]] = {}
    for grade in grades:
        scores.setdefault(grade.student, {})[grade.chapter] = grade
    chapters = [name for name in titles if any(name in found for found in scores.values())]
    columns = {name: _assignment(titles[name], roster) for name in chapters}
    most = {name: max(found[name].max_score for found in scores.values() if name in found) for name in chapters}
    possible = {"Student": POSSIBLE} | {columns[name]: f"{most[name]:g}" for name in chapters}
    people, unknown = _people(list(scores), roster)
    rows: list[dict[str, object]] = [dict(possible)]
    for student, cells in people:
        found = scores.get(student or "", {})
        marks = {columns[name]: f"{found[name].score:g}" for name in chapters if name in found}
        rows.append({**{name: csv_text(value) for name, value in cells.items()}, **marks})
    return _csv((*CANVAS, *columns.values()), rows), unknown


def _grade_row(grade: Grade) -> dict[str, object]:
    entry = grade.entry
    record = entry.record if entry else None
    lost = [f"{c.exercise} ({c.mistake or c.outcome})" for c in record.checks if c.outcome != "pass"] if record else []
    return {
        "student": csv_text(grade.student), "chapter": csv_text(grade.chapter), "score": f"{grade.score:g}",
        "max_score": f"{grade.max_score:g}", "automatic": f"{grade.automatic:g}",
        "late_points": f"{grade.late_points:g}", "adjusted": f"{grade.adjusted:g}", "attempts": grade.attempts,
        "submission": csv_text(entry.submission if entry else ""), "seed": entry.seed if entry else "",
        "submitted": csv_text((entry.submitted if entry else "") or ""), "key": csv_text(entry.key if entry else ""),
        "lost_on": csv_text("; ".join(dict.fromkeys(lost))), "error": csv_text((record.error if record else "") or ""),
        "reasons": csv_text("; ".join(grade.reasons)),
    }  # fmt: skip


def _assignment(title: str, roster: Roster | None) -> str:
    """The roster's column of an assignment, which carries Canvas's number ("LSTM (1234)"), else the title."""
    header = roster[0] if roster else ()
    named = [name for name in header if name == title or name.rsplit(" (", 1)[0] == title]
    return named[0] if named else title


def _people(students: list[str], roster: Roster | None) -> tuple[list[tuple[str | None, dict[str, str]]], list[str]]:
    """The rows' first cells with the student each is of (None: nothing handed in); who is on no row."""
    if roster is None:
        return [(name, {"Student": printable(name), "SIS Login ID": printable(name)}) for name in students], []
    people: list[tuple[str | None, dict[str, str]]] = []
    for row in roster[1]:
        names = [row.get(column, "") for column in ("SIS Login ID", "SIS User ID", "ID", "Student")]
        people.append((next((name for name in names if name in students), None), {n: row.get(n, "") for n in CANVAS}))
    known = {name for name, _ in people}
    return people, [name for name in students if name not in known]


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """RFC 4180: lines end with CR LF."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
