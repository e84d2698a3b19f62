"""The LSTM chapter: its references are right, and its page says what its data say.

Claims about the course: the NumPy references of `solutions/lstm.md`, forwards and backwards,
agree with PyTorch's autograd and with finite differences; the peephole cell too; the PyTorch
exercises give the numbers of `nn.LSTM`; the committed experiments support the page.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from autograder.reference import functions  # noqa: E402

lstm = functions("lstm")
DATA = Path(__file__).parents[2] / "book" / "data"
SIZES = st.integers(1, 5)
HUNDRED = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def case(T: int, N: int, D: int, H: int, seed: int) -> dict[str, np.ndarray]:
    """Random arguments of a sequence, initial states and biases not zero."""
    rng = np.random.default_rng(seed)
    draw = rng.normal
    return {
        "x": draw(size=(T, N, D)), "h0": np.tanh(draw(size=(N, H))), "c0": draw(size=(N, H)),
        "W_xh": draw(size=(4 * H, D)), "W_hh": draw(size=(4 * H, H)), "b": draw(size=4 * H),
        "peep": draw(size=3 * H), "up_h": draw(size=(T, N, H)), "up_c": draw(size=(N, H)),
    }  # fmt: skip


def torch_layer(p: dict[str, np.ndarray]) -> Any:
    """An nn.LSTM in float64 with the case's weights; its second bias is 0."""
    layer = torch.nn.LSTM(p["x"].shape[2], p["h0"].shape[1], dtype=torch.float64)
    with torch.no_grad():
        for weight, value in zip(layer.parameters(), (p["W_xh"], p["W_hh"], p["b"], 0 * p["b"]), strict=True):
            weight.copy_(torch.from_numpy(value))
    return layer


def close(mine: Any, theirs: Any, rtol: float = 1e-10) -> None:
    """Every entry within `rtol` of the largest."""
    theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else np.asarray(theirs)
    assert np.shape(mine) == theirs.shape
    assert np.max(np.abs(mine - theirs), initial=0) <= rtol * max(np.max(np.abs(theirs), initial=0), 1e-3)


def by_autograd(p: dict[str, np.ndarray], on_h: float, on_c: float) -> tuple[Any, ...]:
    """dx, dh0, dc0, dW_xh, dW_hh, db of nn.LSTM."""
    layer = torch_layer(p)
    x, h0, c0 = (torch.tensor(v, requires_grad=True) for v in (p["x"], p["h0"][None], p["c0"][None]))
    output, (_, c_n) = layer(x, (h0, c0))
    loss = on_h * (output * torch.from_numpy(p["up_h"])).sum() + on_c * (c_n[0] * torch.from_numpy(p["up_c"])).sum()
    loss.backward()
    weights = (layer.weight_ih_l0.grad, layer.weight_hh_l0.grad, layer.bias_ih_l0.grad)
    return (x.grad, h0.grad[0], c0.grad[0], *weights)


@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 10**6))
@HUNDRED
def test_forward_agrees_with_torch(T: int, N: int, D: int, H: int, seed: int) -> None:
    p = case(T, N, D, H, seed)
    h, c, gates = lstm.lstm_forward(p["x"], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    with torch.no_grad():
        output, (h_n, c_n) = torch_layer(p)(
            torch.from_numpy(p["x"]), (torch.from_numpy(p["h0"][None]), torch.from_numpy(p["c0"][None]))
        )
    close(h, output)
    close(h[-1], h_n[0])
    close(c[-1], c_n[0])
    step = lstm.lstm_step(p["x"][0], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    for mine, row in zip(step, (h, c, gates), strict=True):
        close(mine, row[0])


@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 10**6), st.sampled_from([(1, 0), (0, 1), (1, 1)]))
@HUNDRED
def test_backward_agrees_with_autograd(T: int, N: int, D: int, H: int, seed: int, loss: tuple[int, int]) -> None:
    p = case(T, N, D, H, seed)
    states = lstm.lstm_forward(p["x"], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    on_h, on_c = loss
    mine = lstm.lstm_backward(
        on_h * p["up_h"], on_c * p["up_c"], p["x"], p["h0"], p["c0"], *states, p["W_xh"], p["W_hh"]
    )
    for gradient, theirs in zip(mine, by_autograd(p, on_h, on_c), strict=True):
        close(gradient, theirs)


@given(SIZES, SIZES, SIZES, st.integers(0, 10**6), st.sampled_from([(1, 0), (0, 1), (1, 1)]))
@HUNDRED
def test_step_backward_agrees_with_autograd(N: int, D: int, H: int, seed: int, loss: tuple[int, int]) -> None:
    p = case(1, N, D, H, seed)
    on_h, on_c = loss
    _, c, gates = lstm.lstm_step(p["x"][0], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    dh, dc = on_h * p["up_h"][0], on_c * p["up_c"]
    mine = lstm.lstm_step_backward(dh, dc, p["x"][0], p["h0"], p["c0"], c, gates, p["W_xh"], p["W_hh"])
    theirs = by_autograd(p, on_h, on_c)
    for gradient, other in zip(mine, (theirs[0][0], *theirs[1:]), strict=True):
        close(gradient, other)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 2, 1, 2), (4, 1, 3, 2)])
