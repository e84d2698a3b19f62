"""The page's verdict is this machine's: every solution, stub, variant and known mistake in both.

The page's Python runs under Node, booted by the worker's own script, with the files that pages
load. That the grader says the same, word for word, is told by `tests/autograder/test_bank.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.submissions.pages import SCRIPTS, cases, node, pages, runtime, said_natively, verdicts
from tests.submissions.samples import chapter, chapters


@pytest.fixture(scope="module")
def page() -> dict[str, dict[str, str]]:
    """What the Python that pages load says, with the keys that pages load."""
    script = Path(__file__).with_name("parity.mjs")
    known = [case for name in chapters() for case in cases(name)]
    return verdicts([node(), str(script), str(runtime()), str(SCRIPTS)], known)


@pytest.mark.parametrize("name", chapters())
def test_a_page_says_what_this_machine_says(name: str, page: dict[str, dict[str, str]]) -> None:
    native = said_natively(name)
    different = {case: (page[case], native[case]) for case in native if page[case] != native[case]}
    assert different == {}


@pytest.mark.parametrize("name", chapters())
def test_every_case_is_judged_as_it_must_be(name: str) -> None:
    states = {"solution": "right", "variant": "right", "stub": "none", "mistake": "mistake"}
    said = said_natively(name)
    wrong = [case.name for case in cases(name) if said[case.name]["state"] != states[case.kind]]
    wrong += [case.name for case in cases(name) if said[case.name]["mistake"] != case.mistake]
    assert wrong == []


def test_an_exercise_loads_no_solution_and_no_other_exercises_key() -> None:
    for name in chapters():
        for exercise in pages.solvable(name):
            text = json.dumps(pages.job_of(exercise))
            assert "BEGIN SOLUTION" not in text
            others = [other for other in chapter(name).exercises if other != exercise]
            key = json.dumps(pages.part_of_key(exercise))
            assert f'"exercise": "{exercise}"' in key
            assert [other for other in others if f'"exercise": "{other}"' in key] == []
