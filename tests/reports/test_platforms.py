"""What runs elsewhere, run here: Gradescope's archive and the workflow of a student's repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from autograder.cli import main
from autograder.export import ExportError, gradescope_zip
from tests.reports import formats
from tests.submissions.samples import chapter, good

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
WORKFLOW = ROOT / "book" / "downloads" / "grade.yml"
SAMPLES = {sample.name: sample.content for sample in good(chapter("equations"))}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gradescope's folders, with the archive in `source`."""
    folder = tmp_path_factory.mktemp("gradescope")
    archive = folder / "autograder.zip"
    result = CliRunner().invoke(main, ["export", "gradescope", str(archive), "--seed", "7", "--unsafe"])
    assert result.exit_code == 0, result.output
    (folder / "results").mkdir()
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder / "source")
    return folder


def grade(folder: Path, *names: str) -> dict[str, Any]:
    """What Gradescope would read after these notebooks were handed in."""
    submission = folder / "submission"
    for old in submission.glob("*"):
        old.unlink()
    submission.mkdir(exist_ok=True)
    for name in names:
        (submission / f"{name}.ipynb").write_bytes(SAMPLES.get(name, b"Dear teacher"))
    (folder / "results" / "results.json").unlink(missing_ok=True)
    env = os.environ | {"AUTOGRADER_ROOT": str(folder), "AUTOGRADER_BIN": str(BIN)}
    script = folder / "source" / "run_autograder"
    done = subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads((folder / "results" / "results.json").read_text())
    return results


def test_gradescopes_script_grades_what_was_handed_in(unpacked: Path) -> None:
    solved, untouched = grade(unpacked, "solved"), grade(unpacked, "untouched")
    for results in (solved, untouched):
        formats.gradescope(results)
    assert (solved["score"], untouched["score"]) == (100, 0)
    assert solved["extra_data"]["equations"]["seed"] == 7
    assert {test["status"] for test in solved["tests"]} == {"passed"}


def test_of_two_notebooks_of_a_chapter_the_better_counts(unpacked: Path) -> None:
    assert grade(unpacked, "solved", "untouched")["score"] == 100


def test_no_notebook_and_a_broken_one_get_a_sentence(unpacked: Path) -> None:
    nothing, broken = grade(unpacked), grade(unpacked, "letter")
    assert nothing == {"score": 0, "output": "There is no notebook (.ipynb) in what you handed in."}
    formats.gradescope(broken)
    assert broken["score"] == 0 and "not a notebook" in broken["output"]


def test_the_archive_has_what_the_grader_needs_and_is_always_the_same(unpacked: Path) -> None:
    archive = unpacked / "autograder.zip"
    assert archive.read_bytes() == gradescope_zip(ROOT, 7, True)
    with zipfile.ZipFile(archive) as files:
        names = files.namelist()
        assert {"setup.sh", "run_autograder"} <= set(names)
        assert all(files.getinfo(name).external_attr >> 16 & 0o111 for name in ("setup.sh", "run_autograder"))
        assert not any(name.startswith("/") or ".." in name or "__pycache__" in name for name in names)
        assert "course/autograder/keys/lstm.ipynb" in names and "course/solutions/lstm.md" in names
        assert b"torch==2" in files.read("setup.sh")


@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_valid_shell(name: str) -> None:
    subprocess.run(["bash", "-n", str(ROOT / "autograder" / "gradescope" / name)], check=True)


def test_an_archive_is_made_from_the_repository_only(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="not the course's repository: there is no pyproject"):
        gradescope_zip(tmp_path)


def workflow() -> dict[Any, Any]:
    data: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return data


def test_the_workflow_runs_on_push_with_no_more_rights_than_reading() -> None:
    data = workflow()
    assert set(data[True]) == {"push", "workflow_dispatch"}  # YAML reads `on` as true
    assert data["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in data["jobs"]["grade"]["steps"] if "uses" in step]
    assert {name.split("/")[0] for name in used} == {"actions"}


@pytest.mark.parametrize(
    ("name", "strict", "code"),
    [("solved", "true", 0), ("untouched", "true", 1), ("untouched", "false", 0), ("letter", "false", 2)],
)
def test_the_workflows_step_grades_and_fails_if_asked_to(name: str, strict: str, code: int, tmp_path: Path) -> None:
    (step,) = [step for step in workflow()["jobs"]["grade"]["steps"] if step.get("name") == "Grade"]
    (tmp_path / "submission").mkdir()
    (tmp_path / "submission" / "equations.ipynb").write_bytes(SAMPLES.get(name, b"Dear teacher"))
    (tmp_path / "none").mkdir()
    env = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_ACTOR": "ada", "FAIL_ON_LOST_POINTS": strict, "UNROLLED_SOLUTIONS": str(tmp_path / "none"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", step["run"]], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    summary = (tmp_path / "summary.md").read_text("utf-8")
    assert ("| ada | equations | 100 | 100 |" in summary) == (name == "solved")
    assert ("not a notebook" in summary) == (name == "letter")
    formats.junit((tmp_path / "junit.xml").read_text("utf-8"))
