"""The loop of a class: find what is still to do, have it graded, write it down. One writer, whatever the engine."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from autograder.batch.work import Done, Place, StartError, Task
from autograder.grade import source_of
from autograder.gradebook import Course, Gradebook, content_hash
from autograder.kernel import KernelSettings
from autograder.keys import chapters, load_key
from autograder.notebook import NotebookFileError
from autograder.record import Record, printable, record_of, ungraded
from autograder.submissions import Found
from autograder.submissions.zipped import ArchiveError

DEATHS = 3  # of workers, of one submission: then it is given up
AT_ONCE = 500  # submissions taken down in one transaction
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
GIVEN_UP = f"the grader's process died of this file {DEATHS} times: look at it by hand"


class BatchError(Exception):
    """A run that cannot go on; the message says why. What was graded is kept."""


class Engine(Protocol):
    """Workers. `run` gives results as they come; `give_up` forgets a task that the engine would try again."""

    def run(self, ask: Callable[[], Task | None]) -> Iterator[Done]:
        """Grade what `ask` gives."""

    def give_up(self, task: Task) -> None:
        """Forget a task."""


@dataclass
class Watch:
    """What is shown of a run while it goes on.

    Attributes
    ----------
    note
        Gets a line about something that was left alone, or changed meanwhile.
    ready
        Gets how many submissions there are, and how many of them are graded already.
    graded
        Gets each new record, and whether it was in the sandbox.
    died
        Gets the path of a submission of which a worker died.
    """

    note: Callable[[str], None] = lambda line: None
    ready: Callable[[int, int], None] = lambda found, done: None
    graded: Callable[[Record, bool], None] = lambda record, sandboxed: None
    died: Callable[[str], None] = lambda submission: None


def course_of(place: Place, seed: int) -> Course:
    """The course that a worker finds at this place, with everything in order.

    Raises
    ------
    KeyFileError, GradeError, SourceError
        If a key is damaged, or was not made from the present solutions.
    """
    names = chapters(place.keys)
    loaded = [load_key(name, place.keys) for name in names]
    for key in loaded:
        source_of(key, place.solutions, seed)
    return Course(seed, {key.chapter: key.hash for key in loaded})


@contextmanager
def alone(gradebook: Path) -> Iterator[Path]:
    """Be the only run that writes this gradebook; gives an empty folder that the next run will empty again.

    Raises
    ------
    BatchError
        If another run is writing it.
    """
    lock = FileLock(f"{gradebook}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BatchError(f"{gradebook}: another run is grading into this gradebook: wait for its end") from error
    try:
        scratch = Path(tempfile.gettempdir()) / f"unrolled-batch-{content_hash(str(gradebook.resolve()).encode())[:16]}"
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        try:
            scratch.mkdir(mode=0o700)
        except FileExistsError:  # somebody else's
            scratch = Path(tempfile.mkdtemp(prefix="unrolled-batch-"))
        yield scratch
        shutil.rmtree(scratch, ignore_errors=True)
    finally:
        lock.release()


def grade_class(
    find: Callable[[Callable[[str], None]], Iterator[Found]],
    gradebook: Gradebook, course: Course, engine: Engine, settings: KernelSettings, watch: Watch | None = None,
) -> None:  # fmt: skip
    """Grade what is not graded yet.

    Parameters
    ----------
    find
        Gives the submissions, the same ones each time it is called, and lines about what it left alone.

    Raises
    ------
    BatchError
        If grading cannot go on. Started again, it goes on where it stopped.
    """
    watch = watch or Watch()
    gradebook.begin(course)
    todo = _take_down(find(watch.note), gradebook, course, watch)
    again: deque[Task] = deque()
    tasks = _tasks(find(lambda line: None), todo, settings, watch.note)

    def ask() -> Task | None:
        return again.popleft() if again else next(tasks, None)

    for done in engine.run(ask):
        _stop_if_hopeless(done.error)
        if done.answer is not None and done.answer.reached:
            record = record_of(done.answer.record)
            gradebook.keep(done.task.name, course, record)
            watch.graded(record, done.answer.sandboxed)
        elif gradebook.died(done.task.name, course) < DEATHS:
            watch.died(done.task.submission)
            if not done.again:
                again.append(done.task)
        else:
            engine.give_up(done.task)
            record = record_of(done.answer.record) if done.answer else _given_up(done, course)
            gradebook.keep(done.task.name, course, record)
            watch.graded(record, True)


def _take_down(found: Iterator[Found], gradebook: Gradebook, course: Course, watch: Watch) -> dict[str, str]:
    """Enter every submission; the paths of those to be graded, by the content's hash."""
    todo: dict[str, str] = {}
    count = finished = 0
    while some := [(one, *_content(one)) for one in islice(found, AT_ONCE)]:
        gradebook.hand_in((one.submission, name, one.student, one.submitted) for one, name, _ in some)
        for one, name, problem in some:
            count += 1
            if name in todo:
                finished += 1  # the same content once more
            elif gradebook.is_done(name, course):
                finished += 1
            elif problem is not None:
                finished += 1
                record = ungraded(Path(one.submission), course.seed, problem)
                gradebook.keep(name, course, record)
                watch.graded(record, True)
            else:
                todo[name] = one.submission
    watch.ready(count, finished)
    return todo


def _content(one: Found) -> tuple[str, str | None]:
    """The hash of a submission's content, or of what stands for it where it cannot be read; and why it cannot."""
    problem = one.problem
    if problem is None:
        try:
            return content_hash(one.read()), None
        except (NotebookFileError, ArchiveError) as error:
            problem = str(error)
    return content_hash(f"\0{one.submission}\0{problem}".encode()), problem


def _tasks(
    found: Iterator[Found], todo: dict[str, str], settings: KernelSettings, note: Callable[[str], None]
) -> Iterator[Task]:
    """The submissions to be graded, read one by one as workers become free."""
    wanted = {submission: name for name, submission in todo.items()}
    for one in found:
        name = wanted.pop(one.submission, None)
        if name is None:
            continue
        content = b""
        with suppress(NotebookFileError, ArchiveError):
            content = one.read()
        if content_hash(content) == name:
            yield Task(name, one.submission, content, settings)
        else:
            note(f"{one.submission}: it has changed since grading began: run the same command again")
    for submission in wanted:
        note(f"{submission}: it has gone since grading began")


def _stop_if_hopeless(error: BaseException | None) -> None:
    """End the run for what no second try can mend."""
    if isinstance(error, StartError):
        raise error
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        raise BatchError(f"{error.strerror}: mend that and run the same command again, it goes on where it stopped")


def _given_up(done: Done, course: Course) -> Record:
    """The record of a submission that workers died of, or that the grader failed on, with its chapter if it says so."""
    named = set(re.findall(rb'"chapter"\s*:\s*"([\w-]{1,64})"', done.task.content))
    known = [name for name in course.keys if name.encode() in named]
    chapter = known[0] if len(known) == 1 else None
    reason = GIVEN_UP
    if done.error is not None:
        reason = (
            f"the grader failed on it {DEATHS} times: {type(done.error).__name__}: {printable(str(done.error), 300)}"
        )
    record = ungraded(Path(done.task.submission), course.seed, reason, chapter)
    return replace(record, key=course.keys[chapter]) if chapter else record
