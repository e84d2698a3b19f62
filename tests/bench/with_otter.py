"""Otter: a master notebook for `otter assign`, and submissions graded by `otter run`.

`otter run` takes one submission, so a class is a loop over it. Its API grades in one process;
one more notebook costs that much, without a new interpreter. (`otter grade` does the same work
in Docker containers, which cost more.)
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from nbformat import v4

from tests.bench.contender import CLASS, Contender, Measured
from tests.bench.environments import environment, program, run, settings
from tests.bench.exercises import Bank, filled
from tests.bench.with_nbgrader import METADATA

IN_ONE_PROCESS = """
import json, sys
from pathlib import Path
from otter.api import grade_submission

autograder, *paths = sys.argv[1:]
for path in paths:
    results = grade_submission(path, autograder, quiet=True)
    text = json.dumps({"tests": [{"score": results.total, "max_score": results.possible}]})
    Path(path).with_name("results.json").write_text(text)
"""


class Otter(Contender):
    """`otter run`, one command for each submission; the API for what one more costs."""

    name = "otter"

    def prepare(self, bank: Bank, folder: Path) -> None:
        self.environment = environment("otter")
        self.bank, self.folder, self.variables = bank, folder, settings(folder, self.environment)
        master = folder / f"{bank.name}.ipynb"
        master.write_text(json.dumps(_master(bank)))
        run([program(self.environment, "otter"), "assign", master.name, "dist"], folder, self.variables)
        self.handed_out = json.loads((folder / "dist" / "student" / master.name).read_text())
        self.archive = str(next((folder / "dist" / "autograder").glob("*autograder*.zip")))

    def hand_in(self, count: int, solved: bool) -> None:
        shutil.rmtree(self.folder / "submissions", ignore_errors=True)
        self.submissions = [self.folder / "submissions" / f"{i:02}" / f"{self.bank.name}.ipynb" for i in range(count)]
        for i, path in enumerate(self.submissions):
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(filled(self.handed_out, self.bank, i) if solved else self.handed_out))

    def grade(self) -> None:
        otter = program(self.environment, "otter")
        for path in self.submissions:
            command = [otter, "run", "-a", self.archive, "-o", str(path.parent), str(path)]
            run(command, self.folder, self.variables)

    def grade_in_one_process(self) -> None:
        """Grade the class by Otter's API."""
        paths = [str(path) for path in self.submissions]
        python = program(self.environment, "python")
        run([python, "-c", IN_ONE_PROCESS, self.archive, *paths], self.folder, self.variables)

    def scores(self) -> list[float]:
        found = []
        for path in self.submissions:
            tests = json.loads((path.parent / "results.json").read_text())["tests"]
            counted = [test for test in tests if test.get("max_score")]
            found.append(sum(t["score"] for t in counted) / sum(t["max_score"] for t in counted))
        return found

    def measure(self) -> Measured:
        few, many = (self.timed(count, self.grade_in_one_process) for count in (self.few, self.many))
        return Measured(self.timed(CLASS), (many - few) / (self.many - self.few))


def _master(bank: Bank) -> dict[str, Any]:
    expected = bank.expected()
    cells = [_raw("# ASSIGNMENT CONFIG\nexport_cell: false\ngenerate:\n  pdf: false")]
    cells += [v4.new_code_cell(bank.imports), v4.new_code_cell(bank.inputs)]
    for exercise in bank.exercises:
        values = expected[exercise.id]
        test = f"{exercise.call}\nassert np.allclose(value, np.array({values}), rtol=1e-4, atol=1e-5)"
        cells += [
            _raw(f"# BEGIN QUESTION\nname: {exercise.id}\npoints: 1"),
            _raw("# BEGIN SOLUTION"),
            v4.new_code_cell(exercise.solution.replace("### ", "# ")),
            _raw("# END SOLUTION"),
            _raw("# BEGIN TESTS"),
            v4.new_code_cell(test),
            _raw("# END TESTS"),
            _raw("# END QUESTION"),
        ]
    notebook: dict[str, Any] = v4.new_notebook(cells=cells, metadata=METADATA)
    return notebook


def _raw(source: str) -> Any:
    return v4.new_raw_cell(source)
