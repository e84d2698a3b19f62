"""The process that runs a submission's cells: IPython without zmq, outputs as JSON lines.

The shell is created in the fork server, before any fork and any thread, with its history off
(IPython's history starts a thread). Each fork then calls `serve`, which reads requests from one
socket and writes Jupyter-like messages to the same socket. Cells behave as in Jupyter: magics,
`display`, rich results, inline figures, top-level `await`; `input()` is refused.
"""

from __future__ import annotations

import builtins
import json
import os
import socket
import sys
from contextlib import suppress
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell

from autograder.kernel.policy import guard

MAX_STREAM_CHARS = 1_000_000  # per cell; what comes after is dropped, with a note
MAX_MESSAGE_CHARS = 12_000_000


class Channel:
    """The socket to the grader, and the text budget of the cell that runs."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.left = MAX_STREAM_CHARS
        self.code = ""
        self.failed = False  # whether the cell has sent an error

    def send(self, kind: str, **content: Any) -> None:
        """One message, one line. Too large a message becomes an error message."""
        if self.sock is None:
            return
        line = json.dumps({"msg_type": kind, "content": content}, default=str)
        if len(line) > MAX_MESSAGE_CHARS:
            text = f"an output of {len(line)} characters was dropped"
            line = json.dumps({"msg_type": "stream", "content": {"name": "stderr", "text": text}})
        self.sock.sendall(line.encode("utf-8", "replace") + b"\n")

    def write(self, name: str, text: str) -> None:
        """Text of a stream, up to the cell's budget."""
        if self.left <= 0:
            return
        kept = text[: self.left]
        self.left -= len(kept)
        if self.left <= 0:
            kept += "\n… further output dropped\n"
        self.send("stream", name=name, text=kept)


CHANNEL = Channel()


class Stream:
    """`sys.stdout` or `sys.stderr` of a cell."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.buffer = ByteStream(self)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            CHANNEL.write(self.name, text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1 if self.name == "stdout" else 2


class ByteStream:
    """`sys.stdout.buffer`: bytes, shown as text."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def write(self, data: bytes) -> int:
        self.stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """`display(...)`."""

    def publish(self, data: Any, metadata: Any = None, **kwargs: Any) -> None:
        CHANNEL.send("display_data", data=data, metadata=metadata or {})

    def clear_output(self, wait: bool = False) -> None:
        CHANNEL.send("clear_output", wait=wait)


class Hook(DisplayHook):  # type: ignore[misc]
    """The value of a cell's last expression."""

    def quiet(self) -> bool:
        """A closing semicolon hides the result, as in Jupyter."""
        return CHANNEL.code.rstrip().endswith(";")

    def write_output_prompt(self) -> None:
        """No prompt: the message carries the count."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        CHANNEL.send("execute_result", data=format_dict, metadata=md_dict or {}, execution_count=self.prompt_count)

    def finish_displayhook(self) -> None:
        """Nothing to print after a result."""


class Shell(InteractiveShell):  # type: ignore[misc]
    """IPython's shell with our outputs."""

    def enable_gui(self, gui: Any = None) -> None:
        """Inline figures need no event loop."""

    def ask_exit(self) -> None:
        """`exit` and `quit` end the process, as they end Jupyter's kernel."""
        os._exit(0)

    def init_history(self) -> None:
        super().init_history()
        if self.history_manager is not None:
            self.history_manager.enabled = False

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        send_error(etype, evalue, stb)


def send_error(kind: Any, error: Any, traceback: list[str]) -> None:
    """The message of a cell's error, of bounded length."""
    try:
        text = str(error)
    except Exception as problem:
        text = f"<its message raises {type(problem).__name__}>"
    CHANNEL.failed = True
    name = str(getattr(kind, "__name__", kind))
    CHANNEL.send("error", ename=name[:200], evalue=text[:2000], traceback=[line[:2000] for line in traceback[-20:]])


def make_shell() -> Shell:
    """The shell of a fork server: no history, no config files, no colours."""
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"  # Python's own traceback: the richer ones take seconds after a recursion
    config.InteractiveShell.display_pub_class = Publisher
    config.InteractiveShell.displayhook_class = Hook
    Shell.display_pub_class = Publisher
    Shell.displayhook_class = Hook
    shell: Shell = Shell.instance(config=config)
    _inline_figures(shell)
    warm(shell)
    return shell


def warm(shell: Shell) -> None:
    """Run an empty cell, so that the first real one need not load, or copy after a fork, what every cell uses."""
    shell.run_cell("pass", store_history=False)


def serve(shell: Shell, sock: socket.socket) -> None:
    """Run requests from `sock` until it closes. Each ends with an `idle` message."""
    warm(shell)  # before anyone waits for it, if this kernel was forked ahead
    CHANNEL.sock = sock
    for name in ("stdout", "stderr"):
        stream = Stream(name)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    builtins.input = _refuse_input
    own = os.getpid()
    with sock.makefile("r", encoding="utf-8") as requests:
        for line in requests:
            request = json.loads(line)
            CHANNEL.left, CHANNEL.code, CHANNEL.failed = MAX_STREAM_CHARS, request["code"], False
            try:
                with guard(request.get("policy"), shell.user_ns):
                    result = shell.run_cell(request["code"], store_history=False)
                problem = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
                if problem is not None and not CHANNEL.failed:  # its traceback could not be made
                    send_error(type(problem), problem, [])
            except KeyboardInterrupt:
                CHANNEL.send("error", ename="KeyboardInterrupt", evalue="", traceback=[])
            if os.getpid() != own:  # a cell forked: its copy has no part in the cells to come
                os._exit(0)
            CHANNEL.send("idle", id=request["id"])


def _refuse_input(prompt: object = "") -> str:
    raise StdinNotImplementedError("input() cannot be used here: no one is there to answer. Assign the value instead.")


def _inline_figures(shell: Shell) -> None:
    """`%matplotlib inline`, as in Jupyter, where matplotlib is installed."""
    with suppress(ImportError):
        shell.enable_matplotlib("inline")
