"""What the page's Python does of its own: cells as in a notebook, watched floats, bounded output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.page import MAX_OUTPUT, Output, run
from autograder.wasm import Watched, floats_are_watched


def steps(**sources: str) -> list[dict[str, str]]:
    """Cells of an exercise `e`, by role."""
    return [{"id": f"e-{role}", "role": role, "exercise": "e", "source": source} for role, source in sources.items()]


def test_the_last_expression_is_displayed_unless_a_semicolon_ends_it() -> None:
    assert run(steps(toy="x = 6\nx * 7"), "e")["display"] == "42"
    assert run(steps(toy="x = 6\nx * 7;"), "e")["display"] == ""


def test_nothing_is_left_of_an_earlier_run() -> None:
    run(steps(solution="left = 1\nimport numpy\nnumpy.seterr(all='raise')"), "e")
    outcome = run(steps(toy="'left' in globals(), __import__('numpy').geterr()['over']"), "e")
    assert outcome["display"] == "(False, 'warn')"


@pytest.mark.parametrize("code", ["raise SystemExit", "exit()", "raise KeyboardInterrupt", "1 +", "input()"])
def test_a_cell_that_fails_ends_alone_and_is_told(code: str) -> None:
    outcome = run(steps(solution=code, check="1"), "e")
    (verdict,) = outcome["verdicts"]
    assert verdict["state"] == "error"
    assert "does not run" in verdict["body"]
    assert "autograder" not in outcome["error"]


def test_a_hostile_repr_and_a_hostile_message_are_survived() -> None:
    code = "class Bad(Exception):\n    def __str__(self): raise ValueError\n    __repr__ = __str__\n"
    assert "repr() raises" in run(steps(toy=f"{code}Bad()"), "e")["display"]
    assert run(steps(solution=f"{code}raise Bad", check="1"), "e")["verdicts"][0]["state"] == "error"


@given(st.lists(st.text(max_size=30)), st.integers(0, 60))
def test_output_passes_on_a_prefix_and_counts_the_rest(pieces: list[str], limit: int) -> None:
    heard: list[str] = []
    out = Output(heard.append, limit)
    for piece in pieces:
        assert out.write(piece) == len(piece)
    whole = "".join(pieces)
    assert ("".join(heard), out.dropped) == (whole[:limit], max(0, len(whole) - limit))


def test_what_is_printed_beyond_the_limit_is_counted_for_the_reader() -> None:
    heard: list[str] = []
    run(steps(solution=f"print('x' * {2 * MAX_OUTPUT})"), "e", heard.append)
    assert "".join(heard).startswith("x" * MAX_OUTPUT + "\n… 20,001 more characters")


def test_this_numpy_watches_floats_itself() -> None:
    assert floats_are_watched()


def ended(function: Callable[..., Any], *arguments: Any) -> str:
    """The floating-point error that a call ends with, or nothing."""
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            function(*arguments)
    except FloatingPointError as error:
        return str(error)
    return ""


FLOATS = st.lists(st.sampled_from([0.0, 1.0, -1.0, 2.5, 710.0, -800.0, 1e300, np.inf, -np.inf, np.nan]), min_size=1)


@given(st.sampled_from(["exp", "log", "sqrt", "square", "reciprocal", "expm1", "sinh"]), FLOATS)
def test_a_watched_function_raises_what_numpy_raises(name: str, values: list[float]) -> None:
    ufunc, x = getattr(np, name), np.array(values)
    expected = ended(ufunc, x)
    with np.errstate(all="ignore"):
        silent = Watched(_silent(ufunc))
    assert bool(ended(silent, x)) == bool(expected)


@given(st.sampled_from(["add", "multiply", "divide", "subtract"]), FLOATS, st.floats(-4, 4))
def test_a_watched_operator_raises_what_numpy_raises(name: str, values: list[float], other: float) -> None:
    ufunc, x = getattr(np, name), np.array(values)
    assert bool(ended(Watched(_silent(ufunc)), x, other)) == bool(ended(ufunc, x, other))
    in_place = x.copy()
    assert bool(ended(Watched(_silent(ufunc)), in_place, other, in_place)) == bool(ended(ufunc, x, other))


class _silent:
    """A ufunc as WebAssembly has it: it reports nothing."""

    def __init__(self, ufunc: Any) -> None:
        self.ufunc, self.__name__, self.__doc__, self.nin = ufunc, ufunc.__name__, "", ufunc.nin

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.ufunc(*arguments, **options)
