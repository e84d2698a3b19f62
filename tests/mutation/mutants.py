"""All mutants of a solution: the reference with one small change that may make it wrong."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.kernel import Kernels
from autograder.notebook import Chapter, reference_code
from tests.mutation.observe import Facts, observe
from tests.mutation.operators import EXPRESSIONS, Context
from tests.mutation.steps import blocks, statement
from tests.mutation.syntax import Place, change, places


@dataclass(frozen=True)
class Mutant:
    """A changed solution. `name` says of which exercise, and what the change is: it is unique."""

    exercise: str
    family: str
    name: str
    source: str


def mutants(chapter: Chapter, exercise: str, kernels: Kernels) -> list[Mutant]:
    """Every mutant of the exercise's reference, each once, in the order of the source."""
    return list(generate(chapter, exercise, observe(chapter, exercise, kernels)))


def generate(chapter: Chapter, exercise: str, facts: Facts) -> Iterator[Mutant]:
    """As `mutants`, from what was observed."""
    source = chapter.solution(exercise).source
    original = ast.unparse(ast.parse(reference_code(source)))
    torch = chapter.of("card", exercise)[0].about["backend"] == "torch"
    tree, found = places(source)
    context = Context.of(found, facts, torch)
    seen, named = {original}, dict[str, int]()
    for place in found:
        for family, text in _changed(tree, place, context):
            if text in seen:
                continue
            seen.add(text)
            what = f"{exercise}: {change(original, text)}"
            named[what] = named.get(what, 0) + 1
            count = f" ({named[what]})" if named[what] > 1 else ""
            yield Mutant(exercise, family, what + count, text)


def _changed(tree: ast.Module, place: Place, context: Context) -> Iterator[tuple[str, str]]:
    node = place.node
    if isinstance(node, ast.stmt):
        for family, new in statement(node, place, context):
            yield family, place.replaced(tree, new)
        for family, body in blocks(place):
            yield family, place.with_block(tree, body)
    elif type(node) in EXPRESSIONS:
        for family, new in EXPRESSIONS[type(node)](node, place, context):
            yield family, place.replaced(tree, new)
