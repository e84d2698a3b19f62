"""The built files: complete, strict, and served from nowhere else."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from site_pages import ROOT, Document, css_addresses, is_foreign, pages, why_failed

LAUNCH = re.compile(r"https://(?:colab\.research\.google\.com/github|mybinder\.org/v2/gh)/\S+")


@cache  # most pages are the target of many links
def document(path: Path) -> Document:
    return Document(path.read_text(encoding="utf-8"))


def read(site: Path, name: str) -> Document:
    return document(site / f"{name}.html")


def test_strict_build_is_clean(build: subprocess.CompletedProcess[str]) -> None:
    assert build.returncode == 0, why_failed(build.stdout)
    assert "build succeeded." in build.stdout  # with warnings it would say so


def test_start_page_leads_into_the_book(site: Path) -> None:
    assert "book/index.html" in (site / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", pages())
def test_page_loads_nothing_from_another_host(site: Path, name: str) -> None:
    loads = read(site, name).loads
    assert loads
    assert [address for address in loads if is_foreign(address)] == []


def test_style_sheets_load_nothing_from_another_host(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    foreign = [(s.name, a) for s in sheets for a in css_addresses(s.read_text(encoding="utf-8")) if is_foreign(a)]
    assert foreign == []


@pytest.mark.parametrize("name", pages())
def test_links_within_the_site_lead_somewhere(site: Path, name: str) -> None:
    here = site / f"{name}.html"
    page = read(site, name)
    broken = []
    for link in page.links + page.loads:
        path, anchor = urldefrag(link)
        if is_foreign(link) or link.startswith(("mailto:", "data:")) or link == "#":
            continue
        target = (here.parent / unquote(path.split("?")[0])).resolve() if path else here
        known = not anchor or target.suffix != ".html" or (target.is_file() and unquote(anchor) in document(target).ids)
        if not (target.is_file() and known):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", pages())
def test_ids_on_a_page_are_unique(site: Path, name: str) -> None:
    assert [i for i, count in Counter(read(site, name).ids).items() if count > 1] == []


@pytest.mark.parametrize("name", pages())
def test_launch_links_name_notebooks_that_exist(site: Path, name: str) -> None:
    for link in filter(LAUNCH.match, read(site, name).links):
        notebook = re.search(r"book/.*$", link)
        assert notebook, link
        assert notebook.group().endswith(".ipynb"), link
        assert (ROOT / notebook.group()).is_file(), link


def test_no_page_shows_a_traceback_or_a_machine_path(site: Path) -> None:
    for name in pages():
        text = (site / f"{name}.html").read_text(encoding="utf-8")
        assert "Traceback (most recent call last)" not in text, name
        assert str(ROOT) not in text, name
