"""The pages: complete in themselves, harmless whatever they show, and without answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from docutils.nodes import make_id
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import report
from autograder.entry import Entry
from autograder.grades import Adjustment, Policy, grades
from autograder.keys import Key, chapters, load_key
from autograder.report.html import anchor, class_page, pages, prose, student_file, student_page
from tests.reports import made

KEYS: dict[str, Key] = {name: load_key(name) for name in ("equations", "lstm")}
TAGS = """html head meta link title style body main footer h1 h2 h3 p section div strong svg rect line text ul li bdi
span dl dt dd code a figure figcaption table caption thead tbody tr th td br"""
LINKS = r"https://unrolled-course\.github\.io/|students/[\w-]+\.html$|data:,$"


class Reader(HTMLParser):
    """What a page is made of: tags, attributes, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        self.words += "" if tag in ("code", "span", "bdi", "a") else " "

    def handle_data(self, data: str) -> None:
        self.words += data


@given(entries=st.lists(made.entries(), max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_nothing_in_a_record_becomes_markup(entries: list[Entry]) -> None:
    graded = grades([entry for entry in entries if entry.chapter])
    for page in pages(graded, entries, KEYS).values():
        page.encode("utf-8")
        for tag, attributes in Reader(page).tags:
            assert tag in TAGS.split()
            assert not {name for name in attributes if name.startswith("on") or name in ("style", "src")}
            assert re.match(
                r"https://unrolled-course\.github\.io/|students/[\w-]+\.html$|data:,$",
                attributes.get("href") or "data:,",
            )
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2028\ud800-\udfff]", page)


def test_a_students_page_says_what_is_right_what_differs_and_where_to_read() -> None:
    key = KEYS["equations"]
    mistake = key.checks[0].mistakes[0]
    lost = made.check("rnn-step", "fail", mistake=mistake.id, message=f"{mistake.says} `h[0, 1]`: yours is 3.")
    entry = made.entry("ada", of=100, checks=(lost, made.check("rnn-forward")))
    page = student_page("ada", grades([entry]), KEYS)
    read = Reader(page)
    links = {attributes["href"] for tag, attributes in read.tags if tag == "a"}
    assert f"{'https://unrolled-course.github.io/unrolled'}/book/equations.html" in links
    assert any(link and link.endswith("/book/exercises/equations.html#one-step") for link in links)
    words = " ".join(read.words.split())
    assert mistake.says.replace("`", "") in words
    assert "What differs first h[0, 1]: yours is 3." in words
    assert "✓ The forward pass · 10 points" in words
    assert "10 of 100 points" in words


def test_who_handed_in_nothing_that_can_be_read_has_a_page_that_says_so() -> None:
    lost = made.entry("eve", "", error="cut off in the middle", submission="class/eve/letter.ipynb")
    found = pages([], [lost], KEYS)
    assert set(found) == {"class.html", student_file("eve")}
    words = " ".join(Reader(found[student_file("eve")]).words.split())
    assert "letter.ipynb cut off in the middle" in words and "class/eve" not in words
    assert ("a", {"href": student_file("eve")}) in Reader(found["class.html"]).tags


def test_a_students_page_shows_the_file_and_not_where_the_instructor_keeps_it() -> None:
    page = student_page("ada", grades([made.entry("ada", submission="/home/teacher/class/ada/lstm.ipynb")]), KEYS)
    assert "lstm.ipynb" in page and "teacher" not in page


def test_no_page_holds_a_line_of_a_solution() -> None:
    from autograder.notebook import solution_lines
    from tests.submissions.samples import chapter

    source = chapter("equations")
    lost = tuple(
        made.check(c.id, "fail", mistake=m.id, message=m.says) for c in KEYS["equations"].checks for m in c.mistakes
    )
    text = "".join(pages(grades([made.entry("ada", checks=lost)]), [], KEYS).values())
    for cell in source.of("solution"):
        for line in solution_lines(cell.source):
            assert line not in Reader(text).words


def test_a_class_page_counts_scores_exercises_mistakes_and_what_failed() -> None:
    wrong = made.check("rnn-step", "fail", mistake="recurrent-weight-not-transposed")
    entries = [
        made.entry("ada", score=20, checks=(made.check("rnn-step"), made.check("rnn-forward"))),
        made.entry("bob", score=10, checks=(wrong, made.check("rnn-forward"))),
        made.entry("eve", "", error="cut off in the middle"),
    ]
    policy = Policy(adjustments=(Adjustment("bob", "equations", 2, "oral exam"),))
    read = Reader(class_page(grades(entries, policy), entries, KEYS))
    words = " ".join(read.words.split())
    assert "3 students, 3 submissions, 1 chapter; 1 could not be graded" in words
    assert "2 grades · mean 16.0 · median 16 of 20" in words
    assert "One step 1 50%" in words and "The forward pass 2 100%" in words
    assert "1 recurrent-weight-not-transposed" in words
    assert "cut off in the middle" in words and "+2 points: oral exam" in words
    assert any(a.get("aria-label") == "Number of grades. 60: 1, 90: 1." for tag, a in read.tags if tag == "svg")
    assert ("a", {"href": student_file("ada")}) in read.tags


def test_pages_can_be_read_by_everybody() -> None:
    entries = [
        made.entry("ada", checks=(made.check("rnn-step", "fail", mistake="x"),)),
        made.entry("b", "lstm", error="no"),
    ]
    for page in pages(grades(entries), entries, KEYS).values():
        read = Reader(page)
        levels = [int(tag[1]) for tag, _ in read.tags if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels)), "a heading's level is left out"
        assert all("scope" in attributes for tag, attributes in read.tags if tag == "th")
        for tag, attributes in read.tags:
            if tag == "svg":
                assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        assert dict(read.tags)["html"] == {"lang": "en"}
        ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
        assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", chapters())
def test_links_to_exercises_are_the_anchors_that_the_book_makes(name: str) -> None:
    titles = [exercise.title for exercise in load_key(name).exercises]
    assert [anchor(title) for title in titles] == [make_id(title) for title in titles]
    assert len({anchor(title) for title in titles}) == len(titles)


def test_names_in_backticks_become_code_and_nothing_else_does() -> None:
    assert prose("`h[0]` is <b>") == "<code>h[0]</code> is &lt;b&gt;"
    assert prose("`<i>`") == "<code>&lt;i&gt;</code>"
    assert prose("one ` alone <") == "one ` alone &lt;"


def test_text_has_the_contrast_that_reading_needs_light_dark_and_printed() -> None:
    style = (Path(report.__file__).parent / "pages" / "style.css").read_text()
    themes = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)]
    assert len(themes) == 3
    for colours in themes:
        for ground in (colours["ground"], colours["soft"]):
            for name in ("ink", "quiet", "link", "good", "bad"):
                assert contrast(colours[name], ground) >= 4.5, (name, colours)
        assert contrast(colours["bar"], colours["ground"]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
