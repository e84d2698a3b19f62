"""Whatever a record says, a terminal shows it and does nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.text import Text

from autograder.kernel.doctor import Finding
from autograder.keys import load_key
from autograder.record import OUTCOMES, CheckResult, Record, printable
from autograder.report.terminal import findings_table, record_report
from tests.fuzz.law import STYLE, harmless, on_a_terminal

HOSTILE = [
    "\x1b[2J\x1b[31m", "\x9b31m", "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\", "\r\x1b[K100 of 100 points",
    "\x07\x08\x0b\x0c\x00", "\u202e001\u202c", "\u2028\u2029\x85", "\ud800\udfff", "[red]x[/red]", "[/]",
    "[link=http://x]y[/link]", "\\[b]\\", "\\", ":smile:", "[@click=f]x[/]", "\U000e0001", "\ufeff", "\x7f", "x" * 5000,
    "a\tb\nc",
]  # fmt: skip
texts = st.text(max_size=30) | st.sampled_from(HOSTILE) | st.lists(st.sampled_from(HOSTILE), max_size=3).map(" ".join)
results = st.builds(
    CheckResult, id=texts, exercise=texts, points=st.floats(0, 9), max_points=st.floats(0, 9),
    outcome=st.sampled_from(OUTCOMES) | texts, cause=st.sampled_from([None, "student", "infrastructure"]) | texts,
    mistake=st.none() | texts, message=texts,
)  # fmt: skip
records = st.builds(
    Record, chapter=st.sampled_from(["equations", None]), submission=texts, seed=st.integers(0, 9), key=st.none(),
    score=st.floats(0, 99), max_score=st.floats(0, 99), seconds=st.floats(0, 99), error=st.none() | texts,
    checks=st.lists(results, max_size=3).map(tuple), notes=st.lists(texts, max_size=2).map(tuple),
)  # fmt: skip


@given(record=records)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_nothing_in_a_record_reaches_the_terminal_raw(record: Record) -> None:
    shown = STYLE.sub("", on_a_terminal([record]))
    assert harmless(shown), [c for c in shown if not harmless(c)]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_shown_as_it_is_but_for_what_a_terminal_obeys(text: str) -> None:
    blank = CheckResult("c", "rnn-step", 0, 1, "fail", "student", None, "")
    record = Record("equations", "s", 0, None, 0, 1, 0, (dataclasses.replace(blank, message=text),))
    shown = "".join(STYLE.sub("", on_a_terminal([record])).split())
    assert "".join(printable(text).split()) in shown.replace("\u2026", "…") or len(text) > 1000 or not text.strip()


@given(text=texts | st.text(st.characters(), max_size=60), limit=st.integers(1, 50))
@example(text="\ud800", limit=1)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_printable_text_is_one_line_of_valid_unicode(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert harmless(shown) and "\n" not in shown and len(shown) <= limit
    assert printable(shown, limit) == shown
    shown.encode("utf-8")
    if text.isprintable() and len(text) <= limit:
        assert shown == text


def test_what_the_doctor_found_is_shown_the_same_way() -> None:
    group = findings_table("\x1b[2J", [Finding("x", False, detail) for detail in HOSTILE])
    assert isinstance(group.renderables[0], Text)
    assert "\x1b" not in group.renderables[0].plain


def test_a_mistake_and_a_style_are_shown_beside_the_message() -> None:
    result = CheckResult("c", "rnn-step", 0, 1, "fail", "infrastructure", "no-bias", "The bias is left out.")
    record = Record("equations", "s", 0, None, 0, 1, 0, (result,))
    shown = " ".join(STYLE.sub("", on_a_terminal([record])).split())
    assert "no-bias: The bias is left out. (the grader's fault, not yours)" in shown
    assert load_key("equations").exercises[0].title in shown
    assert record_report(record, None).renderables
