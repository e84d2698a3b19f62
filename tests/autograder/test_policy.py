"""A NumPy exercise is solved with NumPy: what breaks that is named, and nothing else is."""

from __future__ import annotations

import pytest

from autograder.kernel import Kernels, KernelSettings, run_cell
from autograder.kernel.policy import broken_by
from autograder.notebook import reference_code
from tests.submissions.samples import chapter, chapters

BROKEN = {
    "an import": ("import torch", ()),
    "a part of a library": ("import scipy.special", ()),
    "from": ("from torch.nn import functional as F", ()),
    "inside a function": ("def f(x):\n    import torch\n    return torch.tanh(x)", ()),
    "by its name": ("t = __import__('torch')", ()),
    "by importlib": ("import importlib\nt = importlib.import_module('torch.nn')", ()),
    "beside a magic": ("%matplotlib inline\nimport torch", ()),
    "from a cell of one's own": ("def f(x): return t.tanh(x)", ("import torch as t",)),
    "a name from a cell of one's own": ("def f(x): return tanh(x)", ("from torch import tanh",)),
    "a helper": ("def f(x): return g(x)", ("import torch", "def h(x): return torch.tanh(x)\ndef g(x): return h(x)")),
}
ALLOWED = {
    "NumPy": ("import numpy as np\nfrom numpy.linalg import norm", ()),
    "the standard library": ("import math, itertools, functools, typing, dataclasses", ()),
    "plots": ("import matplotlib.pyplot as plt", ()),
    "a word in a text": ("# import torch\n'''import torch'''", ()),
    "torch elsewhere": ("def f(x): return x", ("import torch", "torch.ones(3)")),
    "a name that only looks alike": ("torchlight = 1", ()),
    "what does not parse": ("def f(:", ()),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_forbidden_library_is_named(name: str) -> None:
    source, extras = BROKEN[name]
    problem = broken_by(source, extras)
    assert problem is not None
    assert "torch" in problem or "scipy" in problem


@pytest.mark.parametrize("name", ALLOWED)
def test_nothing_else_is(name: str) -> None:
    assert broken_by(*ALLOWED[name]) is None


@pytest.mark.parametrize("name", chapters())
def test_no_reference_or_variant_breaks_its_policy(name: str) -> None:
    source = chapter(name)
    numpy_only = {c.exercise for c in source.of("card") if c.about["backend"] == "numpy"}
    for cell in [*source.of("solution"), *source.of("variant")]:
        if cell.exercise in numpy_only and cell.source:
            assert broken_by(reference_code(cell.source)) is None, cell.id


def test_hidden_libraries_come_back(kernels: Kernels) -> None:
    kernel = kernels.kernel(KernelSettings(timeout=20))
    assert run_cell(kernel, "import torch; from torch import tanh; f = lambda: torch.ones(1)").error is None
    kernel.policy = "numpy"
    for code in ("import torch", "f()", "tanh(1)", "import importlib; importlib.import_module('torch.nn')"):
        error = run_cell(kernel, code).error
        assert error is not None
        assert error[0] == "ForbiddenImport", (code, error)
    assert run_cell(kernel, "import math, numpy.linalg, matplotlib.pyplot; 1").error is None
    kernel.policy = None
    assert run_cell(kernel, "f(), tanh(torch.ones(1)), torch.nn.Linear(1, 1)").error is None
    kernel.stop()
