"""Killed at any moment and started again: it finishes the rest, redoes nothing, and the bytes are the same."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import psutil  # type: ignore[import-untyped]  # ipykernel brings it
import pytest

from tests.batch.commands import (
    COMMAND,
    SEED,
    exported,
    finish,
    graded,
    kill_whole,
    rows,
    small_class,
    start,
    until,
    workers,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("batch")]


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_class(tmp_path_factory.mktemp("class") / "class")


@pytest.fixture(scope="module")
def undisturbed(class_: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, float]]:
    """The CSV of an undisturbed run, and its seconds with the reference's values at hand."""
    folder = tmp_path_factory.mktemp("undisturbed")
    graded(class_, folder / "first.sqlite")
    began = time.monotonic()
    text = graded(class_, folder / "second.sqlite")
    yield text, time.monotonic() - began


def killed_at(moments: list[float], class_: Path, gradebook: Path) -> None:
    """Begin and kill, again and again; what was written once must stay as it was."""
    written: dict[str, tuple[int, str]] = {}
    for moment in moments:
        process = start(class_, gradebook)
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            kill_whole(process)
        finally:
            process.communicate()
        now = rows(gradebook)
        assert now.items() >= written.items(), "done, and done again"
        written = now


def test_killed_at_random_moments_and_resumed(class_: Path, undisturbed: tuple[str, float], tmp_path: Path) -> None:
    text, seconds = undisturbed
    random = Random(3)
    killed_at([random.uniform(0.1, seconds) for _ in range(3)], class_, tmp_path / "g.sqlite")
    assert graded(class_, tmp_path / "g.sqlite") == text


@pytest.mark.long
@pytest.mark.parametrize("which", range(5))
def test_killed_at_twenty_random_moments_and_resumed(
    which: int, class_: Path, undisturbed: tuple[str, float], tmp_path: Path
) -> None:
    text, seconds = undisturbed
    random = Random(which)
    killed_at([random.uniform(0, seconds) for _ in range(4)], class_, tmp_path / "g.sqlite")
    assert graded(class_, tmp_path / "g.sqlite") == text


def test_a_worker_that_is_killed_is_replaced(class_: Path, undisturbed: tuple[str, float], tmp_path: Path) -> None:
    gradebook = tmp_path / "g.sqlite"
    process = start(class_, gradebook)
    victims: list[psutil.Process] = []
    until(process, lambda: bool(victims.extend(workers(process)) or victims) and len(rows(gradebook)) > 1)
    assert victims
    victims[0].kill()
    code, said = finish(process)
    assert code == 2, said
    assert exported(gradebook) == undisturbed[0]


def test_of_two_runs_at_once_one_is_refused(class_: Path, undisturbed: tuple[str, float], tmp_path: Path) -> None:
    gradebook = tmp_path / "g.sqlite"
    first = start(class_, gradebook)
    until(first, lambda: bool(rows(gradebook)))
    code, said = finish(start(class_, gradebook))
    assert (code, said.count("\n")) == (2, 1)
    assert "another run is grading into this gradebook" in said
    assert finish(first)[0] == 2
    assert exported(gradebook) == undisturbed[0]


FULL = """
set -u
mount -t tmpfs -o size=64k none "$1" || exit 77
"$2" grade "$3" --gradebook "$1/g.sqlite" --seed "$4" --timeout 5 --jobs 2
test $? = 2 || exit 78
mount -o remount,size=50m "$1"
"$2" grade "$3" --gradebook "$1/g.sqlite" --seed "$4" --timeout 5 --jobs 2
"$2" gradebook "$1/g.sqlite" --csv "$5"
exit 0
"""


def test_a_full_disk_ends_the_run_with_a_line_and_loses_nothing(
    class_: Path, undisturbed: tuple[str, float], tmp_path: Path
) -> None:
    if not shutil.which("unshare"):
        pytest.skip("needs a file system of its own")
    (tmp_path / "disk").mkdir()
    words = [tmp_path / "disk", COMMAND, class_, SEED, tmp_path / "out.csv"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", FULL, "sh", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("needs a file system of its own, which only root may make")
    assert done.returncode == 0, done.stderr
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == undisturbed[0]
