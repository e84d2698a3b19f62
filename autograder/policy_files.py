"""What an instructor decided, read from CSV files and from the command line's words.

Here belongs parsing and saying what is wrong in which line. What a policy does lies in `grades`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from autograder.grades import Adjustment, Late
from autograder.record import printable

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
UNITS = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class PolicyFileError(Exception):
    """A policy that cannot be used; the message says where, why and what to write instead."""


def read_adjustments(path: Path, chapters: list[str]) -> tuple[Adjustment, ...]:
    """Manual adjustments from a CSV file with the columns student, chapter, points, reason.

    Raises
    ------
    PolicyFileError
        If a column or a reason is missing, a chapter is unknown, or points are no number.
    """
    found = []
    for line, row in _rows(path, ("student", "chapter", "points", "reason")):
        _known(path, line, row["chapter"], chapters)
        if not row["reason"]:
            raise PolicyFileError(f"{path}, line {line}: an adjustment needs a reason")
        found.append(Adjustment(row["student"], row["chapter"], _number(path, line, row["points"]), row["reason"]))
    return tuple(found)


def read_due(path: Path, chapters: list[str]) -> dict[tuple[str, str], datetime]:
    """Dates by (student, chapter) from a CSV file with the columns chapter, due and, for extensions, student."""
    found: dict[tuple[str, str], datetime] = {}
    for line, row in _rows(path, ("chapter", "due")):
        _known(path, line, row["chapter"], chapters)
        found[row.get("student", ""), row["chapter"]] = _date(path, line, row["due"])
    return found


def read_handed_in(path: Path) -> dict[tuple[str, ...], datetime]:
    """When submissions came, from a CSV file with a column submitted, and submission or student and chapter."""
    found: dict[tuple[str, ...], datetime] = {}
    for line, row in _rows(path, ("submitted",)):
        if row.get("submission"):
            name: tuple[str, ...] = (row["submission"],)
        elif row.get("student") and row.get("chapter"):
            name = (row["student"], row["chapter"])
        else:
            raise PolicyFileError(f"{path}, line {line}: whose? name the submission, or the student and the chapter")
        found[name] = _date(path, line, row["submitted"])
    return found


def read_canvas(path: Path) -> tuple[tuple[str, ...], tuple[dict[str, str], ...]]:
    """The header and the students of a gradebook that Canvas exported, without its row of points possible."""
    rows = _rows(path, CANVAS)
    people = [row for _, row in rows if row["ID"] or row["SIS User ID"] or row["SIS Login ID"]]
    if not people:
        raise PolicyFileError(f"{path}: there is no student in it: export the gradebook from Canvas")
    return tuple(people[0]), tuple(people)


def parse_late(words: str, cap: str, grace: str, due: dict[tuple[str, str], datetime]) -> Late:
    """A penalty from words such as "10%/day" (or "/hour"), a cap such as "50%", a grace such as "15m"."""
    match = re.fullmatch(r"\s*(.+?)\s*/\s*(day|hour)\s*", words)
    if match is None:
        raise PolicyFileError(f"'{words}': write what lateness costs like 10%/day or 1%/hour")
    span = re.fullmatch(r"\s*(\d{1,6})\s*([mhd])\s*", grace)
    if span is None:
        raise PolicyFileError(f"'{grace}': write the grace like 15m, 2h or 1d")
    return Late(_part(match[1]), UNITS[match[2]], _part(cap), int(span[1]) * SPANS[span[2]], due)


def _part(words: str) -> float:
    match = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,6})?)\s*%\s*", words)
    if match is None or float(match[1]) > 100:
        raise PolicyFileError(f"'{words}': write a part of the points like 10%, at most 100%")
    return float(match[1]) / 100


def _rows(path: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The file's rows with their line numbers, without empty ones; spaces around a value do not count."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restval="")
        header = [name.strip() for name in reader.fieldnames or []]
        missing = [name for name in needed if name not in header]
        if missing:
            raise PolicyFileError(f"{path}: there is no column '{missing[0]}' (columns: {', '.join(needed)})")
        reader.fieldnames = header
        rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError as error:
        raise PolicyFileError(f"{path}: not text in UTF-8: save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise PolicyFileError(f"{path}: not a CSV file ({error})") from error
    for line, row in rows:
        if None in row:
            raise PolicyFileError(f"{path}, line {line}: more values than columns: quote values that hold a comma")
    plain = [(line, {name: value.strip() for name, value in row.items()}) for line, row in rows]
    return [(line, row) for line, row in plain if any(row.values())]


def _known(path: Path, line: int, chapter: str, chapters: list[str]) -> None:
    if chapter not in chapters:
        raise PolicyFileError(
            f"{path}, line {line}: unknown chapter '{printable(chapter, 40)}' ({', '.join(chapters)})"
        )


def _number(path: Path, line: int, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise PolicyFileError(f"{path}, line {line}: '{printable(text, 40)}' is no number of points")
    return value


def _date(path: Path, line: int, text: str) -> datetime:
    """A date of ISO 8601; without a zone it is in UTC."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        shown = printable(text, 40)
        raise PolicyFileError(f"{path}, line {line}: '{shown}' is no date like 2026-10-01T23:59+02:00") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
