"""After the LSTM: scans, the cells made for them, and parity, each as a law.

Belongs here: claims about the chapter's reference functions, its committed experiments and its
drawings. That the exercises grade as they should is in tests/autograder.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.reference import functions

torch.set_num_threads(1)
BOOK = Path(__file__).resolve().parents[2] / "book"
after = functions("after")
Array = np.ndarray

seeds = st.integers(0, 10**6)
sizes = st.integers(1, 4)
lengths = st.integers(1, 70)
many = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def walked(a: Array, b: Array, h0: Array) -> Array:
    """The definition: one step after the other."""
    h, states = h0, []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return np.array(states)


def gates(rng: np.random.Generator, *shape: int) -> Array:
    """Numbers in [0, 1]: ordinary ones, exact zeros and ones, and denormal ones."""
    ordinary = after.sigmoid(rng.normal(0, 3, size=shape))
    extreme = rng.choice([0.0, 1.0, 5e-324, 1e-300, 1 - 2.0**-53], size=shape)
    return np.where(rng.uniform(size=shape) < 0.3, extreme, ordinary)


def close(mine: Array, theirs: Array, tolerance: float = 1e-10) -> bool:
    """Equal to ``tolerance``, relative to the largest entry; no entry is NaN."""
    return mine.shape == theirs.shape and bool(np.abs(mine - theirs).max() <= tolerance * max(1, np.abs(theirs).max()))


@many
@given(lengths, sizes, sizes, st.booleans(), seeds)
def test_a_scan_gives_what_walking_gives(T: int, N: int, H: int, signed: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, h0 = gates(rng, T, N, H), rng.normal(size=(T, N, H)), rng.normal(size=(N, H))
    a = a * rng.choice([-1, 1], size=a.shape) if signed else a
    assert close(after.parallel_scan(a, b, h0), walked(a, b, h0))


@many
@given(seeds)
def test_joining_steps_is_associative_and_not_commutative(seed: int) -> None:
    def join(first: tuple[float, float], second: tuple[float, float]) -> tuple[float, float]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    p, q, r = map(tuple, np.random.default_rng(seed).normal(size=(3, 2)))
    assert np.allclose(join(join(p, q), r), join(p, join(q, r)), rtol=1e-12)
    assert not np.allclose(join(p, q), join(q, p))


@many
@given(lengths, sizes, sizes, st.sampled_from([1.0, 30.0, 1000.0]), seeds)
def test_the_logarithmic_scan_holds_where_exponentials_do_not(T: int, N: int, H: int, far: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    log_a, log_b = rng.uniform(-far, 0, size=(T, N, H)), rng.normal(0, 5, size=(T, N, H))
    log_h = log_h0 = rng.normal(size=(N, H))
    states = []
    for t in range(T):
        log_h = np.logaddexp(log_a[t] + log_h, log_b[t])
        states.append(log_h)
    found = after.log_scan(log_a, log_b, log_h0)
    assert np.abs(found - np.array(states)).max() < 1e-15 * max(10, far * T)  # the rounding of the summed logarithms


def test_logarithms_lose_digits_as_their_sum_grows() -> None:
    """What the page says: in float32 the absolute error of the exponent is the sum's rounding."""
    rng, T = np.random.default_rng(0), 4096
    log_a, log_b = rng.uniform(-10, 0, size=(T, 1, 1)), np.zeros((T, 1, 1))
    wide = after.log_scan(log_a, log_b, np.zeros((1, 1)))
    narrow = after.log_scan(*(v.astype(np.float32) for v in (log_a, log_b, np.zeros((1, 1)))))
    error = np.abs(np.exp(narrow) / np.exp(wide) - 1).max()
    pairs = after.parallel_scan(*(v.astype(np.float32) for v in (np.exp(log_a), np.exp(log_b), np.ones((1, 1)))))
    assert narrow.dtype == pairs.dtype == np.float32
    assert error > 1e-4 > 1e-6 > np.abs(pairs / np.exp(wide) - 1).max()


def test_a_scan_runs_few_lines_of_python_and_a_walk_one_for_every_step() -> None:
    a = np.full((500, 1, 1), 0.5)
    assert after.lines_run(after.parallel_scan, a, a, a[0]) < 100
    assert after.lines_run(after.min_gru, a, a[0], np.ones((2, 1)), np.ones(2)) > 500


