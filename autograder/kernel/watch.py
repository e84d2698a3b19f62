"""How much memory a kernel and all that it started use, read from /proc by the grader.

Limits of single processes miss shared memory and many small processes; this sees the whole tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_OWN = re.compile(rb"^Rss(?:Anon|Shmem):\s+(\d+) kB", re.MULTILINE)


def process_of(pidfd: int) -> int | None:
    """The process id, as this process sees it, of a pidfd; None if the process has ended."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            pid = int(line.split()[1])
            return pid if pid > 0 else None
    return None


def tree(roots: list[int]) -> Iterator[int]:
    """These processes and all their descendants."""
    todo, seen = list(roots), set(roots)
    while todo:
        pid = todo.pop()
        yield pid
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                with suppress(OSError):
                    children = {int(word) for word in (task / "children").read_text().split()}
                    todo += children - seen
                    seen |= children


def own_memory(pid: int) -> int:
    """Bytes of memory of a process that no file backs: its own, shared or not. 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    return 1024 * sum(int(found) for found in _OWN.findall(status))


class Watch:
    """The memory of a kernel's tree beyond what its first process had from the fork server."""

    def __init__(self, pidfds: list[int]) -> None:
        self.roots = [pid for pid in map(process_of, pidfds) if pid is not None]
        self.inherited = max(map(own_memory, self.roots), default=0)

    def memory(self) -> int:
        """Bytes in use now. A fork counts what it shares with its parent, as far as the kernel wrote it."""
        return sum(max(0, own_memory(pid) - self.inherited) for pid in tree(self.roots))
