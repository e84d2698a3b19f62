"""How the Code chapter's experiments write their results: one JSON file with what made it."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

DATA = Path(__file__).parent.parent / "data"
sys.path.insert(0, str(DATA.parent))  # for the package `programs`


def parser(description: str, out: str) -> argparse.ArgumentParser:
    """An argument parser with the options that all these scripts have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, default=3, help="train with seeds 0 to this minus 1")
    made.add_argument("--out", type=Path, default=DATA / out)
    return made


def write(args: argparse.Namespace, started: float, results: dict[str, Any]) -> None:
    """Write ``results`` with the command, the settings, the versions and the time taken."""
    head = {
        "command": " ".join(["python", f"book/experiments/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "settings": {k: v for k, v in vars(args).items() if k != "out"},
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
        "machine": "2-core x86-64 CPU, one thread, shared with other work",
        "seconds": round(time.perf_counter() - started),
        "cpu_seconds": round(time.process_time()),
    }
    args.out.write_text(json.dumps(head | results) + "\n")
    print(f"wrote {args.out} after {head['seconds']} s, {head['cpu_seconds']} s of them computing")


def rounded(values: Any, digits: int = 4) -> list[float]:
    """Numbers short enough for a file that is committed."""
    return [round(float(v), digits) for v in values]
