"""The GRU chapter: both functions of that name against PyTorch, and what the page says of its data.

Belongs here: claims about the chapter's reference functions, its committed experiments and its
drawings. That the exercises grade as they should is in tests/autograder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from autograder.reference import functions

torch.set_num_threads(1)
BOOK = Path(__file__).resolve().parents[2] / "book"
gru = functions("gru")
Array = np.ndarray

sizes = st.integers(1, 5)
many = settings(max_examples=100, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Case:
    """Random inputs, weights and upstream gradients of one sequence, all float64."""

    x: Array
    h0: Array
    W_xh: Array
    W_hh: Array
    b_xh: Array
    b_hh: Array
    dstates: Array


def case(T: int, N: int, D: int, H: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    shapes = [(T, N, D), (N, H), (3 * H, D), (3 * H, H), (3 * H,), (3 * H,), (T, N, H)]
    return Case(*(rng.normal(size=shape) for shape in shapes))


def close(mine: Array, theirs: Array | Tensor, tolerance: float = 1e-10) -> bool:
    """Equal to ``tolerance``, relative to the largest entry."""
    theirs = theirs.detach().numpy() if isinstance(theirs, Tensor) else theirs
    return mine.shape == theirs.shape and np.abs(mine - theirs).max() <= tolerance * max(np.abs(theirs).max(), 1e-3)


def torch_reset_before(x: Tensor, h: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor) -> Tensor:
    """The published GRU in plain PyTorch, block by block: states (T, N, H)."""
    (W_xr, W_xz, W_xn), (W_hr, W_hz, W_hn), (b_r, b_z, b_n) = W_xh.chunk(3), W_hh.chunk(3), b.chunk(3)
    states = []
    for x_t in x:
        r = torch.sigmoid(x_t @ W_xr.T + h @ W_hr.T + b_r)
        z = torch.sigmoid(x_t @ W_xz.T + h @ W_hz.T + b_z)
        n = torch.tanh(x_t @ W_xn.T + (r * h) @ W_hn.T + b_n)
        h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states)


def leaves(*arrays: Array) -> list[Tensor]:
    return [torch.from_numpy(a.copy()).requires_grad_() for a in arrays]


def forward_reset_after(c: Case) -> tuple[Array, Array]:
    """All states and gates of the reset-after GRU, by the reference's step."""
    h, found = c.h0, []
    for x_t in c.x:
        h, gates = gru.gru_step_reset_after(x_t, h, c.W_xh, c.W_hh, c.b_xh, c.b_hh)
        found.append((h, gates))
    return np.array([h for h, _ in found]), np.array([gates for _, gates in found])


def backward_reset_after(c: Case) -> list[Array]:
    """dx, dh0 and the gradients of the four weights, by the reference's step backward."""
    states, gates = forward_reset_after(c)
    before = np.concatenate([c.h0[None], states[:-1]])
    dx, dh = np.empty_like(c.x), np.zeros_like(c.h0)
    totals = [np.zeros_like(w) for w in (c.W_xh, c.W_hh, c.b_xh, c.b_hh)]
    for t in reversed(range(len(c.x))):
        dx[t], dh, *found = gru.gru_step_backward_reset_after(
            dh + c.dstates[t], c.x[t], before[t], gates[t], c.W_xh, c.W_hh, c.b_hh
        )
        totals = [total + part for total, part in zip(totals, found, strict=True)]
    return [dx, dh, *totals]


@many
@given(sizes, sizes, sizes, sizes, st.integers(0, 2**31))
def test_reset_before_agrees_with_autograd(T: int, N: int, D: int, H: int, seed: int) -> None:
    c = case(T, N, D, H, seed)
    tensors = leaves(c.x, c.h0, c.W_xh, c.W_hh, c.b_xh)
    expected = torch_reset_before(*tensors)
    (expected * torch.from_numpy(c.dstates)).sum().backward()
    states, gates = gru.gru_forward(c.x, c.h0, c.W_xh, c.W_hh, c.b_xh)
    assert close(states, expected)
    found = gru.gru_backward(c.dstates, c.x, c.h0, states, gates, c.W_xh, c.W_hh)
    assert [close(mine, leaf.grad) for mine, leaf in zip(found, tensors, strict=True)] == [True] * 5


