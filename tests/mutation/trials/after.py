"""Trials of the chapter After the LSTM."""

import numpy as np
import torch


def in_rounds(s, scan, *given):
    """Whether a scan of many steps runs fewer lines of Python than there are steps."""
    return s.lines_run(scan, *given) < len(given[0])


@trial("parallel-scan")
def _(s, d):
    T, N, H = d.sizes(3, 9)
    a, b, h0 = d.state(T, N, H), d.normal(T, N, H), d.normal(N, H)
    if d.chance(0.3):
        a[d.rng.integers(T)] = 0.0
    many = [d.rng.uniform(-1, 1, size=shape) for shape in [(600, N, H), (600, N, H), (N, H)]]
    return called(s.parallel_scan, a, b, h0) | dict(in_rounds=in_rounds(s, s.parallel_scan, *many))


@trial("log-scan")
def _(s, d):
    T, N, H = d.sizes(3, 9)
    log_a = -np.abs(d.normal(T, N, H)) * float(d.rng.choice([1, 1, 300]))
    level = float(d.rng.choice([0, 0, -1000, 1000]))
    return called(s.log_scan, log_a, d.normal(T, N, H) + level, d.normal(N, H) + level)


@trial("min-gru")
def _(s, d):
    T, N, D, H = d.sizes(4)
    return called(s.min_gru, d.normal(T, N, D), d.normal(N, H), d.normal(2 * H, D), d.normal(2 * H))


@trial("min-lstm")
def _(s, d):
    T, N, D, H = d.sizes(4)
    b = d.normal(3 * H)
    if d.chance(0.3):
        b[: 2 * H] -= 1000
    return called(s.min_lstm, d.normal(T, N, D), d.normal(N, H), d.normal(3 * H, D), b)


@trial("linear-attention")
def _(s, d):
    T, N, E, H = d.sizes(4)
    q, k, v = d.normal(T, N, E), d.normal(T, N, E), d.normal(T, N, H)
    return called(s.linear_attention, q, k, v, d.normal(N, E, H), np.abs(d.normal(N, E)))


@trial("parity")
def _(s, d):
    bits = d.rng.integers(0, 2, size=(60, 3)).astype(float)
    first, again = s.parity_weights(), s.parity_weights()
    return dict(parity=s.relu_rnn(bits, *first), again=s.relu_rnn(bits, *again))


@trial("parity-factors")
def _(s, d):
    bits = d.rng.integers(0, 2, size=tuple(d.sizes(2, 9))).astype(float)
    return called(s.parity_factors, bits)


@trial("min-gru-torch")
def _(s, d):
    T, N, D, H = d.sizes(4, 9)
    gru = put(s.MinGRU(D, H), d)
    x, h0 = d.leaves(d.normal(T, N, D), d.normal(N, H))
    states = gru(x, h0)
    (states * d.tensors(d.normal(T, N, H))).sum().backward()
    y, before = d.leaves(x.detach().numpy(), h0.detach().numpy())
    steps = [before := gru.step(y_t, before) for y_t in y]
    (torch.stack(steps) ** 2).sum().backward()
    with torch.no_grad(), s.Counting() as counted:
        gru(d.tensors(d.rng.normal(size=(400, N, D))), h0)
    return dict(states=states, steps=steps, gru=weights(gru), grads=gradients(x=x, h0=h0, y=y), given=(x, h0),
                in_rounds=counted.calls < 400, shapes=parameters(gru))  # fmt: skip
