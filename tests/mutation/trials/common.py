"""What all trials use: drawing arguments in many manners, calling, and recording what came of it.

Runs in a kernel. `Draw` is how arguments are drawn: other shapes than the checks' (of one row, of
one step, of equal sizes), other scales, zeros, and arrays that lie otherwise in memory.
"""

import contextlib
import copy
import warnings

import numpy as np
from autograder.compare import compare
from autograder.payload import Payload, flatten

TRIALS = {}


def trial(exercise):
    """Decorator: the function below tries a solution `s` of this exercise, with arguments from `d`."""

    def register(function):
        TRIALS[exercise] = function
        return function

    return register


class Draw:
    """Arguments of one round, from a generator."""

    def __init__(self, rng):
        self.rng = rng
        self.scale = float(rng.choice([0.1, 1.0, 1.0, 3.0]))
        self.low = int(rng.choice([1, 1, 2]))

    def sizes(self, n, high=6):
        """n sizes; often 1, often equal."""
        return [int(k) for k in self.rng.integers(self.low, high + 1, size=n)]

    def chance(self, probability):
        """True as often as this."""
        return bool(self.rng.uniform() < probability)

    def normal(self, *shape, scale=None):
        """Any numbers, now and then all zero."""
        values = self.rng.normal(size=shape) * (self.scale if scale is None else scale)
        return self.laid(values * 0 if self.chance(0.07) else values)

    def state(self, *shape):
        """Numbers between -1 and 1."""
        return self.laid(self.rng.uniform(-0.95, 0.95, size=shape))

    def gate(self, *shape):
        """Numbers between 0 and 1."""
        return self.laid(self.rng.uniform(0.02, 0.98, size=shape))

    def integers(self, low, high, *shape):
        """Whole numbers, `high` not among them."""
        return self.laid(self.rng.integers(low, high, size=shape))

    def laid(self, values):
        """The same numbers, in another order in memory now and then."""
        return np.asfortranarray(values) if values.ndim > 1 and self.chance(0.3) else values

    def tensors(self, *arrays):
        """As float32 or int64 tensors."""
        import torch

        kinds = {"f": torch.float32, "i": torch.int64, "b": torch.bool}
        made = [torch.from_numpy(np.array(a)).to(kinds[a.dtype.kind]) for a in arrays]
        return made if len(made) > 1 else made[0]

    def leaves(self, *arrays):
        """As tensors that want a gradient."""
        made = [self.tensors(array).requires_grad_() for array in arrays]
        return made if len(made) > 1 else made[0]


def called(function, *arguments, **named):
    """What a function of arrays returns, and what its arguments are afterwards."""
    arguments, named = copy.deepcopy(arguments), copy.deepcopy(named)
    out = function(*arguments, **named)
    return dict(out=out, kinds=kinds(out), arguments=arguments, named=named)


@contextlib.contextmanager
def warned():
    """How many warnings were given inside, as a function to be called afterwards."""
    with warnings.catch_warnings(record=True) as found, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        yield lambda: len(found)


def kinds(values):
    """Whether each value is of whole numbers, of floats, or of truth values."""
    found = {name: getattr(leaf, "dtype", None) for name, leaf in flatten("v", values).items()}
    return {name: dtype.kind if dtype is not None else "" for name, dtype in found.items()}


def gradients(**leaves):
    """The gradients that reached these tensors; None where none did."""
    return {name: leaf.grad for name, leaf in leaves.items()}


def parameters(module):
    """Names, shapes and trainability of a module's parameters."""
    return {name: [list(w.shape), w.requires_grad] for name, w in sorted(module.named_parameters())}


def put(module, d):
    """Give each parameter numbers of its own, the same for every module of these names and shapes."""
    import torch

    with torch.no_grad():
        for _name, weight in sorted(module.named_parameters()):
            weight.copy_(torch.from_numpy(d.rng.normal(size=tuple(weight.shape)) * 0.6))
    return module


def weights(module):
    """A module's numbers and their gradients, and whether they can be trained."""
    found = {}
    for name, weight in sorted(module.named_parameters()):
        found[name] = dict(value=weight.detach().clone(), grad=weight.grad, trainable=weight.requires_grad)
    return found


def uniform(weight, bound):
    """Whether many numbers look uniform between -bound and bound."""
    w = np.asarray(weight.detach().numpy() if hasattr(weight, "detach") else weight, dtype=float).ravel()
    quarters = np.histogram(w, bins=4, range=(-bound, bound))[0] / w.size
    even = np.abs(quarters - 0.25).max() < 6 * (0.19 / w.size) ** 0.5  # six standard deviations
    return [bool(np.abs(w).max() <= bound * (1 + 1e-6)), bool(even), len(set(w)) > 1]


def outcome(try_it, namespace, seed):
    """What a trial gives, as a payload; an exception is a value too."""
    import random
    import sys
    from types import SimpleNamespace

    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    try:
        with np.errstate(all="ignore"):
            found = try_it(SimpleNamespace(**namespace), Draw(np.random.default_rng(seed)))
        values = {k: leaf for name, value in found.items() for k, leaf in flatten(name, value).items()}
    except Exception as error:
        values = {"raised": f"{type(error).__name__}: {error}"[:200]}
    return Payload("trial", seed, values)


def difference(before, reference, mutant, exercise, rounds):
    """The first round in which the mutant does not do what the reference does, as text, or None."""
    ours, theirs = {}, {}
    exec(compile(before, "<before>", "exec"), ours)
    theirs.update(ours)
    exec(compile(reference, "<reference>", "exec"), ours)
    try:
        exec(compile(mutant, "<mutant>", "exec"), theirs)
    except Exception as error:
        return f"cannot be defined: {type(error).__name__}: {error}"
    for seed in range(rounds):
        expected = outcome(TRIALS[exercise], ours, seed)
        if "raised" in expected.values:
            raise RuntimeError(f"the reference raises in round {seed}: {expected.values['raised']}")
        found = outcome(TRIALS[exercise], theirs, seed)
        if "raised" in found.values:
            return f"round {seed}: raises {found.values['raised']}"
        gap = compare(found, expected)
        if gap is not None:
            return f"round {seed}: {gap.value}: {gap.message}"
    return None
