"""Records as tables in a terminal.

Texts of others never become markup: `Text` takes them as they are, and `printable` first spells out
what a terminal would obey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from autograder.changes import Change
from autograder.entry import Entry
from autograder.grades import Grade
from autograder.kernel.doctor import Finding
from autograder.keys import Key
from autograder.record import CheckResult, Record, printable

NUMBERS = ("points", "minutes", "level", "values", "mistakes", "variants", "hints")
MARKS = {"pass": ("✓", "green"), "missing": ("·", "dim")}


def record_report(record: Record, key: Key | None) -> Group:
    """One submission in full: every check, and what to do about the ones that failed."""
    if record.error:
        return Group(_words((record.submission, "red"), f": {record.error}"))
    titles = {exercise.id: exercise.title for exercise in key.exercises} if key else {}
    table = Table(box=None, pad_edge=False)
    for name, justify in (("", "left"), ("exercise", "left"), ("points", "right"), ("what the grader saw", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for result in record.checks:
        label = _words(titles.get(result.exercise, result.exercise), " ", (result.id, "dim"))
        table.add_row(_mark(result), label, f"{result.points:g}/{result.max_points:g}", _message(result))
    score = f" · {record.chapter} · {record.score:g} of {record.max_score:g} points"
    head = _words((record.submission, "bold"), score)
    return Group(head, table, *(_words((note, "dim")) for note in record.notes))


def summary_table(records: Iterable[Record]) -> Table:
    """Many submissions, a line each."""
    table = Table(box=None, pad_edge=False)
    table.add_column("submission", overflow="fold")
    table.add_column("chapter")
    table.add_column("score", justify="right")
    table.add_column("lost on", overflow="fold")
    table.add_column("seconds", justify="right")
    for record in records:
        name = _words(record.submission)
        if record.error:
            table.add_row(name, "", _words(("–", "red")), _words((record.error, "red")), "")
            continue
        lost = [part for result in record.checks if result.outcome != "pass" for part in (", ", *_lost(result))]
        score = f"{record.score:g}/{record.max_score:g}"
        what = _words(*lost[1:]) if lost else "–"
        table.add_row(name, _words(record.chapter or ""), score, what, f"{record.seconds:.2f}")
    return table


def class_table(grades: Sequence[Grade], chapters: Iterable[str], astray: Sequence[Entry] = ()) -> Group:
    """A class: a line for each student, a column for each chapter; then the files that are of no chapter."""
    shown = [name for name in chapters if any(grade.chapter == name for grade in grades)]
    scores: dict[str, dict[str, Grade]] = {}
    for grade in grades:
        scores.setdefault(grade.student, {})[grade.chapter] = grade
    table = Table(box=None, pad_edge=False)
    table.add_column("student", overflow="fold")
    for name in (*shown, "sum"):
        table.add_column(name, justify="right")
    for student, theirs in scores.items():
        cells = [_score(theirs.get(name)) for name in shown]
        table.add_row(_words(student), *cells, f"{sum(grade.score for grade in theirs.values()):g}")
    lines = [_words((entry.submission, "red"), f": {entry.record.error or 'of no known chapter'}") for entry in astray]
    return Group(table, *lines)


def changes_table(changes: Sequence[Change]) -> Group:
    """Whose grade changed: before, after, and why, check by check."""
    table = Table(box=None, pad_edge=False)
    table.add_column("student", overflow="fold", max_width=24)
    table.add_column("chapter", overflow="fold", max_width=12)
    for name in ("before", "after"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for change in changes:
        checks = [f"{c.check}: {c.before or 'no such check'} to {c.after or 'no such check'} "
                  f"({c.points_before:g} to {c.points_after:g})" for c in change.checks]  # fmt: skip
        scores = ["–" if score is None else f"{score:g}" for score in (change.before, change.after)]
        why = _words("\n".join((*change.reasons, *checks)))
        table.add_row(_words(change.student), _words(change.chapter), *scores, why)
    return Group(table)


def findings_table(method: str, findings: Iterable[Finding]) -> Group:
    """What protects this machine from submissions."""
    table = Table(box=None, pad_edge=False)
    for name in ("", "protection", "what it means, or why not"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        mark = ("✓", "green") if finding.in_force else ("✗", "red")
        table.add_row(_words(mark), finding.name, _words(finding.detail))
    return Group(_words("Sandbox: ", (method, "bold")), table)


def chapters_table(keys: Iterable[Key]) -> Group:
    """The course: chapters with their exercises."""
    parts: list[Text | Table] = []
    for key in keys:
        parts.append(_words((key.chapter, "bold"), f" · {key.title} · {key.points:g} points"))
        table = Table(box=None, pad_edge=False)
        for name in ("exercise", "backend"):
            table.add_column(name, no_wrap=True, min_width=22 if name == "exercise" else None)
        for name in NUMBERS:
            table.add_column(name, justify="right")
        for e in key.exercises:
            numbers = (e.points, e.minutes, e.difficulty, e.values, e.mistakes, e.variants, e.hints)
            table.add_row(e.id, e.backend, *(f"{number:g}" for number in numbers))
        parts.append(table)
    return Group(*parts)


def _score(grade: Grade | None) -> Text:
    """A grade in a class's table; marked where the checks alone would give another."""
    if grade is None:
        return _words(("–", "dim"))
    if grade.entry is not None and grade.entry.record.error:
        return _words((f"{grade.score:g}!", "red"))
    return _words(f"{grade.score:g}{'*' if grade.reasons else ''}")


def _words(*parts: str | tuple[str, str]) -> Text:
    """A line of texts, each alone or with its style."""
    line = Text()
    for part in parts:
        text, style = part if isinstance(part, tuple) else (part, "")
        line.append(printable(text), style)
    return line


def _mark(result: CheckResult) -> Text:
    return _words(MARKS.get(result.outcome, ("✗", "red")))


def _message(result: CheckResult) -> Text:
    mistake = ((result.mistake, "yellow"), ": ") if result.mistake else ()
    cause = ((" (the grader's fault, not yours)", "yellow"),) if result.cause == "infrastructure" else ()
    return _words(*mistake, result.message, *cause)


def _lost(result: CheckResult) -> tuple[str, tuple[str, str]]:
    return result.exercise, (f" ({result.mistake or result.outcome})", "dim")
