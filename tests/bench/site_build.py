"""The site: a cold build, and a rebuild after one sentence has been added."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.figures import ROOT, BenchError, timed

LEFT_OUT = (".git", ".venv", "_build", "__pycache__", "tmp*")


def bench_site() -> dict[str, Any]:
    """Seconds for both, in a copy of the repository."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "course"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        (copy / ".git").mkdir()
        build = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "-W", "--keep-going", "-n"]

        def run() -> None:
            result = subprocess.run(build, cwd=copy, capture_output=True, text=True)
            if result.returncode:
                raise BenchError(f"the site does not build:\n{result.stderr[-2000:]}")

        cold = timed(run)
        page = copy / "book" / "bptt.md"
        page.write_text(page.read_text() + "\nOne more sentence.\n")
        return {"cold": round(cold, 1), "rebuild": round(timed(run), 1)}