def test_backward_agrees_with_finite_differences(shape: tuple[int, int, int, int]) -> None:
    p = case(*shape, seed=sum(shape))
    names = ("x", "h0", "c0", "W_xh", "W_hh", "b")

    def loss() -> float:
        h, c, _ = lstm.lstm_forward(*(p[name] for name in names))
        return float((p["up_h"] * h).sum() + (p["up_c"] * c[-1]).sum())

    states = lstm.lstm_forward(*(p[name] for name in names))
    mine = lstm.lstm_backward(p["up_h"], p["up_c"], *(p[n] for n in names[:3]), *states, p["W_xh"], p["W_hh"])
    eps = 1e-5
    for name, gradient in zip(names, mine, strict=True):
        value = p[name]
        for index in np.ndindex(value.shape):
            kept = value[index]
            value[index] = kept + eps
            up = loss()
            value[index] = kept - eps
            down = loss()
            value[index] = kept
            assert gradient[index] == pytest.approx((up - down) / (2 * eps), rel=1e-6, abs=1e-8)


def peephole_forward(p: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """h, c and gates of a sequence, by the reference's step."""
    h, c, steps = p["h0"], p["c0"], []
    for x_t in p["x"]:
        h, c, gates = lstm.peephole_lstm_step(x_t, h, c, p["W_xh"], p["W_hh"], p["b"], p["peep"])
        steps.append((h, c, gates))
    return tuple(np.stack(part) for part in zip(*steps, strict=True))  # type: ignore[return-value]


def peephole_backward(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients of sum(up_h * h) + sum(up_c * c_T), derived by hand from eq-lstm-peephole.

    What is new against the plain cell: o_t adds to the gradient of c_t, and i_t and f_t add to
    that of c_{t-1}, each times its peephole.
    """
    h, c, gates = peephole_forward(p)
    h_prev, c_prev = np.concatenate([p["h0"][None], h[:-1]]), np.concatenate([p["c0"][None], c[:-1]])
    i, f, g, o = np.split(gates, 4, axis=-1)
    p_i, p_f, p_o = np.split(p["peep"], 3)
    da, dpeep = np.empty(gates.shape), np.zeros((3, p_i.size))
    dh_next, dc_next = np.zeros(p["h0"].shape), p["up_c"]
    for t in reversed(range(len(h))):
        dh = p["up_h"][t] + dh_next
        da_o = dh * np.tanh(c[t]) * o[t] * (1 - o[t])
        dc = dc_next + dh * o[t] * (1 - np.tanh(c[t]) ** 2) + da_o * p_o
        da_i = dc * g[t] * i[t] * (1 - i[t])
        da_f = dc * c_prev[t] * f[t] * (1 - f[t])
        da_g = dc * i[t] * (1 - g[t] ** 2)
        dpeep += [(da_i * c_prev[t]).sum(0), (da_f * c_prev[t]).sum(0), (da_o * c[t]).sum(0)]
        da[t] = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
        dh_next, dc_next = da[t] @ p["W_hh"], dc * f[t] + da_i * p_i + da_f * p_f
    return {
        "x": da @ p["W_xh"], "h0": dh_next, "c0": dc_next, "W_xh": np.einsum("tna,tnd->ad", da, p["x"]),
        "W_hh": np.einsum("tna,tnh->ah", da, h_prev), "b": da.sum(axis=(0, 1)), "peep": dpeep.ravel(),
    }  # fmt: skip


@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 10**6))
@HUNDRED
def test_peephole_cell_agrees_with_autograd(T: int, N: int, D: int, H: int, seed: int) -> None:
    p = case(T, N, D, H, seed)
    names = ("x", "h0", "c0", "W_xh", "W_hh", "b", "peep")
    q = {name: torch.tensor(p[name], requires_grad=True) for name in names}
    h, c, outputs = q["h0"], q["c0"], []
    p_i, p_f, p_o = q["peep"].chunk(3)
    for x_t in q["x"]:
        a_i, a_f, a_g, a_o = (x_t @ q["W_xh"].T + h @ q["W_hh"].T + q["b"]).chunk(4, dim=1)
        i, f = torch.sigmoid(a_i + p_i * c), torch.sigmoid(a_f + p_f * c)
        c = f * c + i * torch.tanh(a_g)
        h = torch.sigmoid(a_o + p_o * c) * torch.tanh(c)
        outputs.append(h)
    ((torch.stack(outputs) * torch.from_numpy(p["up_h"])).sum() + (c * torch.from_numpy(p["up_c"])).sum()).backward()

    mine_h, mine_c, _ = peephole_forward(p)
    close(mine_h, torch.stack(outputs))
    close(mine_c[-1], c)
    gradients = peephole_backward(p)
    for name in names:
        close(gradients[name], q[name].grad)


def test_peepholes_of_zero_make_the_plain_cell() -> None:
    p = case(1, 3, 2, 4, seed=5)
    arguments = (p["x"][0], p["h0"], p["c0"], p["W_xh"], p["W_hh"], p["b"])
    plain = lstm.lstm_step(*arguments)
    for mine, other in zip(lstm.peephole_lstm_step(*arguments, 0 * p["peep"]), plain, strict=True):
        assert np.array_equal(mine, other)


@pytest.mark.parametrize("order", ["iofg", "ifog", "igfo", "fiog"])
def test_reordering_there_and_back_changes_nothing(order: str) -> None:
    W = np.random.default_rng(0).normal(size=(12, 2))
    there = lstm.reorder_gates(W, "ifgo", order)
    assert not np.array_equal(there, W)
    assert np.array_equal(lstm.reorder_gates(there, order, "ifgo"), W)


def test_first_weights_are_what_torch_would_take() -> None:
    drawn = lstm.init_lstm(3, 5, np.random.default_rng(0))
    layer = torch.nn.LSTM(3, 5)
    assert [w.shape for w in drawn] == [tuple(w.shape) for w in layer.parameters()]
    assert np.array_equal((drawn[2] + drawn[3]).reshape(4, 5).mean(axis=1), [0, 1, 0, 0])


@pytest.mark.parametrize("kind", ["stacked", "bidirectional"])
def test_modules_give_the_numbers_of_torch(kind: str) -> None:
    torch.manual_seed(0)
    T, N, D, H = 6, 3, 2, 4
    if kind == "stacked":
        mine, theirs = lstm.StackedLSTM(D, H, 3), torch.nn.LSTM(D, H, num_layers=3)
        pairs = [(f"l{k}", layer) for k, layer in enumerate(mine.layers)]
    else:
        mine, theirs = lstm.BidirectionalLSTM(D, H), torch.nn.LSTM(D, H, bidirectional=True)
        pairs = [("l0", mine.ahead), ("l0_reverse", mine.back)]
    mine, theirs = mine.double(), theirs.double()
    with torch.no_grad():
        for end, layer in pairs:
            layer.W_xh.copy_(getattr(theirs, f"weight_ih_{end}"))
            layer.W_hh.copy_(getattr(theirs, f"weight_hh_{end}"))
            layer.b.copy_(getattr(theirs, f"bias_ih_{end}") + getattr(theirs, f"bias_hh_{end}"))
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(T, N, D)))
    states = torch.from_numpy(np.random.default_rng(2).normal(size=(2, len(pairs), N, H)))
    for start in (None, tuple(states)):
        output, (h, c) = mine(x, start)
        expected, (h_n, c_n) = theirs(x, start)
        for a, b in ((output, expected), (h, h_n), (c, c_n)):
            close(a.detach().numpy(), b)


def test_forget_bias_experiment_supports_the_page() -> None:
    """Any start learns 10 steps; one half fails at 20; 1 reaches 20, 2 reaches 40, 4 reaches 80 twice."""
    data = json.loads((DATA / "lstm_forget_bias.json").read_text())
    assert data["about"]["seconds"] < 300

    def solved(bias: str, delay: int) -> int:
        return sum(run[-1] < 0.1 for run in data["curves"][bias][str(delay)])

    assert all(solved(bias, 10) == 3 for bias in data["curves"])
    assert [solved(bias, 20) for bias in ("PyTorch's own", "0", "1", "2", "4")] == [0, 0, 3, 3, 3]
    assert [solved(bias, 40) for bias in ("PyTorch's own", "0", "1", "2", "4")] == [0, 0, 0, 3, 3]
    assert [solved(bias, 80) for bias in ("PyTorch's own", "0", "1", "2", "4")] == [0, 0, 0, 0, 2]


def test_trained_cell_supports_the_page() -> None:
    """One unit writes at brackets only, another rewrites; the string fools it; gradients differ."""
    data = json.loads((DATA / "lstm_brackets.json").read_text())
    assert data["about"]["seconds"] < 300
    for share in ("all", "depth 0", "depth 1", "depth 2"):
        assert data["lstm"]["accuracy"][share] > data["rnn"]["accuracy"][share]
    assert data["lstm"]["reach"][100] > 1e6 * data["rnn"]["reach"][100]

    record = data["record"]
    fooled, nested = record["pieces"]
    assert nested["depth"] == nested["answer"]
    wrong = [k for k, (a, b) in enumerate(zip(fooled["depth"], fooled["answer"], strict=True)) if a != b]
    assert wrong == list(range(fooled["text"].index("(must"), fooled["text"].index(')"')))

    write, keep = record["means"]["i"], record["means"]["f"]
    keeper = int(np.argmax(np.divide(write["at a bracket"], write["inside"])))
    assert write["inside"][keeper] < 0.05 < 0.4 < write["at a bracket"][keeper]
    assert keep["inside"][keeper] > 0.95
    assert keep["inside"][0] < 0.85
    assert write["inside"][0] > 0.4 > 0.2 > write["outside"][0]
    assert min(fooled["gates"]["c"][0]) == pytest.approx(-4.9, abs=0.05)
