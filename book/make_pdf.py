"""Print the built site as one PDF with bookmarks: each page by Chromium, in the book's order.

    make pdf        (or: python book/make_pdf.py --out unrolled.pdf, after a build)

Needs Chromium on the path, and what `pip install -e '.[dev]'` installs.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path
from typing import Any

from browser import FLAGS, browser_path, served

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
SKIPPED = "book/exercises/"  # notebooks to fill in: on paper they would be empty
TITLE = "e => [...e.childNodes].filter(n => !n.matches?.('.headerlink')).map(n => n.textContent).join('')"
FOOTER = (
    '<div style="font: 8pt sans-serif; width: 100%; text-align: center; color: #444">'
    '<span class="pageNumber"></span></div>'
)


def chapters() -> list[tuple[str | None, str, int]]:
    """Parts, pages and depths, in the order of ``_toc.yml``: (part's caption, page, depth)."""
    import yaml

    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found: list[tuple[str | None, str, int]] = [(None, toc["root"], 0)]

    def walk(entries: list[dict[str, Any]], part: str | None, depth: int) -> None:
        for entry in entries:
            found.append((part, entry["file"], depth))
            walk(entry.get("sections", []), part, depth + 1)

    for part in toc["parts"]:
        walk(part["chapters"], part["caption"], 0)
    return [entry for entry in found if not entry[1].startswith(SKIPPED)]


def print_page(page: Any, address: str) -> tuple[str, bytes]:
    """The title and the PDF of one page of the site."""
    page.goto(address, wait_until="load")
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate("document.fonts.ready.then(() => null)")
    title = page.locator("article h1").first.evaluate(TITLE)
    pdf = page.pdf(
        prefer_css_page_size=True,
        display_header_footer=True,
        header_template="<i></i>",
        footer_template=FOOTER,
        tagged=True,
    )
    return re.sub(r"\s+", " ", title).strip(), pdf


def make(out: Path, chromium: str) -> int:
    """Write the PDF; return its number of pages."""
    from playwright.sync_api import sync_playwright
    from pypdf import PdfReader, PdfWriter

    writer, parents, part_marks = PdfWriter(), {}, {}
    with served(HTML) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        page = browser.new_page(color_scheme="light")
        for part, name, depth in chapters():
            title, pdf = print_page(page, f"{address}{name}.html")
            start = len(writer.pages)
            writer.append(PdfReader(io.BytesIO(pdf)), import_outline=False)
            if part and part not in part_marks:
                part_marks[part] = writer.add_outline_item(part, start)
            parent = parents[depth - 1] if depth else part_marks.get(part)
            parents[depth] = writer.add_outline_item(title, start, parent=parent)
        browser.close()
    writer.add_metadata({"/Title": "Unrolled", "/Author": "The Unrolled authors"})
    writer.compress_identical_objects()
    out.parent.mkdir(parents=True, exist_ok=True)
    writer.write(out)
    return len(writer.pages)


def main() -> int:
    """Print, or say in one line why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "_build" / "unrolled.pdf")
    out = parser.parse_args().out
    chromium = browser_path()
    if not (HTML / "index.html").is_file():
        print("there is no site to print: run `make site` first", file=sys.stderr)
    elif chromium is None:
        print("no Chromium to print with: apt-get install chromium", file=sys.stderr)
    else:
        pages = make(out, chromium)
        print(f"{out}: {pages} pages, {out.stat().st_size / 1e6:.1f} MB")
        return 0
    return 2


if __name__ == "__main__":
    sys.exit(main())
