"""Alike after renaming: what winnowing promises, what counts for nothing, and that a copy is found in a class."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.cli import main
from autograder.collect import collect, common_code
from autograder.notebook import dump_ipynb
from autograder.release import filled_notebook
from autograder.report.alike import alike_page
from autograder.similar import K, Solution, Token, W, fingerprints, similar, tokens_of
from tests.reports.made import HOSTILE
from tests.reports.test_pages import TAGS, Reader
from tests.submissions.samples import chapter, solutions_of

ORIGINAL = '''def rnn_forward(x, h0, W_xh, W_hh, b_h):
    """The states."""
    states = np.zeros((x.shape[0], *h0.shape))
    current = h0.copy()
    for t, inputs in enumerate(x):
        current = np.tanh(inputs @ W_xh.T + current @ W_hh.T + b_h)
        states[t] = current
    return states
'''
COPY = """def rnn_forward(x, h0, W_xh, W_hh, b_h):
    # all mine
    out = np.zeros((x.shape[0],
                    *h0.shape))
    s = h0.copy()

    for k, row in enumerate(x):
        s = np.tanh(row @ W_xh.T + s @ W_hh.T + b_h)  # one step
        out[k] = s
    return out
"""
OTHER = """def rnn_forward(x, h0, W_xh, W_hh, b_h):
    found, h = [], h0
    while len(found) < len(x):
        h = np.tanh(x[len(found)].dot(W_xh.T) + h.dot(W_hh.T) + b_h)
        found.append(h)
    return np.array(found)
"""
letters = st.lists(st.sampled_from("abcd"), min_size=W + K, max_size=60)


def stream(text: list[str]) -> list[Token]:
    return [Token(letter, i, i) for i, letter in enumerate(text)]


@given(before=letters, shared=st.lists(st.sampled_from("wxyz"), min_size=K + W - 1, max_size=40), after=letters)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_winnowing_finds_every_run_of_k_plus_w_minus_1(before: list[str], shared: list[str], after: list[str]) -> None:
    one = {p.hash for p in fingerprints(stream(before + shared + after))}
    two = {p.hash for p in fingerprints(stream(after[:3] + shared + before))}
    assert one & two


@given(text=letters)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_no_window_is_without_a_fingerprint(text: list[str]) -> None:
    places = sorted(p.start for p in fingerprints(stream(text)))
    assert places[0] < W and places[-1] > len(text) - K - W
    assert all(b - a <= W for a, b in pairwise(places))


def test_names_comments_docstrings_and_layout_do_not_count() -> None:
    assert [t.text for t in tokens_of(ORIGINAL)] == [t.text for t in tokens_of(COPY)]
    assert [t.text for t in tokens_of(ORIGINAL)] != [t.text for t in tokens_of(OTHER)]
    assert "tanh" in {t.text for t in tokens_of(ORIGINAL)}, "a library's function is not the student's to name"


@pytest.mark.parametrize("source", [*HOSTILE, "def f(:\n  '''", "x = (1,\n", "\tif\n x", "a" * 100_000, "1 " * 50_000])
def test_what_does_not_parse_is_read_as_far_as_it_goes(source: str) -> None:
    tokens = tokens_of(source)
    assert len(tokens) <= 20_000
    assert tokens_of("x = f(1)\n" + "y = (\n")[:6] == tokens_of("x = f(1)\n")


def test_a_renamed_copy_comes_first_with_its_lines() -> None:
    solutions = [Solution("ada", "e", ORIGINAL), Solution("bob", "e", COPY), Solution("eve", "e", OTHER)]
    (pair,) = [p for p in similar(solutions, {}) if p.passages[0].tokens > 40]
    assert (pair.a, pair.b, pair.share) == ("ada", "bob", 1.0)
    (passage,) = pair.passages
    assert (passage.lines_a, passage.lines_b) == ((1, 8), (1, 10))


def test_what_everybody_was_given_counts_for_nothing() -> None:
    solutions = [Solution("ada", "e", ORIGINAL), Solution("bob", "e", COPY)]
    assert similar(solutions, {"e": [ORIGINAL]}) == []
    assert len(similar(solutions, {"other": [ORIGINAL]})) == 1


def test_what_most_of_a_class_writes_counts_for_nothing() -> None:
    crowd = [Solution(f"s{i}", "e", ORIGINAL) for i in range(60)]
    assert similar(crowd, {}) == []


def test_the_ranking_does_not_depend_on_the_order_of_the_class() -> None:
    solutions = [Solution(f"s{i}", f"e{j}", text) for i, text in enumerate((ORIGINAL, COPY, OTHER)) for j in range(2)]
    shuffled = random.Random(3).sample(solutions, len(solutions))
    assert similar(shuffled, {}) == similar(solutions, {}) != []


def test_a_copy_is_found_among_notebooks_and_nobody_else_is_named(tmp_path: Path) -> None:
    source = chapter("equations")
    answers = solutions_of(source)
    for i in range(8):
        mine = dict(answers)
        if i in (2, 5):
            mine["rnn-forward"] = ORIGINAL if i == 2 else COPY
        folder = tmp_path / f"student {i}"
        folder.mkdir()
        (folder / "equations.ipynb").write_text(dump_ipynb(filled_notebook(source, mine)), "utf-8")
    (tmp_path / "student 7" / "equations.ipynb").write_text("no notebook")
    out = tmp_path / "pairs.json"
    result = CliRunner().invoke(
        main, ["similar", str(tmp_path), "--json", str(out), "--html", str(tmp_path / "p.html")]
    )
    assert result.exit_code == 2 and "not a notebook" in result.output
    (pair,) = json.loads(out.read_text())
    assert pair["students"] == ["student 2", "student 5"]
    assert pair["passages"][0]["exercise"] == "rnn-forward"


def test_stub_reference_and_variants_are_common() -> None:
    source = chapter("equations")
    texts = common_code()["rnn-step"]
    assert solutions_of(source)["rnn-step"] in texts
    assert len(texts) == 2 + len(source.of("variant", "rnn-step"))


def test_the_page_shows_code_and_runs_none() -> None:
    evil = ORIGINAL + "".join(
        f"# {text!r}\nprint('<script>alert(1)</script>', '</pre><img src=x>')\n" for text in HOSTILE
    )
    solutions = [Solution(name, "e", evil) for name in ("<i>ada</i>", "bob\x1b")]
    pairs = similar(solutions, {})
    page = alike_page(pairs, {(s.student, s.exercise): s.source for s in solutions})
    read = Reader(page)
    assert pairs and {tag for tag, _ in read.tags} <= {*TAGS.split(), "pre"}
    assert "<script>alert(1)</script>" in read.words and "\x1b" not in page


def test_an_empty_folder_is_a_clear_line(tmp_path: Path) -> None:
    assert collect([tmp_path]) == ([], ["there is no notebook here"])
