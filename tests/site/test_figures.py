"""The figures' helper: what chapters rely on when they draw."""

from __future__ import annotations

import importlib.util
import re
import sys
import xml.etree.ElementTree as ET
from types import ModuleType

import pytest
from site_pages import ROOT


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("book_figures", ROOT / "book" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def drawings(figures: ModuleType) -> dict[str, object]:
    fig, ax = figures.plot_axes("x", "y")
    ax.plot([0, 1], [0, 1], label="a line")
    return {
        "unrolled": figures.unrolled_diagram(3, folded=True),
        "two states": figures.unrolled_diagram(2, states=("h", "c"), outputs="last"),
        "shapes": figures.shape_blocks(("y_t", "N", "C"), "=", ("h_t", "N", "H"), ("W_{hy}ᵀ", "H", "C"), alt="y"),
        "plot": figures.show(fig, "a plot <of> one line"),
    }


def test_figures_are_well_formed_and_named(figures: ModuleType) -> None:
    for name, figure in drawings(figures).items():
        root = ET.fromstring(figure.svg)
        assert root.get("role") == "img", name
        assert root.get("aria-label") == figure.alt, name


def test_figures_have_no_fixed_text_colour(figures: ModuleType) -> None:
    for name, figure in drawings(figures).items():
        assert "currentColor" in figure.svg, name
        outside_variables = re.sub(r"var\([^)]*\)", "", figure.svg)
        assert not re.search(r"#[0-9a-f]{6}\b", outside_variables), name


def test_drawing_twice_gives_the_same_bytes(figures: ModuleType) -> None:
    first, second = drawings(figures), drawings(figures)
    assert {name: f.svg for name, f in first.items()} == {name: f.svg for name, f in second.items()}


def test_labels_are_escaped_and_keep_their_subscripts(figures: ModuleType) -> None:
    markup = figures.label_markup("W_{xh} <b>")
    assert "<b>" not in markup
    assert ">xh</tspan>" in markup
    assert figures.label_markup("|cell") == "cell"


def test_light_colours_are_those_of_the_style_sheet(figures: ModuleType) -> None:
    css = (ROOT / "book" / "_ext" / "static" / "unrolled.css").read_text(encoding="utf-8")
    light = css[: css.index('html[data-theme="dark"]')]
    assert tuple(re.findall(r"--fig-\d: (#\w+);", light)) == figures.PALETTE
