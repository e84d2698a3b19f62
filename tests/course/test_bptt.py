"""What the BPTT chapter claims: its references are right, and its data say what the page says."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.reference import functions

torch = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parents[2]
course = functions("bptt")
sizes = st.integers(1, 6)
a_hundred_shapes = settings(max_examples=100, deadline=None, derandomize=True, database=None)


class Network:
    """A random RNN with inputs and upstream gradients, as arrays and as float64 tensors."""

    def __init__(self, T: int, N: int, D: int, H: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.x, self.h0 = rng.normal(size=(T, N, D)), rng.uniform(-0.9, 0.9, (N, H))
        self.W_xh, self.W_hh = rng.normal(size=(H, D)) / 2, rng.normal(size=(H, H)) / 2
        self.b_h = rng.normal(size=H) / 2
        self.dh_out, self.dh_last = rng.normal(size=(T, N, H)), rng.normal(size=(N, H))
        self.rng = rng

    @property
    def given(self) -> tuple[np.ndarray, ...]:
        return self.x, self.h0, self.W_xh, self.W_hh, self.b_h

    @property
    def states(self) -> np.ndarray:
        return np.asarray(course.rnn_forward(*self.given))

    def backward(self) -> tuple[np.ndarray, ...]:
        weights = self.W_xh, self.W_hh
        return tuple(course.rnn_backward(self.dh_out, self.dh_last, self.x, self.h0, self.states, *weights))

    def torch_states(self, leaves: list[torch.Tensor]) -> list[torch.Tensor]:
        """h_0 to h_T by PyTorch's own cell, from tensors of `given`."""
        x, h0, W_xh, W_hh, b_h = leaves
        states = [h0]
        for x_t in x:
            states.append(torch.rnn_tanh_cell(x_t, states[-1], W_xh, W_hh, b_h, torch.zeros_like(b_h)))
        return states

    def autograd(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """PyTorch's gradients for `given`, and for the states h_0 to h_T."""
        leaves = [torch.tensor(array, requires_grad=True) for array in self.given]
        states = self.torch_states(leaves)
        every, last = torch.tensor(self.dh_out), torch.tensor(self.dh_last)
        s = (torch.stack(states[1:]) * every).sum() + (states[-1] * last).sum()
        return list(torch.autograd.grad(s, leaves, retain_graph=True)), list(torch.autograd.grad(s, states))


def assert_same(mine: object, right: object, rtol: float = 1e-10) -> None:
    """Equal to `rtol` of the largest entry of `right`."""
    mine, right = np.asarray(mine), np.asarray(right)
    assert mine.shape == right.shape
    assert np.abs(mine - right).max() <= rtol * max(np.abs(right).max(), 1e-12)


networks = st.builds(Network, sizes, sizes, sizes, sizes, st.integers(0, 2**31))


@a_hundred_shapes
@given(networks)
def test_the_backward_pass_is_autograds(net: Network) -> None:
    for mine, right in zip(net.backward(), net.autograd()[0], strict=True):
        assert_same(mine, right)


@a_hundred_shapes
@given(networks)
def test_one_step_backward_is_autograds(net: Network) -> None:
    net.x, net.dh_out = net.x[:1], net.dh_out[:1]
    dh = net.dh_out[0] + net.dh_last
    mine = course.rnn_step_backward(dh, net.x[0], net.h0, net.states[0], net.W_xh, net.W_hh)
    dx, *rest = net.autograd()[0]
    for gradient, right in zip(mine, [dx[0], *rest], strict=True):
        assert_same(gradient, right)


@a_hundred_shapes
@given(networks, sizes)
def test_the_output_layers_backward_pass_is_autograds(net: Network, C: int) -> None:
    T, N, H = net.dh_out.shape
    rng = net.rng
    h, W_hy, b_y = rng.normal(size=(T, N, H)), rng.normal(size=(C, H)), rng.normal(size=C)
    targets, mask = rng.integers(0, C, (T, N)), rng.random((T, N)) < 0.7
    mask[0, 0] = True
    leaves = [torch.tensor(array, requires_grad=True) for array in (h, W_hy, b_y)]
    logits = nn.functional.linear(*leaves)
    wanted = torch.tensor(np.where(mask, targets, -100)).flatten()
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), wanted)
    right_h, right_W, right_b, right_y = torch.autograd.grad(loss, [*leaves, logits])
    dlogits, dW_hy, db_y, dh = course.output_backward(logits.detach().numpy(), targets, mask, h, W_hy)
    for mine, right in ((dlogits, right_y), (dW_hy, right_W), (db_y, right_b), (dh, right_h)):
        assert np.abs(mine - right.numpy()).max() <= 1e-10 * max(right.abs().max().item(), 1e-6)


@a_hundred_shapes
@given(networks)
def test_the_torch_references_agree_with_the_numpy_ones(net: Network) -> None:
    tensors = [torch.tensor(array) for array in (net.dh_out, net.dh_last, *net.given)]
    for by_torch, by_numpy in zip(course.autograd_gradients(*tensors), net.backward(), strict=True):
        assert_same(by_torch, by_numpy)
    net.dh_last[:] = 0
    hooked = course.hooked_norms(tensors[0], *tensors[2:])
    assert_same(hooked, torch.stack([grad.norm(dim=1) for grad in net.autograd()[1]]))


