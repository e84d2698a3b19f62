"""Kernels that say what a test says: real forked kernels as the grader sees them, with nobody at the other end."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from threading import Thread

from autograder.grade import Course, open_course
from autograder.kernel import Budget, KernelSettings
from autograder.kernel.client import ForkedKernel

Script = Callable[[str], list[bytes]]


class Scripted(ForkedKernel):
    """A kernel that answers each cell with the lines that `script` gives for its source, and then is idle."""

    def __init__(self, script: Script, settings: KernelSettings, budget: Budget | None = None) -> None:
        ours, self._theirs = socket.socketpair()
        super().__init__(ours, [], settings, budget or Budget.of(settings), None, lambda: None)
        self._script = script

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        number = super().execute_cell_input(cell_input, allow_stdin)
        self._theirs.recv(1 << 20)
        idle = {"msg_type": "idle", "content": {"id": int(number)}}
        said = b"\n".join([*self._script(cell_input), json.dumps(idle).encode(), b""])
        self._saying = Thread(target=self._theirs.sendall, args=(said,), daemon=True)
        self._saying.start()  # more than the socket holds is read while it is being said
        return number

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        super().await_reply(msg_id, timeout)
        self._saying.join()

    def stop(self, wait: bool = True) -> None:
        super().stop()
        self._theirs.close()


class ScriptedKernels:
    """Gives scripted kernels."""

    sandboxed = False

    def __init__(self, script: Script) -> None:
        self.script = script

    def kernel(self, settings: KernelSettings, budget: Budget | None = None) -> Scripted:
        """A fresh one."""
        return Scripted(self.script, settings, budget)


def course_of(script: Script) -> Course:
    """The course on scripted kernels, with the public answers and no solutions: nothing else runs."""
    course = open_course(ScriptedKernels(script))
    return Course(course.kernels, course.references, None)
