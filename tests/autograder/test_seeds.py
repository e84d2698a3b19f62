"""Every known mistake on many seeds: refused, and named as itself. No mistake may hide behind a lucky draw.

The grader runs each submission in a process of its own; here all run in this one, which is a
hundred times faster and leaves nothing behind but PyTorch's switches, which are put back.
"""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from collections.abc import Iterator
from types import CodeType

import pytest
import torch

from autograder.compare import compare
from autograder.diagnose import CellError, Mistake, diagnose
from autograder.keys import Check, load_key
from autograder.notebook import Chapter
from autograder.payload import Payload
from autograder.reference import alternative_code, check_id, prelude, reference_code
from tests.submissions.samples import chapter, chapters

FEW = (1, 20261120, 7, 2**31 - 1)  # five seeds with the public one, in whole notebooks in `test_bank.py`
MANY = tuple(range(40_000, 40_060))
Code = tuple[CodeType, CodeType | None]


@pytest.fixture(autouse=True)
def quiet_and_as_it_was() -> Iterator[None]:
    """Nothing printed, warnings no errors, as in a notebook; and PyTorch's switches as they were."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)


def compiled(source: str) -> Code:
    """A cell's statements, and its last expression if it ends with one."""
    body = ast.parse(source).body
    if not isinstance(body[-1], ast.Expr):
        return compile(ast.Module(body, []), "cell", "exec"), None
    last = compile(ast.Expression(body[-1].value), "cell", "eval")
    return compile(ast.Module(body[:-1], []), "cell", "exec"), last


def outcome(cells: list[Code], seed: int, patch: pytest.MonkeyPatch) -> Payload | CellError:
    """What the check, the last of the cells, has to compare under a seed."""
    patch.setenv("UNROLLED_SEED", str(seed))
    torch.set_grad_enabled(True)
    torch.set_default_dtype(torch.float32)
    names: dict[str, object] = {"__name__": "__main__"}
    verdict = None
    try:
        for statements, last in cells:
            exec(statements, names)
            verdict = eval(last, names) if last else None
    except Exception as error:
        return CellError(type(error).__name__, str(error))
    payload = getattr(verdict, "payload", None)
    assert isinstance(payload, Payload)
    return payload


def wrong_verdicts(source: Chapter, spec: Check, seed: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Mistakes that are accepted or named as another, and variants that are refused, under a seed."""
    exercise = spec.exercise
    before = compiled(prelude(source, exercise))
    (check,) = (compiled(c.source) for c in source.of("check", exercise) if check_id(c) == spec.id)

    def run(code: str) -> Payload | CellError:
        return outcome([before, compiled(code), check], seed, patch)

    reference = run(reference_code(source.solution(exercise).source))
    assert isinstance(reference, Payload), (spec.id, reference)
    cells = source.of("mistake", exercise)
    bank = [Mistake(str(c.about["id"]), "", run(alternative_code(source, c))) for c in cells]
    found = []
    for mistake in bank:
        if isinstance(mistake.outcome, Payload) and compare(mistake.outcome, reference, spec.tolerances) is None:
            found.append(f"{exercise}: '{mistake.id}' is accepted")
        elif (named := diagnose(mistake.outcome, reference, bank, spec.tolerances)) is not mistake:
            found.append(f"{exercise}: '{mistake.id}' is named {named.id if named else 'nothing'}")
    for cell in source.of("variant", exercise):
        given = run(alternative_code(source, cell))
        if isinstance(given, CellError) or compare(given, reference, spec.tolerances) is not None:
            found.append(f"{exercise}: the variant '{cell.about['id']}' is refused")
    return [f"seed {seed}: {words}" for words in found]


@pytest.mark.parametrize("seeds", [FEW, pytest.param(MANY, marks=pytest.mark.long)], ids=["few", "many"])
@pytest.mark.parametrize("name", chapters())
def test_no_mistake_hides_behind_a_draw(name: str, seeds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    source = chapter(name)
    found = [wrong_verdicts(source, check, seed, monkeypatch) for check in load_key(name).checks for seed in seeds]
    assert [words for some in found for words in some] == []
