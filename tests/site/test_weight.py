"""What a reading page weighs, as bytes that a reader's browser fetches; no time is judged here."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from fontTools.ttLib import TTFont
from site_pages import pages

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

LIMIT = 500_000
MODIFIERS = {"fa-solid", "fa-regular", "fa-brands", "fa-lg", "fa-fw"}  # of icons; none themselves
COMPRESSED = {".woff2", ".woff", ".png", ".jpg"}  # a server sends these as they are


def fetched(chromium: BrowserContext, address: str, name: str) -> set[str]:
    """Paths of all that a page asks for, its formulas set and its fonts loaded."""
    asked: set[str] = set()
    page = chromium.new_page()
    page.on("request", lambda request: asked.add(urlsplit(request.url).path.lstrip("/")))
    page.goto(f"{address}{name}.html", wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate("document.fonts.ready.then(() => true)")
    page.close()
    return asked


def weight(file: Path) -> int:
    """Bytes of a file as a server sends it."""
    content = file.read_bytes()
    return len(content) if file.suffix in COMPRESSED else len(gzip.compress(content, 6, mtime=0))


@pytest.mark.browser
@pytest.mark.parametrize("name", ["book/index", "book/background", "book/bptt", "book/lstm", "book/notation"])
def test_a_reading_page_weighs_less_than_500_kb(site: Path, chromium: BrowserContext, address: str, name: str) -> None:
    files = [site / path for path in fetched(chromium, address, name)]
    weights = {file.name: weight(file) for file in files if file.is_file()}
    assert any(file.suffix == ".woff" for file in files) or name == "book/index"  # formulas were shown
    assert sum(weights.values()) < LIMIT, sorted(weights.items(), key=lambda item: -item[1])[:8]


@pytest.mark.parametrize("name", pages())
def test_only_the_search_page_loads_the_index(site: Path, name: str) -> None:
    text = (site / f"{name}.html").read_text(encoding="utf-8")
    assert ("searchindex.js" in text) == (name == "search")


def test_every_icon_that_a_style_can_draw_is_in_a_font(site: Path) -> None:
    held: set[int] = set()
    for font in (site / "_static" / "vendor" / "fontawesome" / "webfonts").glob("*.woff2"):
        with TTFont(font) as opened:
            held |= set(opened.getBestCmap())
    sheets = [sheet.read_text(encoding="utf-8") for sheet in (site / "_static").rglob("*.css")]
    drawn = {int(code, 16) for sheet in sheets for code in re.findall(r"\\([ef][0-9a-f]{3})\b", sheet)}
    drawn |= {ord(character) for sheet in sheets for character in re.findall("[\ue000-\uf8ff]", sheet)}
    assert {0xF071, 0xF002} <= drawn  # a warning's triangle, the search's glass
    assert sorted(map(hex, drawn - held)) == []


def test_every_icon_on_a_page_has_its_rule(site: Path) -> None:
    style = (site / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    shown: set[str] = set()
    for name in pages():
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        for classes in re.findall(r'class="([^"]*\bfa-[^"]*)"', text):
            shown |= set(re.findall(r"fa-[a-z-]+", classes)) - MODIFIERS
    assert len(shown) > 10
    assert sorted(icon for icon in shown if f".{icon}:before" not in style) == []
