"""Trials of the chapter GRU."""

import numpy as np
import torch
from torch import nn


def gru_weights(d, D, H, biases=1):
    """W_xh, W_hh and the biases."""
    return d.normal(3 * H, D), d.normal(3 * H, H), *(d.normal(3 * H) for _ in range(biases))


@trial("gru-step")
def _(s, d):
    N, D, H = d.sizes(3)
    W_xh, W_hh, b = gru_weights(d, D, H)
    b = b * float(d.rng.choice([1, 1, 1, 500]))
    with warned() as count:
        return called(s.gru_step, d.normal(N, D), d.state(N, H), W_xh, W_hh, b) | dict(warnings=count())


@trial("gru-step-reset-after")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(s.gru_step_reset_after, d.normal(N, D), d.state(N, H), *gru_weights(d, D, H, 2))


@trial("gru-forward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = d.normal(T, N, D), d.state(N, H), *gru_weights(d, D, H)
    first = called(s.gru_forward, *given)
    called(s.gru_forward, *(v / 2 for v in given))
    return dict(first=first, again=called(s.gru_forward, *given))


def gates(d, *shape):
    """r, z, n side by side."""
    return np.concatenate([d.gate(*shape), d.gate(*shape), d.state(*shape)], axis=-1)


@trial("gru-step-backward")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(
        s.gru_step_backward, d.normal(N, H), d.normal(N, D), d.state(N, H), gates(d, N, H), *gru_weights(d, D, H, 0)
    )


@trial("gru-backward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = (d.normal(T, N, H), d.normal(T, N, D), d.state(N, H), d.state(T, N, H), gates(d, T, N, H),
             *gru_weights(d, D, H, 0))  # fmt: skip
    first = called(s.gru_backward, *given)
    called(s.gru_backward, *(v / 2 for v in given))
    return dict(first=first, again=called(s.gru_backward, *given))


@trial("gru-after-backward")
def _(s, d):
    N, D, H = d.sizes(3)
    given = d.normal(N, H), d.normal(N, D), d.state(N, H), gates(d, N, H), *gru_weights(d, D, H)
    return called(s.gru_step_backward_reset_after, *given)


@trial("convert-update-gate")
def _(s, d):
    given = gru_weights(d, *d.sizes(2))
    shares = [bool(np.may_share_memory(a, b)) for a, b in zip(s.convert_update_gate(*given), given, strict=True)]
    return called(s.convert_update_gate, *given) | dict(shares=shares)


@trial("gru-module")
def _(s, d):
    T, N, D, H = d.sizes(4)
    many = s.GRU(70, 100)
    looks = {name: uniform(w, 0.1) for name, w in many.named_parameters()}
    gru = put(s.GRU(D, H), d)
    x, h0 = d.leaves(d.normal(T, N, D), d.state(1, N, H))
    zeros = gru(x)
    states, last = gru(x, h0)
    ((states * d.tensors(d.normal(T, N, H))).sum() + (last * d.tensors(d.normal(1, N, H))).sum()).backward()
    device = ""
    if d.chance(0.05):  # a device that holds no numbers
        with torch.no_grad():
            device = str(s.GRU(D, H).to("meta")(x.detach().to("meta"))[0].device)
    return dict(states=states, last=last, zeros=zeros, gru=weights(gru), grads=gradients(x=x, h0=h0), given=(x, h0),
                looks=looks, shapes=parameters(many), device=device)  # fmt: skip


@trial("gru-from-keras")
def _(s, d):
    D, H = d.sizes(2)
    gru = nn.GRU(D, H)
    given = d.tensors(d.normal(D, 3 * H), d.normal(H, 3 * H), d.normal(2, 3 * H))
    returned = s.load_keras(*given, gru)
    return dict(gru=weights(gru), given=given, returned=returned)


@trial("gru-gates")
def _(s, d):
    T, N, D, H = d.sizes(4)
    gru = put(nn.GRU(D, H), d)
    x, h0 = d.tensors(d.normal(T, N, D), d.state(1, N, H))
    if d.chance(0.3):
        x.requires_grad_()
    r, z = s.gates_of(gru, x, h0)
    return dict(r=r, z=z, history=[r.requires_grad, z.requires_grad], gru=weights(gru), given=(x, h0))


@trial("init-update-gate")
def _(s, d):
    D, H, layers = d.sizes(3, high=4)
    gru = put(nn.GRU(D, H, num_layers=layers), d)
    returned = s.init_update_gate(gru, float(d.rng.normal() * 3))
    values = {name: w.detach() for name, w in gru.named_parameters()}
    sums, rest = {}, {}
    for name, w in values.items():
        if name.startswith("bias_ih"):
            sums[name] = (w + values[name.replace("ih", "hh")])[H : 2 * H]
        rest[name] = torch.cat([w[:H], w[2 * H :]]) if name.startswith("bias") else w
    return dict(returned=returned, sums=sums, rest=rest, shapes=parameters(gru))
