"""Exercises solved on their pages, in Chromium: by everyone's code, right, wrong and hostile.

A page is opened once for each chapter, and its one worker runs everything that the tests ask for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autograder.cli import main
from tests.submissions.pages import cases, pages, said_natively
from tests.submissions.samples import chapter, chapters, solutions_of

pytestmark = pytest.mark.browser

# Puts each code into the editor, presses a button, and waits until the page says that it is done.
PRESS = """async ([exercise, button, codes]) => {
    const pane = document.querySelector(`.unrolled-pane[data-exercise="${exercise}"]`);
    const part = name => pane.querySelector(`[data-part="${name}"]`);
    const {editor} = await unrolledPanes.get(exercise).edit();
    const idle = () => new Promise(resolve => {
        const look = () => pane.getAttribute('aria-busy') === 'false' && (resolve(), true);
        if (!look()) new MutationObserver((_, all) => look() && all.disconnect()).observe(pane, {attributes: true});
    });
    const seen = [];
    for (const code of codes) {
        if (code !== null) editor.write(code);
        part(button).click();
        await idle();
        const verdict = part('verdict').querySelector('.unrolled-verdict');
        seen.push({
            state: verdict?.dataset.state,
            head: verdict?.querySelector('strong').textContent.slice(2),
            body: verdict?.querySelector('div').textContent,
            output: part('output').hidden ? '' : part('output').textContent,
            status: part('status').textContent,
            solved: !part('solved').hidden,
        });
    }
    return seen;
}"""


def press(page: Any, exercise: str, button: str, *codes: str) -> list[dict[str, Any]]:
    """What the page shows after a button was pressed on each code."""
    seen: list[dict[str, Any]] = page.evaluate(PRESS, [exercise, button, list(codes)])
    return seen


def check(page: Any, exercise: str, code: str) -> dict[str, Any]:
    """What the page shows after *Check* was pressed on this code."""
    return press(page, exercise, "check", code)[0]


def plain(text: str) -> str:
    """A verdict's words without the marks of code."""
    return text.replace("`", "")


