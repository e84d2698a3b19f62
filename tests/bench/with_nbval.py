"""Plain nbval: notebooks that carry the reference's outputs, run by `pytest --nbval`.

It is no grader: a submission here is the instructor's executed notebook with the student's cells
in it. The checks round what they show, as one does with nbval.
"""

from __future__ import annotations

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import Any

from nbformat import v4

from tests.bench.contender import Contender
from tests.bench.environments import environment, program, run, settings
from tests.bench.exercises import Bank, filled
from tests.bench.with_nbgrader import METADATA

SHOWN = {"numpy": "np.round(value, 4)", "torch": "torch.round(value, decimals=4)"}
FAILED = 1  # pytest's exit code


class Nbval(Contender):
    """`pytest --nbval`, one command for the class; each notebook has a kernel of its own."""

    name = "nbval"

    def prepare(self, bank: Bank, folder: Path) -> None:
        installed = environment("nbval")
        self.bank, self.folder, self.variables = bank, folder, settings(folder, installed)
        self.pytest = program(installed, "pytest")
        cells = [bank.imports, bank.inputs]
        for exercise in bank.exercises:
            cells += [exercise.solved, f"{exercise.call}\n{SHOWN[bank.name]}"]
        notebook: Any = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells], metadata=METADATA)
        self.checks = [f"Cell {i}" for i in range(len(cells)) if i >= 2 and i % 2]
        reference = folder / "reference.ipynb"
        reference.write_text(json.dumps(notebook))
        execute = str(Path(sys.executable).with_name("jupyter-execute"))
        run([execute, "--inplace", str(reference)], folder, settings(folder))
        self.handed_out = json.loads(reference.read_text())
        for cell, exercise in zip(self.handed_out["cells"][2::2], bank.exercises, strict=True):
            cell["source"] = exercise.stub

    def hand_in(self, count: int, solved: bool) -> None:
        shutil.rmtree(self.folder / "class", ignore_errors=True)
        submissions = self.folder / "class" / "submissions"
        submissions.mkdir(parents=True)
        (self.folder / "class" / "pytest.ini").write_text("[pytest]\n")
        for i in range(count):
            notebook = filled(self.handed_out, self.bank, i) if solved else self.handed_out
            (submissions / f"student{i:02}.ipynb").write_text(json.dumps(notebook))

    def grade(self) -> None:
        command = [self.pytest, "--nbval", "--junitxml", "results.xml", "submissions"]
        run(command, self.folder / "class", self.variables, fine=(0, FAILED))

    def scores(self) -> list[float]:
        passed: dict[str, list[bool]] = defaultdict(list)
        for case in ET.parse(self.folder / "class" / "results.xml").iter("testcase"):
            if str(case.get("name")).rpartition("::")[2] in self.checks:
                passed[str(case.get("classname"))].append(len(case) == 0)
        return [sum(results) / len(self.checks) for results in passed.values()]
