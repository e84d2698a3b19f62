"""One page for each student and one for the class: each file complete in itself, without scripts.

Templates lie in `pages/`; jinja2 escapes whatever goes into them, and the pages' own policy forbids scripts and
anything from outside. Here belongs what the templates show, as plain data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

from autograder import __version__
from autograder.entry import Entry
from autograder.grades import Grade, astray
from autograder.keys import Key
from autograder.record import CheckResult, printable
from autograder.report.charts import bar, histogram
from autograder.report.safe import file_name
from autograder.report.statistics import (
    ChapterCount,
    MistakeCount,
    chapter_counts,
    exercise_title,
    mistake_counts,
    mistake_says,
    seconds_taken,
)

SITE = "https://unrolled-course.github.io/unrolled"
MISTAKES = 25  # shown on the class's page
FEW = 0.5  # a share below this is drawn in the warning colour
WHAT = {
    "fail": "What differs first", "error": "Your code raises an error", "missing": "Not filled in",
    "policy": "Not allowed here", "timeout": "It took too long", "died": "It ended the Python process",
    "malformed": "What came out is not a check’s output",
}  # fmt: skip


@cache
def _pages() -> Environment:
    found = Environment(
        loader=PackageLoader("autograder.report", "pages"), autoescape=select_autoescape(default=True),
        undefined=StrictUndefined, trim_blocks=True,
    )  # fmt: skip
    found.filters["prose"] = prose
    return found


def template(name: str) -> Template:
    """A page's template, which escapes whatever goes into it."""
    return _pages().get_template(name)


def prose(text: str) -> Markup:
    """A message of the grader's with its `names` as code; every part is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # a backtick that nothing closes
        return escape(text)
    shown = [Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)]
    return Markup("").join(shown)


def student_page(
    student: str, grades: Sequence[Grade], keys: Mapping[str, Key], site: str = SITE, lost: Sequence[Entry] = ()
) -> str:
    """The page of one student: what is right, what differs first, the known mistake, where to read. No answers.

    `lost` are the student's files that are of no known chapter.
    """
    order = {name: i for i, name in enumerate(keys)}
    mine = sorted(grades, key=lambda grade: order.get(grade.chapter, len(order)))
    return (
        _pages()
        .get_template("student.html")
        .render(
            version=__version__,
            student=printable(student),
            score=f"{sum(grade.score for grade in mine):g}",
            max_score=f"{sum(grade.max_score for grade in mine):g}",
            chapters=[_student_chapter(grade, keys.get(grade.chapter), site) for grade in mine],
            astray=[_failed(entry) | {"submission": printable(PurePath(entry.submission).name)} for entry in lost],
        )
    )


def class_page(grades: Sequence[Grade], entries: Sequence[Entry], keys: Mapping[str, Key], linked: bool = True) -> str:
    """The page of a class: distributions, exercises, mistakes, times, then the tables.

    `linked` makes each student's name a link to `students/<name>.html`, as `pages` writes them.
    """
    chapters = chapter_counts(grades, keys)
    mistakes = mistake_counts(grades, keys)
    most = max((mistake.students for mistake in mistakes), default=1)
    labels, counts = seconds_taken(entries)
    return template("class.html").render(
        version=__version__,
        submissions=len({(entry.student, entry.submission) for entry in entries}),
        chapters=[_class_chapter(chapter) for chapter in chapters],
        mistakes=[_mistake(mistake, most) for mistake in mistakes[:MISTAKES]],
        more_mistakes=max(0, len(mistakes) - MISTAKES),
        time_chart=histogram(counts, labels, "seconds for one submission", _described(labels, counts, "submissions")),
        failed=[_failed(entry) for entry in entries if entry.record.error],
        changed=[_changed(grade) for grade in grades if grade.reasons],
        students=_students(grades, entries, [chapter.id for chapter in chapters], linked),
    )  # fmt: skip


def pages(
    grades: Sequence[Grade], entries: Sequence[Entry], keys: Mapping[str, Key], site: str = SITE
) -> dict[str, str]:
    """Every page of a class by the name of its file: `class.html` and `students/….html`."""
    theirs: dict[str, list[Grade]] = {}
    for grade in grades:
        theirs.setdefault(grade.student, []).append(grade)
    lost: dict[str, list[Entry]] = {}
    for entry in astray(entries):
        lost.setdefault(entry.student, []).append(entry)
    found = {"class.html": class_page(grades, entries, keys)}
    for student in {**theirs, **lost}:
        page = student_page(student, theirs.get(student, []), keys, site, lost.get(student, []))
        found[student_file(student)] = page
    return found


def student_file(student: str) -> str:
    """Where a student's page lies beside the class's."""
    return f"students/{file_name(student)}.html"


def anchor(title: str) -> str:
    """The id that Sphinx gives a heading of this text."""
    plain = unicodedata.normalize("NFKD", title.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-").lstrip("0123456789-")


def _student_chapter(grade: Grade, key: Key | None, site: str) -> dict[str, Any]:
    entry = grade.entry
    record = entry.record if entry else None
    checks: dict[str, list[CheckResult]] = {}
    for check in record.checks if record else ():
        checks.setdefault(check.exercise, []).append(check)
    exercises = [_exercise(name, some, key, site) for name, some in checks.items()]
    return {
        "id": f"chapter-{anchor(grade.chapter)}", "title": key.title if key else printable(grade.chapter),
        "score": f"{grade.score:g}", "max_score": f"{grade.max_score:g}", "automatic": f"{grade.automatic:g}",
        "bar": bar(grade.score / grade.max_score if grade.max_score else 0.0),
        "reasons": [printable(reason) for reason in grade.reasons],
        "error": printable(record.error) if record and record.error else "",
        "lost": [e for e in exercises if e["checks"]], "right": [e for e in exercises if not e["checks"]],
        "notes": [printable(note) for note in record.notes] if record else [],
        "submission": printable(PurePath(entry.submission).name) if entry else "", "attempts": grade.attempts,
        "submitted": printable(entry.submitted or "") if entry else "", "seed": entry.seed if entry else 0,
    }  # fmt: skip


def _exercise(name: str, checks: list[CheckResult], key: Key | None, site: str) -> dict[str, Any]:
    title = exercise_title(key, name)
    page = next((e.page for e in key.exercises if e.id == name), "") if key else ""
    chapter = key.chapter if key else ""
    return {
        "title": printable(title), "points": f"{sum(c.points for c in checks):g}",
        "max_points": f"{sum(c.max_points for c in checks):g}",
        "checks": [_lost(check, key) for check in checks if check.outcome != "pass"],
        "page_url": f"{site}/book/{page}.html" if page else "",
        "page_title": key.title if key and page == chapter else page,
        "url": f"{site}/book/exercises/{chapter}.html#{anchor(title)}" if chapter else site,
    }  # fmt: skip


def _lost(check: CheckResult, key: Key | None) -> dict[str, Any]:
    """A lost check, the known mistake's sentence apart from the difference that follows it in the message."""
    says = mistake_says(key, check.exercise, check.mistake) if check.mistake else ""
    message = printable(check.message)
    first = message.removeprefix(printable(says)).strip() if says else message
    return {
        "mistake": printable(check.mistake or ""), "says": printable(says), "first": first,
        "fault": check.cause == "infrastructure", "what": WHAT.get(check.outcome, "It ran into a limit"),
    }  # fmt: skip


