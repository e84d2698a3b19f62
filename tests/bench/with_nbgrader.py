"""nbgrader: an assignment with autograded test cells, graded by `nbgrader autograde`.

The source holds solutions between markers and tests whose expected values are hidden; a release
and a gradebook come from `nbgrader generate_assignment`, as its quick start has it.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

from nbformat import v4

from tests.bench.contender import Contender
from tests.bench.environments import environment, program, run, settings
from tests.bench.exercises import Bank, Exercise, filled

ASSIGNMENT = "ps1"
METADATA = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


class Nbgrader(Contender):
    """`nbgrader autograde`, one command for the class."""

    name = "nbgrader"

    def prepare(self, bank: Bank, folder: Path) -> None:
        installed = environment("nbgrader")
        self.bank, self.variables = bank, settings(folder, installed)
        self.command = program(installed, "nbgrader")
        self.template, self.course = folder / "template", folder / "course"
        source = self.template / "source" / ASSIGNMENT / f"{bank.name}.ipynb"
        source.parent.mkdir(parents=True)
        source.write_text(json.dumps(_source(bank)))
        self._nbgrader(self.template, "generate_assignment", ASSIGNMENT)
        self.handed_out = json.loads((self.template / "release" / ASSIGNMENT / source.name).read_text())

    def hand_in(self, count: int, solved: bool) -> None:
        shutil.rmtree(self.course, ignore_errors=True)
        shutil.copytree(self.template, self.course)
        for i in range(count):
            path = self.course / "submitted" / f"student{i}" / ASSIGNMENT / f"{self.bank.name}.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(filled(self.handed_out, self.bank, i) if solved else self.handed_out))

    def grade(self) -> None:
        self._nbgrader(self.course, "autograde", ASSIGNMENT)

    def scores(self) -> list[float]:
        self._nbgrader(self.course, "export")
        with (self.course / "grades.csv").open() as file:
            return [float(row["score"]) / float(row["max_score"]) for row in csv.DictReader(file)]

    def _nbgrader(self, course: Path, *words: str) -> None:
        run([self.command, *words], course, self.variables)


def _source(bank: Bank) -> dict[str, Any]:
    expected = bank.expected()
    cells = [
        _cell("imports", bank.imports, solution=False, points=0),
        _cell("inputs", bank.inputs, solution=False, points=0),
    ]
    for exercise in bank.exercises:
        cells.append(_cell(exercise.id, exercise.solution, solution=True, points=0))
        cells.append(_cell(f"{exercise.id}-test", _test(exercise, expected[exercise.id]), solution=False, points=1))
    notebook: dict[str, Any] = v4.new_notebook(cells=cells, metadata=METADATA)
    return notebook


def _test(exercise: Exercise, expected: list[Any]) -> str:
    hidden = f"expected = np.array({expected})\nassert np.allclose(value, expected, rtol=1e-4, atol=1e-5)"
    return f"{exercise.call}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"


def _cell(grade_id: str, source: str, solution: bool, points: int) -> Any:
    about = {
        "grade_id": grade_id, "schema_version": 3, "task": False,
        "solution": solution, "locked": not solution, "grade": bool(points),
    }  # fmt: skip
    return v4.new_code_cell(source, metadata={"nbgrader": about | ({"points": points} if points else {})})
