"""Files that are no notebooks, and the command line on a sample of everything."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import notebook as notebooks
from autograder.cli import main
from autograder.graft import graft
from autograder.kernel.policy import broken_by
from autograder.keys import load_key
from autograder.notebook import NotebookFileError, helpers_of, read_ipynb
from tests.fuzz.corruptions import numbered
from tests.fuzz.law import harmless


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


ODD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a folder": (Path.mkdir, "not a file"),
    "a pipe": (_pipe, "not a file"),
    "a socket": (_socket, "cannot be read"),
    "a link to itself": (_loop, "symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "a link to a device": (lambda path: path.symlink_to("/dev/zero"), "not a file"),
    "memory": (lambda path: path.symlink_to("/proc/self/mem"), "cannot be read"),
    "an empty file of the system": (lambda path: path.symlink_to("/proc/self/environ"), "not"),
}


@pytest.mark.parametrize("kind", ODD_FILES)
def test_what_is_no_file_is_said_at_once(kind: str, tmp_path: Path) -> None:
    make, words = ODD_FILES[kind]
    path = tmp_path / "odd.ipynb"
    make(path)
    with pytest.raises(NotebookFileError, match=words):
        read_ipynb(path)


@pytest.mark.parametrize(
    "name", ["x" * 300, "\x00", "a/b/c", "\udcff", "x" * 4096, "file/x"],
    ids=["long", "null", "folders", "bytes", "longer", "below a file"],
)  # fmt: skip
def test_names_that_cannot_be_are_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotebookFileError, match=r"no such file|name too long"):
        read_ipynb(tmp_path / name)


def test_a_file_that_may_not_be_read_or_grows_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text("{}")

    def refuse(*arguments: object, **named: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch, pytest.raises(NotebookFileError, match="Permission denied"):
        patch.setattr(notebooks.os, "open", refuse)
        read_ipynb(path)
    monkeypatch.setattr(notebooks, "MAX_NOTEBOOK_BYTES", 1)
    with pytest.raises(NotebookFileError, match="larger than"):
        read_ipynb(path)


BOMBS = {
    "lists": "[],", "objects": '{"a":1},', "numbers": "1.5,", "texts": '"a",', "nested": '{"a":{"b":[1]}},',
    "long": "x", "wide": "\U0001f600", "escapes": "\\u00e9",
}  # fmt: skip


def _bomb(kind: str, size: int) -> str:
    """A notebook of this many bytes, most of them in the way of one output."""
    part = BOMBS[kind]
    many = part * (size // len(part.encode()))
    inside = f"[{many[:-1]}]" if part.endswith(",") else f'"{many}"'
    return f'{{"nbformat": 4, "metadata": {{}}, "cells": [{{"cell_type": "raw", "source": "", "outputs": {inside}}}]}}'


@pytest.mark.parametrize("kind", BOMBS)
def test_reading_takes_memory_in_proportion(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebooks, "MAX_NOTEBOOK_BYTES", notebooks.MAX_NOTEBOOK_BYTES // 50)
    monkeypatch.setattr(notebooks, "MAX_NOTEBOOK_VALUES", notebooks.MAX_NOTEBOOK_VALUES // 50)
    path = tmp_path / "bomb.ipynb"
    path.write_text(_bomb(kind, 990_000))
    tracemalloc.start()
    try:
        read_ipynb(path)
    except NotebookFileError as refused:
        assert "clear its outputs" in str(refused)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 800_000_000 // 50


@pytest.mark.long
@pytest.mark.parametrize("kind", BOMBS)
def test_reading_the_largest_file_takes_less_than_a_gigabyte(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.ipynb"
    path.write_text(_bomb(kind, 49_900_000))
    code = f"""
import resource
from pathlib import Path
from autograder.notebook import NotebookFileError, read_ipynb
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_ipynb(Path({str(path)!r}))
except NotebookFileError:
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) * 1024 < 1_000_000_000


