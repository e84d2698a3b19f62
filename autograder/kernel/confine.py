"""Confining the process that is about to run a submission: Linux's own calls, through ctypes.

The fork server calls `new_pid_namespace` before each fork; the forked child calls `confine`
before it reads a line of the submission. What is left to it: its own process tree, an empty
network, a read-only view of the interpreter, a small /tmp of its own, no capability, no way to
get one, a system-call filter and resource limits. Nothing here can be undone from inside.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWPID = 0x00020000, 0x08000000, 0x04000000, 0x20000000
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWCGROUP, CLONE_NEWTIME = 0x10000000, 0x40000000, 0x02000000, 0x00000080
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_CAP_AMBIENT = 38, 22, 24, 47
PR_CAP_AMBIENT_RAISE, PR_CAP_AMBIENT_CLEAR_ALL, SECCOMP_MODE_FILTER = 2, 4, 2
LAST_CAPABILITY = 63
NOBODY = 65534
WORK = "/tmp/work"

_libc = ctypes.CDLL(None, use_errno=True)

# What a notebook has no need of. A call that is missing on this machine is passed over.
DENIED = """
    ptrace process_vm_readv process_vm_writev kcmp process_madvise pidfd_getfd mount umount umount2 pivot_root
    chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr unshare setns
    memfd_create memfd_secret io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key bpf
    perf_event_open userfaultfd fanotify_init kexec_load kexec_file_load init_module finit_module
    delete_module reboot swapon swapoff sethostname setdomainname acct quotactl quotactl_fd settimeofday
    adjtimex clock_settime clock_adjtime iopl ioperm personality lookup_dcookie open_by_handle_at
    name_to_handle_at nfsservctl vhangup syslog shmget shmat shmctl semget semop msgget msgsnd msgrcv mq_open
    mknod mknodat setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset
""".split()  # noqa: SIM905 (a list of words reads better than seventy strings)


class ConfinementError(Exception):
    """This machine does not offer what confinement needs; the message names the call."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def call(name: str, *arguments: Any) -> int:
    """A call of libc that raises `ConfinementError` where it fails."""
    converted = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    result = getattr(_libc, name)(*converted)
    if result < 0:
        number = ctypes.get_errno()
        raise ConfinementError(f"{name}: {os.strerror(number)}")
    return int(result)


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    call("mount", source.encode(), target.encode(), kind.encode() if kind else None, flags, data.encode() or None)


def system_call_filter() -> bytes:
    """The filter as a BPF program. Denied calls fail with EPERM; clone3 looks missing, so libc uses clone.

    Raises
    ------
    ConfinementError
        If pyseccomp or the library behind it is missing.
    """
    try:
        import pyseccomp as sc
    except Exception as error:  # it raises RuntimeError where libseccomp is missing
        raise ConfinementError(f"no system-call filter: {error}") from error
    rules = sc.SyscallFilter(sc.ALLOW)
    refused = sc.ERRNO(errno.EPERM)
    for name in DENIED:
        with suppress(OSError, ValueError):
            rules.add_rule(refused, name)
    rules.add_rule(sc.ERRNO(errno.ENOSYS), "clone3")
    for name in ("socket", "socketpair"):
        rules.add_rule(sc.ERRNO(errno.EAFNOSUPPORT), name, sc.Arg(0, sc.NE, 1))
    for flag in (CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWCGROUP):
        rules.add_rule(refused, "clone", sc.Arg(0, sc.MASKED_EQ, flag, flag))
    read, write = os.pipe()
    with os.fdopen(read, "rb") as program:
        with os.fdopen(write, "wb") as end:
            rules.export_bpf(end)
        return program.read()


@dataclass
class Init:
    """Process 1 of a kernel's process tree. When it goes, all of the tree goes."""

    pid: int
    descriptor: int  # a pidfd, good in any namespace


