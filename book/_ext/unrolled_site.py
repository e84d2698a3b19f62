"""What the site needs and neither Jupyter Book nor its theme provides.

Belongs here: links made from the repository's address, re-running pages when
what they import changes, printed text in one piece, and the style sheet. Does not belong here: anything a page or
a figure can do itself.
"""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import myst_nb.core.render
from docutils import nodes
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

HERE = Path(__file__).parent
BOOK = HERE.parent
ROOT = BOOK.parent
LIBRARIES = ("numpy", "torch", "matplotlib", "scikit-learn", "keras")  # a new one may print other numbers

CELL = re.compile(r"^(`{3,}|:{3,})\{code-cell\}.*?^\1 *$", re.DOTALL | re.MULTILINE)
EMPTY_HEADER = re.compile(r"<th\b([^>]*)>\s*(?:<p>\s*</p>)?\s*</th>")
IMPORT = re.compile(r"^[ \t]*(?:from\s+([\w.]+)\s+)?import\s+(\([^)]*\)|.*)", re.MULTILINE)


def digest(*texts: str) -> str:
    """Return a short hash of the texts."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def use_own_files(app: Sphinx, config: Config) -> None:
    """Point the style sheets and the script at the site's own files."""
    config.html_static_path.append(str(HERE / "static"))
    config.html_context["default_mode"] = "auto"  # else each reader's first page logs an error
    app.add_css_file("unrolled.css")
    app.add_css_file("print.css", media="print")
    app.add_js_file("unrolled.js", loading_method="defer")
    # Without this Sphinx sees nothing to do when only the style has changed.
    files = sorted(path for path in (HERE / "static").rglob("*") if path.is_file())
    config.unrolled_style = digest(*(file.read_text(encoding="utf-8") for file in files))


def make_link_schemes(app: Sphinx, config: Config) -> None:
    """Let pages write ``[...](repo:README.md)`` and ``[...](colab:path.ipynb)``.

    Both are made from ``repository`` and ``launch_buttons`` in ``_config.yml``.
    """
    theme = config.html_theme_options
    url, branch = theme["repository_url"].rstrip("/"), theme["repository_branch"]
    colab = theme["launch_buttons"]["colab_url"].rstrip("/")
    owner_and_name = url.removeprefix("https://github.com/")
    config.myst_url_schemes = {
        "http": None,
        "https": None,
        "mailto": None,
        "repo": {"url": f"{url}/blob/{branch}/{{{{path}}}}"},
        "colab": {"url": f"{colab}/github/{owner_and_name}/blob/{branch}/{{{{path}}}}"},
    }


