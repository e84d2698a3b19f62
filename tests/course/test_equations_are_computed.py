"""Every displayed equation of the book has a label, and code that computes it.

Belongs here: reading the pages for equations and for the comments that claim them. A cell of a
page or a test claims an equation by a Python comment with its label::

    h = np.tanh(x @ W_xh.T + h @ W_hh.T + b_h)  # eq-rnn-cell

A displayed equation that is a remark and computes nothing may go without a label. Such a one
stands inside an admonition or a dropdown, or follows a line that gives the reason, which is a
comment in MyST and is not printed::

    % no label: the same equation once more, solved for z
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import numpy as np
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

DISPLAYED = re.compile(
    r"^(?P<indent> *)\$\$(?P<dollars>.+?)\$\$(?: *\((?P<name>[^()\s]+)\))?[ ]*$"
    r"|^ *(?P<fence>`{3,}|:{3,})\{math\}(?P<directive>.*?)^ *(?P=fence) *$"
    r"|^ *\\begin\{(?P<env>equation|align|gather|multline|eqnarray|alignat)\*?\}.*?\\end\{(?P=env)\*?\}",
    re.DOTALL | re.MULTILINE,
)
OPTION = re.compile(r"^ *:label: *(\S+) *$", re.MULTILINE)
EXCUSE = re.compile(r"^ *% no label: *\S.{7,}$")
DIRECTIVE = re.compile(r"^ *(?P<fence>:{3,}|`{3,})(?P<name>\{[\w-]+\})?")
ASIDES = {"admonition", "dropdown", "note", "tip", "hint", "seealso", "important", "warning", "margin"}


@dataclass(frozen=True)
class Equation:
    """A displayed equation: its label if it has one, and the line of its page's prose."""

    label: str | None
    text: str
    excused: bool


def pages_of(toc: Any) -> list[str]:
    """The files that a table of contents names, in order."""
    if isinstance(toc, list):
        return [file for part in toc for file in pages_of(part)]
    if not isinstance(toc, dict):
        return []
    own = [toc[key] for key in ("root", "file") if key in toc]
    return own + [file for key, value in toc.items() if key not in ("root", "file") for file in pages_of(value)]


def directives_around(before: str) -> set[str]:
    """The names of the directives that are open at the end of ``before``."""
    opened: list[tuple[str, str]] = []
    for line in before.splitlines():
        found = DIRECTIVE.match(line)
        if found is None:
            continue
        fence, name = found["fence"], found["name"]
        if name:
            opened.append((fence, name.strip("{}")))
        elif opened and opened[-1][0] == fence:
            opened.pop()
    return {name for _, name in opened}


def equations_in(prose: str) -> list[Equation]:
    """The displayed equations of a page without its code cells."""
    found = []
    for match in DISPLAYED.finditer(prose):
        option = OPTION.search(match["directive"] or "")
        label = match["name"] or (option.group(1) if option else None)
        before = prose[: match.start()]
        lines = [line for line in before.splitlines() if line.strip()]
        excused = bool(lines and EXCUSE.match(lines[-1])) or bool(directives_around(before) & ASIDES)
        found.append(Equation(label, " ".join(match.group().split())[:100], excused))
    return found


def comments_in(code: str) -> list[str]:
    """The Python comments of a cell or module; none if it is nothing but comments."""
    code = re.sub(r"^[ \t]*[%!].*$", "", code, flags=re.MULTILINE)  # what IPython adds to Python
    tokens = list(tokenize.generate_tokens(io.StringIO(code).readline))
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER}
    if all(token.type in silent for token in tokens):
        return []
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def labels_claimed(comments: list[str]) -> set[str]:
    """The labels of equations in comments; a dot or comma after one is not part of it."""
    return {label for comment in comments for label in re.findall(r"(?<![\w-])eq-[\w-]*\w", comment)}


@cache
def read_page(path: Path) -> tuple[tuple[Equation, ...], frozenset[str]]:
    """A page's equations, and the labels that its executed cells claim."""
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="md:myst")
    prose = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    skipped = {"skip-execution", "raises-exception"}
    cells = [
        c.source for c in notebook.cells if c.cell_type == "code" and not skipped & set(c.metadata.get("tags", []))
    ]
    return tuple(equations_in(prose)), frozenset(labels_claimed([c for cell in cells for c in comments_in(cell)]))


@cache
def pages() -> tuple[Path, ...]:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return tuple(path for file in pages_of(toc) if (path := ROOT / f"{file.removesuffix('.md')}.md").is_file())


@cache
def claimed_somewhere() -> frozenset[str]:
    """Labels claimed by an executed cell of any page of the book, or by a test."""
    tests = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests").rglob("*.py"))]
    in_tests = labels_claimed([comment for code in tests for comment in comments_in(code)])
    return frozenset(in_tests).union(*(read_page(path)[1] for path in pages()))


each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)


@each_page
def test_every_labelled_equation_is_computed(page: Path) -> None:
    labels = [equation.label for equation in read_page(page)[0] if equation.label]
    missing = [label for label in labels if label not in claimed_somewhere()]
    assert not missing, f"no cell or test has a comment with: {', '.join(missing)}"


@each_page
def test_every_displayed_equation_has_a_label_or_a_reason(page: Path) -> None:
    bare = [equation.text for equation in read_page(page)[0] if not equation.label and not equation.excused]
    assert not bare


@each_page
def test_labels_carry_the_prefix_by_which_comments_find_them(page: Path) -> None:
    labels = [equation.label for equation in read_page(page)[0] if equation.label]
    assert [label for label in labels if not label.startswith("eq-")] == []
    assert len(labels) == len(set(labels))


def test_rows_times_the_transpose_are_columns_transposed() -> None:
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    assert np.allclose(x @ W.T, (W @ x.T).T)  # eq-notation-rows


def test_comments_name_equations_that_exist() -> None:
    known = {e.label for path in (ROOT / "book").glob("*.md") for e in read_page(path)[0]}
    stale = {label for path in pages() for label in read_page(path)[1]} - known
    assert not stale


def test_the_book_has_equations_to_find() -> None:
    assert sum(len(read_page(page)[0]) for page in pages()) >= 10


SAMPLE = r"""
$$
a = b
$$ (eq-one)

$$ c = d $$ (eq-two)

```{math}
:label: eq-three
e = f
```

$$
g = h
$$

% no label: the first one again
$$
i = j
$$

:::{admonition} Aside
$$
k = l
$$
:::

:::{admonition} Closed
:::

\begin{align}
m &= n
\end{align}
"""


def test_the_reader_sees_every_form_of_displayed_equation() -> None:
    found = equations_in(SAMPLE)
    assert [e.label for e in found] == ["eq-one", "eq-two", "eq-three", None, None, None, None]
    assert [e.excused for e in found if not e.label] == [False, True, True, False]


@pytest.mark.parametrize(
    ("code", "claims"),
    [
        ("h = f(x)  # eq-rnn-cell", {"eq-rnn-cell"}),
        ("# eq-one, eq-two.\nh = 1", {"eq-one", "eq-two"}),
        ("# eq-one", set()),
        ("name = 'eq-one'", set()),
        ("%matplotlib inline\nh = 1  # eq-one", {"eq-one"}),
    ],
)
def test_only_comments_of_code_claim_an_equation(code: str, claims: set[str]) -> None:
    assert labels_claimed(comments_in(code)) == claims


def test_the_table_of_contents_is_read_at_every_depth() -> None:
    toc = {"root": "a", "parts": [{"caption": "x", "chapters": [{"file": "b", "sections": [{"file": "c"}]}]}]}
    assert pages_of(toc) == ["a", "b", "c"]
