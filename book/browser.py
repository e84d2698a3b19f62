"""A browser and a small server for the built site: for whatever opens its pages (printing, tests, benchmarks)."""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and prints no line per request."""

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def browser_path() -> str | None:
    """The Chromium or Chrome on the path, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler] = Quiet) -> Iterator[str]:
    """Serve the folder on this machine only; give its address, which ends in a slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
