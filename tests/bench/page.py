"""What pages weigh and how long a first verdict takes: `python -m tests.bench.page`, after `make site`.

Bytes are those that a server with gzip would send (archives as they are). Times are of this
machine's Chromium, from pressing *Check* to the verdict, the files coming from this machine.
"""

from __future__ import annotations

import functools
import gzip
import shutil
import statistics
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from tests.bench.figures import ROOT
from tests.submissions.samples import chapter, solutions_of

HTML = ROOT / "_build" / "html"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WARM = 21
CHECK = """async code => {
    const pane = await unrolledPanes.get('lstm-step').edit();
    pane.editor.write(code);
    const start = performance.now();
    await pane.go(true);
    return performance.now() - start;
}"""


class Server(SimpleHTTPRequestHandler):
    """A server that keeps what it was asked for, and prints nothing."""

    asked: ClassVar[list[Path]] = []

    def do_GET(self) -> None:
        """Answer, and take it down."""
        self.asked.append(Path(self.translate_path(self.path)))
        super().do_GET()

    def log_message(self, *args: object) -> None:
        """Print nothing."""


def weight(path: Path) -> int:
    """The bytes of a file as a server with gzip sends it."""
    body = path.read_bytes() if path.is_file() else b""
    return len(body) if path.suffix in (".zip", ".woff", ".woff2") else len(gzip.compress(body))


def measure(browser: Any, address: str, name: str, code: str | None) -> None:
    """Print what a page takes, and if there is code what its verdicts take."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, seen = context.new_page(), Server.asked
    seen.clear()
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    print(f"| {name}: to read | {len(seen)} | {sum(map(weight, seen)) / 1000:.0f} kB |")
    if code is not None:
        started = time.perf_counter()
        page.evaluate(CHECK, code)
        cold = time.perf_counter() - started
        page.wait_for_load_state("networkidle")
        print(f"| {name}: with a first verdict | {len(seen)} | {sum(map(weight, seen)) / 1000:.0f} kB |")
        times = [page.evaluate(CHECK, code) for _ in range(WARM)]
        print(f"\nFirst verdict {cold:.1f} s; the next ones {statistics.median(times):.0f} ms (median of {WARM}).")
    context.close()


def main() -> int:
    """The command."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (HTML / "book" / "lstm.html").is_file():
        print("bench: needs Chromium, and the site (make site)", file=sys.stderr)
        return 2
    handler = functools.partial(Server, directory=str(HTML))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        address = f"http://127.0.0.1:{server.server_port}/"
        print("| page | requests | gzip |\n|---|---|---|")
        measure(browser, address, "book/notation", None)
        measure(browser, address, "book/lstm", solutions_of(chapter("lstm"))["lstm-step"])
        browser.close()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
