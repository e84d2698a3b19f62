"""The reference's values under a seed: what the solutions, mistakes and variants produce.

Here belongs running a chapter's *own* code (never a submission's) and keeping what it gave.
A graded run uses a seed that the public key does not have, so its reference values come from
here, once for each key and seed, cached by content.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.diagnose import CellError, Mistake
from autograder.kernel import CellRun, Kernel, Kernels, KernelSettings, run_cell
from autograder.keys import Check, Key, parse_outcome, payloads
from autograder.notebook import Cell, Chapter, alternative_code, read_chapter, reference_code
from autograder.payload import Payload, PayloadError, decode, encode

LOCKED_CODE = ("setup", "inputs")
Outcome = Payload | CellError


class ReferenceError(Exception):
    """A chapter's own code does not run; the message says which cell and how it failed."""


def solutions_folder() -> Path | None:
    """Where the solutions are: `$UNROLLED_SOLUTIONS`, or beside the package in the repository."""
    named = os.environ.get("UNROLLED_SOLUTIONS")
    folder = Path(named) if named else Path(__file__).parent.parent / "solutions"
    return folder if folder.is_dir() else None


def run_reference(chapter: Chapter, kernels: Kernels, settings: KernelSettings) -> dict[str, Payload]:
    """Run the chapter with its solutions; the payload of each check, by the check's id.

    Raises
    ------
    ReferenceError
        If a cell of the chapter raises, or a check produces no payload of its own id.
    """
    kernel = kernels.kernel(settings)
    found: dict[str, Payload] = {}
    try:
        for cell in chapter.cells:
            if cell.kind != "code" or cell.role in ("mistake", "variant"):
                continue
            run = run_cell(kernel, reference_code(cell.source))
            if run.error:
                raise ReferenceError(f"{chapter.name}, cell {cell.id}: {run.error[0]}: {run.error[1]}")
            if cell.role == "check":
                payload = payload_of(run, check_id(cell))
                if isinstance(payload, CellError):
                    raise ReferenceError(f"{chapter.name}, cell {cell.id}: {payload.message}")
                found[payload.id] = payload
    finally:
        kernel.stop()
    return found


def run_alternative(chapter: Chapter, cell: Cell, kernels: Kernels, settings: KernelSettings) -> dict[str, Outcome]:
    """Run a mistake or variant in the place of its exercise's solution: each check's outcome."""
    kernel = kernels.kernel(settings)
    try:
        run_cell(kernel, prelude(chapter, cell.exercise))
        defined = run_cell(kernel, alternative_code(chapter, cell))
        outcomes: dict[str, Outcome] = {}
        for check in chapter.of("check", cell.exercise):
            outcomes[check_id(check)] = _check_outcome(kernel, defined, check)
        return outcomes
    finally:
        kernel.stop()


def prelude(chapter: Chapter, exercise: str) -> str:
    """The code that an exercise builds on: locked cells and the reference of earlier exercises."""
    solution = chapter.solution(exercise)
    before = chapter.cells[: chapter.cells.index(solution)]
    wanted = [c for c in before if c.kind == "code" and c.role in (*LOCKED_CODE, "solution")]
    wanted += [c for c in chapter.of("inputs", exercise) if c not in wanted]
    return "\n\n".join(reference_code(cell.source) for cell in wanted)


def check_id(cell: Cell) -> str:
    """The id of a check cell's check: its own, or its exercise's."""
    return str(cell.about.get("id", cell.exercise))


def payload_of(run: CellRun, expected_id: str) -> Outcome:
    """The one payload of a check cell's run, or the error it ended with."""
    if run.error:
        return CellError(*run.error)
    try:
        found = [decode(data) for data in payloads(run.outputs)]
    except PayloadError as error:
        return CellError("PayloadError", str(error))
    if len(found) != 1 or found[0].id != expected_id:
        return CellError("PayloadError", f"the cell should end with check('{expected_id}', ...)")
    return found[0]


