"""Finding and taking away: search that knows symbols, and notebooks that run anywhere.

Belongs here: what the search index and the downloads need. Does not belong here: the
pages' looks, and links that the theme makes itself (:mod:`unrolled_site`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import nbformat
import sphinx.search
from docutils import nodes
from nbformat.v4 import new_code_cell
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.search.en import SearchEnglish

SYMBOLS = {
    "∂": "partial",
    "∇": "nabla",
    "⊙": "odot",
    "∑": "sum",
    "∏": "prod",
    "ρ": "rho",
    "σ": "sigma",
    "λ": "lambda",
    "δ": "delta",
    "η": "eta",
    "θ": "theta",
    "ℒ": "mathcal",
}
"""Signs that a reader may type, and the word that formulas and code have for each."""

SUBSCRIPT = re.compile(r"_\{\s*(?:\\\w+\s*)?(\w+)\s*\}")

SETUP = """\
# Outside the course's repository: fetch what this page's cells import.
from pathlib import Path

if not Path("figures.py").exists():
    !git clone --quiet --depth 1 {url} unrolled
    %cd unrolled/book
    %pip install --quiet -e "..[torch]" scikit-learn
"""


class SearchCourse(SearchEnglish):
    """English, with symbols as words: ``W_{hh}`` and ``W_hh`` are one, and ``∂`` is ``\\partial``."""

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        text = SUBSCRIPT.sub(r"_\1", input)
        for symbol, word in SYMBOLS.items():
            text = text.replace(symbol, f" {word} ")
        return super().split(text)


def query_script() -> str:
    """The same splitting for what a reader types, before the theme's script defines its own."""
    return f"""
const SYMBOLS = {json.dumps(SYMBOLS, ensure_ascii=True)};
var splitQuery = (query) => query
  .replace(/_\\{{\\s*(\\w+)\\s*\\}}/g, "_$1")
  .replace(new RegExp(`[${{Object.keys(SYMBOLS).join("")}}]`, "gu"), (sign) => ` ${{SYMBOLS[sign]}} `)
  .split(/[^\\p{{Letter}}\\p{{Number}}_]+/gu)
  .filter((term) => term);
"""


def split_queries(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the search page the script above."""
    if pagename == "search":
        app.add_js_file(None, body=query_script(), priority=1)


def make_downloads_run(app: Sphinx, error: Exception | None) -> None:
    """Begin each page's downloadable notebook with a cell that fetches the course's files."""
    if error is not None or app.builder.format != "html":
        return
    url = app.config.html_theme_options["repository_url"]
    for page in sorted((Path(app.outdir) / "_sources" / "book").glob("*.ipynb")):
        notebook = nbformat.read(page, as_version=4)
        if any(cell.get("id") == "fetch-the-course" for cell in notebook.cells):
            continue
        cell = new_code_cell(SETUP.format(url=url), id="fetch-the-course")
        cell.metadata["tags"] = ["remove-cell"]
        notebook.cells.insert(0, cell)
        nbformat.write(notebook, page)


def setup(app: Sphinx) -> dict[str, bool]:
    """Put our search language in the place of Sphinx's English, and register the handlers."""
    if "en" not in sphinx.search.languages:
        raise ConfigError("this Sphinx keeps its search languages elsewhere: see SearchCourse")
    sphinx.search.languages["en"] = SearchCourse
    app.connect("html-page-context", split_queries)
    app.connect("build-finished", make_downloads_run)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
