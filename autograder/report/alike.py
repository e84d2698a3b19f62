"""Pairs of alike submissions, to look at: a table in a terminal, JSON, and a page with the passages side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from autograder import __version__
from autograder.record import printable
from autograder.report.html import template
from autograder.similar import Pair, Passage

LONGEST = 60  # lines of a passage that the page shows
PASSAGES = 5  # of a pair
Sources = Mapping[tuple[str, str], str]


def alike_table(pairs: Sequence[Pair]) -> Table:
    """A line for each pair: who, how much, and where most."""
    table = Table(box=None, pad_edge=False)
    for name in ("one", "other", "score", "shared", "most in"):
        table.add_column(name, justify="right" if name in ("score", "shared") else "left", overflow="fold")
    for pair in pairs:
        where = ", ".join(_place(passage) for passage in pair.passages[:2])
        table.add_row(*(Text(printable(text)) for text in (pair.a, pair.b)), f"{pair.score:.1f}", f"{pair.share:.0%}",
                      Text(printable(where)))  # fmt: skip
    return table


def alike_json(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """The pairs as data, schema `unrolled/similar/v1`."""
    return [
        {
            "schema": "unrolled/similar/v1", "students": [pair.a, pair.b], "score": pair.score, "share": pair.share,
            "passages": [
                {"exercise": p.exercise, "lines": [list(p.lines_a), list(p.lines_b)], "tokens": p.tokens}
                for p in pair.passages
            ],
        }
        for pair in pairs
    ]  # fmt: skip


def alike_page(pairs: Sequence[Pair], sources: Sources) -> str:
    """The page; `sources` are the cells by (student, exercise)."""
    shown = [
        {
            "a": printable(pair.a), "b": printable(pair.b), "score": f"{pair.score:.1f}", "share": f"{pair.share:.0%}",
            "passages": [_shown(pair, passage, sources) for passage in pair.passages[:PASSAGES]],
            "more": max(0, len(pair.passages) - PASSAGES),
        }
        for pair in pairs
    ]  # fmt: skip
    return template("alike.html").render(version=__version__, pairs=shown)


def _shown(pair: Pair, passage: Passage, sources: Sources) -> dict[str, Any]:
    sides = []
    for student, (first, last) in ((pair.a, passage.lines_a), (pair.b, passage.lines_b)):
        lines = sources[student, passage.exercise].split("\n")[first - 1 : last]
        code = "\n".join(printable(line, 400) for line in lines[:LONGEST])
        sides.append({"student": printable(student), "lines": f"{first}–{last}", "code": code})
    return {"exercise": printable(passage.exercise), "tokens": passage.tokens, "sides": sides}


def _place(passage: Passage) -> str:
    return f"{passage.exercise} ({passage.tokens} tokens)"