@dataclass
class References:
    """Reference values of graded runs: in memory, and on disk under the key's hash and the seed."""

    kernels: Kernels
    folder: Path | None = None

    def __post_init__(self) -> None:
        self._payloads: dict[str, dict[str, Payload]] = {}
        self._mistakes: dict[tuple[str, str], tuple[Mistake, ...]] = {}

    def payloads(self, key: Key, chapter: Chapter, seed: int) -> dict[str, Payload]:
        """The reference's payload of each check under a seed."""

        def make() -> dict[str, Any]:
            fresh = run_reference(chapter, self.kernels, KernelSettings(seed=seed))
            return {i: encode(p.id, p.seed, p.values) for i, p in fresh.items()}

        name = f"{key.hash}-{seed}"
        if name not in self._payloads:
            self._payloads[name] = {i: decode(data) for i, data in self._stored(name, make).items()}
        return self._payloads[name]

    def mistakes(self, key: Key, chapter: Chapter, check: Check, seed: int) -> tuple[Mistake, ...]:
        """What each known mistake of a check produces under a seed."""
        if seed == check.reference.seed:
            return check.mistakes

        def make() -> dict[str, Any]:
            settings = KernelSettings(seed=seed)
            cells = chapter.of("mistake", check.exercise)
            runs = {str(c.about["id"]): run_alternative(chapter, c, self.kernels, settings) for c in cells}
            return {name: {i: outcome_json(o) for i, o in run.items()} for name, run in runs.items()}

        name = f"{key.hash}-{seed}-{check.exercise}"
        if (name, check.id) not in self._mistakes:
            stored = self._stored(name, make)
            says = {mistake.id: mistake.says for mistake in check.mistakes}
            found = (Mistake(n, says[n], parse_outcome(run[check.id])) for n, run in stored.items() if n in says)
            self._mistakes[name, check.id] = tuple(found)
        return self._mistakes[name, check.id]

    def _stored(self, name: str, make: Any) -> dict[str, Any]:
        path = self.folder / f"{name}.json" if self.folder else None
        try:
            value = json.loads(path.read_text()) if path else None
        except (OSError, ValueError):
            value = None
        if value is None:
            value = make()
            if path:
                _write_atomically(path, json.dumps(value))
        return dict(value)


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """A mistake's outcome as it is stored in keys and caches."""
    if isinstance(outcome, CellError):
        return {"error": outcome.name, "message": outcome.message}
    return encode(outcome.id, outcome.seed, outcome.values)


def cache_folder() -> Path:
    """Where reference values are cached: `$UNROLLED_CACHE`, or the user's cache folder."""
    named = os.environ.get("UNROLLED_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(base) / "unrolled"


def _check_outcome(kernel: Kernel, defined: CellRun, check: Cell) -> Outcome:
    if defined.error:
        return CellError(*defined.error)
    return payload_of(run_cell(kernel, check.source), check_id(check))


def _write_atomically(path: Path, text: str) -> None:
    """Best effort: a cache that cannot be written costs time, not points."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = hashlib.sha256(f"{os.getpid()}{path}".encode()).hexdigest()[:8]
        temporary = path.with_name(f"{path.name}.{suffix}")
        temporary.write_text(text)
        temporary.replace(path)
    except OSError:
        return


def functions(chapter: str) -> SimpleNamespace:
    """The reference solutions of a chapter, defined in this process: `functions("lstm").lstm_step`.

    For pages, experiments and tests, so that what is shown and tested is what is graded with.

    Raises
    ------
    FileNotFoundError
        If the solutions are not at hand, or the chapter has none.
    """
    folder = solutions_folder()
    if folder is None:
        raise FileNotFoundError("the solutions are not beside the package")
    read = read_chapter(folder / f"{chapter}.md")
    names: dict[str, Any] = {"__name__": f"solutions_{chapter}"}
    for cell in read.cells:
        if cell.role in ("setup", "solution"):
            code = compile(reference_code(cell.source), f"solutions/{chapter}.md:{cell.id}", "exec")
            exec(code, names)
    return SimpleNamespace(**{name: value for name, value in names.items() if not name.startswith("__")})
