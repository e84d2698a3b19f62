"""What makes pages light: of the theme's icons, only those that pages use, and no search index.

Belongs here: leaving out what a page would load and never show. Does not belong here: how
anything looks, what pages load in the first place (:mod:`unrolled_site`), and formulas
(:mod:`unrolled_maths`).

Each part was measured on ``book/lstm.html``, gzipped: the icons' script 543 kB, their fonts
274 kB (4 now), their rules in the theme's style sheet 20 kB, the search index 36 kB.
"""

from __future__ import annotations

import logging
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docutils import nodes
from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

THEME = "pydata_sphinx_theme"
STYLE = "styles/pydata-sphinx-theme.css"
FONTS = "vendor/fontawesome/webfonts"
SCRIPT = "scripts/fontawesome.js"

ICON = re.compile(r"\bfa-[a-z0-9-]+")
OLD_FONT = re.compile(r",url\([^)]*\.ttf\) format\(\"truetype\"\)")
ICON_RULE = re.compile(r"((?:\.fa-[a-z0-9-]+:before,?)+)\{content:\"([^\"]*)\"\}")
DRAWN = re.compile(r"\\([ef][0-9a-f]{3})\b|([\ue000-\uf8ff])")  # escaped, or the character itself
SEARCH_SCRIPT = re.compile(
    r"[ \t]*<script src=\"[^\"]*(?:searchtools|language_data|searchindex)\.js[^\"]*\"></script>\n?"
)


def use_own_template(app: Sphinx, config: Config) -> None:
    """Let the theme's page leave things out of its head."""
    config.templates_path.append(str(Path(__file__).parent / "templates"))


def lighten_head(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the template what leaves the search index out of a page.

    The theme loads the index on every page for search while typing, which is off here; the
    search page has its own.
    """
    context["lighter"] = lambda head: head if pagename == "search" else SEARCH_SCRIPT.sub("", head)


def icons_named(site: Path) -> set[str]:
    """The names (``fa-sun``) of icons in the site's pages and in the scripts that draw some."""
    files = [*site.rglob("*.html"), *(site / "_static").glob("*.js"), *(site / "_static" / "scripts").glob("*.js")]
    texts = (file.read_text(encoding="utf-8") for file in files if file.name != Path(SCRIPT).name)
    return {name for text in texts for name in ICON.findall(text)}


def keep_icons(style: str, names: set[str]) -> tuple[str, set[int]]:
    """A style sheet without the rules of other icons, and the characters that the rules left draw."""
    characters: set[int] = set()

    def rule(match: re.Match[str]) -> str:
        if not names.intersection(ICON.findall(match[1])):
            return ""
        drawn = re.fullmatch(r"\\([0-9a-f]+) ?", match[2])
        characters.add(int(drawn[1], 16) if drawn else ord(match[2]))
        return match[0]

    return ICON_RULE.sub(rule, style), characters


def subset_font(source: Path, target: Path, characters: set[int]) -> None:
    """Write a font with these characters only, as woff2."""
    logging.getLogger("fontTools.subset").setLevel(logging.WARNING)  # else a line for every table
    options = subset.Options(flavor="woff2", layout_features=[], notdef_outline=True)
    with TTFont(source, recalcTimestamp=False) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        subset.save_font(font, str(target), options)


def keep_used_icons(app: Sphinx, error: Exception | None) -> None:
    """Leave in the theme's script, style sheet and fonts only the icons that pages show.

    Raises
    ------
    ConfigError
        If the theme names its icons in another way, so that none or all would be left out.
    """
    if error is not None or app.builder.format != "html":
        return
    site, spec = Path(app.outdir), find_spec(THEME)
    if spec is None or spec.origin is None:
        raise ConfigError(f"the theme {THEME} is missing")
    source = Path(spec.origin).parent / "theme" / THEME / "static"
    static = site / "_static"
    # The theme's own files are read, never those in the site: they may be what an earlier build left.
    style, characters = keep_icons((source / STYLE).read_text(encoding="utf-8"), icons_named(site))
    if not characters:
        raise ConfigError(f"the theme names its icons in another way: see {keep_icons.__name__}")
    (static / STYLE).write_text(OLD_FONT.sub("", style), encoding="utf-8")
    for sheet in static.rglob("*.css"):
        found = DRAWN.findall(sheet.read_text(encoding="utf-8"))
        characters |= {int(code, 16) if code else ord(character) for code, character in found}
    for font in (source / FONTS).glob("*.ttf"):
        subset_font(font, static / FONTS / f"{font.stem}.woff2", characters)
        (static / FONTS / font.name).unlink(missing_ok=True)
    (static / SCRIPT).write_text("// The icons come from the font in the style sheet.\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the handlers above with Sphinx."""
    app.connect("config-inited", use_own_template)
    app.connect("html-page-context", lighten_head)
    app.connect("build-finished", keep_used_icons, priority=900)  # after all pages are mended
    return {"parallel_read_safe": True, "parallel_write_safe": True}
