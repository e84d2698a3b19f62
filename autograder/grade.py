"""Submissions into records: read, graft, run under nbval, and once more without extra cells.

Here belongs the whole path of a list of submissions, in sessions of a few at a time. What a
verdict is made of lies in `nbval_plugin`; what a record looks like, in `record`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.diagnose import Mistake
from autograder.graft import chapter_of, graft
from autograder.kernel import KernelError, Kernels, KernelSettings
from autograder.keys import KEYS, Check, Key, KeyFileError, load_key
from autograder.nbval_plugin import Job, fill_gaps, run_jobs
from autograder.notebook import Chapter, NotebookFileError, SourceError, read_chapter, read_ipynb, reference_code
from autograder.record import CheckResult, Record, name_of, ungraded
from autograder.reference import ReferenceError, References, solutions_folder

PUBLIC_SEED = 0
SESSION = 16  # submissions in one pytest session: its start-up is shared, progress stays visible


class GradeError(Exception):
    """Nothing can be graded like this; the message says why and what to do."""


THEIRS = (NotebookFileError, KeyFileError)  # what is wrong with a submission
OURS = (GradeError, KernelError, SourceError, ReferenceError)  # what is wrong here, whatever is graded


@dataclass(frozen=True)
class Progress:
    """What the command line shows while it works: each check, each finished submission."""

    checked: Callable[[str, CheckResult], None] = lambda submission, result: None
    finished: Callable[[Record], None] = lambda record: None


SILENT = Progress()


@dataclass(frozen=True)
class Course:
    """What grading needs besides the submission: kernels, reference values, solutions, answer keys."""

    kernels: Kernels
    references: References
    solutions: Path | None
    keys: Path = KEYS


def open_course(kernels: Kernels, cache: Path | None = None) -> Course:
    """The course as installed here."""
    return Course(kernels, References(kernels, cache), solutions_folder())


def source_of(key: Key, solutions: Path | None, seed: int) -> Chapter | None:
    """The source of a key's chapter; None where the solutions are not at hand, and the seed is the public one.

    Raises
    ------
    GradeError
        If the key is older (or newer) than the solutions it was made from, or a fresh seed is to be graded without.
    """
    path = solutions / f"{key.chapter}.md" if solutions else None
    if path is None or not path.is_file():
        if seed == PUBLIC_SEED:
            return None
        raise GradeError(
            "a fresh seed needs the solutions: run in the course's repository, or set UNROLLED_SOLUTIONS to them"
        )
    chapter = read_chapter(path)
    if chapter.digest != key.source:
        raise GradeError(
            f"the answer key of '{key.chapter}' was not made from the present {path.name}: run autograder release"
        )
    return chapter


def grade_files(
    paths: Sequence[Path], course: Course, settings: KernelSettings, progress: Progress = SILENT, strict: bool = False
) -> list[Record]:
    """Grade submissions, one record each, in order. A file that cannot be graded gets a record too.

    With `strict`, what is wrong here and not with a submission (one of OURS) is raised instead.
    """
    return list(grade_each(paths, course, settings, progress, strict))


def grade_each(
    paths: Sequence[Path], course: Course, settings: KernelSettings, progress: Progress = SILENT, strict: bool = False
) -> Iterator[Record]:
    """The same, one record at a time: nothing is kept of a submission once its record is given."""
    for start in range(0, len(paths), SESSION):
        for record in _grade_session(paths[start : start + SESSION], course, settings, progress, strict):
            progress.finished(record)
            yield record


def grade_file(path: Path, course: Course, settings: KernelSettings) -> Record:
    """Grade one submission."""
    return grade_files([path], course, settings)[0]


def _grade_session(
    paths: Sequence[Path], course: Course, settings: KernelSettings, progress: Progress, strict: bool
) -> Iterator[Record]:
    prepared: list[Record | Job] = []
    for path in paths:
        try:
            prepared.append(_prepare(path, course, settings, progress))
        except (*THEIRS, *OURS) as error:
            if strict and isinstance(error, OURS):
                raise
            prepared.append(ungraded(path, settings.seed, str(error)))
    jobs = [job for job in prepared if isinstance(job, Job)]
    _run(jobs)
    # Other cells of the student may have got in the way: an exercise is right if it is right alone.
    again = {id(job): alone for job in jobs if (alone := job.isolated()) is not None}
    _run(list(again.values()))
    for path, job in zip(paths, prepared, strict=True):
        yield job if isinstance(job, Record) else _record(path, job, again.get(id(job)))


def _prepare(path: Path, course: Course, settings: KernelSettings, progress: Progress) -> Job:
    submission = read_ipynb(path)
    key = load_key(chapter_of(submission, course.keys), course.keys)
    chapter = source_of(key, course.solutions, settings.seed)
    if settings.seed == PUBLIC_SEED or chapter is None:
        reference = {check.id: check.reference for check in key.checks}
    else:
        reference = course.references.payloads(key, chapter, settings.seed)

    def mistakes(check: Check) -> tuple[Mistake, ...]:
        return course.references.mistakes(key, chapter, check, settings.seed) if chapter else check.mistakes

    return Job(
        graft=graft(key, submission),
        reference=reference,
        mistakes=mistakes,
        solutions={c.exercise: reference_code(c.source) for c in chapter.of("solution")} if chapter else {},
        kernels=course.kernels,
        settings=settings,
        on_result=lambda result: progress.checked(name_of(path), result),
    )


def _run(jobs: list[Job]) -> None:
    """Run jobs in one session; those that the grader failed on, once more by themselves."""
    for some in (jobs, *([job] for job in jobs)):
        todo = [job for job in some if any(check.id not in job.results for check in job.checks())]
        if todo:
            with tempfile.TemporaryDirectory(prefix="unrolled-graft-") as folder:
                run_jobs(todo, Path(folder))
    for job in jobs:
        fill_gaps(job)


def _record(path: Path, job: Job, again: Job | None) -> Record:
    key, results = job.graft.key, dict(job.results)
    notes: list[str] = []
    seconds = job.seconds + (again.seconds if again else 0)
    if again is not None:
        better = [i for i, r in again.results.items() if r.outcome == "pass" and results[i].outcome != "pass"]
        results |= {i: again.results[i] for i in better}
        if better:
            notes.append(f"graded apart from the student's other cells: {', '.join(better)}")
    if job.graft.left_out:
        notes.append(f"{job.graft.left_out} of the student's own cells were not run: they are too many, or too long")
    checks = tuple(results[check.id] for check in key.checks)
    return Record(
        chapter=key.chapter,
        submission=name_of(path),
        seed=job.settings.seed,
        key=key.hash,
        score=round(sum(check.points for check in checks), 6),
        max_score=key.points,
        seconds=round(seconds, 4),
        checks=checks,
        notes=tuple(notes),
    )
