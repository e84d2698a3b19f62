"""The benchmark measures what it says: eight cells, solved ones that run, stubs that do not, true ratios."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.notebook import read_chapter
from tests.bench.contender import Measured
from tests.bench.exercises import BANKS, Bank, filled
from tests.bench.others import summary
from tests.bench.with_ours import course_source

BOOK = Path(__file__).parents[2] / "book"


@pytest.fixture
def bench_table(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that draws the tables, as pages import it."""
    monkeypatch.syspath_prepend(str(BOOK))
    yield import_module("bench_table")
    del sys.modules["bench_table"]


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.name)
def test_a_notebook_has_eight_code_cells_here_and_elsewhere(bank: Bank, tmp_path: Path) -> None:
    path = tmp_path / f"{bank.name}.md"
    path.write_text(course_source(bank))
    ours = [cell for cell in read_chapter(path).cells if cell.kind == "code"]
    assert len(bank.cells()) == len(ours) == 8


@pytest.mark.parametrize("bank", BANKS, ids=lambda bank: bank.name)
def test_solved_cells_give_what_is_expected_and_a_stub_gives_nothing(bank: Bank) -> None:
    expected = bank.expected()
    for i, exercise in enumerate(bank.exercises):
        names: dict[str, Any] = {}
        for cell in bank.cells()[: 2 + 2 * i]:
            exec(cell, names)
        exec(exercise.stub, names)
        with pytest.raises(NotImplementedError):
            exec(exercise.call, names)
        exec(f"{exercise.solved}\n{exercise.call}", names)
        np.testing.assert_allclose(np.asarray(names["value"]), expected[exercise.id], rtol=1e-4, atol=1e-5)


def test_filling_in_replaces_each_stub_and_nothing_else() -> None:
    bank = BANKS[0]
    cells = [bank.imports, *(exercise.stub for exercise in bank.exercises)]
    notebook = {"cells": [{"source": [cell]} for cell in cells]}
    made = [cell["source"] for cell in filled(notebook, bank, 3)["cells"]]
    assert made == [[bank.imports], *(f"{exercise.solved}\n# student 3" for exercise in bank.exercises)]
    assert notebook["cells"][1]["source"] == [cells[1]], "what was handed out stays as it was"
    with pytest.raises(ValueError, match="0 cells for its solution"):
        filled({"cells": []}, bank, 3)


def test_ratios_are_medians_over_our_median() -> None:
    found = summary({
        "ours": [Measured(2.0, 0.1), Measured(4.0, 0.2), Measured(9.0, 0.3)],
        "floor": [Measured(1.0, 0.05), Measured(1.0, 0.05), Measured(50.0, 5.0)],
    })  # fmt: skip
    assert found["floor"]["whole"] == {"median": 1.0, "min": 1.0, "max": 50.0, "ratio": 0.25}
    assert found["floor"]["marginal"]["ratio"] == 0.25
    assert found["ours"]["whole"] == {"median": 4.0, "min": 2.0, "max": 9.0, "ratio": 1.0}


def test_the_committed_figures_are_whole_and_every_grader_has_its_row(bench_table: Any) -> None:
    figures = json.loads(bench_table.FIGURES.read_text())
    assert {"others", "grader"} <= set(figures)
    for by in figures["others"]["banks"].values():
        for what in ("whole", "marginal"):
            ours = by["ours"][what]["median"]
            for measured in by.values():
                assert measured[what]["min"] <= measured[what]["median"] <= measured[what]["max"]
                assert measured[what]["ratio"] == pytest.approx(measured[what]["median"] / ours, rel=0.05, abs=0.01)
    for part in ("notebook", "class"):
        page = bench_table.bench_table(part).data
        assert all(f'<th scope="row">{name}' in page for name in bench_table.GRADERS.values())
