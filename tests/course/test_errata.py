"""The errata page: every known error of the five documents, each with its two cells.

Belongs here: what the page must contain. Whether its links and figures work is in tests/site.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "book" / "errata.md"
DOCUMENTS = ("000", "001", "002", "003", "004")
FENCE = re.compile(r"^```\{code-cell\}[^\n]*\n(?:---\n.*?\n---\n)?(.*?)^```$", re.DOTALL | re.MULTILINE)

PROGRAMS = {f"program-{number}" for number in range(1, 15)}
"""The fourteen rows of the course plan's table."""

PLANNED = {
    "001's GRU candidate does not read the reset gate": "reset-unused",
    "001 calls the reset gate output gate": "reset-named-output",
    "001 calls the cell state hidden state": "c-named-hidden",
    "001's input gate updates the hidden state": "input-gate-writes-h",
    "000's GRU has no biases": "gru-biases",
    "000's GRU is the LSTM with its cell replaced": "program-3",
    "002 names a constant gate": "constant-gate",
    "002 names a candidate gate": "candidate-gate",
    "002 has gradients vanish in the forward pass": "forward-vanishing",
    "002 blames the weight update": "update-vanishing",
    "002 has RNNs remember long distances": "plain-long-memory",
    "002 keeps convolutions for two-dimensional data": "convolution",
    "002 gives a book a wrong author": "book",
    "003 starts BPTT from zero": "program-11",
    "003 gives the GRU an LSTM's gates": "gru-lstm-gates",
    "003 allows any activation at the output": "output-activation",
    "003 and others allow any activation in the state": "state-activation",
    "004 gives gates without updates": "no-updates",
    "several have gates solve vanishing gradients": "gates-vanishing",
    "several have gates solve exploding gradients": "gates-exploding",
}
"""Wrong equations and claims that the course plan and the authors listed, and their entries."""


@dataclass(frozen=True)
class Entry:
    """One erratum: its id, its text up to the next heading, and its cells."""

    id: str
    text: str

    @property
    def cells(self) -> list[str]:
        return FENCE.findall(self.text)

    @property
    def where(self) -> str:
        found = re.search(r"^\*\*Where:\*\* (.+)$", self.text, re.MULTILINE)
        return found.group(1) if found else ""


def entries() -> list[Entry]:
    """The entries of the page: third-level headings that have a label."""
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^\(errata-([\w-]+)\)=\n(?=#{2,3} )", text, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [Entry(name, body) for name, body in pairs if body.startswith("### ")]


ENTRIES = entries()
by_id = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)


@by_id
def test_an_entry_says_where_and_what_then_shows_both(entry: Entry) -> None:
    prose = FENCE.sub("<cell>", entry.text)
    order = [r"\*\*Where:\*\* ", r"\*\*Says:\*\* ", "<cell>", r"\*\*Right:\*\* ", "<cell>", r"\*\*Lesson:\*\* "]
    assert re.search(".*?".join(rf"^{part}" for part in order), prose, re.DOTALL | re.MULTILINE), prose
    assert prose.count("<cell>") == 2


@by_id
def test_the_first_cell_is_about_the_error_and_the_second_about_what_is_right(entry: Entry) -> None:
    wrong, right = entry.cells
    assert wrong.startswith("# wrong")
    assert right.startswith("# right")


@by_id
def test_both_cells_assert_something_that_they_computed(entry: Entry) -> None:
    for cell in entry.cells:
        tests = [node.test for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Assert)]
        assert any(isinstance(part, ast.Name) for test in tests for part in ast.walk(test)), cell
        assert 3 <= len(cell.strip().splitlines()) <= 26, "an entry's cell is short"


@by_id
def test_an_entry_names_its_document_and_section(entry: Entry) -> None:
    named = re.findall(r"\b(00\d)\b", entry.where)
    assert named, entry.where
    assert set(named) <= set(DOCUMENTS)
    assert "§" in entry.where or "throughout" in entry.where


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_document_is_covered(document: str) -> None:
    kinds = {"program" if entry.id.startswith("program") else "text" for entry in ENTRIES if document in entry.where}
    assert kinds == {"program", "text"}


def test_every_program_of_the_plan_has_an_entry() -> None:
    assert {entry.id for entry in ENTRIES} >= PROGRAMS


@pytest.mark.parametrize("planned", PLANNED)
def test_every_error_of_the_plan_has_an_entry_about_its_document(planned: str) -> None:
    entry = next(entry for entry in ENTRIES if entry.id == PLANNED[planned])
    document = re.match(r"00\d", planned)
    assert document is None or document.group() in entry.where


def test_the_overview_lists_every_entry_once_and_in_order() -> None:
    listed = re.findall(r"^\| \[[^]]+\]\(#errata-([\w-]+)\) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == [entry.id for entry in ENTRIES]


def test_the_overview_names_the_documents_that_the_entry_names() -> None:
    rows = re.findall(r"\(#errata-([\w-]+)\) \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"))
    where = {entry.id: entry.where for entry in ENTRIES}
    for name, documents in rows:
        wanted = set(DOCUMENTS) if documents == "all five" else set(re.findall(r"00\d", documents))
        assert wanted <= set(re.findall(r"\b00\d\b", where[name])), name


def test_nothing_is_quoted_from_the_chinese() -> None:
    assert not re.search(r"[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]", PAGE.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_all_cells_run_in_order_and_their_assertions_hold() -> None:
    pytest.importorskip("torch")
    cells = FENCE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(cells) >= 2 * len(ENTRIES)
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(cells)],
        cwd=PAGE.parent,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert not run.stderr
