"""Notebooks as data: a chapter's source read into cells with roles, ids, stubs; files written.

Here belongs what a cell *is* (its role and its id) and reading and writing the two formats:
`solutions/<chapter>.md` (MyST text notebooks) and `.ipynb`. Nothing here runs a cell.

Roles in a source: `setup` (locked code), `card` (an exercise's markdown), `inputs` (locked code
that draws), `solution`, `toy` (a worked example, locked), `check`, `hint` (markdown), `mistake`,
`variant`; `text` is everything else. A mistake or variant gives its own code, or `edits`: pairs
of old and new text, applied to the exercise's solution.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

ROLES = ("text", "setup", "card", "inputs", "solution", "toy", "check", "hint", "mistake", "variant")
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
TODO = "# YOUR CODE HERE"
MAX_NOTEBOOK_BYTES = 50_000_000
MAX_NOTEBOOK_VALUES = 2_000_000  # a value takes up to 130 bytes of memory, whatever its length in the file


class SourceError(Exception):
    """A chapter's source that breaks the format; the message says which cell and how."""


class NotebookFileError(Exception):
    """A file that cannot be read as a notebook; the message says why and what to do."""


@dataclass(frozen=True)
class Cell:
    """One cell of a source: `kind` is "code" or "markdown"; `about` its metadata."""

    id: str
    kind: str
    role: str
    exercise: str
    source: str
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chapter:
    """A chapter's source: its cells with ids, in order. `digest` names the file's content."""

    name: str
    title: str
    digest: str
    cells: tuple[Cell, ...]

    def of(self, role: str, exercise: str | None = None) -> list[Cell]:
        """The cells of a role (of one exercise, if given), in order."""
        return [c for c in self.cells if c.role == role and exercise in (None, c.exercise)]

    def solution(self, exercise: str) -> Cell:
        """The solution cell of an exercise."""
        return self.of("solution", exercise)[0]

    @property
    def exercises(self) -> list[str]:
        """The exercises' ids, in order."""
        return [cell.exercise for cell in self.of("card")]


def read_chapter(path: Path) -> Chapter:
    """Read `solutions/<chapter>.md`.

    Raises
    ------
    SourceError
        If the source breaks the format: unknown role, an exercise without a solution or a
        check, an edit that does not apply, an id used twice.
    """
    return _parse_chapter(path.stem, path.read_text(encoding="utf-8"))


@lru_cache(maxsize=32)
def _parse_chapter(name: str, content: str) -> Chapter:
    import jupytext

    notebook = jupytext.reads(content, fmt="md:myst")
    about = notebook.metadata.get("unrolled", {})
    if about.get("chapter") != name or "title" not in about:
        raise SourceError(f"{name}.md: the front matter needs unrolled.chapter '{name}' and a title")
    cells = tuple(_cells(name, notebook.cells))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    chapter = Chapter(name, str(about["title"]), digest, cells)
    _validate(chapter)
    return chapter


def stub(source: str) -> str:
    """A solution cell as the student gets it: the reference replaced by `NotImplementedError`."""
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        if line.strip() == BEGIN:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}{TODO}", f'{indent}raise NotImplementedError("not filled in yet")']
        elif line.strip() == END:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def reference_code(source: str) -> str:
    """A solution cell without its markers: the reference as it runs."""
    return "\n".join(line for line in source.splitlines() if line.strip() not in (BEGIN, END))


def solution_lines(source: str) -> list[str]:
    """The lines between the markers, stripped, without comments and trivial ones."""
    inside, found = False, []
    for line in map(str.strip, source.splitlines()):
        if line in (BEGIN, END):
            inside = line == BEGIN
        elif inside and len(line) > 12 and not line.startswith("#"):
            found.append(line)
    return found


def alternative_code(chapter: Chapter, cell: Cell) -> str:
    """The code of a mistake or variant cell: its own, or the solution with its edits."""
    if "edits" not in cell.about:
        return cell.source
    code = reference_code(chapter.solution(cell.exercise).source)
    for old, new in cell.about["edits"]:
        if old not in code:
            raise SourceError(f"{cell.id}: the solution has no {old!r} to edit")
        code = code.replace(old, new)
    return code


