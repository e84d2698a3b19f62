"""The commands: from a file of records to every report, one clear line for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autograder.cli import main
from autograder.entries import read_entries, students
from autograder.entry import Entry
from autograder.gradebook import Course, GradebookError, open_gradebook
from autograder.record import record_of
from tests.reports import formats, made


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env=env)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A class of three with hostile names, two chapters and a file that is no notebook."""
    lost = made.check("rnn-step", "fail", mistake="no-bias", message="Left out.")
    entries = [
        made.entry("=1+1", of=100, checks=(lost, made.check("rnn-forward"))),
        made.entry("王小明", of=100, score=90),
        made.entry("王小明", "lstm", of=100, score=80),
        made.entry("<b>", "", error="cut off", submission="<b>/x.ipynb"),
    ]
    return write(tmp_path / "records.json", entries)


def write(path: Path, entries: list[Entry]) -> Path:
    data = [entry.record.as_json() for entry in entries]
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return path


def test_without_an_option_it_is_a_table_of_the_class(records: Path) -> None:
    result = run("report", records)
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()]
    assert lines[0] == ["student", "equations", "lstm", "sum"]
    assert ["王小明", "90", "80", "170"] in lines and ["=1+1", "10", "–", "10"] in lines
    assert "<b>/x.ipynb: cut off" in result.output


def test_all_reports_come_from_one_command(records: Path, tmp_path: Path) -> None:
    names = {"--csv": "g.csv", "--checks-csv": "c.csv", "--junit": "j.xml", "--canvas": "v.csv", "--summary": "s.md"}
    options = [part for option, name in names.items() for part in (option, tmp_path / name)]
    result = run("report", records, *options, "--html", tmp_path / "html")
    assert result.exit_code == 0, result.output
    text = {option: (tmp_path / name).read_bytes().decode() for option, name in names.items()}
    assert len(formats.table(text["--csv"])) == 4
    assert len(formats.table(text["--checks-csv"])) == 2
    assert len(formats.junit(text["--junit"])) == 4
    assert len(formats.canvas(text["--canvas"])) == 3
    assert "cut off" in text["--summary"]
    assert len(list((tmp_path / "html" / "students").iterdir())) == 3
    assert not list(tmp_path.rglob("*.part"))


