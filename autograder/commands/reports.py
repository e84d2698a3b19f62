"""The commands that turn records into reports: `report`, `diff`, `similar`, `export`.

Here belongs reading their arguments, reading and writing files; `register` adds them to the command line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from autograder.entries import read_entries
from autograder.entry import Entry
from autograder.grades import Grade, Policy, astray, grades
from autograder.keys import Key, course_order, load_key
from autograder.policy_files import parse_late, read_adjustments, read_due, read_handed_in
from autograder.record import printable

FILE = click.Path(path_type=Path)
Plainly = Callable[[Callable[..., int]], Callable[..., None]]
ENVIRONMENT = ("CLASSROOM", "ASSIGNMENT", "SUBMISSION_TAG", "COMMIT_URL", "RELEASE_URL")


class ReportError(Exception):
    """A report that cannot be made like this; the message says why and what to do."""


def register(group: click.Group, plainly: Plainly) -> None:
    """Add this module's commands to the command line; `plainly` turns errors into one line and an exit code."""
    group.command("report")(_with((*_OUTPUTS, *_POLICY, click.argument("records", type=FILE)), plainly(report)))
    group.command("diff")(_with((*_POLICY, _OLD, _NEW), plainly(diff)))
    group.command("similar")(_with(_SIMILAR, plainly(similar_command)))
    export = click.Group("export", help="Pack the grader for another platform.")
    export.command("gradescope")(_with(_EXPORT, plainly(export_gradescope)))
    group.add_command(export)


_OLD, _NEW = click.argument("old", type=FILE), click.argument("new", type=FILE)
_POLICY = (
    click.option("--attempts", type=click.Choice(["best", "last"]), default="best", show_default=True,
                 help="Which of a student's attempts counts."),
    click.option("--due", type=FILE, help="CSV: chapter,due and, for extensions, student."),
    click.option("--dates", type=FILE, help="CSV of when each came: submission (or student,chapter),submitted."),
    click.option("--late", "late_cost", metavar="PART/UNIT", help="What lateness costs, such as 10%/day or 1%/hour."),
    click.option("--late-cap", default="100%", show_default=True, metavar="PART", help="The most that it takes."),
    click.option("--grace", default="0m", show_default=True, metavar="SPAN", help="What costs nothing: 15m, 2h, 1d."),
    click.option("--adjust", type=FILE, help="CSV of manual adjustments: student,chapter,points,reason."),
)  # fmt: skip
_OUTPUTS = (
    click.option("--html", "html_folder", type=FILE, metavar="DIR", help="class.html, and a page for each student."),
    click.option("--site", metavar="URL", help="Where the course's pages are, for their links."),
    click.option("--csv", "csv_file", type=FILE, help="Grades, a row each."),
    click.option("--checks-csv", type=FILE, help="Checks, a row each."),
    click.option("--junit", type=FILE, help="JUnit XML."),
    click.option("--canvas", type=FILE, help="A gradebook to import into Canvas."),
    click.option("--canvas-roster", type=FILE, help="Canvas's own exported gradebook, to fill in."),
    click.option("--gradescope", "gradescope_file", type=FILE, help="One student's results.json."),
    click.option("--classroom50", "classroom50_file", type=FILE, help="One submission's result.json."),
    click.option("--summary", type=FILE, help="GitHub's job summary; added to the file's end."),
    click.option("--student", help="All records are this student's."),
)

_SIMILAR = (
    click.argument("submissions", nargs=-1, required=True, type=FILE),
    click.option("--top", type=click.IntRange(1, 10_000), default=30, show_default=True, help="How many pairs."),
    click.option("--html", "html_file", type=FILE, help="Write a page with the passages side by side."),
    click.option("--json", "json_file", type=FILE, help="Write the pairs as JSON."),
)

_EXPORT = (
    click.argument("archive", type=FILE),
    click.option("--seed", type=click.IntRange(0), help="Seed of everybody's inputs. Default: fresh each time."),
    click.option("--unsafe", is_flag=True, help="Grade even if the container allows no sandbox."),
)


def _with(options: tuple[Callable[[Any], Any], ...], command: Any) -> Any:
    for option in reversed(options):
        command = option(command)
    return command


def report(records: Path, **given: Any) -> int:
    """Make reports from RECORDS, a gradebook or a file that `autograder grade --json` wrote.

    Without an option: a table of the class.
    """
    entries = read_entries(records)
    if given["student"]:
        entries = [replace(entry, student=given["student"]) for entry in entries]
    keys = _keys()
    policy = _policy(keys, given)
    graded = grades(entries, policy, {name: key.points for name, key in keys.items()})
    asked = {name: path for name, path in given.items() if name in _FILES and path is not None}
    for path in asked.values():
        if path.exists() and path.samefile(records):
            raise ReportError(f"{path}: this is the file of records: write to another")
    for name, path in asked.items():
        text = _FILES[name](graded, entries, keys, given)
        _write(path, (path.read_text(encoding="utf-8") + text) if name == "summary" and path.exists() else text)
        click.echo(path)
    if given["html_folder"] is not None:
        click.echo(_write_pages(given["html_folder"], graded, entries, keys, given["site"]))
    if not asked and given["html_folder"] is None:
        from autograder.report.terminal import class_table

        Console().print(class_table(graded, _chapters(graded, keys), astray(entries)))
    return 0


def diff(old: Path, new: Path, **given: Any) -> int:
    """Whose grade changed from the records OLD to the records NEW, and why.

    Exit code 0: nobody's; 1: somebody's.
    """
    from autograder.changes import changes
    from autograder.report.terminal import changes_table

    keys = _keys()
    policy = _policy(keys, given)
    points = {name: key.points for name, key in keys.items()}
    found = changes(*(grades(read_entries(path), policy, points) for path in (old, new)))
    if not found:
        click.echo("No grade changed.")
        return 0
    Console().print(changes_table(found))
    return 1


