"""The command line: `autograder check | grade | gradebook | doctor | list | release`.

Exit codes: 0 all points, 1 points lost (or files out of date), 2 could not be done, with one
line that says why. Here belongs reading arguments and printing; work is done elsewhere.
"""

from __future__ import annotations

import io
import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from autograder import __version__
from autograder.commands import reports
from autograder.kernel.settings import KernelSettings
from autograder.keys import KEYS, Key, KeyFileError, course_order, load_key
from autograder.record import printable

MAX_SEED = 2**31
# What a notebook may use up: the setting, its unit, what it limits.
LIMITS = (
    ("timeout", "s", "Seconds for one cell."),
    ("notebook_timeout", "s", "Seconds for a whole notebook."),
    ("memory", "MB", "Memory of a notebook and all it starts."),
    ("processes", "N", "Processes and threads at one time."),
    ("disk", "MB", "Files that exist at one time."),
    ("files", "N", "Open files of one process."),
    ("cell_output", "MB", "Output of one cell."),
    ("notebook_output", "MB", "Output of a whole notebook."),
)


class Failed(click.ClickException):
    """One clear line and exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"autograder: {printable(self.format_message())}", err=True)


def plainly(command: Callable[..., int]) -> Callable[..., None]:
    """Errors that have a message become that message; results become the exit code."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except KeyboardInterrupt as error:
            raise Failed("stopped") from error
        except OSError as error:
            name = f" ({error.filename})" if error.filename else ""
            raise Failed(f"{error.strerror or error}{name}") from error
        except Exception as error:
            if type(error).__module__.startswith("autograder."):
                raise Failed(str(error)) from error
            raise Failed(f"unexpected {type(error).__name__}: {error}; please report it") from error
        raise click.exceptions.Exit(code)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "AUTOGRADER"})
@click.version_option(__version__, prog_name="autograder")
def main() -> None:
    """Grade the exercises of the course Unrolled.

    A student checks one notebook against the public answers; an instructor grades submissions
    on fresh inputs that nobody has seen.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a tick gets its number
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that limit what a notebook may use up."""
    for name, unit, text in reversed(LIMITS):
        kind: Any = click.FloatRange(0.1) if unit == "s" else click.IntRange(1)
        default = getattr(KernelSettings, name)
        shown = default // 1_000_000 if unit == "MB" else default
        option = "--" + name.replace("_", "-")
        command = click.option(option, type=kind, default=shown, show_default=True, metavar=unit, help=text)(command)
    return command


def _settings(seed: int, given: dict[str, Any], device: str = "cpu") -> KernelSettings:
    scale = {name: 1_000_000 if unit == "MB" else 1 for name, unit, _ in LIMITS}
    return KernelSettings(seed=seed, device=device, **{name: value * scale[name] for name, value in given.items()})


on_device = click.option(
    "--device", type=click.Choice(("cpu", "cuda", "mps")), default="cpu", show_default=True,
    help="Where PyTorch exercises compute. On a GPU there is no sandbox; the points are the same.",
)  # fmt: skip


@main.command("check")
@click.argument("notebook", type=click.Path(path_type=Path))
@on_device
@limits
@plainly
def check_command(notebook: Path, device: str, **given: Any) -> int:
    """Check NOTEBOOK against the public answer key, as the check cells in it do."""
    from autograder.grade import PUBLIC_SEED

    console = Console()
    _need(device)
    settings = _settings(PUBLIC_SEED, given, device)
    with _grading(unsafe=True, device=device) as course:
        records = _run([notebook], course, settings)
    _print_in_full(console, records)
    return _code(records)


