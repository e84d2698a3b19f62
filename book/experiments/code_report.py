"""How the Code chapter's experiments write their results: one JSON file with what made it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import record

sys.path.insert(0, str(record.DATA.parent))  # for the package `programs`


def parser(description: str, out: str) -> argparse.ArgumentParser:
    """An argument parser with the options that all these scripts have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, default=3, help="train with seeds 0 to this minus 1")
    made.add_argument("--out", type=Path, default=record.DATA / out)
    return made


def write(args: argparse.Namespace, results: dict[str, Any]) -> None:
    """Write ``results`` with what made them."""
    record.save(args.out, record.head(args, "torch", "numpy") | results)


def rounded(values: Any, digits: int = 4) -> list[float]:
    """Numbers short enough for a file that is committed."""
    return [round(float(v), digits) for v in values]