def similar_command(submissions: tuple[Path, ...], top: int, html_file: Path | None, json_file: Path | None) -> int:
    """Rank pairs of SUBMISSIONS whose solutions are alike after renaming: a list to look at, never a verdict.

    What the notebook gave and the reference solution count for nothing. No submission's code is run.
    """
    from autograder.collect import collect, common_code
    from autograder.report.alike import alike_json, alike_page, alike_table
    from autograder.similar import similar

    solutions, unread = collect(submissions)
    for line in unread:
        click.echo(f"autograder: {printable(line)}", err=True)
    pairs = similar(solutions, common_code(), top)
    if html_file is not None:
        _write(html_file, alike_page(pairs, {(s.student, s.exercise): s.source for s in solutions}))
    if json_file is not None:
        _write(json_file, json.dumps(alike_json(pairs), indent=1, ensure_ascii=False) + "\n")
    if pairs:
        Console().print(alike_table(pairs))
    found = f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'}"
    click.echo(f"{found} of {len({s.student for s in solutions})} students: look at them, they prove nothing.")
    return 2 if unread else 0


def export_gradescope(archive: Path, seed: int | None, unsafe: bool) -> int:
    """Write ARCHIVE, the autograder zip to upload to Gradescope: the grader, its keys, the solutions.

    Gradescope's containers may allow no sandbox. Then nothing is graded, unless --unsafe was given here: a
    submission can then read the solutions that lie in the container.
    """
    from autograder.export import gradescope_zip
    from autograder.reference import solutions_folder

    folder = solutions_folder()
    if folder is None:
        raise ReportError("no solutions here: run in the course's repository, or set UNROLLED_SOLUTIONS")
    _write_bytes(archive, gradescope_zip(folder.parent, seed, unsafe))
    click.echo(archive)
    return 0


def _csv(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.tables import grades_csv

    return grades_csv(graded, astray(entries))


def _checks_csv(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.tables import checks_csv

    return checks_csv(entries)


def _junit(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.junit import junit_xml

    return junit_xml(entries)


def _canvas(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.policy_files import read_canvas
    from autograder.report.tables import canvas_csv

    roster = read_canvas(given["canvas_roster"]) if given["canvas_roster"] else None
    titles = {name: keys[name].title if name in keys else name for name in _chapters(graded, keys)}
    text, unknown = canvas_csv(graded, titles, roster)
    for student in unknown:
        click.echo(f"autograder: not in Canvas's roster: {student!r}", err=True)
    return text


def _gradescope(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.platforms import gradescope

    lost = astray(entries)
    if len({grade.student for grade in graded}) > 1:
        raise ReportError("Gradescope's results are one student's: name them with --student, or give one's records")
    return _json(gradescope(graded, lost))


def _classroom50(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.platforms import Classroom50, classroom50

    if len(graded) != 1:
        raise ReportError(f"Classroom 50's result is of one submission of one chapter; here are {len(graded)} grades")
    missing = [name for name in ENVIRONMENT if not os.environ.get(name)]
    if missing:
        raise ReportError(f"Classroom 50's runner sets {missing[0]}; it is not set here")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = Classroom50(
        **{name.lower(): os.environ.get(name, "") for name in (*ENVIRONMENT, "REVIEW_URL")}, datetime=now
    )
    return _json(classroom50(graded[0], about))


def _summary(graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], given: dict[str, Any]) -> str:
    from autograder.report.platforms import job_summary

    return job_summary(graded, astray(entries))


_FILES = {"csv_file": _csv, "checks_csv": _checks_csv, "junit": _junit, "canvas": _canvas,
          "gradescope_file": _gradescope, "classroom50_file": _classroom50, "summary": _summary}  # fmt: skip


def _write_pages(
    folder: Path, graded: list[Grade], entries: list[Entry], keys: Mapping[str, Key], site: str | None
) -> Path:
    from autograder.report.html import SITE, pages

    site = (site or SITE).rstrip("/")
    if ":" in site.split("/")[0] and not site.startswith(("https://", "http://", "file://")):
        raise ReportError(f"{site}: the site's address begins with https://, http:// or file://, or is a path")
    for name, text in pages(graded, entries, keys, site).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write(folder / name, text)
    return folder / "class.html"


def _policy(keys: Mapping[str, Key], given: dict[str, Any]) -> Policy:
    chapters = list(keys)
    due = read_due(given["due"], chapters) if given["due"] else {}
    if (given["late_cost"] is None) != (not due):
        raise ReportError("a late penalty needs both --late (what it costs) and --due (when)")
    late = parse_late(given["late_cost"], given["late_cap"], given["grace"], due) if due else None
    adjusted = read_adjustments(given["adjust"], chapters) if given["adjust"] else ()
    return Policy(given["attempts"], late, adjusted, read_handed_in(given["dates"]) if given["dates"] else {})


def _keys() -> dict[str, Key]:
    return {name: load_key(name) for name in course_order()}


def _chapters(graded: list[Grade], keys: Mapping[str, Key]) -> list[str]:
    """The chapters in the course's order, then those without a key."""
    return [*keys, *sorted({grade.chapter for grade in graded} - keys.keys())]


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    _write_bytes(path, text.encode("utf-8"))


def _write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    if not path.parent.is_dir():
        raise ReportError(f"{path}: there is no such folder to write to")
    if path.is_dir():
        raise ReportError(f"{path}: this is a folder: name a file to write to")
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
