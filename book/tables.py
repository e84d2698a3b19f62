"""Tables of figures, for pages and for a terminal; what stands in them is not decided here."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

from IPython.display import HTML


@dataclass(frozen=True)
class Table:
    """A title, column heads, and rows whose first cell names the row."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_html(table: Table) -> HTML:
    """A table as the pages show it."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' if name else "<td></td>" for name in table.head)
    body = "".join(f"<tr>{_html_row(row)}</tr>" for row in table.rows)
    caption = f"<caption>{html.escape(table.title)}</caption>"
    text = f'<table class="table">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return HTML(f'<div class="pst-scrollable-table-container">{text}</div>')


def markdown(table: Table) -> str:
    """A table in Markdown."""
    head = _markdown_row(table.head)
    rule = _markdown_row(["---", *["---:"] * (len(table.head) - 1)])
    return "\n".join([f"**{table.title}**", "", head, rule, *map(_markdown_row, table.rows)])


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _html_row(row: tuple[str, ...]) -> str:
    first, *others = map(html.escape, row)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in others)
