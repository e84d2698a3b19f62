"""Numbers against numbers: is a value the reference's, and if not, where does it first differ?

Here belongs the tolerance and the first difference, as data and as one sentence. Nothing here
knows of notebooks, exercises or mistakes. NumPy and the standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from autograder.payload import Other, Payload, Value

AXIS_NAMES = {
    "N": "example",
    "T": "time step",
    "D": "input feature",
    "H": "hidden unit",
    "C": "class",
    "L": "layer",
    "K": "window",
}


@dataclass(frozen=True)
class Tolerance:
    """`|a - b| <= atol * max|b| + rtol * |b|`, b being the reference (`max` over its entries)."""

    rtol: float = 1e-9
    atol: float = 1e-12


# What differences between processors, thread counts and BLAS builds stay far below (measured:
# float64 4e-15, float32 4e-6 of the scale), and what known mistakes exceed by far.
FLOAT64 = Tolerance(rtol=1e-9, atol=1e-12)
FLOAT32 = Tolerance(rtol=1e-4, atol=1e-5)
NEARLY = Tolerance(rtol=1e-6, atol=1e-6)


@dataclass(frozen=True)
class Difference:
    """The first difference: in which `value`, what `kind`, and one `message` about it."""

    value: str
    kind: str  # "missing" | "unexpected" | "type" | "shape" | "dtype" | "nan" | "value"
    message: str


def default_tolerance(dtype: str) -> Tolerance:
    """The tolerance for a reference of this dtype, before calibration."""
    return FLOAT32 if dtype in ("float16", "float32") else FLOAT64


def compare(
    student: Payload,
    reference: Payload,
    tolerances: Mapping[str, Tolerance] | None = None,
    axes: Mapping[str, str] | None = None,
) -> Difference | None:
    """The first difference of `student` from `reference`, or None if there is none.

    Parameters
    ----------
    tolerances
        By value's name; a value without one gets the default of the reference's dtype.
    axes
        By value's name, its axes as in `"T N H"`: names the index in the message.
    """
    # In the order of the check's call, which is the order in which a person reads.
    for name in [*student.values, *reference.values]:
        if name not in student.values:
            return Difference(name, "missing", _missing(name, student))
        if name not in reference.values:
            whole = name.split("[")[0].split(".")[0]
            if whole in reference.values and whole not in student.values:
                return Difference(whole, "missing", _missing(whole, student))
            continue
        expected = reference.values[name]
        tolerance = (tolerances or {}).get(name)
        found = compare_value(name, student.values[name], expected, tolerance, (axes or {}).get(name, ""))
        if found is not None:
            return found
    extra = [name for name in student.values if name not in reference.values]
    if extra:
        return Difference(extra[0], "unexpected", f"`{extra[0]}` should not be there.")
    return None


def differing_values(
    student: Payload, reference: Payload, tolerances: Mapping[str, Tolerance] | None = None
) -> list[str]:
    """The names of all values of the reference that the student's payload does not match."""
    return [
        name
        for name, expected in reference.values.items()
        if name not in student.values
        or compare_value(name, student.values[name], expected, (tolerances or {}).get(name))
    ]


def compare_value(
    name: str, mine: Value, expected: Value, tolerance: Tolerance | None = None, axes: str = ""
) -> Difference | None:
    """The first difference of one value, or None."""
    if isinstance(expected, (str, Other)) or isinstance(mine, (str, Other)):
        return _compare_other(name, mine, expected)
    if mine.shape != expected.shape:
        return Difference(name, "shape", _shape_message(name, mine.shape, expected.shape, axes))
    tolerance = tolerance or default_tolerance(expected.dtype.name)
    wrong = outside(mine, expected, tolerance)
    if not wrong.any():
        return None
    if name.startswith("inputs."):
        argument = name.split(".", 1)[1]
        text = f"Your function changed its argument `{argument}` in place. Work on a copy, or make a new array."
        return Difference(name, "value", text)
    if _only_precision(mine, expected):
        text = (
            f"`{name}` is {mine.dtype.name} and right only to that precision. "
            f"Compute in {expected.dtype.name}: look for a cast or an array made without dtype."
        )
        return Difference(name, "dtype", text)
    return _value_difference(name, mine, expected, wrong, axes)


