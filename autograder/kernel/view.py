"""The sandbox without bubblewrap: `python -m autograder.kernel.view STEPS -- COMMAND ...`.

Makes the namespaces and the read-only view itself, then becomes the command. STEPS is JSON, made
by `sandbox.view`. One line on standard error and exit code 71 where the machine does not let it.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import stat
import sys
from pathlib import Path

from autograder.kernel import confine as c

ROOT = "/tmp"  # the new tree grows over this folder, in a mount namespace that nobody else sees
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
EVERY_CAPABILITY = (1 << 41) - 1


def main() -> None:
    """Read the arguments, confine, become the command."""
    end = sys.argv.index("--")
    steps, command = json.loads(sys.argv[1]), sys.argv[end + 1 :]
    try:
        _namespaces()
        pid = os.fork()  # only a child is in the new process tree
        if pid:
            _wait(pid)
        _tree(steps)
        _keep_capabilities()
    except (c.ConfinementError, OSError) as error:
        print(f"unshare: {error}", file=sys.stderr)
        os._exit(71)
    os.execv(command[0], command)


def _namespaces() -> None:
    user, group = os.getuid(), os.getgid()
    if user != 0:
        c.call("unshare", c.CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    spaces = c.CLONE_NEWNS | c.CLONE_NEWPID | c.CLONE_NEWNET | c.CLONE_NEWIPC | c.CLONE_NEWUTS | c.CLONE_NEWCGROUP
    c.call("unshare", spaces)


def _wait(pid: int) -> None:
    """Outside: end when the command ends, with its code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.closerange(3, 4096)
    _, status = os.waitpid(pid, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _tree(steps: list[tuple[str, str, str]]) -> None:
    """Build the view, and make it the root."""
    os.setsid()
    os.umask(0o022)
    c.mount("none", "/", None, c.MS_REC | c.MS_PRIVATE)
    old = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    kept = [os.open(source, os.O_PATH) if kind in ("bind", "device") else -1 for kind, source, _ in steps]
    c.mount("tmpfs", ROOT, "tmpfs", c.MS_NOSUID | c.MS_NODEV, "mode=0755")
    for (kind, source, target), descriptor in zip(steps, kept, strict=True):
        _place(kind, source, Path(ROOT + target), descriptor)
    os.chdir(ROOT)
    number = PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise c.ConfinementError(f"pivot_root: unknown on {platform.machine()}")
    c.call("syscall", number, b".", b".")
    os.fchdir(old)
    c.call("umount2", b".", 2)  # the old root, lazily
    os.chdir("/")
    c.mount("none", "/", None, c.MS_REMOUNT | c.MS_BIND | c.MS_RDONLY | c.MS_NOSUID | c.MS_NODEV)
    os.close(old)
    for descriptor in kept:
        if descriptor >= 0:
            os.close(descriptor)


def _place(kind: str, source: str, target: Path, descriptor: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if kind == "link":
        target.symlink_to(source)
    elif kind == "folder":
        target.mkdir(exist_ok=True)
    elif kind == "proc":
        target.mkdir(exist_ok=True)
        c.mount("proc", str(target), "proc", c.MS_NOSUID | c.MS_NODEV | c.MS_NOEXEC)
    elif kind in ("hide", "scratch"):
        target.mkdir(exist_ok=True)
        flags = c.MS_NOSUID | c.MS_NODEV | (c.MS_RDONLY if kind == "hide" else 0)
        c.mount("tmpfs", str(target), "tmpfs", flags, "size=50m")
    else:
        found = f"/proc/self/fd/{descriptor}"
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        c.mount(found, str(target), None, c.MS_BIND | c.MS_REC)
        if kind == "bind":
            c.mount("none", str(target), None, c.MS_REMOUNT | c.MS_BIND | c.MS_RDONLY | _locked(target))


def _locked(target: Path) -> int:
    """The flags of the mount that a user namespace may not take away."""
    flags = os.statvfs(target).f_flag
    pairs = ((os.ST_NOSUID, c.MS_NOSUID), (os.ST_NODEV, c.MS_NODEV), (os.ST_NOEXEC, c.MS_NOEXEC),
             (os.ST_NOATIME, 1 << 10), (os.ST_NODIRATIME, 1 << 11), (os.ST_RELATIME, 1 << 21))  # fmt: skip
    return sum(ours for theirs, ours in pairs if flags & theirs)


def _keep_capabilities() -> None:
    """Let the command keep what it needs to confine its children (a program that is not root's loses it else)."""
    if os.getuid() != 0:
        c.set_capabilities(EVERY_CAPABILITY)
        for capability in range(41):
            c.call("prctl", c.PR_CAP_AMBIENT, c.PR_CAP_AMBIENT_RAISE, capability, 0, 0)


if __name__ == "__main__":
    main()
