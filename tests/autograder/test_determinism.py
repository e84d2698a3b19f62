"""The same submission and seed give the same record, whatever runs it: only `seconds` and `versions` may differ."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autograder.grade import Course, grade_files, open_course
from autograder.kernel import KernelSettings, open_kernels
from autograder.kernel.ordinary import OrdinaryKernels
from autograder.notebook import alternative_code, write_ipynb
from autograder.release import filled_notebook
from tests.ordinary_user import as_ordinary_user
from tests.submissions.samples import chapter, solutions_of

SEED = 4
ROOT = Path(__file__).parents[2]
OLD_NUMPY = ROOT / "_build" / "numpy-1.26"
Answers = dict[str, str]
pytestmark = pytest.mark.xdist_group("determinism")  # one worker: what all are compared with is made once


def spoilt(name: str) -> dict[str, Answers]:
    """Submissions of a chapter: all right, a known mistake in each exercise, broken in five ways, a little of each."""
    source = chapter(name)
    right = solutions_of(source)
    first, second, third, fourth, fifth, *_, last_but_one, last = source.exercises
    mistakes = {e: [alternative_code(source, cell) for cell in source.of("mistake", e)] for e in right}
    broken = {
        first: "raise ValueError(f'{object()} and {lambda: 0}')", second: "x = (", third: "import os\nos._exit(3)",
        fourth: f"{right[fourth]}\n1 / 0", fifth: "names = {object(): 1}",
    }  # fmt: skip
    return {
        "solved": right, "mistaken": {e: codes[len(codes) // 2] for e, codes in mistakes.items()},
        "broken": right | broken, "mixed": right | {last_but_one: mistakes[last_but_one][0], last: broken[first]},
    }  # fmt: skip


@dataclass(frozen=True)
class Class:
    """Submissions as files, and what every run must say of them."""

    folder: Path
    records: list[dict[str, Any]]

    def of(self, *words: str) -> tuple[list[Path], list[dict[str, Any]]]:
        """The files with one of these words in their name, and their records."""
        files = sorted(path for path in self.folder.glob("*.ipynb") if any(word in path.name for word in words))
        names = [path.name for path in files]
        return files, [record for record in self.records if record["submission"] in names]


def same(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Records without what may differ: times, versions, and the folder that the submission lies in."""
    kept = []
    for record in records:
        name = Path(record["submission"]).name
        kept.append({k: v for k, v in record.items() if k not in ("seconds", "versions")} | {"submission": name})
    return json.loads(json.dumps(kept))  # type: ignore[no-any-return]


def graded(course: Course, files: list[Path], threads: int = 1) -> list[dict[str, Any]]:
    """Grade these files here."""
    settings = KernelSettings(seed=SEED, threads=threads)
    return same([record.as_json() for record in grade_files(files, course, settings)])


