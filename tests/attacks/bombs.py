"""Submissions that use up processor, memory, processes, disk, descriptors or the grader's patience."""

from __future__ import annotations

from tests.attacks import Attack, inside, plain

PROCESSOR: dict[str, Attack] = {
    "an endless loop": plain("while True: pass", "timeout", says="stopped after"),
    "an endless loop in the check": inside("while True: pass", "timeout", says="check's cell"),
    "an endless loop that swallows everything": plain(
        """
        import signal
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM): signal.signal(name, signal.SIG_IGN)
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
        "timeout",
    ),
    "a long call into compiled code": plain("np.linalg.svd(np.ones((4000, 4000)))", "timeout", "memory"),
    "a number without end": plain("10 ** 10 ** 10", "timeout", "memory"),
    "a pattern that backtracks": plain("import re; re.match('(a+)+$', 'a' * 60 + 'b')", "timeout"),
    "asleep": plain("import time; time.sleep(10**6)", "timeout"),
    "waiting for itself": plain("import threading; l = threading.Lock(); l.acquire(); l.acquire()", "timeout"),
    "a lock held by a thread": plain("import threading; threading.Event().wait()", "timeout"),
    "recursion": inside("return rnn_step(x, h_prev, W_xh, W_hh, b_h)", "error", "timeout"),
    "recursion without a limit": inside(
        "import sys; sys.setrecursionlimit(10**9)\nreturn (lambda f: f(f))(lambda f: [f(f)])", "died", "memory", "timeout"
    ),
}  # fmt: skip
MEMORY = {
    "memory by NumPy": plain("a = np.ones(10**9)", "memory", says="memory"),
    "memory by small pieces": plain("a = []\nwhile True: a.append(bytes(10**6))", "memory"),
    "memory by torch": plain("import torch as _t; a = [_t.ones(10**7) for _ in range(10**6)]", "policy", "memory"),
    "memory by a text": plain("a = 'x' * 10**11", "memory"),
    "memory by a shared map": plain(
        """
        import mmap
        a = mmap.mmap(-1, 2 * 10**9)
        for i in range(0, len(a), 4096): a[i] = 1
        """,
        "memory", says="memory",
    ),
    "memory by a memfd": plain("import os; os.memfd_create('a')", "error", says="PermissionError"),
    "memory by many processes": plain(
        """
        import os, time
        for _ in range(12):
            if os.fork() == 0:
                a = bytearray(60 * 10**6)
                for i in range(0, len(a), 4096): a[i] = 1
                time.sleep(100)
        time.sleep(100)
        """,
        "memory", says="memory",
    ),
    "memory that is decompressed": plain(
        """
        import zlib
        a = zlib.compress(bytes(10**8), 9)
        b = [zlib.decompress(a) for _ in range(10**4)]
        """,
        "memory",
    ),
    "memory in the check": inside("a = np.ones(10**9)", "memory", says="check's cell"),
    "memory, and the error swallowed": plain(
        """
        a = []
        while True:
            try: a.append(np.ones(10**6))
            except MemoryError: pass
        """,
        "memory", "timeout",
    ),
}  # fmt: skip
PROCESSES = {
    "a fork bomb": plain(
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "timeout", "processes", "memory"
    ),
    "a fork bomb that gives up": plain(
        "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(100)", "processes", says="processes"
    ),
    "a thread bomb": plain(
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,)).start()", "processes"
    ),
    "a bomb of programs": plain(
        "import subprocess\na = []\nwhile True: a.append(subprocess.Popen(['sleep', '100']))", "processes", "files"
    ),
}
DISK = {
    "a file without end": plain("f = open('a', 'wb')\nwhile True: f.write(bytes(10**6))", "disk", says="files"),
    "a file without end in shared memory": plain(
        "f = open('/dev/shm/a', 'wb')\nwhile True: f.write(bytes(10**6))", "disk"
    ),
    "a file in /tmp": plain("open('/tmp/a', 'wb').write(bytes(25 * 10**6))", "disk"),
    "a file that is only long": plain("open('a', 'wb').truncate(10**12)", "disk"),
    "files without number": plain("for i in range(10**7): open(f'a{i}', 'w').close()", "disk"),
    "folders without number": plain("import os\nfor i in range(10**7): os.mkdir(f'd{i}')", "disk"),
    "descriptors without number": plain("a = []\nwhile True: a.append(open('/dev/null'))", "files", says="open files"),
    "pipes without number": plain("import os\na = []\nwhile True: a.append(os.pipe())", "files"),
}
OUTPUT = {
    "output in one piece": plain("print('x' * 10**8)", "fail"),
    "output in many pieces": plain("for i in range(10**5): print('x' * 1000)", "fail"),
    "output without end": plain("while True: print('x' * 1000)", "timeout"),
    "displays without end": plain("while True: display('x' * 10**5)", "output", says="MB of output"),
    "displays in the check": inside("while True: display('x' * 10**5)", "output", says="check's cell"),
    "a display in one piece": plain(
        "from IPython.display import HTML; display(HTML('x' * 5 * 10**7))", "fail", "output"
    ),
    "bytes on the notebook's socket": plain("import os\nwhile True: os.write(0, b'x' * 10**5)", "output"),
    "lines on the notebook's socket": plain(
        "import os\nwhile True: os.write(0, b'{}\\n' * 10**4)", "output", "timeout"
    ),
    "an error that is long": inside("raise ValueError('x' * 10**8)", "error"),
    "a name of an error that is long": inside("raise type('E' * 10**7, (Exception,), {})()", "error", "missing"),
    "errors inside errors": inside(
        "e = ValueError('x')\nfor i in range(3000):\n    n = ValueError('x'); n.__cause__ = e; e = n\nraise e", "error"
    ),
    "a payload that is long": inside(
        "return np.zeros((10**4, 10**3))", "missing", "fail", "malformed", "memory", "output"
    ),
    "a payload inside itself": inside("a = []; a.append(a); a.append('x')\nreturn a", "error", says="Recursion"),
    "a payload of many names": inside(
        "return {str(i): i for i in range(10**5)}", "output", "fail", "malformed", "missing", "error"
    ),
    "figures without end": plain(
        "import matplotlib.pyplot as plt\nwhile True:\n    plt.plot([1, 2]); plt.show()", "output", "timeout"
    ),
    "warnings without end": plain(
        "import warnings\nfor i in range(10**5): warnings.warn(f'{i} ' + 'x' * 1000)", "fail", "timeout"
    ),
}
ATTACKS = PROCESSOR | MEMORY | PROCESSES | DISK | OUTPUT
