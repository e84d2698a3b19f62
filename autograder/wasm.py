"""Floating-point errors where the processor reports none: NumPy under WebAssembly.

There NumPy's ufuncs never see the flags for overflow, division by zero and invalid values, so
`np.errstate(over="raise")` raises nothing and no warning is given: a sigmoid that overflows
would pass. `watch_floats` puts watching functions in the place of the ufuncs that can fail and
of the arrays' operators; each looks at its result and does what `np.geterr` asks for. NumPy and
the standard library only.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

OPERATORS = ("add", "subtract", "multiply", "divide", "true_divide", "power", "square", "reciprocal", "matmul")
FUNCTIONS: tuple[str, ...] = (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sqrt",
    "cosh",
    "sinh",
    "tan",
    "arccos",
    "arcsin",
)
FUNCTIONS += ("arctanh", "arccosh", "float_power", "logaddexp", "logaddexp2", "hypot", "ldexp")
POLES = ("divide", "reciprocal", "log", "log2", "log10", "log1p", "arctanh")  # an infinity here comes from a zero
MESSAGES = {"over": "overflow", "divide": "divide by zero", "invalid": "invalid value"}


def floats_are_watched() -> bool:
    """Whether NumPy itself raises what `np.errstate` asks for."""
    try:
        with np.errstate(over="raise"):
            np.exp(np.array([1000.0]))
    except FloatingPointError:
        return True
    return False


def watch_floats() -> None:
    """Make NumPy report floating-point errors, if it does not already."""
    if floats_are_watched():
        return
    watched = {name: Watched(getattr(np, name)) for name in (*OPERATORS, *FUNCTIONS)}
    for name, function in watched.items():
        setattr(np, name, function)
    np.set_numeric_ops(**{name: watched[name] for name in OPERATORS})  # type: ignore[attr-defined]  # NumPy 1


class Watched:
    """A ufunc that looks at its results."""

    def __init__(self, ufunc: Any) -> None:
        self._ufunc = ufunc
        self.__name__ = ufunc.__name__
        self.__doc__ = ufunc.__doc__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ufunc, name)

    def __repr__(self) -> str:
        return repr(self._ufunc)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The ufunc's result; a warning or an error where it is infinite or NaN and its arguments are not."""
        given = arguments[: self._ufunc.nin]
        if len(arguments) > self._ufunc.nin or options.get("out") is not None:  # `a *= b` overwrites its argument
            given = tuple(np.array(argument) for argument in given)
        result = self._ufunc(*arguments, **options)
        kind = getattr(getattr(result, "dtype", None), "kind", "")
        if kind in "fc" and kind and not np.isfinite(result).all():
            for error in self._errors(given, options.get("where", True), result):
                _report(error, self.__name__)
        return result

    def _errors(self, arguments: tuple[Any, ...], where: Any, result: Any) -> list[str]:
        """Which of "divide", "over" and "invalid" happened, in the order in which NumPy reports them."""
        if self.__name__ == "matmul":
            finite = known = np.bool_(all(np.isfinite(a).all() for a in arguments))
        else:
            finite = np.logical_and.reduce([np.isfinite(a) for a in np.broadcast_arrays(*arguments)])
            known = ~np.logical_or.reduce([np.isnan(a) for a in np.broadcast_arrays(*arguments)])
        infinite, invalid = np.isinf(result) & finite & where, np.isnan(result) & known & where
        pole = self.__name__ in POLES
        if self.__name__ == "divide":
            zero = np.asarray(arguments[1]) == 0
            errors = [("divide", infinite & zero), ("over", infinite & ~zero)]
        else:
            errors = [("divide" if pole else "over", infinite)]
        return [name for name, places in [*errors, ("invalid", invalid)] if np.any(places)]


def _report(error: str, name: str) -> None:
    mode: str = dict(np.geterr())[error]  # type: ignore[assignment]
    text = f"{MESSAGES[error]} encountered in {name}"
    if mode == "raise":
        raise FloatingPointError(text)
    if mode == "warn":
        warnings.warn(text, RuntimeWarning, stacklevel=3)
