"""Records as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from autograder.keys import Key
from autograder.record import CheckResult, Record

NUMBERS = ("points", "minutes", "difficulty", "checks", "mistakes", "variants", "hints")
MARKS = {"pass": "[green]✓[/]", "missing": "[dim]·[/]"}


def record_report(record: Record, key: Key | None) -> Group:
    """One submission in full: every check, and what to do about the ones that failed."""
    if record.error:
        return Group(Text.from_markup(f"[red]{escape(record.submission)}[/]: {escape(record.error)}"))
    titles = {exercise.id: exercise.title for exercise in key.exercises} if key else {}
    table = Table(box=None, pad_edge=False)
    for name, justify in (("", "left"), ("exercise", "left"), ("points", "right"), ("what the grader saw", "left")):
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for result in record.checks:
        name = titles.get(result.exercise, result.exercise)
        label = f"{escape(name)} [dim]{escape(result.id)}[/]"
        table.add_row(_mark(result), label, f"{result.points:g}/{result.max_points:g}", _message(result))
    head = f"[bold]{escape(record.submission)}[/] · {record.chapter} · {record.score:g} of {record.max_score:g} points"
    return Group(Text.from_markup(head), table, *(Text.from_markup(f"[dim]{escape(n)}[/]") for n in record.notes))


def summary_table(records: Iterable[Record]) -> Table:
    """Many submissions, a line each."""
    table = Table(box=None, pad_edge=False)
    table.add_column("submission", overflow="fold")
    table.add_column("chapter")
    table.add_column("score", justify="right")
    table.add_column("lost on", overflow="fold")
    table.add_column("seconds", justify="right")
    for record in records:
        if record.error:
            table.add_row(escape(record.submission), "", "[red]–[/]", f"[red]{escape(record.error)}[/]", "")
            continue
        lost = ", ".join(_lost(result) for result in record.checks if result.outcome != "pass")
        score = f"{record.score:g}/{record.max_score:g}"
        table.add_row(escape(record.submission), record.chapter, score, lost or "–", f"{record.seconds:.2f}")
    return table


def chapters_table(keys: Iterable[Key]) -> Group:
    """The course: chapters with their exercises."""
    parts: list[Text | Table] = []
    for key in keys:
        parts.append(Text.from_markup(f"[bold]{escape(key.chapter)}[/] · {escape(key.title)} · {key.points:g} points"))
        table = Table(box=None, pad_edge=False)
        for name in ("exercise", "backend", *NUMBERS):
            table.add_column(name, justify="left" if name in ("exercise", "backend") else "right")
        for e in key.exercises:
            numbers = (e.points, e.minutes, e.difficulty, len(e.checks), e.mistakes, e.variants, e.hints)
            table.add_row(e.id, e.backend, *(f"{number:g}" for number in numbers))
        parts.append(table)
    return Group(*parts)


def _mark(result: CheckResult) -> str:
    return MARKS.get(result.outcome, "[red]✗[/]")


def _message(result: CheckResult) -> str:
    cause = " [yellow](the grader's fault, not yours)[/]" if result.cause == "infrastructure" else ""
    mistake = f"[yellow]{escape(result.mistake)}[/]: " if result.mistake else ""
    return f"{mistake}{escape(result.message)}{cause}"


def _lost(result: CheckResult) -> str:
    why = result.mistake or result.outcome
    return f"{escape(result.exercise)} [dim]({escape(why)})[/]"
