"""The grader's side: start the fork server, ask for kernels, talk to them within limits.

A kernel here has the narrow interface that nbval uses (`execute_cell_input`, `await_reply`,
`get_message`, `interrupt`, `stop`, `is_alive`), so nbval runs on it unchanged. Whatever a kernel
does, the grader gets for each cell a finite list of messages that ends with `idle`: a kernel
that dies, hangs or floods is killed, and an error message that says so is put in its place.
"""

from __future__ import annotations

import array
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, Protocol

DIED, TIMED_OUT, FLOODED = "KernelDied", "KernelTimedOut", "KernelFlooded"
MAX_CELL_BYTES = 32_000_000


class KernelError(Exception):
    """The grader could not start or reach a kernel; no fault of the submission's."""


@dataclass(frozen=True)
class KernelSettings:
    """What a kernel is started with: the seed of its inputs, limits, environment.

    `memory` in bytes (address space added to what the fork server holds), `cpu` in seconds for
    the whole notebook, `file_size` in bytes, `timeout` in seconds for one cell.
    """

    seed: int = 0
    timeout: float = 60.0
    cpu: int = 600
    file_size: int = 200_000_000
    threads: int = 1
    environment: dict[str, str] = field(default_factory=dict)

    def as_environment(self) -> dict[str, str]:
        """The variables that `autograder.check` and the numerical libraries read."""
        one = str(self.threads)
        return {
            "UNROLLED_SEED": str(self.seed), "UNROLLED_GRADING": "1", "UNROLLED_THREADS": one,
            "OMP_NUM_THREADS": one, "OPENBLAS_NUM_THREADS": one, "MKL_NUM_THREADS": one,
        } | self.environment  # fmt: skip


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

    def stop(self) -> None:
        """End the kernel and everything it started."""

    def is_alive(self) -> bool:
        """Whether it can run another cell."""


class Kernels(Protocol):
    """A source of kernels."""

    def kernel(self, settings: KernelSettings) -> Kernel:
        """A fresh kernel in a fresh, empty folder."""


class ForkServer:
    """A running fork server. Close it to end it and every kernel of it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
        environment |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-P", "-m", "autograder.kernel.zygote", str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        theirs.close()
        self._control = ours
        self._lines = ours.makefile("r", encoding="utf-8")
        self._ready = False
        self._open: list[ForkedKernel] = []

    def kernel(self, settings: KernelSettings) -> ForkedKernel:
        """Fork a kernel.

        Raises
        ------
        KernelError
            If the server does not start or has died.
        """
        self._wait_until_ready()
        ours, theirs = socket.socketpair()
        folder = tempfile.mkdtemp(prefix="unrolled-")
        limits = {"CPU": settings.cpu, "FSIZE": settings.file_size, "CORE": 0}
        request = {"environment": settings.as_environment(), "limits": limits, "folder": folder}
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
        try:
            self._control.sendmsg([json.dumps(request).encode() + b"\n"], rights)
            pid = json.loads(self._lines.readline() or "{}").get("pid")
        except OSError as error:
            raise KernelError("the fork server has died") from error
        finally:
            theirs.close()
        if pid is None:
            raise KernelError("the fork server has died")
        self._open = [kernel for kernel in self._open if kernel.is_alive()]
        self._kill_strays(pid)
        kernel = ForkedKernel(pid, ours, Path(folder), settings.timeout)
        self._open.append(kernel)
        return kernel

    def close(self) -> None:
        """End the server and its kernels."""
        for kernel in self._open:
            kernel.stop()
        self._kill_strays()
        self._lines.close()
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._process.kill()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def _kill_strays(self, *newest: int) -> None:
        """Kill what kernels left running: processes that have become the fork server's own children."""
        known = {kernel.pid for kernel in self._open if kernel.is_alive()} | set(newest)
        with suppress(OSError):
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
            for pid in set(map(int, children.split())) - known:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        answer = json.loads(self._lines.readline() or "{}")
        if not answer.get("ready"):
            error = self._process.stderr.read().decode() if self._process.stderr else ""
            reason = answer.get("error") or (error.strip().splitlines() or ["it ended at once"])[-1]
            raise KernelError(f"the fork server did not start: {reason}")
        self._ready = True


class ForkedKernel:
    """One kernel of a fork server."""

    def __init__(self, pid: int, sock: socket.socket, folder: Path, timeout: float) -> None:
        self.pid, self._sock, self._folder, self._timeout = pid, sock, folder, timeout
        self._buffer = b""
        self._messages: deque[dict[str, Any]] = deque()
        self._count = 0
        self._alive = True

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        self._count += 1
        self._messages.clear()
        line = json.dumps({"id": self._count, "code": cell_input}) + "\n"
        with suppress(OSError):  # a dead kernel is noticed when its messages are read
            self._sock.settimeout(self._timeout)
            self._sock.sendall(line.encode())
        return str(self._count)

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Read all messages of the cell. Death, time-out and flood end the kernel, not the grader."""
        deadline = time.monotonic() + min(self._timeout, timeout or self._timeout)
        total = 0
        while not (self._messages and self._messages[-1]["msg_type"] == "status"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._sock], [], [], left)[0]:
                self._give_up(TIMED_OUT, f"stopped after {self._timeout:g} seconds")
                return
            try:
                data = self._sock.recv(1 << 20)
            except OSError:
                data = b""
            total += len(data)
            if not data:
                self._give_up(DIED, "the cell ended the Python process")
            elif total > MAX_CELL_BYTES:
                self._give_up(FLOODED, f"stopped after {MAX_CELL_BYTES // 1_000_000} MB of output")
            else:
                self._feed(data)

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

    def stop(self) -> None:
        """Kill the kernel's process group and remove its folder."""
        if self._alive:
            self._alive = False
            for kill in (os.killpg, os.kill):
                with suppress(ProcessLookupError, PermissionError):
                    kill(self.pid, signal.SIGKILL)
            self._sock.close()
            self._wait_until_dead()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _wait_until_dead(self) -> None:
        """Until the process is gone, what it started has not become the fork server's to clean up."""
        with suppress(OSError):
            ended = os.pidfd_open(self.pid)
            select.select([ended], [], [], 2)
            os.close(ended)

    def _feed(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
                kind, content = message["msg_type"], message["content"]
                if kind == "idle" and content["id"] == self._count:
                    kind, content = "status", {"execution_state": "idle"}
                elif kind not in ("stream", "display_data", "execute_result", "error", "clear_output"):
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


@contextmanager
def open_kernels() -> Iterator[Kernels]:
    """Kernels for a while: forked from a warm server on Linux, ordinary ones elsewhere."""
    if sys.platform != "linux" or os.environ.get("UNROLLED_KERNEL") == "ordinary":
        from autograder.kernel.ordinary import OrdinaryKernels

        yield OrdinaryKernels()
        return
    server = ForkServer()
    try:
        yield server
    finally:
        server.close()
