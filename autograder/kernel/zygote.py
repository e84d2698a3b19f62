"""The fork server: imports everything once, then forks a kernel for every request.

It must have exactly one thread when it forks, and must never run a torch operation itself (a
parallel operation before the fork hangs the children). Start it with `python -m
autograder.kernel.zygote FD`, FD being its end of a socketpair. A request is one JSON line with
one file descriptor attached: the kernel's socket. The answer is the child's process id.
"""

from __future__ import annotations

import array
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
PRELOAD = (
    "numpy", "numpy.random", "numpy.linalg", "numpy.fft", "matplotlib", "matplotlib.pyplot",
    "matplotlib_inline.backend_inline", "torch", "torch.nn", "torch.utils.data", "autograder.check",
    "autograder.keys", "html", "hashlib", "dataclasses",
)  # fmt: skip

# torch loads this at the first optimizer step or nn.RNN, at 1.7 seconds for every kernel. The
# server loads it once, when the first kernel is under way and nobody waits for another.
PRELOAD_LATER = ("torch._dynamo",)


def main() -> None:
    """Boot, say "ready", fork on request until the grader's end of the socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for name in PRELOAD:
        _import(name)
    from autograder.kernel.shell import make_shell, serve

    shell = make_shell()
    count = len(list(Path("/proc/self/task").iterdir()))
    if count != 1 or threading.active_count() != 1:
        control.sendall(json.dumps({"error": f"the fork server has {count} threads"}).encode() + b"\n")
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps our children
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # what outlives its kernel becomes our child
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    control.sendall(b'{"ready": true}\n')
    later = list(PRELOAD_LATER)
    forked = False
    while True:
        if forked and later and not select.select([control], [], [], 0)[0]:
            _import(later.pop(0))
            gc.freeze()
        request, descriptor = _receive(control)
        if request is None:
            return
        pid = os.fork()
        if pid == 0:
            _become_kernel(control, descriptor, request)
            serve(shell, socket.socket(fileno=0))
            os._exit(0)
        forked = True
        os.close(descriptor)
        control.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _import(name: str) -> None:
    with suppress(ImportError):
        importlib.import_module(name)


def _receive(control: socket.socket) -> tuple[dict[str, Any] | None, int]:
    """One request and its descriptor; (None, -1) when the grader has gone."""
    data, ancillary, _, _ = control.recvmsg(65536, socket.CMSG_SPACE(4))
    if not data:
        return None, -1
    descriptors = array.array("i")
    for level, kind, payload in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(payload[:4])
    return json.loads(data), descriptors[0]


def _become_kernel(control: socket.socket, descriptor: int, request: dict[str, Any]) -> None:
    """In the child: own session, own descriptors, own seeds, limits, environment, folder."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    control.detach()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(descriptor, 0)  # the kernel's socket is descriptor 0; 1 and 2 lead nowhere
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.closerange(3, 4096)
    gone = {name for name in os.environ if name.upper().endswith(("TOKEN", "KEY", "SECRET", "PASSWORD"))}
    for name in gone:
        del os.environ[name]
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for limit, value in request["limits"].items():
        kind = getattr(resource, f"RLIMIT_{limit}")
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (value, value) if hard < 0 else (min(value, hard),) * 2)
    _reseed()


def _reseed() -> None:
    """Fixed seeds, so that a graded run is the same every time; one torch thread."""
    import random

    import numpy as np

    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)
        torch.set_num_threads(int(os.environ.get("UNROLLED_THREADS", "1")))


if __name__ == "__main__":
    main()
