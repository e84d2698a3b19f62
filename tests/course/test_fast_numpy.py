"""The fast NumPy layers give the numbers of the course's references and of PyTorch.

Claims about `book/fast/numpy_cells.py`: forwards and backwards the same as the functions of the
exercises for any shape, one step and one sequence included; the GRU that resets after the product
the same as `nn.GRU`; the dtype is kept; nothing that was passed in is changed. And the committed
measurement says what the page says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))

from fast import numpy_cells  # noqa: E402

from autograder.reference import functions  # noqa: E402

REFERENCE = {name: functions(name) for name in ("equations", "bptt", "lstm", "gru")}
SIZES = st.integers(1, 6)
MANY = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def draw(seed: int, T: int, N: int, D: int, H: int, blocks: int) -> dict[str, np.ndarray]:
    """Arguments of a layer and what arrives at its results; nothing is zero."""
    rng = np.random.default_rng(seed)
    shapes = {
        "x": (T, N, D), "h0": (N, H), "c0": (N, H), "W_xh": (blocks * H, D), "W_hh": (blocks * H, H),
        "b": (blocks * H,), "b_hh": (blocks * H,), "up": (T, N, H), "up_last": (N, H),
    }  # fmt: skip
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def agree(found: Any, expected: Any, rtol: float = 1e-12) -> None:
    """Pair by pair, to a fraction of the largest entry."""
    for mine, theirs in zip(found, expected, strict=True):
        theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else theirs
        assert mine.shape == theirs.shape
        assert np.max(np.abs(mine - theirs)) <= rtol * max(1.0, np.max(np.abs(theirs)))


@given(st.integers(0, 10**6), SIZES, SIZES, SIZES, SIZES)
@MANY
def test_rnn_agrees_with_the_reference(seed: int, T: int, N: int, D: int, H: int) -> None:
    p = draw(seed, T, N, D, H, 1)
    given_ = p["x"], p["h0"], p["W_xh"], p["W_hh"]
    h = numpy_cells.rnn_forward(*given_, p["b"])
    agree([h], [REFERENCE["equations"].rnn_forward(*given_, p["b"])])
    back = p["up"], p["up_last"], p["x"], p["h0"], h, p["W_xh"], p["W_hh"]
    agree(numpy_cells.rnn_backward(*back), REFERENCE["bptt"].rnn_backward(*back))


@given(st.integers(0, 10**6), SIZES, SIZES, SIZES, SIZES)
@MANY
def test_lstm_agrees_with_the_reference(seed: int, T: int, N: int, D: int, H: int) -> None:
    p = draw(seed, T, N, D, H, 4)
    given_ = p["x"], p["h0"], p["c0"]
    found = numpy_cells.lstm_forward(*given_, p["W_xh"], p["W_hh"], p["b"])
    agree(found, REFERENCE["lstm"].lstm_forward(*given_, p["W_xh"], p["W_hh"], p["b"]))
    back = p["up"], p["up_last"], *given_, *found, p["W_xh"], p["W_hh"]
    agree(numpy_cells.lstm_backward(*back), REFERENCE["lstm"].lstm_backward(*back))


@given(st.integers(0, 10**6), SIZES, SIZES, SIZES, SIZES)
@MANY
def test_gru_agrees_with_the_reference(seed: int, T: int, N: int, D: int, H: int) -> None:
    p = draw(seed, T, N, D, H, 3)
    given_ = p["x"], p["h0"], p["W_xh"], p["W_hh"]
    found = numpy_cells.gru_forward(*given_, p["b"])
    agree(found, REFERENCE["gru"].gru_forward(*given_, p["b"]))
    back = p["up"], p["x"], p["h0"], *found, p["W_xh"], p["W_hh"]
    agree(numpy_cells.gru_backward(*back), REFERENCE["gru"].gru_backward(*back))


@given(st.integers(0, 10**6), SIZES, SIZES, SIZES, SIZES)
@MANY
def test_gru_that_resets_after_agrees_with_nn_gru(seed: int, T: int, N: int, D: int, H: int) -> None:
    p = draw(seed, T, N, D, H, 3)
    layer = torch.nn.GRU(D, H, dtype=torch.float64)
    with torch.no_grad():
        for weight, name in zip(layer.parameters(), ("W_xh", "W_hh", "b", "b_hh"), strict=True):
            weight.copy_(torch.from_numpy(p[name]))
    x, h0 = (torch.from_numpy(p[name]).requires_grad_() for name in ("x", "h0"))
    output, _ = layer(x, h0[None])
    output.backward(torch.from_numpy(p["up"]))
    h, gates, q = numpy_cells.gru_forward_reset_after(p["x"], p["h0"], p["W_xh"], p["W_hh"], p["b"], p["b_hh"])
    agree([h], [output])
    found = numpy_cells.gru_backward_reset_after(p["up"], p["x"], p["h0"], h, gates, q, p["W_xh"], p["W_hh"])
    agree(found, [x.grad, h0.grad, *(weight.grad for weight in layer.parameters())])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept_and_arguments_are_not_changed(dtype: Any) -> None:
    for blocks in (1, 3, 4):
        p = {name: value.astype(dtype) for name, value in draw(1, 3, 2, 4, 5, blocks).items()}
        kept = {name: value.copy() for name, value in p.items()}
        x, h0, c0, W, U, b = (p[name] for name in ("x", "h0", "c0", "W_xh", "W_hh", "b"))
        if blocks == 1:
            h = numpy_cells.rnn_forward(x, h0, W, U, b)
            results = [h, *numpy_cells.rnn_backward(p["up"], p["up_last"], x, h0, h, W, U)]
        elif blocks == 4:
            states = numpy_cells.lstm_forward(x, h0, c0, W, U, b)
            results = [*states, *numpy_cells.lstm_backward(p["up"], p["up_last"], x, h0, c0, *states, W, U)]
        else:
            first = numpy_cells.gru_forward(x, h0, W, U, b)
            after = numpy_cells.gru_forward_reset_after(x, h0, W, U, b, p["b_hh"])
            results = [*first, *numpy_cells.gru_backward(p["up"], x, h0, *first, W, U)]
            results += [*after, *numpy_cells.gru_backward_reset_after(p["up"], x, h0, *after, W, U)]
        assert {result.dtype for result in results} == {np.dtype(dtype)}
        assert all(np.array_equal(p[name], kept[name]) for name in p)


def test_gates_that_overflow_a_naive_sigmoid_are_exact() -> None:
    p = draw(2, 2, 1, 2, 3, 4)
    p["b"] = np.repeat([-1000.0, 1000.0, 1.0, 1000.0], 3)
    with np.errstate(all="raise", under="ignore"):
        _, c, _ = numpy_cells.lstm_forward(p["x"], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    assert np.allclose(c, p["c0"], rtol=1e-12)


def test_the_committed_ratios_are_those_that_the_page_tells() -> None:
    data = Path(__file__).resolve().parents[2] / "book" / "data" / "fast_numpy.json"
    rows = json.loads(data.read_text(encoding="utf-8"))["rows"]
    least = {(r["who"], r["kind"], r["dtype"], r["H"]): r["both"]["least"] for r in rows}

    def ratio(kind: str, dtype: str, H: int) -> float:
        return least["NumPy", kind, dtype, H] / least["PyTorch", kind, dtype, H]

    drawn = [("RNN", "float64"), ("GRU", "float64"), ("LSTM", "float64"), ("GRU", "float32")]
    assert all(0.3 < ratio(*cell, 32) < 0.455 and 0.765 < ratio(*cell, 512) < 0.865 for cell in drawn)
    assert round(max(ratio(*cell, H) for cell in drawn for H in (64, 128, 256)), 2) == 0.95
    assert all(1.45 < ratio("LSTM", "float32", H) < 2 for H in (32, 64, 128, 256, 512))