def helpers_of(source: str, given: str) -> str:
    """The definitions and imports in a student's cell whose names the given code does not bind.

    They are kept when the reference replaces a failed solution, since later cells may use them.
    `given` is what the grader runs anyway: locked cells and the reference.
    """
    try:
        with _no_warnings():
            mine, taken = ast.parse(source), set(_bound(ast.parse(given)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    kept = [node for node in mine.body if (names := _names_of(node)) and not names & taken]
    return "\n\n".join(_text_of(node, source) for node in kept)


def _text_of(node: ast.stmt, source: str) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:  # a long chain of operators; decorators are lost here
        return ast.get_source_segment(source, node) or ""


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What a library, or Python's parser, has to say of a submission is not for the grader's terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        yield from _names_of(node)


def _names_of(node: ast.stmt) -> set[str]:
    """The names that a definition or an import binds; none for other statements."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return set()


def read_ipynb(path: Path) -> dict[str, Any]:
    """Read a notebook file as nbformat 4 JSON, upgrading older formats.

    Raises
    ------
    NotebookFileError
        If there is no such file, or it is no notebook.
    """
    import nbformat

    content = _read_text(path)
    if sum(map(content.count, ",[{")) > MAX_NOTEBOOK_VALUES:
        raise NotebookFileError("the file holds more than 2 million values: clear its outputs and save it again")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        hint = "cut off in the middle" if content.lstrip().startswith("{") else "not a notebook"
        raise NotebookFileError(f"{hint} (not valid JSON): save the notebook again as .ipynb") from error
    try:
        if isinstance(data, dict) and data.get("nbformat") == 4:
            return _plain(data)
        with _no_warnings():
            return _plain(json.loads(nbformat.writes(nbformat.reads(content, as_version=4))))
    except NotebookFileError:
        raise
    except Exception as error:  # nbformat's readers raise anything on odd input
        raise NotebookFileError("not a Jupyter notebook: expected an .ipynb file with cells") from error


def _read_text(path: Path) -> str:
    content = read_bytes(path)
    if len(content) > MAX_NOTEBOOK_BYTES:
        raise NotebookFileError("the file is larger than 50 MB: clear its outputs and save it again")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotebookFileError("not a notebook: the file is not text (in UTF-8)") from error
    if not text.strip():
        raise NotebookFileError("the file is empty: download or save the notebook again")
    return text


def read_bytes(path: Path) -> bytes:
    """A file's content, or as much of it as shows that it is too large, by one look: it may change meanwhile.

    Raises
    ------
    NotebookFileError
        If there is no such file, or it cannot be read.
    """

    def without_waiting(name: str, flags: int) -> int:  # a pipe that nobody writes to would wait for ever
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    try:
        with open(path, "rb", opener=without_waiting) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise NotebookFileError("this is not a file: name a notebook")
            return file.read(min(about.st_size, MAX_NOTEBOOK_BYTES) + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise NotebookFileError("there is no such file: check the path") from error
    except IsADirectoryError as error:
        raise NotebookFileError("this is not a file: name a notebook") from error
    except OSError as error:
        raise NotebookFileError(f"the file cannot be read: {error.strerror}") from error


def write_ipynb(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook, the same bytes for the same content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_ipynb(notebook), encoding="utf-8", newline="\n")


def dump_ipynb(notebook: dict[str, Any]) -> str:
    """A notebook as the text of its file."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def code_cell(cell_id: str, source: str, unrolled: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    """An nbformat code cell without outputs."""
    cell = markdown_cell(cell_id, source, unrolled, tags)
    return cell | {"cell_type": "code", "execution_count": None, "outputs": []}


def markdown_cell(cell_id: str, source: str, unrolled: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    """An nbformat markdown cell."""
    metadata: dict[str, Any] = {"unrolled": unrolled} if unrolled else {}
    if tags:
        metadata["tags"] = tags
    if unrolled and unrolled.get("role") not in ("solution", None):
        metadata |= {"editable": False, "deletable": False}
    elif unrolled:
        metadata |= {"deletable": False}
    return {"id": cell_id, "cell_type": "markdown", "metadata": metadata, "source": source}


def assemble(cells: list[dict[str, Any]], unrolled: dict[str, Any]) -> dict[str, Any]:
    """A notebook of these cells."""
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernelspec, "language_info": {"name": "python"}, "unrolled": unrolled}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _plain(notebook: dict[str, Any]) -> dict[str, Any]:
    """Check the parts that the grader reads: cells with a type and a source; joins split sources."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise NotebookFileError("not a Jupyter notebook: it has no cells")
    kept = []
    for cell in cells:
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            continue
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if isinstance(source, str):
            metadata = cell.get("metadata")
            kept.append({
                "id": cell.get("id") if isinstance(cell.get("id"), str) else None,
                "cell_type": cell["cell_type"],
                "source": source.encode("utf-8", "replace").decode("utf-8"),
                "metadata": metadata if isinstance(metadata, dict) else {},
            })  # fmt: skip
    metadata = notebook.get("metadata")
    return {"cells": kept, "metadata": metadata if isinstance(metadata, dict) else {}}


def _cells(chapter: str, raw: list[Any]) -> Iterator[Cell]:
    seen: dict[str, int] = {}
    for cell in raw:
        about = dict(cell.metadata)
        role = about.pop("role", "text" if cell.cell_type == "markdown" else "setup")
        exercise = about.pop("exercise", "")
        if role not in ROLES:
            raise SourceError(f"{chapter}: unknown role '{role}' (roles: {', '.join(ROLES)})")
        stem = "-".join(filter(None, (exercise or chapter, role, about.get("id", ""))))
        seen[stem] = seen.get(stem, 0) + 1
        cell_id = stem if seen[stem] == 1 else f"{stem}-{seen[stem]}"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell_id):
            raise SourceError(f"{chapter}: '{cell_id}' is no cell id (letters, digits, - and _, at most 64)")
        yield Cell(cell_id, cell.cell_type, role, exercise, cell.source, about)


def _validate(chapter: Chapter) -> None:
    for exercise in chapter.exercises:
        card = chapter.of("card", exercise)
        missing = {"title", "backend", "points", "minutes", "difficulty"} - set(card[0].about)
        if len(card) != 1 or missing:
            raise SourceError(f"{exercise}: one card each, with {', '.join(sorted(missing)) or 'an id of its own'}")
        if len(chapter.of("solution", exercise)) != 1 or not chapter.of("check", exercise):
            raise SourceError(f"{exercise}: needs exactly one solution cell and at least one check cell")
        solution = chapter.solution(exercise).source
        if solution.count(BEGIN) == 0 or solution.count(BEGIN) != solution.count(END):
            raise SourceError(f"{exercise}: the solution needs a '{BEGIN}' and an '{END}' for each part")
    for cell in chapter.cells:
        if cell.exercise and cell.exercise not in chapter.exercises:
            raise SourceError(f"{cell.id}: there is no exercise '{cell.exercise}'")
        if cell.role in ("mistake", "variant"):
            if "id" not in cell.about or (cell.role == "mistake" and "says" not in cell.about):
                raise SourceError(f"{cell.id}: a {cell.role} needs an id, a mistake also what it says")
            alternative_code(chapter, cell)