@many
@given(sizes, sizes, sizes, sizes, st.integers(0, 2**31))
def test_reset_after_agrees_with_nn_gru(T: int, N: int, D: int, H: int, seed: int) -> None:
    c = case(T, N, D, H, seed)
    theirs = nn.GRU(D, H).double()
    with torch.no_grad():
        for parameter, value in zip(theirs.parameters(), (c.W_xh, c.W_hh, c.b_xh, c.b_hh), strict=True):
            parameter.copy_(torch.from_numpy(value))
    x, h0 = leaves(c.x, c.h0)
    expected, _ = theirs(x, h0[None])
    (expected * torch.from_numpy(c.dstates)).sum().backward()
    assert close(forward_reset_after(c)[0], expected)
    grads = [x.grad, h0.grad, *(parameter.grad for parameter in theirs.parameters())]
    assert [close(m, g) for m, g in zip(backward_reset_after(c), grads, strict=True)] == [True] * 6


@many
@given(sizes, sizes, sizes, st.integers(0, 2**31))
def test_one_step_is_a_sequence_of_one(N: int, D: int, H: int, seed: int) -> None:
    c = case(1, N, D, H, seed)
    h, gates = gru.gru_step(c.x[0], c.h0, c.W_xh, c.W_hh, c.b_xh)
    states, all_gates = gru.gru_forward(c.x, c.h0, c.W_xh, c.W_hh, c.b_xh)
    assert close(h, states[0]) and close(gates, all_gates[0])
    step = gru.gru_step_backward(c.dstates[0], c.x[0], c.h0, gates, c.W_xh, c.W_hh)
    whole = gru.gru_backward(c.dstates, c.x, c.h0, states, all_gates, c.W_xh, c.W_hh)
    assert close(step[0], whole[0][0])
    assert all(close(a, b) for a, b in zip(step[1:], whole[1:], strict=True))


@pytest.mark.parametrize("form", ["before", "after"])
def test_gradients_agree_with_finite_differences(form: str) -> None:
    c = case(T=4, N=2, D=3, H=2, seed=11)
    names = ["x", "h0", "W_xh", "W_hh", "b_xh"] + (["b_hh"] if form == "after" else [])

    def loss(changed: Case) -> float:
        if form == "after":
            return float((forward_reset_after(changed)[0] * changed.dstates).sum())
        states, _ = gru.gru_forward(changed.x, changed.h0, changed.W_xh, changed.W_hh, changed.b_xh)
        return float((states * changed.dstates).sum())

    if form == "after":
        found = backward_reset_after(c)
    else:
        states, gates = gru.gru_forward(c.x, c.h0, c.W_xh, c.W_hh, c.b_xh)
        found = gru.gru_backward(c.dstates, c.x, c.h0, states, gates, c.W_xh, c.W_hh)
    for name, gradient in zip(names, found, strict=True):
        quotient = np.empty_like(gradient)
        for index in np.ndindex(gradient.shape):
            values = []
            for sign in (1, -1):
                array = getattr(c, name).copy()
                array[index] += sign * 1e-5
                values.append(loss(Case(**{**vars(c), name: array})))
            quotient[index] = (values[0] - values[1]) / 2e-5
        assert close(gradient, quotient, 1e-8), name


@many
@given(sizes, sizes, sizes, st.integers(0, 2**31))
def test_converted_weights_compute_the_other_convention(N: int, D: int, H: int, seed: int) -> None:
    c = case(1, N, D, H, seed)
    z, n = np.split(gru.gru_step(c.x[0], c.h0, c.W_xh, c.W_hh, c.b_xh)[1], 3, axis=1)[1:]
    theirs = (1 - z) * c.h0 + z * n
    ours, _ = gru.gru_step(c.x[0], c.h0, *gru.convert_update_gate(c.W_xh, c.W_hh, c.b_xh))
    assert close(ours, theirs)


@many
@given(sizes, sizes, st.integers(0, 2**31))
def test_the_two_forms_differ_by_the_equation_of_the_page(N: int, H: int, seed: int) -> None:
    rng = np.random.default_rng(seed)  # eq-gru-gap
    h, W, r = rng.normal(size=(N, H)), rng.normal(size=(H, H)), rng.uniform(size=(N, H))
    gap = r * (h @ W.T) - (r * h) @ W.T
    assert np.allclose(gap, np.einsum("nik,ik,nk->ni", r[:, :, None] - r[:, None, :], W, h), atol=1e-12)
    constant, diagonal = rng.uniform(size=(N, 1)), np.diag(rng.normal(size=H))
    assert np.allclose(constant * (h @ W.T), (constant * h) @ W.T)
    assert np.allclose(r * (h @ diagonal), (r * h) @ diagonal)
    if H > 1:
        assert np.abs(gap).max() > 0


