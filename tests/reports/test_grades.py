"""Which attempt counts, what lateness costs, what a person decided, and why a grade changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.changes import changes
from autograder.grades import Adjustment, Late, Policy, astray, grades
from autograder.policy_files import PolicyFileError, parse_late, read_adjustments, read_due, read_handed_in
from tests.reports.made import check, entry

DUE = datetime(2026, 10, 1, 12, tzinfo=UTC)
DAY = Late(0.1, timedelta(days=1), 0.5, timedelta(minutes=15), {("", "equations"): DUE})
CHAPTERS = ["equations", "lstm"]


def at(**later: float) -> str:
    """A date so long after the due one."""
    return (DUE + timedelta(**later)).isoformat()


def test_the_best_attempt_counts_or_the_last() -> None:
    attempts = [
        entry("ada", score=5, submission="1", submitted=at(hours=-3)),
        entry("ada", score=15, submission="2", submitted=at(hours=-2)),
        entry("ada", score=9, submission="3", submitted=at(hours=-1)),
    ]
    for order in (attempts, attempts[::-1]):
        (best,), (last,) = grades(order), grades(order, Policy("last"))
        assert (best.score, last.score, best.attempts) == (15, 9, 3)


def test_of_two_results_of_one_submission_the_later_one_counts() -> None:
    (grade,) = grades([entry("ada", score=15, key="old"), entry("ada", score=9, key="new")])
    assert (grade.score, grade.attempts) == (9, 1)


def test_a_file_handed_in_again_under_its_name_is_an_attempt() -> None:
    (best,) = grades([entry("ada", score=15, submitted=at(hours=-2)), entry("ada", score=9, submitted=at(hours=-1))])
    assert (best.score, best.attempts) == (15, 2)


def test_a_regrade_of_the_first_attempt_does_not_make_it_the_last() -> None:
    first, second = entry("ada", score=5, submission="1"), entry("ada", score=9, submission="2")
    regraded = entry("ada", score=6, submission="1", key="new")
    (grade,) = grades([first, second, regraded], Policy("last"))
    assert (grade.score, grade.attempts) == (9, 2)


def test_the_best_attempt_is_the_best_after_lateness() -> None:
    attempts = [entry("ada", score=10, submission="1", submitted=at(hours=-1)),
                entry("ada", score=11, submission="2", submitted=at(days=1, hours=1))]  # fmt: skip
    (grade,) = grades(attempts, Policy(late=DAY))
    assert (grade.score, grade.late_points) == (10, 0)


@pytest.mark.parametrize(
    ("later", "part"),
    [({"hours": -1}, 0), ({"minutes": 15}, 0), ({"minutes": 16}, 0.1), ({"days": 1}, 0.1),
     ({"days": 1, "seconds": 1}, 0.2),
     ({"days": 40}, 0.5)],
)  # fmt: skip
def test_lateness_costs_by_started_days_after_the_grace_up_to_the_cap(later: dict[str, float], part: float) -> None:
    (grade,) = grades([entry("ada", score=10, submitted=at(**later))], Policy(late=DAY))
    assert grade.late_points == pytest.approx(10 * part)
    assert grade.automatic == 10
    assert bool(grade.reasons) == bool(part)


def test_an_extension_and_an_instructors_date_go_first() -> None:
    late = Late(0.1, timedelta(hours=1), due={("", "equations"): DUE, ("ada", "equations"): DUE + timedelta(days=1)})
    both = [entry("ada", score=10, submitted=at(hours=2)), entry("bob", score=10, submitted=at(hours=2))]
    assert [grade.score for grade in grades(both, Policy(late=late))] == [10, 8]
    corrected = Policy(late=late, handed_in={("bob", "equations"): DUE})
    assert [grade.score for grade in grades(both, corrected)] == [10, 10]


def test_nothing_is_late_without_a_date() -> None:
    (grade,) = grades([entry("ada", score=10)], Policy(late=DAY))
    assert grade.score == 10


def test_an_adjustment_stays_through_a_regrade_and_beside_the_score() -> None:
    policy = Policy(adjustments=(Adjustment("ada", "equations", 3, "oral exam"),))
    for score in (10, 2):
        (grade,) = grades([entry("ada", score=score)], policy)
        assert (grade.automatic, grade.adjusted, grade.score) == (score, 3, score + 3)
        assert grade.reasons == ("+3 points: oral exam",)
    (alone,) = grades([], policy, {"equations": 100})
    assert (alone.score, alone.max_score, alone.attempts) == (3, 100, 0)


@given(
    score=st.integers(0, 100), later=st.integers(-1000, 10_000), cost=st.floats(0, 1), cap=st.floats(0, 1),
    points=st.integers(-200, 200),
)  # fmt: skip
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_no_policy_makes_a_grade_negative_or_touches_the_automatic_score(
    score: int, later: int, cost: float, cap: float, points: int
) -> None:
    late = Late(cost, timedelta(hours=1), cap, due={("", "equations"): DUE})
    policy = Policy(late=late, adjustments=(Adjustment("ada", "equations", points, "why"),))
    (grade,) = grades([entry("ada", score=score, of=100, submitted=at(minutes=later))], policy)
    assert grade.automatic == score
    assert 0 <= grade.late_points <= score * cap + 1e-6
    assert grade.score == pytest.approx(max(0, score - grade.late_points + points))


def test_a_file_of_no_chapter_has_no_grade_and_is_not_lost() -> None:
    lost = entry("ada", "", error="not a notebook")
    assert grades([lost]) == []
    assert astray([lost]) == [lost]


def test_policy_files_are_read_with_spaces_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffstudent, chapter ,points,reason\nada , lstm, -2.5,"late, but ill"\n,,,\n', encoding="utf-8")
    assert read_adjustments(path, CHAPTERS) == (Adjustment("ada", "lstm", -2.5, "late, but ill"),)
    path.write_text("chapter,due,student\nlstm,2026-10-01T14:00+02:00,\nlstm,2026-10-02,ada\n")
    due = read_due(path, CHAPTERS)
    assert due["", "lstm"] == DUE
    assert due["ada", "lstm"] == datetime(2026, 10, 2, tzinfo=UTC)
    path.write_text(
        "submission,submitted,student,chapter\na/b.ipynb,2026-10-01T12:00Z,,\n,2026-10-01T12:00Z,ada,lstm\n"
    )
    assert read_handed_in(path) == {("a/b.ipynb",): DUE, ("ada", "lstm"): DUE}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"student,chapter,points\n", "no column 'reason'"),
        (b"", "no column 'student'"),
        (b"student,chapter,points,reason\nada,lstm,3,\n", "line 2: an adjustment needs a reason"),
        (b"student,chapter,points,reason\nada,lstm,many,x\n", "line 2: 'many' is no number"),
        (b"student,chapter,points,reason\nada,lstm,nan,x\n", "is no number"),
        (b"student,chapter,points,reason\nada,poems,3,x\n", "unknown chapter 'poems'"),
        (b"student,chapter,points,reason\nada,lstm,3,x,y\n", "line 2: more values than columns"),
        (b"student,chapter,points,reason\nada,lstm,3,\"x\n", "not a CSV file"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
    ],
)  # fmt: skip
def test_a_bad_policy_file_says_where_and_why(text: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    with pytest.raises(PolicyFileError, match=words):
        read_adjustments(path, CHAPTERS)


@pytest.mark.parametrize("words", ["10%", "10/day", "10%/week", "110%/day", "-1%/day", "%/day", ""])
def test_a_penalty_that_cannot_be_meant_is_refused(words: str) -> None:
    with pytest.raises(PolicyFileError):
        parse_late(words, "100%", "0m", {})
    assert parse_late(" 2.5% / hour ", "50%", "2h", {}) == Late(0.025, timedelta(hours=1), 0.5, timedelta(hours=2), {})


def test_a_change_is_explained_by_checks_key_seed_and_policy() -> None:
    old = entry("ada", score=10, checks=(check("a"), check("b", "fail")))
    new = entry("ada", score=20, seed=6, key="k2", checks=(check("a"), check("b")))
    (change,) = changes(grades([old]), grades([new]))
    assert (change.before, change.after) == (10, 20)
    assert change.reasons == ("key changed: k to k2", "seed changed: 5 to 6")
    assert [(c.check, c.before, c.after, c.points_before, c.points_after) for c in change.checks] == [
        ("b", "fail", "pass", 0, 10)
    ]
    (adjusted,) = changes(grades([old]), grades([old], Policy(adjustments=(Adjustment("ada", "equations", 1, "x"),))))
    assert adjusted.reasons == ("adjusted by +1 instead of +0",)
    assert changes(grades([old]), grades([old])) == []


def test_a_grade_that_came_or_went_is_a_change() -> None:
    one, two = grades([entry("ada")]), grades([entry("bob")])
    assert [(c.student, c.before, c.after, c.reasons) for c in changes(one, two)] == [
        ("ada", 10, None, ("no longer there",)), ("bob", None, 10, ("handed in since",)),
    ]  # fmt: skip
