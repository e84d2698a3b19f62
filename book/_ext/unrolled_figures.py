"""Figures that a reader can move: the directive that puts one over a still figure.

    ```{interactive} norms
    :still: fig-bptt-radius
    ```

The drawing, its controls and their labels are written into the page, so a page does not move
when the code arrives, and a module in ``static/figures`` computes and draws. ``:still:`` names
the figure of the same page that stands where there is no JavaScript, and in print.

Belongs here: which figures there are, their controls, and their markup. Does not belong here:
what they compute (``static/figures/maths.js``) and draw (one module each).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.fileutil import copy_asset
from sphinx.util.osutil import relative_uri
from sphinx.writers.html5 import HTML5Translator

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Range:
    """A slider: its name in the module, its label (HTML), and its numbers."""

    name: str
    label: str
    low: float
    high: float
    step: float
    value: float

    def html(self) -> str:
        """Return the labelled input, with a place for its value."""
        limits = f'min="{self.low:g}" max="{self.high:g}" step="{self.step:g}" value="{self.value:g}"'
        return (
            f'<label class="unrolled-range"><span>{self.label}</span>'
            f'<input type="range" name="{self.name}" {limits} autocomplete="off">'
            '<span class="unrolled-value" aria-hidden="true"></span></label>'
        )


@dataclass(frozen=True)
class Choice:
    """A list to choose from: pairs of value and text."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]

    def html(self) -> str:
        """Return the labelled list."""
        options = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in self.options)
        return (
            f'<label class="unrolled-choice"><span>{self.label}</span>'
            f'<select name="{self.name}" autocomplete="off">{options}</select></label>'
        )


@dataclass(frozen=True)
class Line:
    """A line of text to type."""

    name: str
    label: str
    value: str
    longest: int

    def html(self) -> str:
        """Return the labelled input."""
        return (
            f'<label class="unrolled-line"><span>{self.label}</span>'
            f'<input type="text" name="{self.name}" value="{escape(self.value)}" maxlength="{self.longest}" '
            'spellcheck="false" autocapitalize="off" autocomplete="off"></label>'
        )


@dataclass(frozen=True)
class Button:
    """A button; the module says what it does."""

    label: str

    def html(self) -> str:
        """Return the button."""
        return f'<button type="button">{escape(self.label)}</button>'


@dataclass(frozen=True)
class Moving:
    """One figure: its name for screen readers, how to use it, its size, its data, its controls."""

    title: str
    how: str
    size: tuple[int, int]
    data: str
    controls: Sequence[Range | Choice | Line | Button]


@cache
def units_of_trained_cell() -> list[tuple[str, str]]:
    """The units that the typed-text figure offers, the likest to a bracket counter first."""
    trained = json.loads((DATA / "lstm_typed.json").read_text(encoding="utf-8"))
    pairs = zip(trained["units"], trained["correlation"], strict=True)
    signed = (f"{likeness:+.2f}".replace("-", "−") for _, likeness in pairs)
    return [
        (str(k), f"unit {unit}, correlation {text}")
        for k, (unit, text) in enumerate(zip(trained["units"], signed, strict=True))
    ]


@cache
def figures() -> dict[str, Moving]:
    """All figures by the name of their module."""
    gate = {"f": "forget gate f", "i": "input gate i", "g": "candidate g", "o": "output gate o"}
    return {
        "network": Moving(
            "A network of one unit, step by step",
            "Move the step: states go forward, then gradients come back.",
            (420, 176),
            "network_values",
            (
                Range("T", "steps T", 1, 6, 1, 3),
                Range("wh", "weight w<sub>h</sub>", -2, 2, 0.05, 0.5),
                Range("step", "step", 0, 6, 1, 6),
                Button("Play"),
            ),
        ),
        "norms": Moving(
            "Gradient norm against spectral radius and number of steps",
            "Move the spectral radius across 1.",
            (420, 270),
            "gradient_norms",
            (
                Range("rho", "spectral radius ρ", 0.5, 1.5, 0.01, 0.9),
                Range("T", "number of steps T", 1, 60, 1, 50),
            ),
        ),
        "lstm_gates": Moving(
            "An LSTM unit whose gates are set by hand",
            "Drag a bar, or choose a step and move its gates.",
            (420, 352),
            "lstm_hand_gates",
            (
                Choice(
                    "preset",
                    "start from",
                    (("table", "the table, then a leak"), ("keep", "write once, keep"), ("count", "count up and down")),
                ),
                Range("step", "step t", 1, 12, 1, 8),
                *(Range(name, gate[name], -1 if name == "g" else 0, 1, 0.05, 0) for name in "figo"),
            ),
        ),
        "gru_forms": Moving(
            "The GRU's candidate in both forms, with two units",
            "Gate 2 is closed. Open it, and the two forms agree. "
            "Close it again and choose the diagonal matrix. Then add a bias.",
            (420, 252),
            "gru_forms",
            (
                Range("r1", "reset gate r, unit 1", 0, 1, 0.05, 1),
                Range("r2", "reset gate r, unit 2", 0, 1, 0.05, 0),
                Range("b", "bias b<sub>hn</sub> of both", -1, 1, 0.05, 0),
                Choice(
                    "weights",
                    "matrix W<sub>hn</sub>",
                    (("swap", "swaps the units"), ("diagonal", "diagonal"), ("full", "all four entries")),
                ),
            ),
        ),
        "typed_gates": Moving(
            "Gates of a trained LSTM over a line that you type",
            "Type brackets, and brackets inside quotes.",
            (420, 240),
            "lstm_typed",
            (
                Line("text", "a line of Python, 64 characters at most", "any(c != '-' for c in chunk[:hyphen]):", 64),
                Choice("unit", "unit", units_of_trained_cell()),
            ),
        ),
    }