def new_pid_namespace(own: int) -> Init:
    """Give the next fork a process tree of its own.

    Process 1 there is `cat`, which waits for a word that never comes, in a process that is
    spawned, not forked, and so costs next to nothing. It ignores SIGCHLD, so orphans leave no zombies;
    the shell that becomes it says so. (If the fork server ignored SIGCHLD while it spawns, a kernel that
    ended just then would never be heard of.)

    Parameters
    ----------
    own
        A descriptor of the fork server's own pid namespace.
    """
    call("setns", own, CLONE_NEWPID)
    call("unshare", CLONE_NEWPID)
    read, write = os.pipe()
    program = shutil.which("cat", path="/usr/bin:/bin") or "/bin/cat"
    try:
        actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_CLOSE, 2)]
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", f'trap "" CHLD; exec {program}'], {}, file_actions=actions)
    except OSError as error:
        raise ConfinementError(f"{program}: {error.strerror}") from error
    finally:
        os.close(read)
    _LIFELINES[pid] = write
    return Init(pid, os.pidfd_open(pid))


_LIFELINES: dict[int, int] = {}  # the write ends of the pipes that `cat` reads from


def forget(init: Init) -> None:
    """Close what the fork server holds of a process tree that has ended."""
    lifeline = _LIFELINES.pop(init.pid, None)
    if lifeline is not None:
        os.close(lifeline)


def confine(limits: dict[str, int], program: bytes, shown: list[str]) -> None:
    """In the forked child: leave everything behind that a submission could misuse.

    Parameters
    ----------
    limits
        As `KernelSettings.as_request` gives them.
    program
        The system-call filter.
    shown
        Folders below /tmp that stay visible, read-only as they are.

    Raises
    ------
    ConfinementError
        If any step fails: the caller must end the process.
    """
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    call("unshare", CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    user = NOBODY if os.getuid() == 0 else os.getuid()
    options = f"size={limits['disk']},nr_inodes={max(1000, limits['disk'] // 20_000)},mode=0700"
    os.umask(0o022)
    kept = [os.open(path, os.O_PATH) for path in shown]
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
    for path, descriptor in zip(shown, kept, strict=True):
        Path(path).mkdir(parents=True, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, None, MS_BIND | MS_REC)
        os.close(descriptor)
    for folder in (WORK, "/tmp/.shm"):
        Path(folder).mkdir(0o700)
        os.chown(folder, user, -1)
    mount("/tmp/.shm", "/dev/shm", None, MS_BIND)
    os.chown("/tmp", user, -1)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid,hidepid=invisible")
    _drop_privileges(user)
    set_limits(limits, namespaces=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = _Program(len(program) // 8, ctypes.addressof(buffer))
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_), 0, 0)
    os.chdir(WORK)


def set_limits(limits: dict[str, int], namespaces: bool = False) -> None:
    """Resource limits of this process and its children. RLIMIT_NPROC counts all processes of the user, so
    it is only set where the user, or the user namespace, is the kernel's own."""
    data = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    wanted = {
        "CPU": limits["cpu"], "FSIZE": limits["disk"], "NOFILE": limits["files"], "CORE": 0,
        "DATA": int(data.split()[1]) * 1024 + limits["memory"],
    }  # fmt: skip
    if namespaces:
        wanted |= {"NPROC": limits["processes"], "MEMLOCK": 0, "MSGQUEUE": 0, "RTPRIO": 0, "SIGPENDING": 1000}
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is not None:
            hard = resource.getrlimit(kind)[1]
            value = value if hard < 0 else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _drop_privileges(user: int) -> None:
    for capability in range(LAST_CAPABILITY):
        _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # one that does not exist cannot be dropped
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    set_capabilities(0)
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


def set_capabilities(mask: int) -> None:
    """Effective, permitted and inheritable capabilities, all the same."""
    header = _CapabilityHeader(0x20080522, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    call("capset", ctypes.byref(header), (ctypes.c_uint32 * 6)(low, low, low, high, high, high))
