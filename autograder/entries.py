"""Entries read from files: a gradebook, or what `autograder grade --json` wrote.

Here belongs turning a file back into `Entry`s, and saying in one line what is wrong with it.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from autograder.entry import Entry
from autograder.gradebook import open_gradebook
from autograder.keys import chapters
from autograder.record import Record, record_of
from autograder.submissions.names import whose

MAX_BYTES = 2_000_000_000
SQLITE = b"SQLite format 3\x00"


class EntriesError(Exception):
    """A file of records that cannot be used; the message says which, why and what to do."""


def read_entries(path: Path) -> list[Entry]:
    """The entries in a gradebook or a file of records, in its order.

    Raises
    ------
    EntriesError, GradebookError
        If it is neither, or is damaged. Not being there, or not being readable, is an `OSError`.
    """
    with path.open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            with open_gradebook(path) as gradebook:
                return list(gradebook.entries())
        file.seek(0)
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise EntriesError(f"{path}: larger than 2 GB: no file of records")
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        hint = "a gradebook, or what autograder grade --json FILE wrote"
        raise EntriesError(f"{path}: not a file of records ({hint})") from error
    if not isinstance(data, list):
        raise EntriesError(f"{path}: not a file of records: it holds no list of them")
    records = [_record(path, number, item) for number, item in enumerate(data, 1)]
    names = students([record.submission for record in records])
    return [
        Entry(name, record.submission, record.chapter or "", record.seed, record.key or "", None, record)
        for name, record in zip(names, records, strict=True)
    ]


def students(submissions: list[str]) -> list[str]:
    """Whose submission each path is, by what it says below the folder that all of them share.

    A folder of files that are named after chapters (`ada/lstm.ipynb`) is a student's.
    """
    paths = [PurePosixPath(name.replace("\\", "/")) for name in submissions]
    folders = [path.parent.parts for path in paths]
    shared = 0
    while folders and all(len(parts) > shared and parts[shared] == folders[0][shared] for parts in folders):
        shared += 1
    known = chapters()
    if shared and all(path.stem in known for path in paths if len(path.parts) == shared + 1):
        shared -= any(len(path.parts) == shared + 1 for path in paths)
    return [whose(path.parts[shared:] or (name or "?",), known).student for path, name in
            zip(paths, submissions, strict=True)]  # fmt: skip


def _record(path: Path, number: int, item: object) -> Record:
    try:
        return record_of(item)
    except ValueError as error:
        raise EntriesError(f"{path}: record {number}: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of a record")
