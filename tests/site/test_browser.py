"""The site as a reader sees it, in Chromium: light and dark, wide and narrow.

Each page is loaded once, and all tests of it look at that one page: loading takes far longer than
looking. So a test leaves the page as it found it, and the last one says what was asked for meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from site_pages import pages

pytestmark = pytest.mark.browser

NAMELESS = """() => [...document.querySelectorAll('img, svg')].filter(e => {
    if (e.closest('[aria-hidden=true], button[aria-label]') || e.closest('mjx-container')) return false;
    const title = e.querySelector('title')?.textContent;
    const name = e.getAttribute('aria-label') || e.getAttribute('alt') || title;
    return !name?.trim() || (e.tagName === 'svg' && e.getAttribute('role') !== 'img');
}).map(e => e.outerHTML.slice(0, 200))"""

CUT_OFF = """() => [...document.querySelectorAll('article :is(p, li, h1, h2, h3)')]
    .filter(e => e.getBoundingClientRect().width && !e.closest('table, pre, .highlight'))
    .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')
    .map(e => e.textContent.slice(0, 80))"""

CONTRAST = """() => {
    const probe = document.createElement('span');
    document.querySelector('article').append(probe);
    const rgb = colour => {
        probe.style.color = colour;
        return getComputedStyle(probe).color.match(/[\\d.]+/g).slice(0, 3).map(Number);
    };
    const light = colour => {
        const [r, g, b] = rgb(colour).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = light('var(--pst-color-background)');
    return [1, 2, 3, 4, 5].map(role => {
        const [low, high] = [ground, light(`var(--fig-${role})`)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    });
}"""


UNNAMED = """() => [...document.querySelectorAll('summary, button, [role=button]')].filter(e => {
    const name = e.getAttribute('aria-label') || e.getAttribute('title') || e.textContent;
    return e.getBoundingClientRect().width && !name.trim();
}).map(e => e.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module", params=pages())
def seen(request: pytest.FixtureRequest, visit: Callable[[str], Any]) -> Iterator[Any]:
    """A page of the site, open; pytest runs all tests of one page before it opens the next."""
    opened = visit(request.param)
    opened.name = request.param
    yield opened
    opened.page.close()


@contextmanager
def theme_of(page: Any, theme: str) -> Iterator[None]:
    """The page as it is for a reader whose system is light or dark."""
    page.emulate_media(color_scheme=theme)
    page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
    yield
    page.emulate_media(color_scheme="light")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows(seen: Any, theme: str) -> None:
    with theme_of(seen.page, theme):
        for width in (390, 1280):
            seen.page.set_viewport_size({"width": width, "height": 800})
            # The theme moves its side bars for a moment after a change of width.
            fits = "width => document.documentElement.scrollWidth <= width"
            seen.page.wait_for_function(fits, arg=width, timeout=5000)
            assert seen.page.evaluate(CUT_OFF) == [], width


def test_formulas_are_set(seen: Any) -> None:
    assert seen.page.locator("article .math:not(:has(mjx-container))").count() == 0
    assert seen.page.locator("mjx-merror, [data-mjx-error]").count() == 0
    if seen.name in ("book/equations", "book/notation"):
        assert seen.page.locator("article .math").count() > 20


def test_every_picture_and_every_control_has_a_name(seen: Any) -> None:
    assert seen.page.evaluate(NAMELESS) == []
    assert seen.page.evaluate(UNNAMED) == []


def test_page_asks_for_nothing_outside_and_logs_no_error(seen: Any) -> None:
    assert seen.foreign == []
    assert seen.errors == []


def only(name: str) -> pytest.MarkDecorator:
    """A test of one page instead of all."""
    return pytest.mark.parametrize("seen", [name], indirect=True)


@only("book/equations")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figure_colours_stand_out_from_the_page(seen: Any, theme: str) -> None:
    with theme_of(seen.page, theme):
        assert min(seen.page.evaluate(CONTRAST)) >= 4.5
        figures = seen.page.locator(".unrolled-figure")
        ground = figures.first.evaluate("e => getComputedStyle(e.parentElement).backgroundColor")
    assert ground == "rgba(0, 0, 0, 0)"  # the theme would put a light ground there


@only("book/equations")
def test_every_display_formula_has_a_number(seen: Any) -> None:
    formulas = seen.page.locator("article div.math:not(.unrolled-exercise *)")  # a card's own belong to no text
    assert formulas.count() == formulas.locator(".eqno").count() > 5


@only("book/index")
def test_how_to_start_is_on_the_first_screen(seen: Any) -> None:
    cards = "[...document.querySelectorAll('.sd-card')].map(e => e.getBoundingClientRect().bottom)"
    bottoms = seen.page.evaluate(cards)
    assert len(bottoms) == 3
    assert max(bottoms) <= 800
