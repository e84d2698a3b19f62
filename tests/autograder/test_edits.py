"""Whatever happens to a notebook's cells, untouched solutions keep their points."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.grade import Course, grade_file
from autograder.kernel import KernelSettings
from autograder.notebook import write_ipynb
from autograder.release import solved_notebook
from tests.submissions.samples import chapter

JUNK = (
    "", "x = (", "np = None", "draw = check = distinct = None", "raise SystemExit", "# NBVAL_SKIP", "%%bash\nexit 1",
    "def rnn_step(*a): return 0", "import os\nos.environ['UNROLLED_SEED'] = '0'", "np.tanh = np.sin", "1 / 0",
    "from math import *", "get_ipython().run_cell = None", "p = q = 1", "del np", "\x00", "é" * 50, "torch = 3",
)  # fmt: skip

KINDS = ("split", "copy", "delete", "retype", "move", "metadata", "append", "prepend", "replace", "insert")
edits = st.lists(
    st.tuples(
        st.sampled_from(
            ["split", "copy", "delete", "retype", "move", "metadata", "append", "prepend", "replace", "insert"]
        ),
        st.integers(0, 200),
        st.integers(0, 200),
        st.sampled_from(JUNK),
    ),
    min_size=1,
    max_size=6,
)


def apply(cells: list[dict[str, Any]], edit: tuple[str, int, int, str]) -> None:  # noqa: C901
    """One edit of a notebook's cells, as editors (or accidents) make them."""
    kind, i, j, text = edit
    if not cells:
        return
    at, to = i % len(cells), j % len(cells)
    cell = cells[at]
    if kind == "split":
        cut = j % (len(cell["source"]) + 1)
        tail = copy.deepcopy(cell) | {"id": f"split-{i}-{j}", "source": cell["source"][cut:]}
        cell["source"] = cell["source"][:cut]
        cells.insert(at + 1, tail)
    elif kind == "copy":
        cells.insert(to, copy.deepcopy(cell) | {"id": f"copy-{i}-{j}"})
    elif kind == "delete":
        cells.pop(at)
    elif kind == "retype":
        cell["cell_type"] = {"code": "markdown", "markdown": "code"}.get(cell["cell_type"], "raw")
    elif kind == "move":
        cells.insert(to, cells.pop(at))
    elif kind == "metadata":
        cell["metadata"] = {"tags": ["nbval-skip", "raises-exception"], "unrolled": {"role": text, "id": text}}
    elif kind == "append":
        cell["source"] += f"\n{text}"
    elif kind == "prepend":
        cell["source"] = f"{text}\n{cell['source']}"
    elif kind == "replace":
        cell["source"] = text
    elif kind == "insert":
        new = {"id": f"new-{i}-{j}", "cell_type": "code", "metadata": {}, "source": text, "outputs": []}
        cells.insert(to, new | {"execution_count": None})


def untouched(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """The exercises whose solution cell is still there as it was."""
    kept = {}
    for cell in after["cells"]:
        kept.setdefault(cell["id"], cell)
    found = set()
    for cell in before["cells"]:
        now = kept.get(cell["id"], {})
        same = now.get("source") == cell["source"] and now.get("cell_type") == cell["cell_type"]
        if cell["id"].endswith("-solution") and same:
            found.add(cell["metadata"]["unrolled"]["exercise"])
    return found


@settings(
    max_examples=500, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(changes=edits)
def test_untouched_solutions_keep_exactly_their_points(
    changes: list[tuple[str, int, int, str]], tmp_path: Path, course: Course
) -> None:
    before = solved_notebook(chapter("equations"))
    after = copy.deepcopy(before)
    for change in changes:
        apply(after["cells"], change)
    path = tmp_path / "edited.ipynb"
    write_ipynb(path, after)
    record = grade_file(path, course, KernelSettings(seed=11, timeout=20))
    if not after["cells"]:
        assert record.error or record.score == 0
        return
    assert record.error is None
    kept = untouched(before, after)
    lost = {check.exercise: check for check in record.checks if check.points != check.max_points}
    assert not kept & set(lost), lost
    assert all(check.cause != "infrastructure" for check in record.checks)
