"""Trials of the chapter Fast on a GPU."""

import torch


@trial("lstm-work")
def _(s, d):
    T, N, D, H = (int(k) for k in d.rng.integers(1, 200, size=4))
    counts = s.lstm_work(T, N, D, H, int(d.rng.choice([1, 2, 4, 8])))
    return dict(counts=counts, kinds=[type(count).__name__ for count in counts])


@trial("roofline-floor")
def _(s, d):
    K = d.sizes(1)[0]
    flops, moved, steps = (d.laid(v) for v in d.rng.uniform(0.1, 50, size=(3, K)))
    return called(s.roofline_floor, flops, moved, steps, *(float(v) for v in d.rng.uniform(0.1, 20, size=3)))


@trial("split-units")
def _(s, d):
    H, size = int(d.rng.integers(1, 900)), int(d.rng.choice([2, 4, 8]))
    processors = int(d.rng.integers(1, 200))
    room = int(d.rng.integers(1, 300_000))
    if d.chance(0.5):  # on the border, and one byte on either side of it
        room = max(1, 4 * H * size * int(d.rng.integers(1, H + 2)) + int(d.rng.integers(-1, 2)))
    if d.chance(0.3):  # as many processors as are needed, or one less
        units = min(H, room // (4 * H * size))
        processors = max(1, -(-H // units) - int(d.rng.integers(0, 2))) if units else processors
    units, programs, fits = s.split_units(H, size, room, processors)
    return dict(units=units, programs=programs, fits=bool(fits))


@trial("fused-gates")
def _(s, d):
    N, D, H = d.sizes(3)
    weights = d.leaves(d.normal(4 * H, D), d.normal(4 * H, H))
    given = d.leaves(d.normal(N, D), d.state(N, H), d.normal(N, H), d.normal(4 * H))
    joined = s.join_weights(*weights)
    with s.Products() as products:
        h, c = s.fused_step(*given[:3], joined, given[3])
    (h * d.tensors(d.normal(N, H)) + c * d.tensors(d.normal(N, H))).sum().backward()
    leaves = [*weights, *given]
    return dict(joined=joined, h=h, c=c, one_product=products.count <= 1, grads=[leaf.grad for leaf in leaves],
                given=[leaf.detach() for leaf in leaves])  # fmt: skip


@trial("hoisted-projections")
def _(s, d):
    T, N, D, H = d.sizes(4)
    given = d.leaves(d.normal(T, N, D), d.state(N, H), d.normal(N, H), d.normal(4 * H, D), d.normal(4 * H, H),
                     d.normal(4 * H))  # fmt: skip
    with s.Products() as products:
        states, c = s.hoisted_lstm(*given)
    ((states * d.tensors(d.normal(T, N, H))).sum() + (c * d.tensors(d.normal(N, H))).sum()).backward()
    return dict(states=states, c=c, grads=[leaf.grad for leaf in given], given=[leaf.detach() for leaf in given],
                few=products.count <= T + 1, serial=_in_the_loop(products) <= T * N * 4 * H * H)  # fmt: skip


def _in_the_loop(products):
    return sum(products.terms) - max(products.terms, default=0)


@trial("packed-weights")
def _(s, d):
    D, H = d.sizes(2)
    order = "".join(d.rng.permutation(list("ifgo")))
    blocks = [{k: d.leaves(d.normal(*shape)) for k in order} for shape in ((H, D), (H, H), (H,))]
    packed = s.pack(*blocks)
    (packed * d.tensors(d.normal(*packed.shape))).sum().backward()
    grads = [w.grad for block in blocks for w in block.values()]
    mine = s.pack(*blocks).detach()
    mine += 1  # new memory: nothing that was given may change
    flat = d.tensors(d.normal(4 * H * (D + H + 2)))
    return dict(packed=packed, blocks=blocks, grads=grads, parts=called(s.unpack, flat, D, H))


@trial("hoisted-gru")
def _(s, d):
    T, N, D, H = d.sizes(4)
    biases = d.leaves(d.normal(3 * H), d.normal(3 * H))
    given = d.leaves(d.normal(T, N, D), d.state(N, H), d.normal(3 * H, D), d.normal(3 * H, H))
    folded = s.fold_biases(*biases)
    with s.Products() as products:
        states = s.hoisted_gru(*given, *folded)
    (states * d.tensors(d.normal(T, N, H))).sum().backward()
    leaves = [*biases, *given]
    return dict(folded=folded, states=states, grads=[leaf.grad for leaf in leaves], few=products.count <= T + 1,
                given=[leaf.detach() for leaf in leaves])  # fmt: skip


@trial("replayed-graph")
def _(s, d):
    N, H = d.sizes(2)
    given = d.tensors(*(d.normal(N, H if k % 2 else H + 1) for k in range(8)))
    W = d.tensors(d.normal(H + 1, H))
    kept = [v.clone() for v in given]
    s.Recording.made = s.Recording.replays = 0
    one = s.Replayed(lambda x, h: torch.tanh(x) @ W + 2 * h, *given[:2])
    other = s.Replayed(lambda x: x * 3, given[7])
    results = [one(*given[2:4]), other(given[5]), one(*given[4:6]), other(given[3]), one(*given[6:8])]
    return dict(results=results, kept=kept, given=given, made=s.Recording.made, replays=s.Recording.replays)
