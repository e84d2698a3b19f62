"""What once failed, kept: cells, notebooks, payloads and what kernels said.

A file is added as it was found, made as small as it still fails. A `.cell` is the solution of the first
exercise, in a notebook that is right otherwise; a `.notebook` is no submission; a `.json` is no payload;
the lines of `.lines` are said by a kernel for every check.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.cli import main
from autograder.grade import Course, grade_files
from autograder.kernel import KernelSettings
from autograder.notebook import write_ipynb
from autograder.payload import PayloadError, decode
from autograder.release import filled_notebook
from tests.fuzz.law import harmless, hold
from tests.fuzz.test_messages import KEY, record_of
from tests.submissions.samples import chapter, solutions_of

CORPUS = Path(__file__).parent / "corpus"
SOURCE = chapter("equations")
FIRST, *OTHERS = SOURCE.exercises


def kept(kind: str) -> list[Path]:
    """The files of a kind, in order."""
    return sorted(CORPUS.glob(f"*.{kind}"))


def put(folder: Path) -> list[Path]:
    """The cells and notebooks as submissions."""
    for path in kept("cell"):
        notebook = filled_notebook(SOURCE, solutions_of(SOURCE) | {FIRST: path.read_text()})
        write_ipynb(folder / f"{path.stem}.ipynb", notebook)
    for path in kept("notebook"):
        (folder / f"{path.stem}.ipynb").write_bytes(path.read_bytes())
    return sorted(folder.glob("*.ipynb"))


def test_nothing_kept_is_left_out() -> None:
    kinds = {path.suffix for path in CORPUS.iterdir()}
    assert kinds == {".cell", ".notebook", ".json", ".lines"}


def test_a_cell_costs_its_exercise_and_no_other(tmp_path: Path, course: Course) -> None:
    paths = put(tmp_path)
    for path, record in zip(paths, grade_files(paths, course, KernelSettings(seed=31)), strict=True):
        print(path.name)
        graded = (CORPUS / f"{path.stem}.cell").exists()
        assert (record.error is None) == graded
        hold(record, OTHERS, OTHERS if graded else ())
        assert record.notes == ()


def test_the_command_line_survives_them_all(tmp_path: Path) -> None:
    paths, out = put(tmp_path), tmp_path / "records.json"
    result = CliRunner().invoke(main, ["grade", *map(str, paths), "--json", str(out), "--unsafe"])
    assert result.exit_code == 2
    assert harmless(result.output)
    assert "please report it" not in result.output
    assert len(json.loads(out.read_bytes())) == len(paths)


@pytest.mark.parametrize("path", kept("json"), ids=lambda path: path.stem)
def test_a_payload_is_refused(path: Path) -> None:
    with pytest.raises(PayloadError):
        decode(json.loads(path.read_text()))


@pytest.mark.parametrize("path", kept("lines"), ids=lambda path: path.stem)
def test_a_kernel_may_say_anything(path: Path, tmp_path: Path) -> None:
    record = record_of(path.read_bytes().splitlines(), tmp_path)
    hold(record)
    assert len(record.checks) == len(KEY.checks)
