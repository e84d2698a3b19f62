"""Forked kernels behave as Jupyter's, and whatever a cell does, the grader gets an end."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from autograder.kernel import CellRun, ForkServer, Kernels, KernelSettings, run_cell
from autograder.kernel.ordinary import OrdinaryKernels
from autograder.kernel.settings import DIED, FLOODED, TIMED_OUT
from autograder.kernel.watch import tree

Run = Callable[[str], CellRun]


@pytest.fixture
def run(kernels: Kernels) -> Iterator[Run]:
    """Runs cells in one fresh kernel."""
    kernel = kernels.kernel(KernelSettings(seed=3, timeout=5))
    yield lambda source: run_cell(kernel, source)
    kernel.stop()


def text(result: CellRun) -> str:
    return "".join(o.get("text", "") for o in result.outputs)


def test_cells_share_names_and_show_their_last_value(run: Run) -> None:
    assert run("a = 20").outputs == []
    assert run("a + 1").outputs[0]["data"]["text/plain"] == "21"
    assert run("a + 1;").outputs == []


def test_streams_displays_figures_magics_and_await(run: Run) -> None:
    assert text(run("import sys; print('x'); print('y', file=sys.stderr)")) == "x\ny\n"
    assert run("from IPython.display import HTML; HTML('<b>')").outputs[0]["data"]["text/html"] == "<b>"
    assert "image/png" in run("import matplotlib.pyplot as plt; plt.plot([1, 2]);").outputs[0]["data"]
    assert "Wall time" in text(run("%time pass"))
    assert run("import asyncio\nawait asyncio.sleep(0)\n5").outputs[0]["data"]["text/plain"] == "5"


def test_errors_come_with_a_name_and_input_is_refused(run: Run) -> None:
    assert run("1 / 0").error == ("ZeroDivisionError", "division by zero")
    assert run("x = (").error[0] == "SyntaxError"
    assert run("input()").error[0] == "StdinNotImplementedError"
    assert run("1").error is None


@pytest.mark.parametrize(
    "source",
    ["import os; os._exit(3)", "exit()", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
     "import ctypes; ctypes.string_at(0)", "import os; os.close(0)"],
)  # fmt: skip
def test_a_dead_kernel_is_noticed_at_once(kernels: Kernels, source: str) -> None:
    kernel = kernels.kernel(KernelSettings(timeout=60))
    began = time.monotonic()
    result = run_cell(kernel, source)
    assert result.error is not None
    assert result.error[0] == DIED
    assert time.monotonic() - began < 30
    assert not kernel.is_alive()


@pytest.mark.parametrize(
    "source", ["while True: pass", "try:\n    while True: pass\nexcept BaseException: pass\nwhile True: pass",
               "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
               "import time; time.sleep(99)"]
)  # fmt: skip
def test_an_endless_cell_is_stopped(kernels: Kernels, source: str) -> None:
    kernel = kernels.kernel(KernelSettings(timeout=1))
    result = run_cell(kernel, source)
    assert result.error is not None
    assert result.error[0] == TIMED_OUT
    assert not kernel.is_alive()


def test_printing_is_cut_and_flooding_is_stopped(kernels: Kernels) -> None:
    kernel = kernels.kernel(KernelSettings(timeout=30))
    result = run_cell(kernel, "print('x' * 50_000_000)\nfor i in range(10**5): print(i)\n'done'")
    assert len(text(result)) < 1_100_000
    assert result.outputs[-1]["data"]["text/plain"] == "'done'"
    flood = "import socket\ns = socket.socket(fileno=0)\nwhile True: s.sendall(b'x' * 1_000_000 + b'\\n')"
    result = run_cell(kernel, flood)
    assert result.error is not None
    assert result.error[0] == FLOODED


def test_nonsense_on_the_socket_is_no_message(run: Run) -> None:
    lines = [b"{", b"[]", b'{"msg_type": 5}',
             b'{"msg_type": "idle", "content": {}}', b'{"msg_type": "error", "content": 7}',
             b"\xff\xfe", b'{"msg_type": "comm_open", "content": {}}']  # fmt: skip
    for line in lines:
        run(f"import os; os.write(0, {line + bytes([10])!r});")
    assert run("6 * 7").outputs[0]["data"]["text/plain"] == "42"


def test_kernels_start_equal_and_leave_nothing(kernels: Kernels) -> None:
    code = "import random, numpy as np, torch, os\n"
    code += "(random.random(), np.random.rand(), torch.rand(1).item(), os.listdir('.'), os.listdir('/tmp'))"
    seen = []
    for _ in range(2):
        kernel = kernels.kernel(KernelSettings(seed=3))
        seen.append(run_cell(kernel, code).outputs[0]["data"]["text/plain"])
        run_cell(kernel, "open('/tmp/left', 'w').write('x'); open('here', 'w').write('x')")
        run_cell(kernel, "import subprocess; subprocess.Popen(['sleep', '1000'])")
        run_cell(kernel, "subprocess.Popen(['sleep', '1000'], start_new_session=True)")
        kernel.stop()
        kernels.kernel(KernelSettings()).stop()
    assert seen[0] == seen[1]
    assert _alive("sleep\x001000") == []


def test_the_fork_server_keeps_nothing_of_kernels_that_ended(kernels: Kernels) -> None:
    """It hears of the end of each, also of those that end while it forks the next."""
    if not isinstance(kernels, ForkServer):
        pytest.skip("ordinary kernels have no fork server")

    def held() -> int:
        """Open files of the fork server, which has more than any other process there."""
        found = [0]
        for pid in tree([kernels.pid]):
            with suppress(OSError):
                found.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
        return max(found)

    kernels.kernel(KernelSettings()).stop()
    before = held()
    for _ in range(5):
        for kernel in [kernels.kernel(KernelSettings()) for _ in range(20)]:
            kernel.stop(wait=False)
        for kernel in [kernels.kernel(KernelSettings()) for _ in range(5)]:  # made while those come to their end
            kernel.stop(wait=False)
    kernels.rest()
    kernels.kernel(KernelSettings(seed=1)).stop()
    assert held() <= before + 4


def test_secrets_in_the_environment_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_TOKEN", "s3cret")
    server = ForkServer()
    try:
        result = run_cell(
            server.kernel(KernelSettings()), "import os; [v for v in os.environ.values() if v == 's3cret']"
        )
        assert result.outputs[0]["data"]["text/plain"] == "[]"
    finally:
        server.close()


def test_torch_works_after_the_fork(run: Run) -> None:
    code = "import torch; w = torch.ones(300, 300, requires_grad=True); (w @ w).sum().backward(); w.grad.sum().item()"
    assert run(code).outputs[0]["data"]["text/plain"] == "54000000.0"


@pytest.mark.slow
def test_an_ordinary_kernel_gives_the_same(kernels: Kernels) -> None:
    for source in (kernels, OrdinaryKernels()):
        kernel = source.kernel(KernelSettings(seed=5, timeout=20))
        assert run_cell(kernel, "import os; os.environ['UNROLLED_SEED']").outputs[0]["data"]["text/plain"] == "'5'"
        assert run_cell(kernel, "1 / 0").error == ("ZeroDivisionError", "division by zero")
        assert run_cell(kernel, "open('a', 'wb').truncate(10**12)").error[0] == "OSError"
        assert run_cell(kernel, "import os; os._exit(1)").error[0] == DIED
        assert not kernel.is_alive()


def _alive(words: str) -> list[str]:
    """Processes with these words in their command line that do not end within ten seconds."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if words in path.read_text():
                ended = os.pidfd_open(int(path.parent.name))
                if not select.select([ended], [], [], 10)[0]:
                    found.append(str(path))
                os.close(ended)
    return found
