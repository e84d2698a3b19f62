"""Submissions into records: read, graft, run under nbval, and once more without extra cells.

Here belongs the whole path of one submission, and of a list of them in one session. What a
verdict is made of lies in `nbval_plugin`; what a record looks like, in `record`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.graft import Graft, chapter_of, graft
from autograder.kernel import KernelSettings
from autograder.kernel.client import KernelError, Kernels
from autograder.keys import Key, KeyFileError, load_key
from autograder.nbval_plugin import Job, run_jobs
from autograder.notebook import Chapter, NotebookFileError, read_chapter, read_ipynb, reference_code
from autograder.record import CheckResult, Record, ungraded
from autograder.reference import References, solutions_folder

PUBLIC_SEED = 0


class GradeError(Exception):
    """Nothing can be graded like this; the message says why and what to do."""


@dataclass(frozen=True)
class Progress:
    """What the command line shows while it works."""

    started: Callable[[str], None] = lambda submission: None
    checked: Callable[[str, CheckResult], None] = lambda submission, result: None


@dataclass(frozen=True)
class Course:
    """What grading needs besides the submission: kernels, reference values, solutions."""

    kernels: Kernels
    references: References
    solutions: Path | None

    def chapter(self, key: Key) -> Chapter | None:
        """The source of a key's chapter; None where the solutions are not at hand.

        Raises
        ------
        GradeError
            If the key is older (or newer) than the solutions it was made from.
        """
        path = self.solutions / f"{key.chapter}.md" if self.solutions else None
        if path is None or not path.is_file():
            return None
        chapter = read_chapter(path)
        if chapter.digest != key.source:
            raise GradeError(
                f"the answer key of '{key.chapter}' was not made from the present {path.name}: run autograder release"
            )
        return chapter


def open_course(kernels: Kernels, cache: Path | None = None) -> Course:
    """The course as installed here."""
    return Course(kernels, References(kernels, cache), solutions_folder())


def grade_files(
    paths: list[Path], course: Course, settings: KernelSettings, progress: Progress = Progress()
) -> list[Record]:
    """Grade submissions, one record each, in order. A file that cannot be graded gets a record too."""
    records = []
    for path in paths:
        progress.started(str(path))
        try:
            records.append(grade_file(path, course, settings, progress))
        except (NotebookFileError, KeyFileError, GradeError, KernelError) as error:
            records.append(ungraded(str(path), settings.seed, str(error)))
    return records


def grade_file(path: Path, course: Course, settings: KernelSettings, progress: Progress = Progress()) -> Record:
    """Grade one submission.

    Raises
    ------
    NotebookFileError, KeyFileError, GradeError, KernelError
        If it cannot be graded.
    """
    submission = read_ipynb(path)
    key = load_key(chapter_of(submission))
    began = time.perf_counter()
    grafted = graft(key, submission)
    notes: tuple[str, ...] = ()
    results = _run(grafted, course, settings, lambda result: progress.checked(str(path), result))
    if grafted.has_extra and any(result.outcome != "pass" for result in results):
        # The student's own cells may have got in the way: an exercise is right if it is right without them.
        again = {r.id: r for r in _run(graft(key, submission, extra=False), course, settings, lambda result: None)}
        better = [r.id for r in results if r.outcome != "pass" and again[r.id].outcome == "pass"]
        results = [again[r.id] if r.id in better else r for r in results]
        if better:
            notes = (f"graded without the student's own cells: {', '.join(better)}",)
    return Record(
        chapter=key.chapter, submission=str(path), seed=settings.seed, key=key.hash,
        score=round(sum(r.points for r in results), 6), max_score=key.points,
        seconds=round(time.perf_counter() - began, 4), checks=tuple(results), notes=notes,
    )  # fmt: skip


def _run(
    grafted: Graft, course: Course, settings: KernelSettings, on_result: Callable[[CheckResult], None]
) -> list[CheckResult]:
    key = grafted.key
    chapter = course.chapter(key)
    if settings.seed == PUBLIC_SEED:
        reference = {check.id: check.reference for check in key.checks}
    elif chapter is None:
        raise GradeError(
            "a fresh seed needs the solutions: run in the course's repository, or set UNROLLED_SOLUTIONS to them"
        )
    else:
        reference = course.references.payloads(key, chapter, settings.seed)
    job = Job(
        grafted, reference,
        mistakes=lambda check: course.references.mistakes(key, chapter, check, settings.seed) if chapter else check.mistakes,
        solutions={c.exercise: reference_code(c.source) for c in chapter.of("solution")} if chapter else {},
        kernels=course.kernels, settings=replace(settings), on_result=on_result,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="unrolled-graft-") as folder:
        run_jobs([job], Path(folder))
    return [job.results[check.id] for check in key.checks]