def outside(mine: np.ndarray, expected: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    """Which entries lie outside the tolerance (bool array); NaN equals NaN, inf its own sign."""
    if expected.dtype.kind in "bui" and mine.dtype.kind in "bui":
        return np.asarray(mine != expected)
    mine, expected = mine.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    scale = float(np.max(np.abs(expected[finite]), initial=0.0))
    with np.errstate(all="ignore"):
        near = np.abs(mine - expected) <= tolerance.atol * scale + tolerance.rtol * np.abs(expected)
    same = (mine == expected) | (np.isnan(mine) & np.isnan(expected))
    return np.asarray(~np.where(finite, near & np.isfinite(mine), same))


def distance(mine: Payload, reference: Payload) -> float:
    """How far two payloads lie apart: the largest difference over the scale of its value.

    Infinite where shapes, names or kinds differ.
    """
    if list(mine.values) != list(reference.values):
        return np.inf
    largest = 0.0
    for name, expected in reference.values.items():
        value = mine.values[name]
        if isinstance(value, (str, Other)) or isinstance(expected, (str, Other)):
            largest = max(largest, 0.0 if compare_value(name, value, expected) is None else np.inf)
        elif value.shape != expected.shape:
            return np.inf
        elif value.size:
            largest = max(largest, _relative(value, expected))
    return largest


def _relative(value: np.ndarray, expected: np.ndarray) -> float:
    value, expected = value.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    if not np.array_equal(finite, np.isfinite(value)):
        return np.inf
    if not np.array_equal(value[~finite], expected[~finite], equal_nan=True):
        return np.inf
    scale = float(np.max(np.abs(expected[finite]), initial=0.0))
    gap = float(np.max(np.abs(value[finite] - expected[finite]), initial=0.0))
    return gap / scale if scale > 0 else (0.0 if gap == 0 else np.inf)


def _compare_other(name: str, mine: Value, expected: Value) -> Difference | None:
    if isinstance(mine, str) and isinstance(expected, str):
        if mine == expected:
            return None
        pairs = enumerate(zip(mine, expected, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), min(len(mine), len(expected)))
        return Difference(name, "value", f"The text `{name}` differs first at character {at}.")
    if isinstance(mine, Other) and isinstance(expected, Other) and mine == expected:
        return None
    if isinstance(mine, Other) and mine.type_name in ("NoneType", "ellipsis"):
        what = "None" if mine.type_name == "NoneType" else "..."
        text = f"`{name}` is {what}: is a `return` missing, or the exercise not filled in yet?"
        if name.split(".")[0].startswith(("grad", "d_")):
            text = f"`{name}` is {what}: is a `return` missing, or does nothing that you returned depend on it?"
        return Difference(name, "type", text)
    text = f"`{name}` should be {_kind_of(expected)}; yours is {_kind_of(mine)}."
    return Difference(name, "type", text)


def _kind_of(value: Value) -> str:
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Other):
        return "None" if value.type_name == "NoneType" else f"a `{value.type_name}`"
    return "a number" if value.ndim == 0 else f"an array of shape {value.shape}"


def _missing(name: str, student: Payload) -> str:
    stem = name.split("[")[0].split(".")[0]
    if stem != name and stem in student.values:
        return f"`{stem}` should hold several values, among them `{name}`; yours is {_kind_of(student.values[stem])}."
    parts = [other for other in student.values if other.startswith((f"{name}[", f"{name}."))]
    if parts:
        return f"`{name}` should be one value; yours is a collection of {len(parts)}, such as `{parts[0]}`."
    return f"`{name}` is missing from what your code returned."


def _shape_message(name: str, mine: tuple[int, ...], expected: tuple[int, ...], axes: str) -> str:
    text = f"`{name}` has shape {mine}; expected {expected}"
    if axes and len(axes.split()) == len(expected):
        text += f", that is ({', '.join(axes.split())})"
    if mine == expected[::-1] and len(mine) == 2:
        text += ". Yours looks transposed"
    elif sorted(mine) == sorted(expected):
        text += ". The axes are in another order"
    return text + "."


def _only_precision(mine: np.ndarray, expected: np.ndarray) -> bool:
    narrower = mine.dtype.kind == "f" and mine.dtype.itemsize < expected.dtype.itemsize
    return narrower and not outside(mine, expected, FLOAT32).any()


def _value_difference(name: str, mine: np.ndarray, expected: np.ndarray, wrong: np.ndarray, axes: str) -> Difference:
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    yours, theirs = mine[index], expected[index]
    place = f"`{name}`" if mine.ndim == 0 else f"`{name}[{', '.join(map(str, index))}]`"
    place += _named_index(index, axes)
    if mine.dtype.kind == "f" and not np.isfinite(yours):
        text = f"{place} is {yours}, where a finite number is expected."
        return Difference(name, "nan", text)
    if expected.dtype.kind == "b":
        text = f"{place}: yours is {bool(yours)}."
    else:
        gap = abs(float(yours) - float(theirs))
        text = f"{place}: yours is {float(yours):.6g}, off by {gap:.2g}."
    if mine.ndim:
        text += f" {int(wrong.sum())} of {wrong.size} entries differ{_right_steps(wrong, axes)}."
    if mine.dtype == expected.dtype == np.float64 and not outside(mine, expected, NEARLY).any():
        text += " To six digits all is right: was something computed in float32, or a small number added?"
    return Difference(name, "value", text)


def _named_index(index: tuple[int, ...], axes: str) -> str:
    names = axes.split()
    if len(names) != len(index) or not index:
        return ""
    parts = [f"{AXIS_NAMES.get(axis, axis)} {i}" for axis, i in zip(names, index, strict=True)]
    return f" ({', '.join(parts)})"


def _right_steps(wrong: np.ndarray, axes: str) -> str:
    """Which time steps are right, if some are and some are not: tells where an error starts."""
    names = axes.split()
    if "T" not in names or len(names) != wrong.ndim:
        return ""
    step = np.moveaxis(wrong, names.index("T"), 0).reshape(wrong.shape[names.index("T")], -1).any(1)
    if step.all():
        return ", at every time step"
    right = np.flatnonzero(~step)
    return f"; time step{'s' if len(right) > 1 else ''} {', '.join(map(str, right))} right"
