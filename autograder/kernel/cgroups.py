"""A control group for a fork server and its kernels, where this process may make one.

It holds what limits of single processes and the grader's own watching miss (kernel memory, pipes,
a very fast allocation). Both versions of Linux's control groups; without either, everything here
does nothing: the other limits stand.
"""

from __future__ import annotations

import itertools
import os
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
SLACK = 300_000_000  # bytes over the notebook's limit: the watch, which can say why, comes first
PREFIX = "unrolled"  # of our groups' names, before the number of the process that made them
_numbers = itertools.count()


class Group:
    """A group of our own. `files` maps what is limited to the files that limit it; empty where there is none."""

    def __init__(self) -> None:
        self.folders: list[Path] = []
        self.memory = self.memory_used = self.processes = Path()
        self._base = 0
        self._set: tuple[int, int] | None = None
        name = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        with suppress(OSError):
            if (ROOT / "cgroup.controllers").is_file():
                self._make([_own_folder() / name], "memory.max", "memory.current", "pids.max")
            elif (ROOT / "memory").is_dir() and (ROOT / "pids").is_dir():
                folders = [ROOT / "memory" / name, ROOT / "pids" / name]
                self._make(folders, "memory.limit_in_bytes", "memory.usage_in_bytes", "pids.max")

    def joining(self, command: list[str]) -> list[str]:
        """The command, made to enter the group before anything else."""
        if not self.folders:
            return command
        enter = " && ".join(f'echo $$ > "{folder}/cgroup.procs"' for folder in self.folders)
        return ["/bin/sh", "-c", f'{enter}; exec "$@"', "sh", *command]

    def set_base(self) -> None:
        """Take what is used now as the fork server's own."""
        if self.folders:
            with suppress(OSError):
                self._base = int(self.memory_used.read_text())

    def limit(self, memory: int, processes: int) -> None:
        """Limits of the kernel that runs now, in bytes and in processes."""
        if self.folders and self._set != (memory, processes):
            self._set = memory, processes
            with suppress(OSError):
                self.processes.write_text(str(processes + 16))
                self.memory.write_text(str(self._base + memory + SLACK))

    def remove(self) -> None:
        """Remove the group, once everything in it has ended."""
        for folder in self.folders:
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.01)
        self.folders = []

    def _make(self, folders: list[Path], memory: str, used: str, processes: str) -> None:
        for folder in folders:
            _tidy(folder.parent)
        made: list[Path] = []
        try:
            for folder in folders:
                folder.mkdir()
                made.append(folder)
            self.memory, self.memory_used = folders[0] / memory, folders[0] / used
            self.processes = folders[-1] / processes
            if all(os.access(path, os.W_OK) for path in (self.memory, self.processes)):
                self.folders = folders
        finally:
            if not self.folders:
                for folder in made:
                    folder.rmdir()


def _tidy(parent: Path) -> None:
    """Remove the groups of graders that were killed before they could. One with processes in it cannot be removed."""
    for folder in parent.glob(f"{PREFIX}-*-*"):
        number = folder.name.split("-")[1]
        if number.isdecimal() and not Path("/proc", number).exists():
            with suppress(OSError):
                folder.rmdir()


def _own_folder() -> Path:
    """This process's own group (version 2)."""
    line = next(line for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return ROOT / line[3:].lstrip("/")
