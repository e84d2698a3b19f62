"""Keys and notebooks are what the sources give, and a source that breaks a promise is not released."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.kernel import Kernels
from autograder.keys import KEYS, load_key, with_repeats, without_repeats
from autograder.notebook import read_chapter
from autograder.payload import encode
from autograder.release import measure, release, stale
from tests.submissions.samples import SOLUTIONS, chapter, chapters

EXERCISES = SOLUTIONS.parent / "book" / "exercises"


@pytest.mark.parametrize("name", chapters())
def test_committed_keys_and_notebooks_are_fresh(name: str, kernels: Kernels) -> None:
    assert stale(chapter(name), kernels, KEYS, EXERCISES) == []


def test_two_releases_are_the_same_bytes(tmp_path: Path) -> None:
    """In two processes and two folders, with another order of hashing."""
    for folder, seed in (("a", "1"), ("b", "2")):
        command = [sys.executable, "-m", "autograder.cli", "release", "equations"]
        command += ["--keys", str(tmp_path / folder / "keys"), "--exercises", str(tmp_path / folder / "exercises")]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed})
    for path in ("keys/equations.ipynb", "exercises/equations.ipynb"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()


def test_a_key_made_with_other_rounding_is_fresh_and_one_with_other_values_is_not(
    tmp_path: Path, kernels: Kernels
) -> None:
    """What another BLAS or thread count changes lies in the last bits."""
    import base64

    import numpy as np

    source = chapter("equations")
    release(source, kernels, tmp_path / "keys", tmp_path / "exercises")
    path = tmp_path / "keys" / "equations.ipynb"
    for factor, fresh in ((1 + 2e-15, True), (1 + 1e-6, False)):
        key = json.loads(path.read_text())
        cell = next(c for c in key["cells"] if c["id"] == "rnn-step-check")
        (data,) = cell["outputs"][0]["data"].values()
        value = data["values"]["h"]
        changed = np.frombuffer(base64.b64decode(value["data"]), "<f8") * factor
        value["data"] = base64.b64encode(changed.tobytes()).decode()
        (tmp_path / "other").mkdir(exist_ok=True)
        (tmp_path / "other" / "equations.ipynb").write_text(json.dumps(key))
        problems = stale(source, kernels, tmp_path / "other", tmp_path / "exercises")
        assert (problems == []) == fresh


@pytest.mark.parametrize(("factor", "said"), [(10, False), (0.1, False), (100, True)])
def test_a_tolerance_may_be_one_power_of_ten_off(factor: float, said: bool, tmp_path: Path, kernels: Kernels) -> None:
    """A spread near a power of ten is rounded to either side, as the processor has it."""
    source = chapter("equations")
    release(source, kernels, tmp_path / "keys", tmp_path / "exercises")
    path = tmp_path / "keys" / "equations.ipynb"
    key = json.loads(path.read_text())
    cell = next(c for c in key["cells"] if c["id"] == "rnn-step-check")
    tolerance = cell["metadata"]["unrolled"]["tolerances"]["h"]
    tolerance.update({name: value * factor for name, value in tolerance.items()})
    path.write_text(json.dumps(key))
    problems = stale(source, kernels, tmp_path / "keys", tmp_path / "exercises")
    assert any("another tolerance for rnn-step" in problem for problem in problems) == (problems != []) == said


@pytest.mark.parametrize("what", ["key", "notebook"])
def test_a_stale_file_is_named(what: str, tmp_path: Path, kernels: Kernels) -> None:
    source = chapter("equations")
    release(source, kernels, tmp_path / "keys", tmp_path / "exercises")
    path = tmp_path / ("keys" if what == "key" else "exercises") / "equations.ipynb"
    path.write_text(path.read_text().replace("One step", "Two steps"))
    (problem,) = stale(source, kernels, tmp_path / "keys", tmp_path / "exercises")
    assert what in problem or "exercises/" in problem


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- [h_prev @ W_hh.T, h_prev @ W_hh]", "- [W_hh.T, W_hh.T + 0]", "is accepted as right"),
        ('- [" + b_h", ""]', '- [" + h_prev @ W_hh.T", ""]', "cannot be told from"),
        ("return np.tanh(a + b_h[None, :])", "return np.tanh(a - b_h[None, :])", "variant is not accepted"),
        ('check("rnn-step", h=h, inputs=p)', 'check("another", h=h, inputs=p)', "should end with"),
        ("says: The bias `b_h` is not added.", "says: The bias `b_h` is *not* added.", "plain text with `code`"),
        ('"difficulty": 1}', '"difficulty": 9}', "difficulty 1, 2 or 3"),
    ],
)
def test_a_source_that_breaks_a_promise_is_not_released(
    old: str, new: str, words: str, tmp_path: Path, kernels: Kernels
) -> None:
    text = (SOLUTIONS / "equations.md").read_text()
    assert old in text
    path = tmp_path / "equations.md"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Exception, match=words) as raised:
        release(read_chapter(path), kernels, tmp_path, tmp_path)
    assert type(raised.value).__module__.startswith("autograder.")


def test_tolerances_are_calibrated_and_say_from_what(kernels: Kernels) -> None:
    measured = measure(chapter("equations"), kernels)
    numpy_value = measured.calibration["rnn-forward"]["states"]
    torch_value = measured.calibration["rnn-cell"]["h"]
    assert 0 < numpy_value.spread < numpy_value.tolerance.rtol / 100
    assert 0 < torch_value.spread < torch_value.tolerance.rtol / 10
    assert numpy_value.tolerance.rtol == 1e-9
    assert torch_value.tolerance.rtol == 1e-4


@pytest.mark.parametrize("name", chapters())
def test_keys_name_the_values_in_which_a_mistake_is_right_and_store_the_others(name: str) -> None:
    stored = json.loads((KEYS / f"{name}.ipynb").read_text(encoding="utf-8"))
    about = [cell["metadata"]["unrolled"] for cell in stored["cells"]]
    outcomes = {a["check"]: {m["id"]: m["outcome"] for m in a["mistakes"]} for a in about if a["role"] == "check"}
    for check in load_key(name).checks:
        reference = encode(check.id, check.reference.seed, check.reference.values)
        for mistake in check.mistakes:
            short = outcomes[check.id][mistake.id]
            if "error" in short:
                continue
            whole = with_repeats(short, reference)
            assert without_repeats(whole, reference) == short
            assert not set(short["same"]) & set(short["values"])
            assert all(whole["values"][n] == reference["values"][n] for n in short["same"])
