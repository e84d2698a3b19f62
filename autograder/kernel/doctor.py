"""What is in force on this machine, found out by trying it in a kernel: `autograder doctor`."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass

from autograder.kernel.outputs import run_cell
from autograder.kernel.server import ForkServer
from autograder.kernel.settings import KernelError, KernelSettings

# Run inside a kernel. Each entry is a fact that the kernel finds out about itself.
PROBE = r"""
import ctypes, errno, json, os, resource, socket
from pathlib import Path

def refused(action, *numbers):
    try:
        action()
    except OSError as error:
        return not numbers or error.errno in numbers
    except Exception:
        return False
    return False

status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
def seen(path):
    try:
        return os.listdir(path)
    except OSError:
        return []
libc = ctypes.CDLL(None, use_errno=True)
facts = {
    "user": os.getuid() != 0,
    "capabilities": int(status["CapEff"], 16) == 0 and int(status["CapBnd"], 16) == 0,
    "no new privileges": status["NoNewPrivs"].strip() == "1",
    "system-call filter": status["Seccomp"].strip() == "2",
    "process tree": sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[-1] < 10,
    "network": refused(lambda: socket.socket(), errno.EAFNOSUPPORT),
    "namespaces": libc.unshare(0x10000000) < 0,
    "read-only files": refused(lambda: open(os.__file__, "a")) and refused(lambda: open("/x", "w")),
    "solutions and keys": not any(seen(folder) for folder in HIDDEN),
    "environment": sorted(os.environ),
    "private /tmp": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize <= DISK * 1.1,
    "memory": resource.getrlimit(resource.RLIMIT_DATA)[0] > 0,
    "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0] == PROCESSES,
    "processor time": resource.getrlimit(resource.RLIMIT_CPU)[0] > 0,
    "open files": resource.getrlimit(resource.RLIMIT_NOFILE)[0] == FILES,
}
print(json.dumps(facts))
"""

MEANING = {
    "process tree": "a kernel sees and signals only what it started",
    "network": "no sockets but unix-domain ones, in an empty network",
    "read-only files": "the interpreter and its packages, and nothing that can be written",
    "solutions and keys": "no solution, key, other submission or result can be read",
    "private /tmp": "a /tmp of its own, of limited size, gone afterwards",
    "environment": "nothing of the grader's environment",
    "user": "not root",
    "capabilities": "none, and none to be had",
    "no new privileges": "setuid programs give nothing",
    "system-call filter": "no ptrace, mount, namespaces, memfd, io_uring, keyrings, …",
    "namespaces": "no further namespaces can be made",
    "memory": "of each process; the whole tree is watched from outside",
    "processes": "processes and threads",
    "processor time": "of each process; wall time is kept outside",
    "open files": "of each process",
}
# A control group, and a better way to make the sandbox, are welcome; these are the sandbox.
ESSENTIAL = tuple(MEANING)


@dataclass(frozen=True)
class Finding:
    """One protection: whether it is in force, and what it means or what stands in its way."""

    name: str
    in_force: bool
    detail: str


def examine() -> tuple[str, list[Finding]]:
    """How kernels run here, in a word, and each protection.

    Raises
    ------
    KernelError
        If no kernel can be started at all.
    """
    if sys.platform != "linux":
        missing = [Finding(name, False, text) for name, text in MEANING.items()]
        return f"ordinary kernels ({platform.system()} has no sandbox)", missing
    server = ForkServer()
    try:
        findings = [_finding(name, fact) for name, fact in _facts(server).items() if name in MEANING]
        group = "memory and processes of the whole tree, by the kernel" if server.grouped else "not writable here"
        findings.append(Finding("control group", server.grouped, group))
        findings += [Finding(f"by {name}", False, why) for name, why in server.refusals.items()]
        return server.method or "no sandbox", findings
    finally:
        server.close()


def _facts(server: ForkServer) -> dict[str, object]:
    from autograder.keys import KEYS

    settings = KernelSettings()
    kernel = server.kernel(settings)
    try:
        hidden = [str(KEYS), str(KEYS.parents[1] / "solutions")]
        values = {"HIDDEN": hidden, "DISK": settings.disk, "PROCESSES": settings.processes, "FILES": settings.files}
        run = run_cell(kernel, "\n".join(f"{name} = {value!r}" for name, value in values.items()) + PROBE, timeout=60)
    finally:
        kernel.stop()
    text = "".join(str(output.get("text", "")) for output in run.outputs)
    try:
        found: dict[str, object] = json.loads(text)
    except ValueError:
        raise KernelError(f"a kernel could not examine itself: {run.error or text[:200]}") from None
    return found


def _finding(name: str, fact: object) -> Finding:
    if name == "environment":
        names = [str(one) for one in fact] if isinstance(fact, list) else []
        leaked = [one for one in names if one.endswith(("TOKEN", "KEY", "SECRET", "PASSWORD"))]
        return Finding(name, not leaked, MEANING[name] if not leaked else f"holds {', '.join(leaked)}")
    return Finding(name, fact is True, MEANING[name])
