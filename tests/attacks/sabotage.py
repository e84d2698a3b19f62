"""Submissions that harm whoever is graded next: what they leave behind must be gone."""

from __future__ import annotations

from tests.attacks import STUB, Attack, attempt, plain

ATTACKS: dict[str, Attack] = {
    "files left in /tmp": plain("open('/tmp/numpy.py', 'w').write('raise SystemExit')"),
    "files left in the folder": plain("open('numpy.py', 'w').write('raise SystemExit')"),
    "a start-up file": plain(
        "import os, pathlib\nfor d in ('/tmp', '.'): pathlib.Path(d, 'sitecustomize.py').write_text('raise SystemExit')\n"
        "pathlib.Path('/tmp/.ipython/profile_default/startup').mkdir(parents=True)"
    ),
    "shared memory left behind": plain("open('/dev/shm/left', 'wb').write(bytes(10**6))"),
    "a process left behind": plain("import subprocess\nsubprocess.Popen(['sleep', '9999'])"),
    "a daemon left behind": plain("import subprocess\nsubprocess.Popen(['sleep', '9999'], start_new_session=True)"),
    "a daemon's daemon": plain(
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(9999)\n    os._exit(0)"
    ),
    "a thread left behind": plain(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9999,), daemon=False).start()"
    ),
    "something for the end": plain("import atexit, time\natexit.register(time.sleep, 9999)"),
    "an end that does not come": plain("import sys\nclass E:\n    def __del__(self): \n        while True: pass\nkept = E()"),
    "NumPy patched": plain("np.tanh = np.sin\nnp.exp = lambda *a, **k: 0\nnp.ndarray = None"),
    "torch patched": plain("import sys\nsys.modules['torch'] = None"),
    "the interpreter patched": plain("import builtins\nbuiltins.range = builtins.len = None", "died", "error"),
    "the grader's code patched": plain("import autograder.payload as p\np.decode = p.encode = None"),
    "the seed of everyone": plain("import random\nnp.random.seed(7); random.seed(7)"),
    "the reference cache": attempt(
        "import autograder.reference as r\nf = r.cache_folder() / 'x.json'; f.parent.mkdir(parents=True); f.write_text('{}')\n"
        "worked = not str(f).startswith('/tmp')"
    ),
    "compiled files": attempt("import py_compile; py_compile.compile(np.__file__)"),
    "words on the grader's standard output": plain("import os\nos.write(1, b'100 of 100 points\\n' * 1000)"),
    "words on the grader's standard error": plain("import os\nos.write(2, b'100 of 100 points\\n' * 1000)"),
    "words on the terminal": attempt("open('/dev/tty', 'w').write('x')"),
    "words on every descriptor": plain(
        "import os\nfor i in range(1, 1024):\n    try: os.write(i, b'{\"ready\": true}\\n')\n    except OSError: pass"
    ),
    "every other process stopped": plain(
        "import os, signal\nfor i in range(1, 5000):\n    if i != os.getpid():\n        try: os.kill(i, signal.SIGSTOP)\n        except OSError: pass",
        "fail", "error",
    ),
    "kernel ended between cells": Attack(
        STUB + "import threading, os, time\nthreading.Thread(target=lambda: (time.sleep(0.005), os._exit(1))).start()",
        ("died", "fail"),
    ),
    "garbage on the socket": plain("import os\nos.write(0, bytes(range(256)) * 100)"),
    "half a message on the socket": plain("import os\nos.write(0, b'{\"msg_type\": \"stream\", ')", "fail", "timeout", "missing"),
}  # fmt: skip
