"""Solutions into an answer key and a student's notebook.

Here belongs what is written for people to use: the key (stubs, reference payloads, mistakes,
calibrated tolerances), the student's notebook (the key without any of that) and the solved one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.compare import Tolerance, compare, default_tolerance, distance
from autograder.diagnose import CellError, Mistake, diagnose
from autograder.kernel import Kernels, KernelSettings
from autograder.keys import KEY_SCHEMA, parse_outcome, with_repeats, without_repeats
from autograder.notebook import (
    Cell,
    Chapter,
    assemble,
    code_cell,
    dump_ipynb,
    markdown_cell,
    reference_code,
    solution_lines,
    stub,
    write_ipynb,
)  # fmt: skip
from autograder.payload import MIME, Payload, encode
from autograder.reference import Outcome, check_id, outcome_json, run_alternative, run_reference

MARKUP = re.compile(r"\*\w|\$|\]\(|<\w")
CALIBRATION_SEEDS = (0, 1, 2)
MAX_SPREAD = 1e-3  # what changes more with the rounding cannot be graded by its value
BACKENDS = ("numpy", "torch")
BACKEND_NAMES = {"numpy": "NumPy", "torch": "PyTorch"}


class ReleaseError(Exception):
    """A chapter that must not be released; the message says which promise it breaks."""


@dataclass(frozen=True)
class Calibration:
    """Of one value: its tolerance, and the spread of the reference that it was made from."""

    tolerance: Tolerance
    spread: float


@dataclass(frozen=True)
class Measured:
    """All that running a chapter gave: reference, calibration and mistakes, by check id."""

    reference: dict[str, Payload]
    calibration: dict[str, dict[str, Calibration]]
    mistakes: dict[str, list[tuple[Cell, Outcome]]]


def measure(chapter: Chapter, kernels: Kernels) -> Measured:
    """Run a chapter's solutions, variants and mistakes under the public seed, and judge them.

    Raises
    ------
    ReleaseError
        If a variant is not accepted, a mistake is accepted or taken for another one, a line of a
        solution stands in a cell that students see, or a mistake's words hold markup.
    """
    for problem in (*leaks(chapter), *_marked_up(chapter)):
        raise ReleaseError(problem)
    reference = run_reference(chapter, kernels, KernelSettings(seed=0))
    variants: dict[str, list[Payload]] = {name: [] for name in reference}
    for cell in chapter.of("variant"):
        for name, outcome in run_alternative(chapter, cell, kernels, KernelSettings(seed=0)).items():
            if isinstance(outcome, CellError):
                raise ReleaseError(f"{cell.id}: the variant raises {outcome.name}: {outcome.message}")
            variants[name].append(outcome)
    spreads = _spreads(chapter, kernels, reference)
    calibration = {n: {v: _calibrate(reference[n].values[v], s) for v, s in by.items()} for n, by in spreads.items()}
    mistakes: dict[str, list[tuple[Cell, Outcome]]] = {name: [] for name in reference}
    for cell in chapter.of("mistake"):
        for name, outcome in run_alternative(chapter, cell, kernels, KernelSettings(seed=0)).items():
            mistakes[name].append((cell, outcome))
    measured = Measured(reference, calibration, mistakes)
    for name, payloads in variants.items():
        _judge(name, payloads, measured)
    return measured


def key_notebook(chapter: Chapter, measured: Measured) -> dict[str, Any]:
    """The answer key: stubs, and check cells that carry the reference's outputs."""
    about = {"schema": KEY_SCHEMA, "chapter": chapter.name, "title": chapter.title, "source": chapter.digest}
    cells = []
    for cell in _student_cells(chapter):
        unrolled = {"id": cell.id, "role": cell.role, "exercise": cell.exercise}
        made = _cell(chapter, cell, unrolled, stub(cell.source))
        if cell.role == "card":
            unrolled |= _card_facts(chapter, cell)
        if cell.role == "check":
            name = check_id(cell)
            unrolled |= _check_facts(chapter, cell, name, measured)
            payload = measured.reference[name]
            data = {MIME: encode(payload.id, payload.seed, payload.values)}
            output = {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
            made |= {"outputs": [output], "execution_count": 1}
        cells.append(made)
    return assemble(cells, about)


def student_notebook(chapter: Chapter) -> dict[str, Any]:
    """What a student fills in: the key without outputs, tolerances and mistakes."""
    return _plain_notebook(chapter, {c.exercise: stub(c.source) for c in chapter.of("solution")})


def filled_notebook(chapter: Chapter, solutions: dict[str, str]) -> dict[str, Any]:
    """The student's notebook with these sources in its solution cells; the others stay stubs."""
    return _plain_notebook(chapter, {c.exercise: stub(c.source) for c in chapter.of("solution")} | solutions)


def solved_notebook(chapter: Chapter) -> dict[str, Any]:
    """The notebook with every reference solution in place."""
    return filled_notebook(chapter, {c.exercise: reference_code(c.source) for c in chapter.of("solution")})


def release(chapter: Chapter, kernels: Kernels, keys: Path, exercises: Path) -> list[Path]:
    """Write a chapter's key and student's notebook; returns the files."""
    key = key_notebook(chapter, measure(chapter, kernels))
    files = {keys / f"{chapter.name}.ipynb": key, exercises / f"{chapter.name}.ipynb": student_notebook(chapter)}
    for path, notebook in files.items():
        write_ipynb(path, notebook)
    return list(files)


def stale(chapter: Chapter, kernels: Kernels, keys: Path, exercises: Path) -> list[str]:
    """What is out of date, as sentences; empty if both files are what `release` would write.

    Reference and mistake values are compared within their tolerance (BLAS builds differ), the
    measured spread against the tolerance, a tolerance within one power of ten (a spread that lies
    near one is rounded to either side on another processor), and everything else byte for byte.
    """
    problems = []
    path = exercises / f"{chapter.name}.ipynb"
    if _text(path) != dump_ipynb(student_notebook(chapter)):
        problems.append(f"{path.name} in {exercises.name}/ is not what {chapter.name}.md gives")
    fresh = key_notebook(chapter, measure(chapter, kernels))
    try:
        stored = json.loads(_text(keys / f"{chapter.name}.ipynb"))
        old_skeleton, old_values = _take_apart(stored)
        new_skeleton, new_values = _take_apart(fresh)
    except (ValueError, KeyError, TypeError, AttributeError):
        return [*problems, f"the key {chapter.name}.ipynb is missing or damaged"]
    if dump_ipynb(old_skeleton) != dump_ipynb(new_skeleton):
        problems.append(f"the key {chapter.name}.ipynb is not what {chapter.name}.md gives")
    for name, (tolerances, value) in new_values.items():
        if name not in old_values or not _same(old_values[name][1], value, tolerances):
            problems.append(f"the key {chapter.name}.ipynb has other values for {name}")
        elif not all(_near(tolerance, old_values[name][0].get(n, EXACT)) for n, tolerance in tolerances.items()):
            problems.append(f"the key {chapter.name}.ipynb has another tolerance for {name}")
    return problems


EXACT = Tolerance(0.0, 0.0)


def _near(one: Tolerance, other: Tolerance) -> bool:
    """Whether two calibrations differ by no more than the rounding of a spread to a power of ten."""
    pairs = ((one.rtol, other.rtol), (one.atol, other.atol))
    return all(max(pair) <= 10.01 * min(pair) for pair in pairs)


def leaks(chapter: Chapter) -> list[str]:
    """Lines of solutions that students can read in another cell, as sentences.

    A line that a locked code cell or the stub itself needs is no secret.
    """
    code = [cell for cell in chapter.cells if cell.role in ("setup", "inputs", "toy", "check")]
    shown = {line.strip() for cell in code for line in cell.source.splitlines()}
    found = []
    for solution in chapter.of("solution"):
        known = shown | {line.strip() for line in stub(solution.source).splitlines()}
        for line in set(solution_lines(solution.source)) - known:
            places = (c for c in _student_cells(chapter) if line in stub(c.source))
            found += [f"{c.id}: a line of {solution.id} can be read here: {line}" for c in places]
    return sorted(found)


def _marked_up(chapter: Chapter) -> Iterator[str]:
    """Mistakes whose words hold more markup than `code`: terminals and reports show them as they are."""
    for cell in chapter.of("mistake"):
        words = "".join(str(cell.about["says"]).split("`")[::2])
        if MARKUP.search(words):
            yield f"{cell.id}: what it says is plain text with `code`: no emphasis, formula or link"


def _student_cells(chapter: Chapter) -> list[Cell]:
    return [cell for cell in chapter.cells if cell.role not in ("mistake", "variant")]


def _plain_notebook(chapter: Chapter, solutions: dict[str, str]) -> dict[str, Any]:
    cells = []
    for cell in _student_cells(chapter):
        unrolled = {"id": cell.id, "role": cell.role, "exercise": cell.exercise}
        cells.append(_cell(chapter, cell, unrolled, solutions.get(cell.exercise, "")))
    return assemble(cells, {"chapter": chapter.name, "title": chapter.title})


def _cell(chapter: Chapter, cell: Cell, unrolled: dict[str, Any], solution: str) -> dict[str, Any]:
    if cell.kind == "code":
        tags = ["hide-input"] if cell.role == "inputs" else []
        return code_cell(cell.id, solution if cell.role == "solution" else cell.source, unrolled, tags)
    source = cell.source
    if cell.role == "card":
        source = _card(cell)
    elif cell.role == "hint":
        number = chapter.of("hint", cell.exercise).index(cell) + 1
        source = f"<details>\n<summary>Hint {number}</summary>\n\n{cell.source}\n\n</details>"
    return markdown_cell(cell.id, source, unrolled)


def _card(cell: Cell) -> str:
    about = cell.about
    difficulty = "●" * about["difficulty"] + "○" * (3 - about["difficulty"])
    facts = f"{BACKEND_NAMES[about['backend']]} · {about['points']} points · about {about['minutes']} minutes"
    return f"## {about['title']}\n\n**{facts} · difficulty {difficulty}**\n\n{cell.source}"


def _card_facts(chapter: Chapter, cell: Cell) -> dict[str, Any]:
    about = cell.about
    if about["backend"] not in BACKENDS or about["difficulty"] not in (1, 2, 3):
        raise ReleaseError(f"{cell.exercise}: backend is one of {BACKENDS}, difficulty 1, 2 or 3")
    counts = {f"{role}s": len(chapter.of(role, cell.exercise)) for role in ("mistake", "variant", "hint")}
    facts = {name: about[name] for name in ("title", "backend", "points", "minutes", "difficulty")}
    return facts | counts | {"page": about.get("page", chapter.name)}


def _check_facts(chapter: Chapter, cell: Cell, name: str, measured: Measured) -> dict[str, Any]:
    checks = chapter.of("check", cell.exercise)
    points = chapter.of("card", cell.exercise)[0].about["points"]
    tolerances = {
        value: {"rtol": c.tolerance.rtol, "atol": c.tolerance.atol, "spread": c.spread}
        for value, c in measured.calibration[name].items()
    }
    reference = outcome_json(measured.reference[name])
    mistakes = [
        {
            "id": mistake.about["id"],
            "says": mistake.about["says"],
            "outcome": without_repeats(outcome_json(outcome), reference),
        }
        for mistake, outcome in measured.mistakes[name]
    ]
    return {
        "check": name, "points": cell.about.get("points", points / len(checks)),
        "axes": cell.about.get("axes", {}), "tolerances": tolerances, "mistakes": mistakes,
    }  # fmt: skip


def _spreads(chapter: Chapter, kernels: Kernels, reference: dict[str, Payload]) -> dict[str, dict[str, float]]:
    """How far each value of the reference moves with a wider dtype and with two threads."""
    pairs: list[tuple[Payload, Payload]] = []
    for seed in CALIBRATION_SEEDS:
        usual = run_reference(chapter, kernels, KernelSettings(seed=seed)) if seed else reference
        wide = KernelSettings(seed=seed, environment={"UNROLLED_WIDE": "1"})
        others = [run_reference(chapter, kernels, wide)]
        others.append(run_reference(chapter, kernels, KernelSettings(seed=seed, threads=2)))
        pairs += [(other[name], usual[name]) for other in others for name in usual]
    spreads: dict[str, dict[str, float]] = {name: dict.fromkeys(p.values, 0.0) for name, p in reference.items()}
    for other, usual_payload in pairs:
        for value in spreads[usual_payload.id]:
            gap = distance(_only(other, value), _only(usual_payload, value))
            if not gap < MAX_SPREAD:
                raise ReleaseError(f"{usual_payload.id}: the reference's `{value}` changes by {gap:.1e} with rounding")
            spreads[usual_payload.id][value] = max(gap, spreads[usual_payload.id][value])
    return spreads


def _only(payload: Payload, value: str) -> Payload:
    return Payload(payload.id, payload.seed, {value: payload.values[value]} if value in payload.values else {})


def _calibrate(value: Any, spread: float) -> Calibration:
    """The dtype's tolerance, widened to a hundred times the spread where that is more.

    The spread is rounded up to a power of ten, so that it reads the same on most machines.
    """
    base = default_tolerance(value.dtype.name if hasattr(value, "dtype") else "float64")
    rounded = 10.0 ** math.ceil(math.log10(spread)) if spread > 0 else 0.0
    widened = 100 * rounded
    if widened > base.rtol:
        base = Tolerance(rtol=widened, atol=max(base.atol, widened / 10))
    return Calibration(base, rounded)


def _judge(name: str, variants: list[Payload], measured: Measured) -> None:
    """Every variant inside the tolerance, every mistake outside it and named as itself."""
    reference = measured.reference[name]
    tolerances = {value: c.tolerance for value, c in measured.calibration[name].items()}
    for payload in variants:
        difference = compare(payload, reference, tolerances)
        if difference:
            raise ReleaseError(f"{name}: a variant is not accepted: {difference.message}")
    bank = [Mistake(str(cell.about["id"]), "", outcome) for cell, outcome in measured.mistakes[name]]
    for mistake in bank:
        if isinstance(mistake.outcome, Payload) and compare(mistake.outcome, reference, tolerances) is None:
            raise ReleaseError(f"{name}: the mistake '{mistake.id}' is accepted as right")
        found = diagnose(mistake.outcome, reference, bank, tolerances)
        if found is None or found.id != mistake.id:
            other = found.id if found else "nothing"
            raise ReleaseError(f"{name}: the mistake '{mistake.id}' cannot be told from '{other}'")


def _take_apart(key: dict[str, Any]) -> tuple[dict[str, Any], dict[str, tuple[dict[str, Tolerance], Any]]]:
    """A key without its measured values, and those values by name with their tolerances."""
    skeleton = json.loads(json.dumps(key))
    values: dict[str, tuple[dict[str, Tolerance], Any]] = {}
    for cell in skeleton["cells"]:
        about = cell["metadata"]["unrolled"]
        if about["role"] != "check":
            continue
        tolerances = {n: Tolerance(t["rtol"], t["atol"]) for n, t in about["tolerances"].items()}
        for tolerance in about["tolerances"].values():
            if tolerance.pop("spread") > tolerance.pop("rtol"):
                raise ValueError("a spread beyond its tolerance")
            del tolerance["atol"]
        reference = cell["outputs"][0]["data"].pop(MIME)
        values[about["check"]] = (tolerances, reference)
        for mistake in about["mistakes"]:
            whole = with_repeats(mistake.pop("outcome"), reference)
            values[f"{about['check']}, mistake {mistake['id']}"] = (tolerances, whole)
    return skeleton, values


def _same(old: Any, new: Any, tolerances: dict[str, Tolerance]) -> bool:
    before, after = parse_outcome(old), parse_outcome(new)
    if isinstance(before, CellError) or isinstance(after, CellError):
        return before == after
    return compare(before, after, tolerances) is None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