@pytest.mark.parametrize("line", ["a\n", "f(a,b)\n"])
def test_looking_at_code_takes_memory_in_proportion(line: str) -> None:
    cells = [{"id": None, "cell_type": "code", "metadata": {}, "source": line * 200_000} for _ in range(3)]
    cells += [cells[0] | {"source": line * 5000} for _ in range(100)]
    solution = {"id": "rnn-step-solution", "cell_type": "code", "metadata": {}, "source": line * (99_990 // len(line))}
    tracemalloc.start()
    found = graft(load_key("equations"), {"cells": [*cells, solution], "metadata": {}})
    source = next(step.source for step in found.steps if step.cell_id == "rnn-step-solution")
    broken_by(source, [step.source for step in found.steps if step.role == "extra"])
    helpers_of(source, "")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert source == solution["source"]
    assert peak < 400_000_000


def test_a_long_chain_of_operators_keeps_its_helper() -> None:
    long = "def helper():\n    return " + "+".join(["1"] * 900)
    assert helpers_of(long, "") == long


def test_a_chapter_of_any_name_gives_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    about = {"unrolled": {"chapter": "a\nb\x1b[2J\ud800[/]" + "x" * 10_000}}
    path.write_text(json.dumps({"cells": [], "metadata": about, "nbformat": 4}))
    result = CliRunner().invoke(main, ["check", str(path)])
    assert result.exit_code == 2
    assert harmless(result.output)
    (line,) = _told(result.output)
    assert "unknown chapter" in line


def _everything(folder: Path, seeds: range) -> None:
    """Spoilt notebooks, odd files and odd names in one folder."""
    for seed, _, content in numbered(seeds):
        (folder / f"{seed}.ipynb").write_bytes(content)
    for i, (make, _) in enumerate(ODD_FILES.values()):
        make(folder / f"odd-{i}.ipynb")
    for name in ("\x1b[31mred", "a\nb", "[bold]", "\udcff", "-x", "é", "\u202eabc", "{task}", "%s"):
        (folder / f"{name}.ipynb").write_text("{}")


def _told(error: str) -> list[str]:
    """The lines of standard error, but for what it says of a machine without a sandbox."""
    return [line for line in error.splitlines() if "no sandbox here" not in line]


def _unbroken(output: str) -> None:
    assert "Traceback" not in output
    assert "please report it" not in output
    assert harmless(output)


def test_an_empty_folder_of_any_name_gives_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "\x1b[2Ja\nb\udcff"
    folder.mkdir()
    result = CliRunner().invoke(main, ["grade", str(folder)])
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert harmless(line) and "there is no notebook in this folder" in line


def test_the_bar_shows_names_and_obeys_none(tmp_path: Path) -> None:
    for name in ("\x1b]0;title\x07", "[bold]"):
        (tmp_path / f"{name}.ipynb").write_text("{")
    result = CliRunner().invoke(main, ["grade", str(tmp_path), "--unsafe"], env={"FORCE_COLOR": "1", "COLUMNS": "200"})
    assert result.exit_code == 2
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", result.output)  # the bar's own
    assert "\x1b" not in shown and "\x07" not in shown
    assert shown.count("[bold].ipynb") >= 2 and "title" in shown


@pytest.mark.slow
def test_a_folder_of_everything_is_graded_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    _everything(tmp_path / "in", range(2000, 2024))
    out = tmp_path / "records.json"
    result = CliRunner().invoke(main, ["grade", str(tmp_path / "in"), "--json", str(out), "--seed", "5", "--unsafe"])
    _unbroken(result.output)
    assert result.exit_code == 2

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    records = json.loads(out.read_bytes(), parse_constant=refuse)
    assert len(records) == len(list((tmp_path / "in").rglob("*.ipynb")))
    assert sum(record["error"] is None for record in records) > 5


@pytest.mark.slow
def test_the_program_itself_gives_a_report_or_one_line(tmp_path: Path) -> None:
    program = str(Path(sys.executable).with_name("autograder"))
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    path = tmp_path / "\x1b[2J\x07\udcff.ipynb"
    codes = []
    for content in (next(numbered(range(3000, 3001)))[2], b"{"):
        path.write_bytes(content)
        command = [program, "grade", str(tmp_path), "--seed", "0", "--unsafe"]  # the folder: its name is seen by others
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        output, error = done.stdout.decode("ascii"), done.stderr.decode("ascii")
        _unbroken(output + error)
        codes.append(done.returncode)
    assert codes == [1, 2]
    assert output == "seed 0\n" and len(_told(error)) == 1
