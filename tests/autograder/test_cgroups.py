"""Control groups: those of graders that were killed are removed by the next one, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.kernel import cgroups


def number_of_nobody() -> int:
    """Of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plain folders where version 1 has its groups."""
    for name in ("memory", "pids"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    return tmp_path


def test_a_new_group_removes_the_empty_ones_of_the_dead_alone(root: Path) -> None:
    nobody, mine = number_of_nobody(), os.getpid()
    kept = [f"unrolled-{mine}-777", f"unrolled-{nobody}-1", "unrolled-notes-1", f"other-{nobody}-0"]
    for kind in ("memory", "pids"):
        for name in [f"unrolled-{nobody}-0", *kept]:
            (root / kind / name).mkdir()
        (root / kind / f"unrolled-{nobody}-1" / "task").touch()  # rmdir fails, as it does where something runs
    cgroups.Group()
    for kind in ("memory", "pids"):
        assert sorted(path.name for path in (root / kind).iterdir()) == sorted(kept)


def test_a_group_that_is_removed_leaves_nothing() -> None:
    group = cgroups.Group()
    folders = group.folders
    if not folders:
        pytest.skip("no control groups may be made here")
    assert all(folder.is_dir() for folder in folders)
    group.remove()
    assert not any(folder.exists() for folder in folders)
