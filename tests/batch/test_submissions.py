"""Finding submissions: every platform's naming, every odd archive, no name that does harm, nothing lost."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.keys import chapters
from autograder.notebook import MAX_NOTEBOOK_BYTES, NotebookFileError
from autograder.record import printable
from autograder.submissions import Roster, RosterError, SubmissionsError, find, read_roster
from autograder.submissions.names import MAX_STUDENT, folded, whose
from autograder.submissions.zipped import MAX_MEMBERS, ArchiveError
from tests.submissions.classes import LAYOUTS, HandedIn, write_archive, write_folders

CHAPTERS = chapters()
NAMES = ("Ann Lee", "王小明", "O'Brien; DROP", "=1+1", "Łukasz Żak")
CLASS = [HandedIn(f"{n}", i, c, "", f"{n} {c}".encode()) for i, n in enumerate(NAMES) for c in ("lstm", "gru")]


def found(*paths: Path, roster: Roster | None = None) -> dict[str, tuple[str, Any]]:
    """Student and content (or problem) of each submission, by its path."""

    def content(one: Any) -> Any:
        try:
            return one.problem or one.read()
        except (ArchiveError, NotebookFileError) as error:
            return str(error)

    return {one.submission: (one.student, content(one)) for one in find(paths, CHAPTERS, roster)}


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("unpacked", [False, True], ids=["zip", "folder"])
def test_the_downloads_of_each_platform(layout: str, unpacked: bool, tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    write_archive(archive, iter(CLASS), layout)
    if unpacked:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path / "class")
    whole = found(tmp_path / "class" if unpacked else archive)
    assert sorted(content for _, content in whole.values()) == sorted(one.content for one in CLASS)
    flat = {"canvas": lambda n: "".join(c for c in n.casefold() if c.isalnum()), "blackboard": None}
    for student, content in whole.values():
        mine = next(one for one in CLASS if one.content == content)
        if layout == "blackboard":
            assert student == f"u{mine.number:05d}"
        elif layout == "canvas":
            assert student == flat["canvas"](mine.student)  # type: ignore[misc]
        else:
            assert student == mine.student


def test_a_roster_names_the_students_of_every_platform(tmp_path: Path) -> None:
    rows = "\n".join(f'"{n}",{10_000 + i},u{i:05d}' for i, n in enumerate(NAMES))
    roster = read_roster(put(tmp_path / "roster.csv", f"\ufeffName,id,login\n{rows}\n".encode()))
    for layout in LAYOUTS:
        archive = tmp_path / f"{layout}.zip"
        write_archive(archive, iter(CLASS), layout)
        assert {student for student, _ in found(archive, roster=roster).values()} == set(NAMES), layout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "first line"),
        (b"login,id\nann,1\n", "one of them 'name'"),
        (b"name,id\nAnn,1\nBob,1\n", "row 3: '1' is also a name of Ann"),
        (b"name,id\n,1\n", "row 2: there is no name"),
        (b"\xff\xfe", "UTF-8"),
        (b'name\n"open', "not a CSV"),
    ],
)
def test_a_bad_roster_gets_a_line(text: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="roster") as caught:
        read_roster(put(tmp_path / "roster.csv", text))
    assert words in str(caught.value)


def test_folders_flat_files_and_archives_of_one_student(tmp_path: Path) -> None:
    top = tmp_path / "class"
    put(top / "ann" / "week 1" / "lstm.ipynb", b"1")
    put(top / "lstm" / "ben" / "x.ipynb", b"2")
    put(top / "gru_cid (1).ipynb", b"3")
    put(top / "dan.zip", zipped({"work/lstm.ipynb": b"4", "__MACOSX/work/._lstm.ipynb": b"no"}))
    put(top / "eve_12345_67890_work.zip", zipped({"inner.zip": zipped({"lstm.ipynb": b"5"})}))
    put(top / "ann" / ".ipynb_checkpoints" / "lstm-checkpoint.ipynb", b"no")
    students = {content: student for student, content in found(top).values()}
    assert students == {b"1": "ann", b"2": "ben", b"3": "cid", b"4": "dan", b"5": "eve"}


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (["class/ann/lstm.ipynb", "class/ben/lstm.ipynb"], {"ann", "ben"}),
        (["class/ann.ipynb", "class/lstm_ben.ipynb"], {"ann", "ben"}),
        (["ann/lstm.ipynb", "ann/gru.ipynb"], {"ann"}),
        (["ann/lstm.ipynb", "ben/lstm.ipynb"], {"ann", "ben"}),
    ],
)
def test_the_folder_around_a_class_is_nobody(names: list[str], students: set[str], tmp_path: Path) -> None:
    whole = found(put(tmp_path / "download.zip", zipped(dict.fromkeys(names, b"1"))))
    assert {student for student, _ in whole.values()} == students


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (["class/ann/lstm.ipynb", "class/ben/gru.ipynb"], {"ann", "ben"}),
        (["class/ann/lstm.ipynb"], {"ann"}),
        (["week 3/ann/lstm.ipynb", "week 3/ben/x.zip/lstm.ipynb"], {"ann", "ben"}),
        (["ann/week 1/lstm.ipynb"], {"ann"}),
        (["ann/lstm/work.ipynb", "ann/gru/work.ipynb"], {"ann"}),
        (["ann/lstm.ipynb", "ann/gru.ipynb"], {"ann"}),
        (["class/ann/lstm.ipynb", "ben/lstm.ipynb"], {"class", "ben"}),
    ],
)
def test_the_folder_around_an_unpacked_class_is_nobody(names: list[str], students: set[str], tmp_path: Path) -> None:
    for name in names:
        put(tmp_path / "class" / name, b"1")
    assert {student for student, _ in found(tmp_path / "class").values()} == students


def test_the_order_is_that_of_the_names_and_stays(tmp_path: Path) -> None:
    write_folders(tmp_path / "class", iter(CLASS))
    first, second = ([one.submission for one in find([tmp_path / "class"], CHAPTERS)] for _ in range(2))
    assert first == second
    by_folder = [path.split("/")[0] for path in first]
    assert by_folder == sorted(by_folder)


def test_paths_that_escape_are_labels_and_nothing_else(tmp_path: Path) -> None:
    names = ["../../etc/passwd.ipynb", "/root/x.ipynb", "..\\..\\y.ipynb", "a/../../z.ipynb"]
    archive = put(tmp_path / "in" / "class.zip", zipped(dict.fromkeys(names, b"1")))
    before = sorted(tmp_path.rglob("*"))
    whole = found(archive)
    assert len(whole) == len(names)
    assert not any(".." in label or label.startswith("/") for label in whole)
    assert sorted(tmp_path.rglob("*")) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = put(tmp_path / "secret.ipynb", b"secret")
    top = tmp_path / "class"
    put(top / "ann" / "gru.ipynb", b"1")
    (top / "ann" / "lstm.ipynb").symlink_to(secret)
    (top / "all").symlink_to(tmp_path)
    out = io.BytesIO(zipped({"x.ipynb": b"1"}))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo("link.ipynb")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        archive.writestr(info, str(secret))
    put(top / "ben.zip", out.getvalue())
    assert any("all" in note and "not followed" in note for note in _notes(top))
    contents = {label: content for label, (_, content) in found(top).items()}
    assert contents["ann/gru.ipynb"] == contents["ben.zip/x.ipynb"] == b"1"
    assert "not followed" in contents["ann/lstm.ipynb"]
    assert "not followed" in contents["ben.zip/link.ipynb"]
    assert b"secret" not in contents.values()


def _notes(top: Path) -> list[str]:
    notes: list[str] = []
    list(find([top], CHAPTERS, None, notes.append))
    return notes


def test_what_is_left_alone_gets_a_line(tmp_path: Path) -> None:
    put(tmp_path / "class" / "ann" / "essay.pdf", b"")
    put(tmp_path / "class" / "ben" / "work.tar.gz", b"")
    lines = _notes(tmp_path / "class")
    assert any("essay.pdf" in line and "not a notebook" in line for line in lines)
    assert any("work.tar.gz" in line and "unpack" in line for line in lines)


def _bomb() -> bytes:
    return zipped({f"{i}.ipynb": bytes(MAX_NOTEBOOK_BYTES - 1) for i in range(6)})


def _encrypted() -> bytes:
    content = bytearray(zipped({"x.ipynb": b"1"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def _damaged() -> bytes:
    content = bytearray(zipped({"x.ipynb": b"1" * 10_000}))
    content[45:60] = b"\xff" * 15
    return bytes(content)


ODD = {
    "many small files": (lambda: zipped({f"{i}.ipynb": b"" for i in range(MAX_MEMBERS + 1)}), "more than 2000 files"),
    "a bomb": (_bomb, "expands to more than"),
    "encrypted": (_encrypted, "encrypted"),
    "damaged": (_damaged, "damaged"),
    "cut off": (lambda: zipped({"x.ipynb": b"1"})[:-10], "damaged"),
    "empty": (lambda: b"", "damaged"),
    "no archive": (lambda: b"Dear teacher", "damaged"),
    "a large notebook": (lambda: zipped({"x.ipynb": bytes(MAX_NOTEBOOK_BYTES + 1)}), "larger than 50 MB"),
    "nested": (lambda: zipped({"a.zip": zipped({"b.zip": zipped({"c.zip": b""})})}), "unpack it by hand"),
}


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("outer", ["folder", "archive"])
def test_an_odd_archive_is_a_row_and_costs_nobody_else_anything(name: str, outer: str, tmp_path: Path) -> None:
    make, words = ODD[name]
    members = {"ann.zip": make(), "ben.ipynb": b"ben's"}
    if outer == "folder":
        for member, content in members.items():
            put(tmp_path / "class" / member, content)
        whole = found(tmp_path / "class")
    else:
        whole = found(put(tmp_path / "class.zip", zipped(members)))
    assert ("ben", b"ben's") in whole.values()
    assert any(words in content for student, content in whole.values() if student == "ann" and type(content) is str)


def test_a_member_that_lies_about_its_size_is_cut_off(tmp_path: Path) -> None:
    content = bytearray(zipped({"x.ipynb": bytes(MAX_NOTEBOOK_BYTES + 1000)}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        content[at : at + 4] = (1000).to_bytes(4, "little")
    put(tmp_path / "class" / "ann.zip", bytes(content))
    ((student, said),) = found(tmp_path / "class").values()
    assert student == "ann"
    assert type(said) is str or len(said) <= MAX_NOTEBOOK_BYTES


def test_two_files_of_one_name_in_an_archive_are_two_submissions(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("ann.ipynb", b"1")
        archive.writestr("ann.ipynb", b"2")
    whole = found(put(tmp_path / "class.zip", out.getvalue()))
    assert whole == {"ann.ipynb": ("ann", b"1"), "ann.ipynb#2": ("ann", b"2")}


def test_names_in_utf_8_that_do_not_say_so(tmp_path: Path) -> None:
    content = bytearray(zipped({"王小明.ipynb": b"1"}))
    assert found(put(tmp_path / "class.zip", bytes(content))) == {"王小明.ipynb": ("王小明", b"1")}
    for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
        at = content.index(signature) + offset
        assert content[at] & 0x08
        content[at] &= ~0x08
    assert found(put(tmp_path / "class.zip", bytes(content))) == {"王小明.ipynb": ("王小明", b"1")}


def test_names_that_are_no_text_and_files_that_are_none(tmp_path: Path) -> None:
    top = tmp_path / "class"
    top.mkdir()
    (Path(os.fsdecode(os.fsencode(top) + b"/\xff\xfe.ipynb"))).write_bytes(b"1")
    os.mkfifo(top / "pipe.ipynb")
    whole = found(top)
    assert whole["\\udcff\\udcfe.ipynb"][1] == b"1"
    assert "not a file" in whole["pipe.ipynb"][1]


def test_what_does_not_exist_gets_a_line(tmp_path: Path) -> None:
    with pytest.raises(SubmissionsError, match="no such file"):
        found(tmp_path / "nowhere")
    with pytest.raises(SubmissionsError, match="damaged"):
        found(put(tmp_path / "class.zip", b"no"))


PARTS = st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=4)


@given(PARTS, st.sets(st.text(max_size=5), max_size=3))
def test_any_path_gives_a_student_that_can_be_shown(parts: list[str], known: set[str]) -> None:
    owner = whose(parts, CHAPTERS, {folded(name) for name in known})
    assert owner.student
    assert owner.student == printable(owner.student, MAX_STUDENT)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="_/\\."), min_size=1, max_size=20),
       st.integers(10, 10**9))  # fmt: skip
def test_the_student_is_found_in_what_platforms_make_of_a_name(name: str, number: int) -> None:
    shown = whose([f"{name}_{number}_assignsubmission_file_", "x.ipynb"], CHAPTERS).student
    assert whose([f"{name}_{number}_{number}_x.ipynb"], CHAPTERS).student == shown
    assert whose([f"{name}_late_{number}_{number}_x.ipynb"], CHAPTERS).student == shown
    dated = whose([f"W_{name}_attempt_2026-01-31-09-30-00_x.ipynb"], CHAPTERS)
    assert dated.student == shown
    assert dated.submitted is not None and dated.submitted.startswith("2026-01-31T09:30:00")
    assert folded(shown) == folded(name)
