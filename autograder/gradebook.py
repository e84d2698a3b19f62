"""The gradebook: one SQLite file that holds whose submission is which, and what grading made of each.

Here belongs keeping results so that nothing is lost, done twice or counted twice, and giving them back. A content
is graded once for each chapter, seed and answer key, however many students handed it in; results of an earlier seed
or key are kept. What is made of results lies in `report`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder.entry import Entry
from autograder.record import Record, printable, record_of

VERSION = 1
APPLICATION = 0x554E524C  # "UNRL": SQLite's field for whose file it is
BUSY_SECONDS = 30.0
TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE keys (chapter TEXT PRIMARY KEY, key TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE submissions (
  submission TEXT NOT NULL, content TEXT NOT NULL, student TEXT NOT NULL, submitted TEXT,
  PRIMARY KEY (submission, content)) WITHOUT ROWID;
CREATE TABLE results (
  content TEXT NOT NULL, chapter TEXT NOT NULL, seed INTEGER NOT NULL, key TEXT NOT NULL,
  course TEXT NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (content, chapter, seed, key));
CREATE TABLE deaths (
  content TEXT NOT NULL, seed INTEGER NOT NULL, course TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (content, seed, course)) WITHOUT ROWID;
"""
# What is in force: results of the present seed and keys; of a file of no chapter, unless it has become one's.
IN_FORCE = """
seed = (SELECT CAST(value AS INTEGER) FROM about WHERE name = 'seed') AND (
  key = (SELECT k.key FROM keys k WHERE k.chapter = r.chapter)
  OR (chapter = '' AND NOT EXISTS (
    SELECT 1 FROM results o WHERE o.content = r.content AND o.seed = r.seed AND o.chapter <> '')))
"""
COLUMNS = (
    "student", "submission", "submitted", "content", "chapter", "seed", "key", "score", "max_score", "error", "notes",
    "check", "exercise", "points", "max_points", "outcome", "cause", "mistake", "message",
)  # fmt: skip
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # what makes a spreadsheet run a cell


class GradebookError(Exception):
    """A gradebook that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Course:
    """What submissions are graded with.

    Attributes
    ----------
    seed
        The seed of the inputs.
    keys
        The hash of each chapter's answer key.
    """

    seed: int
    keys: Mapping[str, str]

    @property
    def chapters_digest(self) -> str:
        """Names the set of chapters: a file of none of them is not graded again while it stays the same."""
        return _digest(sorted(self.keys))

    @property
    def digest(self) -> str:
        """Names all keys."""
        return _digest(sorted(self.keys.items()))


class Gradebook:
    """An open gradebook. Use `open_gradebook`.

    Every method raises GradebookError if the file cannot be read or written; what was written stays.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path, self._database = path, database

    def seed(self) -> int | None:
        """The seed that was graded with last; None in a new gradebook."""
        rows = self._rows("SELECT value FROM about WHERE name = 'seed'")
        return int(rows[0][0]) if rows else None

    def begin(self, course: Course) -> None:
        """Take this seed and these keys as the ones in force."""
        with self._writing() as database:
            database.execute("INSERT OR REPLACE INTO about VALUES ('seed', ?)", (str(course.seed),))
            database.execute("DELETE FROM keys")
            database.executemany("INSERT INTO keys VALUES (?, ?)", sorted(course.keys.items()))

    def hand_in(self, submissions: Iterable[tuple[str, str, str, str | None]]) -> None:
        """Take down submissions: path, hash of the content, student, when. One known already may change hands."""
        with self._writing() as database:
            database.executemany(
                "INSERT INTO submissions VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET student = excluded.student, submitted = excluded.submitted",
                submissions,
            )

    def is_done(self, content: str, course: Course) -> bool:
        """Whether this content has a result under the course's seed and keys."""
        rows = self._rows("SELECT chapter, key, course FROM results WHERE content = ? AND seed = ?",
                          content, course.seed)  # fmt: skip
        return any(
            key == course.keys.get(chapter) if chapter else names == course.chapters_digest
            for chapter, key, names in rows
        )

    def keep(self, content: str, course: Course, record: Record) -> None:
        """Write a result down for good. A second one of the same content, chapter, seed and key changes nothing;
        but a file of no chapter is not judged by an older course."""
        row = (content, record.chapter or "", record.seed, record.key or "", course.chapters_digest, _text(record))
        with self._writing() as database:
            database.execute(
                "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET course = excluded.course, record = excluded.record WHERE chapter = ''",
                row,
            )

    def deaths(self, content: str, course: Course) -> int:
        """How often the grader's worker died of this content."""
        rows = self._rows("SELECT count FROM deaths WHERE content = ? AND seed = ? AND course = ?",
                          content, course.seed, course.digest)  # fmt: skip
        return int(rows[0][0]) if rows else 0

    def died(self, content: str, course: Course) -> int:
        """Count one more death of a worker; how many there are now."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO deaths VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1",
                (content, course.seed, course.digest),
            )
        return self.deaths(content, course)

    def entries(self, everything: bool = False) -> Iterator[Entry]:
        """The results, one for each submission and chapter, ordered by student, chapter, time and path.

        Parameters
        ----------
        everything
            Also those of earlier seeds and keys.
        """
        for entry, _ in self._entries(everything):
            yield entry

    def count(self) -> int:
        """How many results there are, of all seeds and keys."""
        return int(self._rows("SELECT count(*) FROM results")[0][0])

    def write_csv(self, everything: bool = False) -> Iterator[str]:
        """The lines of a CSV file with all that the results say, one line for each check.

        A file that could not be graded has one line. Two gradebooks of the same submissions give the same bytes:
        how long grading took and when it was done are left out. Cells that a spreadsheet would run as a formula
        begin with an apostrophe.
        """
        yield _line(COLUMNS)
        for entry, content in self._entries(everything):
            record = entry.record
            head = (entry.student, entry.submission, entry.submitted, content, entry.chapter, entry.seed, entry.key,
                    record.score, record.max_score, record.error, "; ".join(record.notes))  # fmt: skip
            for check in record.checks or (None,):
                yield _line((*head, *(getattr(check, name, None) for name in _CHECK)))

    def _entries(self, everything: bool) -> Iterator[tuple[Entry, str]]:
        where = "1" if everything else IN_FORCE
        query = f"""SELECT s.student, s.submission, r.chapter, r.seed, r.key, s.submitted, r.record, s.content
            FROM submissions s JOIN results r ON r.content = s.content WHERE {where}
            ORDER BY s.student, r.chapter, s.submitted, s.submission, s.content, r.seed, r.key"""
        with _told(self.path):
            for student, submission, chapter, seed, key, submitted, text, content in self._database.execute(query):
                record = replace(_record(text), submission=submission)
                yield Entry(student, submission, chapter, seed, key, submitted, record), content

    def _rows(self, query: str, *values: object) -> list[Any]:
        with _told(self.path):
            return self._database.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _told(self.path), self._database:
            yield self._database


_CHECK = ("id", "exercise", "points", "max_points", "outcome", "cause", "mistake", "message")


@contextmanager
def open_gradebook(path: Path, write: bool = False) -> Iterator[Gradebook]:
    """Open a gradebook: to read it, or to write it (it is made if there is none).

    Raises
    ------
    GradebookError
        If there is none to read, it cannot be opened or made, it is something else, or of a newer version.
    """
    with _told(path):
        if not write and not path.is_file():
            raise GradebookError(f"{path}: there is no such gradebook")
        database = _connect(path, write)
    try:
        with _told(path):
            _check_version(path, database, write)
        yield Gradebook(path, database)
    finally:
        with suppress(sqlite3.Error):
            database.close()


def content_hash(content: bytes) -> str:
    """The name of a submission's content."""
    return hashlib.sha256(content).hexdigest()


