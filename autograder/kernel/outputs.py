"""Running one cell by hand (the reference's, not a submission's) and what it gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder.kernel.settings import Kernel


@dataclass(frozen=True)
class CellRun:
    """A cell's outputs, as in a notebook file, and the error it ended with, if any."""

    outputs: list[dict[str, Any]]
    error: tuple[str, str] | None


def run_cell(kernel: Kernel, source: str, timeout: float | None = None) -> CellRun:
    """Run one cell to its end and collect its outputs."""
    msg_id = kernel.execute_cell_input(source, allow_stdin=False)
    kernel.await_reply(msg_id, timeout=timeout)
    outputs: list[dict[str, Any]] = []
    error = None
    while True:
        message = kernel.get_message("iopub", timeout=10)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return CellRun(outputs, error)
        if kind == "error":
            error = (str(content.get("ename")), str(content.get("evalue")))
        if kind in ("stream", "display_data", "execute_result", "error"):
            outputs.append({"output_type": kind, **content})
