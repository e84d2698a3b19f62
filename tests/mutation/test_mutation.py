"""No wrong verdicts at scale: mutants are caught or explained, rewrites accepted, the oracle sees.

In `make test` a sample of each, the same every time; all of them in `make test-long`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from autograder.compare import compare
from autograder.grade import Course, grade_files
from autograder.kernel import Kernels, KernelSettings
from autograder.keys import load_key
from autograder.notebook import Cell, Chapter, alternative_code, dump_ipynb, reference_code
from autograder.payload import Payload
from autograder.reference import run_alternative, run_reference
from autograder.release import filled_notebook
from tests.mutation.judge import SEEDS, Judge
from tests.mutation.mutants import Mutant, generate, mutants
from tests.mutation.observe import Facts
from tests.mutation.oracle import Oracle
from tests.mutation.rewrites import Rewrite, rewrites, rules
from tests.mutation.run import Results, sampled
from tests.mutation.survivors import Survivors
from tests.submissions.samples import chapter, chapters

EXERCISES = [(name, exercise) for name in chapters() for exercise in chapter(name).exercises]
LONG_SEEDS = (*SEEDS, 3, 2**31 - 1)
MADE: dict[tuple[str, int], list[Rewrite]] = {}


@pytest.fixture(scope="module")
def judge(kernels: Kernels) -> Judge:
    """Judges on one graded seed."""
    return Judge(kernels, SEEDS[:1])


@pytest.fixture(scope="module")
def survivors() -> Survivors:
    """The explained survivors."""
    return Survivors.load()


@pytest.fixture(scope="module")
def everything(kernels: Kernels) -> dict[str, list[Mutant]]:
    """All mutants of every exercise."""
    return {exercise: mutants(chapter(name), exercise, kernels) for name, exercise in EXERCISES}


def all_rewrites(name: str, exercise: str, kernels: Kernels, mixtures: int) -> list[Rewrite]:
    """All rewrites of an exercise; made once."""
    if (exercise, mixtures) not in MADE:
        MADE[exercise, mixtures] = rewrites(chapter(name), exercise, kernels, mixtures)
    return MADE[exercise, mixtures]


def test_there_are_thousands_of_mutants_each_with_a_name_of_its_own(everything: dict[str, list[Mutant]]) -> None:
    found = [mutant for each in everything.values() for mutant in each]
    assert len(found) > 5000
    assert len({mutant.name for mutant in found}) == len(found)
    assert min(len(each) for each in everything.values()) >= 25


def test_every_explained_survivor_is_a_mutant_and_is_explained_once(
    everything: dict[str, list[Mutant]], survivors: Survivors
) -> None:
    names = {mutant.name for each in everything.values() for mutant in each}
    assert sorted({*survivors.equivalent, *survivors.outside} - names) == []
    assert sorted(set(survivors.equivalent) & set(survivors.outside)) == []
    assert min(map(len, [*survivors.equivalent.values(), *survivors.outside.values()])) > 30


def test_a_sample_of_mutants_is_caught_or_explained(
    everything: dict[str, list[Mutant]], survivors: Survivors, judge: Judge
) -> None:
    """Three of each exercise, at other places in each, so that all families of changes come up."""
    problems, families = [], set()
    for start, (name, exercise) in enumerate(EXERCISES):
        found = everything[exercise]
        for i in range(3):
            mutant = found[(7 * start + i * len(found) // 3) % len(found)]
            families.add(mutant.family)
            caught = all(judge.complaints(chapter(name), exercise, mutant.source))
            if not caught and mutant.name not in {*survivors.equivalent, *survivors.outside}:
                problems.append(f"survives: {mutant.name}")
            if caught and mutant.name in survivors.equivalent:
                problems.append(f"rejected, though equivalent: {mutant.name}")
    assert problems == []
    assert len(families) > 15


def test_a_sample_of_rewrites_is_accepted(kernels: Kernels, judge: Judge) -> None:
    """Of every exercise one, at another place in each; of every other a mixture of five rules."""
    rejected = []
    for start, (name, exercise) in enumerate(EXERCISES):
        found = all_rewrites(name, exercise, kernels, 1)
        rewrite = found[-1 if start % 2 else start * 5 % len(found)]
        complaints = judge.complaints(chapter(name), exercise, rewrite.source)
        rejected += [f"{rewrite.name}: {complaints}"] if any(complaints) else []
    assert rejected == []


def test_every_rule_of_the_rewrites_applies_somewhere(kernels: Kernels) -> None:
    used = {r.name.split(": ")[1] for name, exercise in EXERCISES for r in all_rewrites(name, exercise, kernels, 1)}
    assert set(rules()) <= used


@pytest.mark.parametrize("name", chapters())
def test_a_notebook_of_rewrites_scores_full_marks(name: str, kernels: Kernels, course: Course, tmp_path: Path) -> None:
    """Through the whole grader, notebook and all, not only through the checks."""
    assert lost_with_rewrites(chapter(name), -1, kernels, course, tmp_path) == []


def lost_with_rewrites(source: Chapter, index: int, kernels: Kernels, course: Course, folder: Path) -> list[str]:
    """Grade a notebook with a rewrite in each exercise; the checks that do not pass."""
    answers = {}
    for exercise in source.exercises:
        found = all_rewrites(source.name, exercise, kernels, 1)
        answers[exercise] = found[index % len(found)].source
    path = folder / f"{source.name}.ipynb"
    path.write_text(dump_ipynb(filled_notebook(source, answers)))
    record = grade_files([path], course, KernelSettings(seed=SEEDS[0], timeout=60))[0]
    assert record.error is None
    return [f"{check.exercise}: {check.message}" for check in record.checks if check.outcome != "pass"]


@pytest.mark.parametrize(("name", "exercise"), EXERCISES[::8], ids=str)
def test_the_oracle_agrees_with_the_checks(
    name: str, exercise: str, everything: dict[str, list[Mutant]], survivors: Survivors, kernels: Kernels
) -> None:
    """It sees what two caught mutants do, and nothing in the reference or in an equivalent mutant."""
    source, oracle = chapter(name), Oracle(kernels, rounds=12)
    explained = {*survivors.equivalent, *survivors.outside}
    caught = [m for m in everything[exercise] if m.name not in explained and m.family in ("operator", "dropped")]
    for mutant in sampled(caught, 2):
        assert oracle.difference(source, exercise, mutant.source), mutant.name
    same = [reference_code(source.solution(exercise).source)]
    same += [m.source for m in everything[exercise] if m.name in survivors.equivalent][:1]
    for code in same:
        assert oracle.difference(source, exercise, code) is None


def test_the_judge_says_what_the_grader_says_of_alternatives(kernels: Kernels) -> None:
    """The judge keeps one kernel for all its seeds; the grader starts one for each."""
    source, judge = chapter("equations"), Judge(kernels, SEEDS)
    tolerances = load_key("equations").exercises[-1].checks[0].tolerances
    for cell in [*source.of("mistake", "rnn-parity"), *source.of("variant", "rnn-parity")]:
        wrong = []
        for seed in SEEDS:
            settings = KernelSettings(seed=seed)
            outcome = run_alternative(source, cell, kernels, settings)["rnn-parity"]
            reference = run_reference(source, kernels, settings)["rnn-parity"]
            wrong.append(not isinstance(outcome, Payload) or compare(outcome, reference, tolerances) is not None)
        complaints = judge.complaints(source, cell.exercise, alternative_code(source, cell))
        assert [complaint is not None for complaint in complaints] == wrong == [cell.role == "mistake"] * len(SEEDS)


SOURCE = '''
def mean_and_norm(x, y):
    """A docstring with 1 number."""
    given = 1
    ### BEGIN SOLUTION
    total = 0.0
    for k in range(len(x)):
        total += x[k] * y[k]
    return total / len(x), -(x @ y)
    ### END SOLUTION
'''


def small_mutants() -> list[Mutant]:
    """The mutants of SOURCE, whose arguments are alike."""
    cells = (
        Cell("small-card", "markdown", "card", "small", "", {"backend": "numpy"}),
        Cell("small-solution", "code", "solution", "small", SOURCE),
    )
    facts = Facts({"mean_and_norm": {"x": ["array f 3"], "y": ["array f 3"]}}, {}, {})
    return list(generate(Chapter("none", "None", "0", cells), "small", facts))


@pytest.mark.parametrize(
    "line",
    [
        "total = 1.0", "total -= x[k] * y[k]", "total = x[k] * y[k]", "total += x[k] / y[k]", "total += x[k]",
        "total += x[k + 1] * y[k]", "total += y[k] * y[k]", "for k in range(len(x) - 1):", "break",
        "for k in reversed(list(range(len(x)))):", "return (total / len(x), x @ y)",
        "return (total * len(x), -(x @ y))",
        "return (-(x @ y), total / len(x))", "return (total / len(x), -(x * y))", "x[...] = 0",
        "return (np.float32(total / len(x)), -(x @ y))",
    ],
)  # fmt: skip
def test_a_small_function_is_changed_as_one_would_by_hand(line: str) -> None:
    assert [m for m in small_mutants() if line in map(str.strip, m.source.splitlines())]


def test_mutants_leave_the_given_lines_and_the_docstring_alone() -> None:
    for mutant in small_mutants():
        head = ast.parse(mutant.source).body[0]
        assert isinstance(head, ast.FunctionDef)
        assert ast.get_docstring(head) == "A docstring with 1 number."
        assert ast.unparse(head.args) == "x, y"
        assert ast.unparse(head.body[1]) == "given = 1"


def test_a_stopped_run_goes_on_where_it_stopped(tmp_path: Path, kernels: Kernels) -> None:
    source = chapter("equations")
    found = mutants(source, "rnn-step", kernels)[:2]
    judged: list[str] = []

    class Counting(Judge):
        def complaints(self, chapter: Chapter, exercise: str, source: str) -> list[str | None]:
            judged.append(source)
            return super().complaints(chapter, exercise, source)

    for wanted in (found[:1], found):
        results = Results(tmp_path / "results.json")
        counting, oracle = Counting(kernels, SEEDS[:1]), Oracle(kernels, rounds=3)
        entries = [results.get(source, mutant, counting, oracle, always=False) for mutant in wanted]
        results.save()
    assert judged == [mutant.source for mutant in found]
    assert [entry["name"] for entry in entries] == [mutant.name for mutant in found]


@pytest.mark.long
def test_all_mutants_are_caught_or_explained(kernels: Kernels, survivors: Survivors, tmp_path: Path) -> None:
    judge, oracle, results = Judge(kernels), Oracle(kernels), Results(tmp_path / "results.json")
    problems = []
    for name, exercise in EXERCISES:
        for mutant in mutants(chapter(name), exercise, kernels):
            entry = results.get(chapter(name), mutant, judge, oracle, always=False)
            problems.append(survivors.verdict(mutant.name, entry).problem)
    assert [problem for problem in problems if problem] == []


@pytest.mark.long
@pytest.mark.parametrize("name", chapters())
def test_all_rewrites_are_accepted_on_five_seeds(name: str, kernels: Kernels) -> None:
    judge, rejected = Judge(kernels, LONG_SEEDS), []
    for exercise in chapter(name).exercises:
        for rewrite in all_rewrites(name, exercise, kernels, 12):
            complaints = judge.complaints(chapter(name), exercise, rewrite.source)
            rejected += [f"{rewrite.name}: {complaints}"] if any(complaints) else []
    assert rejected == []


@pytest.mark.long
@pytest.mark.parametrize("name", chapters())
def test_notebooks_of_all_rewrites_score_full_marks(
    name: str, kernels: Kernels, course: Course, tmp_path: Path
) -> None:
    most = max(len(all_rewrites(name, exercise, kernels, 1)) for exercise in chapter(name).exercises)
    for index in range(most):
        assert lost_with_rewrites(chapter(name), index, kernels, course, tmp_path) == [], index
