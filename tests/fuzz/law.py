"""What must hold of a record, whatever was graded."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Collection
from typing import Any

from rich.console import Console

from autograder.keys import load_key
from autograder.record import OUTCOMES, Record, printable
from autograder.report.terminal import record_report, summary_table

STYLE = re.compile(r"\x1b\[[0-9;]*m")  # rich's own colours
LENGTH = 1000  # characters of a message


def strict_json(record: Record) -> dict[str, Any]:
    """The record as JSON that any reader takes: no NaN, valid UTF-8; as read back."""
    text = json.dumps(record.as_json(), allow_nan=False, ensure_ascii=False)
    back: dict[str, Any] = json.loads(text.encode("utf-8"))
    return back


def harmless(text: str) -> bool:
    """Whether a terminal shows this text and does nothing else."""
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return not any(unicodedata.category(c) in hidden and c not in "\n\u200c\u200d" for c in text)


def on_a_terminal(records: list[Record]) -> str:
    """Every report on these records, as a terminal gets it."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=100, legacy_windows=False)
    for record in records:
        console.print(record_report(record, load_key(record.chapter) if record.chapter else None))
    console.print(summary_table(records))
    return out.getvalue()


def hold(record: Record, honest: Collection[str] = (), intact: Collection[str] = ()) -> None:
    """Assert the law of one record.

    Parameters
    ----------
    honest
        Exercises that the submission solved before anything happened to it: no other may earn points.
    intact
        Exercises whose solution is still there, word for word: they must earn all theirs.
    """
    strict_json(record)
    if record.error is not None:
        assert record.error and record.error == printable(record.error) and len(record.error) <= LENGTH
        assert (record.score, record.max_score, record.checks) == (0, 0, ())
    assert record.score == sum(check.points for check in record.checks)
    for check in record.checks:
        assert check.outcome in OUTCOMES
        assert check.cause != "infrastructure", check
        assert (check.cause is None) == (check.outcome == "pass") == (check.points > 0)
        assert check.points in (0, check.max_points)
        assert check.points == 0 or check.exercise in honest, check
        assert check.points > 0 or check.exercise not in intact, check
        assert check.message == printable(check.message) and len(check.message) <= LENGTH
    shown = STYLE.sub("", on_a_terminal([record]))
    assert harmless(shown), [c for c in shown if not harmless(c)]
