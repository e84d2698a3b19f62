"""Formulas: typeset by MathJax while the site is built, so that pages show them at once.

Belongs here: everything about formulas on pages. Does not belong here: the formulas' text.

With node on the machine, MathJax runs there and pages hold its result: nothing is typeset in a
reader's browser and nothing moves. (``book/bptt.html``, processor slowed down four times: 330
formulas took a browser six seconds.) Without node, pages load MathJax's parts and typeset
themselves. Either way a screen reader gets the formula as MathML.

MathJax is PyPI's ``sphinx-mathjax-offline``: npm may be missing on a fresh machine.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset

logger = logging.getLogger(__name__)

PACKAGE = "sphinx-mathjax-offline"
START = "startup.js"
LOADS = (
    "core",
    "input/tex-base",
    "[tex]/ams",
    "[tex]/newcommand",
    "[tex]/configmacros",
    "output/chtml",
    "output/chtml/fonts/tex",
    "a11y/assistive-mml",  # without it a screen reader is told nothing
)
FONTS = "output/chtml/fonts/woff-v2"
RENDERER = Path(__file__).parent / "maths" / "render.cjs"
RENDERED = "typeset"  # the name of our renderer for Sphinx
STYLE = "mathjax/formulas.css"  # relative to _static
RULE = re.compile(r'([^{}]+)\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\}')  # a string may hold a brace
CHARACTER = re.compile(r"mjx-c[0-9A-F]+")

INLINE = re.compile(r'(<span class="math notranslate nohighlight"[^>]*>)\\\(([^<]*)\\\)(?=</span>)')
SHORT = 30  # characters of TeX: such a formula fits on a phone's line, a longer one must be able to break
BEFORE_STOP = re.compile(
    rf'(<span class="math notranslate nohighlight"[^>]*>\\\([^<]{{1,{SHORT}}}\\\)</span>)([.,;:!?)]+)'
)
DISPLAY = re.compile(
    r'(<div class="math notranslate nohighlight"[^>]*>(?:\s*<span class="eqno">.*?</a></span>)?)'
    r"\s*(?:\\\[([^<]*)\\\]|(\\begin\{[^<]*))\s*(?=</div>)",
    re.DOTALL,
)


def mathjax() -> Path:
    """MathJax's folder."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigError(f"MathJax is missing: pip install {PACKAGE}==0.0.2")
    return Path(spec.origin).parent / "static" / "mathjax"


def mathjax_files() -> list[str]:
    """The files of MathJax that a page with formulas loads to typeset them itself, without its fonts."""
    parts = [part.replace("[tex]", "input/tex/extensions") + ".js" for part in LOADS]
    return [START, *parts]


def choose_renderer(app: Sphinx, config: Config) -> None:
    """Typeset while building where node is; else let MathJax load its parts by name in the browser.

    Formulas get the packages ``ams``, ``newcommand`` and ``configmacros``, no menu, no MathML input. One
    that needs another package becomes an error: without MathJax's ``noundefined`` it cannot pass as red text.
    """
    settings = config.mathjax3_config = dict(config.mathjax3_config or {})
    packages = [part.removeprefix("[tex]/") for part in LOADS if part.startswith("[tex]/")]
    settings["tex"] = {**settings.get("tex", {}), "packages": ["base", *packages]}
    if shutil.which("node"):
        config.html_math_renderer = RENDERED
        app.add_css_file(STYLE)
        return
    config.html_math_renderer = "mathjax"
    logger.info("node is not installed: browsers will typeset the formulas")
    config.mathjax_path = f"mathjax/{START}"  # relative to _static
    settings["loader"] = {"load": list(LOADS)}