@main.command("grade")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0, MAX_SEED), help="Seed of the inputs. Default: a fresh one.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the records to this file.")
@click.option("--unsafe", is_flag=True, help="Grade even where there is no sandbox (see `autograder doctor`).")
@click.option("--gradebook", type=click.Path(path_type=Path), help="Keep the results of a class in this file.")
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Worker processes. Default: one for each core.")
@click.option("--roster", type=click.Path(path_type=Path), help="A CSV file that maps names to students.")
@click.option("--scheduler", metavar="ADDRESS", help="Grade on the Dask cluster at tcp://HOST:PORT.")
@on_device
@limits
@plainly
def grade_command(
    paths: tuple[Path, ...], seed: int | None, json_file: Path | None, unsafe: bool, gradebook: Path | None,
    jobs: int | None, roster: Path | None, scheduler: str | None, device: str, **given: Any,
) -> int:  # fmt: skip
    """Grade the notebooks PATHS (a folder stands for the notebooks in it) on fresh inputs.

    Submissions run in a sandbox. Where there is none, nothing is graded unless --unsafe says so.

    With --gradebook a whole class is graded: PATHS may also be archives (.zip) as learning platforms give them.
    Started again, the same command grades what is new, or was not finished, or has a new answer key; it keeps
    to the seed that the gradebook was begun with.
    """
    if gradebook is not None:
        from autograder.commands.classes import Order, grade_into_gradebook

        if json_file is not None:
            raise Failed("--json goes without --gradebook: see autograder gradebook --csv")
        if device != "cpu":
            raise Failed("--device goes without --gradebook: a class is graded in the sandbox, on the processor")
        order = Order(paths, gradebook, seed, _settings(0, given), roster, jobs, scheduler, unsafe)
        return grade_into_gradebook(order, _fresh_seed)
    if jobs or roster or scheduler:
        raise Failed("--jobs, --roster and --scheduler go with --gradebook FILE.sqlite")
    seed = seed if seed is not None else _fresh_seed()
    files = _notebooks(paths)
    if json_file is not None and not json_file.parent.is_dir():
        raise Failed(f"{json_file}: there is no such folder to write to")
    if json_file is not None and json_file.is_dir():
        raise Failed(f"{json_file}: this is a folder: name a file to write to")
    console = Console()
    _need(device)
    settings = _settings(seed, given, device)
    with _grading(unsafe, device) as course:
        records = _run(files, course, settings)
    if json_file is not None:
        text = json.dumps([record.as_json() for record in records], indent=1, ensure_ascii=False, allow_nan=False)
        json_file.write_text(text + "\n", encoding="utf-8")
    if len(records) == 1:
        _print_in_full(console, records)
    else:
        from autograder.report.terminal import summary_table

        console.print(summary_table(records))
    console.print(f"[dim]seed {seed}[/]")
    return _code(records)


@main.command("gradebook")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), help="Write every check's result to this file.")
@click.option("--all", "everything", is_flag=True, help="In the CSV, also results of earlier seeds and answer keys.")
@plainly
def gradebook_command(file: Path, csv_file: Path | None, everything: bool) -> int:
    """Say what the gradebook FILE holds. Exit codes as of grade."""
    from autograder.commands.classes import say_what_is_in, write_csv
    from autograder.gradebook import open_gradebook

    with open_gradebook(file) as gradebook:
        if csv_file is not None:
            write_csv(gradebook, csv_file, everything)
        return say_what_is_in(gradebook)


@main.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plainly
def doctor_command(as_json: bool) -> int:
    """Say what protects this machine from submissions, found out by trying.

    Exit code 1 if something of the sandbox is missing.
    """
    from autograder.kernel.doctor import ESSENTIAL, examine
    from autograder.report.terminal import findings_table

    method, findings = examine()
    if as_json:
        click.echo(json.dumps({"sandbox": method, "findings": [asdict(f) for f in findings]}, indent=1))
    else:
        Console().print(findings_table(method, findings))
    return 0 if all(f.in_force for f in findings if f.name in ESSENTIAL) else 1


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plainly
def list_command(as_json: bool) -> int:
    """List the chapters with their exercises."""
    keys = [load_key(name) for name in _course_order()]
    if as_json:
        click.echo(json.dumps({"chapters": [_chapter_json(key) for key in keys]}, indent=1, ensure_ascii=False))
    else:
        from autograder.report.terminal import chapters_table

        Console().print(chapters_table(keys))
    return 0


