"""The site's own Sphinx extension: what pages depend on, and what they show of printed text."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from nbformat.v4 import new_output
from site_pages import ROOT


@pytest.fixture(scope="module")
def extension() -> ModuleType:
    spec = importlib.util.spec_from_file_location("extension", ROOT / "book" / "_ext" / "unrolled_site.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(text: str, name: str = "stdout") -> dict[str, str]:
    return new_output("stream", name=name, text=text)


def cell(code: str) -> str:
    return f"```{{code-cell}} python3\n:tags: [hide-input]\n{code}\n```\n"


def test_what_was_printed_in_pieces_is_shown_as_printed(extension: ModuleType) -> None:
    pieces = [printed("step 1: h"), printed(" = 0.5\n\nstep 2"), printed(":"), printed("\n")]
    assert [output["text"] for output in extension.join_streams(pieces)] == ["step 1: h = 0.5\n\nstep 2:\n"]


def test_pictures_and_warnings_stay_between_what_was_printed(extension: ModuleType) -> None:
    outputs = [printed("a"), new_output("display_data"), printed("b"), printed("c", "stderr"), printed("d", "stderr")]
    assert [output.get("text") for output in extension.join_streams(outputs)] == ["a", None, "b", "cd"]


def test_joining_leaves_the_executed_notebook_alone(extension: ModuleType) -> None:
    pieces = [printed("a"), printed("b")]
    extension.join_streams(pieces)
    assert [piece["text"] for piece in pieces] == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        ("import numpy as np", set()),
        (
            "import figures_background as drawings",
            {"book/figures_background.py", "book/figures.py", "book/figures_table.py"},
        ),
        ("from programs import training", {"book/programs/training.py"}),
        ("from programs.training import (\n    fit,\n    save,\n)", {"book/programs/training.py"}),
        ("Path('data/gru_wait.json')", {"book/data/gru_wait.json"}),
        ("results('code_digits')", {"book/data/code_digits.json"}),
        (
            "from autograder.reference import functions\nlstm = functions('lstm')",
            {"autograder/reference.py", "autograder/notebook.py", "solutions/lstm.md"},
        ),
    ],
)
def test_a_page_depends_on_what_its_cells_name(extension: ModuleType, code: str, inputs: set[str]) -> None:
    assert {str(path.relative_to(ROOT)) for path in extension.inputs_of(cell(code))} == inputs


def test_a_page_that_runs_the_grader_depends_on_all_of_it(extension: ModuleType) -> None:
    found = set(extension.inputs_of(cell("!autograder grade submissions")))
    assert {ROOT / "autograder" / "grade.py", ROOT / "autograder" / "keys" / "equations.ipynb"} <= found


def test_prose_names_nothing_that_a_page_depends_on(extension: ModuleType) -> None:
    assert extension.inputs_of("import figures\n" + cell("x = 1") + "```python\nimport figures\n```\n") == []


def test_every_page_with_a_figure_depends_on_the_figures(extension: ModuleType) -> None:
    for page in (ROOT / "book").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        if "from figures import" in text:
            assert ROOT / "book" / "figures.py" in extension.inputs_of(text), page.name