@pytest.fixture(scope="module")
def opened(visit: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """A chapter's page, kept open for all tests; nothing is left in the browser afterwards."""
    seen: dict[str, Any] = {}

    def open_chapter(name: str) -> Any:
        if name not in seen:
            seen[name] = visit(f"book/{name}")
        return seen[name]

    yield open_chapter
    for visited in seen.values():
        forget_everything(visited.page)
        visited.page.close()


@pytest.fixture
def lstm(opened: Callable[[str], Any]) -> Any:
    """The LSTM chapter as on a first visit."""
    page = opened("lstm").page
    forget_everything(page)
    return page


def forget_everything(page: Any) -> None:
    """Empty what the browser keeps, and let the page see it."""
    page.evaluate("localStorage.clear(); window.dispatchEvent(new Event('unrolled-progress'))")


def solve(page: Any, name: str) -> None:
    """Write the reference into every exercise of a page."""
    for exercise in pages.solvable(name):
        said = check(page, exercise, solutions_of(chapter(name))[exercise])
        assert (said["state"], said["head"], said["solved"]) == ("right", "Right", True), (exercise, said)


@pytest.mark.parametrize("name", chapters())
def test_every_exercise_is_solved_on_its_page(name: str, opened: Callable[[str], Any]) -> None:
    seen = opened(name)
    forget_everything(seen.page)
    solve(seen.page, name)
    total = len(pages.solvable(name))
    badge = seen.page.locator(".bd-sidebar-primary .current > a .unrolled-count")
    assert badge.inner_text().startswith(f"{total}/{total}")


@pytest.mark.parametrize("name", chapters())
def test_every_known_mistake_is_told_by_its_name(name: str, opened: Callable[[str], Any]) -> None:
    page, native = opened(name).page, said_natively(name)
    solve(page, name)  # an exercise builds on those before it
    for exercise in pages.solvable(name):
        known = [case for case in cases(name) if case.exercise == exercise and case.kind == "mistake"]
        solution = solutions_of(chapter(name))[exercise]
        *said, solved = press(page, exercise, "check", *(case.code for case in known), solution)
        assert solved["state"] == "right"  # again, for the exercises that build on it
        for case, one in zip(known, said, strict=True):
            words = (f"A known mistake: {case.mistake}", plain(native[case.name]["body"]))
            assert (one["head"], one["body"]) == words, case.name


def test_an_endless_loop_is_stopped_and_python_is_there_again(lstm: Any) -> None:
    pane = lstm.locator('.unrolled-pane[data-exercise="lstm-step"]')
    pane.evaluate("pane => pane.dataset.limit = 1")
    said = check(lstm, "lstm-step", "print('before')\nwhile True:\n    pass")
    assert "Stopped after 1 second" in said["body"]
    assert said["output"] == "before\n"
    pane.evaluate("pane => delete pane.dataset.limit")
    assert check(lstm, "lstm-step", solutions_of(chapter("lstm"))["lstm-step"])["state"] == "right"


def test_the_reader_can_stop_a_run(lstm: Any) -> None:
    pane = lstm.locator('.unrolled-pane[data-exercise="lstm-step"]')
    pane.evaluate("pane => unrolledPanes.get('lstm-step').edit()")
    lstm.evaluate("unrolledPanes.get('lstm-step').editor.write('while True:\\n    pass')")
    pane.get_by_role("button", name="Run").click()
    pane.get_by_role("button", name="Stop").click()
    pane.locator(".unrolled-verdict").wait_for()
    assert "Stopped." in pane.locator(".unrolled-verdict").inner_text()


@pytest.mark.parametrize(
    ("code", "output", "words"),
    [
        ("def lstm_step(:\n    pass", "SyntaxError: invalid syntax", "does not run: SyntaxError"),
        ("input('your answer? ')", "input() cannot ask here", "does not run: RuntimeError"),
        ("import sys\nsys.exit()", "SystemExit", "does not run: SystemExit"),
        ("raise SystemError('<img src=x onerror=alert(1)>')", "<img src=x", "<img src=x onerror=alert(1)>"),
        ("lstm_step = lambda *a: 1 / 0", "ZeroDivisionError", "Your code raises ZeroDivisionError"),
    ],
    ids=["syntax", "input", "exit", "html", "raises"],
)
def test_code_that_fails_is_told_so(lstm: Any, code: str, output: str, words: str) -> None:
    said = check(lstm, "lstm-step", code)
    assert output in said["output"]
    assert words in said["body"]
    assert not said["solved"]
    assert lstm.locator(".unrolled-pane img").count() == 0


def test_a_huge_print_is_cut(lstm: Any) -> None:
    (said,) = press(lstm, "lstm-step", "run", "print('x' * 50_000_000)\nfor i in range(100_000):\n    print(i)")
    assert 20_000 < len(said["output"]) < 21_000
    assert re.search(r"[\d,]{9,} more characters were printed", said["output"])


def test_an_exercise_that_builds_on_another_says_which(lstm: Any) -> None:
    code = "def lstm_forward(x, h0, c0, *weights):\n    return lstm_step(x[0], h0, c0, *weights)"
    said = check(lstm, "lstm-forward", code)
    assert (said["state"], said["head"]) == ("none", "Another exercise first")
    assert "lstm-step" in said["body"]


def test_work_is_kept_over_a_reload_and_can_be_reset(visit: Callable[[str], Any], lstm: Any) -> None:
    first = visit("book/lstm")
    mine = "def lstm_step(*arguments):\n    return 'mine'"
    press(first.page, "lstm-step", "run", mine)
    first.page.reload()
    pane = first.page.locator('.unrolled-pane[data-exercise="lstm-step"]')
    pane.scroll_into_view_if_needed()
    pane.locator(".cm-content").wait_for()
    assert first.page.evaluate("unrolledPanes.get('lstm-step').code") == mine
    pane.get_by_role("button", name="Reset").click()
    assert "NotImplementedError" in first.page.evaluate("unrolledPanes.get('lstm-step').code")
    assert first.page.evaluate("localStorage.getItem('unrolled:lstm-step')") is None
    pane.get_by_role("button", name="Undo").click()
    assert first.page.evaluate("unrolledPanes.get('lstm-step').code") == mine
    assert first.errors == []
    first.page.close()


def test_the_downloaded_notebook_is_graded_as_the_page_said(lstm: Any, tmp_path: Path) -> None:
    solve(lstm, "lstm")
    wrong = next(case for case in cases("lstm") if case.exercise == "lstm-step" and case.kind == "mistake")
    assert check(lstm, wrong.exercise, wrong.code)["state"] == "mistake"
    with lstm.expect_download() as download:
        lstm.locator('[data-exercise="lstm-step"]').get_by_role("button", name="Download notebook").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "lstm.ipynb"
    result = CliRunner().invoke(main, ["grade", str(path), "--seed", "0", "--json", str(tmp_path / "record.json")])
    assert result.exit_code == 1, result.output
    (record,) = json.loads((tmp_path / "record.json").read_text())
    outcomes = {check["exercise"]: check["outcome"] for check in record["checks"]}
    solvable = pages.solvable("lstm")
    assert {e: outcomes[e] for e in solvable} == dict.fromkeys(solvable, "pass") | {"lstm-step": "fail"}
    assert [check["mistake"] for check in record["checks"] if check["exercise"] == "lstm-step"] == [wrong.mistake]
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 1


def test_the_keyboard_is_enough(lstm: Any) -> None:
    pane = lstm.locator('.unrolled-pane[data-exercise="lstm-step"]')
    press(lstm, "lstm-step", "run", "")
    pane.locator(".cm-content").focus()
    lstm.keyboard.type("if 1:")
    lstm.keyboard.press("Enter")
    lstm.keyboard.press("Tab")
    assert lstm.evaluate("document.activeElement.className").startswith("cm-content")
    lstm.keyboard.type("print(6 * 7)")
    lstm.keyboard.press("Control+Enter")
    pane.locator('[data-part="output"]').filter(has_text="42").wait_for()
    lstm.keyboard.press("Control+Shift+Enter")
    pane.locator(".unrolled-verdict").wait_for()
    lstm.keyboard.press("Escape")
    lstm.keyboard.press("Tab")
    assert lstm.evaluate("document.activeElement.dataset.part") == "run"
    assert lstm.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_progress_is_shown_on_its_page_and_can_be_deleted(visit: Callable[[str], Any], lstm: Any) -> None:
    check(lstm, "lstm-step", solutions_of(chapter("lstm"))["lstm-step"])
    seen, all_of_it = visit("book/progress"), len(pages.solvable("lstm"))
    count = seen.page.locator('[data-solved-of^="lstm-step"]')
    assert f"1 of {all_of_it} solved" in count.inner_text()
    assert seen.page.locator('[data-state-of="lstm-step"]').inner_text() == "✓ solved"
    assert seen.page.locator('[data-state-of="lstm-forward"]').inner_text() == "not started"
    seen.page.on("dialog", lambda dialog: dialog.accept())
    seen.page.get_by_role("button", name="Delete all").click()
    assert f"0 of {all_of_it} solved" in count.inner_text()
    assert (seen.foreign, seen.errors) == ([], [])
    seen.page.close()


@pytest.mark.parametrize(("name", "allowed"), [("book/lstm", {"exercise.js", "progress.js", "exercise.css"}),
                                               ("book/notation", {"progress.js", "exercise.css"})])  # fmt: skip
def test_a_page_loads_no_editor_and_no_python_before_they_are_wanted(
    chromium: Any, address: str, name: str, allowed: set[str]
) -> None:
    page = chromium.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("?")[0]))
    page.goto(f"{address}{name}.html", wait_until="networkidle")
    assert {url.rsplit("/", 1)[1] for url in asked if "/_static/exercise/" in url} == allowed
    page.close()


def test_without_javascript_stub_and_links_remain(chromium: Any, address: str) -> None:
    context = chromium.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}book/lstm.html")
    pane = page.locator('.unrolled-pane[data-exercise="lstm-step"]')
    assert "def lstm_step" in pane.locator("pre").first.inner_text()
    assert "Without JavaScript" in pane.inner_text()
    assert pane.get_by_role("button").count() == 0
    context.close()


def test_an_exercise_fits_on_a_narrow_screen(lstm: Any) -> None:
    press(lstm, "lstm-step", "check", "x = [" + "1234567890, " * 40 + "]\nprint(x)")
    lstm.set_viewport_size({"width": 320, "height": 700})
    lstm.wait_for_function("document.documentElement.scrollWidth <= 320", timeout=5000)
    lstm.set_viewport_size({"width": 1280, "height": 800})


def test_nothing_was_asked_of_another_host_and_nothing_was_logged(opened: Callable[[str], Any]) -> None:
    for name in chapters():
        seen = opened(name)
        assert (seen.foreign, seen.errors) == ([], []), name
