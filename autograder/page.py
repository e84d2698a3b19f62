"""An exercise solved on the page: run a reader's cells in this process and judge the check.

Here belongs what the browser's Python does (under Pyodide, in a worker that the page can stop),
and nothing about the browser: no JavaScript, no storage, no layout. The verdict is that of the
notebook (`check`), and where the code raises, that of the grader. NumPy and the standard library
only; tests run this module natively too.
"""

from __future__ import annotations

import ast
import builtins
import io
import linecache
import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from autograder import check as course
from autograder.check import Says, Verdict
from autograder.diagnose import CellError, diagnose
from autograder.keys import find_check

MAX_OUTPUT = 20_000  # characters of one run; more is counted, not kept
MAX_DISPLAY = 5_000
MAX_ERROR = 200
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_CELL_FILE = re.compile(r"\(<[\w-]+>, line")


@dataclass(frozen=True)
class Step:
    """One cell to run: its role ("setup", "inputs", "solution", "toy" or "check"), exercise and source."""

    id: str
    role: str
    exercise: str
    source: str


@dataclass
class Outcome:
    """What a run gave: a verdict for each check, the last value displayed, and a traceback.

    A verdict is `{"check", "state", "head", "body", "mistake"}`: `state` is "right", "wrong",
    "mistake", "none" (not filled in) or "error".
    """

    verdicts: list[dict[str, str]] = field(default_factory=list)
    display: str = ""
    error: str = ""


class Output(io.TextIOBase):
    """Printed text: passed on to `write` until there is too much of it."""

    def __init__(self, write: Callable[[str], Any], limit: int = MAX_OUTPUT) -> None:
        self._write, self._left, self.dropped = write, limit, 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Pass on what there is room for."""
        if not isinstance(text, str):
            raise TypeError(f"a text is printed, not a {type(text).__name__}")
        kept = text[: self._left]
        self._left -= len(kept)
        self.dropped += len(text) - len(kept)
        if kept:
            self._write(kept)
        return len(text)


def run(steps: list[dict[str, str]], exercise: str, write: Callable[[str], Any] = lambda text: None) -> dict[str, Any]:
    """Run the cells in a fresh namespace and judge the checks of one exercise.

    Parameters
    ----------
    steps
        The cells in the notebook's order, as `Step` has them: what the exercise needs, its
        solution as the reader wrote it, and a worked example or the checks (or neither).
    exercise
        Whose run it is. What other exercises' cells raise shows where this one needs them.
    write
        Gets printed text as it is printed.

    Returns
    -------
    dict
        An `Outcome`, as plain data.
    """
    outcome, out = Outcome(), Output(write)
    space = _fresh_namespace()
    failed: dict[str, CellError] = {}
    with redirect_stdout(out), redirect_stderr(out):
        for step in (Step(**data) for data in steps):
            mine = step.exercise == exercise
            value, error = _run_cell(step, space)
            if error is not None:
                told = _told(error)
                if step.role == "solution":
                    failed[step.exercise] = told
                if mine and not (outcome.error or _is_stub(error)):
                    outcome.error = _traceback(error)
            if step.role == "check":
                outcome.verdicts.append(_verdict(step, value, error, failed.get(exercise)))
            elif mine and error is None and value is not None:
                outcome.display = _shown(value)
    if out.dropped:
        write(f"\n… {out.dropped:,} more characters were printed; they are not shown.\n")
    return asdict(outcome)


def add_key(name: str, text: str) -> None:
    """Put an exercise's part of its answer key where `check` looks for keys."""
    from autograder.keys import KEYS

    KEYS.mkdir(exist_ok=True)
    path = KEYS / f"{name}.ipynb"
    if not path.exists():
        path.write_text(text, encoding="utf-8")


def _fresh_namespace() -> dict[str, Any]:
    """What a new kernel would give: no names, no inputs, no seed of a run before."""
    os.environ.pop("UNROLLED_SEED", None)
    course._recipes.clear()
    linecache.clearcache()
    np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")
    builtins.input = _no_input
    return {"__name__": "__main__", "__builtins__": builtins}


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() cannot ask here: write the value into the code")


