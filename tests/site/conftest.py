"""The built site, a server for it and a browser, once per test session.

Belongs here: what opens the site. What the site must be like is in the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

from site_pages import HTML, ROOT, why_failed

sys.path.insert(0, str(ROOT / "book"))
from browser import FLAGS, browser_path, served

BUILD = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker builds the site and opens it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture(scope="session")
def build() -> subprocess.CompletedProcess[str]:
    """The strict build of every page (executed cells come from the cache)."""
    command = ["build", ".", "--all", "-W", "--keep-going", "-n"]
    done = subprocess.run(
        [sys.executable, "-c", BUILD, *command],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (ROOT / "_build" / "site.log").write_text(done.stdout, encoding="utf-8")
    return done


@pytest.fixture(scope="session")
def site(build: subprocess.CompletedProcess[str]) -> Path:
    """The folder of the built site."""
    assert build.returncode == 0, why_failed(build.stdout)
    return HTML


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served, on this machine only."""
    with served(site) as address:
        yield address


def _unavailable(reason: str) -> None:
    """Skip on a developer's machine; in CI a missing browser is a failure."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[BrowserContext]:
    """One Chromium, with one cache, for all tests."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _unavailable("playwright is not installed: pip install -e '.[dev]'")
    with sync_playwright() as playwright:
        path = browser_path() or playwright.chromium.executable_path
        if not Path(path).exists():
            _unavailable("no Chromium: apt-get install chromium, or playwright install chromium")
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser.new_context()
        browser.close()


@dataclass
class Visit:
    """An open page, with all that went wrong while it loaded."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def visit(chromium: BrowserContext, address: str) -> Callable[[str], Visit]:
    """Open ``name`` and wait until its formulas are set. Whoever opens a page closes it."""

    def open_page(name: str) -> Visit:
        seen = Visit(chromium.new_page())
        seen.page.set_viewport_size({"width": 1280, "height": 800})
        seen.page.on("request", lambda r: _note_foreign(r.url, address, seen))
        seen.page.on("response", lambda r: r.status >= 400 and seen.errors.append(f"{r.status} {r.url}"))
        seen.page.on("requestfailed", lambda r: seen.errors.append(f"failed {r.url}"))
        seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
        seen.page.on("console", lambda m: m.type == "error" and seen.errors.append(m.text))
        seen.page.goto(f"{address}{name}.html", wait_until="load")
        seen.page.evaluate("window.MathJax?.startup?.promise")
        return seen

    return open_page


def _note_foreign(url: str, address: str, seen: Visit) -> None:
    if not url.startswith((address, "data:", "blob:")):
        seen.foreign.append(url)
