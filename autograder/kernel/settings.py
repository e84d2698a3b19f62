"""What a kernel is started with, what it may use up, and what each limit's verdict is called.

Here belongs what the grader's side and the kernel's side of this folder share, and nothing that runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Protocol

# Errors that the grader puts in the place of a kernel's silence, and the verdict on each.
DIED, TIMED_OUT, FLOODED, OUT_OF_MEMORY = "KernelDied", "KernelTimedOut", "KernelFlooded", "KernelOutOfMemory"
KILLED = {TIMED_OUT: "timeout", DIED: "died", FLOODED: "output", OUT_OF_MEMORY: "memory"}

# Errors that a cell sees when it runs into a limit, by what Python, NumPy and torch say of it.
_LIMIT_ERRORS = (
    ("memory", re.compile(r"^(MemoryError|_ArrayMemoryError)|Cannot allocate memory|can't allocate memory")),
    ("processes", re.compile(r"can't start new thread|^BlockingIOError: \[Errno 11\]")),
    ("disk", re.compile(r"\[Errno (28|27|122)\]")),
    ("files", re.compile(r"\[Errno (23|24)\]")),
)


class KernelError(Exception):
    """The grader could not start or reach a kernel; no fault of the submission's."""


@dataclass(frozen=True)
class KernelSettings:
    """What a kernel is started with: the seed of its inputs, its limits, its environment.

    Attributes
    ----------
    seed
        Seed of the inputs that `draw` gives.
    timeout, notebook_timeout
        Seconds of wall time for one cell, and for the whole notebook.
    memory
        Bytes that the notebook may use on top of what the fork server holds already.
    processes
        Processes and threads at one time.
    disk
        Bytes of files that exist at one time (also the size of the largest file).
    cell_output, notebook_output
        Bytes of output of one cell, and of the whole notebook.
    files
        Open files of one process.
    threads
        Threads of the numerical libraries.
    device
        Where torch exercises compute: cpu, cuda or mps. Another than cpu needs `open_kernels` to be told, too.
    environment
        Further variables.
    """

    seed: int = 0
    timeout: float = 60.0
    notebook_timeout: float = 600.0
    memory: int = 2_000_000_000
    processes: int = 64
    disk: int = 100_000_000
    cell_output: int = 20_000_000
    notebook_output: int = 60_000_000
    files: int = 256
    threads: int = 1
    device: str = "cpu"
    environment: dict[str, str] = field(default_factory=dict)

    def as_environment(self) -> dict[str, str]:
        """The variables that `autograder.check` and the numerical libraries read."""
        one = str(self.threads)
        return {
            "UNROLLED_SEED": str(self.seed), "UNROLLED_GRADING": "1", "UNROLLED_THREADS": one,
            "UNROLLED_DEVICE": self.device,
            "OMP_NUM_THREADS": one, "OPENBLAS_NUM_THREADS": one, "MKL_NUM_THREADS": one,
        } | self.environment  # fmt: skip

    def as_request(self) -> dict[str, Any]:
        """What the fork server needs to know, as JSON data."""
        limits = {name: getattr(self, name) for name in ("memory", "processes", "disk", "files")}
        return {"environment": self.as_environment(), "limits": limits | {"cpu": int(self.notebook_timeout) + 1}}


@dataclass
class Budget:
    """What is left to one notebook, over all kernels that it runs in."""

    seconds: float
    output: int

    @classmethod
    def of(cls, settings: KernelSettings) -> Budget:
        """The whole budget of a notebook."""
        return cls(settings.notebook_timeout, settings.notebook_output)


def verdict(name: str, message: str) -> str | None:
    """The limit that an error of a cell tells of, as a check's outcome; None for any other error."""
    if name in KILLED:
        return KILLED[name]
    text = f"{name}: {message}"
    return next((outcome for outcome, pattern in _LIMIT_ERRORS if pattern.search(text)), None)


class Kernel(Protocol):
    """What nbval, and we, need of a kernel."""

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Start a cell; returns the id of the request."""

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Wait until the cell has ended; `queue.Empty` after `timeout` seconds."""

    def await_idle(self, parent_id: str, timeout: float) -> None:
        """Read messages until the cell's `idle`."""

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """The next message."""

    def interrupt(self) -> None:
        """End a cell that takes too long."""

    def stop(self, wait: bool = True) -> None:
        """End the kernel and everything it started; without `wait`, do not wait until all of it has ended."""

    def is_alive(self) -> bool:
        """Whether it can run another cell."""

    policy: str | None  # which imports the cells to come are allowed, see `policy`


class Kernels(Protocol):
    """A source of kernels."""

    @property
    def sandboxed(self) -> bool:
        """Whether what runs in them is kept from the machine, and not only limited."""

    def kernel(self, settings: KernelSettings, budget: Budget | None = None) -> Kernel:
        """A fresh kernel in a fresh, empty folder; `budget` is shared by a notebook's kernels."""
