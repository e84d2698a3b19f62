"""The other graders, installed: an environment for each, made once, under `_build/bench-venv`.

Each has its own because they slow one another down: nbgrader brings JupyterLab, with which
`import nbformat` takes a second longer. torch is large, so all of them see one copy of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.bench.figures import ROOT, BenchError, say

FOLDER = ROOT / "_build" / "bench-venv"
SHARED = "shared"

# The one place where the versions stand. torch comes first: its number alone gives the small build.
PINNED: dict[str, tuple[str, ...]] = {
    SHARED: ("torch==2.13.0", "numpy==2.4.6"),
    "nbgrader": ("nbgrader==0.9.6", "ipykernel==7.4.0", "jupyter_client==8.10.0", "nbclient==0.11.0"),
    "otter": ("otter-grader==7.0.0", "ipykernel==7.4.0", "jupyter_client==8.10.0", "nbclient==0.11.0"),
    "nbval": ("nbval==0.11.0", "ipykernel==7.4.0", "jupyter_client==8.10.0", "pytest==9.2.0"),
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
PERSONAL = ("JUPYTER", "IPYTHON", "NBGRADER", "OTTER", "PYTEST", "PYTHON", "VIRTUAL_ENV")


@cache
def environment(name: str) -> Path:
    """The folder of an environment, which is installed first if it is not there.

    Raises
    ------
    BenchError
        If something cannot be installed.
    """
    folder, packages = FOLDER / name, PINNED[name]
    ready = folder / ".ready"
    wanted = json.dumps([sys.version, PINNED[SHARED], packages])
    if ready.is_file() and ready.read_text() == wanted:
        return folder
    say(f"installing {', '.join(packages)} …")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    if name != SHARED:
        (_packages_of(folder) / "shared.pth").write_text(f"{_packages_of(environment(SHARED))}\n")
    install = [program(folder, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    result = subprocess.run(install, capture_output=True, text=True)
    if result.returncode:
        told = [line for line in result.stderr.splitlines() if line.startswith("ERROR")] or [result.stderr[-500:]]
        raise BenchError(f"the environment for {name} cannot be installed ({' '.join(packages)}): {told[-1]}")
    ready.write_text(wanted)
    return folder


def program(folder: Path, name: str) -> str:
    """A program of an environment."""
    return str(folder / "bin" / name)


def settings(folder: Path, installed: Path | None = None) -> dict[str, str]:
    """The variables for a measured command: one thread, nobody's own settings, its environment's programs."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PERSONAL)}
    own = {name: str(folder / "jupyter") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    if installed is not None:
        own["PATH"] = f"{installed / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return kept | dict.fromkeys(THREADS, "1") | own


def run(command: Sequence[str], cwd: Path, variables: dict[str, str], fine: Sequence[int] = (0,)) -> str:
    """Run a command to its end; what it printed.

    Raises
    ------
    BenchError
        If it ends with an exit code that is not `fine`.
    """
    result = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)
    if result.returncode not in fine:
        raise BenchError(
            f"{' '.join(command)}: exit code {result.returncode}\n{(result.stdout + result.stderr)[-2000:]}"
        )
    return result.stdout


def versions_in(name: str) -> dict[str, str]:
    """The versions that an environment has of what is pinned for it."""
    wanted = [package.partition("==")[0] for package in (*PINNED[SHARED], *PINNED[name])]
    code = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {wanted}}}))"
    found: dict[str, str] = json.loads(
        run([program(environment(name), "python"), "-c", code], FOLDER, dict(os.environ))
    )
    return found


def _packages_of(folder: Path) -> Path:
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
