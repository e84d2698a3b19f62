"""What notebooks call: `inputs` and `draw` for seeded inputs, `pick_device`, `check` for data and a verdict.

Here belongs what runs inside a notebook, beside the student's code. A check cell's output
carries data (see `payload`) that the grader compares outside; the verdict shown beside it is
formative, made from the public key. NumPy and the standard library only (torch is used if the
notebook has imported it).
"""

from __future__ import annotations

import hashlib
import html
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograder.compare import compare
from autograder.diagnose import diagnose
from autograder.keys import KeyFileError, find_check
from autograder.payload import MIME, Payload, encode, flatten

Draw = Callable[[np.random.Generator], dict[str, Any]]
_recipes: dict[str, Draw] = {}


class Inputs(dict[str, Any]):
    """Named inputs with attribute access: `p.x`, `p.W_xh`; `p.tensors(device)` for torch."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"these inputs have no `{name}`; they have {', '.join(self)}") from None

    def tensors(self, device: Any = "cpu") -> Inputs:
        """The same inputs as torch tensors on `device`: floats as float32, integers as int64."""
        import torch

        wide = torch.float64 if os.environ.get("UNROLLED_WIDE") else torch.float32

        def convert(value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return value
            tensor = torch.from_numpy(value.astype(np.float64) if value.dtype.kind == "f" else value.copy())
            kind = {"f": wide, "i": torch.int64, "u": torch.int64}.get(value.dtype.kind, tensor.dtype)
            return tensor.to(kind).to(device)  # in this order: MPS knows no float64

        return Inputs({name: convert(value) for name, value in self.items()})


def inputs(exercise: str) -> Callable[[Draw], Draw]:
    """Decorator: the function below draws the inputs of `exercise` from a `Generator`."""

    def register(recipe: Draw) -> Draw:
        _recipes[exercise] = recipe
        return recipe

    return register


def draw(exercise: str, k: int = 0) -> Inputs:
    """Fresh seeded inputs of an exercise.

    Parameters
    ----------
    exercise
        The exercise's id.
    k
        0, 1, 2, …: independent draws of the same exercise.

    Returns
    -------
    Inputs
        The same values every time for the same exercise and `k` (arrays are new each time).
        When a notebook is graded, the seed is another one.
    """
    if exercise not in _recipes:
        raise LookupError(f"no inputs for '{exercise}' yet: run the cells above this one first")
    word = f"{_seed()}/{exercise}/{k}".encode()
    seed = int.from_bytes(hashlib.sha256(word).digest()[:16], "little")
    drawn = Inputs(_recipes[exercise](np.random.Generator(np.random.PCG64(seed))))
    if os.environ.get("UNROLLED_WIDE"):  # calibration: how much of a value is rounding?
        if "torch" in sys.modules:
            sys.modules["torch"].set_default_dtype(sys.modules["torch"].float64)
        for name, value in drawn.items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                drawn[name] = value.astype(np.longdouble)
    return drawn


def pick_device() -> str:
    """The device to compute on: "cuda" if there is one, else "mps", else "cpu".

    When a notebook is graded, the grader says which (`autograder grade --device`). TF32 is turned
    off: it rounds the factors of a product to 10 bits, an error of about 1e-3 that would decide
    whether a right solution passes.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False  # on unless told otherwise, in recurrent layers too
    named = os.environ.get("UNROLLED_DEVICE")
    if named:
        return named
    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def distinct(rng: np.random.Generator, n: int, low: int = 2, high: int = 6) -> list[int]:
    """`n` different sizes between `low` and `high`, so that no two axes can be confused."""
    return [int(size) for size in rng.permutation(np.arange(low, high + 1))[:n]]


def check(check_id: str, *, inputs: Inputs | None = None, **values: Any) -> Verdict:
    """Compare what your code produced with what the reference solution produces.

    Parameters
    ----------
    check_id
        Which check this is.
    inputs
        The arguments your function was given, to see whether it changed them in place.
    **values
        What your code produced: arrays, tensors, numbers, texts, or tuples and dicts of them.

    Returns
    -------
    Verdict
        Shown by Jupyter: right, the first difference, or the known mistake by its name.
    """
    flat = {k: leaf for name, value in values.items() for k, leaf in flatten(name, value).items()}
    if inputs is not None:
        flat.update(flatten("inputs", inputs))
    return Verdict(Payload(check_id, _seed(), flat))


def _seed() -> int:
    return int(os.environ.get("UNROLLED_SEED", "0"))


@dataclass(frozen=True)
class Says:
    """A verdict in words: `state` is "right", "wrong", "mistake" or "none"."""

    state: str
    head: str
    body: str = ""


class Verdict:
    """A check's result: data for the grader, words for the person."""

    def __init__(self, payload: Payload) -> None:
        self.payload = payload

    def says(self) -> Says:
        """Judge the payload by the public answer key."""
        try:
            found = find_check(self.payload.id)
        except KeyFileError as error:
            return Says("none", "No verdict", f"{error}.")
        if found is None:
            return Says("none", "No verdict", f"There is no check called '{self.payload.id}' in the answer keys.")
        spec = found[1]
        if self.payload.seed != spec.reference.seed:
            return Says("none", "Recorded", "These inputs are not the public ones.")
        difference = compare(self.payload, spec.reference, spec.tolerances, spec.axes)
        if difference is None:
            return Says("right", "Right", f"{spec.points:g} points.")
        mistake = diagnose(self.payload, spec.reference, spec.mistakes, spec.tolerances)
        if mistake is not None:
            return Says("mistake", f"A known mistake: {mistake.id}", f"{mistake.says} {difference.message}")
        return Says("wrong", "Not yet", difference.message)

    def __repr__(self) -> str:
        if os.environ.get("UNROLLED_GRADING"):
            return f"check {self.payload.id}: recorded"
        said = self.says()
        mark = {"right": "✓", "none": "·"}.get(said.state, "✗")
        return f"{mark} {self.payload.id}: {said.head}. {said.body}".rstrip()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        bundle: dict[str, Any] = {MIME: encode(self.payload.id, self.payload.seed, self.payload.values)}
        bundle["text/plain"] = repr(self)
        if not os.environ.get("UNROLLED_GRADING"):
            bundle["text/html"] = _as_html(self.payload.id, self.says())
        return bundle


def _as_html(check_id: str, said: Says) -> str:
    """The verdict as HTML: colours only at the edge, text in the theme's own colour."""
    colour = {"right": "#2e9e5b", "mistake": "#d98c1f", "wrong": "#d4504c"}.get(said.state, "#888")
    mark = {"right": "✓", "none": "·"}.get(said.state, "✗")
    body = _code_spans(html.escape(said.body))
    return (
        f'<div role="status" style="border-left:.3em solid {colour};padding:.3em .8em;margin:.3em 0;'
        f'color:inherit;background:transparent"><strong>{mark} {html.escape(said.head)}</strong>'
        f' <code style="color:inherit;background:transparent;opacity:.8">{html.escape(check_id)}</code>'
        f"<div>{body}</div></div>"
    )


def _code_spans(text: str) -> str:
    """Backticks to `<code>`, in text that is escaped already."""
    parts = text.split("`")
    style = '<code style="color:inherit;background:transparent">'
    return "".join(part if i % 2 == 0 else f"{style}{part}</code>" for i, part in enumerate(parts))
