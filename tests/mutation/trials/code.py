"""Trials of the chapter Code."""

import numpy as np
import torch
from torch import nn


@trial("last-step")
def _(s, d):
    T, N, H = d.sizes(3)
    output, lengths = d.normal(T, N, H), d.integers(1, T + 1, N)
    by_example = np.ascontiguousarray(output.transpose(1, 0, 2))
    return dict(
        full=called(s.last_step, output), padded=called(s.last_step, output, lengths),
        named=called(s.last_step, output, lengths=lengths), first=called(s.last_step, by_example, batch_first=True),
        both=called(s.last_step, by_example, lengths, True),
    )  # fmt: skip


@trial("text-streams")
def _(s, d):
    T, N = d.sizes(2)
    codes = d.integers(0, 30, T * N + 1 + int(d.rng.integers(0, 40)))
    return called(s.text_streams, codes, N, T)


@trial("sample-text")
def _(s, d):
    H, C = d.sizes(2, high=8)
    W_xh, W_hh, W_hy = d.normal(H, C), d.normal(H, H), d.normal(C, H)
    large = 1000 * d.rng.integers(-1, 2, size=C) if d.chance(0.4) else np.zeros(C)
    edges = d.chance(0.3)

    def step(code, h):
        h = np.tanh(W_xh[:, code] + W_hh @ h)
        return (np.zeros(C) if edges else W_hy @ h + large), h

    uniforms = d.rng.uniform(size=int(d.rng.integers(1, 30)))
    if edges:  # probabilities of 1 / C each, and numbers exactly on a border (C a power of two)
        uniforms = d.rng.integers(0, C, size=8) / C if C in (1, 2, 4, 8) else uniforms
    temperature = float(d.rng.choice([0.1, 0.5, 1.0, 3.0]))
    given = step, d.state(H), int(d.rng.integers(C)), uniforms
    found = dict(usual=s.sample_text(*given), tempered=s.sample_text(*given, temperature))
    return found | dict(kinds=kinds(found), given=given[1:])


@trial("hunt-forecast-error")
def _(s, d):
    window = d.sizes(1)[0]
    split = window + int(d.rng.integers(2, 20))
    series = d.rng.normal(size=split + int(d.rng.integers(1, 20))).cumsum() + 3
    return called(s.forecast_error, series, window, split)


@trial("hunt-gru-weights")
def _(s, d):
    D, H = d.sizes(2)
    return called(s.keras_to_torch, d.normal(D, 3 * H), d.normal(H, 3 * H), d.normal(2, 3 * H))


@trial("sequence-classifier")
def _(s, d):
    T, N, D, H, C = d.sizes(5)
    model = put(s.SequenceClassifier(D, H, C), d)
    lengths = d.tensors(d.integers(1, T + 1, N))
    x = d.leaves(d.normal(T, N, D))
    logits = model(x, lengths)
    (logits * d.tensors(d.normal(N, C))).sum().backward()
    padding = torch.arange(T)[:, None] >= lengths
    other = model(x.detach().masked_fill(padding[:, :, None], 50.0), lengths)
    kinds = [type(model.rnn).__name__, type(model.head).__name__]
    return dict(logits=logits, other=other, model=weights(model), grad=x.grad, given=(x, lengths), kinds=kinds)


@trial("forecaster")
def _(s, d):
    T, N, D, H, horizon = d.sizes(5)
    model = put(s.Forecaster(D, H), d)
    x = d.leaves(d.normal(T, N, D))
    forecasts = model(x, horizon)
    (forecasts * d.tensors(d.normal(horizon, N, D))).sum().backward()
    kinds = [type(model.rnn).__name__, type(model.head).__name__]
    return dict(forecasts=forecasts, model=weights(model), grad=x.grad, x=x, kinds=kinds)


class Classifier(nn.Module):
    """A classifier with dropout off and on that notes its modes."""

    def __init__(self, D, C):
        super().__init__()
        self.linear, self.modes = nn.Linear(D, C), []

    def forward(self, x):
        self.modes.append([self.training, torch.is_grad_enabled()])
        return self.linear(x)


def optimizer_of(model, d):
    """One of three optimizers."""
    more = [dict(), dict(momentum=0.9), dict(weight_decay=0.1)][d.rng.integers(3)]
    return torch.optim.SGD(model.parameters(), lr=0.3, **more)


def batches_of(d, D, C):
    """Batches of different sizes."""
    sizes = d.sizes(int(d.rng.integers(1, 5)), high=9)
    return [tuple(d.tensors(d.normal(n, D), d.integers(0, C, n))) for n in sizes]