def test_states_never_leave_the_unit_interval() -> None:
    rng = np.random.default_rng(3)
    x, weights = rng.normal(size=(200, 4, 3)), [100 * rng.normal(size=s) for s in ((15, 3), (15, 5), (15,))]
    states, _ = gru.gru_forward(x, rng.uniform(-1, 1, size=(4, 5)), *weights)
    assert np.abs(states).max() <= 1


@many
@given(sizes, sizes, sizes, sizes, st.integers(0, 2**31))
def test_the_module_and_its_gates_agree_with_nn_gru(T: int, N: int, D: int, H: int, seed: int) -> None:
    c = case(T, N, D, H, seed)
    mine, theirs = gru.GRU(D, H).double(), nn.GRU(D, H).double()
    names = {"weight_ih_l0": "W_xh", "weight_hh_l0": "W_hh", "bias_ih_l0": "b_xh", "bias_hh_l0": "b_hh"}
    theirs.load_state_dict({name: torch.from_numpy(getattr(c, ours)) for name, ours in names.items()})
    mine.load_state_dict({ours: getattr(theirs, name).detach() for name, ours in names.items()})
    x, h0 = torch.from_numpy(c.x), torch.from_numpy(c.h0)[None]
    for given_state in (h0, None):
        states, h_n = mine(x, given_state)
        expected, expected_last = theirs(x, given_state)
        assert close(states.detach().numpy(), expected) and close(h_n.detach().numpy(), expected_last)
    gates = forward_reset_after(c)[1]
    r, z = gru.gates_of(theirs, x, h0)
    assert close(r.numpy(), gates[:, :, :H]) and close(z.numpy(), gates[:, :, H : 2 * H])


KERAS = """
import sys
import numpy as np
import keras
rng = np.random.default_rng(0)
layer = keras.layers.GRU(4, return_sequences=True, dtype="float64")
layer.build((2, 5, 3))
weights = [rng.normal(size=w.shape) for w in layer.weights]
layer.set_weights(weights)
x = rng.normal(size=(2, 5, 3))
np.savez(sys.argv[1], *weights, x=x, states=keras.ops.convert_to_numpy(layer(x)))
"""


@pytest.mark.skipif(importlib.util.find_spec("keras") is None, reason="Keras is not installed")
def test_keras_weights_give_the_same_states_in_pytorch(tmp_path: Path) -> None:
    environment = os.environ | {"KERAS_BACKEND": "torch"}
    path = tmp_path / "keras.npz"
    subprocess.run([sys.executable, "-c", KERAS, str(path)], env=environment, check=True, capture_output=True)
    with np.load(path) as saved:
        kernel, recurrent, bias, x, states = (
            torch.from_numpy(saved[name].astype(np.float64)) for name in ("arr_0", "arr_1", "arr_2", "x", "states")
        )
    theirs = nn.GRU(3, 4, batch_first=True).double()
    gru.load_keras(kernel, recurrent, bias, theirs)
    assert close(theirs(x)[0].detach().numpy(), states, 1e-6)


@pytest.mark.parametrize("bias", [0.0, 1.0, 3.0])
def test_the_mean_age_of_what_a_constant_gate_keeps(bias: float) -> None:
    z, age = 1 / (1 + np.exp(-bias)), np.arange(5000)
    weights = (1 - z) * z**age
    assert np.isclose(weights.sum(), 1) and np.isclose((age * weights).sum(), np.exp(bias))


def record(name: str) -> dict:
    return json.loads((BOOK / "data" / f"{name}.json").read_text())


def test_without_a_bias_nothing_is_learnt_over_the_wait_and_with_one_everything() -> None:
    saved = record("gru_wait")
    last = {name: [run[-1] for run in runs] for name, runs in saved["accuracy"].items()}
    assert all(len(values) == 5 for values in last.values())
    assert max(last["GRU, as PyTorch starts"]) < 12
    assert max(saved["moved"]["GRU, as PyTorch starts"]) < 1e-5
    assert min(last["GRU, bias 1"]) > 90 and min(last["GRU, bias 3"]) > 90
    assert max(last["RNN"]) < 40


def test_with_a_small_epsilon_the_same_start_learns_unless_a_square_underflows() -> None:
    saved = record("gru_wait")
    name = "GRU, as PyTorch starts, epsilon 1e-30"
    runs = sorted(zip(saved["moved"][name], (run[-1] for run in saved["accuracy"][name]), strict=True))
    assert all(moved < 10 and accuracy > 90 for moved, accuracy in runs[:4])
    assert runs[4][0] > 1e5 and runs[4][1] < 12


