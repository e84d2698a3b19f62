"""The solution cells of a class, read from notebooks, and the code that everybody was given.

Here belongs finding and reading; nothing is run. Which pairs are alike lies in `similar`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from autograder.entries import students
from autograder.graft import chapter_of, graft
from autograder.keys import KeyFileError, chapters, load_key
from autograder.notebook import NotebookFileError, alternative_code, read_chapter, read_ipynb, reference_code
from autograder.record import name_of
from autograder.reference import solutions_folder
from autograder.similar import Solution


def collect(paths: Iterable[Path]) -> tuple[list[Solution], list[str]]:
    """Everybody's solutions, and a line for each file that could not be read.

    A student's second notebook of a chapter replaces the first.
    """
    files = sorted(file for path in paths for file in (path.rglob("*.ipynb") if path.is_dir() else [path]))
    files = [file for file in dict.fromkeys(files) if ".ipynb_checkpoints" not in file.parts]
    found: dict[tuple[str, str], Solution] = {}
    unread = [] if files else ["there is no notebook here"]
    for student, file in zip(students([name_of(file) for file in files]), files, strict=True):
        try:
            notebook = read_ipynb(file)
            whole = graft(load_key(chapter_of(notebook)), notebook)
        except (NotebookFileError, KeyFileError) as error:
            unread.append(f"{name_of(file)}: {error}")
            continue
        for step in whole.steps:
            if step.role == "solution" and step.exercise not in whole.missing:
                found[student, step.exercise] = Solution(student, step.exercise, step.source)
    return list(found.values()), unread


def common_code() -> dict[str, list[str]]:
    """For each exercise what counts for nothing: its stub, and where they are at hand the reference and variants."""
    found: dict[str, list[str]] = defaultdict(list)
    folder = solutions_folder()
    for name in chapters():
        for cell in load_key(name).notebook["cells"]:
            about = cell["metadata"]["unrolled"]
            if about["role"] == "solution":
                found[about["exercise"]].append(cell["source"])
        path = folder / f"{name}.md" if folder else None
        if path is not None and path.is_file():
            chapter = read_chapter(path)
            for cell in chapter.of("solution"):
                found[cell.exercise].append(reference_code(cell.source))
            for cell in chapter.of("variant"):
                found[cell.exercise].append(alternative_code(chapter, cell))
    return dict(found)
