"""Claims about the glossary, the questions, the resources, the applications and the outlook."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

BOOK = Path(__file__).parents[2] / "book"
APPENDICES = ("glossary", "faq", "resources", "applications", "outlook")
REQUIRED = {
    "adding problem", "aligned", "batch-first", "bidirectional", "BPTT", "candidate", "cell state", "copy task",
    "detach", "exploding gradient", "forget gate", "forget-gate bias", "gate", "global norm", "gradient check",
    "gradient clipping", "GRU", "hidden size", "horizon", "initial state", "input gate", "Jacobian", "language model",
    "logits", "LSTM", "mask", "minGRU", "one-hot", "output gate", "packed sequence", "padding", "parallel scan",
    "peephole", "persistence", "recurrent network", "recursive network", "reset gate", "reset-after", "reset-before",
    "saturation", "sigmoid", "softmax", "spectral radius", "state", "teacher forcing", "temperature", "time-major",
    "truncated BPTT", "unrolling", "update gate", "upstream gradient", "vanishing gradient", "window",
}  # fmt: skip


def page(name: str) -> str:
    return (BOOK / f"{name}.md").read_text(encoding="utf-8")


def glossary() -> list[tuple[list[str], str]]:
    """The entries: their terms (more than one if they share a definition), and the definition."""
    body = page("glossary").split("```{glossary}\n")[1].split("\n```")[0]
    entries = []
    for entry in body.split("\n\n"):
        lines = entry.splitlines()
        terms = [line for line in lines if not line.startswith("  ")]
        entries.append((terms, " ".join(line.strip() for line in lines if line.startswith("  "))))
    return entries


def test_the_glossary_has_the_words_of_all_chapters() -> None:
    terms = {term for entry, _ in glossary() for term in entry}
    assert terms >= REQUIRED
    assert len(terms) == sum(len(entry) for entry, _ in glossary()), "a term is defined twice"


def test_the_glossary_is_in_alphabetical_order() -> None:
    first = [entry[0].lower().replace("-", " ") for entry, _ in glossary()]
    assert first == sorted(first)


def test_every_definition_is_one_to_three_sentences() -> None:
    for terms, text in glossary():
        sentences = re.findall(r"[.?!](?=\s|$)", text)
        assert 1 <= len(sentences) <= 3, terms
        assert text.endswith("."), terms


def test_every_term_used_in_the_book_is_in_the_glossary() -> None:
    known = {term.lower() for entry, _ in glossary() for term in entry}
    for path in BOOK.glob("*.md"):
        for used in re.findall(r"\{term\}`([^`]+)`", path.read_text(encoding="utf-8")):
            target = re.sub(r".*<(.*)>", r"\1", used).lower()
            assert target in known, f"{path.name}: {used}"


def test_every_answer_has_evidence() -> None:
    sections = re.split(r"\n### ", page("faq"))[1:]
    assert len(sections) >= 18
    for section in sections:
        question = section.splitlines()[0]
        has_cell, has_reference = "{code-cell}" in section, re.search(r"\{(doc|ref|eq|numref|term)\}`", section)
        assert question.endswith("?"), question
        assert has_cell or has_reference or question == "Recurrent or recursive?", question


def test_every_executed_answer_asserts_something() -> None:
    for name in ("faq", "applications", "outlook"):
        cells = re.findall(r"```\{code-cell\} python3\n(.*?)\n```", page(name), re.DOTALL)
        assert sum("assert " in cell for cell in cells) >= 2, name


def test_every_labelled_equation_of_the_appendices_is_computed() -> None:
    for name in APPENDICES:
        for label in re.findall(r"^\$\$ \((eq-[\w-]+)\)", page(name), re.MULTILINE):
            assert f"# {label}" in page(name), label


def bibliography() -> dict[str, str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(BOOK.glob("*.bib")))
    return dict(re.findall(r"@\w+\{(\w+),(.*?)\n\}", text, re.DOTALL))


@pytest.mark.parametrize("name", ["background", *APPENDICES])
def test_every_citation_has_a_source_that_can_be_found(name: str) -> None:
    entries = bibliography()
    for group in re.findall(r"\{cite\}`([^`]+)`", page(name)):
        for key in group.split(","):
            assert key.strip() in entries, key
            entry = entries[key.strip()]
            proceedings_without_number = "booktitle" in entry and "pages" in entry
            assert re.search(r"\b(doi|eprint|url)\s*=", entry) or proceedings_without_number, key


@pytest.fixture(scope="module")
def sizes() -> list[dict[str, Any]]:
    return json.loads((BOOK / "data" / "faq_hidden_size.json").read_text())["rows"]


def accuracy(rows: list[dict[str, Any]], cell: str, size: int) -> float:
    return mean(row["validation"] for row in rows if (row["cell"], row["hidden_size"]) == (cell, size))


def test_more_units_help_at_first_and_then_stop_helping(sizes: list[dict[str, Any]]) -> None:
    for cell in ("RNN", "GRU", "LSTM"):
        assert accuracy(sizes, cell, 16) - accuracy(sizes, cell, 4) > 0.2
        assert abs(accuracy(sizes, cell, 128) - accuracy(sizes, cell, 64)) < 0.02


def test_on_eight_steps_the_gates_gain_nothing(sizes: list[dict[str, Any]]) -> None:
    assert accuracy(sizes, "RNN", 32) > max(accuracy(sizes, cell, 32) for cell in ("GRU", "LSTM")) - 0.01


def test_validation_is_not_the_test_set(sizes: list[dict[str, Any]]) -> None:
    assert any(row["validation"] != row["test"] for row in sizes)
    assert {row["seed"] for row in sizes} == {0, 1, 2}
