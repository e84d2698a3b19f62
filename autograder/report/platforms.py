"""Results for other platforms: Gradescope's `results.json`, Classroom 50's `result.json`, GitHub's job summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

from autograder.entry import Entry
from autograder.grades import Grade
from autograder.record import CheckResult, printable
from autograder.report.safe import markdown_text

CLASSROOM50 = "classroom50/result/v1"
MAX_SUMMARY = 900_000  # bytes; GitHub refuses a summary of more than 1 MiB
FULL = 6  # submissions shown check by check in a summary


@dataclass(frozen=True)
class Classroom50:
    """What Classroom 50's runner knows of a submission: it gives these in environment variables of these names."""

    classroom: str
    assignment: str
    submission_tag: str
    commit_url: str
    release_url: str
    review_url: str
    datetime: str


def gradescope(grades: Sequence[Grade], astray: Sequence[Entry] = ()) -> dict[str, Any]:
    """One student's grades as Gradescope's results, format as in its "Autograder Specifications".

    The total is given by itself, as lateness and adjustments belong to no test.
    """
    tests: list[dict[str, Any]] = []
    notes = [f"{entry.submission}: {entry.record.error}" for entry in astray]
    for place, grade in enumerate(grades, 1):
        record = grade.entry.record if grade.entry else None
        if record is not None and record.error:
            notes.append(f"{grade.chapter}: {record.error}")
        for number, check in enumerate(record.checks if record else (), 1):
            tests.append(_gradescope_test(grade.chapter, f"{place}.{number}", check))
        notes += [f"{grade.chapter}: {reason}" for reason in grade.reasons]
        notes += [f"{grade.chapter}: {note}" for note in (record.notes if record else ())]
    return {
        "score": round(sum(grade.score for grade in grades), 6),
        "execution_time": round(sum(grade.entry.record.seconds for grade in grades if grade.entry), 3),
        "output": "\n".join(printable(note) for note in notes),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {grade.chapter: _made_with(grade) for grade in grades},
        "tests": tests,
    }


def classroom50(grade: Grade, about: Classroom50) -> dict[str, Any]:
    """One grade as `classroom50/result/v1`. Its points are whole numbers, so fractions are scaled to whole ones.

    The runner stamps who owns it; lateness and adjustments are the classroom's own business, so this is the
    automatic score. A test's further fields are kept by the platform as they are.
    """
    record = grade.entry.record if grade.entry else None
    checks = record.checks if record else ()
    scale = lcm(*(Fraction(p).limit_denominator(1000).denominator for c in checks for p in (c.points, c.max_points)))
    tests = [
        {
            "test-name": printable(check.id) or "?", "passed": check.outcome == "pass",
            "score": round(check.points * scale), "max-score": round(check.max_points * scale),
            "outcome": check.outcome, "mistake": printable(check.mistake or "") or None,
            "message": printable(check.message),
        }
        for check in checks
    ]  # fmt: skip
    if record is None or record.error:
        why = printable(record.error or "") if record else "nothing was handed in"
        tests = [
            {"test-name": "grading", "passed": False, "score": 0, "max-score": round(grade.max_score), "message": why}
        ]
    return {
        "schema": CLASSROOM50, "classroom": about.classroom, "assignment": about.assignment,
        "submission": about.submission_tag, "commit": about.commit_url, "release": about.release_url,
        "review": about.review_url or about.commit_url, "datetime": about.datetime,
        "score": sum(test["score"] for test in tests), "max-score": sum(test["max-score"] for test in tests),
        "tests": tests,
    }  # fmt: skip


def job_summary(grades: Sequence[Grade], astray: Sequence[Entry] = ()) -> str:
    """Grades as GitHub's job summary: a table, and every lost check if there are only a few submissions."""
    lines = ["## Unrolled: result", "", "| student | chapter | points | of |", "|---|---|--:|--:|"]
    for grade in grades:
        who, what = markdown_text(grade.student), markdown_text(grade.chapter)
        lines.append(f"| {who} | {what} | {grade.score:g} | {grade.max_score:g} |")
    for entry in astray:
        lines += ["", f"{markdown_text(entry.submission)}: {markdown_text(entry.record.error or '')}"]
    if len(grades) <= FULL:
        for grade in grades:
            lines += ["", f"### {markdown_text(grade.chapter)} · {grade.score:g} of {grade.max_score:g} points", ""]
            lines += _summary_of(grade)
    return _within(lines)


def _summary_of(grade: Grade) -> list[str]:
    record = grade.entry.record if grade.entry else None
    if record is None or record.error:
        return [markdown_text((record.error if record else "") or "Nothing was handed in.")]
    lines = ["| | check | points | what the grader saw |", "|---|---|--:|---|"]
    for check in record.checks:
        mark = "✅" if check.outcome == "pass" else "❌"
        fault = " (the grader's fault, not yours)" if check.cause == "infrastructure" else ""
        mistake = f"**{markdown_text(check.mistake)}**: " if check.mistake else ""
        says = "" if check.outcome == "pass" else f"{mistake}{markdown_text(check.message)}{fault}"
        lines.append(f"| {mark} | {markdown_text(check.id)} | {check.points:g}/{check.max_points:g} | {says} |")
    extra = [*grade.reasons, *record.notes]
    return lines + [part for note in extra for part in ("", markdown_text(note))]


def _within(lines: list[str]) -> str:
    """The lines that fit, and how many do not."""
    size = 0
    kept: list[str] = []
    for line in lines:
        size += len(line.encode()) + 1
        if size > MAX_SUMMARY:
            kept += ["", f"{len(lines) - len(kept)} more lines do not fit here."]
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _gradescope_test(chapter: str, number: str, check: CheckResult) -> dict[str, Any]:
    fault = " (the grader's fault, not yours)" if check.cause == "infrastructure" else ""
    return {
        "name": printable(f"{chapter}: {check.id}"), "number": number, "score": check.points,
        "max_score": check.max_points, "status": "passed" if check.outcome == "pass" else "failed",
        "output": printable(check.message) + fault, "output_format": "text", "name_format": "text",
        "visibility": "visible", "tags": [printable(tag) for tag in (chapter, check.exercise, check.mistake) if tag],
    }  # fmt: skip


def _made_with(grade: Grade) -> dict[str, Any]:
    if grade.entry is None:
        return {}
    return {"seed": grade.entry.seed, "key": grade.entry.key, "versions": grade.entry.record.versions}
