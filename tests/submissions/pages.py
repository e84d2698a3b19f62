"""What a reader may write into each exercise on a page: solution, stub, variants and known mistakes.

Belongs here: the cases, and the runtime that pages load. What must be said of them is in the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from autograder.notebook import alternative_code, stub
from tests.submissions.samples import chapter, solutions_of

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import exercise_runtime  # noqa: E402
import unrolled_exercise as pages  # noqa: E402

SCRIPTS = ROOT / "book" / "_ext" / "exercise" / "src"


@dataclass(frozen=True)
class Case:
    """One exercise's code; `mistake` is the name that it must be told, `kind` its role."""

    name: str
    chapter: str
    exercise: str
    kind: str  # "solution" | "stub" | "variant" | "mistake"
    code: str
    mistake: str = ""


def cases(name: str) -> list[Case]:
    """All cases of a chapter's NumPy exercises, in the order of the notebook."""
    source = chapter(name)
    found = []
    for exercise in pages.solvable(name):
        solution = solutions_of(source)[exercise]
        found.append(Case(f"{exercise}-solution", name, exercise, "solution", solution))
        found.append(Case(f"{exercise}-stub", name, exercise, "stub", stub(source.solution(exercise).source)))
        for role in ("variant", "mistake"):
            for cell in source.of(role, exercise):
                named = str(cell.about["id"]) if role == "mistake" else ""
                found.append(Case(cell.id, name, exercise, role, alternative_code(source, cell), named))
    return found


def job(case: Case) -> dict[str, Any]:
    """What the page's script would send to the worker, all other exercises being solved."""
    data = pages.job_of(case.exercise)
    solved = solutions_of(chapter(case.chapter)) | {case.exercise: case.code}
    steps = [
        step | {"source": solved[step["exercise"]]} if step["role"] == "solution" else step
        for step in data["steps"]
        if step["role"] != "toy"
    ]
    return {"steps": steps, "exercise": case.exercise, "keys": {case.exercise: data["key"]}}


def verdicts(command: list[str], known: list[Case], with_keys: bool = True) -> dict[str, dict[str, str]]:
    """The verdict on each case, by its name, from a program that reads one job a line."""
    jobs = [job(case) for case in known]
    lines = "".join(json.dumps(one if with_keys else one | {"keys": {}}) + "\n" for one in jobs)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-1000:]
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(len(outcome["verdicts"]) == 1 for outcome in outcomes)
    return {case.name: outcome["verdicts"][0] for case, outcome in zip(known, outcomes, strict=True)}


@cache
def said_natively(name: str) -> dict[str, dict[str, str]]:
    """What this machine's Python and NumPy say of a chapter's cases, with the whole answer key."""
    return verdicts([sys.executable, "-m", "autograder.page"], cases(name), with_keys=False)


def runtime() -> Path:
    """The folder that pages load Python from; where npm is missing the test is skipped, in CI it fails."""
    try:
        return exercise_runtime.ensure()
    except exercise_runtime.RuntimeMissing as problem:
        unavailable(str(problem))
        raise


def node() -> str:
    """The node program."""
    found = shutil.which("node")
    if found is None:
        unavailable("node is not installed: apt-get install nodejs")
        raise AssertionError
    return found


def unavailable(reason: str) -> None:
    """Skip on a developer's machine; in CI what is missing is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
