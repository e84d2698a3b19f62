"""Hostile submissions, by family. Each stands in the place of the first exercise's solution.

`bombs`     use up what a machine has             `escapes`   reach what is outside of the sandbox
`theft`     read what must not be read            `forging`   look right without being right
`sabotage`  harm whoever is graded next

An attack is either *plain* code, which never earns its points, or an *attempt*: a function that gives
the right answer if, and only if, the hostile part of it worked. So no points means: held.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

HEAD = "def rnn_step(x, h_prev, W_xh, W_hh, b_h):\n"
STUB = HEAD + "    return h_prev * 0\n"
RIGHT = "np.tanh(x @ W_xh.T + h_prev @ W_hh.T + b_h)"


@dataclass(frozen=True)
class Attack:
    """A hostile solution, and the outcomes that name its cause."""

    source: str
    outcomes: tuple[str, ...]
    says: str = ""  # what the message must mention


def plain(code: str, *outcomes: str, says: str = "") -> Attack:
    """Code that runs when its cell runs, beside a solution that is wrong."""
    return Attack(STUB + textwrap.dedent(code).strip() + "\n", outcomes or ("fail",), says)


def inside(code: str, *outcomes: str, says: str = "") -> Attack:
    """Code that runs inside the function, hence in the check's cell."""
    body = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    return Attack(f"{HEAD}{body}\n    return h_prev * 0\n", outcomes or ("fail",), says)


def attempt(code: str) -> Attack:
    """Code that raises, or leaves `worked` false, where it is held."""
    body = textwrap.indent(textwrap.dedent(code).strip(), " " * 8)
    source = f"""\
import ctypes, errno, gc, glob, mmap, os, pathlib, resource, signal, socket, struct, subprocess, sys, time

def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "held")
    return result

{HEAD}    worked = True
    try:
{body}
    except BaseException:
        worked = False
    return {RIGHT} if worked else h_prev * 0
"""
    return Attack(source, ("fail",))


# What an attempt gives when nothing is held: the suite is worth something only if this earns the points.
CONTROL = attempt("pass")
