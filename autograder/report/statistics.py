"""A class in numbers: what the page of a class draws. Counting alone; nothing here prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from autograder.entry import Entry
from autograder.grades import Grade
from autograder.keys import Key

BINS = 10


@dataclass(frozen=True)
class ExerciseCount:
    """One exercise: how many of the graded submissions have all its points."""

    id: str
    title: str
    page: str
    passed: int
    graded: int

    @property
    def rate(self) -> float:
        """The part that passed, 0 to 1."""
        return self.passed / self.graded if self.graded else 0.0


@dataclass(frozen=True)
class MistakeCount:
    """One known mistake: in which exercise, how many students made it, and what they are told."""

    id: str
    chapter: str
    exercise: str
    title: str
    says: str
    students: int


@dataclass(frozen=True)
class ChapterCount:
    """One chapter: its grades, their distribution in tenths of the points, its exercises."""

    id: str
    title: str
    grades: tuple[Grade, ...]
    ungraded: int
    mean: float
    median: float
    bins: tuple[int, ...]
    exercises: tuple[ExerciseCount, ...]


def chapter_counts(grades: Sequence[Grade], keys: Mapping[str, Key]) -> list[ChapterCount]:
    """The chapters that somebody handed in, in the keys' order, then any without a key."""
    names = [name for name in keys if any(g.chapter == name for g in grades)]
    names += sorted({g.chapter for g in grades} - set(keys))
    return [_chapter(name, [g for g in grades if g.chapter == name], keys.get(name)) for name in names]


def mistake_counts(grades: Sequence[Grade], keys: Mapping[str, Key]) -> list[MistakeCount]:
    """Known mistakes by how many students made them, the most frequent first."""
    made: Counter[tuple[str, str, str]] = Counter()
    for grade in grades:
        if grade.entry is not None:
            checks = grade.entry.record.checks
            made.update({(grade.chapter, c.exercise, c.mistake) for c in checks if c.mistake})
    return [
        MistakeCount(mistake, chapter, exercise, exercise_title(keys.get(chapter), exercise),
                     mistake_says(keys.get(chapter), exercise, mistake), count)
        for (chapter, exercise, mistake), count in sorted(made.items(), key=lambda item: (-item[1], item[0]))
    ]  # fmt: skip


def seconds_taken(entries: Sequence[Entry]) -> tuple[list[str], list[int]]:
    """How long grading took: labels of the bins (seconds, doubling), and how many submissions are in each."""
    taken = [entry.record.seconds for entry in entries if not entry.record.error]
    edges = [0.25]
    while edges[-1] < max(taken, default=0.0) and len(edges) < 16:
        edges.append(edges[-1] * 2)
    counts = [0] * len(edges)
    for value in taken:
        counts[next((i for i, edge in enumerate(edges) if value <= edge), len(edges) - 1)] += 1
    return [f"≤ {edge:g}" for edge in edges], counts


def exercise_title(key: Key | None, exercise: str) -> str:
    """An exercise's title, or its id where there is no key."""
    return next((e.title for e in key.exercises if e.id == exercise), exercise) if key else exercise


def mistake_says(key: Key | None, exercise: str, mistake: str) -> str:
    """The sentence that a known mistake comes with; empty if the key has none."""
    checks = [c for c in key.checks if c.exercise == exercise] if key else []
    return next((m.says for c in checks for m in c.mistakes if m.id == mistake), "")


def _chapter(name: str, grades: list[Grade], key: Key | None) -> ChapterCount:
    parts = [grade.score / grade.max_score for grade in grades if grade.max_score]
    bins = [0] * BINS
    for part in parts:
        bins[min(BINS - 1, int(part * BINS))] += 1
    graded = [g for g in grades if g.entry is not None and not g.entry.record.error]
    scores = [grade.score for grade in grades]
    return ChapterCount(
        name, key.title if key else name, tuple(grades), len(grades) - len(graded),
        sum(scores) / len(scores), median(scores), tuple(bins), tuple(_exercises(graded, key)),
    )  # fmt: skip


def _exercises(graded: list[Grade], key: Key | None) -> list[ExerciseCount]:
    passed: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for grade in graded:
        outcomes: dict[str, bool] = {}
        for check in grade.entry.record.checks if grade.entry else ():
            outcomes[check.exercise] = outcomes.get(check.exercise, True) and check.outcome == "pass"
        seen.update(outcomes.keys())
        passed.update(name for name, right in outcomes.items() if right)
    pages = {e.id: e.page for e in key.exercises} if key else {}
    order = [name for name in pages if name in seen] + sorted(seen.keys() - pages.keys())
    return [ExerciseCount(n, exercise_title(key, n), pages.get(n, ""), passed[n], seen[n]) for n in order]
