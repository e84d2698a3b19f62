"""Every PyTorch exercise is judged alike on each device, by one key: right is right, and mistakes keep their names.

The key's values were computed on a CPU. What runs on the device is compared with them outside, as a submission is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from autograder.check import pick_device
from autograder.compare import compare
from autograder.diagnose import CellError, diagnose
from autograder.grade import Course, grade_file, open_course
from autograder.kernel import Kernel, KernelSettings, open_kernels, run_cell
from autograder.keys import Key, load_key
from autograder.notebook import Chapter, alternative_code, reference_code
from autograder.reference import Outcome, check_id, payload_of
from tests.submissions.samples import chapter, chapters, good

GPUS = ("cuda", "mps")
DEVICES = ["cpu", *(pytest.param(name, marks=pytest.mark.gpu) for name in GPUS)]


def need(device: str) -> None:
    """Skip, and say why, where torch finds no such device."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        pytest.skip(f"no {device} here: run `pytest -m gpu` on a machine that has it")


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.gpu) for name in GPUS])
def gpu(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


def outcomes(source: Chapter, key: Key, kernel: Kernel) -> Iterator[tuple[str, str, str, Outcome]]:
    """Exercise, "solution" or the alternative's role and id, check, outcome: one kernel runs them all in turn."""
    torch_only = {exercise.id for exercise in key.exercises if exercise.backend == "torch"}
    for cell in source.cells:
        if cell.kind != "code" or cell.role in ("mistake", "variant", "check", "toy"):
            continue
        run = run_cell(kernel, reference_code(cell.source))
        assert run.error is None, (cell.id, run.error)
        if cell.role != "solution" or cell.exercise not in torch_only:
            continue
        for inputs in source.of("inputs", cell.exercise):  # where they stand after the solution
            run_cell(kernel, inputs.source)
        others = [*source.of("mistake", cell.exercise), *source.of("variant", cell.exercise)]
        codes = [(f"{o.role} {o.about['id']}", alternative_code(source, o)) for o in others]
        for name, code in [*codes, ("solution", reference_code(cell.source))]:
            defined = run_cell(kernel, code)
            for check in source.of("check", cell.exercise):
                found = payload_of(run_cell(kernel, check.source), check_id(check))
                yield cell.exercise, name, check_id(check), CellError(*defined.error) if defined.error else found


@pytest.mark.parametrize("name", chapters())
def test_solutions_and_variants_pass_and_mistakes_are_named(name: str, device: str) -> None:
    source, key = chapter(name), load_key(name)
    checks = {check.id: check for check in key.checks}
    wrong, seen = [], 0
    with open_kernels(device=device) as kernels:
        kernel = kernels.kernel(KernelSettings(seed=0, device=device))
        try:
            for exercise, what, check_name, outcome in outcomes(source, key, kernel):
                check, seen = checks[check_name], seen + 1
                role, _, mistake = what.partition(" ")
                if role == "mistake":
                    found = diagnose(outcome, check.reference, check.mistakes, check.tolerances)
                    if found is None or found.id != mistake:
                        wrong.append(f"{exercise}, {what}: named {found and found.id}")
                elif isinstance(outcome, CellError):
                    wrong.append(f"{exercise}, {what}: {outcome.name}: {outcome.message}")
                elif (difference := compare(outcome, check.reference, check.tolerances, check.axes)) is not None:
                    wrong.append(f"{exercise}, {what}: {difference.message}")
        finally:
            kernel.stop()
    assert wrong == []
    assert seen > 4 * sum(exercise.backend == "torch" for exercise in key.exercises) or not seen


@pytest.mark.parametrize("name", chapters())
def test_a_solved_notebook_gets_all_points_on_fresh_inputs(name: str, gpu: str, course: Course, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.ipynb"
    path.write_bytes(next(iter(good(chapter(name)))).content)
    with open_kernels(device=gpu) as kernels:
        on_device = open_course(kernels, tmp_path / "cache")
        record = grade_file(path, on_device, KernelSettings(seed=7, device=gpu))
    assert record.error is None and record.score == record.max_score, [c for c in record.checks if c.points == 0]


def test_the_grader_says_which_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_DEVICE", "cpu")
    assert pick_device() == "cpu"
    monkeypatch.delenv("UNROLLED_DEVICE")
    best = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert pick_device() == best


def test_tf32_is_off_where_it_would_decide_a_grade() -> None:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        pick_device()
        assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
