"""What a page costs its reader: bytes, requests, and when it can be read and used.

Each page is opened in a browser that has nothing in its cache, from a server that compresses as
static hosts do, on a line of 10 Mbit/s with 40 ms of delay and a processor slowed down four times
(Lighthouse's settings for a desktop line and a mid-range phone's processor). The times are read
from Chromium's own trace: LCP, the largest thing on the first screen is painted; CLS, how much
moved that the reader had not asked for; TBT, what tasks over 50 ms took of the main thread
between the first paint and the end, beyond those 50 ms. The median of several runs counts.

    make site && .venv/bin/python -m tests.bench.page_metrics

Belongs here: measuring the built site. The table in the book reads the file this writes.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import os
import platform
import shutil
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
OUT = ROOT / "book" / "data" / "page_metrics.json"
PAGES = ["book/index", "book/equations", "book/bptt", "book/lstm", "book/gru", "book/errata"]
COMPRESSED = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".map", ".ipynb", ".md"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOWER = 4
LINE = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
CATEGORIES = ["loading", "devtools.timeline", "blink.user_timing", "toplevel", "disabled-by-default-devtools.timeline"]
LONG = 50_000  # microseconds
QUIET_MS = 1500


class Compressing(SimpleHTTPRequestHandler):
    """Serves text gzipped, and counts what it sends."""

    protocol_version = "HTTP/1.1"
    sent: dict[str, int]

    def __init__(self, *args: Any, sent: dict[str, int], **options: Any) -> None:
        self.sent = sent
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Send one file, compressed if it is text."""
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(str(path)))
        if path.suffix in COMPRESSED:
            body = gzip.compress(body, 6, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.sent[self.path] = len(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[tuple[str, dict[str, int]]]:
    """The site's address on this machine, and what was sent since it was last emptied."""
    sent: dict[str, int] = {}
    handler = functools.partial(Compressing, directory=str(HTML), sent=sent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", sent
        server.shutdown()


def times_in(trace: dict[str, Any]) -> dict[str, float]:
    """LCP (ms), CLS and TBT (ms) of the page whose loading was traced."""
    events = trace["traceEvents"]
    starts = [e for e in events if e["name"] == "navigationStart" and e["args"]["data"]["documentLoaderURL"]]
    start = starts[-1]  # empty pages, which come before and after, have no address
    pid, tid, zero = start["pid"], start["tid"], start["ts"]
    after = [e for e in events if e["pid"] == pid and e.get("ts", 0) >= zero]
    paints = [e["ts"] for e in after if e["name"] == "largestContentfulPaint::Candidate"]
    first = min(e["ts"] for e in after if e["name"] == "firstContentfulPaint")
    shifts = [e["args"]["data"] for e in after if e["name"] == "LayoutShift"]
    tasks = [e for e in after if e["name"] == "RunTask" and e["tid"] == tid and e["ts"] + e.get("dur", 0) > first]
    blocked = sum(max(0, e.get("dur", 0) - max(0, first - e["ts"]) - LONG) for e in tasks)
    return {
        "lcp_ms": (max(paints) - zero) / 1000,
        "cls": sum(shift["weighted_score_delta"] for shift in shifts if not shift["had_recent_input"]),
        "tbt_ms": blocked / 1000,
    }


def visit(browser: Any, address: str) -> dict[str, float]:
    """Open the page in a fresh context, and wait until its formulas are set and it is quiet."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", LINE)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(address, wait_until="load", timeout=120_000)
    page.evaluate("window.MathJax?.startup?.promise?.then(() => null)")
    page.wait_for_timeout(QUIET_MS)
    trace = json.loads(browser.stop_tracing())
    context.close()
    return times_in(trace)


def measure(browser: Any, name: str, address: str, sent: dict[str, int], runs: int) -> dict[str, Any]:
    """The medians of one page, and what it loads."""
    found = []
    for _ in range(runs):
        sent.clear()
        found.append(visit(browser, f"{address}{name}.html"))
    middle = {key: round(statistics.median(run[key] for run in found), 4) for key in found[0]}
    heaviest = dict(sorted(sent.items(), key=lambda item: -item[1])[:5])
    return {"page": name, "kB": round(sum(sent.values()) / 1000, 1), "requests": len(sent), **middle,
            "heaviest": {path.split("?")[0]: size for path, size in heaviest.items()}}  # fmt: skip


def main() -> int:
    """Measure, print and write; or say in one line why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, help="pages, as in book/lstm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [name for name in args.pages if not (HTML / f"{name}.html").is_file()]
    if missing or path is None:
        print(f"no page {missing[0]}: run `make site`" if missing else "no Chromium on the path", file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    results = []
    with served() as (address, sent), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        version = browser.version
        for name in args.pages:
            results.append(measure(browser, name, address, sent, args.runs))
            print({key: value for key, value in results[-1].items() if key != "heaviest"}, flush=True)
        browser.close()
    about = {
        "command": "make site && .venv/bin/python -m tests.bench.page_metrics",
        "settings": {"processor slowed down": SLOWER, "line": LINE, "runs": args.runs, "window": "1280 x 800"},
        "machine": {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "system": platform.system()},
        "chromium": version,
    }
    args.out.write_text(json.dumps({"about": about, "pages": results}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
