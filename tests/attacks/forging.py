"""What beats other graders, and more: looking right without being right."""

from __future__ import annotations

from tests.attacks import STUB, Attack

ANY = ("fail", "error", "missing", "malformed", "died", "policy", "timeout", "output")
CHEATS: dict[str, str] = {
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

MORE: dict[str, str] = {
    "a payload of the right form": STUB + """
import base64
def rnn_step(x, h_prev, *a):
    data = base64.b64encode(np.ones(h_prev.shape).tobytes()).decode()
    value = {'kind': 'array', 'dtype': 'float64', 'shape': list(h_prev.shape), 'data': data}
    payload = {'schema': 'unrolled/check/v1', 'id': 'rnn-step', 'seed': 99, 'values': {'h': value}}
    display({'application/vnd.unrolled.check+json': payload, 'text/plain': 'right'}, raw=True)
    return h_prev
""",
    "a payload in the solution's cell": STUB + """
display({'application/vnd.unrolled.check+json': {'schema': 'unrolled/check/v1', 'id': 'rnn-step', 'seed': 99, 'values': {}}}, raw=True)
""",
    "a payload without values": STUB + """
def check(*a, **k):
    display({'application/vnd.unrolled.check+json': {'schema': 'unrolled/check/v1', 'id': 'rnn-step', 'seed': 99, 'values': {}}}, raw=True)
""",
    "another check's payload": STUB + "_c = check\ndef check(name, **k): return _c('rnn-forward', **k)",
    "a payload not a number": "def rnn_step(x, h_prev, *a): return h_prev * np.nan\n",
    "infinities": "def rnn_step(x, h_prev, *a): return h_prev * 0 + np.inf\n",
    "an object array": "def rnn_step(x, h_prev, *a): return np.array([print] * 5, dtype=object)\n",
    "an array of its own making": """
class A(np.ndarray):
    def __array__(self, *a, **k): raise SystemExit
    def tobytes(self, *a): return bytes(8)
def rnn_step(x, h_prev, *a): return h_prev.view(A)
""",
    "a text instead of numbers": "def rnn_step(x, h_prev, *a): return 'right'\n",
    "nothing at all": "def rnn_step(*a): return None\n",
    "markup for whoever reads the report": "def rnn_step(*a): raise ValueError('<script>alert(1)</script>[red]{{7*7}}%s%n')\n",
    "colours for whoever reads the terminal": "def rnn_step(*a): raise ValueError('\\x1b[2J\\x1b]0;mine\\x07' + chr(0x202e) + chr(0))\n",
    "an error called a pass": "class Pass(Exception): pass\ndef rnn_step(*a): raise Pass('pass')\n",
    "an exit": "import sys\ndef rnn_step(*a): sys.exit(0)\n",
    "an interrupt": "def rnn_step(*a): raise KeyboardInterrupt\n",
    "the shell replaced": STUB + "get_ipython().run_cell = lambda *a, **k: None",
    "the shell's compiler replaced": STUB + "get_ipython().compile.__class__.__call__ = lambda *a, **k: compile('1', '', 'exec')",
    "every check skipped by a transformer": STUB + "get_ipython().ast_transformers.append(type('T', (), {'visit': lambda s, n: type(n)(body=[], type_ignores=[])})())",
    "draw redefined": STUB + "def draw(*a, **k): raise SystemExit",
    "random numbers that are known": STUB + "np.random.default_rng = lambda *a: None\nnp.random.Generator = None",
    "the payload's encoder patched": STUB + "import autograder.payload as p, autograder.check as c\np.encode = c.encode = lambda *a: {'schema': p.SCHEMA, 'id': 'rnn-step', 'seed': 99, 'values': {}}",
    "tolerances patched": STUB + "import autograder.compare as c\nc.Tolerance.rtol = 1e9",
    "the socket's messages swallowed": STUB + "import autograder.kernel.shell as s\ns.Channel.send = lambda *a, **k: None",
    "idle too early": STUB + "import os, json\nfor i in range(40): os.write(0, json.dumps({'msg_type': 'idle', 'content': {'id': i}}).encode() + b'\\n')",
    "the check's name kept in a trap": STUB + "class T(dict):\n    def __missing__(self, k): return lambda *a, **kw: 1\nglobals().clear()",
    "torch in a NumPy exercise": "import torch\ndef rnn_step(x, h_prev, W_xh, W_hh, b_h):\n    t = torch.from_numpy\n    return torch.tanh(t(x) @ t(W_xh).T + t(h_prev) @ t(W_hh).T + t(b_h)).numpy()\n",
    "torch by another name": "def rnn_step(x, h_prev, W_xh, W_hh, b_h):\n    t = __import__('to' + 'rch')\n    f = t.from_numpy\n    return t.tanh(f(x) @ f(W_xh).T + f(h_prev) @ f(W_hh).T + f(b_h)).numpy()\n",
    "torch among the modules": "import sys\ndef rnn_step(x, h_prev, W_xh, W_hh, b_h):\n    t = sys.modules['torch']\n    f = t.from_numpy\n    return t.tanh(f(x) @ f(W_xh).T + f(h_prev) @ f(W_hh).T + f(b_h)).numpy()\n",
}  # fmt: skip

ATTACKS = {name: Attack(source, ANY) for name, source in (CHEATS | MORE).items()}
