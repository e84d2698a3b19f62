"""The gradebook and the loop: nothing twice, nothing lost, the same bytes whatever the order of results."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.batch.local import LocalEngine
from autograder.batch.run import DEATHS, BatchError, Engine, Watch, alone, grade_class
from autograder.batch.work import Answer, Task
from autograder.gradebook import VERSION, Course, Gradebook, GradebookError, content_hash, open_gradebook
from autograder.kernel import KernelSettings
from autograder.record import record_of
from autograder.submissions import Found
from tests.batch.engines import COURSE, PLACE, Fake, made_up, record

SETTINGS = KernelSettings(seed=COURSE.seed)
CLASS = {"ann/lstm": b"lstm 1", "ann/gru": b"gru 12", "ben/lstm": b"lstm 123", "cid/x": b"what", "dan/lstm": b"lstm 1"}


def found(contents: dict[str, bytes]) -> Iterator[Found]:
    for path, content in contents.items():
        yield Found(path.split("/")[0], path, None, None, lambda content=content: content)  # type: ignore[misc]


def answer(task: Task) -> Answer:
    return Answer(record(task).as_json(), reached=True, sandboxed=True)


def run(
    path: Path, contents: dict[str, bytes], engine: Engine | None = None, course: Course = COURSE,
    watch: Watch | None = None,
) -> str:  # fmt: skip
    """Grade into a gradebook; its CSV."""
    with open_gradebook(path, write=True) as gradebook:
        grade_class(lambda note: found(contents), gradebook, course, engine or Fake(answer), SETTINGS, watch)
    return exported(path)


def exported(path: Path, everything: bool = False) -> str:
    with open_gradebook(path) as gradebook:
        return "".join(gradebook.write_csv(everything))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_submission_is_a_row_and_the_same_content_is_graded_once(tmp_path: Path) -> None:
    engine = Fake(answer)
    found_rows = rows(run(tmp_path / "g.sqlite", CLASS, engine))
    assert [row["submission"] for row in found_rows] == sorted(CLASS)
    assert sorted(engine.graded) == ["ann/gru", "ann/lstm", "ben/lstm", "cid/x"]
    by_path = {row["submission"]: row for row in found_rows}
    assert by_path["dan/lstm"]["student"] == "dan"
    assert by_path["cid/x"]["error"] == "not a notebook"
    assert by_path["ben/lstm"]["message"] == "Right."


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    path, engine = tmp_path / "g.sqlite", Fake(answer)
    first = run(path, CLASS)
    assert run(path, CLASS, engine) == first
    assert engine.graded == []
    run(path, CLASS | {"eve/gru": b"gru"}, engine)
    assert engine.graded == ["eve/gru"]


def test_another_key_regrades_its_chapter_and_no_other(tmp_path: Path) -> None:
    path, course = tmp_path / "g.sqlite", Course(7, COURSE.keys | {"gru": "g2"})
    engine = Fake(lambda task: Answer(record(task, course).as_json(), True, True))
    run(path, CLASS)
    after = rows(run(path, CLASS, engine, course))
    assert engine.graded == ["ann/gru"]
    assert {row["key"] for row in after} == {"g2", "l1", ""}
    assert len(rows(exported(path, everything=True))) == len(after) + 1


def test_a_new_chapter_judges_files_of_no_chapter_again_and_others_not(tmp_path: Path) -> None:
    path, course = tmp_path / "g.sqlite", Course(7, COURSE.keys | {"what": "w1"})
    engine = Fake(lambda task: Answer(record(task, course).as_json(), True, True))
    run(path, CLASS)
    after = rows(run(path, CLASS, engine, course))
    assert engine.graded == ["cid/x"]
    assert [row["chapter"] for row in after if row["submission"] == "cid/x"] == ["what"]


def test_another_seed_grades_all_and_keeps_the_old(tmp_path: Path) -> None:
    path, course = tmp_path / "g.sqlite", replace(COURSE, seed=8)
    engine = Fake(lambda task: Answer(record(task, course).as_json(), True, True))
    run(path, CLASS)
    after = rows(run(path, CLASS, engine, course))
    assert len(engine.graded) == 4
    assert {row["seed"] for row in after} == {"8"}
    with open_gradebook(path) as gradebook:
        assert gradebook.seed() == 8
        assert {entry.seed for entry in gradebook.entries(everything=True)} == {7, 8}


CONTENTS = st.dictionaries(
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12),
    st.builds(lambda c, n: c + b" " + n, st.sampled_from([b"lstm", b"gru", b"what"]), st.binary(max_size=4)),
    max_size=12,
)


@settings(deadline=None, max_examples=40)
@given(CONTENTS, st.integers(0, 99), st.integers(0, 12), st.randoms(use_true_random=False))
def test_order_interruption_and_time_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes], shuffle: int, stop: int, random: object
) -> None:
    """Graded in any order, stopped anywhere and gone on with: the same bytes."""
    folder = tmp_path_factory.mktemp("g")
    whole = run(folder / "a.sqlite", contents)
    left = [stop]

    def slow_and_mortal(task: Task) -> Answer:
        if left[0] == 0:
            raise KeyboardInterrupt
        left[0] -= 1
        return Answer(record(task, seconds=2.0 + shuffle).as_json(), True, True)

    try:
        run(folder / "b.sqlite", contents, Fake(slow_and_mortal, shuffle))
    except KeyboardInterrupt:
        left[0] = -1
    assert run(folder / "b.sqlite", contents, Fake(slow_and_mortal, shuffle + 1)) == whole


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_no_name_breaks_the_csv_or_becomes_a_formula(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    path = tmp_path_factory.mktemp("g") / "g.sqlite"
    clean = [name.encode("utf-8", "replace").decode() for name in names]
    with open_gradebook(path, write=True) as gradebook:
        gradebook.begin(COURSE)
        for i, name in enumerate(clean):
            task = Task(str(i), name, f"lstm {i}".encode(), SETTINGS)
            gradebook.hand_in([(f"{i}{name}", task.name, name, None)])
            gradebook.keep(task.name, COURSE, record(task))
    text = exported(path)
    read = rows(text)
    assert len(read) == len(clean) == text.count("\n") - 1
    for row in read:
        assert not any(value.lstrip().startswith(("=", "+", "-", "@", "＝", "＋")) for value in row.values())


def test_records_come_back_as_they_went(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite"
    run(path, CLASS)
    with open_gradebook(path) as gradebook:
        (entry,) = (one for one in gradebook.entries() if one.submission == "ben/lstm")
    task = Task("", "ben/lstm", CLASS["ben/lstm"], SETTINGS)
    assert entry.record == record(task) == record_of(record(task).as_json())
    for damaged in ({}, {"schema": "x"}, record(task).as_json() | {"checks": 3}, record(task).as_json() | {"more": 1}):
        with pytest.raises(ValueError, match="not a record"):
            record_of(damaged)


def _newer(path: Path) -> None:
    run(path, CLASS)
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()


def _other(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE poems (line)")
    database.close()


REFUSED = {
    "newer": (_newer, "made by a newer version"),
    "other": (_other, "not a gradebook"),
    "text": (lambda path: path.write_text("Dear teacher, " * 100), "not a gradebook"),
    "folder": (lambda path: path.mkdir(), "folder"),
}


@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
@pytest.mark.parametrize("name", list(REFUSED))
def test_what_is_no_gradebook_of_ours_is_refused_and_stays(name: str, write: bool, tmp_path: Path) -> None:
    make, words = REFUSED[name]
    path = tmp_path / "g.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(GradebookError) as caught, open_gradebook(path, write):
        pass
    assert words in str(caught.value) or (name == "folder" and "no such gradebook" in str(caught.value))
    assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_folder_that_does_not_exist_gets_a_line(tmp_path: Path) -> None:
    with pytest.raises(GradebookError, match="no such folder"), open_gradebook(tmp_path / "no" / "g", write=True):
        pass


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_gets_a_line_and_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite"
    whole = run(path, CLASS)
    tmp_path.chmod(0o500)
    try:
        assert exported(path) == whole
        with pytest.raises(GradebookError, match="cannot be"), open_gradebook(tmp_path / "new", write=True):
            pass
    finally:
        tmp_path.chmod(0o700)


def test_only_one_run_writes_a_gradebook(tmp_path: Path) -> None:
    path = tmp_path / "g.sqlite"
    with alone(path) as scratch:
        (scratch / "left").write_text("behind")
        with pytest.raises(BatchError, match="another run"), alone(path):
            pass
    with alone(path) as scratch:
        assert list(scratch.iterdir()) == []


def test_a_submission_that_changes_or_goes_meanwhile_is_said(tmp_path: Path) -> None:
    notes: list[str] = []
    looks = iter([{"a/x": b"lstm 1", "b/x": b"lstm 2", "c/x": b"lstm 3"}, {"a/x": b"lstm 1", "b/x": b"lstm 9"}])
    with open_gradebook(tmp_path / "g.sqlite", write=True) as gradebook:
        grade_class(lambda note: found(next(looks)), gradebook, COURSE, Fake(answer), SETTINGS, Watch(notes.append))
    assert [row["submission"] for row in rows(exported(tmp_path / "g.sqlite"))] == ["a/x"]
    assert any("b/x" in note and "changed" in note for note in notes)
    assert any("c/x" in note and "gone" in note for note in notes)


def local(tmp_path: Path) -> LocalEngine:
    return LocalEngine(PLACE, 2, tmp_path, grade=made_up)


def test_who_kills_a_worker_three_times_is_given_up_and_nobody_else(tmp_path: Path) -> None:
    contents = CLASS | {"eve/lstm": b'lstm lethal {"chapter": "lstm"}'}
    died: list[str] = []
    with local(tmp_path) as engine:
        after = rows(run(tmp_path / "g.sqlite", contents, engine, watch=Watch(died=died.append)))
    assert died == ["eve/lstm"] * (DEATHS - 1)
    (row,) = (row for row in after if row["submission"] == "eve/lstm")
    assert (row["chapter"], row["key"]) == ("lstm", "l1")
    assert f"died of this file {DEATHS} times" in row["error"]
    others = [row for row in after if row["student"] != "eve"]
    assert others == rows(run(tmp_path / "undisturbed.sqlite", CLASS))


def test_the_count_of_deaths_survives_a_restart(tmp_path: Path) -> None:
    path, content = tmp_path / "g.sqlite", b"lstm lethal"
    with open_gradebook(path, write=True) as gradebook:
        for _ in range(DEATHS - 1):
            gradebook.died(content_hash(content), COURSE)
    died: list[str] = []
    with local(tmp_path) as engine:
        ((row),) = rows(run(path, {"eve/lstm": content}, engine, watch=Watch(died=died.append)))
    assert died == []
    assert "died of this file" in row["error"]


def test_a_worker_that_dies_by_chance_costs_nothing(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    flag.touch()
    contents = CLASS | {"eve/gru": f"gru unlucky {flag}".encode()}
    with local(tmp_path) as engine:
        disturbed = run(tmp_path / "a.sqlite", contents, engine)
    assert not flag.exists()
    assert disturbed == run(tmp_path / "b.sqlite", contents)


def test_what_the_grader_fails_on_is_tried_three_times_and_then_a_row(tmp_path: Path) -> None:
    with local(tmp_path) as engine:
        ((row),) = rows(run(tmp_path / "g.sqlite", {"eve/gru": b"gru raises"}, engine))
    assert "failed on it 3 times: TypeError: an error of the grader's own" in row["error"]
    with local(tmp_path) as engine:
        ((row),) = rows(run(tmp_path / "h.sqlite", {"eve/gru": b"gru unreached"}, engine))
    assert row["error"] == "" and row["outcome"] == "pass"


def test_without_room_the_run_ends_and_goes_on_later(tmp_path: Path) -> None:
    contents = CLASS | {"eve/gru": b"gru no room"}
    with pytest.raises(BatchError, match="No space left"), local(tmp_path) as engine:
        run(tmp_path / "g.sqlite", contents, engine)
    assert run(tmp_path / "g.sqlite", contents) == run(tmp_path / "undisturbed.sqlite", contents)


def test_deaths_are_counted_for_each_course(tmp_path: Path) -> None:
    def deaths(gradebook: Gradebook, course: Course) -> int:
        return gradebook.deaths("x", course)

    with open_gradebook(tmp_path / "g.sqlite", write=True) as gradebook:
        assert [gradebook.died("x", COURSE) for _ in range(2)] == [1, 2]
        assert deaths(gradebook, Course(7, {"gru": "g2"})) == deaths(gradebook, replace(COURSE, seed=8)) == 0