def _connect(path: Path, write: bool) -> sqlite3.Connection:
    if write:
        if path.is_dir():
            raise GradebookError(f"{path}: this is a folder: name a file for the gradebook")
        if not path.parent.is_dir():
            raise GradebookError(f"{path}: there is no such folder to write to")
        database = sqlite3.connect(path, timeout=BUSY_SECONDS)
        database.execute("PRAGMA user_version")  # fails on what is no database, before anything is written
        return database
    address = path.absolute().as_uri()
    try:
        database = sqlite3.connect(f"{address}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:  # a folder that nothing can be written to: then nobody changes it meanwhile
        if os.access(path.parent, os.W_OK):
            raise
        database = sqlite3.connect(f"{address}?immutable=1", uri=True)
    return database


def _check_version(path: Path, database: sqlite3.Connection, write: bool) -> None:
    version = database.execute("PRAGMA user_version").fetchone()[0]
    application = database.execute("PRAGMA application_id").fetchone()[0]
    empty = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application == APPLICATION and version > VERSION:
        raise GradebookError(
            f"{path}: made by a newer version of the grader (gradebook {version}, this one knows {VERSION}): update it"
        )
    if application != APPLICATION and not (empty and write):
        raise GradebookError(f"{path}: this is not a gradebook")
    if write:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        if empty:
            database.executescript(
                f"BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION};"
                f" PRAGMA user_version = {VERSION}; COMMIT;"
            )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors in plain words."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            text = "the disk is full: free some space and run the same command again, it goes on where it stopped"
        elif "not a database" in text or "malformed" in text:
            text = "this is not a gradebook, or a damaged one"
        elif "readonly" in text or "unable to open" in text:
            text = "the file cannot be opened or written here: choose another folder"
        raise GradebookError(f"{path}: {text}") from error


def _record(text: str) -> Record:
    try:
        return record_of(json.loads(text))
    except ValueError as error:
        raise GradebookError("the gradebook holds a damaged record, or one of another version") from error


def _text(record: Record) -> str:
    return json.dumps(record.as_json(), ensure_ascii=False, allow_nan=False, sort_keys=True)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _line(values: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_cell(value) for value in values])
    return out.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return format(value, ".10g")
    text = printable(str(value), 10_000)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
