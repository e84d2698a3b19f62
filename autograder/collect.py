"""The solution cells of a class, read from notebooks, and the code that everybody was given.

Here belongs finding and reading; nothing is run. Which pairs are alike lies in `similar`.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from autograder.graft import Graft, chapter_of, graft
from autograder.keys import KeyFileError, chapters, load_key
from autograder.notebook import NotebookFileError, alternative_code, read_chapter, read_ipynb, reference_code
from autograder.reference import solutions_folder
from autograder.similar import Solution
from autograder.submissions import Found, find
from autograder.submissions.zipped import ArchiveError


def collect(paths: Sequence[Path]) -> tuple[list[Solution], list[str]]:
    """Everybody's solutions in these folders, archives and notebooks, and a line for each that could not be read.

    Of a student's several notebooks of a chapter the last in order counts.

    Raises
    ------
    SubmissionsError
        If a path does not exist, or is an archive that cannot be read.
    """
    solutions: dict[tuple[str, str], Solution] = {}
    unread: list[str] = []
    with tempfile.TemporaryDirectory(prefix="unrolled-similar-") as folder:
        for found in find(paths, chapters()):
            try:
                whole = _grafted(found, Path(folder) / "notebook.ipynb")
            except (NotebookFileError, ArchiveError, KeyFileError) as error:
                unread.append(f"{found.submission}: {error}")
                continue
            for step in whole.steps:
                if step.role == "solution" and step.exercise not in whole.missing:
                    solutions[found.student, step.exercise] = Solution(found.student, step.exercise, step.source)
    nothing = [] if solutions or unread else ["there is no notebook here"]
    return list(solutions.values()), unread or nothing


def _grafted(found: Found, place: Path) -> Graft:
    if found.problem:
        raise NotebookFileError(found.problem)
    place.write_bytes(found.read())
    notebook = read_ipynb(place)
    return graft(load_key(chapter_of(notebook)), notebook)


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
