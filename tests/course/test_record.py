"""How experiments write their results: one head, one format, whole files.

Belongs here: claims about `record.py` and about the form of committed data. What the data say is
in the chapters' tests.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

BOOK = Path(__file__).parents[2] / "book"
sys.path.insert(0, str(BOOK / "experiments"))

import record  # noqa: E402

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=20)
# The grader's own measurements are written by its benchmarks.
WRITTEN = [p for p in sorted(record.DATA.glob("*.json")) if (BOOK / "experiments" / f"{p.stem}.py").is_file()]


@given(st.dictionaries(st.text(max_size=3), JSON))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_nothing_is_lost_in_writing(result: dict[str, object]) -> None:
    assert json.loads(record.text(result)) == result


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_committed_data_are_as_a_script_writes_them(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    result = json.loads(text)
    assert text == record.text(result)
    about = result.get("about", result)
    assert about["command"].startswith(f"python book/experiments/{path.stem}.py")


def test_a_head_says_how_to_repeat_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/elsewhere/gru_wait.py", "--seeds", "2"])
    head = record.head(argparse.Namespace(seeds=2, out=Path("x.json")), "numpy", epochs=3)
    assert head["command"] == "python book/experiments/gru_wait.py --seeds 2"
    assert head["settings"] == {"seeds": 2, "epochs": 3}
    assert set(head["versions"]) == {"python", "numpy"}
    assert json.loads(json.dumps(head)) == head


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    out = tmp_path / "new" / "x.json"
    record.write(out, {"a": 1})
    with pytest.raises(TypeError):
        record.write(out, {"a": object()})
    assert json.loads(out.read_text()) == {"a": 1} and list(out.parent.iterdir()) == [out]
