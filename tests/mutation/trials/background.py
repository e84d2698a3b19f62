"""Trials of the chapter Background."""

import numpy as np
import torch
from torch import nn


@trial("stable-sigmoid")
def _(s, d):
    shape = d.sizes(int(d.rng.integers(0, 4)))
    kind = d.rng.integers(4)
    if kind == 0:
        a = np.asarray(d.rng.integers(-1000, 1001, size=shape))
    else:
        a = np.asarray(d.rng.normal(size=shape) * [1, 10, 300][kind - 1]).clip(-1000, 1000)
    with warned() as count:
        found = called(s.stable_sigmoid, a)
    with np.errstate(divide="ignore"):
        found["tail"] = np.log(s.stable_sigmoid(-d.rng.uniform(1, 700, size=5)))
    return found | dict(warnings=count())


@trial("stable-softmax")
def _(s, d):
    shape = d.sizes(int(d.rng.integers(1, 4)))
    axis = int(d.rng.integers(-len(shape), len(shape)))
    y = (d.rng.normal(size=shape) * float(d.rng.choice([1, 10, 400]))).clip(-1000, 1000)
    barred = d.rng.uniform(size=shape) < 0.3
    barred &= ~barred.all(axis=axis, keepdims=True)
    y = np.where(barred, -np.inf, y) if d.chance(0.5) else y
    with warned() as count:
        found = called(s.stable_softmax, y, axis) if d.chance(0.5) else called(s.stable_softmax, y, axis=axis)
    return found | dict(last=called(s.stable_softmax, y) if len(shape) == 1 else 0, warnings=count())


@trial("make-windows")
def _(s, d):
    length, horizon, D = d.sizes(3)
    series = d.normal(length + horizon + int(d.rng.integers(0, 9)), D)
    found = dict(far=called(s.make_windows, series, length, horizon), near=called(s.make_windows, series, length))
    x, y = s.make_windows(series, length, horizon)
    return found | dict(shares=[bool(np.may_share_memory(v, series)) for v in (x, y)])


@trial("pad-sequences")
def _(s, d):
    N, D = d.sizes(2)
    sequences = [d.normal(int(d.rng.integers(1, 7)), D) for _ in range(N)]
    return dict(
        zeros=called(s.pad_sequences, sequences), filled=called(s.pad_sequences, sequences, value=-3.5),
        whole=called(s.pad_sequences, sequences, 2),
    )  # fmt: skip


@trial("window-loader")
def _(s, d):
    length, horizon, D, batch_size = d.sizes(4, high=5)
    series = d.tensors(d.normal(length + horizon + int(d.rng.integers(2, 14)), D, scale=1) + 0.01)
    plain = s.window_loader(series, length, horizon, batch_size)
    batches = [tuple(batch) for batch in plain]
    again = [tuple(batch) for batch in plain]
    loader = s.window_loader(series, length, horizon, batch_size, torch.Generator().manual_seed(3))
    orders = [[batch[0][0, :, 0].tolist() for batch in loader] for _ in range(3)]
    flat = [[v for part in order for v in part] for order in orders]
    pairs = sorted(
        (x[:, n].flatten().tolist(), y[:, n].flatten().tolist()) for x, y in loader for n in range(x.shape[1])
    )
    twin = s.window_loader(series, length, horizon, batch_size, torch.Generator().manual_seed(3))
    second = [v for batch in twin for v in batch[0][0, :, 0].tolist()]
    many = len(set(flat[0])) > 5  # enough windows for two orders not to agree by chance
    return dict(
        x=[b[0] for b in batches], y=[b[1] for b in batches], x2=[b[0] for b in again], parts=[len(b) for b in batches],
        sizes=[[len(part) for part in order] for order in orders], pairs=str(pairs), series=series,
        moved=flat[0] != flat[1] if many else True, seeded=flat[0] == second,
        sorted_first=many and flat[0] == [v for b in batches for v in b[0][0, :, 0].tolist()],
        known=[sorted(f) == sorted(flat[0]) for f in flat],
    )  # fmt: skip


@trial("collate")
def _(s, d):
    N, D = d.sizes(2)
    kind = torch.float32 if d.chance(0.8) else torch.float64
    examples = [
        (torch.tensor(d.normal(int(d.rng.integers(1, 7)), D)).to(kind), int(d.rng.integers(0, 99))) for _ in range(N)
    ]
    padded, lengths, labels = s.collate(examples)
    kinds = [str(v.dtype) for v in (padded, lengths, labels)]
    elsewhere = [v.device.type for v in s.collate([(sequence.to("meta"), label) for sequence, label in examples])]
    return dict(padded=padded, lengths=lengths, labels=labels, kinds=kinds, examples=[e[0] for e in examples],
                elsewhere=elsewhere)  # fmt: skip


@trial("bag-network")
def _(s, d):
    T, N, D, H, C = d.sizes(5)
    mask = np.arange(T)[:, None] < d.integers(1, T + 1, N)
    mask = d.tensors(d.rng.permutation(mask) if d.chance(0.5) else mask)
    network = put(s.BagNetwork(D, H, C), d)
    x = d.leaves(d.normal(T, N, D))
    kept = x.detach().clone()
    y = network(x, mask)
    (y * d.tensors(d.normal(N, C))).sum().backward()
    other = network(torch.where(mask[:, :, None], kept, 1e4), mask)
    kinds = [type(network.step) is nn.Linear, type(network.output) is nn.Linear]
    return dict(y=y, network=weights(network), grad=x.grad, x=x, other=other, mask=mask, kinds=kinds)
