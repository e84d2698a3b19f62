"""Sources are read strictly, stubs leak nothing, grafting trusts nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.graft import chapter_of, graft
from autograder.keys import KeyFileError, load_key
from autograder.notebook import (
    NotebookFileError,
    SourceError,
    helpers_of,
    read_chapter,
    read_ipynb,
    stub,
)
from autograder.release import leaks, solved_notebook, student_notebook
from tests.submissions.samples import chapter, chapters

EQUATIONS = Path(__file__).parents[2] / "solutions" / "equations.md"


@pytest.mark.parametrize("name", chapters())
def test_no_line_of_a_solution_is_in_the_key_or_the_notebook(name: str) -> None:
    source = chapter(name)
    assert leaks(source) == []
    for notebook in (load_key(name).notebook, student_notebook(source)):
        everything = "\n".join(cell["source"] for cell in notebook["cells"])
        assert "### BEGIN SOLUTION" not in everything
        assert everything.count("YOUR CODE HERE") >= len(source.exercises)


def test_a_leak_is_found(tmp_path: Path) -> None:
    path = tmp_path / "equations.md"
    secret = "states = np.empty(projected.shape)"
    path.write_text(EQUATIONS.read_text().replace("Start with `h = h0`.", f"Start with `{secret}`."))
    assert leaks(read_chapter(path)) == [
        f"rnn-forward-hint-2: a line of rnn-forward-solution can be read here: {secret}"
    ]


@pytest.mark.parametrize("name", chapters())
def test_the_students_notebook_holds_no_outputs_and_no_mistakes(name: str) -> None:
    notebook = student_notebook(chapter(name))
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    for mistake in chapter(name).of("mistake"):
        assert mistake.about["says"] not in json.dumps(notebook)
        assert json.dumps(mistake.about["id"]) not in json.dumps(notebook)


@pytest.mark.parametrize("name", chapters())
def test_notebooks_are_valid_and_their_ids_are_made_from_exercise_and_role(name: str) -> None:
    import nbformat

    for notebook in (load_key(name).notebook, student_notebook(chapter(name)), solved_notebook(chapter(name))):
        nbformat.validate(nbformat.from_dict(notebook))
        for cell in notebook["cells"]:
            about = cell["metadata"]["unrolled"]
            assert cell["id"].startswith(about["exercise"] or name)
            assert about["role"] in cell["id"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("chapter: equations", "chapter: lstm", "unrolled.chapter"),
        (":role: toy", ":role: poem", "unknown role 'poem'"),
        ("### BEGIN SOLUTION", "# begin", "needs a"),
        ('"exercise": "rnn-step", "title"', '"exercise": "other", "title"', "other: needs exactly one solution"),
        (":exercise: count-parameters\n\np, q", ":exercise: other\n\np, q", "at least one check"),
        ('"points": 10, ', "", "points"),
        ("- [h_prev @ W_hh.T, h_prev @ W_hh]", "- [nowhere, x]", "'nowhere'"),
        ("id: tanh-twice\nsays:", "id: tanh-twice\nsaid:", "what it says"),
    ],
)
def test_a_broken_source_is_named(old: str, new: str, words: str, tmp_path: Path) -> None:
    text = EQUATIONS.read_text()
    assert old in text
    path = tmp_path / "equations.md"
    path.write_text(text.replace(old, new))
    with pytest.raises(SourceError, match=words):
        read_chapter(path)


def test_a_stub_keeps_signature_and_docstring() -> None:
    made = stub('def f(x):\n    """Doc."""\n    ### BEGIN SOLUTION\n    return secret(x)\n    ### END SOLUTION\n')
    assert made == (
        'def f(x):\n    """Doc."""\n    # YOUR CODE HERE\n    raise NotImplementedError("not filled in yet")'
    )


def test_helpers_of_a_failed_cell_are_kept_but_nothing_that_the_grader_gives() -> None:
    mine = "import os\nX = 1\ndef check(*a): pass\ndef helper(): return 1\ndef rnn_step(): return 2\nprint(1)"
    kept = helpers_of(mine, "from autograder.check import check\ndef rnn_step(): return 0")
    assert "def helper" in kept
    assert "import os" in kept
    assert "check" not in kept
    assert "rnn_step" not in kept
    assert helpers_of("def broken(:", "") == ""


def test_a_notebook_of_an_older_release_still_grafts(tmp_path: Path) -> None:
    notebook = solved_notebook(chapter("equations"))
    notebook["cells"] = [c for c in notebook["cells"] if "check" not in c["id"] and "setup" not in c["id"]]
    notebook["metadata"] = {}
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(notebook))
    submission = read_ipynb(path)
    assert chapter_of(submission) == "equations"
    grafted = graft(load_key("equations"), submission)
    assert not grafted.missing
    assert sum(step.role == "check" for step in grafted.steps) == len(load_key("equations").checks)


def test_extra_cells_stay_in_their_place() -> None:
    notebook = solved_notebook(chapter("equations"))
    at = next(i for i, c in enumerate(notebook["cells"]) if c["id"] == "rnn-step-solution")
    mine = {"id": "mine", "cell_type": "code", "metadata": {}, "source": "helper = 1", "outputs": []}
    notebook["cells"].insert(at + 1, mine)
    steps = graft(load_key("equations"), notebook).steps
    order = [step.cell_id or step.source for step in steps]
    assert order[order.index("helper = 1") - 1] == "rnn-step-solution"


def test_what_is_no_notebook_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotebookFileError, match="no such file"):
        read_ipynb(tmp_path / "none.ipynb")
    with pytest.raises(NotebookFileError, match="not a file"):
        read_ipynb(tmp_path)
    with pytest.raises(KeyFileError, match="unknown chapter 'poems'"):
        load_key("poems")


def test_a_key_of_another_version_or_damaged_says_what_to_do(tmp_path: Path) -> None:
    key = json.loads(json.dumps(load_key("equations").notebook))
    key["metadata"]["unrolled"]["schema"] = "unrolled/key/v0"
    (tmp_path / "old.ipynb").write_text(json.dumps(key))
    (tmp_path / "bad.ipynb").write_text("{}")
    with pytest.raises(KeyFileError, match=r"v0.*run autograder release"):
        load_key("old", tmp_path)
    with pytest.raises(KeyFileError, match=r"damaged.*autograder release"):
        load_key("bad", tmp_path)
