"""Submissions that look for solutions, keys, secrets, other people's work, or what the grader knows."""

from __future__ import annotations

from tests.attacks import Attack, attempt, plain

# A line that only the reference of another exercise holds; the test fills it in.
MARK, HALF, LAST = "@MARK@", "@HALF@", "@LAST@"

ATTACKS: dict[str, Attack] = {
    "the solutions": attempt(
        "import autograder\nroot = pathlib.Path(autograder.__file__).parents[1]\n"
        "worked = any((root / 'solutions').glob('*.md'))"
    ),
    "the keys": attempt("from autograder.keys import KEYS; worked = any(KEYS.glob('*.ipynb'))"),
    "the key by its reader": attempt("from autograder.keys import load_key; load_key('equations')"),
    "the check's reference": attempt("from autograder.keys import find_check; worked = bool(find_check('rnn-step'))"),
    "the solutions by their reader": attempt(
        "from autograder.reference import functions; worked = bool(functions('equations'))"
    ),
    "the repository": attempt(
        "import autograder\nroot = pathlib.Path(autograder.__file__).parents[1]\n"
        "worked = any((root / name).exists() for name in ('.git', 'tests', 'book', 'README.md', 'pyproject.toml'))"
    ),
    "anything that is called a solution": attempt(
        "found = [f for d in ('/', '/tmp', '/home', '/root', '/srv', '/mnt', '/opt', '/var') for f in glob.glob(d + '/*')]\n"
        "found += [f for d in found for f in glob.glob(d + '/*')]\n"
        "worked = any('solution' in f or 'submission' in f or f.endswith('.ipynb') for f in found)"
    ),
    "the cache of reference values": attempt(
        "worked = any('-99' in f and f.endswith('.json') for top in ('/root', '/home', '/tmp')\n"
        "             for d, _, fs in os.walk(top) for f in fs if not f.startswith('fontlist'))"
    ),
    "secrets in the environment": attempt(
        "worked = 's3cret' in str(os.environ) or 's3cret' in open('/proc/self/environ').read()"
    ),
    "secrets in the first process's environment": attempt("worked = 's3cret' in open('/proc/1/environ').read()"),
    "descriptors left open": attempt("worked = any(int(f) > 3 for f in os.listdir('/proc/self/fd')[:-1])"),
    "the grader's standard streams": attempt(
        "worked = any(os.readlink(f'/proc/self/fd/{i}') != '/dev/null' for i in (1, 2))"
    ),
    "the memory of the fork server": attempt(
        f"""
        half, last = {HALF!r}, {LAST!r}
        texts = [o for o in gc.get_objects() if isinstance(o, (str, dict, list, tuple)) and len(o) < 10**5]
        worked = any(piece.startswith(last) for o in texts for piece in str(o).split(half)[1:])
        """
    ),
    "the memory of the fork server, byte by byte": attempt(
        f"""
        worked, half, last = False, {HALF!r}.encode(), {LAST!r}.encode()
        with open('/proc/self/mem', 'rb', 0) as memory:
            for line in open('/proc/self/maps'):
                low, high = (int(w, 16) for w in line.split()[0].split('-'))
                if ' rw' in line and high - low < 10**8:
                    memory.seek(low)
                    try: found = memory.read(high - low)
                    except OSError: continue
                    worked = worked or any(piece.startswith(last) for piece in found.split(half)[1:])
        """
    ),
    "the frames of the caller": attempt(
        """
        worked, frame = False, sys._getframe()
        while frame:
            worked = worked or any(hasattr(v, 'reference') for v in list(frame.f_locals.values()))
            frame = frame.f_back
        """
    ),
    "objects of the key": attempt(
        "worked = any(type(o).__name__ in ('Key', 'Chapter', 'Graft') for o in gc.get_objects())"
    ),
    "another exercise's reference": attempt("worked = rnn_forward is not None and 'shown' in rnn_forward.__doc__"),
    "the next cell of the notebook": attempt("worked = bool(get_ipython().history_manager.input_hist_raw[1:])"),
    "fonts as a way out": attempt(
        "import matplotlib; d = pathlib.Path(matplotlib.get_configdir()); (d / 'x').write_text('x')"
    ),
    "a seed that is known": plain(
        "import os\nos.environ['UNROLLED_SEED'] = '0'\nimport autograder.check as c\nc._seed = 0",
        "fail", "error",
    ),
}  # fmt: skip
