"""Ours, the other graders and the floor on the same cells, in turn, several times."""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.contender import CLASS, Contender, Measured
from tests.bench.environments import versions_in
from tests.bench.exercises import BANKS, Bank
from tests.bench.figures import ROOT, say, spread
from tests.bench.floor import Floor
from tests.bench.with_nbgrader import Nbgrader
from tests.bench.with_nbval import Nbval
from tests.bench.with_otter import Otter
from tests.bench.with_ours import Ours

KINDS: tuple[type[Contender], ...] = (Ours, Nbgrader, Otter, Nbval, Floor)
INSTALLED = ("nbgrader", "otter", "nbval")


def bench_others(rounds: int) -> dict[str, Any]:
    """Seconds of each for a class, and for one notebook more, with ratios to ours."""
    installed = {name: versions_in(name) for name in INSTALLED}
    banks = {bank.name: summary(_rounds(bank, rounds)) for bank in BANKS}
    return {"notebooks": CLASS, "cells": len(BANKS[0].cells()), "rounds": rounds, "versions": installed, "banks": banks}


def _rounds(bank: Bank, rounds: int) -> dict[str, list[Measured]]:
    """Measure A B C D E A B C D E …, so that a busy minute of the machine hits them all."""
    (ROOT / "_build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "_build", prefix="bench-") as name:
        contenders = [kind() for kind in KINDS]
        for contender in contenders:
            say(f"{bank.name}: {contender.name}: are its scores right?")
            folder = Path(name) / contender.name
            folder.mkdir()
            contender.prepare(bank, folder)
            contender.verify()
        found: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
        for number in range(1, rounds + 1):
            for contender in contenders:
                measured = contender.measure()
                found[contender.name].append(measured)
                seconds = f"{measured.whole:.2f} s for {CLASS}, {measured.marginal:.4f} s for one more"
                say(f"{bank.name}: round {number} of {rounds}: {contender.name}: {seconds}")
    return found


def summary(found: dict[str, list[Measured]]) -> dict[str, Any]:
    """Medians and ranges; `ratio` is a median over ours."""
    values = {
        name: {"whole": [m.whole for m in measured], "marginal": [m.marginal for m in measured]}
        for name, measured in found.items()
    }
    ours = {what: median(seconds) for what, seconds in values[Ours.name].items()}
    return {
        name: {
            what: spread(seconds) | {"ratio": round(median(seconds) / ours[what], 2)} for what, seconds in by.items()
        }
        for name, by in values.items()
    }
