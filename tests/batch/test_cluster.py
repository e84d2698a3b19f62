"""A Dask cluster of a real scheduler and two real worker processes: the same gradebook, also when one is killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from distributed import Queue, get_worker

from autograder.batch import cluster
from autograder.batch.run import DEATHS, Watch
from autograder.batch.work import Answer, Done, Place, StartError, Task
from autograder.gradebook import open_gradebook
from autograder.keys import KEYS
from autograder.reference import solutions_folder
from tests.batch.commands import exported, finish, graded, rows, small_class, start, until
from tests.batch.engines import PLACE, made_up
from tests.batch.test_gradebook import CLASS, run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("batch")]

DASK = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
WORKER = [sys.executable, "-m", "distributed.cli.dask_worker"]


@contextmanager
def process(words: list[str], ready: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that has said that it is ready, and its line that says so."""
    environment = os.environ | {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "info", "PYTHONPATH": str(Path.cwd())}
    running = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert running.stderr is not None
        line = next(line for line in running.stderr if re.search(ready, line))
        yield running, line
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def address() -> Iterator[str]:
    """Of a fresh scheduler."""
    words = [*DASK, "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with process(words, r"Scheduler at:\s+tcp://") as (_, line):
        yield line.split()[-1]


@contextmanager
def two_workers(address: str, folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    words = [*WORKER, address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)]
    with ExitStack() as stack:
        yield [stack.enter_context(process(words, "Registered to"))[0] for _ in range(2)]


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_class(tmp_path_factory.mktemp("class") / "class", students=5)


def test_a_cluster_gives_the_same_gradebook_also_when_a_worker_is_killed(
    class_: Path, address: str, tmp_path: Path
) -> None:
    alone = graded(class_, tmp_path / "local.sqlite")
    gradebook = tmp_path / "cluster.sqlite"
    with two_workers(address, tmp_path) as workers:
        running = start(class_, gradebook, "--scheduler", address)
        until(running, lambda: len(rows(gradebook)) > 2)
        workers[0].kill()
        code, said = finish(running)
    assert code == 2, said
    assert exported(gradebook) == alone


def test_who_kills_workers_of_a_cluster_is_given_up(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = CLASS | {"eve/lstm": b'lstm lethal {"chapter": "lstm"}'}
    died: list[str] = []
    monkeypatch.setattr(cluster, "grade_there", lethal_there)
    words = [*WORKER, address, "--nthreads", "1", "--nworkers", "2", "--no-dashboard", "--local-directory",
             str(tmp_path)]  # fmt: skip
    place = Place(KEYS, solutions_folder(), None, unsafe=True)
    with process(words, "Registered to"), Heard(address, place) as engine:
        text = run(tmp_path / "g.sqlite", contents, engine, watch=Watch(died=died.append))
    with open_gradebook(tmp_path / "g.sqlite") as gradebook:
        found = {entry.submission: entry.record.error for entry in gradebook.entries()}
    assert f"died of this file {DEATHS} times" in str(found.pop("eve/lstm"))
    assert died == ["eve/lstm"] * (DEATHS - 1)
    rest = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("eve"))
    assert rest == run(tmp_path / "undisturbed.sqlite", CLASS)


class Heard(cluster.ClusterEngine):
    """Tells a worker that its beginning has been heard."""

    def _begins(self, name: str) -> Done | None:
        Queue(f"{self._topic}-{name}", client=self._client).put(1)
        return super()._begins(name)


def lethal_there(parcel: object, unsafe: bool, version: str, topic: str, task: Task) -> Answer:
    """What a worker of these tests does: say that it begins, as the real one does, and answer or die.

    It dies only once it has been heard: of one that dies within a millisecond nobody but Dask knows.
    """
    get_worker().log_event(topic, task.name)
    Queue(f"{topic}-{task.name}").get(timeout=60)
    return made_up(PLACE, task)


def test_a_course_travels_under_its_content_and_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    parcel = cluster.pack(Place(KEYS, solutions_folder(), None, unsafe=False))
    assert parcel == cluster.pack(Place(KEYS, solutions_folder(), None, unsafe=True))
    first, second = cluster.unpack(parcel, unsafe=False), cluster.unpack(parcel, unsafe=False)
    assert first == second and parcel.name in str(first.keys)
    for path in KEYS.glob("*.ipynb"):
        assert (first.keys / path.name).read_bytes() == path.read_bytes()
    with pytest.raises(StartError, match="damaged"):
        cluster.unpack(cluster.Parcel(parcel.name, parcel.archive + b" "), unsafe=False)


def test_no_scheduler_is_one_line(class_: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "1s")
    code, said = finish(start(class_, tmp_path / "g.sqlite", "--scheduler", "tcp://127.0.0.1:1"))
    assert (code, "Traceback" in said) == (2, False)
    assert "no Dask scheduler can be reached at tcp://127.0.0.1:1" in said.replace("\n", " ")
