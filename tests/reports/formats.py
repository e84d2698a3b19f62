"""The rules of each format that reports are exported to, as checks; each names where the rule is from."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any

from lxml import etree

JUNIT = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
# gradescope-autograders.readthedocs.io, "Autograder Specifications", output format
VISIBILITY = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}
TOP = {"score", "execution_time", "output", "output_format", "test_output_format", "test_name_format", "visibility",
       "stdout_visibility", "extra_data", "tests", "leaderboard"}  # fmt: skip
TEST = {"score", "max_score", "status", "name", "name_format", "number", "output", "output_format", "tags",
        "visibility", "extra_data"}  # fmt: skip
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # OWASP, "CSV injection"


def junit(text: str) -> Any:
    """The parsed document, once it keeps the schema and its counts are right."""
    tree = etree.fromstring(text.encode("utf-8"))
    JUNIT.assertValid(tree)
    for i, suite in enumerate(tree):
        cases = suite.findall("testcase")
        assert suite.get("id") == str(i)
        assert int(suite.get("tests")) == len(cases)
        assert int(suite.get("failures")) == sum(case.find("failure") is not None for case in cases)
        assert int(suite.get("errors")) == sum(case.find("error") is not None for case in cases)
    return tree


def gradescope(data: dict[str, Any]) -> None:
    """Gradescope's results.json: known fields, types, a score at the top or in every test."""
    assert set(data) <= TOP
    assert number(data["score"]) if "score" in data else all(number(test["score"]) for test in data["tests"])
    assert number(data["execution_time"])
    assert {data["visibility"], data["stdout_visibility"]} <= VISIBILITY
    assert {data["output_format"], data["test_output_format"], data["test_name_format"]} <= FORMATS
    assert isinstance(data["output"], str) and isinstance(data["extra_data"], dict)
    for test in data["tests"]:
        assert set(test) <= TEST
        assert number(test["score"]) and number(test["max_score"])
        assert test["status"] in ("passed", "failed")
        assert test["visibility"] in VISIBILITY
        assert {test["output_format"], test["name_format"]} <= FORMATS
        assert all(isinstance(test[name], str) for name in ("name", "number", "output"))
        assert all(isinstance(tag, str) for tag in test["tags"])
    assert len({test["number"] for test in data["tests"]}) == len(data["tests"])


def classroom50(data: dict[str, Any]) -> None:
    """What Classroom 50's collector refuses (foundation50/classroom50: wiki, "Advanced Autograding")."""
    assert data["schema"] == "classroom50/result/v1"
    for name in ("classroom", "assignment", "submission", "commit", "release", "review", "datetime"):
        assert isinstance(data[name], str) and data[name]
    assert data["submission"].startswith("submit/")
    datetime.strptime(data["datetime"], "%Y-%m-%dT%H:%M:%SZ")
    tests = data["tests"]
    for name in ("score", "max-score"):
        assert type(data[name]) is int and data[name] >= 0
        assert data[name] == sum(test[name] for test in tests)
        assert all(type(test[name]) is int and test[name] >= 0 for test in tests)
    assert data["score"] <= data["max-score"]
    for test in tests:
        assert isinstance(test["test-name"], str) and test["test-name"]
        assert type(test["passed"]) is bool


def table(text: str) -> list[dict[str, str]]:
    """A CSV's rows, once it is RFC 4180 and no cell of text is a formula."""
    assert text.endswith("\r\n")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows:
        for cell in row:
            assert plain_number(cell) or not cell.lstrip().startswith(FORMULAS), cell
            assert not set("\r\n\t\x00") & set(cell)
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def canvas(text: str) -> list[dict[str, str]]:
    """A gradebook for Canvas's import: the five columns, the points possible below the header, then students."""
    rows = table(text)
    assert text.startswith("Student,ID,SIS User ID,SIS Login ID,Section")
    assert rows[0]["Student"].strip() == "Points Possible"
    for row in rows[1:]:
        assert row["ID"] or row["SIS User ID"] or row["SIS Login ID"]
        assert all(not value or plain_number(value) for value in list(row.values())[5:])
    return rows


def number(value: object) -> bool:
    """Whether it is a number of JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain_number(cell: str) -> bool:
    """Whether a cell is a number and nothing else."""
    try:
        float(cell)
    except ValueError:
        return False
    return cell.isascii() and not {"n", "i", "_"} & set(cell.lower())