def by_command(files: list[Path], out: Path, home: Path | None = None, python: str = sys.executable) -> list[Any]:
    """Grade these files by the command, as whom and with which interpreter; nothing is cached before."""
    command = [python, "-P", "-m", "autograder.cli", "grade", *map(str, files), "--seed", str(SEED), "--unsafe"]
    command += ["--json", str(out)]
    variables = os.environ | {"PYTHONPATH": str(ROOT), "UNROLLED_CACHE": str(out.parent / "cache")}
    wanted: list[str] | None = command
    if home is not None:
        wanted = as_ordinary_user(command, home)
        if wanted is None:
            pytest.skip("setpriv, unshare and mount are needed to become an ordinary user")
    assert wanted is not None
    done = subprocess.run(wanted, capture_output=True, text=True, env=variables, cwd="/", check=False)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(out.read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module", params=["equations", pytest.param("lstm", marks=pytest.mark.long)])
def some(request: pytest.FixtureRequest, course: Course) -> Iterator[Class]:
    """A chapter's submissions, in a folder that anyone may enter."""
    with tempfile.TemporaryDirectory(prefix="unrolled-class-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o777)
        for kind, answers in spoilt(request.param).items():
            write_ipynb(folder / f"{request.param}-{kind}.ipynb", filled_notebook(chapter(request.param), answers))
        found = Class(folder, graded(course, sorted(folder.glob("*.ipynb"))))
        scores = {record["submission"].split("-")[1]: record["score"] for record in found.records}
        assert scores["solved.ipynb"] == 100 > scores["mixed.ipynb"] > scores["broken.ipynb"] > 0
        assert scores["mistaken.ipynb"] == 0
        yield found


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_run_and_the_next_say_the_same(some: Class, course: Course, runs: int) -> None:
    files, expected = some.of("solved", "mistaken", "broken", "mixed")
    assert len(files) == 4
    for _ in range(runs):
        assert graded(course, files) == expected


@pytest.mark.parametrize("threads", [2])
def test_any_number_of_threads_says_the_same(some: Class, course: Course, threads: int) -> None:
    files, expected = some.of("solved", "mistaken", "broken")
    assert graded(course, files, threads) == expected


@pytest.mark.parametrize("runs", [1, pytest.param(5, marks=pytest.mark.long)])
def test_a_server_that_has_just_started_says_the_same(some: Class, runs: int) -> None:
    files, expected = some.of("solved", "mistaken", "broken")
    for _ in range(runs):
        with open_kernels() as kernels:
            assert graded(open_course(kernels, None), files) == expected


def test_the_order_and_the_company_of_submissions_do_not_matter(some: Class, course: Course) -> None:
    files, expected = some.of("solved", "mistaken", "broken")
    assert graded(course, files[::-1])[::-1] == expected
    assert [graded(course, [path])[0] for path in files] == expected


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, pytest.param(20, marks=pytest.mark.long)])
def test_an_ordinary_kernel_says_the_same(some: Class, course: Course, runs: int) -> None:
    files, expected = some.of("mixed")
    for _ in range(runs):
        assert graded(Course(OrdinaryKernels(), course.references, course.solutions), files) == expected


@pytest.mark.long
def test_ordinary_kernels_alone_say_the_same(some: Class) -> None:
    """Also the reference's values and the mistakes' come from ordinary kernels."""
    files, expected = some.of("solved", "mistaken", "broken")
    # How a process ended is known where it was forked: " (exit code 3)".
    text = re.sub(r" \(exit code \d+\)", "", json.dumps(expected))
    assert graded(open_course(OrdinaryKernels(), None), files) == json.loads(text)


@pytest.mark.slow
@pytest.mark.parametrize("user", ["ordinary user", pytest.param("as I am", marks=pytest.mark.long)])
def test_the_command_says_the_same_whoever_runs_it(some: Class, user: str) -> None:
    with tempfile.TemporaryDirectory(prefix="unrolled-home-", ignore_cleanup_errors=True) as name:
        files, expected = some.of("solved", "mistaken", "broken")
        home = Path(name) if user == "ordinary user" else None
        assert same(by_command(files, Path(name) / "records.json", home)) == expected


@pytest.fixture(scope="module")
def old_numpy() -> str:
    """The interpreter of an environment that is this one, but for NumPy 1.26: made of links, once."""
    python = OLD_NUMPY / "bin" / "python"
    ready = OLD_NUMPY / ".ready"
    if not ready.is_file():
        shutil.rmtree(OLD_NUMPY, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(OLD_NUMPY)], check=True)
        packages = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
        # Links, not copies: torch is large. Not a path file: the sandbox shows only the environment's own folder.
        shutil.copytree(Path(sys.prefix) / packages, OLD_NUMPY / packages, copy_function=os.link, dirs_exist_ok=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "numpy==1.26.4"]
        subprocess.run(install, check=True)
        ready.touch()
    return str(python)


@pytest.mark.long
def test_an_older_numpy_says_the_same(some: Class, old_numpy: str, tmp_path: Path) -> None:
    files, expected = some.of("solved", "mistaken", "broken")
    records = by_command(files, tmp_path / "records.json", python=old_numpy)
    assert {record["versions"]["numpy"] for record in records} == {"1.26.4"}
    assert same(records) == expected


def test_nothing_else_is_left_out_of_the_comparison(some: Class, course: Course) -> None:
    files, expected = some.of("mixed")
    (whole,) = grade_files(files, course, KernelSettings(seed=SEED))
    assert whole.as_json().keys() - expected[0].keys() == {"seconds", "versions"}
    assert len(expected[0]["checks"]) == len(whole.checks) > 0
