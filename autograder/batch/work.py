"""One submission in one worker process: a content in, a record as plain data out.

Here belongs what every engine runs, and the types that travel. A worker keeps its course and its fork server
from one submission to the next.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import tempfile
import threading
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.kernel import KernelError, Kernels, KernelSettings

PARENT_TICK = 1.0  # seconds between two looks at the command, where the system cannot wait for its end


class StartError(Exception):
    """A worker cannot grade anything; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a worker finds the course, and whether it may grade without a sandbox."""

    keys: Path
    solutions: Path | None
    cache: Path | None
    unsafe: bool


@dataclass(frozen=True)
class Task:
    """A submission to be graded. `content` is named by the hash `name`; `submission` is its path, to be shown."""

    name: str
    submission: str
    content: bytes
    settings: KernelSettings


@dataclass(frozen=True)
class Answer:
    """What a worker made of a task.

    Attributes
    ----------
    record
        The record's JSON data.
    reached
        Whether every check was decided. If not, something failed here, and the submission deserves another try.
    sandboxed
        Whether it ran in the sandbox.
    """

    record: dict[str, Any]
    reached: bool
    sandboxed: bool


@dataclass(frozen=True)
class Done:
    """What came of a task: an answer; an error that was raised; or neither, if the worker died of it.

    `again` says that the engine is trying it once more by itself.
    """

    task: Task
    answer: Answer | None = None
    error: BaseException | None = None
    again: bool = False


class _Worker:
    """A course with its kernels, open in this process."""

    def __init__(self, place: Place) -> None:
        from autograder.grade import Course
        from autograder.kernel import open_kernels
        from autograder.reference import References

        self.place = place
        self._open: AbstractContextManager[Kernels] = open_kernels(place.unsafe)
        try:
            self.kernels = self._open.__enter__()
        except KernelError as error:
            raise StartError(str(error)) from error
        self.course = Course(self.kernels, References(self.kernels, place.cache), place.solutions, place.keys)

    def close(self) -> None:
        self._open.__exit__(None, None, None)


_lock = threading.Lock()  # pytest's session is the process's: one submission at a time, however many threads there are
_worker: _Worker | None = None


def grade(place: Place, task: Task) -> Answer:
    """Grade one submission.

    Raises
    ------
    StartError
        If nothing can be graded here.
    KernelError, ReferenceError, GradeError, SourceError
        If something failed here that is not the submission's doing.
    OSError
        If this machine has no room left.
    """
    from autograder.grade import grade_files

    with _lock:
        worker = _at(place)
        try:
            with tempfile.TemporaryDirectory(prefix="unrolled-submission-") as folder:
                path = Path(folder) / "submission.ipynb"
                path.write_bytes(task.content)
                (record,) = grade_files([path], worker.course, task.settings, strict=True)
            reached = all(check.cause != "infrastructure" for check in record.checks)
        except BaseException:
            _leave()
            raise
        if not reached:  # the fork server may be broken: the next submission gets a new one
            _leave()
        return Answer(record.as_json() | {"submission": task.submission}, reached, worker.kernels.sandboxed)


def close() -> None:
    """End the worker's fork server."""
    with _lock:
        _leave()


def follow(parent: int) -> None:
    """End this process, at once, when the process `parent` ends: nobody would take its results."""
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_wait_for_end, args=(parent,), daemon=True).start()


def _wait_for_end(parent: int) -> None:
    if sys.platform == "linux":
        with suppress(OSError):
            select.select([os.pidfd_open(parent)], [], [])
            os.kill(os.getpid(), signal.SIGKILL)
    while os.getppid() == parent:
        time.sleep(PARENT_TICK)
    os._exit(1)


def _at(place: Place) -> _Worker:
    global _worker
    if _worker is None or _worker.place != place:
        _leave()
        _worker = _Worker(place)
    return _worker


def _leave() -> None:
    global _worker
    worker, _worker = _worker, None
    if worker is not None:
        worker.close()