def fill_repository(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the repository's address where a code block says ``REPOSITORY_URL``."""
    url = app.config.html_theme_options["repository_url"]
    source[0] = source[0].replace("REPOSITORY_URL", url)


def modules_in(code: str) -> set[Path]:
    """The repository's own modules that code imports, and those whose path it gives."""
    names = []
    for package, imported in IMPORT.findall(code):
        names += [package] if package else []
        names += [f"{package}.{name}".strip(".") for name in re.findall(r"[\w.]+", imported)]
    paths = [name.replace(".", "/") + ".py" for name in names] + re.findall(r"[\w/]+\.py\b", code)
    found = {folder / path for path in paths for folder in (ROOT, BOOK, BOOK / "experiments")}
    return {path for path in found if path.is_file()}


def course_files_in(code: str) -> set[Path]:
    """The experiments' results, solutions and parts of the grader that code reads."""
    words = set(re.findall(r"\w+", code))
    found = {path for path in (BOOK / "data").glob("*.json") if path.stem in words}
    if "autograder" not in words:
        return found
    grader = ROOT / "autograder"
    if set(re.findall(r"autograder(?:\.\w+)?", code)) != {"autograder.reference"}:
        return found | set(grader.rglob("*.py")) | set(grader.glob("keys/*")) | set(ROOT.glob("solutions/*.md"))
    chapters = re.findall(r"""["'](\w+)["']""", code)
    solved = {path for path in ROOT.glob("solutions/*.md") if path.stem in chapters}
    return found | solved | {grader / "reference.py", grader / "notebook.py"}


def inputs_of(page: str) -> list[Path]:
    """Files of this repository on which the outputs of a page's cells depend."""
    code = ["\n".join(match.group() for match in CELL.finditer(page))]
    found: set[Path] = set()
    while code:
        text = code.pop()
        modules = modules_in(text) - found
        found |= modules | course_files_in(text)
        code += [path.read_text(encoding="utf-8") for path in modules if path.is_relative_to(BOOK)]
    return sorted(found)


def rerun_when_inputs_change(app: Sphinx, docname: str, source: list[str]) -> None:
    """Keep one execution cache per version of what a page's cells import and read.

    Jupyter's cache looks at a page's cells only, so a change in ``figures.py``
    would leave old outputs on the pages. Each page has a cache folder named
    after its own inputs; Sphinx reads the page again when one of them is newer.
    """
    inputs = inputs_of(source[0])
    for path in inputs:
        app.env.note_dependency(str(path))
    texts = [f"{path.relative_to(ROOT)}\n{path.read_text(encoding='utf-8')}" for path in inputs]
    cache = Path(app.outdir).parent / ".jupyter_cache" / digest(app.config.unrolled_versions, *texts)
    app.env.mystnb_config = app.env.mystnb_config.copy(execution_cache_path=str(cache))


def note_versions(app: Sphinx, config: Config) -> None:
    """Read and run every page again when a library is another version."""
    config.unrolled_versions = " ".join(f"{name}=={version(name)}" for name in LIBRARIES)


def join_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Put together what one cell printed, exactly as it was printed.

    A kernel sends printed text in pieces, and on a busy machine a piece may end
    in the middle of a line. MyST-NB's own ``coalesce_streams`` ends every piece
    with a line break, so that such a page shows a broken line, another each time.
    """
    joined: list[NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and last["output_type"] == output["output_type"] == "stream" and last["name"] == output["name"]:
            last["text"] += output["text"]
        else:
            joined.append(NotebookNode(output))
    return joined


def launch_exercises(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Make a chapter's launch buttons open its exercises.

    Colab and Binder cannot open the chapter's own ``.md``. A page without
    exercises gets no launch buttons.
    """
    buttons = context.get("header_buttons", [])
    if app.env.doc2path(pagename).endswith(".ipynb"):
        return
    chapter = pagename.removeprefix("book/")
    notebook = f"book/exercises/{chapter}.ipynb"
    exists = (Path(app.srcdir) / notebook).is_file()
    for group in [b for b in buttons if b.get("label") == "launch-buttons"]:
        if not exists:
            buttons.remove(group)
            continue
        for button in group["buttons"]:
            button["url"] = button["url"].replace(f"{pagename}.md", notebook)


def mend_markup(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Make an empty corner of a table an ordinary cell: a header without words heads nothing."""
    if "body" in context:
        context["body"] = EMPTY_HEADER.sub(r"<td\1></td>", context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the handlers above with Sphinx."""
    if not hasattr(myst_nb.core.render, "coalesce_streams"):
        raise ConfigError("this MyST-NB joins streams elsewhere: see join_streams")
    myst_nb.core.render.coalesce_streams = join_streams
    app.add_config_value("unrolled_versions", "", "env", str)
    app.add_config_value("unrolled_style", "", "html", str)
    app.connect("config-inited", use_own_files)
    app.connect("config-inited", make_link_schemes)
    app.connect("config-inited", note_versions)
    app.connect("source-read", fill_repository)
    app.connect("source-read", rerun_when_inputs_change)
    app.connect("html-page-context", launch_exercises, priority=900)
    app.connect("html-page-context", mend_markup)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
