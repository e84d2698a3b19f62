"""A thousand spoilt notebooks: read, grafted, graded; each gives a record or one line, and bounded work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from autograder.grade import Course, grade_files
from autograder.graft import MAX_EXTRA, MAX_EXTRA_CELLS, MAX_SOLUTION, Graft, chapter_of, graft
from autograder.kernel import KernelSettings
from autograder.keys import KeyFileError, load_key
from autograder.notebook import NotebookFileError, read_ipynb
from autograder.record import printable
from autograder.release import solved_notebook
from tests.fuzz.corruptions import half_done, numbered, spoilt
from tests.fuzz.law import hold
from tests.submissions.samples import chapter, chapters, solutions_of

SETTINGS = KernelSettings(seed=77, timeout=60, notebook_timeout=300)


def put(folder: Path, seeds: range, names: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Spoilt notebooks as files, and the chapter of each."""
    for seed, name, content in numbered(seeds, names):
        path = folder / f"{seed}.ipynb"
        path.write_bytes(content)
        yield path, name


def grafted(path: Path) -> Graft | None:
    """A file as it would be run; None if it is refused, in one line."""
    try:
        submission = read_ipynb(path)
        return graft(load_key(chapter_of(submission)), submission)
    except (NotebookFileError, KeyFileError) as refused:
        assert str(refused)
        assert printable(str(refused))
        return None


def intact(path: Path, name: str) -> set[str]:
    """The solved exercises whose solution is read from the file word for word."""
    found = grafted(path)
    right, solved = solutions_of(chapter(name)), half_done(name)[1]
    if found is None or found.key.chapter != name:
        return set()
    solutions = {step.exercise: step.source for step in found.steps if step.role == "solution"}
    return {exercise for exercise in solved if solutions[exercise] == right[exercise]}


def graded(seeds: range, folder: Path, course: Course) -> list[str]:
    """Grade the spoilt notebooks of these seeds, and hold the law of each; their outcomes, to count."""
    files = list(put(folder, seeds, ("equations",)))
    records = grade_files([path for path, _ in files], course, SETTINGS)
    assert [record.submission for record in records] == [str(path) for path, _ in files]
    for (path, name), record in zip(files, records, strict=True):
        print(path.name, record.error or record.score)  # shown if the law does not hold
        hold(record, half_done(name)[1], intact(path, name))
    return [check.outcome for record in records for check in record.checks]


@pytest.mark.parametrize("count", [300, pytest.param(1000, marks=pytest.mark.long)])
def test_spoilt_notebooks_are_read_or_refused(count: int, tmp_path: Path) -> None:
    read = 0
    for path, _ in put(tmp_path, range(count), tuple(chapters())):
        found = grafted(path)
        path.unlink()
        if found is None:
            continue
        read += 1
        extras = [step.source for step in found.steps if step.role == "extra"]
        assert len(extras) <= MAX_EXTRA_CELLS and sum(map(len, extras)) <= MAX_EXTRA
        assert all(len(step.source) <= MAX_SOLUTION for step in found.steps)
        assert [step.cell_id for step in found.steps if step.role == "check"] == [c.cell_id for c in found.key.checks]
        assert not any("\ud800" <= c <= "\udfff" for step in found.steps for c in step.source)
    assert 0.3 < read / count < 0.9  # else the notebooks are spoilt too much, or too little, to find anything


def test_the_same_seed_spoils_a_notebook_the_same_way() -> None:
    assert [spoilt(Random(n), "lstm") for n in range(9)] == [spoilt(Random(n), "lstm") for n in range(9)]


@pytest.mark.slow
def test_some_spoilt_notebooks_are_graded(tmp_path: Path, course: Course) -> None:
    outcomes = graded(range(48), tmp_path, course)
    assert {"pass", "missing", "error"} <= set(outcomes)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 1000, 50))
def test_all_spoilt_notebooks_are_graded(start: int, tmp_path: Path, course: Course) -> None:
    assert graded(range(start, start + 50), tmp_path, course)


def test_what_is_too_long_is_left_out_and_said(tmp_path: Path, course: Course) -> None:
    from autograder.notebook import write_ipynb

    notebook = solved_notebook(chapter("equations"))
    at = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "rnn-step-solution")
    notebook["cells"][at]["source"] += "\n#" + "x" * MAX_SOLUTION
    own = {"cell_type": "code", "metadata": {}, "outputs": []}
    notebook["cells"] += [own | {"id": "long", "source": "#" * (MAX_EXTRA + 1)}]
    notebook["cells"] += [own | {"id": f"own-{i}", "source": "pass"} for i in range(MAX_EXTRA_CELLS + 2)]
    write_ipynb(tmp_path / "long.ipynb", notebook)
    (record,) = grade_files([tmp_path / "long.ipynb"], course, SETTINGS)
    lost = [check for check in record.checks if check.outcome != "pass"]
    assert [(check.exercise, check.outcome) for check in lost] == [("rnn-step", "missing")]
    assert "too long" in lost[0].message
    assert any(note.startswith("3 of the student's own cells") for note in record.notes)
