"""Finding, taking away, printing: search, dates, links, site map, notebooks, paper."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from site_pages import GENERATED, ROOT, pages

HOME = "https://unrolled-course.github.io/unrolled/"
READING = [name for name in pages() if name not in GENERATED]


@pytest.fixture(scope="module")
def search(visit: Callable[[str], Any], address: str) -> Iterator[Callable[[str], list[str]]]:
    """The pages that the search finds for a query, best first."""
    opened = visit("search")

    def found(query: str) -> list[str]:
        opened.page.goto(f"{address}search.html")
        opened.page.evaluate("query => Search.performSearch(query)", query)
        opened.page.wait_for_function(
            "document.querySelector('#search-results .search-summary')?.innerText.match(/\\d|did not match/)"
        )
        hits = opened.page.locator("#search-results li > a")
        return hits.evaluate_all("links => links.map(a => new URL(a.href).pathname.slice(1).replace('.html', ''))")

    yield found
    assert opened.foreign == []
    opened.page.close()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("W_hh", "book/equations"),
        ("W_{hh}", "book/equations"),
        ("∂", "book/bptt"),
        ("∂L/∂h", "book/bptt"),
        ("⊙", "book/lstm"),
        ("ρ", "book/bptt"),
        ("vanishing", "book/bptt"),
        ("cell state", "book/lstm"),
        ("reset gate", "book/gru"),
        ("truncated BPTT", "book/bptt"),
    ],
)
def test_search_finds_symbols_and_terms(search: Callable[[str], list[str]], query: str, page: str) -> None:
    assert page in search(query)


@pytest.mark.browser
def test_search_finds_nothing_for_what_is_not_there(search: Callable[[str], list[str]]) -> None:
    assert search("zygomorphic") == []


def test_every_page_is_in_the_site_map_at_its_published_address(site: Path) -> None:
    places = {e.text for e in ET.parse(site / "sitemap.xml").iter() if e.tag.endswith("}loc")}
    assert {f"{HOME}{name}.html" for name in READING} <= places


@pytest.mark.parametrize("name", READING)
def test_page_can_be_previewed_in_other_sites(site: Path, name: str) -> None:
    text = (site / f"{name}.html").read_text(encoding="utf-8")
    seen = dict(re.findall(r'<meta property="og:(title|url|description|image)" content="([^"]+)"', text))
    assert seen["title"]
    assert seen["url"] == f"{HOME}{name}.html"
    assert seen["image"].startswith(HOME)
    assert (site / seen["image"].removeprefix(HOME)).is_file()


@pytest.mark.parametrize("name", READING)
def test_page_says_when_it_changed_and_links_to_its_source(site: Path, name: str) -> None:
    text = (site / f"{name}.html").read_text(encoding="utf-8")
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    repository = re.search(r"^  url: (\S+)", config, re.MULTILINE).group(1)
    sources = re.findall(rf"{re.escape(repository)}/edit/main/([^\"]+)", text)
    assert sources
    assert all((ROOT / source).is_file() for source in sources)
    assert "Last updated on 20" in text or not (ROOT / ".git").exists()


@pytest.mark.parametrize("name", [name for name in READING if not name.startswith("book/exercises/")])
def test_each_page_with_cells_has_a_notebook_that_fetches_what_it_needs(site: Path, name: str) -> None:
    if "{code-cell}" not in (ROOT / f"{name}.md").read_text(encoding="utf-8"):
        pytest.skip("no cells: nothing to run")
    notebook = nbformat.read(site / "_sources" / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert "git clone" in notebook.cells[0].source
    assert f"_sources/{name}.ipynb" in (site / f"{name}.html").read_text(encoding="utf-8")


def test_a_missing_page_leads_back(site: Path) -> None:
    text = (site / "404.html").read_text(encoding="utf-8")
    assert "Page not found" in text
    # It is shown at any depth, so its addresses must not depend on where it is shown.
    relative = [
        a for a in re.findall(r'(?:href|src)="([^"#]+)"', text) if not re.match(r"(/unrolled/|https?:|data:)", a)
    ]
    assert relative == []


@pytest.mark.browser
def test_a_printed_page_has_text_and_pictures_and_nothing_to_press(visit: Callable[[str], Any]) -> None:
    page = visit("book/lstm").page
    page.emulate_media(media="print")
    for gone in (".bd-sidebar-primary", ".bd-header-article", ".copybtn", ".prev-next-area", ".unrolled-interactive"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator("h1:visible").count() >= 1
    assert page.locator("#fig-lstm-hand .unrolled-figure > svg").first.is_visible()
    cut = (
        "[...document.querySelectorAll('article pre')].filter(e => getComputedStyle(e).overflowX !== 'visible').length"
    )
    assert page.evaluate(cut) == 0
    page.close()


@pytest.mark.browser
def test_the_keyboards_place_is_seen(visit: Callable[[str], Any]) -> None:
    page = visit("book/index").page
    for _ in range(12):
        page.keyboard.press("Tab")
        style = "e => [getComputedStyle(e).outlineStyle, parseFloat(getComputedStyle(e).outlineWidth)]"
        kind, width = page.evaluate_handle("document.activeElement").evaluate(style)
        assert kind == "solid"
        assert width >= 2
    page.close()


@pytest.mark.browser
@pytest.mark.parametrize("name", ["book/bptt", "book/lstm", "book/errata", "book/notation"])
def test_a_phone_of_320_pixels_never_scrolls_sideways(visit: Callable[[str], Any], name: str) -> None:
    page = visit(name).page
    page.set_viewport_size({"width": 320, "height": 640})
    page.wait_for_function("document.documentElement.scrollWidth <= 320", timeout=5000)
    page.close()


def test_measured_pages_stay_light_and_where_they_are() -> None:
    """The committed figures; their times depend on the machine's load and are not judged here."""
    measured = json.loads((ROOT / "book" / "data" / "page_metrics.json").read_text(encoding="utf-8"))
    for page in measured["pages"]:
        assert page["kB"] < 500, page
        assert page["cls"] < 0.01, page
