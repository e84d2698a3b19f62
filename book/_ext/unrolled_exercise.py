"""Exercises on the pages: ``{unrolled-exercise} lstm-step``, ``{unrolled-chapter} lstm``, ``{unrolled-progress}``.

Belongs here: what a page shows of an exercise, and the files that its script asks for, all made
from the committed answer keys (which hold stubs and reference values, never a solution). Does not
belong here: what those scripts are made of (``exercise_runtime``) and running them (``exercise/src``).
"""

from __future__ import annotations

import html
import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from exercise_runtime import ROOT, SOURCE, RuntimeMissing, digest_of, ensure
from sphinx.application import Sphinx
from sphinx.errors import ConfigError
from sphinx.util import logging

KEYS = ROOT / "autograder" / "keys"
NOTEBOOKS = ROOT / "book" / "exercises"
PLACE = "_static/exercise"
LOGGER = logging.getLogger(__name__)


@cache
def key_of(chapter: str) -> dict[str, Any]:
    """The answer key of a chapter, as JSON."""
    key: dict[str, Any] = json.loads((KEYS / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    return key


@cache
def chapters() -> dict[str, list[dict[str, Any]]]:
    """Each chapter's cards (the facts in a card's metadata), in the order of the notebook."""
    return {
        path.stem: [about(cell) for cell in key_of(path.stem)["cells"] if about(cell)["role"] == "card"]
        for path in sorted(KEYS.glob("*.ipynb"))
    }


def about(cell: dict[str, Any]) -> dict[str, Any]:
    """What a cell's metadata say of it: id, role, exercise, and a card's or a check's facts."""
    facts: dict[str, Any] = cell["metadata"]["unrolled"]
    return facts


def solvable(chapter: str) -> list[str]:
    """The exercises of a chapter that a browser can run: those in NumPy."""
    return [card["exercise"] for card in chapters()[chapter] if card["backend"] == "numpy"]


def chapter_of(exercise: str) -> str:
    """The chapter that an exercise belongs to.

    Raises
    ------
    LookupError
        If no chapter has it.
    """
    for chapter, cards in chapters().items():
        if any(card["exercise"] == exercise for card in cards):
            return chapter
    raise LookupError(f"there is no exercise '{exercise}'")


def steps_of(exercise: str) -> list[dict[str, str]]:
    """The code cells that an exercise's run takes, in order: what `autograder.page.run` wants.

    The cells of the chapter, of the NumPy exercises before it (without their examples and
    checks), and its own. Solution cells hold the stub.
    """
    chapter = chapter_of(exercise)
    known = solvable(chapter)
    earlier = known[: known.index(exercise)]
    steps = []
    for cell in key_of(chapter)["cells"]:
        facts = about(cell)
        mine = facts["exercise"] in ("", exercise)
        before = facts["exercise"] in earlier and facts["role"] not in ("toy", "check")
        if cell["cell_type"] == "code" and (mine or before):
            names = {name: facts[name] for name in ("id", "role", "exercise")}
            steps.append(names | {"source": cell["source"]})
        if facts["exercise"] == exercise and facts["role"] == "check":
            last = len(steps)
    return steps[:last]


def part_of_key(exercise: str) -> dict[str, Any]:
    """The chapter's key with nothing in it but this exercise's card and checks."""
    key = key_of(chapter_of(exercise))
    kept = [c for c in key["cells"] if about(c)["exercise"] == exercise and about(c)["role"] in ("card", "check")]
    return key | {"cells": kept}


def job_of(exercise: str) -> dict[str, Any]:
    """What the page's script loads of an exercise: its cells, and its part of the key as a text."""
    key = json.dumps(part_of_key(exercise), separators=(",", ":"))
    return {"exercise": exercise, "chapter": chapter_of(exercise), "steps": steps_of(exercise), "key": key}


def write_data(folder: Path) -> None:
    """Write every exercise's job and every chapter's notebook to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in chapters():
        shutil.copy(NOTEBOOKS / f"{chapter}.ipynb", folder)
        for exercise in solvable(chapter):
            text = json.dumps(job_of(exercise), separators=(",", ":"), ensure_ascii=False)
            (folder / f"{exercise}.json").write_text(text, encoding="utf-8")


class Exercise(Directive):
    """``{unrolled-exercise} id``: the card, an editor with the stub, the hints."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The exercise as a section of the page."""
        exercise = self.arguments[0]
        try:
            chapter = chapter_of(exercise)
        except LookupError as problem:
            raise self.error(str(problem)) from problem
        self.state.document.settings.env.note_dependency(str(KEYS / f"{chapter}.ipynb"))
        return [self.section(chapter, exercise)]

    def section(self, chapter: str, exercise: str) -> nodes.section:
        """A section with the card's title, so that the page's contents list it."""
        cells = key_of(chapter)["cells"]
        (card,) = (c for c in cells if about(c)["exercise"] == exercise and about(c)["role"] == "card")
        section = nodes.section(ids=[f"exercise-{exercise}"], names=[], classes=["unrolled-exercise"])
        title, _, prose = card["source"].partition("\n")
        section += nodes.title("", title.removeprefix("## "))
        self.write(prose, section)
        for text in by_hand(cells, exercise):
            self.write(text, section)
        section += self.pane(chapter, about(card), cells)
        for cell in cells:
            if about(cell)["exercise"] == exercise and about(cell)["role"] == "hint":
                self.write(cell["source"], section)
        return section

    def write(self, text: str, parent: nodes.Element) -> None:
        """Read a cell's Markdown as part of the page."""
        lines = StringList(text.splitlines(), source=self.state_machine.document["source"])
        self.state.nested_parse(lines, self.content_offset, parent)

    def pane(self, chapter: str, card: dict[str, Any], cells: list[dict[str, Any]]) -> list[nodes.Node]:
        """What the task is about, if it is a program; the stub, and what the script makes an editor of it with."""
        env = self.state.document.settings.env
        exercise, up = card["exercise"], "../" * env.docname.count("/")
        mine = {about(c)["id"]: c for c in cells if about(c)["exercise"] == exercise and c["cell_type"] == "code"}
        stub = mine.pop(f"{exercise}-solution")["source"]
        places = {
            "exercise": exercise, "chapter": chapter, "title": html.escape(card["title"], quote=True),
            "notebook": f"{up}{PLACE}/data/{chapter}.ipynb", "colab": colab_of(env.config, chapter),
            "missing": "" if env.config.unrolled_runtime else MISSING,
        }  # fmt: skip
        runnable = card["backend"] == "numpy" and env.config.unrolled_runtime
        top, bottom = (PANE_TOP, PANE_BOTTOM) if runnable else (PLAIN_TOP, PLAIN_BOTTOM)
        programs = [code(cell["source"]) for cell in mine.values() if about(cell)["role"] == "setup"]  # a bug hunt's
        given = [code(cell["source"]) for cell in mine.values() if about(cell)["role"] != "setup"]
        return [
            *programs, raw(top.format(**places)), code(stub), raw(bottom.format(**places)),
            raw('<details class="unrolled-given"><summary>The cells around yours: inputs, example, check</summary>'),
            *given, raw("</details>"),
        ]  # fmt: skip


class Chapter(Exercise):
    """``{unrolled-chapter} lstm``: all exercises of the chapter that a browser can run."""

    def run(self) -> list[nodes.Node]:
        """One section for each."""
        chapter = self.arguments[0]
        if chapter not in chapters():
            raise self.error(f"there is no chapter '{chapter}' with exercises")
        self.state.document.settings.env.note_dependency(str(KEYS / f"{chapter}.ipynb"))
        return [self.section(chapter, exercise) for exercise in solvable(chapter)]


class Progress(Directive):
    """``{unrolled-progress}``: all exercises, with what this browser knows of each."""

    def run(self) -> list[nodes.Node]:
        """Tables that the script fills in."""
        env = self.state.document.settings.env
        for chapter in chapters():
            env.note_dependency(str(KEYS / f"{chapter}.ipynb"))
        names = list(in_reading_order(env))
        up = "../" * env.docname.count("/")
        parts = [total_of("*", [e for name in names for e in solvable(name)], "The course")]
        parts += [table_of(name, up) for name in names]
        return [raw("\n".join(parts) + FORGET)]


def in_reading_order(env: Any) -> list[str]:
    """The chapters in the order of the contents."""
    order = list(env.toctree_includes.get(env.config.root_doc, []))
    place = {f"book/{name}": name for name in chapters()}
    found = [place[page] for page in order if page in place]
    return found + [name for name in chapters() if name not in found]


def total_of(scope: str, exercises: list[str], label: str) -> str:
    """A bar with the count of solved exercises."""
    text = html.escape(label)
    return (
        f'<p class="unrolled-total" data-solved-of="{html.escape(scope, quote=True)}">'
        f'<progress max="{len(exercises)}" value="0" aria-label="{text}: exercises solved"></progress> '
        f'<span data-count>{len(exercises)} exercises</span></p>'
    )  # fmt: skip


def table_of(chapter: str, up: str) -> str:
    """A chapter's exercises as a table."""
    title, known = html.escape(key_of(chapter)["metadata"]["unrolled"]["title"]), solvable(chapter)
    rows = []
    for card in chapters()[chapter]:
        here = card["exercise"] in known
        link = f"{up}book/{chapter}.html#exercise-{card['exercise']}" if here else f"{up}book/exercises/{chapter}.html"
        state = f'<span data-state-of="{card["exercise"]}">–</span>' if here else "in the notebook"
        name = f'<a href="{link}">{html.escape(card["title"])}</a>'
        cells = (name, state, f"{card['points']:g}", f"{card['minutes']}&nbsp;min", "●" * card["difficulty"])
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("Exercise", "State", "Points", "Time", "Difficulty"))
    return (
        f'<h2 id="progress-{chapter}">{title}</h2>{total_of(" ".join(known), known, title)}'
        f'<div class="unrolled-wide" tabindex="0" role="region" aria-label="{title}: exercises"><table class="table">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def by_hand(cells: list[dict[str, Any]], exercise: str) -> list[str]:
    """The prose between an exercise's solution and its check: the worked example."""
    ids = [about(cell)["id"] for cell in cells]
    checks = [i for i, c in enumerate(cells) if about(c)["exercise"] == exercise and about(c)["role"] == "check"]
    between = cells[ids.index(f"{exercise}-solution") : checks[0]]
    return [cell["source"] for cell in between if about(cell)["role"] == "text"]


def code(source: str) -> nodes.literal_block:
    """Python, as the theme shows it."""
    return nodes.literal_block(source, source, language="python")


def raw(text: str) -> nodes.raw:
    """HTML of our own; what comes from elsewhere in it is escaped already."""
    return nodes.raw("", text, format="html")


def colab_of(config: Any, chapter: str) -> str:
    """Where the chapter's notebook opens in Colab."""
    theme = config.html_theme_options
    name = theme["repository_url"].rstrip("/").removeprefix("https://github.com/")
    base = theme["launch_buttons"]["colab_url"].rstrip("/")
    return f"{base}/github/{name}/blob/{theme['repository_branch']}/book/exercises/{chapter}.ipynb"


KEYS_HELP = (
    "Tab indents; Esc, then Tab, leaves the editor. Ctrl+Enter or Shift+Enter runs, Ctrl+Shift+Enter checks. "
    "On a Mac it is Cmd for Ctrl."
)
LINKS = '<a href="{notebook}" download>the notebook</a> or <a href="{colab}">Colab</a>'
MISSING = " This copy of the site was built without npm, so nothing can be run on its pages."
PANE_MARK = 'class="unrolled-pane"'
PANE_TOP = (
    f"<div {PANE_MARK} "
    'data-exercise="{exercise}" data-chapter="{chapter}" data-title="{title}">'
    '<div data-part="editor" hidden></div><div data-part="stub">'
)
PANE_BOTTOM = (
    '</div><div data-part="controls" hidden><div class="unrolled-buttons">'
    '<button type="button" data-part="run">Run</button><button type="button" data-part="check">Check</button>'
    '<button type="button" data-part="stop" hidden>Stop</button><button type="button" data-part="reset">Reset</button>'
    '<button type="button" data-part="download">Download notebook</button>'
    '<span data-part="solved" hidden>✓ solved</span></div>'
    f'<p data-part="keys" id="keys-{{exercise}}">{KEYS_HELP}</p></div>'
    '<div data-part="status" role="status"></div>'
    '<pre data-part="output" tabindex="0" aria-label="Output" hidden></pre>'
    '<div data-part="verdict" role="status"></div>'
    f"<noscript><p>Without JavaScript, solve this in {LINKS}.</p></noscript></div>"
)
PLAIN_TOP = '<div class="unrolled-plain">'
PLAIN_BOTTOM = f"<p>Solve this in {LINKS}.{{missing}}</p></div>"
FORGET = (
    '<p><button type="button" class="unrolled-forget" data-forget-all hidden>Delete all code and progress</button></p>'
)


def prepare(app: Sphinx, config: Any) -> None:
    """Make the runtime, or say in one line why pages will do without it; in CI that is an error."""
    try:
        site = ensure()
        config.unrolled_runtime = digest_of([site / ".digest", *KEYS.glob("*.ipynb"), SOURCE / "exercise.css"])
    except RuntimeMissing as problem:
        if os.environ.get("CI"):
            raise ConfigError(f"exercises on pages: {problem}") from problem
        LOGGER.info("The site is built without exercises on its pages: %s", problem)
        config.unrolled_runtime = ""


def add_scripts(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Progress on every page; the exercises' script where there are some."""
    if not app.config.unrolled_runtime:
        return
    app.add_js_file("exercise/progress.js", loading_method="defer")
    if doctree is not None and any(PANE_MARK in node.astext() for node in doctree.findall(nodes.raw)):
        app.add_js_file("exercise/exercise.js", loading_method="defer")


def copy_files(app: Sphinx) -> None:
    """Put scripts, Python and the exercises' data into the site, before pages ask for their checksums."""
    if app.builder.format != "html":
        return
    target = Path(app.outdir) / PLACE
    write_data(target / "data")
    shutil.copy(SOURCE / "exercise.css", target)
    version = app.config.unrolled_runtime
    if not version:
        return
    site = ensure()
    shutil.copytree(site, target, dirs_exist_ok=True)
    pages = {f"book/{name}.html": solvable(name) for name in chapters()}
    given = {"progress.js": f"window.unrolledExercises={json.dumps(pages, separators=(',', ':'))};\n"}
    given["exercise.js"] = f'window.unrolledVersion="{version}";\n'
    for name, line in given.items():
        (target / name).write_text(line + (site / name).read_text(encoding="utf-8"), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives and the files."""
    app.add_config_value("unrolled_runtime", "", "env", str)
    app.add_directive("unrolled-exercise", Exercise)
    app.add_directive("unrolled-chapter", Chapter)
    app.add_directive("unrolled-progress", Progress)
    app.add_css_file("exercise/exercise.css")
    app.connect("config-inited", prepare)
    app.connect("builder-inited", copy_files)
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