class interactive(nodes.General, nodes.Element):
    """The place of a figure that can be moved."""


class Interactive(SphinxDirective):
    """``{interactive} NAME`` with ``:still:``, the name of a figure on this page."""

    required_arguments = 1
    option_spec = {"still": directives.unchanged_required}  # noqa: RUF012 (docutils reads it from the class)

    def run(self) -> list[nodes.Node]:
        """Check the name and leave a node for :class:`PutOverStill`."""
        name = self.arguments[0]
        if name not in figures():
            raise self.error(f"no interactive figure {name!r}; there are {', '.join(figures())}")
        if "still" not in self.options:
            raise self.error("an interactive figure needs :still:, the figure that stands without JavaScript")
        self.env.note_dependency(str(DATA / f"{figures()[name].data}.json"))
        node = interactive(name=name, still=self.options["still"])
        self.set_source_info(node)
        return [node]


class PutOverStill(SphinxPostTransform):
    """Move each interactive figure into the still figure that it names, above its picture."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        """Move or, outside HTML, remove."""
        for node in list(self.document.findall(interactive)):
            still = node["still"]
            node.parent.remove(node)
            if self.app.builder.format != "html":
                continue
            homes = [figure for figure in self.document.findall(nodes.figure) if still in named(figure)]
            if not homes:
                raise ExtensionError(f"{self.env.docname}: no figure {still!r} for interactive {node['name']!r}")
            homes[0].insert(0, node)


def named(figure: nodes.figure) -> Iterator[str]:
    """The names and ids of a figure."""
    yield from figure["ids"]
    yield from figure["names"]


def visit_interactive(translator: HTML5Translator, node: interactive) -> None:
    """Write the drawing's frame, the controls and the line that says what they do."""
    figure = figures()[node["name"]]
    page = translator.builder.get_target_uri(translator.builder.current_docname)
    source = relative_uri(page, f"_static/figures/{figure.data}.json")
    width, height = figure.size
    translator.body.append(
        f'<div class="unrolled-interactive" role="group" aria-label="{escape(figure.title)}" '
        f'data-figure="{node["name"]}" data-source="{source}">'
        f'<p class="unrolled-how">{escape(figure.how)}</p>'
        f'<svg role="img" aria-label="{escape(figure.title)}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif"></svg>'
        f'<div class="unrolled-controls">{"".join(control.html() for control in figure.controls)}</div>'
        '<p class="unrolled-readout" role="status"></p></div>'
    )
    raise nodes.SkipNode


def skip(translator: nodes.NodeVisitor, node: interactive) -> None:
    """Write nothing: the still figure is all that there is."""
    raise nodes.SkipNode


def load_where_needed(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Load the figures' script and style on the pages that have one."""
    if doctree is not None and next(iter(doctree.findall(interactive)), None) is not None:
        app.add_js_file("figures/start.js", type="module")
        app.add_css_file("figures/figures.css")


def copy_data(app: Sphinx, error: Exception | None) -> None:
    """Put the figures' data beside their modules."""
    if error is None and app.builder.format == "html":
        for name in sorted({figure.data for figure in figures().values()}):
            copy_asset(str(DATA / f"{name}.json"), str(Path(app.outdir) / "_static" / "figures"))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register directive, node and handlers."""
    app.add_node(interactive, html=(visit_interactive, None), latex=(skip, None), text=(skip, None))
    app.add_directive("interactive", Interactive)
    app.add_post_transform(PutOverStill)
    app.connect("html-page-context", load_where_needed)
    app.connect("build-finished", copy_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
