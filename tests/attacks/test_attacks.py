"""Each attack earns nothing, is named, harms nobody, and leaves nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grade import Course, grade_files, open_course
from autograder.kernel import ForkServer, KernelError, KernelSettings
from autograder.kernel.sandbox import PACKAGE
from autograder.kernel.watch import tree
from autograder.notebook import reference_code, write_ipynb
from autograder.record import OUTCOMES, Record
from autograder.release import filled_notebook
from tests.attacks import CONTROL, Attack, bombs, escapes, forging, sabotage, theft
from tests.submissions.samples import chapter, solutions_of

FAMILIES = {"bombs": bombs, "escapes": escapes, "theft": theft, "forging": forging, "sabotage": sabotage}
ALL = {f"{family}: {name}": attack for family, m in FAMILIES.items() for name, attack in m.ATTACKS.items()}
# Small limits: a limit that holds at this size holds at any.
SETTINGS = KernelSettings(
    seed=99, timeout=4, notebook_timeout=60, memory=400_000_000, processes=32, disk=20_000_000,
    cell_output=5_000_000, notebook_output=20_000_000, files=64,
)  # fmt: skip
GRADER_MAY_GROW = 150_000_000  # bytes, over the whole suite


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    """A fork server in its sandbox. Without one there is nothing to test: a failure in CI."""
    os.environ["SOME_API_TOKEN"] = "s3cret"
    try:
        found = ForkServer(unsafe=False)
    except KernelError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    finally:
        del os.environ["SOME_API_TOKEN"]
    yield found
    found.close()


@pytest.fixture(scope="module")
def attacked(server: ForkServer, _own_cache: Path) -> Course:
    """The course, with kernels of that server alone."""
    return open_course(server, _own_cache)


def grade(attack: Attack, folder: Path, course: Course) -> tuple[Record, Record]:
    """Grade a hostile submission and, after it in the same session, an innocent one."""
    source = chapter("equations")
    right = solutions_of(source)
    mark = next(line for line in reference_code(source.of("solution")[-1].source).splitlines() if len(line) > 40)
    text = attack.source
    # A half of the line and the rest: an attack that holds the whole line would only find itself.
    for name, part in ((theft.MARK, mark), (theft.HALF, mark[:-3]), (theft.LAST, mark[-3:])):
        text = text.replace(name, part)
    paths = [folder / "hostile.ipynb", folder / "innocent.ipynb"]
    write_ipynb(paths[0], filled_notebook(source, right | {"rnn-step": text}))
    write_ipynb(paths[1], filled_notebook(source, right))
    first, second = grade_files(paths, course, SETTINGS)
    return first, second


def test_an_attempt_that_nothing_holds_earns_its_points(tmp_path: Path, attacked: Course) -> None:
    record, _ = grade(CONTROL, tmp_path, attacked)
    assert record.score == 100, record.checks[0]


@pytest.mark.parametrize("name", ALL)
def test_an_attack_is_held(name: str, tmp_path: Path, attacked: Course, server: ForkServer) -> None:
    attack = ALL[name]
    running = set(tree([server.pid]))
    before, files = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, _package()
    record, innocent = grade(attack, tmp_path, attacked)

    assert record.error is None
    first, *others = record.checks
    assert (first.exercise, first.points, first.cause) == ("rnn-step", 0, "student"), first
    assert first.outcome in attack.outcomes and first.outcome in OUTCOMES, first
    assert attack.says in first.message, first
    assert [check for check in others if check.outcome != "pass"] == []
    assert innocent.score == 100, [check for check in innocent.checks if check.outcome != "pass"]

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * 1024 < GRADER_MAY_GROW
    assert record.seconds < 2 * SETTINGS.notebook_timeout
    assert _package() == files
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.ipynb", "innocent.ipynb"]
    assert _left_running(server, running) == []


def test_there_are_enough_attacks_of_every_family() -> None:
    assert len(ALL) >= 60
    assert all(len(module.ATTACKS) >= 15 for module in FAMILIES.values())


def _package() -> dict[str, int]:
    """The grader's own files, as they were last written."""
    return {str(path): path.stat().st_mtime_ns for path in PACKAGE.rglob("*.py")}


def _left_running(server: ForkServer, before: set[int]) -> list[str]:
    """Processes in the sandbox that were not there before and have not ended."""
    server.rest()
    return [words for pid in tree([server.pid]) if pid not in before and (words := _command(pid))]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
