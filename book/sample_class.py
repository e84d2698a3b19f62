"""The class of the instructor's page: what it hands in, and a report shown inside the page.

Belongs here: what is not worth a reader's attention there. The commands are the page's own.
"""

from __future__ import annotations

import html
import re
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

from IPython.display import HTML

from autograder.notebook import dump_ipynb
from autograder.release import filled_notebook
from tests.submissions.classes import made_up, write_archive, write_folders
from tests.submissions.samples import chapter, solutions_of

STUDENTS, SEED = 6, 35
CHAPTERS = ("equations", "lstm")
OWN = """
def rnn_forward(x, h0, W_xh, W_hh, b_h):
    states = np.empty((len(x), *h0.shape))
    state = h0
    for t, inputs in enumerate(x):
        state = np.tanh(inputs @ W_xh.T + state @ W_hh.T + b_h)
        states[t] = state
    return states
""".strip()
RENAMED = """
def rnn_forward(x, h0, W_xh, W_hh, b_h):
    # the result
    out = np.empty((len(x), *h0.shape))
    s = h0
    for k, row in enumerate(x):
        s = np.tanh(row @ W_xh.T + s @ W_hh.T + b_h)  # one step
        out[k] = s
    return out
""".strip()


def write_class(folder: Path) -> int:
    """A folder for each of six students, with two chapters; how many notebooks."""
    return write_folders(folder, made_up(STUDENTS, SEED, CHAPTERS))


def write_download(folder: Path) -> int:
    """`canvas.zip` as Canvas gives it, of two students, and `roster.csv`; how many notebooks."""
    class_ = list(made_up(2, SEED, CHAPTERS[:1]))
    rows = [f"{10_000 + one.number},{one.student}\n" for one in class_]  # Canvas's numbers of the students
    (folder / "roster.csv").write_text("".join(["id,name\n", *rows]), encoding="utf-8")
    return write_archive(folder / "canvas.zip", iter(class_), "canvas")


def hand_in_again(folder: Path) -> list[str]:
    """Two students hand in the chapter on the equations once more, one with the other's loop; their files."""
    source = chapter("equations")
    students = sorted(path.name for path in folder.iterdir())
    written = []
    for student, loop in zip((students[1], students[3]), (OWN, RENAMED), strict=True):
        notebook = filled_notebook(source, solutions_of(source) | {"rnn-forward": loop})
        path = folder / student / "equations_again.ipynb"
        path.write_text(dump_ipynb(notebook), encoding="utf-8")
        written.append(path.relative_to(folder).as_posix())
    return written


def killed_when_begun(words: list[str], gradebook: Path) -> int:
    """Run a command, kill it when the gradebook has its first results, and say how it ended."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and _results(gradebook) < 2:
            time.sleep(0.05)
        process.kill()
    return process.returncode


def shown(path: Path, title: str) -> HTML:
    """A report's page in a frame of its own: no scripts, and no links out of it."""
    text = re.sub(r"<a [^>]*>(.*?)</a>", r"\1", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return HTML(
        f'<div class="unrolled-report"><iframe sandbox title="{html.escape(title)}" srcdoc="{html.escape(text)}" '
        'style="width: 100%; height: 32rem; border: 1px solid var(--pst-color-border)"></iframe></div>'
    )


def _results(gradebook: Path) -> int:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{gradebook}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM results").fetchone()[0])
    return 0
