"""Every export keeps its format's rules, whatever names and messages it carries."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from autograder.entry import Entry
from autograder.grades import astray, grades
from autograder.policy_files import CANVAS
from autograder.report.junit import junit_xml
from autograder.report.platforms import MAX_SUMMARY, Classroom50, classroom50, gradescope, job_summary
from autograder.report.safe import csv_text, file_name, markdown_text
from autograder.report.tables import canvas_csv, checks_csv, grades_csv
from tests.reports import formats, made

lists = st.lists(made.entries(), max_size=5)
some = settings(max_examples=60, deadline=None, derandomize=True, database=None)
RUN = Classroom50("cs", "lstm", "submit/1", "https://c", "https://r", "", "2026-06-01T14:32:01Z")
TITLES = {"equations": "Equations", "lstm": "LSTM", "poems": "Poems"}


def through_json(data: object) -> dict[str, object]:
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    text.encode("utf-8")
    return json.loads(text)


@given(entries=lists)
@some
def test_junit_keeps_the_schema(entries: list[Entry]) -> None:
    tree = formats.junit(junit_xml(entries))
    assert len(tree) == len(entries)


@given(entries=lists)
@some
def test_tables_have_no_formula_and_lose_no_row(entries: list[Entry]) -> None:
    graded = grades(entries)
    lost = [entry for entry in entries if not entry.chapter]
    assert len(formats.table(grades_csv(graded, lost))) == len(graded) + len(lost)
    assert len(formats.table(checks_csv(entries))) == sum(len(entry.record.checks) for entry in entries)


@given(entries=lists.filter(lambda some: all(entry.student.strip() for entry in some)))
@some
def test_canvas_has_a_row_for_each_student(entries: list[Entry]) -> None:
    graded = grades(entries)
    text, unknown = canvas_csv(graded, TITLES)
    rows = formats.canvas(text)
    assert len(rows) == 1 + len({grade.student for grade in graded}) and not unknown


@given(entries=lists)
@some
def test_gradescope_keeps_its_specification(entries: list[Entry]) -> None:
    graded = grades([entry for entry in entries if entry.chapter])
    data = through_json(gradescope(graded, [entry for entry in entries if not entry.chapter]))
    formats.gradescope(data)
    assert data["score"] == pytest.approx(sum(grade.score for grade in graded))


@given(entry=made.entries().filter(lambda entry: entry.chapter))
@some
def test_classroom50_keeps_its_contract(entry: Entry) -> None:
    (grade,) = grades([entry])
    data = through_json(classroom50(grade, RUN))
    formats.classroom50(data)
    if entry.record.error is None and entry.record.max_score:
        assert data["score"] / data["max-score"] == pytest.approx(entry.record.score / entry.record.max_score)


@given(entries=lists)
@some
def test_a_job_summary_is_harmless_markdown(entries: list[Entry]) -> None:
    text = job_summary(grades([entry for entry in entries if entry.chapter]))
    assert "<" not in text and len(text.encode()) <= MAX_SUMMARY + 100
    for line in text.splitlines():
        if line.startswith("|"):  # no text opens another cell
            assert line.replace("\\\\", "").replace("\\|", "").count("|") in (5, 6)


@given(entries=lists)
@some
def test_markdown_in_a_name_or_message_is_shown_and_not_obeyed(entries: list[Entry]) -> None:
    graded = grades([entry for entry in entries if entry.chapter])
    tokens = MarkdownIt("commonmark").enable("table").parse(job_summary(graded, astray(entries)))
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    blocks = {token.type.rsplit("_", 1)[0] for token in tokens}
    assert blocks <= {"heading", "inline", "table", "thead", "tbody", "tr", "th", "td", "paragraph"}


def test_a_summary_of_thousands_ends_where_github_would_refuse_it() -> None:
    graded = grades([made.entry(f"student {'x' * 200} {i}") for i in range(6000)])
    text = job_summary(graded)
    assert len(text.encode()) <= MAX_SUMMARY + 100
    assert "more lines do not fit here" in text


@pytest.mark.parametrize("text", made.HOSTILE)
def test_a_name_is_no_formula_no_markup_and_no_path(text: str) -> None:
    assert not csv_text(text).lstrip().startswith(formats.FORMULAS)
    assert set(file_name(text)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert "<" not in markdown_text(text) and "\n" not in markdown_text(text)


@given(names=st.lists(made.texts, unique=True, max_size=8))
@some
def test_two_students_never_share_a_file(names: list[str]) -> None:
    assert len({file_name(name).lower() for name in names}) == len(names)


def test_ordinary_names_are_left_alone() -> None:
    for name in ("Ada Lovelace", "王小明", "O'Brien", "Zoë"):
        assert csv_text(name) == name
    assert markdown_text("Ada Lovelace") == "Ada Lovelace"


def test_junit_says_what_was_lost_and_whose_fault_it_was() -> None:
    lost = made.check("rnn-step", "fail", mistake="no-bias", message="The bias is left out.")
    fault = made.check("rnn-forward", "error")
    entry = made.entry("ada", checks=(lost, made.check("right"), fault), submitted="2026-10-01T12:00:00+02:00")
    object.__setattr__(fault, "cause", "infrastructure")
    (suite,) = formats.junit(junit_xml([entry]))
    assert suite.get("timestamp") == "2026-10-01T10:00:00"
    assert (suite.get("failures"), suite.get("errors"), suite.get("tests")) == ("1", "1", "3")
    (failure,) = suite.iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("no-bias", "The bias is left out.")
    (broken,) = formats.junit(junit_xml([made.entry("bob", error="cut off")]))
    assert broken.find("testcase/error").get("message") == "cut off"


def test_canvas_fills_in_its_own_gradebook() -> None:
    header = (*CANVAS, "LSTM (77)")
    blank = dict.fromkeys(header, "")
    roster = (header, (blank | {"Student": "Lovelace, Ada", "ID": "1", "SIS Login ID": "ada", "LSTM (77)": "3"},
                       blank | {"Student": "Nobody", "ID": "2", "SIS User ID": "n"}))  # fmt: skip
    graded = grades([made.entry("ada", "lstm", 12.5, of=100), made.entry("eve", "lstm", 1, of=100)])
    text, unknown = canvas_csv(graded, TITLES, roster)
    possible, ada, nobody = formats.canvas(text)
    assert (possible["LSTM (77)"], ada["LSTM (77)"], nobody["LSTM (77)"]) == ("100", "12.5", "")
    assert ada["Student"] == "Lovelace, Ada"
    assert unknown == ["eve"]


def test_points_that_are_no_whole_numbers_are_scaled_for_classroom50() -> None:
    checks = (made.check("a", of=2.5), made.check("b", "fail", of=0.25), made.check("c", of=1))
    (grade,) = grades([made.entry("ada", score=3.5, of=3.75, checks=checks)])
    data = classroom50(grade, RUN)
    assert (data["score"], data["max-score"]) == (14, 15)
    assert data["review"] == "https://c"
