"""Trials of the chapter BPTT."""

import numpy as np
import torch
from torch import nn


def network(d, T, N, D, H):
    """x, h0, W_xh, W_hh, b_h of a small network."""
    return d.normal(T, N, D), d.state(N, H), d.normal(H, D), d.normal(H, H), d.normal(H)


@trial("numerical-gradient")
def _(s, d):
    x = d.normal(*d.sizes(int(d.rng.integers(1, 4)), high=4), scale=1)
    mix = d.rng.normal(size=x.shape)
    seen = []

    def f(v):
        seen.append(np.asarray(v).shape)
        return float(np.sin(v * mix).sum() * np.cos(v).sum() + (v**3).sum())

    eps = float(d.rng.choice([1e-1, 1e-2, 1e-3]))
    with_eps, usual = called(s.numerical_gradient, f, x, eps), called(s.numerical_gradient, f, x)
    close = np.allclose(usual["out"], s.numerical_gradient(f, x, 1e-5), rtol=1e-6, atol=1e-6)
    return dict(out=with_eps["out"], named=called(s.numerical_gradient, f, x, eps=eps)["out"],
                after=with_eps["arguments"][1], close=close, shapes=sorted(set(seen)))  # fmt: skip


@trial("output-backward")
def _(s, d):
    T, N, H, C = d.sizes(4)
    mask = np.arange(T)[:, None] < d.integers(1, T + 1, N) if d.chance(0.6) else d.rng.uniform(size=(T, N)) < 0.6
    mask[-1, -1] = True
    large = float(d.rng.choice([1, 1, 1000]))
    return called(
        s.output_backward, d.normal(T, N, C) * large, d.integers(0, C, T, N), mask, d.state(T, N, H), d.normal(C, H)
    )


@trial("rnn-step-backward")
def _(s, d):
    N, D, H = d.sizes(3)
    return called(
        s.rnn_step_backward, d.normal(N, H), d.normal(N, D), d.state(N, H), d.state(N, H),
        d.normal(H, D), d.normal(H, H),
    )  # fmt: skip


@trial("rnn-backward")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = (d.normal(T, N, H), d.normal(N, H), d.normal(T, N, D), d.state(N, H), d.state(T, N, H),
             d.normal(H, D), d.normal(H, H))  # fmt: skip
    first = called(s.rnn_backward, *given)
    called(s.rnn_backward, *(v / 2 for v in given))
    return dict(first=first, again=called(s.rnn_backward, *given))


@trial("gradient-norms")
def _(s, d):
    T, N, H = d.sizes(3)
    return called(s.gradient_norms_over_time, d.normal(N, H), d.state(T, N, H), d.normal(H, H))


@trial("clip-by-global-norm")
def _(s, d):
    shapes = [d.sizes(int(d.rng.integers(1, 4)), high=4) for _ in range(int(d.rng.integers(1, 4)))]
    gradients = {f"w{i}": d.normal(*shape, scale=1) + 0.01 for i, shape in enumerate(shapes)}
    norm = sum((g**2).sum() for g in gradients.values()) ** 0.5
    limit = float(norm * d.rng.choice([0.01, 0.5, 0.999, 1.001, 2.0, 100.0]))
    found = called(s.clip_by_global_norm, gradients, limit)
    clipped = s.clip_by_global_norm(gradients, limit)[0]
    shares = [bool(np.may_share_memory(clipped[name], gradients[name])) for name in gradients]
    return found | dict(shares=shares, names=sorted(clipped))


@trial("truncated-bptt")
def _(s, d):
    T, N, D, H = d.sizes(4, high=8)
    chunk = int(d.rng.integers(1, T + 3))
    return called(s.truncated_bptt, d.normal(T, N, H), *network(d, T, N, D, H), chunk)


@trial("hunt-gradients")
def _(s, d):
    T, N, H = d.sizes(3)
    return called(s.state_gradients, d.normal(T, N, H), d.state(T, N, H), d.state(N, H), d.normal(H, H))


@trial("autograd-gradients")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = d.tensors(d.normal(T, N, H), d.normal(N, H), *network(d, T, N, D, H))
    first, again = called(s.autograd_gradients, *given), called(s.autograd_gradients, *given)
    wants = [v.requires_grad or v.grad is not None for v in given]
    return dict(first=first, again=again, wants=wants)


@trial("state-jacobian")
def _(s, d):
    T, D, H = d.sizes(3)
    x, h0, W_xh, W_hh, b_h = network(d, T, 1, D, H)
    given = d.tensors(x[:, 0], h0[0], W_xh, W_hh, b_h)
    return called(s.state_jacobian, *given)


@trial("gradient-hooks")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = d.tensors(d.normal(T, N, H), *network(d, T, N, D, H))
    return dict(first=called(s.hooked_norms, *given), again=called(s.hooked_norms, *given))


def _trained(d, step):
    """An RNN and its readout, trained twice by `step`, which is called with inputs and targets."""
    T, N, D, H, C = d.sizes(5, high=7)
    rnn, readout = put(nn.RNN(D, H), d), put(nn.Linear(H, C), d)
    both = [*rnn.parameters(), *readout.parameters()]
    kind = d.rng.integers(3)
    optimizer = [
        lambda: torch.optim.SGD(both, lr=0.3), lambda: torch.optim.SGD(both, lr=0.2, momentum=0.9),
        lambda: torch.optim.SGD(both, lr=0.3, weight_decay=0.1),
    ][kind]()  # fmt: skip
    for weight in both if d.chance(0.5) else []:
        weight.grad = torch.ones_like(weight)
    found = []
    for _ in range(3):
        x, targets = d.tensors(d.normal(T, N, D), d.integers(0, C, T, N))
        kept = x.clone(), targets.clone()
        found += [step(rnn, readout, optimizer, x, targets, T), dict(changed=[x - kept[0], targets - kept[1]])]
    return dict(found=found, rnn=values(rnn), readout=values(readout))


def values(module):
    """A module's numbers."""
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


@trial("training-step")
def _(s, d):
    def step(rnn, readout, optimizer, x, targets, T):
        limit = float(d.rng.choice([0.01, 0.5, 100.0]))
        loss, norm = s.training_step(rnn, readout, optimizer, x, targets, limit)
        return dict(loss=torch.tensor(loss), norm=torch.tensor(norm), kinds=f"{type(loss)} {type(norm)}")

    return _trained(d, step)


@trial("truncated-training")
def _(s, d):
    def step(rnn, readout, optimizer, x, targets, T):
        losses, state = s.train_truncated(rnn, readout, optimizer, x, targets, int(d.rng.integers(1, T + 2)))
        return dict(
            losses=torch.tensor(losses), state=state, wants=state.requires_grad, kinds=str([type(v) for v in losses])
        )

    return _trained(d, step)
