"""What the file of a result says of how it was made, and how it is written.

Belongs here: the head that every script's file has (command, settings, versions, machine, time).
Does not belong here: what was measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

DATA = Path(__file__).resolve().parents[1] / "data"
BUSY = 1.5  # the load above which something else must be computing too: a script is one thread
BEGAN = time.perf_counter()


def machine(device: torch.device | None = None) -> str:
    """What computes, in words: the processor, or the graphics card of ``device``."""
    if device is not None and device.type == "cuda":
        return torch.cuda.get_device_name(device)
    shared = ", shared with other work" if os.getloadavg()[0] > BUSY else ""
    return f"{os.cpu_count()}-core {platform.machine()} CPU, one thread{shared}"


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The options that a script was run with, without the place of its file."""
    return {name: value for name, value in vars(args).items() if name != "out"}


def versions(*packages: str) -> dict[str, str]:
    """Of Python and of the packages, by their names on PyPI."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def head(args: argparse.Namespace, *packages: str, **more: Any) -> dict[str, Any]:
    """What a reader needs to repeat a run, and what it took since the script was started.

    ``more`` are settings beside the options ``args``; ``packages`` those whose version matters.
    """
    return {
        "command": " ".join(["python", f"book/experiments/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "settings": settings(args) | more,
        "versions": versions(*packages),
        "machine": machine(),
        "seconds": round(time.perf_counter() - BEGAN),
        "processor_seconds": round(time.process_time()),
    }


def text(result: dict[str, Any]) -> str:
    """JSON with one line for a number, a text, a list of numbers, or an item of a list of items."""

    def lines(value: Any, indent: str) -> str:
        inner = indent + " "
        if isinstance(value, dict) and value and len(indent) < 2:
            parts = (f"{inner}{json.dumps(name)}: {lines(part, inner)}" for name, part in value.items())
            return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
        if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
            return "[\n" + ",\n".join(inner + json.dumps(part) for part in value) + f"\n{indent}]"
        return json.dumps(value)

    return lines(result, "") + "\n"


def write(out: Path, result: dict[str, Any]) -> None:
    """Write the result's file: whole, or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    part.write_text(text(result), encoding="utf-8")
    part.replace(out)


def save(out: Path, result: dict[str, Any]) -> None:
    """:func:`write`, and say so."""
    write(out, result)
    print(f"wrote {out.name}: {out.stat().st_size / 1000:.0f} kB, {time.perf_counter() - BEGAN:.0f} s", file=sys.stderr)
