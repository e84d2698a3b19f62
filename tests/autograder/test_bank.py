"""Every sample submission scores what it must, on five seeds, in every chapter."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.compare import compare
from autograder.diagnose import diagnose
from autograder.grade import Course, grade_files
from autograder.kernel import KernelSettings
from autograder.keys import COURSE, load_key
from autograder.payload import Payload
from autograder.record import OUTCOMES, Record
from autograder.reference import run_alternative
from tests.submissions.pages import said_natively
from tests.submissions.samples import EVERYTHING, Sample, alternatives, broken, chapter, chapters, good

SEEDS = (0, 1, 20261120, 7, 2**31 - 1)
# In whole notebooks: all on the public seed; on another, where the grader runs the mistakes itself, one chapter.
WHOLE = [(name, 0) for name in chapters()] + [
    pytest.param(name, 1, marks=[] if name == "equations" else pytest.mark.long) for name in chapters()
]
MORE_SEEDS = [pytest.param(seed, marks=pytest.mark.long) for seed in range(1000, 1020)]


def grade(samples: list[Sample], folder: Path, course: Course, seed: int, timeout: float = 60) -> list[Record]:
    """Write samples to a folder and grade them."""
    paths = [folder / f"{sample.name}.ipynb" for sample in samples]
    for sample, path in zip(samples, paths, strict=True):
        path.write_bytes(sample.content)
    return grade_files(paths, course, KernelSettings(seed=seed, timeout=timeout))


def complaints(sample: Sample, record: Record) -> list[str]:
    """What is wrong with the record of a sample."""
    if sample.error:
        return [] if sample.error in (record.error or "") else [f"{sample.name}: error is {record.error!r}"]
    if record.error:
        return [f"{sample.name}: {record.error}"]
    found = []
    for check in record.checks:
        lost = check.exercise in sample.lost or EVERYTHING in sample.lost
        if check.outcome not in OUTCOMES or (check.points == check.max_points) == lost or (lost and check.points):
            found.append(f"{sample.name}: {check}")
        if lost and sample.mistake and check.mistake != sample.mistake:
            found.append(f"{sample.name}: named {check.mistake}: {check.message}")
        if lost and sample.outcome and check.outcome != sample.outcome:
            found.append(f"{sample.name}: outcome {check.outcome}, not {sample.outcome}: {check.message}")
        if (check.cause is None) != (check.outcome == "pass") or check.cause == "infrastructure":
            found.append(f"{sample.name}: cause {check.cause}")
    if abs(record.score - sum(check.points for check in record.checks)) > 1e-6 or record.max_score != 100:
        found.append(f"{sample.name}: score {record.score} of {record.max_score}")
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", chapters())
def test_solutions_score_all_and_stubs_nothing(name: str, seed: int, tmp_path: Path, course: Course) -> None:
    samples = list(good(chapter(name)))
    records = grade(samples, tmp_path, course, seed)
    assert [c for s, r in zip(samples, records, strict=True) for c in complaints(s, r)] == []


@pytest.mark.parametrize(("name", "seed"), WHOLE)
def test_mistakes_are_named_and_variants_accepted(name: str, seed: int, tmp_path: Path, course: Course) -> None:
    source = chapter(name)
    samples = [*alternatives(source, "mistake"), *alternatives(source, "variant")]
    records = grade(samples, tmp_path, course, seed)
    assert [c for s, r in zip(samples, records, strict=True) for c in complaints(s, r)] == []
    if seed == 0:  # the public inputs, which a page uses too
        assert said_otherwise(name, samples, records) == []


def said_otherwise(name: str, samples: list[Sample], records: list[Record]) -> list[str]:
    """Where the exercise's page says something else than the grader: right or not, which mistake, which words."""
    page, found = said_natively(name), []
    for sample, record in zip(samples, records, strict=True):
        if sample.name not in page:
            continue  # an exercise in PyTorch
        said = page[sample.name]
        check = next(check for check in record.checks if check.id == said["check"])
        words = check.message == said["body"] or check.outcome == "pass"
        if not words or (check.outcome == "pass", check.mistake or "") != (said["state"] == "right", said["mistake"]):
            found.append(f"{sample.name}: the page: {said}; the grader: {check}")
    return found


@pytest.mark.parametrize("seed", MORE_SEEDS)
@pytest.mark.parametrize("name", chapters())
def test_mistakes_and_variants_are_told_apart_on_other_seeds(name: str, seed: int, course: Course) -> None:
    """The same judgement without the notebook around it; `test_seeds.py` has it in one process, for more seeds."""
    source, key = chapter(name), load_key(name)
    references = course.references.payloads(key, source, seed)
    for check in key.checks:
        bank = course.references.mistakes(key, source, check, seed)
        assert [mistake.id for mistake in bank] == [mistake.id for mistake in check.mistakes]
        for mistake in bank:
            if isinstance(mistake.outcome, Payload):
                assert compare(mistake.outcome, references[check.id], check.tolerances) is not None, mistake.id
            found = diagnose(mistake.outcome, references[check.id], bank, check.tolerances)
            assert found is mistake, (found and found.id, mistake.id)
    for cell in source.of("variant"):
        for check_id, outcome in run_alternative(source, cell, course.kernels, KernelSettings(seed=seed)).items():
            assert isinstance(outcome, Payload), (cell.id, outcome)
            tolerances = next(check.tolerances for check in key.checks if check.id == check_id)
            assert compare(outcome, references[check_id], tolerances) is None, cell.id


@pytest.mark.parametrize("seed", SEEDS[1:2])
def test_broken_submissions_cost_what_is_broken(seed: int, tmp_path: Path, course: Course) -> None:
    samples = list(broken(chapter("equations")))
    records = grade(samples, tmp_path, course, seed, timeout=3)
    assert [c for s, r in zip(samples, records, strict=True) for c in complaints(s, r)] == []


def test_pasted_public_answers_pass_the_public_check_only(tmp_path: Path, course: Course) -> None:
    samples = [s for s in broken(chapter("equations")) if s.name == "answers-pasted-in"]
    public, fresh = (grade(samples, tmp_path, course, seed)[0] for seed in (0, 5))
    assert public.checks[0].outcome == "pass"
    assert fresh.checks[0].points == 0


def test_the_six_chapters_are_as_large_as_promised() -> None:
    exercises = [exercise for name in COURSE[:6] for exercise in load_key(name).exercises]
    assert len(exercises) >= 50
    assert sum(exercise.mistakes for exercise in exercises) >= 150
    for backend in ("numpy", "torch"):
        mine = [exercise for exercise in exercises if exercise.backend == backend]
        assert len(mine) >= 0.4 * len(exercises)
        assert sum(exercise.values for exercise in mine) >= 75  # compared: 150 in both
    assert sum(exercise.id.startswith("hunt-") for exercise in exercises) >= 5


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_has_enough_of_everything(name: str) -> None:
    source = chapter(name)
    assert sum(cell.about["points"] for cell in source.of("card")) == 100
    for exercise in source.exercises:
        assert len(source.of("mistake", exercise)) >= 3, exercise
        assert len(source.of("variant", exercise)) >= 1, exercise
        assert 1 <= len(source.of("hint", exercise)) <= 3, exercise
        assert source.of("toy", exercise), exercise
