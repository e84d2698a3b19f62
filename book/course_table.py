"""The landing page's table of exercises, counted from the answer keys."""

from __future__ import annotations

from IPython.display import Markdown

from autograder.keys import load_key

ORDER = ("background", "equations", "bptt", "lstm", "gru", "code")


def points_table() -> Markdown:
    """One row for each chapter: exercises, points, minutes, difficulty, checks and mistakes."""
    rows = [
        "| chapter | NumPy | PyTorch | points | hours | difficulty | known mistakes |",
        "|---|--:|--:|--:|--:|:--|--:|",
    ]
    for chapter in ORDER:
        key = load_key(chapter)
        count = {backend: sum(e.backend == backend for e in key.exercises) for backend in ("numpy", "torch")}
        hours = sum(e.minutes for e in key.exercises) / 60
        levels = [e.difficulty for e in key.exercises]
        spread = " ".join(f"{levels.count(level)}\u2009×\u2009{'●' * level}" for level in (1, 2, 3) if level in levels)
        mistakes = sum(e.mistakes for e in key.exercises)
        rows.append(
            f"| [{key.title}]({chapter}.html) | {count['numpy']} | {count['torch']} | {key.points:g} "
            f"| {hours:.1f} | {spread} | {mistakes} |"
        )
    return Markdown("\n".join(rows))
