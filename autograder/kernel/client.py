"""A forked kernel, as the grader sees it.

It has the narrow interface that nbval uses (`execute_cell_input`, `await_reply`, `get_message`,
`interrupt`, `stop`, `is_alive`), so nbval runs on it unchanged. Whatever a kernel does, the grader
gets for each cell a finite list of messages that ends with `idle`: a kernel that dies, hangs,
floods or takes all memory is killed, and an error message that says so is put in its place.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from autograder.kernel.settings import DIED, FLOODED, OUT_OF_MEMORY, TIMED_OUT, Budget, KernelSettings
from autograder.kernel.watch import Watch

KINDS = ("stream", "display_data", "execute_result", "error", "clear_output")
TICK = 0.02  # seconds between two looks at the memory of a cell that is still running
CHUNK = 1 << 18


class ForkedKernel:
    """One kernel of a fork server.

    Parameters
    ----------
    sock
        The grader's end of the kernel's socket.
    pidfds
        Of the kernel, and of its process tree's first process where it has one.
    settings, budget
        Its limits, and what is left to the notebook.
    folder
        A folder to remove afterwards; None where it was the kernel's own.
    ask_status
        Gives the exit code of the kernel when it has ended, negative for a signal.
    """

    def __init__(
        self, sock: socket.socket, pidfds: list[int], settings: KernelSettings, budget: Budget,
        folder: Path | None, ask_status: Callable[[], int | None],
    ) -> None:  # fmt: skip
        self._sock, self._pidfds, self._settings, self._budget = sock, pidfds, settings, budget
        self._folder, self._ask_status = folder, ask_status
        self._watch = Watch(pidfds)
        self._pending = bytearray()
        self._messages: deque[dict[str, Any]] = deque()
        self._count = 0
        self._alive = True
        self.policy: str | None = None  # the import policy of the cells to come, see `policy`

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        self._count += 1
        self._messages.clear()
        request = {"id": self._count, "code": cell_input, "policy": self.policy}
        with suppress(OSError):  # a dead kernel is noticed when its messages are read
            self._sock.settimeout(self._settings.timeout)
            self._sock.sendall(json.dumps(request).encode() + b"\n")
        return str(self._count)

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Read all messages of the cell. Death, time-out, flood and thirst end the kernel, not the grader."""
        began = time.monotonic()
        whole = self._budget.seconds < min(self._settings.timeout, timeout or self._settings.timeout)
        deadline = began + (self._budget.seconds if whole else min(self._settings.timeout, timeout or 1e9))
        total = 0
        try:
            while not (self._messages and self._messages[-1]["msg_type"] == "status"):
                problem = self._wait_for_data(deadline, whole)
                if problem is None:
                    data = self._receive()
                    total += len(data)
                    problem = self._death() if not data else self._flood(total, len(data))
                    if problem is None:
                        self._feed(data)
                if problem is not None:
                    self._give_up(*problem)
        finally:
            self._budget.seconds -= time.monotonic() - began

    def await_idle(self, parent_id: str, timeout: float) -> None:
        """Messages up to `idle` are here already; drop them."""
        self._messages.clear()

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        if not self._messages:
            raise Empty
        return self._messages.popleft()

    def interrupt(self) -> None:
        """A cell that takes too long has been ended by `await_reply` already."""

    def is_alive(self) -> bool:
        return self._alive

    def processes(self) -> list[int]:
        """The kernel's first processes, as this process sees them."""
        return self._watch.roots

    def stop(self, wait: bool = True) -> None:
        """Kill the kernel and all it started (with the first process of a tree the tree goes).

        Without `wait` its end, some milliseconds later, is left to `gone`.
        """
        if self._alive:
            self._alive = False
            if len(self._pidfds) == 1 and self._watch.roots:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._watch.roots[0], signal.SIGKILL)
            for pidfd in reversed(self._pidfds):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            self._sock.close()
        if wait:
            self.gone()

    def gone(self) -> None:
        """Wait until a stopped kernel's processes have ended; remove its folder."""
        while self._pidfds:
            select.select([self._pidfds[0]], [], [], 5)
            os.close(self._pidfds.pop(0))
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _wait_for_data(self, deadline: float, whole: bool) -> tuple[str, str] | None:
        """Wait until there is something to read; otherwise the limit that the cell ran into."""
        if not self._alive:
            return DIED, "the Python process had ended before"
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._sock], [], [], min(left, TICK))[0]:
                return None
            if self._alive and self._watch.memory() > self._settings.memory:
                return OUT_OF_MEMORY, f"stopped: it used more than {_megabytes(self._settings.memory)} of memory"
        if whole:
            return TIMED_OUT, f"stopped: the notebook's {self._settings.notebook_timeout:g} seconds are used up"
        return TIMED_OUT, f"stopped after {self._settings.timeout:g} seconds"

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(CHUNK)
        except OSError:
            return b""

    def _flood(self, total: int, new: int) -> tuple[str, str] | None:
        self._budget.output -= new
        if total > self._settings.cell_output:
            return FLOODED, f"stopped after {_megabytes(self._settings.cell_output)} of output"
        if self._budget.output < 0:
            return (
                FLOODED,
                f"stopped: the notebook's {_megabytes(self._settings.notebook_output)} of output are used up",
            )
        return None

    def _death(self) -> tuple[str, str]:
        """The socket has closed: how the process ended, if it has."""
        if not (self._alive and self._pidfds and select.select([self._pidfds[0]], [], [], 1)[0]):
            return DIED, "the cell closed the notebook's connection"
        status = self._ask_status()
        if status is None:
            return DIED, "the cell ended the Python process"
        if status >= 0:
            return DIED, f"the cell ended the Python process (exit code {status})"
        if -status == signal.SIGXCPU:
            return TIMED_OUT, f"stopped after {self._settings.notebook_timeout:g} seconds of processor time"
        try:
            name = signal.Signals(-status).name
        except ValueError:
            name = f"signal {-status}"
        return DIED, f"the Python process was killed ({name})"

    def _feed(self, data: bytes) -> None:
        self._pending += data
        if b"\n" not in data:
            return
        *lines, rest = bytes(self._pending).split(b"\n")
        self._pending = bytearray(rest)
        for line in lines:
            try:
                message = json.loads(line)
                kind, content = message["msg_type"], message["content"]
                if kind == "idle" and content["id"] == self._count:
                    kind, content = "status", {"execution_state": "idle"}
                elif kind not in KINDS:
                    continue
            except (ValueError, KeyError, TypeError, RecursionError):
                continue  # a submission may write anything to its socket; only messages count
            if isinstance(content, dict):
                self._append(kind, content)

    def _append(self, kind: str, content: dict[str, Any]) -> None:
        parent = {"msg_id": str(self._count)}
        self._messages.append({"msg_type": kind, "content": content, "parent_header": parent})

    def _give_up(self, name: str, text: str) -> None:
        self.stop()
        self._append("error", {"ename": name, "evalue": text, "traceback": []})
        self._append("status", {"execution_state": "idle"})


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:g} MB"
