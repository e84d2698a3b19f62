"""Figures that can be moved: they compute what the course's own code computes, and work for everyone.

The modules run in Chromium, as they do for a reader. The reference is NumPy: the exercises' solutions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from site_pages import ROOT

from autograder.reference import functions

pytestmark = pytest.mark.browser

DATA = ROOT / "book" / "data"
HOMES = {
    "network": "book/bptt",
    "norms": "book/bptt",
    "lstm_gates": "book/lstm",
    "typed_gates": "book/lstm",
    "gru_forms": "book/gru",
}
CALL = """async ([name, values]) => {
    const maths = await import(new URL('../_static/figures/maths.js', document.baseURI));
    return maths[name](...values);
}"""
examples = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
seeds = st.integers(0, 2**32 - 1)


def record(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def compute(visit: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """Call a function of ``maths.js`` in the browser."""
    opened = visit("book/glossary")
    yield lambda name, *values: opened.page.evaluate(CALL, [name, list(values)])
    opened.page.close()


@examples
@given(seed=seeds, steps=st.integers(1, 8))
def test_one_unit_network_has_the_courses_states_and_gradients(compute: Any, seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    x, k = rng.normal(size=(2, steps))
    wx, wh, b, h0 = rng.normal(size=4)
    seen = compute("scalarNetwork", {"x": x.tolist(), "k": k.tolist(), "wx": wx, "wh": wh, "b": b, "h0": h0})
    forward, backward = functions("equations"), functions("bptt")
    weights = np.array([[wx]]), np.array([[wh]]), np.array([b])
    h = forward.rnn_forward(x[:, None, None], np.array([[h0]]), *weights)
    dh = h - k[:, None, None]
    nothing, start = np.zeros((1, 1)), np.array([[h0]])
    _, dh0, _, dwh, _ = backward.rnn_backward(dh, nothing, x[:, None, None], start, h, *weights[:2])
    np.testing.assert_allclose(seen["h"], h[:, 0, 0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(seen["dh0"], dh0[0, 0], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(seen["dwh"], dwh[0, 0], rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(seen["loss"], (dh**2).sum() / 2, rtol=1e-12)


@examples
@given(rho=st.floats(0.5, 1.5), steps=st.integers(1, 60), linear=st.booleans())
def test_gradient_norms_are_the_courses(compute: Any, rho: float, steps: int, linear: bool) -> None:
    saved = record("gradient_norms")
    W, x, last = rho * np.array(saved["base"]), np.array(saved["x"])[:steps], np.array(saved["last"])
    h = np.zeros_like(x)
    if not linear:
        eye, zero = np.eye(16), np.zeros
        h = functions("equations").rnn_forward(x[:, None], zero((1, 16)), eye, W, zero(16))[:, 0]
        np.testing.assert_allclose(compute("tanhStates", W.tolist(), x.tolist()), h, rtol=1e-9, atol=1e-12)
    norms = functions("bptt").gradient_norms_over_time(last[None], h[:, None], W)[::-1, 0]
    np.testing.assert_allclose(compute("gradientNorms", last.tolist(), h.tolist(), W.tolist()), norms, rtol=1e-9)


def test_the_matrix_of_the_figure_has_spectral_radius_one() -> None:
    assert np.abs(np.linalg.eigvals(np.array(record("gradient_norms")["base"]))).max() == pytest.approx(1, abs=1e-5)


@examples
@given(seed=seeds, steps=st.integers(1, 12))
def test_gates_set_by_hand_move_the_cell_as_in_the_equation(compute: Any, seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    f, i, o = rng.uniform(0.01, 0.99, (3, steps))
    g = rng.uniform(-0.99, 0.99, steps)
    gates = {name: values.tolist() for name, values in {"f": f, "i": i, "g": g, "o": o}.items()}
    # The reference computes gates from inputs: one input each, of the size that gives the wanted gate.
    wanted = np.stack([np.log(i / (1 - i)), np.log(f / (1 - f)), np.arctanh(g), np.log(o / (1 - o))], axis=1)
    zero = np.zeros((1, 1))
    h, c, _ = functions("lstm").lstm_forward(wanted[:, None], zero, zero, np.eye(4), np.zeros((4, 1)), np.zeros(4))
    seen = compute("handGates", gates)
    np.testing.assert_allclose(seen["c"], c[:, 0, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen["h"], h[:, 0, 0], rtol=1e-9, atol=1e-12)


@examples
@given(seed=seeds, units=st.integers(1, 5))
def test_both_forms_of_the_gru_have_the_courses_candidates(compute: Any, seed: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    h, b, x_part = rng.normal(size=(3, units))
    r, W = rng.uniform(0.01, 0.99, units), rng.normal(size=(units, units))
    values = {"h": h, "r": r, "W": W, "b": b, "fromInput": x_part}
    seen = compute("gruCandidates", {name: value.tolist() for name, value in values.items()})
    # The reference takes the gates from inputs: z is shut, so the candidate is the new state.
    H, gru = units, functions("gru")
    x = np.concatenate([np.log(r / (1 - r)), np.full(H, -800.0), x_part])[None]
    W_hh = np.concatenate([np.zeros((2 * H, H)), W])
    b_hh = np.concatenate([np.zeros(2 * H), b])
    nothing = np.zeros(3 * H)
    before = gru.gru_step(x, h[None], np.eye(3 * H), W_hh, b_hh)[0]
    after = gru.gru_step_reset_after(x, h[None], np.eye(3 * H), W_hh, nothing, b_hh)[0]
    np.testing.assert_allclose(seen["before"], before[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen["after"], after[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("text", ["any(c != '-' for c in chunk[:hyphen]):", "x", "é(\t漢[", "((((" * 16])
def test_the_trained_cell_reads_as_the_courses_lstm_does(compute: Any, text: str) -> None:
    saved = record("lstm_typed")
    places = [saved["codes"].index(ord(c)) if ord(c) in saved["codes"] else -1 for c in text]
    x = np.eye(len(saved["codes"]))[places][:, None]
    weights = np.array(saved["W_xh"]).T, np.array(saved["W_hh"]), np.array(saved["b"])
    zero = np.zeros((1, 32))
    h, c, gates = functions("lstm").lstm_forward(x, zero, zero, *weights)
    seen = compute("readText", saved, text)
    np.testing.assert_allclose(seen["h"], h[:, 0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen["c"], c[:, 0], rtol=1e-9, atol=1e-12)
    for name, values in zip("ifgo", np.split(gates[:, 0], 4, axis=1), strict=True):
        np.testing.assert_allclose(seen[name], values, rtol=1e-9, atol=1e-12)
    scores = h[:, 0] @ np.array(saved["W_hy"]).T + np.array(saved["b_y"])
    assert seen["answer"] == scores.argmax(axis=1).tolist()


def test_the_trained_cell_is_small_and_counts_brackets() -> None:
    saved = record("lstm_typed")
    assert (DATA / "lstm_typed.json").stat().st_size < 150_000
    assert saved["about"]["accuracy"]["all"] > 0.94


@pytest.fixture(params=HOMES)
def moving(request: pytest.FixtureRequest, visit: Callable[[str], Any]) -> Iterator[Any]:
    """A figure, in view and at work."""
    opened = visit(HOMES[request.param])
    opened.root = opened.page.locator(f".unrolled-interactive[data-figure={request.param}]")
    opened.root.scroll_into_view_if_needed()
    opened.root.and_(opened.page.locator("[data-ready]")).wait_for()
    yield opened
    opened.page.close()


def test_every_control_changes_the_drawing_from_the_keyboard(moving: Any) -> None:
    drawing = "e => e.querySelector('svg').innerHTML + e.querySelector('.unrolled-readout').textContent"
    for control in moving.root.locator("input, select").all():
        before = moving.root.evaluate(drawing)
        control.focus()
        if control.get_attribute("type") == "text":
            control.press("Home")
            moving.page.keyboard.type("(")
        else:
            for key in ("ArrowDown", "ArrowLeft", "ArrowRight", "ArrowRight"):
                control.press(key)
                if moving.root.evaluate(drawing) != before:
                    break
        assert moving.root.evaluate(drawing) != before, control.get_attribute("name")
    assert moving.errors == []
    assert moving.foreign == []


def test_the_still_figure_stands_in_print(moving: Any) -> None:
    still = moving.root.locator("xpath=..").locator("> :not(.unrolled-interactive, figcaption)").first
    assert not still.is_visible()
    moving.page.emulate_media(media="print")
    assert still.is_visible()
    assert not moving.root.is_visible()
    moving.page.emulate_media(media="screen")


def test_a_phone_of_320_pixels_shows_it_whole(moving: Any) -> None:
    moving.page.set_viewport_size({"width": 320, "height": 640})
    moving.page.wait_for_function("document.documentElement.scrollWidth <= 320")
    inside = "e => [...e.querySelectorAll('*')].every(c => c.getBoundingClientRect().right <= 320)"
    assert moving.root.evaluate(inside)


def test_without_its_data_a_figure_gives_way_to_the_still_one(visit: Callable[[str], Any]) -> None:
    opened = visit("book/gru")
    opened.page.route("**/gru_forms.json", lambda route: route.abort())
    opened.page.reload()
    root = opened.page.locator(".unrolled-interactive")
    opened.page.locator("#fig-gru-orders").scroll_into_view_if_needed()
    opened.page.locator(".unrolled-interactive.failed").wait_for(state="attached")
    assert not root.is_visible()
    assert opened.page.locator("#fig-gru-orders .unrolled-figure").is_visible()
    opened.page.close()


def test_play_moves_by_itself_unless_the_reader_wants_no_motion(visit: Callable[[str], Any]) -> None:
    opened = visit("book/bptt")
    opened.page.clock.install()
    opened.page.emulate_media(reduced_motion="reduce")
    opened.page.reload()
    root = opened.page.locator(".unrolled-interactive[data-figure=network]")
    root.scroll_into_view_if_needed()
    root.and_(opened.page.locator("[data-ready]")).wait_for()
    step, play = root.locator("[name=step]"), root.locator("button")
    play.click()
    opened.page.clock.run_for(3000)
    assert step.input_value() == "0"
    play.click()
    assert step.input_value() == "1"
    opened.page.emulate_media(reduced_motion="no-preference")
    play.click()
    opened.page.clock.run_for(10_000)
    assert step.input_value() == "6"
    assert play.inner_text() == "Play"
    opened.page.close()
