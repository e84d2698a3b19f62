"""Entries made up by Hypothesis, with names and texts as hostile as can be, and by hand."""

from __future__ import annotations

from hypothesis import strategies as st

from autograder.entry import Entry
from autograder.record import OUTCOMES, CheckResult, Record

HOSTILE = [
    "=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "王小明", "محمد\u202eعلي",
    "../../x",
    "<script>alert(1)</script>", "]]>", "&amp;", "\x00\x0b\x1b[2J", "\ufffe\uffff", "a\nb", "| a | b |",
    "[x](y) `c` *d*",
    "\ud800", "😀", "'; DROP TABLE", "x" * 3000, "", " ", "%0A", "{{ 7*7 }}", "\u2028", "</style>", "\"'>",
]  # fmt: skip
CHAPTERS = ["equations", "lstm", "poems"]
texts = st.sampled_from(HOSTILE) | st.text(max_size=12) | st.lists(st.sampled_from(HOSTILE), max_size=3).map("".join)
points = st.integers(0, 40).map(lambda value: value / 4)


@st.composite
def results(draw: st.DrawFn) -> CheckResult:
    """A check of a record."""
    most, outcome = draw(points), draw(st.sampled_from(OUTCOMES))
    return CheckResult(
        draw(texts), draw(texts), most if outcome == "pass" else 0.0, most, outcome,
        None if outcome == "pass" else draw(st.sampled_from(["student", "infrastructure"])),
        draw(st.none() | texts), draw(texts),
    )  # fmt: skip


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """An entry, graded or not."""
    chapter = draw(st.sampled_from([*CHAPTERS, ""]))
    notes = tuple(draw(st.lists(texts, max_size=2)))
    error = draw(texts) if not chapter else draw(st.none() | texts)
    checks = () if error is not None else tuple(draw(st.lists(results(), max_size=4)))
    record = Record(
        chapter or None, draw(texts), draw(st.integers(0, 2**31)), "k", sum(c.points for c in checks),
        sum(c.max_points for c in checks), draw(st.floats(0, 1000)), checks, error, {}, notes,
    )  # fmt: skip
    dates = st.none() | st.datetimes().map(lambda d: d.isoformat() + "+00:00") | texts
    return Entry(draw(texts), record.submission, chapter, record.seed, "k", draw(dates), record)


def entry(
    student: str, chapter: str = "equations", score: float = 10, *, of: float = 20, submission: str = "", seed: int = 5,
    submitted: str | None = None, error: str | None = None, key: str = "k", checks: tuple[CheckResult, ...] = (),
) -> Entry:  # fmt: skip
    """An entry by hand."""
    name = submission or f"{student}/{chapter}.ipynb"
    record = Record(chapter or None, name, seed, key, score, of, 1.0, checks, error, {})
    return Entry(student, name, chapter, seed, key, submitted, record)


def check(
    name: str, outcome: str = "pass", of: float = 10, mistake: str | None = None, message: str = ""
) -> CheckResult:
    """A check by hand; its exercise has its name."""
    cause = None if outcome == "pass" else "student"
    return CheckResult(name, name, of if outcome == "pass" else 0.0, of, outcome, cause, mistake, message)
