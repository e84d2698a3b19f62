"""The fork server: imports everything once, then forks a kernel for every request.

It must have exactly one thread when it forks, and must never run a torch operation itself (a
parallel operation before the fork hangs the children). It never sees a submission, a solution or
a key. Start it with `python -m autograder.kernel.zygote FD [FILTER [FOLDER ...]]`, FD being its end of a
SOCK_SEQPACKET pair, FILTER the system-call filter in hexadecimal where it runs in the sandbox, and
each FOLDER one below /tmp that kernels must see.
Packets are JSON: first {"started": ...} or {"refused": why}, then {"ready": true}, then one answer
for each request.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from autograder.kernel import confine

PR_SET_CHILD_SUBREAPER = 36
MAX_PACKET = 65536
PRELOAD = (
    "numpy", "numpy.random", "numpy.linalg", "numpy.fft", "matplotlib", "matplotlib.pyplot",
    "matplotlib_inline.backend_inline", "torch", "torch.nn", "torch.utils.data", "autograder.check",
    "autograder.keys", "html", "hashlib", "dataclasses",
)  # fmt: skip

# torch loads this at the first optimizer step or nn.RNN, at 1.7 seconds for every kernel. The
# server loads it once, when the first kernel is under way and nobody waits for another.
PRELOAD_LATER = ("torch._dynamo",)


class Server:
    """The fork server's state: its socket, its children, and how they are confined."""

    def __init__(self, control: socket.socket, program: bytes, shown: list[str]) -> None:
        self.control, self.program, self.shown = control, program, shown
        self.own = os.open("/proc/self/ns/pid", os.O_RDONLY) if program else -1
        self.shell: Any = None
        self.inits: dict[int, confine.Init] = {}  # by the process id of the kernel
        self.running: dict[int, int] = {}  # pidfds of kernels, by process id
        self.ended: dict[int, int] = {}  # exit codes of kernels, negative for signals

    def boot(self) -> None:
        """Find out whether kernels can be confined here, then import everything."""
        limits = {"memory": 10**9, "processes": 8, "disk": 10**6, "files": 64, "cpu": 60}
        if self.program:
            answer, _ = self.fork({"limits": limits, "environment": {}}, -1)
            if "error" in answer:
                self.say({"refused": answer["error"]})
                sys.exit(0)
        self.say({"started": True})
        for name in PRELOAD:
            _import(name)
        from autograder.kernel.shell import make_shell

        self.shell = make_shell()
        _know_the_processor()
        count = len(list(Path("/proc/self/task").iterdir()))
        if count != 1 or threading.active_count() != 1:
            self.say({"refused": f"the fork server has {count} threads"})
            sys.exit(0)
        gc.collect()
        gc.freeze()
        self.say({"ready": True})

    def serve(self) -> None:
        """Answer requests until the grader's end of the socket closes."""
        later = list(PRELOAD_LATER)
        forked = False
        while True:
            self.reap()
            wait = 0 if forked and later else None
            ready = select.select([self.control.fileno(), *self.running.values()], [], [], wait)[0]
            if not ready:
                _import(later.pop(0))
                gc.freeze()
            if self.control.fileno() not in ready:
                continue
            request, descriptor = self.receive()
            if request is None:
                return
            if request["do"] == "fork":
                answer, descriptors = self.fork(request, descriptor)
                forked = True
                os.close(descriptor)
                self.say(answer, descriptors)
                for one in descriptors:
                    os.close(one)
            else:
                self.reap()
                self.say({"status": self.ended.get(request["pid"])})

    def fork(self, request: dict[str, Any], descriptor: int) -> tuple[dict[str, Any], list[int]]:
        """Fork a kernel (only to try, if `descriptor` is -1); the answer, and pidfds of the kernel and its init."""
        read, write = os.pipe()
        init = None
        try:
            if self.program:
                init = confine.new_pid_namespace(self.own)
            pid = os.fork()
        except (OSError, confine.ConfinementError) as error:
            os.close(read)
            os.close(write)
            return {"error": str(error)}, []
        if pid == 0:
            self.become_kernel(request, descriptor, write)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            problem = pipe.read(1000).decode() or "it ended at once"
        descriptors = [os.pidfd_open(pid)]
        if init is not None:
            self.inits[pid] = init
            descriptors.append(init.descriptor)
        if descriptor < 0 or problem != "ok":
            for one in descriptors:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(one, signal.SIGKILL)
                os.close(one)
            return ({"ok": True} if problem == "ok" else {"error": problem}), []
        self.running[pid] = os.dup(descriptors[0])
        return {"pid": pid}, descriptors

    def become_kernel(self, request: dict[str, Any], descriptor: int, report: int) -> None:
        """In the child: confine it, tell the server, run cells. Never returns."""
        try:
            _own_session(descriptor, report)
            if self.program:
                confine.confine(request["limits"], self.program, self.shown)
            else:
                confine.set_limits(request["limits"])
                os.chdir(request.get("folder", "/"))
            os.environ.update(request["environment"])
            _reseed()
        except BaseException as error:
            os.write(REPORT, f"{error or type(error).__name__}"[:900].encode())
            os._exit(70)
        os.write(REPORT, b"ok")
        os.close(REPORT)
        if descriptor < 0:
            os._exit(0)
        from autograder.kernel.shell import serve

        with suppress(BaseException):
            serve(self.shell, socket.socket(fileno=0))
        os._exit(0)

    def reap(self) -> None:
        """Take note of children that have ended, at once: a process tree ends only when its kernel is reaped."""
        with suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                pid, status = found
                self.ended[pid] = os.waitstatus_to_exitcode(status)
                if pid in self.running:
                    os.close(self.running.pop(pid))
                if pid in self.inits:
                    confine.forget(self.inits.pop(pid))
                if len(self.ended) > 100:  # nobody asks for the old ones
                    del self.ended[next(iter(self.ended))]

    def say(self, answer: dict[str, Any], descriptors: list[int] | None = None) -> None:
        """One packet to the grader."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
        self.control.sendmsg([json.dumps(answer).encode()], rights)

    def receive(self) -> tuple[dict[str, Any] | None, int]:
        """One request and its descriptor; (None, -1) when the grader has gone."""
        data, ancillary, _, _ = self.control.recvmsg(MAX_PACKET, socket.CMSG_SPACE(4))
        if not data:
            return None, -1
        descriptors = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(payload[:4])
        for one in descriptors:
            os.set_inheritable(one, False)
        return json.loads(data), descriptors[0] if descriptors else -1


REPORT = 3  # where a child's line to the server lies, once its descriptors are in order


def main() -> None:
    """Boot, say "ready", fork on request until the grader's end of the socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what outlives its kernel becomes our child
    server = Server(control, bytes.fromhex("".join(sys.argv[2:3])), sys.argv[3:])
    server.boot()
    server.serve()


def _import(name: str) -> None:
    with suppress(ImportError):
        importlib.import_module(name)


def _know_the_processor() -> None:
    """Let torch read the processor's kind now: kernels cannot read /proc/cpuinfo, and would choose other code."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.backends.cpu.get_cpu_capability()


def _own_session(descriptor: int, report: int) -> None:
    """A session of its own; 0 is the kernel's socket, 1 and 2 lead nowhere, 3 to the server, and no other is open."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDWR)
    high = [os.dup(one if one >= 0 else null) for one in (descriptor, report)]
    os.dup2(high[0], 0)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.dup2(high[1], REPORT, inheritable=False)
    os.closerange(REPORT + 1, 65536)


def _reseed() -> None:
    """Fixed seeds, so that a graded run is the same every time; one torch thread."""
    import random

    random.seed(0)
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        numpy.random.seed(0)
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(int(os.environ.get("UNROLLED_THREADS", "1")))


if __name__ == "__main__":
    main()
