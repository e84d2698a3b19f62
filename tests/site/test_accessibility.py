"""axe-core's rules over every page: WCAG 2.2 AA and best practice, both themes, wide and narrow.

Folded solutions and tables are open. What is inside a formula, a drawing with a text of its own or
a line of code is the same a thousand times: one of each kind is looked at, or axe takes minutes a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from site_pages import pages

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPEN = "document.querySelectorAll('details').forEach(e => { e.open = true; })"
THIN_OUT = """() => {
    for (const formula of document.querySelectorAll('mjx-math')) {
        const {width, height} = formula.getBoundingClientRect();
        const box = document.createElement('span');
        box.style.cssText = `display: inline-block; width: ${width}px; height: ${height}px`;
        formula.replaceChildren(box);
    }
    document.querySelectorAll('mjx-assistive-mml').forEach(e => e.replaceChildren(e.textContent.trim() || 'x'));
    document.querySelectorAll('svg[role=img]').forEach(e => e.replaceChildren());
    const kinds = new Set();
    for (const span of document.querySelectorAll('.highlight pre span')) {
        const kind = span.className + (span.closest('.cell_output') ? ' out' : '');
        if (kinds.has(kind)) span.replaceWith(...span.childNodes);
        kinds.add(kind);
    }
    document.querySelectorAll('.highlight pre').forEach(e => e.normalize());
}"""
# What is unfolded fades in: its colours count when that is over.
# The theme says 0.3 s after a change of width what the keyboard can reach; ours does the same for formulas.
SETTLED = """() => [...document.querySelectorAll('pre, mjx-container[display], .pst-scrollable-table-container')]
    .filter(e => e.scrollWidth > e.clientWidth + 1 && e.getBoundingClientRect().width)
    .every(e => e.tabIndex === 0)
    && document.getAnimations().every(a => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)"""
RUN = """async tags => {
    const {violations} = await axe.run({runOnly: tags, resultTypes: ['violations']});
    return violations.flatMap(v => v.nodes.slice(0, 5).map(n => `${v.id}: ${n.html.slice(0, 200)}`));
}"""
UNREADABLE = """() => [...document.querySelectorAll('mjx-container')].filter(e =>
    !e.querySelector('mjx-assistive-mml math')?.textContent.trim()
    || e.querySelector('mjx-math').getAttribute('aria-hidden') !== 'true'
).length"""


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core, as the package ships it."""
    package = pytest.importorskip("axe_playwright_python", reason="pip install -e '.[dev]'")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=pages())
def opened(request: pytest.FixtureRequest, visit: Callable[[str], Any]) -> Iterator[Any]:
    """A page with everything unfolded."""
    seen = visit(request.param)
    seen.page.evaluate(OPEN)
    yield seen
    seen.page.close()


def test_formulas_can_be_heard(opened: Any) -> None:
    assert opened.page.evaluate(UNREADABLE) == 0


def test_no_rule_is_broken(opened: Any, axe: str) -> None:
    page, found = opened.page, {}
    page.evaluate(THIN_OUT)
    page.evaluate(axe)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_function(SETTLED, timeout=5000)
            if problems := page.evaluate(RUN, TAGS):
                found[theme, width] = problems
    assert found == {}


def test_a_broken_rule_would_be_seen(visit: Callable[[str], Any], axe: str) -> None:
    page = visit("book/index").page
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend', '<img src=\"data:,\">')")
    page.evaluate(axe)
    assert any(problem.startswith("image-alt") for problem in page.evaluate(RUN, TAGS))
    page.close()
