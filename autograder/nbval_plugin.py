"""nbval with our comparison: the grafted notebook is collected, run and compared as nbval does.

Two small subclasses. `GradedFile` gives nbval our kernels and keeps follow-through: after an
exercise that failed, the kernel is thrown away, and the next cells run in a fresh one where the
reference's functions stand in for the failed ones. `GradedCell` compares our MIME type with a
tolerance, and ignores whatever else a cell prints. Points need an explicit pass here.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile

from autograder.compare import compare
from autograder.diagnose import CellError, Mistake, diagnose
from autograder.graft import Graft, Step, isolate
from autograder.kernel import Budget, Kernel, KernelError, Kernels, KernelSettings, run_cell
from autograder.kernel.policy import broken_by, policy_of
from autograder.kernel.settings import KILLED, verdict
from autograder.keys import Check, payloads
from autograder.notebook import assemble, code_cell, helpers_of
from autograder.payload import MIME, Payload, PayloadError, decode, encode
from autograder.record import CheckResult, printable

OPTIONS = ["-p", "nbval.plugin", "-p", "no:cacheprovider", "-p", "no:warnings", "-p", "no:faulthandler"]
OPTIONS += ["-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:logging"]
OPTIONS += ["--capture=no", "-qq", "--no-header", "--no-summary", "--color=no", "-c", os.devnull]

MAX_HEARD = 100  # payloads and errors of one cell: more than one payload, or any error, earn nothing anyway
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_CELL_FILE = re.compile(r"\((?:<ipython-input-[\w-]+>|\d+\.py), line")


@dataclass
class Job:
    """One grafted submission to run, and where its results go.

    `solutions` maps exercises to the reference's code (empty: no follow-through); `mistakes`
    gives a check's known mistakes under the job's seed.
    """

    graft: Graft
    reference: dict[str, Payload]
    mistakes: Callable[[Check], tuple[Mistake, ...]]
    solutions: dict[str, str]
    kernels: Kernels
    settings: KernelSettings
    on_result: Callable[[CheckResult], None] = lambda result: None
    results: dict[str, CheckResult] = field(default_factory=dict)
    seconds: float = 0.0
    budget: Budget | None = None  # what is left of time and output, made when the first cell runs
    alone: bool = False  # whether no exercise may see another one's student code

    def steps(self) -> list[Step]:
        """The code cells to run. Worked examples are for reading: they are not run."""
        return [step for step in self.graft.steps if step.role != "toy"]

    def checks(self) -> list[Check]:
        """The checks that this job is to decide."""
        run = {step.cell_id for step in self.graft.steps if step.role == "check"}
        return [check for check in self.graft.key.checks if check.cell_id in run]

    def isolated(self) -> Job | None:
        """A second chance for exercises that failed, each in clean surroundings; None if there are none.

        A known mistake, or a stub, is the student's own doing and needs none.
        """
        final = ("pass", "missing", "policy")
        failed = {r.exercise for r in self.results.values() if r.outcome not in final and not r.mistake}
        if not failed:
            return None
        grafted = isolate(self.graft, failed, self.solutions)
        return replace(self, graft=grafted, alone=True, results={}, seconds=0.0, on_result=lambda result: None)

    def keep(self, result: CheckResult) -> None:
        """Take down a check's result."""
        self.results[result.id] = result
        self.on_result(result)


