"""What a submission's path says of its student.

Learning platforms put the student's name and number into the names of the files and folders that they give to
download. Where no such name is found, the first folder is the student's, or the file's own name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from autograder.record import printable

MAX_STUDENT = 200  # characters
ARCHIVE = re.compile(r"\.zip$", re.IGNORECASE)
NOTEBOOK = re.compile(r"\.ipynb$", re.IGNORECASE)
COMMON = frozenset({"submission", "submissions", "notebook", "notebooks", "exercises"})  # folders of nobody's

# Canvas: doejane_12345_67890_lstm.ipynb, doejane_LATE_12345_67890_lstm-1.ipynb (names without spaces)
_CANVAS = re.compile(r"(?P<student>[^_]+)_(?:late_)?(?P<id>\d{2,})_\d{2,}_.+", re.IGNORECASE)
# Moodle: a folder (or the beginning of a file's name) "Jane Doe_12345_assignsubmission_file_"
_MOODLE = re.compile(r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_.*", re.IGNORECASE)
# Blackboard: Week 3_jdoe_attempt_2026-01-31-09-30-00_lstm.ipynb
_BLACKBOARD = re.compile(r"(?P<before>.+)_attempt_(?P<date>\d{4}(?:-\d{1,2}){5})(?:[_.].*)?", re.IGNORECASE)
_COPY = re.compile(r"\s*\(\d+\)$")  # what browsers add to a second download


@dataclass(frozen=True)
class Whose:
    """The student that a path names.

    Attributes
    ----------
    student
        The name, fit to be shown.
    aliases
        Every name of the student that the path gives, the best first: to be looked up in a roster.
    submitted
        When it was handed in (ISO 8601, this machine's zone), if the name says so.
    """

    student: str
    aliases: tuple[str, ...]
    submitted: str | None = None


def whose(parts: Sequence[str], chapters: Collection[str], known: Collection[str] = ()) -> Whose:
    """The student of a submission.

    Parameters
    ----------
    parts
        The folders and archives that lead to the notebook, and its own name at the end. Not empty.
    chapters
        Names of chapters: a folder of that name is nobody's, and they are no part of a student's name.
    known
        Folded names that a roster has, see `folded`.
    """
    for part in parts:
        found = _platform(_stem(part), known)
        if found is not None:
            return found
    nobody = COMMON | {folded(name) for name in chapters}
    folders = [_stem(part) for part in parts[:-1]]
    own = next((name for name in folders if folded(name) not in nobody and folded(name)), None)
    name = own if own is not None else _without_chapter(_stem(parts[-1]), chapters)
    return Whose(_shown(name), (name, _stem(parts[-1])))


def folded(name: str) -> str:
    """A name in the form in which names are compared: case, width and composition do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _platform(stem: str, known: Collection[str]) -> Whose | None:
    if found := _MOODLE.fullmatch(stem) or _CANVAS.fullmatch(stem):
        return Whose(_shown(found["student"]), (found["id"], found["student"]))
    if found := _BLACKBOARD.fullmatch(stem):
        words = found["before"].split("_")
        tails = ["_".join(words[i:]) for i in range(len(words))]
        student = next((tail for tail in tails if folded(tail) in known), words[-1])
        return Whose(_shown(student), (student,), _moment(found["date"]))
    return None


def _moment(text: str) -> str | None:
    with suppress(ValueError, OverflowError, OSError):
        return datetime(*map(int, text.split("-"))).astimezone().isoformat()  # type: ignore[arg-type]
    return None


def _without_chapter(stem: str, chapters: Collection[str]) -> str:
    """`lstm_ann` and `ann-lstm (1)` are Ann's."""
    stem = _COPY.sub("", stem)
    named = "|".join(sorted(map(re.escape, chapters), key=len, reverse=True)) or "(?!)"
    before = re.fullmatch(rf"(?:{named})[-_ .]+(.+)", stem, re.IGNORECASE)
    after = re.fullmatch(rf"(.+?)[-_ .]+(?:{named})", stem, re.IGNORECASE)
    found = before or after
    return found[1] if found else stem


def _stem(part: str) -> str:
    return ARCHIVE.sub("", NOTEBOOK.sub("", part)).strip() or part


def _shown(name: str) -> str:
    return printable(unicodedata.normalize("NFC", name).strip(), MAX_STUDENT) or "?"