def fetch_early(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Fetch MathJax's parts early where a page loads them: else they are found one after another."""
    scripts = [str(getattr(script, "filename", script)) for script in context.get("script_files", [])]
    if not any(START in script for script in scripts):
        return
    link = '\n  <link rel="preload" as="script" fetchpriority="low" href="{}" />'
    pathto = context["pathto"]
    links = (link.format(pathto(f"_static/mathjax/{name}", 1)) for name in mathjax_files()[1:])
    context["metatags"] = context.get("metatags", "") + "".join(links)


def typeset(formulas: list[tuple[str, bool]], tex: dict[str, Any]) -> tuple[list[str], str]:
    """HTML of formulas (TeX, whether displayed), and the style sheet with the rules for all characters.

    Raises
    ------
    ExtensionError
        If node or MathJax fails. A formula that is wrong is no failure: its HTML has an ``<mjx-merror>``.
    """
    order = {"mathjax": str(mathjax()), "load": LOADS, "tex": tex, "formulas": formulas}
    done = subprocess.run(
        ["node", str(RENDERER)], input=json.dumps(order), capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode or not done.stdout:
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        raise ExtensionError(f"MathJax in node failed: {last}")
    made = json.loads(done.stdout)
    return made["html"], made["css"]


def formulas_in(page: str) -> list[tuple[str, bool]]:
    """The formulas of a page that are not typeset yet: TeX, and whether displayed."""
    inline = [(html.unescape(tex), False) for _, tex in INLINE.findall(page)]
    return inline + [(html.unescape(tex or env), True) for _, tex, env in DISPLAY.findall(page)]


def put_in(page: str, made: dict[tuple[str, bool], str]) -> str:
    """The page with its formulas typeset; a comma or full stop after a short one stays on its line."""
    page = BEFORE_STOP.sub(r'<span class="math-stop">\1\2</span>', page)
    page = INLINE.sub(lambda m: m[1] + made[html.unescape(m[2]), False], page)
    return DISPLAY.sub(lambda m: m[1] + made[html.unescape(m[2] or m[3]), True], page)


def used_rules(css: str, used: set[str]) -> str:
    """The style sheet without the rules of characters that no page shows, and without needless space."""

    def rule(match: re.Match[str]) -> str:
        characters = set(CHARACTER.findall(match[1]))
        return "" if characters and not characters & used else re.sub(r"\s+", " ", match[0]).strip() + "\n"

    return RULE.sub(rule, css).strip() + "\n"


def typeset_pages(app: Sphinx, error: Exception | None) -> None:
    """Typeset the formulas of all pages that were written, and write the style sheet they need."""
    if error is not None or app.builder.format != "html":
        return
    site = Path(app.outdir)
    copy_asset(str(mathjax() / FONTS), str(site / "_static" / "mathjax" / FONTS))
    if app.config.html_math_renderer != RENDERED:
        for name in mathjax_files():
            copy_asset(str(mathjax() / name), str((site / "_static" / "mathjax" / name).parent))
        return
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(site.rglob("*.html"))}
    todo = {path: found for path, text in pages.items() if (found := formulas_in(text))}
    wanted = sorted({formula for found in todo.values() for formula in found})
    rendered, css = typeset(wanted, app.config.mathjax3_config["tex"])
    made = dict(zip(wanted, rendered, strict=True))
    for path, found in todo.items():
        for tex, display in found:
            if "<mjx-merror" in made[tex, display]:
                logger.warning("%s: MathJax cannot read the formula %s", path.relative_to(site), tex)
        pages[path] = put_in(pages[path], made)
        path.write_text(pages[path], encoding="utf-8")
    used = {name for text in pages.values() for name in CHARACTER.findall(text)}
    (site / "_static" / STYLE).write_text(used_rules(css, used), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the handlers above with Sphinx."""
    app.add_html_math_renderer(RENDERED, (html_visit_math, None), (html_visit_displaymath, None))
    app.connect("config-inited", choose_renderer, priority=600)  # after the site's own
    app.connect("html-page-context", fetch_early, priority=900)  # after all scripts are known
    app.connect("build-finished", typeset_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
