"""Trials of the chapter Equations."""

import numpy as np
import torch
from torch import nn


@trial("rnn-step")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(s.rnn_step, d.normal(N, D), d.state(N, H), d.normal(H, D), d.normal(H, H), d.normal(H))


@trial("rnn-forward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = d.normal(T, N, D), d.state(N, H), d.normal(H, D), d.normal(H, H), d.normal(H)
    first = called(s.rnn_forward, *given)
    called(s.rnn_forward, *(v + 1 for v in given))
    return dict(first=first, again=called(s.rnn_forward, *given))


@trial("output-layer")
def _(s, d):
    H, C = d.sizes(2)
    shape = d.sizes(int(d.rng.integers(1, 4)))
    large = float(d.rng.choice([1, 1, 500]))
    return called(s.output_layer, d.normal(*shape, H) * large, d.normal(C, H), d.normal(C))


@trial("sequence-cross-entropy")
def _(s, d):
    T, N, C = d.sizes(3)
    lengths = d.integers(1, T + 1, N)
    mask = np.arange(T)[:, None] < lengths if d.chance(0.7) else d.rng.uniform(size=(T, N)) < 0.6
    mask[0, 0] = True
    large = float(d.rng.choice([1, 1, 1000]))
    return called(s.sequence_cross_entropy, d.normal(T, N, C) * large, d.integers(0, C, T, N), mask)


@trial("split-concatenated")
def _(s, d):
    D, H = d.sizes(2)
    return dict(
        apart=called(s.split_concatenated, d.normal(H, H + D)),
        joined=called(s.join_separate, d.normal(H, D), d.normal(H, H)),
    )


@trial("count-parameters")
def _(s, d):
    D, H, C, T = (int(k) for k in d.rng.integers(1, 200, size=4))
    count = s.count_parameters(D, H, C, T)
    return dict(count=count, kind=type(count).__name__)


@trial("rnn-cell")
def _(s, d):
    N, D, H = d.sizes(3)
    many = s.RNNCell(60, 81)
    begins = {name: uniform(w, 1 / 9) for name, w in many.named_parameters() if w.dim() == 2}
    inside = bool(many.b_h.abs().max() <= 1 / 9)
    cell = put(s.RNNCell(D, H), d)
    x, h_prev = d.leaves(d.normal(N, D), d.state(N, H))
    h = cell(x, h_prev)
    (h * d.tensors(d.normal(N, H))).sum().backward()
    return dict(h=h, cell=weights(cell), shapes=parameters(many), begins=begins, inside=inside,
                grads=gradients(x=x, h=h_prev), x=x, h_prev=h_prev)  # fmt: skip


@trial("rnn-parity")
def _(s, d):
    D, H = d.sizes(2)
    rnn, other = nn.RNN(D, H), put(nn.RNN(D, H), d)
    given = d.tensors(d.normal(H, D), d.normal(H, H), d.normal(H))
    returned = s.copy_to_torch(*given, rnn)
    total = rnn.bias_ih_l0 + rnn.bias_hh_l0
    before = [rnn.weight_ih_l0.detach().clone(), rnn.weight_hh_l0.detach().clone(), total.detach().clone()]
    kept = [v.clone() for v in given]
    copied = s.copy_from_torch(other)
    history = [v.requires_grad for v in copied]
    with torch.no_grad():
        for weight in [*rnn.parameters(), *other.parameters()]:
            weight.fill_(7.0)
    return dict(returned=returned, before=before, kept=kept, given=given, copied=copied, history=history,
                shapes=parameters(rnn), other=weights(other))  # fmt: skip
