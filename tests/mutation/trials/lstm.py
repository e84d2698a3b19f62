"""Trials of the chapter LSTM."""

import numpy as np
import torch
from torch import nn


def cell(d, N, D, H, blocks=4):
    """x, h_prev, c_prev, W_xh, W_hh, b of one step; the sums are huge now and then."""
    huge = float(d.rng.choice([1, 1, 1, 1000]))
    return (d.normal(N, D), d.state(N, H), d.normal(N, H), d.normal(blocks * H, D), d.normal(blocks * H, H),
            d.normal(blocks * H) * huge)  # fmt: skip


@trial("lstm-step")
def _(s, d):
    given = cell(d, *d.sizes(3))
    with warned() as count:
        return called(s.lstm_step, *given) | dict(warnings=count())


@trial("lstm-forward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    _, h0, c0, W_xh, W_hh, b = cell(d, N, D, H)
    given = d.normal(T, N, D), h0, c0, W_xh, W_hh, b
    first = called(s.lstm_forward, *given)
    called(s.lstm_forward, *(v / 2 for v in given))
    return dict(first=first, again=called(s.lstm_forward, *given))


def gates(d, *shape):
    """i, f, g, o side by side."""
    return np.concatenate([d.gate(*shape), d.gate(*shape), d.state(*shape), d.gate(*shape)], axis=-1)


@trial("lstm-step-backward")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(
        s.lstm_step_backward, d.normal(N, H), d.normal(N, H), d.normal(N, D), d.state(N, H), d.normal(N, H),
        d.normal(N, H), gates(d, N, H), d.normal(4 * H, D), d.normal(4 * H, H),
    )  # fmt: skip


@trial("lstm-backward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = (d.normal(T, N, H), d.normal(N, H), d.normal(T, N, D), d.state(N, H), d.normal(N, H), d.state(T, N, H),
             d.normal(T, N, H), gates(d, T, N, H), d.normal(4 * H, D), d.normal(4 * H, H))  # fmt: skip
    first = called(s.lstm_backward, *given)
    called(s.lstm_backward, *(v / 2 for v in given))
    return dict(first=first, again=called(s.lstm_backward, *given))


@trial("init-lstm")
def _(s, d):
    D, H = int(d.rng.integers(60, 80)), int(d.rng.integers(30, 40))
    seed = int(d.rng.integers(1000))
    one, again, other = (s.init_lstm(D, H, np.random.default_rng(k)) for k in (seed, seed, seed + 1))
    small = s.init_lstm(*d.sizes(2), np.random.default_rng(1))
    state = np.random.get_state()[1].tolist()
    return dict(
        shapes=str([[np.shape(w) for w in made] for made in (one, small)]),
        looks=[uniform(w, H**-0.5) for w in one[:2]], bias=one[2] + one[3], small_bias=small[2] + small[3],
        repeats=all(np.array_equal(a, b) for a, b in zip(one, again, strict=True)),
        related=bool(np.array_equal(one[1][:, :H], one[0][:, :H])),
        other=[bool(np.array_equal(a, b)) for a, b in zip(one[:2], other[:2], strict=True)],
        state=str(hash(tuple(state))),
    )  # fmt: skip


@trial("reorder-gates")
def _(s, d):
    H = d.sizes(1)[0]
    W = d.normal(4 * H, *d.sizes(int(d.rng.integers(0, 3))))
    letters = list("ifgo")
    old, new = "".join(d.rng.permutation(letters)), "".join(d.rng.permutation(letters))
    new = old if d.chance(0.2) else new
    shares = bool(np.may_share_memory(s.reorder_gates(W, old, new), W))
    return called(s.reorder_gates, W, old, new) | dict(shares=shares)


@trial("peephole-step")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(s.peephole_lstm_step, *cell(d, N, D, H), d.normal(3 * H))


@trial("hunt-memory")
def _(s, d):
    T, N, D, H = d.sizes(4)
    _, h0, c0, W_xh, W_hh, b = cell(d, N, D, H)
    return called(s.lstm_states, d.normal(T, N, D), h0, c0, W_xh, W_hh, b)


@trial("lstm-module")
def _(s, d):
    T, N, D, H = d.sizes(4)
    many = s.LSTM(70, 64)
    looks = {name: uniform(w, 1 / 8) for name, w in many.named_parameters() if w.dim() == 2}
    lstm = put(s.LSTM(D, H), d)
    x, h0, c0 = d.leaves(d.normal(T, N, D), d.state(N, H), d.normal(N, H))
    with torch.no_grad():
        lstm(x * 2, (h0, c0))
        zero, from_zero = lstm(x), lstm(x, (h0 * 0, c0 * 0))
        wide = put(s.LSTM(D, H), Draw(np.random.default_rng(5))).double()(x.double())[0]
    states, (h, c) = lstm(x, (h0, c0))
    up, up_h, up_c = d.tensors(d.normal(T, N, H), d.normal(N, H), d.normal(N, H))
    ((states * up).sum() + (h * up_h).sum() + (c * up_c).sum()).backward()
    return dict(
        states=states, h=h, c=c, lstm=weights(lstm), grads=gradients(x=x, h0=h0, c0=c0), zero=zero, from_zero=from_zero,
        given=(x, h0, c0), looks=looks, bias=many.b, shapes=parameters(many), wide=wide, wide_kind=str(wide.dtype),
    )  # fmt: skip


@trial("lstm-parity")
def _(s, d):
    D, H = d.sizes(2)
    layer, other = nn.LSTM(D, H), put(nn.LSTM(D, H), d)
    given = d.tensors(d.normal(4 * H, D), d.normal(4 * H, H), d.normal(4 * H))
    returned = s.lstm_to_torch(*given, layer)
    total = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().clone()
    before = [layer.weight_ih_l0.detach().clone(), layer.weight_hh_l0.detach().clone(), total]
    copied = s.lstm_from_torch(other)
    history = [v.requires_grad for v in copied]
    kept = [v.clone() for v in given]
    with torch.no_grad():
        for weight in [*layer.parameters(), *other.parameters()]:
            weight.fill_(7.0)
    return dict(returned=returned, before=before, kept=kept, given=given, copied=copied, history=history,
                shapes=parameters(layer))  # fmt: skip


@trial("set-forget-bias")
def _(s, d):
    D, H, layers = d.sizes(3, high=4)
    layer = put(nn.LSTM(D, H, num_layers=layers, bidirectional=d.chance(0.5)), d)
    before = {name: id(w) for name, w in layer.named_parameters()}
    value = float(d.rng.normal() * 3)
    returned = [s.set_forget_bias(layer, value) if d.chance(0.7) else s.set_forget_bias(layer)]
    sums = {}
    for name, w in layer.named_parameters():
        if name.startswith("bias_ih"):
            sums[name] = (w + getattr(layer, name.replace("ih", "hh"))).detach()
    rest = {name: w.detach() for name, w in layer.named_parameters() if name.startswith("weight")}
    for name, w in layer.named_parameters():
        if name.startswith("bias"):
            rest[name] = torch.cat([w[:H], w[2 * H :]]).detach()
    same = all(id(w) == before[name] for name, w in layer.named_parameters())
    return dict(returned=returned, sums=sums, rest=rest, same=same, shapes=parameters(layer))


@trial("stacked-lstm")
def _(s, d):
    L, T, N, D, H = d.sizes(5, high=5)
    stacked = put(s.StackedLSTM(D, H, L), d)
    x, h0, c0 = d.leaves(d.normal(T, N, D), d.state(L, N, H), d.normal(L, N, H))
    with torch.no_grad():
        zero = stacked(x)
    states, (h, c) = stacked(x, (h0, c0))
    up, up_h, up_c = d.tensors(d.normal(T, N, H), d.normal(L, N, H), d.normal(L, N, H))
    ((states * up).sum() + (h * up_h).sum() + (c * up_c).sum()).backward()
    return dict(
        states=states, h=h, c=c, zero=zero, net=weights(stacked), shapes=parameters(stacked),
        classes=[type(layer).__name__ for layer in stacked.layers],
        grads=gradients(x=x, h0=h0, c0=c0), given=(x, h0, c0),
    )  # fmt: skip


@trial("bidirectional-lstm")
def _(s, d):
    T, N, D, H = d.sizes(4, high=5)
    both = put(s.BidirectionalLSTM(D, H), d)
    x, h0, c0 = d.leaves(d.normal(T, N, D), d.state(2, N, H), d.normal(2, N, H))
    with torch.no_grad():
        zero = both(x)
    states, (h, c) = both(x, (h0, c0))
    up, up_h, up_c = d.tensors(d.normal(T, N, 2 * H), d.normal(2, N, H), d.normal(2, N, H))
    ((states * up).sum() + (h * up_h).sum() + (c * up_c).sum()).backward()
    kinds = [type(both.ahead).__name__, type(both.back).__name__, both.ahead is both.back]
    return dict(states=states, h=h, c=c, zero=zero, net=weights(both), kinds=kinds, grads=gradients(x=x, h0=h0, c0=c0),
                given=(x, h0, c0))  # fmt: skip


@trial("lstm-in-chunks")
def _(s, d):
    T, N, D, H = d.sizes(4, high=8)
    layer = put(nn.LSTM(D, H), d)
    x, h0, c0 = d.leaves(d.normal(T, N, D), d.state(1, N, H), d.normal(1, N, H))
    states, (h, c) = s.lstm_in_chunks(layer, x, (h0, c0), int(d.rng.integers(1, T + 2)))
    (states * d.tensors(d.normal(T, N, H))).sum().backward()
    return dict(states=states, h=h, c=c, attached=[h.requires_grad, c.requires_grad], layer=weights(layer),
                grads=gradients(x=x, h0=h0, c0=c0), given=(x, h0, c0))  # fmt: skip
