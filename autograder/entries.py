"""Entries read from files: what `autograder grade --json` wrote, checked field by field.

Here belongs turning a file back into `Entry`s, and saying in one line what is wrong with it. Files are
somebody's; nothing in one is trusted to have the type that it should have.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.entry import Entry
from autograder.keys import chapters
from autograder.record import OUTCOMES, SCHEMA, CheckResult, Record, printable

MAX_BYTES = 2_000_000_000
NUMBER = (int, float)
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "float": NUMBER, "str | None": (str, type(None)),
}  # fmt: skip
SQLITE = b"SQLite format 3\x00"


class EntriesError(Exception):
    """A file of records that cannot be used; the message says which, why and what to do."""


def read_entries(path: Path) -> list[Entry]:
    """The entries in a file of records, in the file's order.

    Raises
    ------
    EntriesError
        If it is no file of records, or is damaged. Not being there, or not being readable, is an `OSError`.
    """
    if path.stat().st_size > MAX_BYTES:
        raise EntriesError(f"{path}: larger than 2 GB: no file of records")
    with path.open("rb") as file:
        if file.read(len(SQLITE)) == SQLITE:
            raise EntriesError(f"{path}: a gradebook: export its records to JSON first")
        file.seek(0)
        content = file.read()
    try:
        data = json.loads(content.decode("utf-8-sig"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise EntriesError(f"{path}: not a file of records (write one with: autograder grade --json FILE)") from error
    if not isinstance(data, list):
        raise EntriesError(f"{path}: not a file of records: it holds no list of them")
    records = [_record(path, number, item) for number, item in enumerate(data, 1)]
    names = students([record.submission for record in records])
    return [
        Entry(name, record.submission, record.chapter or "", record.seed, record.key or "", None, record)
        for name, record in zip(names, records, strict=True)
    ]


def students(submissions: list[str]) -> list[str]:
    """Whose submission each path is: the folder's name, or the file's where all files lie in one folder.

    A file that is named after a chapter (`ada/lstm.ipynb`) is always its folder's.
    """
    paths = [PurePosixPath(name.replace("\\", "/")) for name in submissions]
    flat, known = len({path.parent for path in paths}) == 1, set(chapters())
    return [
        (path.stem if flat and path.stem not in known else path.parent.name or path.stem) or name
        for path, name in zip(paths, submissions, strict=True)
    ]


def record_of(data: object) -> Record:
    """A record from its JSON.

    Raises
    ------
    ValueError
        If it is not of the schema `unrolled/result/v1`; the message says in which field.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else None
        raise ValueError(f"the schema is {printable(repr(found), 60)}, not {SCHEMA!r}")
    checks, versions, notes = data.get("checks"), data.get("versions"), data.get("notes")
    if not isinstance(checks, list) or not isinstance(versions, dict) or not isinstance(notes, list):
        raise ValueError("checks, versions or notes are missing")
    plain = {f.name: _typed(data, f.name, str(f.type)) for f in fields(Record) if str(f.type) in TYPES}
    results = tuple(_check(item) for item in checks)
    said = tuple(str(note) for note in notes)
    return Record(**plain, checks=results, versions={str(k): str(v) for k, v in versions.items()}, notes=said)


def _check(data: object) -> CheckResult:
    if not isinstance(data, dict):
        raise ValueError("a check is no object")
    result = CheckResult(**{f.name: _typed(data, f.name, str(f.type)) for f in fields(CheckResult)})
    if result.outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {printable(repr(result.outcome), 60)}")
    return result


def _typed(data: dict[str, Any], name: str, kind: str) -> Any:
    value = data.get(name)
    if not isinstance(value, TYPES[kind]) or isinstance(value, bool) or (value is None and name not in data):
        raise ValueError(f"'{name}' is missing, or no {kind}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"'{name}' is no finite number")
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _record(path: Path, number: int, item: object) -> Record:
    try:
        return record_of(item)
    except ValueError as error:
        raise EntriesError(f"{path}: record {number}: {error}") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of a record")
