"""Shared by all tests: one numerical thread, one warm fork server, a cache of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
if not Path("/dev/nvidiactl").exists():  # without a GPU, kernels run in Triton's interpreter; any test may import it
    os.environ["TRITON_INTERPRET"] = "1"

import pytest

from autograder.grade import Course, open_course
from autograder.kernel import Kernels, open_kernels


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse to run where pytest-xdist does not keep groups together: two workers would build the site at once."""
    if not session.config.getoption("loadgroup", False):  # which is set in the workers
        return
    alone = [item for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
    if alone:
        raise pytest.UsageError(f"pytest {pytest.__version__} hides the groups of tests from pytest-xdist")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Reference values of fresh seeds are cached apart from the user's."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["UNROLLED_CACHE"] = str(folder)
    yield folder
    del os.environ["UNROLLED_CACHE"]


@pytest.fixture(scope="session")
def kernels() -> Iterator[Kernels]:
    """Kernels of one fork server for the whole session."""
    with open_kernels() as source:
        yield source


@pytest.fixture(scope="session")
def course(kernels: Kernels, _own_cache: Path) -> Course:
    """The course as it lies in the repository."""
    return open_course(kernels, _own_cache)
