"""The fork server, as the grader sees it: started in the sandbox where there is one, asked for kernels."""

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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.kernel import sandbox
from autograder.kernel.cgroups import Group
from autograder.kernel.client import ForkedKernel
from autograder.kernel.confine import ConfinementError, system_call_filter
from autograder.kernel.settings import Budget, KernelError, Kernels, KernelSettings

MAX_PACKET = 65536
BOOT_SECONDS = 300  # to import everything on a slow and busy machine
ANSWER_SECONDS = 60  # to fork and confine a kernel; without an answer the server counts as dead


@dataclass
class Fork:
    """A kernel's process as it was asked for, and what the fork server answered: pidfds, or a problem."""

    settings: KernelSettings
    socket: socket.socket
    folder: Path | None
    collected: bool = False
    pid: int = 0
    pidfds: list[int] = field(default_factory=list)
    problem: str = ""

    def lives(self) -> bool:
        """Whether all of its processes are there."""
        return bool(self.pidfds) and not select.select(self.pidfds, [], [], 0)[0]

    def discard(self) -> None:
        """End it and close what is held of it."""
        self.socket.close()
        for pidfd in reversed(self.pidfds):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        while self.pidfds:
            select.select([self.pidfds[0]], [], [], 5)
            os.close(self.pidfds.pop(0))
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class ForkServer:
    """A running fork server. Close it to end it and every kernel of it.

    Parameters
    ----------
    unsafe
        Whether kernels may run without the sandbox where it cannot be had. They still have a time limit, bounded
        output, an empty folder and an environment without secrets.

    Attributes
    ----------
    method
        How the sandbox is made (`bubblewrap`, `unshare`), or None without one.
    refusals
        What stood in the way of each better method.
    """

    def __init__(self, unsafe: bool = True) -> None:
        self.method: str | None = None
        self.refusals: dict[str, str] = {}
        self._open: list[ForkedKernel] = []
        self._ending: list[ForkedKernel] = []
        self._last: KernelSettings | None = None  # what the last kernel was started with
        self._ahead: Fork | None = None  # a fork made before anyone asked for it
        self._ready = False
        self._start(unsafe)

    @property
    def sandboxed(self) -> bool:
        """Whether kernels are kept from the machine, and not only limited."""
        return self.method is not None

    @property
    def pid(self) -> int:
        """The process id of the server, or of what holds its sandbox."""
        return self._process.pid

    @property
    def grouped(self) -> bool:
        """Whether a control group of the machine's holds the server and its kernels."""
        return bool(self._group.folders)

    def kernel(self, settings: KernelSettings, budget: Budget | None = None) -> ForkedKernel:
        """Fork a kernel.

        Raises
        ------
        KernelError
            If the server has died, or cannot confine the kernel.
        """
        self._wait_until_ready()
        fork = self._forked(settings)
        if not fork.pidfds:
            raise KernelError(f"the fork server made no kernel: {fork.problem}")
        pid = fork.pid
        kernel = ForkedKernel(
            fork.socket, fork.pidfds, settings, budget or Budget.of(settings), fork.folder,
            lambda: self._ask({"do": "status", "pid": pid}).get("status"),
        )  # fmt: skip
        self._group.limit(settings.memory, settings.processes)
        for stopped in self._ending:  # its end has had the time of a whole notebook
            stopped.gone()
        self._ending = [kernel for kernel in self._open if not kernel.is_alive()]
        self._open = [kernel for kernel in self._open if kernel.is_alive()] + [kernel]
        if not self.sandboxed:  # there, one kernel could reach the next
            self._kill_strays()
        elif settings == self._last:
            self._ahead = self._request_fork(settings)
        self._last = settings
        return kernel

    def close(self) -> None:
        """End the server and its kernels."""
        for kernel in self._open:
            kernel.stop(wait=False)
        self.rest()
        if not self.sandboxed:
            self._kill_strays()
        self._end()

    def rest(self) -> None:
        """Wait until the processes of all stopped kernels have ended; keep none ahead. The next kernel takes longer."""
        for kernel in [*self._ending, *self._open]:
            if not kernel.is_alive():
                kernel.gone()
        if self._ahead is not None:
            self._collect(self._ahead)
            self._ahead.discard()
            self._ahead = None

    def _start(self, unsafe: bool) -> None:
        """Start in the best sandbox that works here; without one only if that is allowed."""
        figures = sandbox.figures_folder()
        try:
            program = system_call_filter() if sandbox.methods() else b""
        except ConfinementError as error:
            program, self.refusals["seccomp"] = b"", str(error)
        ways: list[str | None] = [*(sandbox.methods() if program else []), *([None] if unsafe else [])]
        for method in ways:
            steps = sandbox.view(figures) if method else []
            words = sandbox.command(method, steps) if method else []
            arguments = [program.hex(), *sandbox.below_tmp(steps)] if method else []
            problem = self._try(words, sandbox.environment(figures), arguments)
            if problem is None:
                self.method = method
                return
            self.refusals[method or "fork server"] = problem
            self._end()
        reasons = (
            "; ".join(f"{name}: {why}" for name, why in self.refusals.items()) or "switched off by UNROLLED_SANDBOX"
        )
        raise KernelError(f"no sandbox ({reasons}); see `autograder doctor`")

    def _try(self, words: list[str], environment: dict[str, str], arguments: list[str]) -> str | None:
        """Start; why it did not, if so. The first answer comes before the slow imports."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        ours.settimeout(BOOT_SECONDS)
        self._group = Group()
        command = [*words, sys.executable, "-P", "-m", "autograder.kernel.zygote", str(theirs.fileno()), *arguments]
        with theirs:
            self._process = subprocess.Popen(
                self._group.joining(command), pass_fds=[theirs.fileno()], env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        try:
            answer, _ = self._receive()
        except BaseException:  # interrupted: leave nothing running
            self._end()
            raise
        if answer.get("started"):
            return None
        return str(answer.get("refused") or self._last_words())

    def _wait_until_ready(self) -> None:
        if self._ready:
            return
        answer, _ = self._receive()
        if not answer.get("ready"):
            raise KernelError(f"the fork server did not start: {answer.get('refused') or self._last_words()}")
        self._ready = True
        self._control.settimeout(ANSWER_SECONDS)
        self._group.set_base()

    def _last_words(self) -> str:
        error = self._process.stderr.read().decode(errors="replace") if self._process.stderr else ""
        return (error.strip().splitlines() or ["it ended at once"])[-1]

    def _end(self) -> None:
        self._control.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        self._process.kill()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        self._group.remove()

    def _forked(self, settings: KernelSettings) -> Fork:
        """The fork that was made ahead, if it is of use and has come to no harm; otherwise a new one."""
        fork, self._ahead = self._ahead, None
        if fork is not None:
            self._collect(fork)
            if fork.settings == settings and fork.lives():
                return fork
            fork.discard()
        fork = self._request_fork(settings)
        self._collect(fork)
        return fork

    def _request_fork(self, settings: KernelSettings) -> Fork:
        """Ask for a fork; the answer must be collected before anything else is asked."""
        folder = None if self.sandboxed else Path(tempfile.mkdtemp(prefix="unrolled-"))
        ours, theirs = socket.socketpair()
        request = settings.as_request() | {"do": "fork", "folder": str(folder)}
        with theirs:
            self._send(request, [theirs.fileno()])
        return Fork(settings, ours, folder)

    def _collect(self, fork: Fork) -> None:
        """Take the fork server's answer to a request for a fork, once."""
        if fork.collected:
            return
        fork.collected = True
        answer, fork.pidfds = self._receive()
        fork.pid, fork.problem = answer.get("pid", 0), str(answer.get("error", "it has died"))
        if not fork.pidfds:
            fork.discard()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._ahead is not None:
            self._collect(self._ahead)
        return self._receive()[0] if self._send(request) else {}

    def _send(self, request: dict[str, Any], descriptors: list[int] | None = None) -> bool:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        try:
            self._control.sendmsg([json.dumps(request).encode()], rights)
        except OSError:
            return False
        return True

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        """One packet and its descriptors; nothing if the server has died."""
        try:
            data, ancillary, _, _ = self._control.recvmsg(MAX_PACKET, socket.CMSG_SPACE(8))
        except OSError:
            return {}, []
        descriptors = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload[: len(payload) // 4 * 4])
        for one in descriptors:
            os.set_inheritable(one, False)
        return (json.loads(data) if data else {}), list(descriptors)

    def _kill_strays(self) -> None:
        """Without a sandbox: kill what kernels left running, which has become the fork server's own."""
        known = {pid for kernel in self._open if kernel.is_alive() for pid in kernel.processes()}
        with suppress(OSError):
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
            for pid in set(map(int, children.split())) - known:
                with suppress(ProcessLookupError):
                    pidfd = os.pidfd_open(pid)
                    os.kill(pid, signal.SIGKILL)
                    select.select([pidfd], [], [], 2)
                    os.close(pidfd)


@contextmanager
def open_kernels(unsafe: bool = True, device: str = "cpu") -> Iterator[Kernels]:
    """Kernels for a while: forked from a warm server on Linux, ordinary ones elsewhere.

    Code on another device than the CPU runs in ordinary kernels: CUDA cannot be used in a fork of
    a process that has used it, and a driver is too large a door for a sandbox.

    Raises
    ------
    KernelError
        If there is no sandbox here and `unsafe` is False.
    """
    if device != "cpu" or sys.platform != "linux" or os.environ.get("UNROLLED_KERNEL") == "ordinary":
        from autograder.kernel.ordinary import OrdinaryKernels

        if not unsafe:
            raise KernelError("ordinary kernels are no sandbox" if device == "cpu" else f"no sandbox holds {device}")
        yield OrdinaryKernels()
        return
    server = ForkServer(unsafe)
    try:
        yield server
    finally:
        server.close()
