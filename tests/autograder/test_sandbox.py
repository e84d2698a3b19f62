"""The sandbox is made in every way that this machine offers, as root and as an ordinary user; or grading is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.kernel import Budget, ForkServer, KernelError, KernelSettings, run_cell
from autograder.kernel.doctor import ESSENTIAL
from autograder.kernel.sandbox import METHODS, PACKAGE, view
from autograder.kernel.settings import FLOODED, OUT_OF_MEMORY, TIMED_OUT, verdict
from autograder.notebook import write_ipynb
from autograder.release import filled_notebook
from tests.ordinary_user import as_ordinary_user
from tests.submissions.samples import chapter, solutions_of

DOCTOR = [sys.executable, "-P", "-m", "autograder.cli", "doctor", "--json"]


def no_sandbox(reason: str) -> None:
    """In CI a missing sandbox is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that any user may enter."""
    with tempfile.TemporaryDirectory(prefix="unrolled-home-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.mark.parametrize("user", ["as I am", "ordinary user"])
@pytest.mark.parametrize("method", METHODS)
def test_every_protection_is_in_force(method: str, user: str, home: Path) -> None:
    if method == "bubblewrap" and not shutil.which("bwrap"):
        no_sandbox("bubblewrap is not installed: apt-get install bubblewrap")
    command: list[str] | None = DOCTOR
    if user == "ordinary user":
        command = as_ordinary_user(DOCTOR, home)
        if command is None:
            no_sandbox("setpriv, unshare and mount are needed to become an ordinary user")
    assert command is not None
    environment = os.environ | {"UNROLLED_SANDBOX": method}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd="/", check=False)
    if result.returncode and "sandbox" not in result.stdout:
        no_sandbox(result.stderr.strip())
    report = json.loads(result.stdout)
    found = {finding["name"]: finding["in_force"] for finding in report["findings"]}
    assert report["sandbox"] == method, report
    assert {name: found.get(name) for name in ESSENTIAL} == dict.fromkeys(ESSENTIAL, True)


@pytest.mark.parametrize("method", METHODS)
def test_a_grader_installed_below_tmp_is_seen_from_its_kernels(method: str, tmp_path: Path) -> None:
    """Kernels have a /tmp of their own; what they run from may lie below the machine's."""
    if method == "bubblewrap" and not shutil.which("bwrap"):
        no_sandbox("bubblewrap is not installed: apt-get install bubblewrap")
    if not tmp_path.is_relative_to("/tmp"):
        pytest.skip("temporary folders are elsewhere here")
    shutil.copytree(PACKAGE, tmp_path / "autograder", ignore=shutil.ignore_patterns("__pycache__"))
    environment = os.environ | {"UNROLLED_SANDBOX": method, "PYTHONPATH": str(tmp_path)}
    result = subprocess.run(DOCTOR, capture_output=True, text=True, env=environment, cwd="/", check=False)
    assert json.loads(result.stdout)["sandbox"] == method, result.stdout
    assert result.returncode == 0, result.stdout


def test_without_a_sandbox_grading_is_refused_unless_told(tmp_path: Path) -> None:
    source = chapter("equations")
    write_ipynb(tmp_path / "a.ipynb", filled_notebook(source, solutions_of(source)))
    command = [sys.executable, "-P", "-m", "autograder.cli", "grade", str(tmp_path / "a.ipynb")]
    environment = os.environ | {"UNROLLED_SANDBOX": "none"}

    refused = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1 and "--unsafe" in refused.stderr
    told = subprocess.run([*command, "--unsafe"], capture_output=True, text=True, env=environment, check=False)
    assert told.returncode == 0, told.stderr
    assert "no sandbox" in told.stderr


def test_a_server_that_must_be_safe_is_not_started_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_SANDBOX", "none")
    with pytest.raises(KernelError, match="no sandbox"):
        ForkServer(unsafe=False)


def test_the_view_holds_the_package_and_hides_the_keys(tmp_path: Path) -> None:
    steps = view(tmp_path)
    targets = [target for _, _, target in steps]
    assert ("bind", str(PACKAGE), str(PACKAGE)) in steps
    assert ("hide", "", str(PACKAGE / "keys")) in steps
    assert not any(target.startswith(str(PACKAGE.parent / "solutions")) for target in targets)
    kinds = {target: kind for kind, _, target in steps}
    assert all(kinds[str(p)] == "folder" for t in targets for p in Path(t).parents if kinds.get(str(p)) == "folder")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """A fork server that is bare: its limits must hold without the sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNROLLED_SANDBOX", "none")
        bare = ForkServer()
    yield bare
    bare.close()


@pytest.mark.parametrize(
    ("code", "name"),
    [("while True: pass", TIMED_OUT), ("a = bytearray(10**9)", "MemoryError"),
     ("import mmap\na = mmap.mmap(-1, 10**9)\nfor i in range(0, 10**9, 4096): a[i] = 1", OUT_OF_MEMORY),
     ("while True: display('x' * 10**5)", FLOODED), ("open('a', 'wb').truncate(10**9)", "OSError")],
)  # fmt: skip
def test_limits_hold_without_the_sandbox(server: ForkServer, code: str, name: str) -> None:
    kernel = server.kernel(KernelSettings(timeout=5, memory=300_000_000, disk=10**7, cell_output=10**6))
    result = run_cell(kernel, code)
    kernel.stop()
    assert result.error is not None
    assert result.error[0] == name
    assert verdict(*result.error) in ("timeout", "memory", "output", "disk")


def test_a_notebook_s_time_and_output_are_shared_by_its_kernels(server: ForkServer) -> None:
    settings = KernelSettings(timeout=5, notebook_timeout=6, cell_output=10**6, notebook_output=1_500_000)
    budget = Budget.of(settings)
    for _ in range(2):
        kernel = server.kernel(settings, budget)
        result = run_cell(kernel, "for i in range(9): display('x' * 10**5)")
        kernel.stop()
    assert result.error is not None
    assert result.error[0] == FLOODED and "notebook" in result.error[1]
    budget.output = 10**6
    budget.seconds = 0.5
    result = run_cell(server.kernel(settings, budget), "while True: pass")
    assert result.error is not None
    assert result.error[0] == TIMED_OUT and "notebook" in result.error[1]
    server.close()
