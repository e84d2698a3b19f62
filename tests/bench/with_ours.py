"""Ours: a small course made for the benchmark, graded by `autograder grade` on fresh inputs.

A course is the package with its answer keys, and the solutions. Where keys lie cannot be chosen,
so this course has a copy of the package, with its own keys in it, first on Python's path.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import autograder
from autograder.notebook import read_ipynb
from tests.bench.contender import CLASS, Contender
from tests.bench.environments import run, settings
from tests.bench.exercises import Bank, Exercise, filled
from tests.bench.figures import sandbox

PROGRAM = str(Path(sys.executable).with_name("autograder"))
POINTS_LOST = 1  # the command's exit code
HEAD = """---
jupytext: {{text_representation: {{extension: .md, format_name: myst}}}}
kernelspec: {{name: python3, display_name: Python 3, language: python}}
unrolled: {{chapter: {name}, title: {name}}}
---
"""


class Ours(Contender):
    """`autograder grade`, one command for the class; in the sandbox, if there is one here."""

    name = "ours"
    few, many = CLASS, 11 * CLASS

    def prepare(self, bank: Bank, folder: Path) -> None:
        self.bank, self.folder = bank, folder
        package = folder / "autograder"
        shutil.copytree(Path(autograder.__file__).parent, package, ignore=shutil.ignore_patterns("keys", "__pycache__"))
        (folder / "solutions").mkdir()
        (folder / "solutions" / f"{bank.name}.md").write_text(course_source(bank))
        path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
        own = {"PYTHONPATH": path, "UNROLLED_SOLUTIONS": str(folder / "solutions")}
        self.variables = settings(folder) | own | {"UNROLLED_CACHE": str(folder / "cache")}
        folders = ["--keys", str(package / "keys"), "--exercises", str(folder / "exercises")]
        run([PROGRAM, "release", *folders], folder, self.variables)
        self.handed_out = read_ipynb(folder / "exercises" / f"{bank.name}.ipynb") | {"nbformat": 4, "nbformat_minor": 5}

    def hand_in(self, count: int, solved: bool) -> None:
        submissions = self.folder / "submissions"
        shutil.rmtree(submissions, ignore_errors=True)
        submissions.mkdir()
        for i in range(count):
            notebook = filled(self.handed_out, self.bank, i) if solved else self.handed_out
            (submissions / f"student{i:03}.ipynb").write_text(json.dumps(notebook))

    def grade(self) -> None:
        command = [PROGRAM, "grade", "submissions", "--json", "records.json"]
        command += [] if sandbox()[1] else ["--unsafe"]
        run(command, self.folder, self.variables, fine=(0, POINTS_LOST))

    def scores(self) -> list[float]:
        records = json.loads((self.folder / "records.json").read_text())
        return [record["score"] / record["max_score"] for record in records]


def course_source(bank: Bank) -> str:
    """The chapter's source: the same eight code cells, with our own way to draw and to check."""
    imports = f"{bank.imports}\n\nfrom autograder.check import check, draw, inputs"
    drawing = "\n\n".join(f'@inputs("{e.id}")\ndef _(rng):\n    return {e.recipe}' for e in bank.exercises)
    parts = [HEAD.format(name=bank.name), _code("setup", "", imports), _code("setup", "", drawing)]
    for exercise in bank.exercises:
        about = {"role": "card", "exercise": exercise.id, "title": exercise.id, "backend": bank.name,
                 "points": 1, "minutes": 1, "difficulty": 1}  # fmt: skip
        parts.append(f"+++ {json.dumps(about)}\n\nWrite `{exercise.function}`.\n")
        parts.append(_code("solution", exercise.id, exercise.solution))
        parts.append(_code("check", exercise.id, _check(bank, exercise)))
    return "\n".join(parts)


def _check(bank: Bank, exercise: Exercise) -> str:
    call = exercise.call.replace('")', '").tensors()') if bank.name == "torch" else exercise.call
    return f'{call}\ncheck("{exercise.id}", value=value)'


def _code(role: str, exercise: str, source: str) -> str:
    options = f":role: {role}\n" + (f":exercise: {exercise}\n" if exercise else "")
    return f"```{{code-cell}} ipython3\n{options}\n{source}\n```\n"
