"""What the site consists of, and a parser for its pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
GENERATED = ["genindex", "search"]
LOADING = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "input": ("src",),
}
LOADING_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch", "manifest"}


def pages() -> list[str]:
    """Names of all pages: those of ``_toc.yml``, then those that Sphinx adds."""
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    return re.findall(r"^\s*(?:- )?(?:file|root): (\S+)", toc, flags=re.MULTILINE) + GENERATED


def why_failed(log: str) -> str:
    """What a build's log says went wrong, and the end of what each page with an error printed."""
    lines = [line for line in log.splitlines() if "WARNING:" in line or "ERROR:" in line]
    reports = [path for path in (HTML / "reports").rglob("*.err.log") if path.name in log]
    ends = [f"{path.name}:\n{path.read_text(encoding='utf-8')[-2000:]}" for path in sorted(reports)]
    return "\n".join([*lines, *ends]) or log[-4000:]


@dataclass
class Document(HTMLParser):
    """A page's ids, links and everything that it loads by itself."""

    text: str
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._in_style = False
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort the addresses of one tag."""
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and LOADING_LINKS & set(values.get("rel", "").split()):
            self.loads.append(values["href"])
        self.loads += [values[name] for name in LOADING.get(tag, ()) if values.get(name)]
        self.loads += css_addresses(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Look into ``<style>`` elements."""
        if self._in_style:
            self.loads += css_addresses(data)


def css_addresses(css: str) -> list[str]:
    """Addresses that a style sheet loads."""
    return re.findall(r"(?:url\(|@import\s+)['\"]?([^'\")\s]+)", css)


def is_foreign(address: str) -> bool:
    """Does the address name another host?"""
    return address.startswith(("http:", "https:", "//"))