def _run_cell(step: Step, space: dict[str, Any]) -> tuple[Any, BaseException | None]:
    """Run a cell as a notebook does: the value of its last expression, or what it raised."""
    name = f"<{step.id}>"
    linecache.cache[name] = (len(step.source), None, step.source.splitlines(keepends=True), name)
    try:
        tree = ast.parse(step.source, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), space)
        if isinstance(last, ast.Expr) and not step.source.rstrip().endswith(";"):
            return eval(compile(ast.Expression(last.value), name, "eval"), space), None
        if isinstance(last, ast.Expr):
            eval(compile(ast.Expression(last.value), name, "eval"), space)
    except BaseException as error:  # exit() and its like end a cell, and nothing else
        return None, error
    return None, None


def _verdict(step: Step, value: Any, error: BaseException | None, failed: CellError | None) -> dict[str, str]:
    """The words about one check, in the grader's order: the solution's own failure comes first."""
    if error is None and isinstance(value, Verdict):
        said = value.says()
        if said.state != "right" and failed is not None:
            return _words(value.payload.id, _does_not_run(failed))
        return _words(value.payload.id, said)
    check_id = _check_of(step)
    if failed is not None:
        return _words(check_id, _does_not_run(failed))
    if error is None:
        return _words(check_id, Says("wrong", "Not yet", "The check cell produced no result."))
    if _is_stub(error):
        return _words(check_id, _stub_reached(error, step.exercise))
    told = _told(error)
    text = f"Your code raises {told.name}: {told.message[:MAX_ERROR]}"
    found = find_check(check_id)
    mistake = diagnose(told, found[1].reference, found[1].mistakes) if found else None
    if mistake is not None:
        return _words(check_id, Says("mistake", f"A known mistake: {mistake.id}", f"{mistake.says} {text}"))
    return _words(check_id, Says("error", "Not yet", text))


def _words(check_id: str, said: Says) -> dict[str, str]:
    mistake = said.head.removeprefix("A known mistake: ") if said.state == "mistake" else ""
    return {"check": check_id, "state": said.state, "head": said.head, "body": said.body, "mistake": mistake}


def _does_not_run(error: CellError) -> Says:
    text = f"Your solution's cell does not run: {error.name}: {error.message[:MAX_ERROR]}."
    return Says("error", "Not yet", text)


def _is_stub(error: BaseException) -> bool:
    return type(error).__name__ == "NotImplementedError"


def _stub_reached(error: BaseException, exercise: str) -> Says:
    """Which exercise's stub was called: this one's, or one that it builds on."""
    frames = traceback.extract_tb(error.__traceback__)
    stubs = [frame for frame in frames if frame.filename.endswith("-solution>")]
    if stubs and stubs[-1].filename != f"<{exercise}-solution>":
        other = stubs[-1].filename.removeprefix("<").removesuffix("-solution>")
        text = f"This needs `{stubs[-1].name}`, the exercise `{other}`, which is not filled in yet."
        return Says("none", "Another exercise first", text)
    return Says("none", "Not filled in yet", "")


def _check_of(step: Step) -> str:
    """The id of the check that a check cell calls: the first text in its call of `check`."""
    for node in ast.walk(ast.parse(step.source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check" and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return first.value
    return step.exercise


def _told(error: BaseException) -> CellError:
    try:
        text = str(error)
    except Exception:  # an exception of the reader's own may have any __str__
        text = ""
    return CellError(type(error).__name__[:100], _CELL_FILE.sub("(line", _ADDRESS.sub("0x…", text[:2000])))


def _traceback(error: BaseException) -> str:
    """The traceback through the reader's cells alone."""
    try:
        told = traceback.TracebackException(type(error), error, error.__traceback__, limit=200)
        kept = [frame for frame in told.stack if frame.filename.startswith("<") and frame.filename.endswith(">")]
        told.stack = traceback.StackSummary.from_list([f for f in kept if f.filename != "<string>"])
        return "".join(told.format(chain=False))[-MAX_DISPLAY:].lstrip("\n")
    except Exception:
        return f"{type(error).__name__}\n"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except BaseException as error:
        return f"(its repr() raises {type(error).__name__})"
    return text if len(text) <= MAX_DISPLAY else f"{text[:MAX_DISPLAY]} …"


def main() -> None:
    """Run jobs from standard input, one JSON text a line: `{"keys", "steps", "exercise"}`; one outcome a line."""
    import json

    for line in sys.stdin:
        job = json.loads(line)
        for name, text in job.get("keys", {}).items():
            add_key(name, text)
        print(json.dumps(run(job["steps"], job["exercise"])), flush=True)


if __name__ == "__main__":
    main()