@main.command("release")
@click.argument("names", nargs=-1)
@click.option("--check", "check_only", is_flag=True, help="Write nothing; fail if a file is out of date.")
@click.option("--solved", type=click.Path(path_type=Path), help="Also write the solved notebooks to this folder.")
@click.option("--keys", type=click.Path(path_type=Path), default=KEYS, help="Where the answer keys go.")
@click.option("--exercises", type=click.Path(path_type=Path), help="Where the students' notebooks go.")
@plainly
def release_command(
    names: tuple[str, ...], check_only: bool, solved: Path | None, keys: Path, exercises: Path | None
) -> int:
    """Make the answer keys and students' notebooks of the chapters NAMES (default: all)."""
    from autograder.kernel import open_kernels
    from autograder.notebook import read_chapter, write_ipynb
    from autograder.reference import solutions_folder
    from autograder.release import release, solved_notebook, stale

    folder = solutions_folder()
    if folder is None:
        raise Failed("no solutions here: run in the course's repository, or set UNROLLED_SOLUTIONS")
    exercises = exercises or folder.parent / "book" / "exercises"
    problems: list[str] = []
    with open_kernels() as kernels:
        for path in _sources(folder, names):
            click.echo(f"{path.stem} …", err=True)
            chapter = read_chapter(path)
            if check_only:
                problems += stale(chapter, kernels, keys, exercises)
            else:
                for written in release(chapter, kernels, keys, exercises):
                    click.echo(written)
            if solved is not None:
                write_ipynb(solved / path.with_suffix(".ipynb").name, solved_notebook(chapter))
                click.echo(solved / path.with_suffix(".ipynb").name)
    for problem in problems:
        click.echo(f"{problem}: run autograder release", err=True)
    return 1 if problems else 0


def _sources(folder: Path, names: tuple[str, ...]) -> list[Path]:
    known = {path.stem: path for path in sorted(folder.glob("*.md")) if path.stem != "README"}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Failed(f"unknown chapter '{unknown[0]}' (chapters: {', '.join(known)})")
    return [known[name] for name in names] if names else list(known.values())


def _notebooks(paths: tuple[Path, ...]) -> list[Path]:
    """The files to grade: those named, and the notebooks in the folders named."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
            if not inside:
                raise Failed(f"{path}: there is no notebook in this folder")
            files += inside
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def _fresh_seed() -> int:
    return 1 + secrets.randbelow(MAX_SEED - 1)


def _need(device: str) -> None:
    """Refuse a device that torch does not find here."""
    if device == "cpu":
        return
    try:
        import torch

        torch.zeros(1, device=device)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Failed(f"--device {device}: there is none here that torch can use ({reason[:120]})") from error


@contextmanager
def _grading(unsafe: bool, device: str) -> Iterator[Any]:
    """The course, with kernels; says so where they are not in a sandbox."""
    from autograder.grade import open_course
    from autograder.kernel import KernelError, open_kernels
    from autograder.reference import cache_folder

    try:
        with open_kernels(unsafe, device) as kernels:
            if not kernels.sandboxed:
                click.echo("autograder: no sandbox here: the notebook's code can do what you can do", err=True)
            yield open_course(kernels, cache_folder())
    except KernelError as error:
        hint = "" if unsafe else "; to grade all the same, add --unsafe"
        raise Failed(f"{error}{hint}") from error


def _run(files: list[Path], course: Any, settings: Any) -> list[Any]:
    """Grade, with a progress line on standard error: streamed verdicts for one file, a bar for many."""
    from autograder.grade import Progress, grade_files

    console = Console(file=sys.stderr)  # this very stream: while pytest runs, its name is another's
    if len(files) == 1:

        def checked(submission: str, result: Any) -> None:
            console.print(f"{'✓' if result.outcome == 'pass' else '✗'} {result.id}", highlight=False)

        return grade_files(files, course, settings, Progress(checked=checked))
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(files))

        def finished(record: Any) -> None:
            bar.update(task, advance=1, description=printable(Path(record.submission).name))

        return grade_files(files, course, settings, Progress(finished=finished))


def _print_in_full(console: Console, records: list[Any]) -> None:
    from autograder.report.terminal import record_report

    for record in records:
        if record.error:
            click.echo(f"autograder: {printable(f'{record.submission}: {record.error}', 6000)}", err=True)
        else:
            console.print(record_report(record, load_key(record.chapter)))


def _code(records: list[Any]) -> int:
    if any(record.error for record in records):
        return 2
    return 0 if all(record.score == record.max_score for record in records) else 1


def _course_order() -> list[str]:
    """The chapters in the order of the book; any other at the end."""
    known = course_order()
    if not known:
        raise KeyFileError("there are no answer keys: run autograder release")
    return known


def _chapter_json(key: Key) -> dict[str, Any]:
    def exercise(e: Any) -> dict[str, Any]:
        names = ("id", "backend", "points", "minutes", "difficulty", "values", "mistakes", "variants", "hints")
        return {name: getattr(e, name) for name in names} | {"checks": len(e.checks)}

    return {
        "id": key.chapter, "title": key.title, "points": key.points,
        "exercises": [exercise(e) for e in key.exercises],
    }  # fmt: skip


reports.register(main, plainly)

if __name__ == "__main__":
    sys.exit(main())
