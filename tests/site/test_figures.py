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
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "book"))  # pages run there
        spec.loader.exec_module(module)
        import figures_table  # noqa: F401 (`show` imports it later, from where pages run)

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


def plotted(figures: ModuleType, *lines: tuple[list[float], list[float], str]) -> str:
    """The table below a plot of lines (x, y, label)."""
    fig, ax = figures.plot_axes("step t", "state")
    for x, y, label in lines:
        ax.plot(x, y, label=label)
    return figures.show(fig, "a plot").table


def cells(table: str) -> list[list[str]]:
    """The rows of a table as text."""
    root = ET.fromstring(table)
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


def test_a_plot_has_its_numbers_as_a_table(figures: ModuleType) -> None:
    table = plotted(figures, ([1, 2, 3], [0.5, -0.25, 1e-9], "c <1>"), ([1, 2, 3], [1, 2, 3], "h"))
    assert cells(table) == [["step t", "c <1>", "h"], ["1", "0.5", "1"], ["2", "−0.25", "2"], ["3", "1e−09", "3"]]


def test_aids_to_the_eye_are_not_data(figures: ModuleType) -> None:
    table = plotted(figures, ([1, 2, 3], [4, 5, 6], "c"), ([1, 2, 3], [0, 0, 0], "_zero"))
    assert cells(table)[0] == ["step t", "c"]


def test_a_long_line_is_shown_at_some_points_and_says_so(figures: ModuleType) -> None:
    x = list(range(1000))
    table = plotted(figures, (x, x, "line"))
    assert len(cells(table)) == 1 + 25
    assert cells(table)[-1] == ["999", "999"]
    assert "25 of 1000 points" in table


def test_lines_that_share_no_places_have_no_table(figures: ModuleType) -> None:
    assert plotted(figures, *(([k, k + 0.1, k + 0.2], [1, 2, 3], f"line {k}") for k in range(4))) == ""