@trial("hunt-update")
def _(s, d):
    D, C = d.sizes(2)
    model = put(Classifier(D, C), d)
    optimizer = optimizer_of(model, d)
    if d.chance(0.5):
        model.linear.weight.grad = torch.ones_like(model.linear.weight)
    limit, batches = float(d.rng.choice([0.01, 0.5, 100.0])), batches_of(d, D, C)
    losses = [s.update(model, x, y, optimizer, limit) for x, y in batches]
    values = {name: w.detach() for name, w in model.named_parameters()}
    return dict(losses=torch.tensor(losses), kinds=str([type(v) for v in losses]), values=values, batches=batches)


@trial("train-epoch")
def _(s, d):
    D, C = d.sizes(2)
    model = put(Classifier(D, C), d).train(d.chance(0.5))
    optimizer = optimizer_of(model, d)
    if d.chance(0.5):
        model.linear.weight.grad = torch.ones_like(model.linear.weight)
    limit, batches = float(d.rng.choice([0.01, 0.5, 100.0])), batches_of(d, D, C)
    found = []
    for _ in range(2):
        loss, norms = s.train_epoch(model, batches, optimizer, limit)
        found += [torch.tensor(loss), torch.tensor(norms), f"{type(loss)} {[type(n) for n in norms]}"]
    values = {name: w.detach() for name, w in model.named_parameters()}
    return dict(found=found, values=values, batches=batches, modes=model.modes)


@trial("evaluate")
def _(s, d):
    D, C = d.sizes(2)
    model = put(Classifier(D, C), d).train(d.chance(0.5))
    before, batches = model.training, batches_of(d, D, C)
    loss, accuracy = s.evaluate(model, batches)
    return dict(
        loss=torch.tensor(loss), accuracy=torch.tensor(accuracy), kinds=f"{type(loss)} {type(accuracy)}",
        modes=model.modes,
        mode=[before, model.training], recording=torch.is_grad_enabled(), model=weights(model), batches=batches,
    )  # fmt: skip


@trial("hunt-tagging-loss")
def _(s, d):
    T, N, C = d.sizes(3)
    lengths = d.rng.integers(1, T + 1, size=N)
    targets = np.where(np.arange(T) < lengths[:, None], d.rng.integers(0, C, size=(N, T)), 0)
    logits = d.leaves(d.normal(T, N, C))
    targets, lengths = d.tensors(targets, lengths)
    loss, accuracy = s.tagging_loss(logits, targets, lengths)
    loss.backward()
    return dict(loss=loss, accuracy=torch.as_tensor(accuracy), grad=logits.grad, given=(logits, targets, lengths))


@trial("hunt-carried-state")
def _(s, d):
    N, D, H, C = d.sizes(4, high=4)
    model = put(s.TextModel(D, H, C), d)
    lengths = d.sizes(int(d.rng.integers(1, 4)), high=8)
    texts = [tuple(d.tensors(d.normal(S, N, D), d.integers(0, C, S, N))) for S in lengths]
    losses = s.backward_in_chunks(model, texts, d.sizes(1)[0])
    return dict(losses=torch.tensor(losses), kinds=str([type(v) for v in losses]), model=weights(model), texts=texts)


@trial("hunt-bidirectional")
def _(s, d):
    N, T, D, H = d.sizes(4)
    rnn = put(nn.GRU(D, H, bidirectional=True), d)
    x = d.leaves(d.normal(N, T, D))
    both = s.summary(rnn, x)
    (both * d.tensors(d.normal(N, 2 * H))).sum().backward()
    return dict(both=both, grad=x.grad, rnn=weights(rnn), x=x)


@trial("hunt-answers")
def _(s, d):
    N, T, D, H, C = d.sizes(5)
    rnn, head, x = put(nn.LSTM(D, H), d), put(nn.Linear(H, C), d), d.leaves(d.normal(N, T, D))
    lengths = d.tensors(d.rng.integers(1, T + 1, size=N))
    logits = s.answers(rnn, head, x, lengths)
    (logits * d.tensors(d.normal(N, C))).sum().backward()
    return dict(logits=logits, grad=x.grad, rnn=weights(rnn), head=weights(head), x=x, lengths=lengths)


@trial("hunt-best-epoch")
def _(s, d):
    max_epochs, patience = int(d.rng.integers(1, 12)), int(d.rng.integers(1, 5))
    curve = d.rng.integers(0, 8, size=max_epochs) / 4  # with equal losses
    model, modes = nn.Linear(1, 1), []

    def run_epoch(model):
        modes.append(model.training)
        model.weight.data += 1

    def validate(model):
        modes.append(model.training)
        return float(curve[len(modes) // 2 - 1])

    losses = s.fit(model.eval(), run_epoch, validate, max_epochs, patience)
    return dict(losses=torch.tensor(losses), modes=torch.tensor(modes), weight=model.weight.detach())
