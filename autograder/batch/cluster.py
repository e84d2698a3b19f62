"""Workers of a Dask cluster: the same function, on other machines.

The course (answer keys and solutions) travels once to each worker that needs it, under the hash of its content, and
is kept there under that name. Submissions travel with their tasks and come back as records; the gradebook is
written by the command alone. When a worker dies, Dask runs its tasks elsewhere; each death is counted all the same,
since a worker says of which submission it begins.
"""

from __future__ import annotations

import hashlib
import io
import os
import queue
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import __version__
from autograder.batch import work
from autograder.batch.work import Answer, Done, Place, StartError, Task
from autograder.reference import cache_folder

CONNECT_SECONDS = 10
TICK = 1.0  # seconds between two looks whether the scheduler is still there
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Parcel:
    """A course on its way: an archive of its keys and solutions, named by the hash of its content."""

    name: str
    archive: bytes


def pack(place: Place) -> Parcel:
    """A place's keys and solutions, the same parcel for the same content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder, top, ending in ((place.keys, "keys", "*.ipynb"), (place.solutions, "solutions", "*.md")):
            for path in sorted(folder.glob(ending)) if folder else []:
                archive.writestr(zipfile.ZipInfo(f"{top}/{path.name}", EPOCH), path.read_bytes())
    archive_bytes = out.getvalue()
    return Parcel(hashlib.sha256(archive_bytes).hexdigest()[:32], archive_bytes)


def unpack(parcel: Parcel, unsafe: bool) -> Place:
    """Put a course down where this machine keeps such things, once; the place.

    Raises
    ------
    StartError
        If the parcel is not what its name says.
    """
    if hashlib.sha256(parcel.archive).hexdigest()[:32] != parcel.name:
        raise StartError("the course arrived damaged")
    cache = cache_folder()
    folder = cache / f"course-{parcel.name}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="course-", ignore_cleanup_errors=True) as fresh:
            whole = Path(fresh) / "course"
            with zipfile.ZipFile(io.BytesIO(parcel.archive)) as archive:  # our own: its names are plain
                archive.extractall(whole)
            with suppress(OSError):  # another worker of this machine was faster
                whole.rename(folder)
    solutions = folder / "solutions"
    return Place(folder / "keys", solutions if solutions.is_dir() else None, cache, unsafe)


def grade_there(parcel: Parcel, unsafe: bool, version: str, topic: str, task: Task) -> Answer:
    """Grade one submission in a Dask worker.

    Raises
    ------
    StartError
        If this worker cannot grade: another version of the package, or no sandbox.
    """
    from distributed import get_worker

    worker = get_worker()
    worker.log_event(topic, task.name)
    try:
        if version != __version__:
            raise StartError(f"it has version {__version__} of the package, and this is {version}")
        return work.grade(unpack(parcel, unsafe), task)
    except StartError as error:
        raise StartError(f"the worker at {worker.address}: {error}") from error


class ClusterEngine:
    """A Dask cluster's workers. Use it as a context.

    Raises
    ------
    StartError
        If Dask is not installed, there is no scheduler at the address, or it goes away.
    """

    def __init__(self, address: str, place: Place) -> None:
        self._client = _connect(address)
        self._address, self._unsafe, self._parcel = address, place.unsafe, pack(place)
        self._topic = f"unrolled-{os.urandom(8).hex()}"
        self._events: queue.Queue[Any] = queue.Queue()  # futures that are done, names of tasks that begin
        self._busy: dict[str, tuple[Task, Any]] = {}
        self._begun: Counter[str] = Counter()

    def __enter__(self) -> ClusterEngine:
        from dask import config

        self._client.subscribe_topic(self._topic, lambda event: self._events.put(str(event[1])))
        # As a task, so that it is made again where it is lost with its worker. It is sent once: that it is large
        # (it has all keys) is no reason for Dask's warning.
        with config.set({"distributed.admin.large-graph-warning-threshold": len(self._parcel.archive) + 2**20}):
            self._course = self._client.submit(Parcel, self._parcel.name, self._parcel.archive,
                                               key=f"unrolled-course-{self._parcel.name}")  # fmt: skip
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with suppress(Exception):  # the scheduler may be gone
            self._client.cancel([future for _, future in self._busy.values()])
            self._client.unsubscribe_topic(self._topic)
        self._client.close(timeout=5)

    def run(self, ask: Callable[[], Task | None]) -> Iterator[Done]:
        """Grade what `ask` gives until it gives None and nothing is under way; results as they come."""
        while True:
            while len(self._busy) < self._room() and (task := ask()) is not None:
                self._submit(task)
            if not self._busy:
                return
            try:
                event = self._events.get(timeout=TICK)
            except queue.Empty:
                if self._client.status != "running":
                    raise StartError(f"the scheduler at {self._address} has gone") from None
                continue
            done = self._begins(event) if isinstance(event, str) else self._ends(event)
            if done is not None:
                yield done

    def give_up(self, task: Task) -> None:
        """Do not try a task again."""
        _, future = self._busy.pop(task.name, (None, None))
        if future is not None:
            future.cancel(force=True)

    def _room(self) -> int:
        """How many submissions to have under way: one for each thread, and one that waits for each worker."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()) + len(threads))

    def _submit(self, task: Task) -> None:
        future = self._client.submit(
            grade_there, self._course, self._unsafe, __version__, self._topic, task,
            key=f"unrolled-{task.name}-{self._topic}-{self._begun[task.name]}", pure=False,
        )  # fmt: skip
        self._busy[task.name] = task, future
        future.add_done_callback(self._events.put)

    def _begins(self, name: str) -> Done | None:
        """A worker begins a task. If one has begun it before, that one is dead, and Dask tries once more."""
        self._begun[name] += 1
        if name in self._busy and self._begun[name] > 1:
            return Done(self._busy[name][0], again=True)
        return None

    def _ends(self, future: Any) -> Done | None:
        from distributed import KilledWorker

        name = next((name for name, (_, one) in self._busy.items() if one is future), None)
        if name is None:  # given up
            return None
        task, _ = self._busy.pop(name)
        self._begun[name] = 0
        if future.status == "finished":
            return Done(task, answer=future.result())
        error = future.exception() if future.status == "error" else None
        return Done(task) if error is None or isinstance(error, KilledWorker) else Done(task, error=error)


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise StartError("--scheduler needs Dask: pip install 'unrolled[cluster]'") from error
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())[:200]
        raise StartError(f"no Dask scheduler can be reached at {address}: {said}") from error