def run_jobs(jobs: list[Job], folder: Path) -> None:
    """Run all jobs in one pytest session; their `results` are filled in."""
    paths = {}
    for i, job in enumerate(jobs):
        path = (folder / f"submission_{i:06d}.ipynb").resolve()
        path.write_text(json.dumps(_as_notebook(job)), encoding="utf-8")
        paths[path] = job
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"), os.environ.pop("PYTEST_ADDOPTS", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            pytest.main([*OPTIONS, "--rootdir", str(folder), *map(str, paths)], plugins=[_Collector(paths)])
    finally:
        for name, value in zip(("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "PYTEST_ADDOPTS"), before, strict=True):
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class _Collector:
    """Collects the grafted notebooks, with our classes instead of nbval's flag."""

    def __init__(self, jobs: dict[Path, Job]) -> None:
        self._jobs = jobs

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Any:
        if file_path not in self._jobs:
            return None
        collected = GradedFile.from_parent(parent, path=file_path)
        collected.job = self._jobs[file_path]
        return collected


class GradedFile(IPyNbFile):  # type: ignore[misc]
    """A grafted notebook: which kernel its cells run in, and what replaces a failed exercise."""

    job: Job
    kernel: Kernel | None

    def setup(self) -> None:
        """Start with nothing run; the first cell starts the kernel."""
        self.setup_sanitize_files()
        self.compare_outputs = True
        self.history: list[str] = []  # what a new kernel must run again
        self.pending: list[Step] = []  # the steps of the exercise that is under way
        self.heard = 0  # messages of the cell that runs
        self.failed_cells: dict[str, CellError] = {}  # solution cells that raised, by exercise
        self.began = time.perf_counter()
        job = self.job
        job.budget = job.budget or Budget.of(job.settings)
        extras = [step.source for step in job.graft.steps if step.role == "extra"]
        numpy_only = {e.id for e in job.graft.key.exercises if policy_of(e.backend)}
        self.broken = {  # exercises whose source breaks its import policy, and how
            step.exercise: problem
            for step in job.graft.steps
            if step.role == "solution" and step.exercise in numpy_only
            if (problem := broken_by(step.source, extras)) is not None
        }
        self.policies = {e.id: policy_of(e.backend) for e in job.graft.key.exercises}

    def collect(self) -> Iterator[IPyNbCell]:
        """nbval's cells, as ours, with options that no marker of a submission can change."""
        for item, step in zip(super().collect(), self.job.steps(), strict=True):
            options = defaultdict(bool, check=step.role == "check", check_exception=True)
            cell = GradedCell.from_parent(self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=options)
            cell.step = step
            yield cell

    def get_kernel_message(self, timeout: float | None = None, stream: str = "iopub") -> dict[str, Any]:
        """The next message that counts, with nothing in it but what is read: a submission may send anything."""
        while True:
            message = _bare(super().get_kernel_message(timeout=timeout, stream=stream))
            if message is not None and message["msg_type"] == "status":
                self.heard = 0
                return message
            if message is not None and (self.heard < MAX_HEARD or message["content"].get("ename") in KILLED):
                self.heard += 1
                return message

    def ready(self) -> Kernel:
        """A kernel in the state that the next cell needs."""
        if self.kernel is not None and self.kernel.is_alive():
            return self.kernel
        self.kernel = self.job.kernels.kernel(self.job.settings, self.job.budget)
        earlier = [*self.history, *(step.source for step in self.pending if step.role != "check")]
        for source in earlier:
            run_cell(self.kernel, source)
            if not self.kernel.is_alive():  # it ran before: what kills it now is chance, or spite
                self.history = [kept for kept in self.history if kept != source]
                self.pending = [step for step in self.pending if step.source != source]
                return self.ready()
        return self.kernel

    def ran(self, step: Step, error: CellError | None) -> None:
        """Keep account of a cell that has run."""
        if error and step.role == "solution":
            self.failed_cells[step.exercise] = error
        if error and error.name in KILLED and step.role != "check":
            return
        in_exercise = self.pending and self.pending[0].exercise
        if step.role == "solution" or in_exercise:
            self.pending.append(step)
        else:
            self.history.append(step.source)
        if step.role == "check" and self._is_last_check(step):
            self._settle(step.exercise)

    def teardown(self) -> None:
        self.job.seconds += time.perf_counter() - self.began
        if self.kernel is not None:
            self.kernel.stop(wait=False)

    def _is_last_check(self, step: Step) -> bool:
        checks = [s for s in self.job.steps() if s.role == "check" and s.exercise == step.exercise]
        return checks[-1].cell_id == step.cell_id

    def _settle(self, exercise: str) -> None:
        """The exercise is over: keep the student's code, or put the reference's in its place."""
        checks = [check.id for check in self.job.graft.key.checks if check.exercise == exercise]
        passed = all(i in self.job.results and self.job.results[i].outcome == "pass" for i in checks)
        steps, self.pending = self.pending, []
        reference = self.job.solutions.get(exercise)
        if (not passed or self.job.alone) and reference is not None:
            mine = next((s.source for s in self.job.steps() if s.role == "solution" and s.exercise == exercise), "")
            given = [s.source for s in self.job.steps() if s.role in ("setup", "inputs")]
            helpers = "" if self.job.alone else helpers_of(mine, "\n".join([*given, reference]))
            self.history += [helpers, reference]
            self.history += [step.source for step in steps if step.role in ("extra", "setup", "inputs")]
            if self.kernel is not None:
                self.kernel.stop(wait=False)
        else:
            self.history += [step.source for step in steps if step.role != "check"]


class GradedCell(IPyNbCell):  # type: ignore[misc]
    """One cell of a grafted notebook."""

    step: Step
    test_outputs: list[Any] | None

    def setup(self) -> None:
        """No cell is expected to fail because an earlier one timed out: kernels are replaced."""

    def runtest(self) -> None:
        """Run the cell as nbval does; a solution that killed its kernel is not checked again."""
        file: GradedFile = self.parent
        lethal = file.failed_cells.get(self.step.exercise)
        if self.step.role == "check" and lethal is not None and lethal.name in KILLED:
            self._keep(KILLED[lethal.name], None, f"In the solution's cell: {lethal.message}.")
            file.ran(self.step, None)
            return
        try:
            file.ready().policy = file.policies.get(self.step.exercise)
            super().runtest()
        except KernelError as error:
            if self.step.role == "check":
                self._keep("error", None, f"The grader had no kernel: {error}.", "infrastructure")
        finally:
            outputs = self.test_outputs
            self.test_outputs = None  # else a session would hold the outputs of all its notebooks
            file.ran(self.step, _error_of(outputs or []))

    def compare_outputs(self, test: Any, ref: Any, skip_compare: Any = None) -> bool:
        """Judge a check cell by the payload it displayed, with the tolerance of the key."""
        self.comparison_traceback: list[str] = []
        error = _error_of(test)
        check = self._check()
        broken = self.parent.broken.get(check.exercise)
        if broken is not None and self.step.exercise not in self.parent.job.graft.missing:
            return self._keep("policy", None, f"In the solution's cell: {broken}.")
        if error is not None:
            return self._judge_error(check, error)
        found: list[Any] = list(payloads(test))  # read already, see `_bare`
        problem = next((one for one in found if isinstance(one, PayloadError)), None)
        if problem is not None:
            return self._keep("malformed", None, f"The check's output is malformed: {problem}.")
        if not found:
            return self._keep("missing", None, "The check cell produced no result.")
        if len(found) > 1 or found[0].id != check.id:
            return self._keep("malformed", None, "The check cell produced another check's result, or several.")
        reference = decode(next(payloads(ref)))
        difference = compare(found[0], reference, check.tolerances, check.axes)
        if difference is None:
            return self._keep("pass", None, "Right.")
        mistake = diagnose(found[0], reference, self.parent.job.mistakes(check), check.tolerances)
        earlier = self._earlier()
        if earlier is not None and (mistake is None or earlier[0] != "error"):
            return self._keep(earlier[0], None, f"{earlier[1]} {difference.message}")
        text = f"{mistake.says} {difference.message}" if mistake else difference.message
        return self._keep("fail", mistake.id if mistake else None, text)

    def _earlier(self) -> tuple[str, str] | None:
        """How the exercise's solution cell ended, if it raised: outcome and words."""
        error = self.parent.failed_cells.get(self.step.exercise)
        if error is None:
            return None
        hit = verdict(error.name, error.message)
        if hit is not None:
            return hit, f"In the solution's cell: {_told(hit, error, self.parent.job.settings)}."
        return "error", f"Your solution's cell does not run: {error.name}: {error.message[:200]}."

    def _judge_error(self, check: Check, error: CellError) -> bool:
        job: Job = self.parent.job
        hit = verdict(error.name, error.message)
        if hit is not None:
            return self._keep(hit, None, f"In the check's cell: {_told(hit, error, job.settings)}.")
        if error.name == "ForbiddenImport":
            return self._keep("policy", None, f"In the check's cell: {error.message}.")
        if check.exercise in job.graft.missing:
            return self._keep("missing", None, "The solution's cell is missing, no longer a code cell, or too long.")
        earlier = self._earlier()
        if earlier is not None:
            return self._keep(earlier[0], None, earlier[1])
        if error.name == "NotImplementedError":
            return self._keep("missing", None, "Not filled in yet.")
        mistake = diagnose(error, job.reference[check.id], job.mistakes(check))
        text = f"Your code raises {error.name}: {error.message[:200]}"
        return self._keep("error", mistake.id if mistake else None, f"{mistake.says} {text}" if mistake else text)

    def _check(self) -> Check:
        checks: list[Check] = self.parent.job.graft.key.checks
        return next(check for check in checks if check.cell_id == self.step.cell_id)

    def _keep(self, outcome: str, mistake: str | None, message: str, cause: str = "student") -> bool:
        check, passed = self._check(), outcome == "pass"
        points = check.points if passed else 0.0
        self.parent.job.keep(
            CheckResult(check.id, check.exercise, points, check.points, outcome, None if passed else cause,
                        mistake, printable(message))
        )  # fmt: skip
        return passed


def _as_notebook(job: Job) -> dict[str, Any]:
    """The grafted notebook as nbval expects it: reference outputs in its check cells."""
    checks = {check.cell_id: check for check in job.graft.key.checks}
    cells = []
    for i, step in enumerate(job.steps()):
        cell = code_cell(f"cell-{i}", step.source, {})
        if step.role == "check":
            payload = job.reference[checks[step.cell_id].id]
            data = {MIME: encode(payload.id, payload.seed, payload.values)}
            output = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
            cell |= {"outputs": [output], "execution_count": 1}
        cells.append(cell)
    return assemble(cells, {})


def _told(hit: str, error: CellError, settings: KernelSettings) -> str:
    """What a student reads of a limit that a cell ran into."""
    if error.name in KILLED:
        return error.message
    limits = {
        "memory": f"{settings.memory / 1e6:g} MB of memory", "processes": f"{settings.processes} processes and threads",
        "disk": f"{settings.disk / 1e6:g} MB of files", "files": f"{settings.files} open files",
    }  # fmt: skip
    return f"it ran into the limit of {limits[hit]} ({error.name}: {error.message[:200]})"


def _bare(message: dict[str, Any]) -> dict[str, Any] | None:
    """A kernel's message without what does not count for a verdict; None if nothing is left of it."""
    kind, content = message["msg_type"], message["content"]
    if kind == "status" or not isinstance(content, dict):
        return message if kind == "status" else None
    if kind == "error":
        name, text = (part if isinstance(part, str) else "" for part in map(content.get, ("ename", "evalue")))
        content = {"ename": name[:100], "evalue": _steady(text[:2000]), "traceback": []}
    elif kind in ("display_data", "execute_result") and isinstance(data := content.get("data"), dict) and MIME in data:
        content = {"data": {MIME: _read(data[MIME])}, "metadata": {}, "execution_count": None}
    else:
        return None
    return message | {"content": content}


def _steady(text: str) -> str:
    """An error's text without what is another one in every run: addresses, and the name that a cell's file gets."""
    return _CELL_FILE.sub("(line", _ADDRESS.sub("0x…", text))


def _read(data: object) -> Payload | PayloadError:
    """The payload, or what is wrong with it. Read at once: nbval would walk through data, however deep."""
    try:
        return decode(data)
    except PayloadError as problem:
        return problem


def _error_of(outputs: Any) -> CellError | None:
    errors = [o for o in outputs if o.get("output_type") == "error"]
    return CellError(errors[-1]["ename"], errors[-1]["evalue"]) if errors else None


def fill_gaps(job: Job) -> None:
    """Fail closed: a check without a result was not reached, and that is the grader's doing."""
    for check in job.checks():
        if check.id not in job.results:
            text = "The grader did not reach this check."
            job.keep(CheckResult(check.id, check.exercise, 0.0, check.points, "missing", "infrastructure", None, text))
