"""A class made up from a seed: students, and what each of them hands in for each chapter.

    python -m tests.submissions.classes FOLDER [--students 1000] [--seed 1] [--chapters lstm,gru]

Belongs here: how a class is mixed (solved, half done, known mistakes, other right ways, files that something
happened to, hostile code, files that are no notebooks, nothing at all), and how it lies on disk: one folder a
student, or a platform's archive. The pieces come from `samples`. The same seed gives the same bytes, and no two
students hand in the same ones.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

from autograder.notebook import Chapter, alternative_code
from autograder.release import filled_notebook
from tests.submissions.samples import HOSTILE, Sample, broken, chapter, chapters, good, solutions_of

# Of a thousand notebooks: how many are what.
MIX = {
    "solved": 250, "mistakes": 330, "variants": 140, "half-done": 100, "untouched": 50, "broken": 60, "hostile": 30,
    "no-notebook": 25, "nothing": 15,
}  # fmt: skip
NAMES = (
    "Ann Lee", "王小明", "Łukasz Żak", "O'Brien; DROP TABLE", "=HYPERLINK(0)", "Jürgen Groß", "محمد علي", "+49 Max",
    "-Dash", "@home", "Ada <b>Lovelace</b>", "Zoë & Söhne",
)  # fmt: skip
LAYOUTS = ("folders", "canvas", "moodle", "blackboard")
MOMENT = (2026, 1, 31, 9, 30, 0)  # of every file in an archive


@dataclass(frozen=True)
class HandedIn:
    """One file of one student: `number` tells students of one name apart."""

    student: str
    number: int
    chapter: str
    kind: str
    content: bytes


def made_up(students: int, seed: int, names: Sequence[str] | None = None) -> Iterator[HandedIn]:
    """What a class hands in, student by student, for the chapters `names` (default: all)."""
    for number in range(students):
        student = f"{NAMES[number % len(NAMES)]} {number:05d}"
        for name in names or chapters():
            random = Random(f"{seed} {number} {name}")
            kind = random.choices(list(MIX), weights=list(MIX.values()))[0]
            content = _content(kind, chapter(name), random)
            if content is not None:
                yield HandedIn(student, number, name, kind, _signed(content, student))


def write_folders(folder: Path, class_: Iterator[HandedIn]) -> int:
    """One folder a student, one notebook a chapter; how many notebooks."""
    count = 0
    for count, one in enumerate(class_, start=1):  # noqa: B007
        path = folder / one.student.replace("/", "_") / f"{one.chapter}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(one.content)
    return count


def write_archive(path: Path, class_: Iterator[HandedIn], layout: str) -> int:
    """The archive that a learning platform would give; how many notebooks."""
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for count, one in enumerate(class_, start=1):  # noqa: B007
            info = zipfile.ZipInfo(path_in_archive(one, layout), MOMENT)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, one.content)
    return count


def path_in_archive(one: HandedIn, layout: str) -> str:
    """What a platform calls a file: `folders` (a zipped folder), `canvas`, `moodle` or `blackboard`."""
    name = one.student.replace("/", "_")
    if layout == "canvas":
        flat = "".join(c for c in name.casefold() if c.isalnum())
        late = "_LATE" if one.number % 5 == 4 else ""
        return f"{flat}{late}_{10_000 + one.number}_{20_000 + one.number}_{one.chapter}-1.ipynb"
    if layout == "moodle":
        return f"{name}_{10_000 + one.number}_assignsubmission_file_/{one.chapter}.ipynb"
    if layout == "blackboard":
        return f"Week 3_u{one.number:05d}_attempt_2026-01-31-09-30-00_{one.chapter}.ipynb"
    return f"class/{name}/{one.chapter}.ipynb"


def _content(kind: str, source: Chapter, random: Random) -> bytes | None:
    if kind == "nothing":
        return None
    if kind in ("broken", "no-notebook"):
        return random.choice([s for s in _broken(source.name) if bool(s.error) == (kind == "no-notebook")]).content
    if kind in ("solved", "untouched", "half-done"):
        return next(sample.content for sample in good(source) if sample.name == kind)
    answers = solutions_of(source)
    if kind == "hostile":
        victim = random.choice(source.exercises)
        answers[victim] = f"{HOSTILE[random.choice(list(HOSTILE))]}\n\n{answers[victim]}"
    else:
        cells = source.of(kind.removesuffix("s"))
        for cell in random.sample(cells, min(len(cells), random.choice((1, 1, 2, 3)))):
            answers[cell.exercise] = alternative_code(source, cell)
    return _dumped(filled_notebook(source, answers))


@lru_cache(maxsize=8)
def _broken(name: str) -> tuple[Sample, ...]:
    """Without those that stand for `hostile` here."""
    return tuple(sample for sample in broken(chapter(name)) if sample.name not in HOSTILE)


def _signed(content: bytes, student: str) -> bytes:
    """The same file with the student's name in it, so that it is nobody else's."""
    try:
        notebook: Any = json.loads(content)
        cells = copy.copy(notebook.get("cells", []))
    except ValueError:
        return content + f"\n{student}\n".encode()
    if not cells:  # of an old format, or no notebook
        return _dumped(notebook | {"metadata": notebook.get("metadata", {}) | {"author": student}})
    cells.append({"id": "name", "cell_type": "markdown", "metadata": {}, "source": f"By {student}."})
    return _dumped(notebook | {"cells": cells})


def _dumped(notebook: Any) -> bytes:
    out = io.StringIO()
    json.dump(notebook, out, indent=1, ensure_ascii=False)
    return out.getvalue().encode()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.submissions.classes", description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="a folder, or for a platform's layout a .zip file")
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chapters", help="their names, with commas between; default: all")
    parser.add_argument("--layout", choices=LAYOUTS, default="folders")
    arguments = parser.parse_args()
    names = arguments.chapters.split(",") if arguments.chapters else None
    if unknown := set(names or ()) - set(chapters()):
        parser.error(f"unknown chapter '{min(unknown)}' (chapters: {', '.join(chapters())})")
    if arguments.target.exists():
        parser.error(f"{arguments.target} exists: name a new one")
    class_ = made_up(arguments.students, arguments.seed, names)
    if arguments.layout == "folders":
        arguments.target.mkdir(parents=True)
        count = write_folders(arguments.target, class_)
    else:
        count = write_archive(arguments.target, class_, arguments.layout)
    print(f"{count} notebooks of {arguments.students} students in {arguments.target}")


if __name__ == "__main__":
    main()