def _class_chapter(chapter: ChapterCount) -> dict[str, Any]:
    labels = [str(i * 10) for i in range(len(chapter.bins))]
    described = _described(labels, chapter.bins, "grades")
    return {
        "title": printable(chapter.title), "grades": len(chapter.grades), "mean": f"{chapter.mean:.1f}",
        "median": f"{chapter.median:g}", "points": f"{max(g.max_score for g in chapter.grades):g}",
        "chart": histogram(chapter.bins, labels, "% of the points, in tens", described),
        "graded": len(chapter.grades) - chapter.ungraded,
        "exercises": [
            {"title": printable(e.title), "passed": e.passed, "rate": f"{e.rate:.0%}",
             "bar": bar(e.rate, "few" if e.rate < FEW else "")}
            for e in chapter.exercises
        ],
    }  # fmt: skip


def _mistake(mistake: MistakeCount, most: int) -> dict[str, Any]:
    texts = {name: printable(getattr(mistake, name)) for name in ("id", "chapter", "title", "says")}
    return {**texts, "students": mistake.students, "bar": bar(mistake.students / most)}


def _described(labels: Sequence[str], counts: Sequence[int], things: str) -> str:
    """A histogram in words."""
    parts = [f"{label}: {count}" for label, count in zip(labels, counts, strict=True) if count]
    return f"Number of {things}. {', '.join(parts) or 'None'}."


def _failed(entry: Entry) -> dict[str, str]:
    error = printable(entry.record.error or "")
    return {"student": printable(entry.student), "submission": printable(entry.submission), "error": error}


def _changed(grade: Grade) -> dict[str, Any]:
    return {
        "student": printable(grade.student), "chapter": printable(grade.chapter), "score": f"{grade.score:g}",
        "automatic": f"{grade.automatic:g}", "reasons": [printable(reason) for reason in grade.reasons],
    }  # fmt: skip


def _students(
    grades: Sequence[Grade], entries: Sequence[Entry], chapters: list[str], linked: bool
) -> list[dict[str, Any]]:
    found: dict[str, dict[str, float]] = {}
    for grade in grades:
        found.setdefault(grade.student, {})[grade.chapter] = grade.score
    for entry in astray(entries):
        found.setdefault(entry.student, {})
    return [
        {
            "name": printable(name) or "?", "url": student_file(name) if linked else "",
            "scores": [f"{scores[chapter]:g}" if chapter in scores else "–" for chapter in chapters],
            "sum": f"{sum(scores.values()):g}",
        }
        for name, scores in found.items()
    ]  # fmt: skip
