"""Worker processes of this machine: joblib's loky, one pool of one worker for each job.

One worker for each pool, so that a death has exactly one submission to its name, and disturbs no other.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor

from autograder.batch import work
from autograder.batch.work import Answer, Done, Place, Task

TICK = 1.0  # seconds between two looks for submissions that take too long
SLACK = 300.0  # seconds that a submission may take beyond its kernels' time: the grader's own work
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
Grade = Callable[[Place, Task], Answer]


class LocalEngine:
    """Workers of this machine. Use it as a context: at its end no worker is left.

    Parameters
    ----------
    jobs
        How many submissions to grade at the same time.
    scratch
        A folder for what workers put down for a moment.
    grade
        What a worker does with a task.
    """

    def __init__(self, place: Place, jobs: int, scratch: Path, grade: Grade = work.grade) -> None:
        self._slots = [_Slot(place, scratch, grade) for _ in range(jobs)]

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for slot in self._slots:
            slot.close(kill=kind is not None)

    def run(self, ask: Callable[[], Task | None]) -> Iterator[Done]:
        """Grade what `ask` gives until it gives None and nothing is under way; results as they come.

        `ask` is called again after each result, so a task may be asked for once more.
        """
        idle = list(self._slots)
        busy: dict[Future[Answer], tuple[_Slot, Task, float]] = {}
        while True:
            while idle and (task := ask()) is not None:
                slot = idle.pop()
                deadline = time.monotonic() + 2 * task.settings.notebook_timeout + SLACK
                busy[slot.submit(task)] = slot, task, deadline
            if not busy:
                return
            done, _ = wait(busy, timeout=TICK, return_when=FIRST_COMPLETED)
            for future in done:
                slot, task, _ = busy.pop(future)
                idle.append(slot)
                yield slot.done(future, task)
            for slot, _, deadline in busy.values():
                if time.monotonic() > deadline:
                    slot.kill()

    def give_up(self, task: Task) -> None:
        """Nothing to do: what has died is not under way."""


class _Slot:
    """One worker, and the next one when it has died."""

    def __init__(self, place: Place, scratch: Path, grade: Grade) -> None:
        self._place, self._scratch, self._grade = place, scratch, grade
        self._pool: Any = None

    def submit(self, task: Task) -> Future[Answer]:
        for _ in range(2):
            if self._pool is None:
                environment = dict.fromkeys(THREADS, "1") | {"TMPDIR": str(self._scratch)}
                self._pool = ProcessPoolExecutor(
                    1, timeout=None, initializer=work.follow, initargs=(os.getpid(),), env=environment
                )
            with suppress(BrokenProcessPool):  # it died while it had nothing to do
                future: Future[Answer] = self._pool.submit(self._grade, self._place, task)
                return future
            self.close(kill=True)
        raise work.StartError("a worker process died as soon as it was started, twice")

    def done(self, future: Future[Answer], task: Task) -> Done:
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            self.close(kill=True)
            return Done(task)
        return Done(task, error=error) if error else Done(task, future.result())

    def kill(self) -> None:
        """Kill the worker; its pool will say so."""
        for process in list(self._pool._processes.values()):
            with suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)

    def close(self, kill: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if not kill:
            with suppress(BrokenProcessPool):
                pool.submit(work.close).result()
        pool.shutdown(wait=True, kill_workers=kill)
