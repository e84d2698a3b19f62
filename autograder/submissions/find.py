"""Every notebook below some folders and in some archives, one after the other, always in the same order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder.notebook import MAX_NOTEBOOK_BYTES, NotebookFileError, read_bytes
from autograder.record import printable
from autograder.submissions.names import ARCHIVE, NOTEBOOK, folded, whose
from autograder.submissions.roster import Roster
from autograder.submissions.zipped import Archive, ArchiveError, nested, open_archive

MAX_DEPTH = 3  # archives in archives
MAX_LABEL = 500  # characters of a submission's path
SKIPPED = ("__MACOSX",)  # and whatever begins with a dot
PACKED = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")


class SubmissionsError(Exception):
    """A path that holds no submissions; the message says why."""


@dataclass(frozen=True)
class Found:
    """A submission that was found.

    Attributes
    ----------
    student, submission, submitted
        As in `Entry`.
    problem
        Why it cannot be read, or None.
    read
        Gives its content. To be called before the next submission is asked for, and only if there is no problem;
        raises NotebookFileError or ArchiveError, with a problem's words, if it turns out to be unreadable.
    """

    student: str
    submission: str
    submitted: str | None
    problem: str | None
    read: Callable[[], bytes]


@dataclass
class _Search:
    """What the walk through everything shares."""

    chapters: Collection[str]
    roster: Roster
    note: Callable[[str], None]
    labels: Counter[str] = field(default_factory=Counter)
    unknown: set[str] = field(default_factory=set)

    def found(self, parts: Sequence[str], read: Callable[[], bytes], problem: str | None = None) -> Found:
        """A submission by the parts of its path; two of one path get labels that differ."""
        kept = [part for part in parts if part not in ("", ".", "..")] or ["?"]
        label = printable("/".join(kept), MAX_LABEL)
        self.labels[label] += 1
        if (count := self.labels[label]) > 1:
            label = f"{label}#{count}"
        owner = whose(kept, self.chapters, self.roster.known)
        student = self.roster.student(owner.aliases)
        if student is None and self.roster.by_name:
            self.unknown.add(owner.student)
        return Found(student or owner.student, label, owner.submitted, problem, read)


def find(
    paths: Sequence[Path], chapters: Collection[str], roster: Roster | None = None,
    note: Callable[[str], None] = lambda line: None,
) -> Iterator[Found]:  # fmt: skip
    """The submissions in these folders, archives and notebooks, in a stable order.

    Parameters
    ----------
    chapters
        Names of the course's chapters, which are no students' names.
    note
        Gets a line about everything that is left alone.

    Raises
    ------
    SubmissionsError
        If a path does not exist, or is an archive that cannot be read.
    """
    search = _Search(chapters, roster or Roster(), note)
    for path in paths:
        before = [_text(path.name)] if len(paths) > 1 else []
        if path.is_dir():
            yield from _folder(search, path, before)
        elif ARCHIVE.search(path.name) and path.is_file():
            yield from _archive_named(search, path, before)
        elif path.exists():
            yield search.found([_text(path.name)], _reader(path))
        else:
            raise SubmissionsError(f"{path}: there is no such file or folder")
    if search.unknown:
        some = ", ".join(sorted(search.unknown)[:5]) + (", …" if len(search.unknown) > 5 else "")
        note(f"{len(search.unknown)} students are not on the roster: {some}")


def _archive_named(search: _Search, path: Path, before: list[str]) -> Iterator[Found]:
    try:
        with open_archive(path, trusted=True) as archive:
            inside = [_parts(name) for name, _ in archive.members()]
            yield from _archive(search, archive, before, 1, _wrapper(inside, path, search.chapters))
    except ArchiveError as error:
        raise SubmissionsError(f"{path}: {error}") from error


def _folder(search: _Search, top: Path, before: list[str]) -> Iterator[Found]:
    inside = [[*map(_text, here.relative_to(top).parts), file] for here, files in _walk(top) for file in files]
    wrapper = _wrapper(inside, top, search.chapters, sure=True)
    for here, files in _walk(top, search.note):
        folders = list(map(_text, here.relative_to(top).parts))
        parts = [*before, *(folders[1:] if folders and folders[0] == wrapper else folders)]
        for file in files:
            yield from _file(search, here / file, [*parts, _text(file)])


def _walk(top: Path, note: Callable[[str], None] = lambda line: None) -> Iterator[tuple[Path, list[str]]]:
    """Every folder with its files, in order; a line about each that is not looked into."""

    def unreadable(error: OSError) -> None:
        note(f"{_text(str(error.filename))}: this folder cannot be read: {error.strerror}")

    for name, folders, files in os.walk(top, onerror=unreadable):
        here = Path(name)
        for folder in folders:
            if (here / folder).is_symlink():
                note(f"{_text(str(here / folder))}: this is a link, not a folder: it is not followed")
        folders[:] = sorted(f for f in folders if not _skipped(f) and not (here / f).is_symlink())
        yield here, sorted(files)


def _file(search: _Search, path: Path, parts: list[str]) -> Iterator[Found]:
    if _skipped(path.name):
        return
    if not (NOTEBOOK.search(path.name) or ARCHIVE.search(path.name)):
        _pass_over(search, parts)
    elif path.is_symlink():
        yield search.found(parts, bytes, "this is a link, not a file: it is not followed")
    elif NOTEBOOK.search(path.name):
        yield search.found(parts, _reader(path))
    else:
        try:
            with open_archive(path, trusted=False) as archive:
                yield from _archive(search, archive, parts, 1)
        except (ArchiveError, PermissionError) as error:
            yield search.found(parts, bytes, str(error.strerror if isinstance(error, OSError) else error))


def _archive(
    search: _Search, archive: Archive, before: list[str], depth: int, wrapper: str | None = None
) -> Iterator[Found]:
    for name, info in archive.members():
        inside = _parts(name)
        if len(inside) > 1 and inside[0] == wrapper:
            inside = inside[1:]
        parts = [*before, *inside]
        if not inside or any(map(_skipped, inside)):
            continue
        if NOTEBOOK.search(inside[-1]):
            yield search.found(parts, lambda info=info: archive.read(info, MAX_NOTEBOOK_BYTES))  # type: ignore[misc]
        elif not ARCHIVE.search(inside[-1]):
            _pass_over(search, parts)
        elif depth >= MAX_DEPTH:
            yield search.found(parts, bytes, "an archive in an archive in an archive: unpack it by hand")
        else:
            try:
                with nested(archive, info) as inner:
                    yield from _archive(search, inner, parts, depth + 1)
            except ArchiveError as error:
                yield search.found(parts, bytes, str(error))


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _wrapper(paths: list[list[str]], top: Path, chapters: Collection[str], sure: bool = False) -> str | None:
    """The folder around a whole class, which is no student's: of the name of what it lies in, or with students'
    folders or files of students' names in it.

    Parameters
    ----------
    paths
        The parts of every file's path below `top`.
    sure
        A folder of another name counts only with folders of two students or more in it: in a plain folder, one
        folder may as well be the only student's.
    """
    inside = [parts for parts in paths if parts and not any(map(_skipped, parts))]
    tops = {parts[0] if len(parts) > 1 else None for parts in inside}
    only = tops.pop() if len(tops) == 1 else None
    if only is None or only == ARCHIVE.sub("", _text(top.name)):
        return only
    whole = all(len(parts) > 2 for parts in inside)
    if sure:
        below = {folded(parts[1]) for parts in inside}
        return only if whole and len(below) > 1 and not below & {folded(name) for name in chapters} else None
    plain = {NOTEBOOK.sub("", parts[-1]).casefold() for parts in inside}
    return only if whole or not plain & set(chapters) else None


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        content = read_bytes(path)
        if len(content) > MAX_NOTEBOOK_BYTES:
            raise NotebookFileError("the file is larger than 50 MB: clear its outputs and save it again")
        return content

    return read


def _pass_over(search: _Search, parts: list[str]) -> None:
    """Say of a file that is no notebook that it is left alone; of a packed one, what to do about it."""
    what = "unpack it by hand" if parts[-1].lower().endswith(PACKED) else "not a notebook"
    search.note(f"{printable('/'.join(parts), MAX_LABEL)}: left alone: {what}")


def _skipped(name: str) -> bool:
    return name in SKIPPED or name.startswith(".")


def _text(name: str) -> str:
    """A file's name as valid Unicode, whatever bytes it is made of."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
