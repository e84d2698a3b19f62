"""An ordinary Jupyter kernel, started by nbval: where fork does not exist.

Slower (seconds to start) and without process limits, but the same records.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from queue import Empty
from typing import Any

from autograder.kernel.client import DIED, TIMED_OUT, KernelError, KernelSettings


class OrdinaryKernels:
    """Starts ordinary kernels of this environment."""

    def kernel(self, settings: KernelSettings) -> OrdinaryKernel:
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
        self._extra: list[dict[str, Any]] = []
        self._alive = True
        self._last = ""

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        self._extra.clear()
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
        return message

    def interrupt(self) -> None:
        """A cell that takes too long has been ended by `await_reply` already."""

    def is_alive(self) -> bool:
        return self._alive

    def stop(self) -> None:
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