def test_counting_lines_puts_back_what_traced_before() -> None:
    """Coverage and debuggers go on, whether or not the counted function raises."""

    def mine(frame: object, event: str, argument: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        after.lines_run(after.parity_weights)
        kept = sys.gettrace()
        with pytest.raises(TypeError):
            after.lines_run(after.parity_weights, "too much")
        still = sys.gettrace()
    finally:
        sys.settrace(before)
    assert kept is mine and still is mine


def put(weights: Array, bias: Array) -> Any:
    """The module of the exercise, in float64, with these weights."""
    module = after.MinGRU(weights.shape[1], len(bias) // 2).double()
    with torch.no_grad():
        module.linear.weight.copy_(torch.from_numpy(weights))
        module.linear.bias.copy_(torch.from_numpy(bias))
    return module


@many
@given(lengths, sizes, sizes, sizes, st.sampled_from([1.0, 200.0]), seeds)
def test_a_min_gru_is_the_same_in_numpy_in_parallel_and_step_by_step(
    T: int, N: int, D: int, H: int, scale: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, h0 = rng.normal(size=(T, N, D)), rng.normal(size=(N, H))
    W, b = scale * rng.normal(size=(2 * H, D)), rng.normal(size=2 * H)
    module, h, steps = put(W, b), torch.from_numpy(h0), []
    for x_t in torch.from_numpy(x):
        h = module.step(x_t, h)
        steps.append(h)
    states = module(torch.from_numpy(x), torch.from_numpy(h0)).detach().numpy()
    assert close(states, torch.stack(steps).detach().numpy())
    assert close(states, after.min_gru(x, h0, W, b))


def test_gradients_pass_through_the_rounds_as_through_the_steps() -> None:
    rng = np.random.default_rng(0)
    module = put(rng.normal(size=(6, 2)), rng.normal(size=6))
    x, h0 = (torch.from_numpy(rng.normal(size=shape)).requires_grad_() for shape in ((9, 2, 2), (2, 3)))
    assert torch.autograd.gradcheck(module, (x, h0))
    weights = tuple(module.parameters())
    by_rounds = torch.autograd.grad((module(x, h0) ** 2).sum(), (x, h0, *weights))
    h, loss = h0, torch.zeros(())
    for x_t in x:
        h = module.step(x_t, h)
        loss = loss + (h**2).sum()
    by_steps = torch.autograd.grad(loss, (x, h0, *weights))
    assert all(torch.allclose(a, b, rtol=1e-10) for a, b in zip(by_rounds, by_steps, strict=True))


@many
@given(lengths, sizes, sizes, st.sampled_from([0.0, -1000.0]), seeds)
def test_a_min_lstm_never_leaves_the_range_of_what_it_was_given(T: int, N: int, H: int, far: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, h0, W, b = (rng.normal(size=shape) for shape in ((T, N, 3), (N, H), (3 * H, 3), (3 * H,)))
    b[: 2 * H] += far
    states = after.min_lstm(x, h0, W, b)
    candidates = x @ W[2 * H :].T + b[2 * H :]
    top = np.maximum(h0, np.maximum.accumulate(candidates))
    bottom = np.minimum(h0, np.minimum.accumulate(candidates))
    assert ((states <= top + 1e-12) & (states >= bottom - 1e-12)).all()


@many
@given(st.integers(1, 20), sizes, sizes, sizes, seeds)
def test_linear_attention_is_masked_attention_and_can_be_interrupted(T: int, N: int, E: int, H: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    q, k, v = (rng.normal(size=(T, N, size)) for size in (E, E, H))
    empty = np.zeros((N, E, H)), np.zeros((N, E))
    y, *state = after.linear_attention(q, k, v, *empty)
    scores = np.einsum("tne,sne->nts", after.phi(q), after.phi(k)) * np.tri(T)
    assert close(y, np.einsum("nts,snh->tnh", scores / scores.sum(axis=2, keepdims=True), v))
    cut = T // 2
    if 0 < cut < T:
        first, *between = after.linear_attention(q[:cut], k[:cut], v[:cut], *empty)
        second, *last = after.linear_attention(q[cut:], k[cut:], v[cut:], *between)
        assert close(np.concatenate([first, second]), y)
        assert all(close(a, b) for a, b in zip(last, state, strict=True))


bits = st.lists(st.integers(0, 1), min_size=1, max_size=400).map(lambda found: np.array(found, dtype=float)[:, None])


@many
@given(bits)
def test_the_hand_made_network_and_the_signed_scan_compute_parity_exactly(x: Array) -> None:
    parity = np.cumsum(x, axis=0) % 2
    assert (after.relu_rnn(x, *after.parity_weights()) == parity).all()
    a, b = after.parity_factors(x)
    assert (np.abs(a) <= 1).all() and (after.parallel_scan(a, b, np.zeros(1)) == parity).all()


def test_parity_stays_exact_over_a_hundred_thousand_steps() -> None:
    x = np.random.default_rng(0).integers(0, 2, size=(100_000, 1)).astype(float)
    parity = np.cumsum(x, axis=0) % 2
    assert (after.relu_rnn(x, *after.parity_weights()) == parity).all()
    assert (after.parallel_scan(*after.parity_factors(x), np.zeros(1)) == parity).all()


def test_the_parity_network_takes_lists_and_names_a_wrong_shape() -> None:
    x = np.array([[1.0], [1.0], [0.0]])
    W_xh, W_hh, b_h, w_y, b_y = after.parity_weights()
    lists = [weights.tolist() for weights in (W_xh, W_hh, b_h, w_y)]
    assert after.relu_rnn(x, *lists, b_y).ravel().tolist() == [1, 0, 0]
    for wrong in [(W_xh.ravel(), W_hh, b_h, w_y), (W_xh, W_hh[:1], b_h, w_y), (W_xh, W_hh, b_h, w_y[None])]:
        with pytest.raises(ValueError, match=r"have the shapes .*; expected \(\(2, 1\), \(2, 2\), \(2,\), \(2,\)\)"):
            after.relu_rnn(x, *wrong, b_y)


@many
@given(st.integers(1, 12), seeds)
def test_positive_factors_change_their_mind_at_most_once_per_unit(H: int, seed: int) -> None:
    """On a constant input the output is a constant plus H powers: at most H changes of sign."""
    rng = np.random.default_rng(seed)
    a, b, h0, w = (rng.uniform(0, 1, size=H), *rng.normal(size=(3, H)))
    a[0] = rng.choice([a[0], 0.0, 1.0])
    h, outputs = h0, [h0 @ w]
    for _ in range(200):
        h = a * h + b
        outputs.append(h @ w)
    signs = np.sign(np.array(outputs) - rng.normal())
    assert np.count_nonzero(np.diff(signs[signs != 0])) <= H


@pytest.mark.parametrize("H", [1, 2, 4, 6])
def test_and_that_bound_is_reached(H: int) -> None:
    """Some H factors and weights get the parity of up to H ones right, and no more."""
    a = (np.arange(H) + 0.5) / (H + 1)
    powers = np.concatenate([a ** np.arange(H + 1)[:, None], np.ones((H + 1, 1))], axis=1)
    weights = np.linalg.solve(powers, (-1.0) ** np.arange(H + 1))
    longer = np.concatenate([a ** np.arange(H + 2)[:, None], np.ones((H + 2, 1))], axis=1) @ weights
    right = np.sign(longer) == (-1.0) ** np.arange(H + 2)
    assert right[: H + 1].all() and not right[H + 1]


@many
@given(st.floats(-10, 10), st.floats(0.01, 10))
def test_only_the_factor_minus_one_exchanges_two_states(u: float, gap: float) -> None:
    v = u + gap
    a, b = np.linalg.solve([[u, 1.0], [v, 1.0]], [v, u])
    assert np.isclose(a, -1, atol=1e-6) and np.isclose(b, u + v, atol=1e-5)


@pytest.fixture(scope="module")
def cells() -> Iterator[ModuleType]:
    """book/experiments/after_cells.py as a module."""
    sys.path.insert(0, str(BOOK / "experiments"))
    try:
        yield importlib.import_module("after_cells")
    finally:
        sys.path.remove(str(BOOK / "experiments"))


@pytest.mark.parametrize("T", [1, 2, 3, 7, 8, 33, 100])
def test_all_ways_of_the_experiments_give_the_same_states_and_gradients(cells: ModuleType, T: int) -> None:
    rng = np.random.default_rng(T)
    a, b = torch.from_numpy(gates(rng, T, 2, 3)), torch.from_numpy(rng.normal(size=(T, 2, 3)))
    leaves = [v.clone().requires_grad_() for v in (a, b)]
    states = cells.by_steps(*leaves)
    wanted = torch.autograd.grad((states**2).sum(), leaves, materialize_grads=True)
    for scan in (cells.by_rounds, cells.by_halves):
        found = scan(*leaves)
        assert torch.allclose(found, states, rtol=1e-10, atol=1e-12)
        gradients = torch.autograd.grad((found**2).sum(), leaves, materialize_grads=True)
        for one, other in zip(gradients, wanted, strict=True):
            assert torch.allclose(one, other, rtol=1e-9, atol=1e-9)
    positive = torch.rand(T, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(T)) + 0.01
    logarithmic = cells.by_logarithms(positive.log(), positive.log())
    assert torch.allclose(logarithmic, cells.by_steps(positive, positive), rtol=1e-10)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "minGRU", "minLSTM", "linear attention", "signed minGRU"])
def test_no_network_of_the_parity_experiment_looks_ahead(cells: ModuleType, name: str) -> None:
    torch.manual_seed(0)
    model = cells.Tagger(name, 8, 2)
    bits = torch.randint(2, (12, 4), generator=torch.Generator().manual_seed(0))
    later = bits.clone()
    later[7:] = 1 - later[7:]
    with torch.no_grad():
        same = torch.isclose(model(bits), model(later), atol=1e-5).all(2).all(1)
    assert same[:7].all() and not same[7]


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BOOK / "data" / f"{name}.json").read_text())
    return found


def test_the_parity_runs_say_what_the_page_says() -> None:
    saved = record("after_parity")
    runs, bins = saved["runs"], saved["settings"]["test_length"] // saved["settings"]["bin"]
    last = {name: [run["right"][-1] for run in seeds] for name, seeds in runs.items()}
    assert all(len(values) == saved["settings"]["seeds"] == 5 for values in last.values())
    assert all(len(run["right"]) == bins for seeds in runs.values() for run in seeds)
    for name in ("RNN", "LSTM", "GRU"):
        assert {value for run in runs[name] for value in run["right"]} == {1.0}
    for name in ("minGRU", "minGRU, 2 layers", "minLSTM", "linear attention"):
        assert max(last[name]) < 0.53 and max(run["seen"] for run in runs[name]) < 0.75
    assert {run["seen"] for run in runs["signed minGRU"]} == {1.0}
    assert sum(value == 1 for value in last["signed minGRU"]) == 2 and min(last["signed minGRU"]) > 0.85
    assert {run["parameters"] for name in ("minGRU", "signed minGRU") for run in runs[name]} == {4354}


def test_the_parity_script_draws_bits_and_their_parities_and_trains(cells: ModuleType) -> None:
    script = importlib.import_module("after_parity")
    x, parity = script.draw(30, 4, torch.Generator().manual_seed(0))
    assert (np.bitwise_xor.accumulate(x.numpy(), axis=0) == parity.numpy()).all()
    brief = argparse.Namespace(hidden_size=8, lr=0.01, steps=3, train_length=6, batch_size=4, test_length=20, bin=10)
    for name in script.NETWORKS:
        run = script.train(name, 0, brief)
        assert run == script.train(name, 0, brief), name
        assert len(run["right"]) == 2 and all(0 <= value <= 1 for value in run["right"])


def test_the_timed_ways_compute_one_function(cells: ModuleType) -> None:
    """With a candidate made positive, all four; what is timed is then the order of the work alone."""
    script = importlib.import_module("after_scan")
    torch.manual_seed(0)
    linear, x = torch.nn.Linear(3, 8).double(), torch.randn(50, 2, 3).double()
    walked = script.min_gru(linear, x, "by steps")
    for way in ("by rounds", "by halves"):
        assert torch.allclose(script.min_gru(linear, x, way), walked, rtol=1e-10)
    z, n = linear(x).chunk(2, dim=-1)
    keep = torch.sigmoid(z)
    candidate = torch.where(n >= 0, n + 0.5, torch.sigmoid(n))
    wanted = cells.by_steps(keep, (1 - keep) * candidate)
    assert torch.allclose(script.min_gru(linear, x, "by logarithms"), wanted, rtol=1e-9)


def test_every_labelled_equation_is_computed_on_the_page() -> None:
    text = (BOOK / "after.md").read_text()
    labels = re.findall(r"^\$\$ \((eq-after-[\w-]+)\)", text, re.MULTILINE)
    code = "".join(re.findall(r"^```\{code-cell\}.*?^```$", text, re.MULTILINE | re.DOTALL))
    assert len(labels) == len(set(labels)) > 20
    assert [label for label in labels if not re.search(rf"#.*{label}(?![\w-])", code)] == []


@pytest.fixture(scope="module")
def drawings() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BOOK))
    try:
        yield importlib.import_module("figures_after")
    finally:
        sys.path.remove(str(BOOK))


def test_drawings_are_well_formed_and_follow_the_theme(drawings: ModuleType) -> None:
    for make in (drawings.waiting, drawings.halves_tree):
        figure = make(alt="what it shows")
        assert ET.fromstring(figure.svg).get("aria-label") == "what it shows"
        assert not re.search(r"#[0-9a-f]{6}\b", re.sub(r"var\([^)]*\)", "", figure.svg))


def test_the_tree_of_halves_has_the_boxes_that_the_page_counts(drawings: ModuleType) -> None:
    """Eight steps and eleven joins, and every finished box is a state."""
    words = re.findall(r">(\d(?:–\d)?)<", drawings.halves_tree(alt="x").svg)
    joined = [word for word in words if "–" in word]
    assert len(words) == 19 and len(joined) == 11
    assert {word[-1] for word in joined if word.startswith("1–")} == set("2345678")
