"""A class into a gradebook, with a progress bar; and what a gradebook holds."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from autograder.batch.local import LocalEngine
from autograder.batch.run import Engine, Watch, alone, course_of, grade_class
from autograder.batch.work import Place
from autograder.gradebook import Gradebook, GradebookError, open_gradebook
from autograder.kernel import KernelSettings
from autograder.keys import KEYS, chapters
from autograder.record import Record, printable
from autograder.reference import cache_folder, solutions_folder
from autograder.submissions import Roster, find, read_roster

MAX_NOTES = 20  # lines about what was left alone; the rest is counted
QUIET = 30.0  # seconds without a line, where there is no terminal for a bar


@dataclass(frozen=True)
class Order:
    """What `autograder grade --gradebook` was asked for."""

    paths: tuple[Path, ...]
    gradebook: Path
    seed: int | None
    settings: KernelSettings  # of any seed
    roster: Path | None = None
    jobs: int | None = None
    scheduler: str | None = None
    unsafe: bool = False


def grade_into_gradebook(order: Order, fresh_seed: Callable[[], int]) -> int:
    """Grade what is not graded yet, and say what the gradebook then holds. The command's exit code."""
    roster = read_roster(order.roster) if order.roster else Roster()
    place = Place(KEYS, solutions_folder(), cache_folder(), order.unsafe)
    names = chapters()
    with alone(order.gradebook) as scratch, open_gradebook(order.gradebook, write=True) as gradebook:
        kept = gradebook.seed()
        seed = order.seed if order.seed is not None else kept if kept is not None else fresh_seed()
        course = course_of(place, seed)
        settings = replace(order.settings, seed=seed)
        with _engine(order, place, scratch) as engine, _bar() as bar:
            grade_class(
                lambda note: find(order.paths, names, roster, note), gradebook, course, engine, settings, bar.watch()
            )
        bar.say_the_rest()
        return say_what_is_in(gradebook)


def say_what_is_in(gradebook: Gradebook) -> int:
    """Print a gradebook's totals; the exit code that they mean: 0 all points, 1 points lost, 2 some not gradable."""
    students, outcomes = set(), Counter[int]()
    for entry in gradebook.entries():
        students.add(entry.student)
        record = entry.record
        outcomes[2 if record.error else int(record.score < record.max_score)] += 1
    total = sum(outcomes.values())
    if not total:
        click.echo(f"{printable(str(gradebook.path))}: no submission")
        return 0
    failed = f", {outcomes[2]} could not be graded" if outcomes[2] else ""
    click.echo(
        f"{printable(str(gradebook.path))}: {total} submissions of {len(students)} students, seed {gradebook.seed()}: "
        f"{outcomes[0]} with all points, {outcomes[1]} with fewer{failed}"
    )
    return max(outcomes)


def write_csv(gradebook: Gradebook, path: Path, everything: bool) -> None:
    """Write a gradebook's results to a file: all of it, or nothing."""
    if path.is_dir() or not path.parent.is_dir():
        raise GradebookError(f"{path}: there is no such folder to write to, or it is one itself")
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8",
                                     newline="") as file:  # fmt: skip
        try:
            file.writelines(gradebook.write_csv(everything))
            file.close()
            Path(file.name).chmod(0o666 & ~_umask())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _engine(order: Order, place: Place, scratch: Path) -> AbstractContextManager[Engine]:
    if order.scheduler is not None:
        from autograder.batch.cluster import ClusterEngine

        return ClusterEngine(order.scheduler, place)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = order.jobs or cores
    return LocalEngine(place, jobs, scratch)


class _Rate(ProgressColumn):
    """Submissions a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "–/s")


@dataclass
class _Bar:
    """The progress bar, and the lines that go above it."""

    bar: Progress
    failures: int = 0
    notes: int = 0
    warned: bool = False
    task: Any = None
    count: int = 0
    total: int = 0
    told: int = 0
    began: float = 0.0
    spoke: float = 0.0
    clock: Callable[[], float] = time.monotonic

    def watch(self) -> Watch:
        self.task = self.bar.add_task("", total=None, failures=0)
        self.began = self.spoke = self.clock()
        return Watch(self.note, self.ready, self.graded, self.died)

    def note(self, line: str) -> None:
        self.notes += 1
        if self.notes <= MAX_NOTES:
            self.say(line)

    def say(self, line: str) -> None:
        self.bar.console.print(Text(f"autograder: {printable(line)}"), soft_wrap=True, highlight=False)

    def say_the_rest(self) -> None:
        if self.notes > MAX_NOTES:
            click.echo(f"autograder: … and {self.notes - MAX_NOTES} more such lines", err=True)

    def ready(self, done: int, left: int) -> None:
        if done:
            self.say(f"{done} submissions are graded already")
        self.total = left
        self.bar.update(self.task, total=left)

    def graded(self, record: Record, sandboxed: bool) -> None:
        self.failures += record.error is not None
        self.count += 1
        self.bar.update(self.task, advance=1, failures=self.failures)
        if not self.bar.console.is_terminal:
            self._say_how_far()
        if not sandboxed and not self.warned:
            self.warned = True
            self.say("no sandbox here: the notebooks' code can do what you can do")

    def _say_how_far(self) -> None:
        """A line for each tenth, and for each half minute: what a log gets instead of a bar."""
        now = self.clock()
        if not self.total or (self.count * 10 // self.total <= self.told and now - self.spoke < QUIET):
            return
        self.told, self.spoke = self.count * 10 // self.total, now
        rate = self.count / max(now - self.began, 0.001)
        self.say(f"{self.count} of {self.total}, {rate:.1f}/s, {self.failures} could not be graded")

    def died(self, submission: str) -> None:
        self.say(f"{submission}: the grader's process died of it, or failed on it; it is tried again")


@contextmanager
def _bar() -> Iterator[_Bar]:
    columns = (
        BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        TextColumn("{task.fields[failures]} could not be graded"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield _Bar(bar)