def test_the_trained_cell_keeps_while_it_waits() -> None:
    saved = record("gru_gates")
    H = saved["settings"]["hidden_size"]
    shapes = {"W_xh": (3 * H, 8), "W_hh": (3 * H, H), "b_xh": (3 * H,), "b_hh": (3 * H,)}
    weights = [np.array(saved["weights"][name]).reshape(shape) for name, shape in shapes.items()]
    rows = np.array(saved["test"]["rows"]).reshape(-1, 8, 8).swapaxes(0, 1) / 16
    h, gates = np.zeros((rows.shape[1], H)), []
    for x_t in np.concatenate([rows, np.zeros((saved["settings"]["wait"], *rows.shape[1:]))]):
        h, found = gru.gru_step_reset_after(x_t, h, *weights)
        gates.append(found)
    answer = h @ np.array(saved["weights"]["W_hy"]).reshape(10, H).T + saved["weights"]["b_y"]
    assert (answer.argmax(axis=1) == saved["test"]["classes"]).mean() > 0.9
    z = np.array(gates)[:, :, H : 2 * H].mean(axis=(1, 2))
    assert z[1:6].max() < 0.45 and z[16:].min() > 0.65


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """book/experiments/cells_compare.py as a module."""
    sys.path.insert(0, str(BOOK / "experiments"))
    return importlib.import_module("cells_compare")


def test_the_comparison_counts_as_pytorch_does(script: ModuleType) -> None:
    for run in script.plan():
        model = script.Classifier(run["cell"], script.TASKS[run["task"]][1], run["hidden_size"])
        assert sum(w.numel() for w in model.parameters()) == run["parameters"]


def test_equal_parameters_means_within_five_percent(script: ModuleType) -> None:
    for task in script.TASKS:
        runs = [run for run in script.plan() if run["task"] == task]
        target = next(run["parameters"] for run in runs if run["cell"] == "GRU")
        assert all(abs(run["parameters"] / target - 1) < 0.05 for run in runs if run["equal"] == "parameters")


def test_the_comparison_supports_what_the_page_says() -> None:
    saved = record("cells_compare")
    runs = {(run["task"], run["cell"], run["hidden_size"]): run for run in saved["runs"]}
    last = {name: [s["accuracy"][-1] for s in run["seeds"]] for name, run in runs.items()}
    assert all(len(values) == 5 for values in last.values())
    rows = [mean(values) for (task, *_), values in last.items() if task == "rows"]
    assert min(rows) > 0.96 and max(rows) < 0.98  # eight steps: no cell stands out
    gated = [v for (task, cell, _), values in last.items() if task == "pixels" and cell != "RNN" for v in values]
    plain = [v for (task, cell, _), values in last.items() if task == "pixels" and cell == "RNN" for v in values]
    assert min(gated) > 0.89 and min(plain) < 0.7 and stdev(gated) < stdev(plain) / 2
    assert round(100 * mean(last["pixels", "GRU", 32]), 1) == 91.5
    assert round(100 * mean(last["pixels", "LSTM", 28]), 1) == 92.1
    assert round(100 * mean(last["pixels", "LSTM", 32]), 1) == 93.4
    step = {(s["cell"], s["hidden_size"], s["fused"]): s["milliseconds"] for s in saved["steps"]}
    assert step["GRU", 32, True] > 1.5 * step["LSTM", 32, True]
    assert step["GRU", 256, False] < step["LSTM", 256, False]


def test_every_labelled_equation_is_computed_on_the_page() -> None:
    text = (BOOK / "gru.md").read_text()
    labels = re.findall(r"^\$\$ \((eq-gru-[\w-]+)\)", text, re.MULTILINE)
    code = "".join(re.findall(r"^```\{code-cell\}.*?^```$", text, re.MULTILINE | re.DOTALL))
    assert len(labels) == len(set(labels)) > 10
    assert [label for label in labels if not re.search(rf"#.*{label}(?![\w-])", code)] == []


@pytest.fixture(scope="module")
def drawings() -> ModuleType:
    sys.path.insert(0, str(BOOK))
    try:
        import figures_gru
    finally:
        sys.path.remove(str(BOOK))
    return figures_gru


def test_drawings_are_well_formed_and_follow_the_theme(drawings: ModuleType) -> None:
    makers: list[Callable[..., object]] = [
        drawings.gru_cell,
        lambda alt: drawings.gru_cell("update", alt=alt),
        lambda alt: drawings.gru_cell("reset", alt=alt),
        drawings.reset_orders,
        lambda alt: drawings.gate_maps({"z": np.linspace(0, 1, 12).reshape(4, 3)}, marks={0: "start"}, alt=alt),
    ]
    for make in makers:
        figure = make(alt="what it shows")
        assert ET.fromstring(figure.svg).get("aria-label") == "what it shows"
        assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", figure.svg))
