"""Entries as JUnit XML: one suite for each submission, one case for each check.

Follows the schema of Ant's JUnit task, the strictest in use (github.com/windyroad/JUnit-Schema): every attribute
that it demands is there, so looser readers (Jenkins, GitLab) take it too.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree import ElementTree

from autograder.entry import Entry
from autograder.record import CheckResult
from autograder.report.safe import xml_text, xml_token

NO_DATE = "1970-01-01T00:00:00"  # the schema demands a date; this one says that there is none


def junit_xml(entries: Iterable[Entry]) -> str:
    """The document. A check that was lost is a failure; what the grader could not do is an error."""
    root = ElementTree.Element("testsuites")
    for number, entry in enumerate(entries):
        root.append(_suite(number, entry))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(number: int, entry: Entry) -> ElementTree.Element:
    record = entry.record
    lost = [check for check in record.checks if check.outcome != "pass"]
    broken = sum(check.cause == "infrastructure" for check in lost)
    suite = ElementTree.Element("testsuite", {
        "package": xml_token(entry.chapter or "unknown"), "id": str(number), "name": xml_token(entry.student),
        "timestamp": _date(entry.submitted), "hostname": "localhost",
        "tests": str(len(record.checks) or int(record.error is not None)), "failures": str(len(lost) - broken),
        "errors": str(broken + int(record.error is not None)), "skipped": "0", "time": f"{record.seconds:.4f}",
    })  # fmt: skip
    properties = ElementTree.SubElement(suite, "properties")
    about = {"submission": entry.submission, "seed": str(entry.seed), "key": entry.key,
             "score": f"{record.score:g}", "max_score": f"{record.max_score:g}"}  # fmt: skip
    for name, value in about.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": xml_text(value)})
    for check in record.checks:
        suite.append(_case(entry, check))
    if record.error is not None:
        case = ElementTree.SubElement(suite, "testcase", _named("grading", xml_token(entry.chapter or "unknown")))
        ElementTree.SubElement(case, "error", {"type": "ungraded", "message": xml_text(record.error)})
    ElementTree.SubElement(suite, "system-out").text = "\n".join(xml_text(note) for note in record.notes)
    ElementTree.SubElement(suite, "system-err").text = ""
    return suite


def _case(entry: Entry, check: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", _named(check.id, f"{entry.chapter}.{check.exercise}"))
    if check.outcome != "pass":
        kind = "error" if check.cause == "infrastructure" else "failure"
        about = {"type": xml_token(check.mistake or check.outcome), "message": xml_text(check.message)}
        ElementTree.SubElement(case, kind, about).text = xml_text(f"{check.points:g} of {check.max_points:g} points")
    return case


def _named(name: str, of: str) -> dict[str, str]:
    """A case's attributes. How long one check took is not measured; the suite has the time of all."""
    return {"name": xml_token(name), "classname": xml_token(of), "time": "0"}


def _date(submitted: str | None) -> str:
    """The date in UTC without a zone, as the schema wants it."""
    try:
        found = datetime.fromisoformat(submitted or "")
        return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if found.year > 1900 else NO_DATE
    except (ValueError, OverflowError):
        return NO_DATE
