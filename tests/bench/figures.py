"""Figures: medians of several runs, and what they were measured on and with."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from autograder.kernel.doctor import ESSENTIAL, examine
from autograder.record import versions

SCHEMA = "unrolled/bench/v1"
ROOT = Path(__file__).parents[2]


class BenchError(Exception):
    """Something cannot be measured here; the message says what and why."""


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def spread(values: Sequence[float], digits: int = 4) -> dict[str, float]:
    """The median of some figures, the smallest and the largest."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits) for name, value in found.items()}


def head() -> dict[str, Any]:
    """When, where and with which versions; no names of hosts or people."""
    return {
        "schema": SCHEMA,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "sandbox": sandbox()[0],
        "versions": versions(),
    }


@cache
def sandbox() -> tuple[str, bool]:
    """How our kernels are confined here, in words, and whether by the whole sandbox."""
    method, findings = examine()
    missing = [finding.name for finding in findings if finding.name in ESSENTIAL and not finding.in_force]
    return (f"{method} (not in force: {', '.join(missing)})" if missing else method), not missing


def machine() -> dict[str, Any]:
    """What a reader needs to judge the figures by."""
    found: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "architecture": platform.machine()}
    found["system"] = platform.system()
    found["memory_gib"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    return found


def say(text: str) -> None:
    """A line about how far the benchmark is."""
    print(text, file=sys.stderr, flush=True)