@a_hundred_shapes
@given(networks)
def test_the_norms_over_time_and_the_jacobian_are_autograds(net: Network) -> None:
    net.dh_out[:] = 0
    right = torch.stack([grad.norm(dim=1) for grad in net.autograd()[1]])
    assert_same(course.gradient_norms_over_time(net.dh_last, net.states, net.W_hh), right)

    leaves = [torch.tensor(array) for array in (net.x[:, :1], net.h0[:1], *net.given[2:])]
    wanted = torch.autograd.functional.jacobian(
        lambda h: net.torch_states([leaves[0], h[None], *leaves[2:]])[-1][0], leaves[1][0]
    )
    assert_same(course.state_jacobian(leaves[0][:, 0], leaves[1][0], *leaves[2:]), wanted)


@a_hundred_shapes
@given(networks, st.integers(1, 8))
def test_truncation_is_autograd_with_the_state_detached_at_each_border(net: Network, chunk: int) -> None:
    weights = [torch.tensor(array, requires_grad=True) for array in net.given[2:]]
    h, pieces = torch.tensor(net.h0), []
    for piece in torch.tensor(net.x).split(chunk):
        pieces += net.torch_states([piece, h.detach(), *weights])[1:]
        h = pieces[-1]
    right = torch.autograd.grad((torch.stack(pieces) * torch.tensor(net.dh_out)).sum(), weights)
    states, *gradients = course.truncated_bptt(net.dh_out, *net.given, chunk)
    assert_same(states, torch.stack(pieces).detach())
    for mine, wanted in zip(gradients, right, strict=True):
        assert_same(mine, wanted)


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.builds(Network, *[st.integers(1, 3)] * 4, st.integers(0, 2**31)))
def test_the_backward_pass_is_what_nudging_measures(net: Network) -> None:
    names = ("x", "h0", "W_xh", "W_hh", "b_h")
    arrays = dict(zip(names, net.given, strict=True))

    def s(**changed: np.ndarray) -> float:
        h = course.rnn_forward(**arrays | changed)
        return float(np.sum(h * net.dh_out) + np.sum(h[-1] * net.dh_last))

    for name, mine in zip(names, net.backward(), strict=True):
        nudged = course.numerical_gradient(lambda value, name=name: s(**{name: value}), arrays[name])
        assert np.abs(nudged - mine).max() < 1e-7 * max(np.abs(mine).max(), 1e-2)


def test_a_numerical_gradient_of_a_polynomial_of_degree_two_is_exact_and_leaves_its_argument_alone() -> None:
    x = np.arange(6.0).reshape(2, 3)
    before = x.copy()
    assert np.allclose(course.numerical_gradient(lambda v: np.sum(v**2), x, eps=0.5), 2 * x)
    assert (x == before).all()


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**31), st.floats(0.01, 10))
def test_clipping_is_pytorchs_but_for_its_millionth(seed: int, max_norm: float) -> None:
    rng = np.random.default_rng(seed)
    gradients = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=4)}
    clipped, norm = course.clip_by_global_norm(gradients, max_norm)
    weights = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients.values()]
    for weight, gradient in zip(weights, gradients.values(), strict=True):
        weight.grad = torch.tensor(gradient)
    assert norm == pytest.approx(nn.utils.clip_grad_norm_(weights, max_norm).item(), rel=1e-12)
    for weight, mine in zip(weights, clipped.values(), strict=True):
        assert np.allclose(mine, weight.grad, rtol=1e-5)


def test_clipping_zeros_gives_zeros() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clipped, norm = course.clip_by_global_norm({"W": np.zeros(3)}, 1.0)
    assert norm == 0 and (clipped["W"] == 0).all()


def test_what_starts_from_a_zero_gradient_at_the_last_state_loses_the_last_loss() -> None:
    net = Network(5, 2, 3, 4, seed=0)
    net.dh_out[:-1] = 0  # many-to-one: the loss is at the last step
    net.dh_last[:] = 0
    assert all(np.abs(g).max() > 0 for g in net.backward())
    net.dh_out[-1] = 0  # the mistake
    assert all((g == 0).all() for g in net.backward())


def test_in_a_linear_network_the_slope_is_the_log_of_the_spectral_radius() -> None:
    """tanh is the identity at 0, so states of 0 make the network linear."""
    rng = np.random.default_rng(0)
    W = rng.normal(size=(24, 24))
    W *= 0.8 / np.abs(np.linalg.eigvals(W)).max()
    norms = course.gradient_norms_over_time(rng.normal(size=(1, 24)), np.zeros((400, 1, 24)), W)[:, 0]
    slope = (math.log(norms[100]) - math.log(norms[400])) / 300
    assert slope == pytest.approx(math.log(0.8), abs=0.01)


def test_the_delay_is_learnt_where_the_piece_is_longer_and_not_where_it_is_as_long() -> None:
    record = json.loads((ROOT / "book" / "data" / "bptt_truncation.json").read_text())
    losses: dict[tuple[int, int], list[float]] = {}
    for run in record["runs"]:
        losses.setdefault((run["delay"], run["chunk"]), []).append(run["loss"])
    assert record["processor_seconds"] < 300
    assert len(losses) == 24 and {len(values) for values in losses.values()} == {5}
    for (delay, chunk), values in losses.items():
        if chunk > delay:
            assert max(values) < 0.01
        if chunk == delay:
            assert min(values) > 0.4
    short = [(d, k) for d, k in losses if 0 < k <= d < 8]
    above = [loss > np.mean(losses[d, 0]) for d, k in short for loss in losses[d, k]]
    assert len(above) == 30 and sum(above) > 15  # most do worse than a random network would
    assert sum(loss < 0.1 for loss in losses[4, 2]) == 3
