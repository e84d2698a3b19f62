"""The instructor's page: its class is what the page says, and every option and message that it names exists."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from autograder.cli import main
from autograder.collect import collect, common_code
from autograder.similar import similar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book"))

import sample_class  # noqa: E402

PAGE = (ROOT / "book" / "instructor.md").read_text(encoding="utf-8")


def commands(group: click.Command = main) -> Iterator[click.Command]:
    yield group
    for command in getattr(group, "commands", {}).values():
        yield from commands(command)


def test_the_class_is_of_six_students_and_two_of_them_are_alike_after_handing_in_again(tmp_path: Path) -> None:
    assert sample_class.write_class(tmp_path) == 12
    again = sample_class.hand_in_again(tmp_path)
    solutions, _ = collect([tmp_path])
    pairs = similar(solutions, common_code(), 5)
    assert len({path.split("/")[0] for path in again}) == 2
    assert [{pair.a, pair.b} for pair in pairs] == [{path.split("/")[0] for path in again}]


def test_a_report_in_a_page_has_no_links_and_stays_text(tmp_path: Path) -> None:
    page = tmp_path / "class.html"
    page.write_text('<p>"<a href="students/x.html">\n<b>Ann</b></a>" &lt;i&gt;</p><script>bad()</script>')
    shown = sample_class.shown(page, 'The "class"').data
    assert re.search(r"\ssandbox\s", shown), "scripts of the frame are off"
    assert "href" not in shown and "<script" not in shown and "<p>" not in shown
    assert "&lt;b&gt;Ann&lt;/b&gt;" in shown and "&amp;lt;i&amp;gt;" in shown
    assert 'title="The &quot;class&quot;"' in shown


def test_every_option_on_the_page_exists() -> None:
    known = {option for command in commands() for parameter in command.params for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", PAGE))
    assert len(named) > 20
    assert named <= known


def test_every_message_in_the_table_is_said_somewhere() -> None:
    rows = re.findall(r"^\| (.*?) \|", PAGE[PAGE.index("| the line says") :], re.MULTILINE)[1:]
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "autograder").rglob("*.py"))
    phrases = [phrase.strip() for row in rows for phrase in row.replace("`", "").split(";")]
    assert len(phrases) >= 12
    assert [phrase for phrase in phrases if phrase not in said.replace("`", "")] == []