def test_gradescope_and_classroom50_take_one_students_records(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", [made.entry("ada", score=10, checks=(made.check("rnn-step"),))])
    out = tmp_path / "results.json"
    assert run("report", one, "--gradescope", out).exit_code == 0
    formats.gradescope(json.loads(out.read_text()))
    names = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")
    here = dict.fromkeys(names, "submit/1")
    assert run("report", one, "--classroom50", out, env=here).exit_code == 0
    formats.classroom50(json.loads(out.read_text()))
    result = run("report", one, "--classroom50", out, env=here | {"COMMIT_URL": ""})
    assert (result.exit_code, "sets COMMIT_URL" in result.output) == (2, True)


def test_a_class_is_no_gradescope_result_unless_it_is_one_students(records: Path, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    result = run("report", records, "--gradescope", out)
    assert (result.exit_code, out.exists()) == (2, False)
    assert "--student" in result.output
    assert run("report", records, "--gradescope", out, "--student", "ada").exit_code == 0
    assert json.loads(out.read_text())["score"] == 170  # the best attempt of each chapter


def test_policy_reaches_the_report(records: Path, tmp_path: Path) -> None:
    (tmp_path / "adjust.csv").write_text("student,chapter,points,reason\n王小明,lstm,-5,copied a figure\n", "utf-8")
    (tmp_path / "due.csv").write_text("chapter,due\nequations,2026-10-01T12:00Z\n")
    (tmp_path / "dates.csv").write_text("student,chapter,submitted\n王小明,equations,2026-10-01T14:00Z\n", "utf-8")
    options = ["--adjust", tmp_path / "adjust.csv", "--due", tmp_path / "due.csv", "--dates", tmp_path / "dates.csv"]
    out = tmp_path / "g.csv"
    result = run("report", records, *options, "--late", "5%/hour", "--csv", out)
    assert result.exit_code == 0, result.output
    scores = {(row["student"], row["chapter"]): row for row in formats.table(out.read_bytes().decode())}
    late, adjusted = scores["王小明", "equations"], scores["王小明", "lstm"]
    assert (late["score"], late["automatic"], late["late_points"]) == ("81", "90", "9")
    assert (adjusted["score"], adjusted["automatic"]) == ("75", "80")
    assert "copied a figure" in adjusted["reasons"]


def test_diff_says_whose_grade_changed(records: Path, tmp_path: Path) -> None:
    same = run("diff", records, records)
    assert (same.exit_code, same.output) == (0, "No grade changed.\n")
    lost = made.check("rnn-step")
    new = write(tmp_path / "new.json", [made.entry("=1+1", score=20, of=100, checks=(lost, made.check("rnn-forward")))])
    result = run("diff", records, new, env={"COLUMNS": "200"})
    assert result.exit_code == 1
    assert "rnn-step: fail to pass (0 to 10)" in result.output
    assert "no longer there" in result.output


def test_a_summary_is_added_to_what_is_there(records: Path, tmp_path: Path) -> None:
    (tmp_path / "s.md").write_text("before\n")
    assert run("report", records, "--summary", tmp_path / "s.md").exit_code == 0
    assert (tmp_path / "s.md").read_text().startswith("before\n## Unrolled")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not a file of records"),
        ("{}", "it holds no list"),
        ("[1]", "record 1: not a record of schema unrolled/result/v1"),
        ('[{"schema": "unrolled/result/v9"}]', "record 1: not a record of schema unrolled/result/v1: it is of another"),
        ("[" * 100_000, "not a file of records"),
        ('[NaN]', "not a file of records"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_records_gets_one_line(content: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    result = run("report", path)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert words in line


@pytest.mark.parametrize(
    ("field", "value"),
    [("score", "10"), ("score", None), ("score", float("inf")), ("seed", 1.5), ("seed", True), ("checks", {}),
     ("chapter", 3), ("submission", None)],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_refused(field: str, value: object) -> None:
    record = made.entry("ada", checks=(made.check("a"),)).record
    data = json.loads(json.dumps(record.as_json()))
    assert record_of(data) == record_of(record.as_json()) == record
    with pytest.raises(ValueError, match=field):
        record_of(data | {field: value})


def test_what_a_record_holds_comes_back(tmp_path: Path) -> None:
    entries = [
        made.entry("ada", checks=(made.check("a", "fail", mistake="m", message="x"),)),
        made.entry("b", "", error="e"),
    ]
    back = read_entries(write(tmp_path / "r.json", entries))
    assert [entry.record for entry in back] == [entry.record for entry in entries]
    assert [(entry.student, entry.chapter) for entry in back] == [("ada", "equations"), ("b", "")]


def test_students_are_folders_or_files() -> None:
    assert students(["s/ada/lstm.ipynb", "s/bob/lstm.ipynb"]) == ["ada", "bob"]
    assert students(["s/ada.ipynb", "s/bob.ipynb"]) == ["ada", "bob"]
    assert students(["ada.ipynb"]) == ["ada"]
    assert students(["s/ada/lstm.ipynb"]) == students(["s/ada/lstm.ipynb", "s/ada/gru.ipynb"])[:1] == ["ada"]
    assert students(["lstm.ipynb"]) == ["lstm"]
    assert students(["s/lstm/ada.ipynb", "s/gru/ada.ipynb"]) == ["ada", "ada"]
    assert students([]) == []


def test_bad_arguments_lose_nothing(records: Path, tmp_path: Path) -> None:
    before = records.read_bytes()
    for options, words in [
        (["--csv", records], "this is the file of records"),
        (["--csv", tmp_path / "no" / "g.csv"], "no such folder"),
        (["--csv", tmp_path], "this is a folder"),
        (["--html", tmp_path / "h", "--site", "javascript:alert(1)"], "the site's address"),
        (["--late", "10%/day"], "needs both"),
        (["--canvas-roster", records, "--canvas", tmp_path / "c.csv"], "no column 'Student'"),
    ]:
        result = run("report", records, *options)
        assert result.exit_code == 2, options
        assert words in result.output and len(result.output.splitlines()) == 1
    assert run("report", tmp_path / "none.json").exit_code == 2
    assert records.read_bytes() == before
    with pytest.raises(GradebookError, match="damaged"):
        (tmp_path / "g.sqlite").write_bytes(b"SQLite format 3\x00...")
        read_entries(tmp_path / "g.sqlite")


def test_a_gradebook_gives_the_reports_that_its_records_give(tmp_path: Path) -> None:
    path = tmp_path / "class.sqlite"
    entries = [made.entry("ada", checks=(made.check("rnn-step"),)), made.entry("eve", "", error="cut off")]
    with open_gradebook(path, write=True) as gradebook:
        course = Course(5, {"equations": "k", "": ""})
        gradebook.begin(course)
        gradebook.hand_in((e.submission, e.student, e.student, e.submitted) for e in entries)
        for entry in entries:
            gradebook.keep(entry.student, course, entry.record)
    assert [(e.student, e.chapter, e.record.score) for e in read_entries(path)] == [
        ("ada", "equations", 10), ("eve", "", 10),
    ]  # fmt: skip
    out = tmp_path / "g.csv"
    assert run("report", path, "--csv", out).exit_code == 0
    assert [row["student"] for row in formats.table(out.read_bytes().decode())] == ["ada", "eve"]
