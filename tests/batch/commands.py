"""The command itself, as a process that can be killed, on a small class; what it leaves, and its gradebook's CSV."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ipykernel brings it

from tests.submissions.classes import made_up, write_folders

SEED = 2026
STUDENTS = 9
MADE_OF = 4  # the seed of the class: mistakes, half-done, broken, hostile; none that runs for ever
COMMAND = str(Path(sys.executable).with_name("autograder"))
WAIT = 120.0  # seconds until something must have happened, on the slowest machine


def small_class(folder: Path, students: int = STUDENTS) -> Path:
    """A class's folder with one chapter of each student, and a file that is no notebook."""
    write_folders(folder, made_up(students, MADE_OF, ["equations"]))
    (folder / "Ann Lee 00000" / "empty.ipynb").write_bytes(b"")
    return folder


def start(folder: Path, gradebook: Path, *more: str) -> subprocess.Popen[str]:
    """Begin to grade."""
    words = [COMMAND, "grade", str(folder), "--gradebook", str(gradebook), "--seed", str(SEED), "--timeout", "5"]
    return subprocess.Popen(
        [*words, *(more or ("--jobs", "2"))], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=dict(os.environ),
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end; exit code and all that was said."""
    out, err = process.communicate(timeout=600)
    return process.returncode, out + err


def graded(folder: Path, gradebook: Path, *more: str) -> str:
    """Grade to the end; the CSV."""
    code, said = finish(start(folder, gradebook, *more))
    assert code == 2 and "could not be graded" in said, said  # one file is no notebook
    return exported(gradebook)


def exported(gradebook: Path) -> str:
    """The gradebook's CSV, as the command writes it."""
    path = gradebook.with_suffix(".csv")
    subprocess.run([COMMAND, "gradebook", str(gradebook), "--csv", str(path)], capture_output=True, check=False)
    return path.read_text(encoding="utf-8")


def rows(gradebook: Path) -> dict[str, tuple[int, str]]:
    """What is written already: row number and record, by the content's hash; {} before there is anything."""
    if not gradebook.is_file():
        return {}
    with closing(sqlite3.connect(gradebook, timeout=30)) as database:
        if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'results'").fetchone()[0]:
            return {}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {name: (row, text) for row, name, text in database.execute("SELECT rowid, content, record FROM results")}


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All that the command has started."""
    try:
        return list(psutil.Process(process.pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Its worker processes."""
    found = []
    for child in family(process):
        try:
            if child.ppid() == process.pid and "loky" in " ".join(child.cmdline()) and child.children():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def until(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Wait until something has happened, or the process has ended."""
    for _ in range(int(WAIT / 0.1)):
        if happened():
            return
        try:
            process.wait(timeout=0.1)
            return
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("it has not happened")


def kill_whole(process: subprocess.Popen[str]) -> None:
    """SIGKILL the command alone; all that it started must end by itself."""
    others = family(process)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(others, timeout=WAIT)
    assert not alive, f"left running: {alive}"
