"""What a student sees the moment a check cell runs."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from autograder.check import Inputs, check, distinct, draw, inputs
from autograder.payload import MIME, decode
from autograder.reference import functions


@pytest.fixture(scope="module")
def equations() -> Iterator[SimpleNamespace]:
    """The chapter's reference functions; its inputs are registered too."""
    from tests.submissions.samples import chapter

    names = {"inputs": inputs, "distinct": distinct, "np": np}
    for cell in chapter("equations").of("inputs"):
        exec(cell.source, names)
    yield functions("equations")


def test_draws_are_the_same_every_time_and_new_arrays(equations: SimpleNamespace) -> None:
    first, second, other = draw("rnn-step"), draw("rnn-step"), draw("rnn-step", 1)
    assert np.array_equal(first.x, second.x)
    assert first.x is not second.x
    assert first.x.shape != other.x.shape or not np.array_equal(first.x, other.x)


def test_another_seed_gives_other_inputs(equations: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    public = draw("rnn-step")
    monkeypatch.setenv("UNROLLED_SEED", "1")
    assert not np.array_equal(public.W_hh.ravel()[:4], draw("rnn-step").W_hh.ravel()[:4])


def test_draw_before_its_cell_says_what_to_do() -> None:
    with pytest.raises(LookupError, match="run the cells above"):
        draw("no-such-exercise")


def test_inputs_become_tensors_of_the_right_kind() -> None:
    import torch

    p = Inputs(x=np.ones((2, 3)), k=np.array([1, 2], dtype=np.int32), m=np.array([True]), n=5).tensors()
    assert (p.x.dtype, p.k.dtype, p.m.dtype, p.n) == (torch.float32, torch.int64, torch.bool, 5)
    with pytest.raises(AttributeError, match="have x, k, m, n"):
        _ = p.y


def test_right_wrong_and_known_mistakes_are_said_in_text_and_html(equations: SimpleNamespace) -> None:
    p = draw("rnn-step")
    right = equations.rnn_step(p.x, p.h_prev, p.W_xh, p.W_hh, p.b_h)
    assert repr(check("rnn-step", h=right, inputs=p)) == "✓ rnn-step: Right. 10 points."
    off = right.copy()
    off[1, 1] += 0.25
    said = repr(check("rnn-step", h=off, inputs=p))
    assert "✗ rnn-step: Not yet. `h[1, 1]` (example 1, hidden unit 1): yours is" in said
    assert "off by 0.25" in said
    assert f"{right[1, 1]:.4f}" not in said
    mistaken = np.tanh(p.x @ p.W_xh.T + p.h_prev @ p.W_hh + p.b_h)
    bundle = check("rnn-step", h=mistaken, inputs=p)._repr_mimebundle_()
    assert "A known mistake: recurrent-weight-not-transposed" in bundle["text/plain"]
    assert "recurrent-weight-not-transposed" in bundle["text/html"]
    assert decode(bundle[MIME]).id == "rnn-step"


def test_html_is_escaped_and_takes_the_themes_colours() -> None:
    bundle = check("<script>alert(1)</script>", h=1.0)._repr_mimebundle_()
    assert "<script>" not in bundle["text/html"]
    assert "color:inherit" in bundle["text/html"]
    assert "background:transparent" in bundle["text/html"]


def test_an_unknown_check_and_other_inputs_give_no_verdict(
    equations: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no check called 'poem'" in repr(check("poem", h=1.0))
    monkeypatch.setenv("UNROLLED_SEED", "3")
    p = draw("rnn-step")
    assert "not the public ones" in repr(check("rnn-step", h=p.x))
    monkeypatch.setenv("UNROLLED_GRADING", "1")
    bundle = check("rnn-step", h=p.x)._repr_mimebundle_()
    assert set(bundle) == {MIME, "text/plain"}
