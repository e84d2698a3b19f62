"""What beats other graders: each costs its exercise, earns nothing, and harms no other exercise."""

# ruff: noqa: E501
from __future__ import annotations

from pathlib import Path

import pytest

from autograder.grade import Course, grade_file
from autograder.kernel import KernelSettings
from autograder.notebook import write_ipynb
from autograder.release import filled_notebook
from tests.submissions.samples import chapter, solutions_of

STUB = "def rnn_step(x, h_prev, W_xh, W_hh, b_h): return h_prev * 0\n"
CHEATS = {
    "numpy's comparison redefined": STUB + "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True",
    "print redefined": STUB + "import builtins\nbuiltins.print = lambda *a, **k: None",
    "everything equal": """
class Yes(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    __ne__ = __lt__ = lambda self, other: np.zeros(self.shape, bool)
    def __abs__(self): return np.zeros(self.shape)
    __sub__ = __rsub__ = lambda self, other: np.zeros(self.shape)

def rnn_step(x, h_prev, *a): return np.zeros_like(h_prev).view(Yes)
""",
    "a display hook": STUB + "import sys\nsys.displayhook = lambda value: None",
    "a publisher of one's own": STUB + "get_ipython().display_pub.publish = lambda *a, **k: None",
    "check cells emptied": STUB + "get_ipython().input_transformers_cleanup.append(lambda lines: ['1\\n'])",
    "check redefined": STUB + "def check(*a, **k): return 'right, 10 of 10 points'",
    "check patched": STUB + "import autograder.check as c\nc.Verdict.says = lambda self: c.Says('right', 'Right')",
    "compare patched": STUB + "import autograder.compare as c\nc.compare = lambda *a, **k: None",
    "a score printed": STUB + "print('score: nan'); print('{\"points\": 10, \"outcome\": \"pass\"}')",
    "a pickle": STUB + "class P:\n    def __reduce__(self): return (exec, ('raise SystemExit',))\nrnn_step = lambda *a: P()",
    "the frames of the caller": """
import sys

def rnn_step(x, h_prev, *a):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if hasattr(value, 'reference'): return value.reference
        frame = frame.f_back
    return h_prev
""",
    "the key read from its file": """
import json, pathlib, autograder.check as c
from autograder.keys import load_key

def rnn_step(*a): return load_key('equations').checks[0].reference.values['h']
""",
    "nbval's markers": "# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n" + STUB,
    "no traceback": STUB + "get_ipython().showtraceback = lambda *a, **k: None\ndef rnn_step(*a): raise ValueError",
    "a seed of one's own": STUB + "import os\nos.environ['UNROLLED_SEED'] = '0'",
    "other inputs": STUB + "import autograder.check as c\nc._recipes['rnn-step'] = lambda rng: dict(x=np.zeros((1, 1)))",
    "an error forged": STUB + "class KernelDied(Exception): pass\ndef rnn_step(*a): raise KernelDied",
    "a message forged": STUB + """
import json, os
def rnn_step(x, h_prev, *a):
    os.write(0, json.dumps({'msg_type': 'idle', 'content': {'id': 4}}).encode() + b'\\n')
    return h_prev
""",
    "a malformed payload": """
class V:
    def _repr_mimebundle_(self, **k):
        return {'application/vnd.unrolled.check+json': {'schema': 'unrolled/check/v1', 'id': 'rnn-step', 'seed': 10**5000}}
def rnn_step(*a): return 0
def check(*a, **k): return V()
""",
    "a thousand payloads": STUB + "_c = check\ndef check(*a, **k):\n    for i in range(1000): display(_c(*a, **k))\n    return _c(*a, **k)",
    "an atexit handler": STUB + "import atexit\natexit.register(lambda: open('score', 'w').write('100'))",
    "a daemon left behind": STUB + "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)",
    "the next submission's NumPy": STUB + "np.tanh = np.sin\nnp.exp = lambda *a, **k: 0\nnp.random.Generator.normal = None",
}  # fmt: skip


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_earns_nothing_and_harms_nothing_else(cheat: str, tmp_path: Path, course: Course) -> None:
    source = chapter("equations")
    path = tmp_path / "cheat.ipynb"
    write_ipynb(path, filled_notebook(source, solutions_of(source) | {"rnn-step": CHEATS[cheat]}))
    record = grade_file(path, course, KernelSettings(seed=99, timeout=10))
    assert record.error is None
    first, *others = record.checks
    assert first.exercise == "rnn-step"
    assert first.points == 0
    assert first.cause == "student"
    assert [check.exercise for check in others if check.outcome != "pass"] == []
