"""The landing page's table of exercises, counted from the answer keys."""

from __future__ import annotations

from IPython.display import HTML

from autograder.keys import COURSE, Key, load_key

HEAD = ("chapter", "NumPy", "PyTorch", "points", "hours", "easy", "middle", "hard", "known mistakes")


def points_table() -> HTML:
    """One row for each chapter: exercises by library, points, time, difficulty, known mistakes."""
    keys = [load_key(chapter) for chapter in COURSE]
    rows = [(f'<a href="{key.chapter}.html">{key.title}</a>', *_counts([key])) for key in keys]
    rows.append(("together", *_counts(keys)))
    body = "".join("<tr><td>" + "</td><td>".join(map(str, row)) + "</td></tr>" for row in rows)
    head = "".join(f'<th scope="col">{name}</th>' for name in HEAD)
    table = f'<table class="table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return HTML(f'<div class="pst-scrollable-table-container">{table}</div>')


def _counts(keys: list[Key]) -> list[str]:
    exercises = [exercise for key in keys for exercise in key.exercises]
    numpy = sum(exercise.backend == "numpy" for exercise in exercises)
    levels = [exercise.difficulty for exercise in exercises]
    points = sum(exercise.points for exercise in exercises)
    hours = sum(exercise.minutes for exercise in exercises) / 60
    counts = [numpy, len(exercises) - numpy, f"{points:g}", f"{hours:.1f}", *(levels.count(n) for n in (1, 2, 3))]
    return [str(count) for count in [*counts, sum(exercise.mistakes for exercise in exercises)]]
