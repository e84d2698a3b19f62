"""What a page costs its reader: bytes, requests, when it can be read, and when an exercise is judged.

Each page is opened in a browser that has nothing in its cache, from a server that compresses as
static hosts do, on a line of 10 Mbit/s with 40 ms of delay and a processor slowed down four times
(Lighthouse's settings for a desktop line and a mid-range phone's processor). The times are read
from Chromium's own trace: LCP, the largest thing on the first screen is painted; CLS, how much
moved that the reader had not asked for; TBT, what tasks over 50 ms took of the main thread
between the first paint and the end, beyond those 50 ms. The median of several runs counts.

A verdict is timed from pressing *Check* to the words, at this machine's own speed: the first one
starts Python and NumPy in the page, the next ones find them there.

    make site && .venv/bin/python -m tests.bench.page_metrics

Belongs here: measuring the built site. The table in the book reads the file this writes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from tests.bench.figures import ROOT
from tests.submissions.samples import chapter, solutions_of

sys.path.insert(0, str(ROOT / "book"))
from browser import FLAGS, Quiet, browser_path, served

HTML = ROOT / "_build" / "html"
OUT = ROOT / "book" / "data" / "page_metrics.json"
PAGES = ["book/index", "book/equations", "book/bptt", "book/lstm", "book/gru", "book/errata"]
COMPRESSED = {".html", ".wasm", ".css", ".js", ".mjs", ".json", ".svg", ".txt", ".map", ".ipynb", ".md"}
SLOWER = 4
LINE = {"offline": False, "latency": 40, "downloadThroughput": 10e6 / 8, "uploadThroughput": 10e6 / 8}
CATEGORIES = ["loading", "devtools.timeline", "blink.user_timing", "toplevel", "disabled-by-default-devtools.timeline"]
LONG = 50_000  # microseconds
QUIET_MS = 1500


EXERCISE = "book/lstm"
WARM = 21
CHECK = """async code => {
    const pane = await unrolledPanes.get('lstm-step').edit();
    pane.editor.write(code);
    const start = performance.now();
    await pane.go(true);
    return performance.now() - start;
}"""


class Compressing(Quiet):
    """Serves text gzipped, and counts what it sends."""

    protocol_version = "HTTP/1.1"
    sent: ClassVar[dict[str, int]] = {}  # of this benchmark's one server: bytes by path

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


def measure(browser: Any, name: str, address: str, runs: int) -> dict[str, Any]:
    """The medians of one page, and what it loads."""
    found, sent = [], Compressing.sent
    for _ in range(runs):
        sent.clear()
        found.append(visit(browser, f"{address}{name}.html"))
    middle = {key: round(statistics.median(run[key] for run in found), 4) for key in found[0]}
    heaviest = dict(sorted(sent.items(), key=lambda item: -item[1])[:5])
    return {"page": name, "kB": round(sum(sent.values()) / 1000, 1), "requests": len(sent), **middle,
            "heaviest": {path.split("?")[0]: size for path, size in heaviest.items()}}  # fmt: skip


def verdicts(browser: Any, address: str) -> dict[str, Any]:
    """What an exercise's page loads for its first verdict, and how long that one and the next ones take."""
    context, sent = browser.new_context(viewport={"width": 1280, "height": 800}), Compressing.sent
    page = context.new_page()
    sent.clear()
    page.goto(f"{address}{EXERCISE}.html", wait_until="networkidle")
    code = solutions_of(chapter("lstm"))["lstm-step"]
    started = time.perf_counter()
    page.evaluate(CHECK, code)
    cold = time.perf_counter() - started
    page.wait_for_load_state("networkidle")
    loaded = {"kB": round(sum(sent.values()) / 1000, 1), "requests": len(sent)}
    warm = statistics.median(page.evaluate(CHECK, code) for _ in range(WARM))
    context.close()
    return {"page": EXERCISE, **loaded, "cold_s": round(cold, 2), "warm_ms": round(warm, 1), "warm_runs": WARM}


def main() -> int:
    """Measure, print and write; or say in one line why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", default=PAGES, help="pages, as in book/lstm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    path = browser_path()
    missing = [name for name in [*args.pages, EXERCISE] if not (HTML / f"{name}.html").is_file()]
    if missing or path is None:
        print(f"no page {missing[0]}: run `make site`" if missing else "no Chromium on the path", file=sys.stderr)
        return 2
    from playwright.sync_api import sync_playwright

    results = []
    with served(HTML, Compressing) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS])
        version = browser.version
        for name in args.pages:
            results.append(measure(browser, name, address, args.runs))
            print({key: value for key, value in results[-1].items() if key != "heaviest"}, flush=True)
        exercise = verdicts(browser, address)
        print(exercise)
        browser.close()
    about = {
        "command": "make site && .venv/bin/python -m tests.bench.page_metrics",
        "settings": {"processor slowed down": SLOWER, "line": LINE, "runs": args.runs, "window": "1280 x 800"},
        "machine": {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "system": platform.system()},
        "chromium": version,
    }
    figures = {"about": about, "pages": results, "exercise": exercise}
    args.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
