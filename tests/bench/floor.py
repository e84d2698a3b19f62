"""The floor: a process that has imported NumPy and torch forks, and the child runs the cells.

Nothing is isolated, compared or recorded, so no grader can be faster. As a script, it runs the
notebooks that it is given and ends with an error if a cell raises.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from pathlib import Path

from tests.bench.contender import CLASS, Contender
from tests.bench.environments import run, settings
from tests.bench.exercises import Bank
from tests.bench.figures import ROOT


class Floor(Contender):
    """A fork for each notebook."""

    name = "floor"
    few, many = CLASS, 11 * CLASS

    def prepare(self, bank: Bank, folder: Path) -> None:
        self.bank, self.folder = bank, folder
        self.variables = settings(folder)

    def hand_in(self, count: int, solved: bool) -> None:
        shutil.rmtree(self.folder / "class", ignore_errors=True)
        (self.folder / "class").mkdir()
        stubs = {exercise.solved: exercise.stub for exercise in self.bank.exercises}
        cells = [cell if solved else stubs.get(cell, cell) for cell in self.bank.cells()]
        self.files = [str(self.folder / "class" / f"{i:03}.json") for i in range(count)]
        for name in self.files:
            Path(name).write_text(json.dumps(cells))

    def grade(self) -> None:
        script = [sys.executable, "-m", "tests.bench.floor", str(self.folder / "ran.json"), *self.files]
        run(script, ROOT, self.variables)

    def scores(self) -> list[float]:
        found: list[float] = json.loads((self.folder / "ran.json").read_text())
        return found


def fork(cells: list[str]) -> float:
    """Run cells in a child: 1 if all of them ran, 0 if one raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            names: dict[str, object] = {"__name__": "__main__"}
            for cell in cells:
                exec(compile(cell, "cell", "exec"), names)
            code = 0
        finally:
            os._exit(code)
    return float(os.waitpid(pid, 0)[1] == 0)


def main(results: Path, notebooks: list[str]) -> None:
    """Import what the cells need, then fork for each notebook."""
    import numpy.random  # noqa: F401
    import torch  # noqa: F401

    gc.freeze()
    ran = [fork(json.loads(Path(notebook).read_text())) for notebook in notebooks]
    results.write_text(json.dumps(ran))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
