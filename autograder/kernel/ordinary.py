"""An ordinary Jupyter kernel, started by nbval: where fork does not exist.

Slower (seconds to start) and no sandbox, but the same records. Its limits are a process's own,
where the system has them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from queue import Empty
from typing import Any

from autograder.kernel.outputs import run_cell
from autograder.kernel.settings import DIED, FLOODED, TIMED_OUT, Budget, KernelError, KernelSettings

# Run in the kernel before anything else. The limit of memory comes on top of what the interpreter holds;
# there is none beside a GPU, whose driver reserves far more than it uses.
LIMITING = """
try:
    import resource as _r
    _limits = dict(CPU={cpu}, FSIZE={disk}, NOFILE={files}, CORE=0, **{memory})
    for _kind, _value in _limits.items():
        try:
            _r.setrlimit(getattr(_r, "RLIMIT_" + _kind), (_value, _value))
        except (AttributeError, OSError, ValueError):
            pass
except ImportError:
    pass
"""


class OrdinaryKernels:
    """Starts ordinary kernels of this environment."""

    sandboxed = False

    def kernel(self, settings: KernelSettings, budget: Budget | None = None) -> OrdinaryKernel:
        """A fresh kernel in a fresh, empty folder."""
        return OrdinaryKernel(settings)


class OrdinaryKernel:
    """nbval's own kernel, with death and time-out turned into messages."""

    def __init__(self, settings: KernelSettings) -> None:
        from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel

        self._timeout = settings.timeout
        self._folder = tempfile.mkdtemp(prefix="unrolled-")
        before = dict(os.environ)
        os.environ.update(settings.as_environment() | {"PYTHONHASHSEED": "0"})
        try:
            self._kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=self._folder)
        except Exception as error:
            raise KernelError(f"no Jupyter kernel could be started: {error}") from error
        finally:
            os.environ.clear()
            os.environ.update(before)
        self._settings, self._bytes = settings, 0
        self._extra: list[dict[str, Any]] = []
        self._alive = True
        self.policy: str | None = None  # read in the source alone
        self._last = ""
        memory = {"DATA": 10**9 + settings.memory} if settings.device == "cpu" else {}
        run_cell(self, LIMITING.format(cpu=int(settings.notebook_timeout) + 1, disk=settings.disk, files=settings.files,
                                       memory=memory))  # fmt: skip

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        self._extra.clear()
        self._bytes = 0
        self._last = self._kernel.execute_cell_input(cell_input, allow_stdin=False)
        return self._last

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        deadline = time.monotonic() + min(self._timeout, timeout or self._timeout)
        while time.monotonic() < deadline:
            with suppress(Empty):
                self._kernel.await_reply(msg_id, timeout=0.2)
                return
            if not self._kernel.is_alive():
                self._give_up(DIED, "the cell ended the Python process")
                return
        self._give_up(TIMED_OUT, f"stopped after {self._timeout:g} seconds")

    def await_idle(self, parent_id: str, timeout: float) -> None:
        if self._alive:
            self._kernel.await_idle(parent_id, timeout)

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        if not self._alive:
            if not self._extra:
                raise Empty
            return self._extra.pop(0)
        message: dict[str, Any] = self._kernel.get_message(stream, timeout=timeout)
        self._bytes += len(str(message["content"]))
        if self._bytes > self._settings.cell_output:
            self._give_up(FLOODED, f"stopped after {self._settings.cell_output / 1e6:g} MB of output")
            return self._extra.pop(0)
        return message

    def interrupt(self) -> None:
        """A cell that takes too long has been ended by `await_reply` already."""

    def is_alive(self) -> bool:
        return self._alive

    def stop(self, wait: bool = True) -> None:
        """End the kernel; it is always waited for."""
        if self._alive:
            self._alive = False
            self._kernel.stop()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _give_up(self, name: str, text: str) -> None:
        self.stop()
        header = {"msg_id": self._last}
        error = {"ename": name, "evalue": text, "traceback": []}
        self._extra = [
            {"msg_type": "error", "content": error, "parent_header": header},
            {"msg_type": "status", "content": {"execution_state": "idle"}, "parent_header": header},
        ]
