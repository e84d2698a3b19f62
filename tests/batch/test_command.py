"""`autograder grade --gradebook` and `autograder gradebook`: exit codes, one line for bad input, what is printed."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autograder.cli import main
from autograder.commands.classes import _bar
from autograder.record import ungraded
from tests.batch.commands import COMMAND, exported, graded, small_class, start
from tests.batch.test_gradebook import CLASS, run
from tests.ordinary_user import as_ordinary_user
from tests.submissions.classes import made_up, write_archive, write_folders


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grade", "x", "--jobs", "2"], "go with --gradebook"),
        (["grade", "x", "--roster", "r.csv"], "go with --gradebook"),
        (["grade", "x", "--gradebook", "g.sqlite", "--json", "x.json"], "--json goes without --gradebook"),
        (["grade", "x", "--gradebook", "no/such/g.sqlite"], "no such folder"),
        (["grade", "x", "--gradebook", "FOLDER"], "this is a folder"),
        (["grade", "x", "--gradebook", "g.sqlite"], "no such file or folder"),
        (["grade", "FOLDER", "--gradebook", "g.sqlite"], "no notebook in what was named"),
        (["grade", "FOLDER", "--gradebook", "TEXT"], "not a gradebook"),
        (["grade", "FOLDER", "--gradebook", "g.sqlite", "--roster", "TEXT"], "the first line must name"),
        (["grade", "FOLDER", "--gradebook", "g.sqlite", "--roster", "nowhere.csv"], "No such file"),
        (["grade", "FOLDER", "--gradebook", "g.sqlite", "--jobs", "0"], "not in the range"),
        (["gradebook", "nowhere.sqlite"], "no such gradebook"),
        (["gradebook", "TEXT"], "not a gradebook"),
    ],
)
def test_bad_arguments_get_one_line_and_exit_2(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "TEXT").write_text("Dear teacher, the dog ate it. " * 10)
    result = invoke(*words)
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output and "unexpected" not in result.output


def test_a_gradebook_is_told_in_a_line_and_written_whole(tmp_path: Path) -> None:
    text = run(tmp_path / "g.sqlite", CLASS)
    out = tmp_path / "out.csv"
    result = invoke("gradebook", tmp_path / "g.sqlite", "--csv", out)
    assert result.exit_code == 2  # one is no notebook
    assert "5 submissions of 4 students, seed 7" in result.output
    assert "1 could not be graded" in result.output
    assert out.read_text(encoding="utf-8") == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["g.sqlite", "out.csv"]
    assert invoke("gradebook", tmp_path / "g.sqlite", "--csv", tmp_path).exit_code == 2


def test_a_read_only_folder_gets_a_line_and_can_be_read(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        folder = home / "kept"
        folder.mkdir()
        text = run(folder / "g.sqlite", CLASS)
        folder.chmod(0o555)
        words = as_ordinary_user([COMMAND, "gradebook", str(folder / "g.sqlite"), "--csv", str(home / "o.csv")], home)
        if words is None:
            pytest.skip("needs setpriv and unshare")
        subprocess.run(words, check=False, capture_output=True)
        assert (home / "o.csv").read_text(encoding="utf-8") == text
        words = as_ordinary_user([COMMAND, "grade", str(home), "--gradebook", str(folder / "new.sqlite")], home)
        assert words is not None
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "Permission denied" in done.stderr
        folder.chmod(0o755)


@pytest.mark.slow
@pytest.mark.xdist_group("batch")
def test_a_platforms_archive_with_a_roster_is_graded_as_its_folders_are(tmp_path: Path) -> None:
    """The same class by two ways: the same scores; and `--seed` is the gradebook's from then on."""
    students = 3
    write_archive(tmp_path / "canvas.zip", made_up(students, 4, ["equations"]), "canvas")
    names = [one.student for one in made_up(students, 4, ["equations"])]
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name\n" + "".join(f"{10_000 + i},{name}\n" for i, name in enumerate(names)), "utf-8")
    write_folders(tmp_path / "folders", made_up(students, 4, ["equations"]))
    by_way = []
    for source, more in ((tmp_path / "canvas.zip", ["--roster", str(roster)]), (tmp_path / "folders", [])):
        book = tmp_path / f"{source.stem}.sqlite"
        out = start(source, book, "--jobs", "1", *more).communicate()[0]
        assert f"{students} submissions of {students} students, seed 2026" in out
        lines = [line.split(",") for line in exported(book).splitlines()[1:]]
        by_way.append(sorted([line[0], *line[3:]] for line in lines))
    assert by_way[0] == by_way[1]
    again = subprocess.run([COMMAND, "grade", str(tmp_path / "folders"), "--gradebook",
                            str(tmp_path / "folders.sqlite")], capture_output=True, text=True, check=False)  # fmt: skip
    assert f"{students} submissions are graded already" in again.stderr
    assert "seed 2026" in again.stdout


@pytest.mark.slow
@pytest.mark.xdist_group("batch")
def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    folder = small_class(tmp_path / "class", students=2)
    monkeypatch.setenv("TMPDIR", str(scratch))
    graded(folder, tmp_path / "g.sqlite", "--jobs", "1")
    assert not [path for path in scratch.iterdir() if path.name.startswith("unrolled")]
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("g.sqlite")) == [
        "g.sqlite", "g.sqlite.lock",
    ]  # fmt: skip


def test_without_a_terminal_each_tenth_gets_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    record = ungraded(Path("x.ipynb"), 7, "no notebook")
    with _bar() as bar:
        watch = bar.watch()
        watch.ready(0, 200)
        for _ in range(200):
            watch.graded(record, True)
    said = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in said] == [f"autograder: {20 * i} of 200" for i in range(1, 11)]
    assert said[-1].endswith("200 could not be graded")


def test_without_a_terminal_half_a_minute_without_a_tenth_gets_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = iter(range(0, 10_000, 12))
    with _bar() as bar:
        bar.clock = lambda: next(now)
        watch = bar.watch()
        watch.ready(0, 1000)
        for _ in range(9):  # a submission every twelve seconds
            watch.graded(ungraded(Path("x.ipynb"), 7, "no notebook"), True)
    said = [line.split(",")[0] for line in capsys.readouterr().err.splitlines()]
    assert said == [f"autograder: {count} of 1000" for count in (3, 6, 9)]
