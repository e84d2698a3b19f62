"""The grader's side of the sandbox: what the fork server can see, and the command that makes it so.

The fork server runs in namespaces of its own (user, mount, process, network, IPC, host name) on a
read-only view of the interpreter and its packages: bubblewrap makes it where it is installed,
`autograder.kernel.view` where it is not. The server then confines each kernel further (`confine`).
"""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from autograder.keys import KEYS

METHODS = ("bubblewrap", "unshare")
DEVICES = ("null", "zero", "full", "random", "urandom")
# From /etc, what the loader, time zones and fonts need; no names, no hosts, no users.
ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "fonts", "mime.types")
CAPABILITIES = ("SYS_ADMIN", "SETUID", "SETGID", "SETPCAP", "CHOWN", "KILL")
PACKAGE = Path(__file__).resolve().parents[1]

Step = tuple[str, str, str]  # what to do (bind, link, hide, device, folder, scratch, proc), with what, where


def environment(figures: Path) -> dict[str, str]:
    """The whole environment of the fork server: nothing is inherited but where libraries lie."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ", "CUDA_VISIBLE_DEVICES") if name in os.environ}
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp", "USER": "student", "LOGNAME": "student", "LANG": "C.UTF-8", "TERM": "dumb",
        "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline", "MPLCONFIGDIR": str(figures),
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        "KERAS_BACKEND": "torch", "IPYTHONDIR": "/tmp",
    }  # fmt: skip


def view(figures: Path) -> list[Step]:
    """What exists in the sandbox, in the order in which it is put there.

    Parameters
    ----------
    figures
        matplotlib's folder, with its list of fonts.
    """
    steps: list[Step] = []
    made = {"/"}
    for kind, source, target in _contents(figures):
        for parent in reversed(Path(target).parents):  # open to everyone: kernels are nobody's
            if str(parent) not in made and not any(parent.is_relative_to(t) for k, _, t in steps if k == "bind"):
                steps.append(("folder", "", str(parent)))
                made.add(str(parent))
        steps.append((kind, source, target))
    return steps


def _contents(figures: Path) -> Iterator[Step]:
    yield "scratch", "", "/tmp"  # first: what is shown may lie below it
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            yield "link", str(path.readlink()), str(path)
        elif path.is_dir():
            yield "bind", str(path), str(path)
    for path in [*(Path("/etc", name) for name in ETC), Path("/sys/devices/system/cpu"), *_python(), figures]:
        if path.exists():
            yield "bind", str(path), str(path)
    yield "bind", str(PACKAGE), str(PACKAGE)
    for path in _secrets():
        if path.is_dir() and any(path.is_relative_to(shown) for shown in (Path("/usr"), PACKAGE, *_python())):
            yield "hide", "", str(path)
    yield "folder", "", "/dev/shm"
    for name in DEVICES:
        yield "device", f"/dev/{name}", f"/dev/{name}"
    yield "link", "/proc/self/fd", "/dev/fd"
    yield "proc", "", "/proc"


def _python() -> Iterator[Path]:
    """The folders of the interpreter and its packages: never that of a script or of the working directory."""
    folders = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)]
    if site.ENABLE_USER_SITE:
        folders.append(Path(site.getusersitepackages()))
    for prefix in list(folders):  # a virtual environment's python is a link, perhaps by way of another folder
        python = prefix / "bin" / "python3"
        if python.exists():
            folders.append(python.resolve().parents[1])
    seen: list[Path] = []
    for folder in folders:
        if not any(folder.is_relative_to(other) for other in (Path("/usr"), *seen)) and folder != Path("/"):
            seen.append(folder)
            yield folder


def below_tmp(steps: list[Step]) -> list[str]:
    """What is shown below /tmp: each kernel must put it back into the /tmp of its own."""
    return [target for kind, _, target in steps if kind == "bind" and Path(target).is_relative_to("/tmp")]


def _secrets() -> Iterator[Path]:
    """What must not be seen even where a folder that is shown contains it: a virtual environment made in the
    repository's own folder, for one."""
    yield KEYS.resolve()
    yield from (PACKAGE.parent / name for name in ("solutions", "tests", "book", "_build", ".git"))
    if "UNROLLED_SOLUTIONS" in os.environ:
        yield Path(os.environ["UNROLLED_SOLUTIONS"]).resolve()


def command(method: str, steps: list[Step]) -> list[str]:
    """The words to put before a command, so that it runs in the sandbox."""
    if method == "unshare":
        return [sys.executable, "-P", "-m", "autograder.kernel.view", json.dumps(steps), "--"]
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.getuid() != 0:
        words.append("--unshare-user")
    options = {"bind": "--ro-bind", "link": "--symlink", "device": "--dev-bind"}
    for kind, source, target in steps:
        if kind in options:
            words += [options[kind], source, target]
        else:
            words += [{"hide": "--tmpfs", "scratch": "--tmpfs", "folder": "--dir", "proc": "--proc"}[kind], target]
            words += ["--remount-ro", target] if kind == "hide" else []
    words += ["--remount-ro", "/", "--chdir", "/", "--new-session", "--cap-drop", "ALL"]
    for name in CAPABILITIES:
        words += ["--cap-add", f"CAP_{name}"]
    return [*words, "--"]


def methods() -> list[str]:
    """The ways to make the sandbox that this machine might offer, the best one first."""
    if sys.platform != "linux":
        return []
    named = os.environ.get("UNROLLED_SANDBOX")
    if named is not None:
        return [name for name in METHODS if name == named]
    return [name for name in METHODS if name != "bubblewrap" or shutil.which("bwrap")]


def figures_folder() -> Path:
    """matplotlib's folder with its list of fonts, which takes seconds to make: made once, outside the sandbox."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unrolled" / "matplotlib"
    with suppress(OSError):  # without it matplotlib makes its list anew each time
        if not any(folder.glob("fontlist*.json")):
            code = "import matplotlib.font_manager"
            environ = os.environ | {"MPLCONFIGDIR": str(folder)}
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run([sys.executable, "-P", "-c", code], env=environ, check=False, capture_output=True)
    return folder
