"""The command line: exit codes, one clear line for bad input, records as JSON, nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autograder.cli import _sources, main
from autograder.keys import load_key
from autograder.record import OUTCOMES, SCHEMA
from tests.submissions.samples import SOLUTIONS, broken, chapter, chapters, good

SAMPLES = {s.name: s for s in [*good(chapter("equations")), *broken(chapter("equations"))]}

MISSING_GPU = "mps" if sys.platform == "linux" else "cuda"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def put(folder: Path, name: str) -> Path:
    path = folder / f"{name}.ipynb"
    path.write_bytes(SAMPLES[name].content)
    return path


def test_check_says_what_is_right_and_exits_by_the_score(tmp_path: Path) -> None:
    solved, untouched = run("check", put(tmp_path, "solved")), run("check", put(tmp_path, "untouched"))
    assert (solved.exit_code, untouched.exit_code) == (0, 1)
    assert "100 of 100 points" in solved.output
    assert "0 of 100 points" in untouched.output
    assert "Not filled in yet" in untouched.output


def test_grade_writes_one_record_for_each_notebook(tmp_path: Path) -> None:
    paths = [put(tmp_path, name) for name in ("solved", "half-done", "truncated")]
    out = tmp_path / "records.json"
    result = run("grade", *paths, "--seed", 5, "--json", out)
    assert result.exit_code == 2
    records = json.loads(out.read_text())
    assert [r["submission"] for r in records] == [str(path) for path in paths]
    for record in records[:2]:
        fields = "schema chapter submission seed key versions score max_score seconds checks"
        assert set(fields.split()) <= set(record)
        assert (record["schema"], record["seed"], record["max_score"]) == (SCHEMA, 5, 100)
        for check in record["checks"]:
            named = {"id", "exercise", "points", "max_points", "outcome", "cause", "mistake", "message"}
            assert set(check) == named
            assert check["outcome"] in OUTCOMES
    assert records[0]["score"] == 100
    assert "cut off" in records[2]["error"]


def test_grade_takes_folders_and_a_fresh_seed_each_time(tmp_path: Path) -> None:
    put(tmp_path, "solved")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    put(tmp_path / ".ipynb_checkpoints", "untouched")
    seeds = set()
    for name in ("a.json", "b.json"):
        assert run("grade", tmp_path, "--json", tmp_path / name).exit_code == 0
        (record,) = json.loads((tmp_path / name).read_text())
        seeds.add(record["seed"])
    assert len(seeds) == 2
    assert 0 not in seeds


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "nowhere.ipynb"], "no such file"),
        (["grade", "nowhere.ipynb"], "no such file"),
        (["grade", "EMPTY"], "no notebook in this folder"),
        (["grade", "x.ipynb", "--json", "no/such/folder/x.json"], "no such folder"),
        (["release", "poems"], "unknown chapter 'poems'"),
        (["grade"], "Missing argument"),
        (["grade", "x.ipynb", "--seed", "-3"], "not in the range"),
        (["check", "x.ipynb", "--device", "abacus"], "is not one of"),
        (["check", "x.ipynb", "--device", MISSING_GPU], "there is none here that torch can use"),
        (["grade", "x.ipynb", "--gradebook", "x.sqlite", "--device", "cuda"], "goes without --gradebook"),
    ],
)
def test_bad_arguments_get_one_line_and_exit_2(
    arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", [name for name, sample in SAMPLES.items() if sample.error])
def test_files_that_are_no_submissions_get_a_line_of_their_own(name: str, tmp_path: Path) -> None:
    result = run("check", put(tmp_path, name))
    assert result.exit_code == 2
    (line,) = [line for line in result.output.splitlines() if line]
    assert line.startswith("autograder: ")
    assert SAMPLES[name].error in line


def test_a_key_older_than_its_solutions_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(__file__).parents[2] / "solutions" / "equations.md"
    (tmp_path / "equations.md").write_text(source.read_text() + "\nOne more sentence.\n")
    monkeypatch.setenv("UNROLLED_SOLUTIONS", str(tmp_path))
    result = run("grade", put(tmp_path, "solved"))
    assert result.exit_code == 2
    assert "run autograder release" in result.output


def test_without_solutions_checking_works_and_grading_says_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("UNROLLED_SOLUTIONS", str(tmp_path / "elsewhere"))
    path = put(tmp_path, "half-done")
    assert run("check", path).exit_code == 1
    result = run("grade", path)
    assert result.exit_code == 2
    assert "UNROLLED_SOLUTIONS" in result.output


def test_release_takes_every_chapter_and_nothing_else() -> None:
    assert [path.stem for path in _sources(SOLUTIONS, ())] == chapters()
    assert [path.stem for path in _sources(SOLUTIONS, ("lstm",))] == ["lstm"]


def test_list_counts_what_every_exercise_has() -> None:
    listed = json.loads(run("list", "--json").output)["chapters"]
    assert {c["id"] for c in listed} == set(chapters())
    for found in listed:
        assert set(found) == {"id", "title", "points", "exercises"}
        assert found["points"] == sum(e["points"] for e in found["exercises"]) == 100
        source = chapter(found["id"])
        for e in found["exercises"]:
            counted = {"checks", "mistakes", "variants", "hints"}
            assert set(e) == {"id", "backend", "points", "minutes", "difficulty", "values"} | counted
            assert e["values"] >= 1
            assert e["backend"] in ("numpy", "torch")
            assert all(e[name] == len(source.of(name[:-1], e["id"])) for name in counted)
    assert run("list").exit_code == 0


def test_it_runs_as_a_program_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('the wrong numpy')")
    (tmp_path / "autograder.py").write_text("raise SystemExit('the wrong autograder')")
    put(tmp_path, "solved")
    command = [str(Path(sys.executable).with_name("autograder")), "check", "solved.ipynb"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert result.returncode == 0, result.stderr
    assert "100 of 100 points" in result.stdout
    told = [line.split() for line in result.stderr.splitlines() if line.strip()]
    ids = [check.id for check in load_key("equations").checks]
    assert told == [["✓", i] for i in ids], "each verdict is told as soon as its cell has run"
