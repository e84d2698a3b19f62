"""What is graded: three exercises in eight code cells, once in NumPy and once in PyTorch.

Here belongs the content. The cells are imports, inputs, and for each exercise a solution and a
check; how a grader wants them (its markers, its metadata) is its own file's business.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from autograder.notebook import reference_code, stub

DRAW = {
    "numpy": """
def draw(name):
    return RECIPES[name](np.random.default_rng(0))
""",
    "torch": """
def draw(name):
    drawn = RECIPES[name](np.random.default_rng(0))
    return {key: torch.tensor(value, dtype=torch.float32) for key, value in drawn.items()}
""",
}


@dataclass(frozen=True)
class Exercise:
    """One exercise: `recipe` draws its inputs from `rng`, `solution` is its cell with markers.

    A check looks at what `function` returns, or at the `part` of it that this indexes.
    """

    id: str
    function: str
    part: str
    recipe: str
    solution: str

    @property
    def stub(self) -> str:
        """The solution cell as students get it."""
        return stub(self.solution)

    @property
    def solved(self) -> str:
        """The solution cell, filled in."""
        return reference_code(self.solution)

    @property
    def call(self) -> str:
        """The lines of a check that run the student's function."""
        return f'p = draw("{self.id}")\nvalue = {self.function}(**p){self.part}'


@dataclass(frozen=True)
class Bank:
    """The exercises of one notebook."""

    name: str
    imports: str
    exercises: tuple[Exercise, ...]

    @property
    def inputs(self) -> str:
        """The cell that draws inputs, for graders without a way of their own."""
        recipes = "".join(f'    "{e.id}": lambda rng: {e.recipe},\n' for e in self.exercises)
        return f"RECIPES = {{\n{recipes}}}\n\n{DRAW[self.name]}"

    def cells(self) -> list[str]:
        """The eight cells, solved, without anything of a grader."""
        parts = [cell for e in self.exercises for cell in (e.solved, e.call)]
        return [self.imports, self.inputs, *parts]

    def expected(self) -> dict[str, list[Any]]:
        """What each exercise's function returns for its inputs, to six digits."""
        import numpy as np

        found: dict[str, list[Any]] = {}
        names: dict[str, Any] = {}
        for source in (self.imports, self.inputs):
            exec(source, names)
        for exercise in self.exercises:
            exec(f"{exercise.solved}\n{exercise.call}", names)
            found[exercise.id] = np.round(np.asarray(names["value"], dtype=np.float64), 6).tolist()
        return found


def filled(notebook: dict[str, Any], bank: Bank, student: int) -> dict[str, Any]:
    """A handed-out notebook with every solution in place, a little different for each student."""
    made = copy.deepcopy(notebook)
    for exercise in bank.exercises:
        found = [cell for cell in made["cells"] if f"def {exercise.function}(" in "".join(cell["source"])]
        if len(found) != 1:
            raise ValueError(f"{exercise.id}: {len(found)} cells for its solution")
        found[0]["source"] = f"{exercise.solved}\n# student {student}"
    return made


# A hundred steps of eight sequences: the cells themselves take some milliseconds, as homework does.
_WEIGHTS = "W_xh=rng.normal(size=(8, 4)) / 2, W_hh=rng.normal(size=(8, 8)) / 3, b=rng.normal(size=8)"
_ONE = f"dict(x=rng.normal(size=(8, 4)), h=rng.uniform(-0.9, 0.9, size=(8, 8)), {_WEIGHTS})"
_MANY = f"dict(x=rng.normal(size=(100, 8, 4)), h=rng.uniform(-0.9, 0.9, size=(8, 8)), {_WEIGHTS})"

_STEP = '''
def rnn_step(x, h, W_xh, W_hh, b):
    """The new states, (N, H)."""
    ### BEGIN SOLUTION
    return {library}.tanh(x @ W_xh.T + h @ W_hh.T + b)
    ### END SOLUTION
'''
_FORWARD = '''
def rnn_forward(x, h, W_xh, W_hh, b):
    """The states of all steps, (T, N, H)."""
    ### BEGIN SOLUTION
    states = []
    for x_t in x:
        h = rnn_step(x_t, h, W_xh, W_hh, b)
        states.append(h)
    return {library}.stack(states)
    ### END SOLUTION
'''
_GRADIENT = '''
def rnn_gradient(x, h, W_xh, W_hh, b):
    """The gradient of the sum of the last states with respect to W_hh, (H, H)."""
    ### BEGIN SOLUTION
    {body}
    ### END SOLUTION
'''
_BY_HAND = """states = [h, *rnn_forward(x, h, W_xh, W_hh, b)]
    d_h, d_W_hh = np.ones_like(h), np.zeros_like(W_hh)
    for before, after in zip(states[-2::-1], states[:0:-1]):
        d_a = d_h * (1 - after**2)
        d_W_hh += d_a.T @ before
        d_h = d_a @ W_hh
    return d_W_hh"""
_BY_AUTOGRAD = """weight = W_hh.clone().requires_grad_()
    rnn_forward(x, h, W_xh, weight, b)[-1].sum().backward()
    return weight.grad"""


def _bank(name: str, imports: str, library: str, gradient: str) -> Bank:
    cells = {
        "step": ("rnn_step", "", _ONE, _STEP.format(library=library)),
        "forward": ("rnn_forward", "[-1]", _MANY, _FORWARD.format(library=library)),
        "gradient": ("rnn_gradient", "", _MANY, _GRADIENT.format(body=gradient)),
    }
    exercises = tuple(
        Exercise(f"{name}-{e}", function, part, recipe, code.strip())
        for e, (function, part, recipe, code) in cells.items()
    )
    return Bank(name, imports, exercises)


BANKS = (
    _bank("numpy", "import numpy as np", "np", _BY_HAND),
    _bank("torch", "import numpy as np\nimport torch", "torch", _BY_AUTOGRAD),
)
