"""Each of the documents' fourteen programs works: shapes, a loss that falls, a baseline beaten.

The numbers are those of the table in the Code chapter. Programs are imported from
`book/programs`, whose source the pages show.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))

import keras
import numpy as np
import pytest
import torch
from programs import (
    backprop_keras,
    backprop_numpy,
    backprop_torch,
    cells_keras,
    cells_numpy,
    cells_torch,
    classify_keras,
    classify_numpy,
    classify_torch,
    forecast_keras,
    forecast_numpy,
    forecast_torch,
    forward_keras,
    forward_numpy,
    forward_torch,
    gru_keras,
    gru_numpy,
    gru_torch,
)
from programs.data import digits, sine
from programs.training import batches, evaluate, fit, seed_everything
from programs.weights import array, dense_to_keras, to_keras, to_numpy
from torch import nn
from torch.nn import functional as F

# Keras hands tensors to NumPy by a protocol that NumPy 2 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

torch.set_num_threads(1)
T, N, D, H, C = 7, 5, 3, 4, 2
PLAIN = {"RNN": forward_numpy.RNN, "LSTM": forward_numpy.LSTM, "GRU": gru_numpy.TorchGRU}
GUESSING = 0.10  # the share of the commonest class among the digits, rounded


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def x(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(T, N, D)).astype(np.float32)


def assert_same(a: Any, b: Any, tolerance: float = 1e-5) -> None:
    a, b = (v if isinstance(v, np.ndarray) else keras.ops.convert_to_numpy(v) for v in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, atol=tolerance, rtol=0)


class Logits(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.model(x)
        return result[0] if isinstance(result, tuple) else result


def train_on_digits(model: nn.Module, epochs: int) -> tuple[list[float], float]:
    """Loss of each epoch, and accuracy on the test digits, read row by row."""
    parts = {n: (torch.from_numpy(p.x[:, :700]), torch.from_numpy(p.y[:700])) for n, p in digits().items()}
    history = fit(Logits(model), parts["train"], parts["valid"], F.cross_entropy, seed_everything(0), epochs=epochs)
    return history.train_loss, evaluate(Logits(model), batches(*parts["test"], 512), F.cross_entropy)[1]


# Programs 1, 2, 3 and 14: an answer at the last step.


@pytest.mark.parametrize(("program", "kind"), [(1, "RNN"), (2, "LSTM"), (3, "GRU"), (14, "GRU")])
def test_programs_1_2_3_14_answer_once_per_example(program: int, kind: str, x: np.ndarray) -> None:
    model = getattr(classify_torch, f"{kind}Model")(D, H, C)
    logits, state = model(torch.from_numpy(x))
    assert logits.shape == (N, C)
    last = state[0][0] if kind == "LSTM" else state[0]
    assert torch.allclose(logits, model.head(last))
    assert model.rnn(torch.from_numpy(x))[0][:, -1].shape == (T, H), "the documents' index picks an example"


@pytest.mark.parametrize(("program", "kind"), [(1, "RNN"), (2, "LSTM"), (3, "GRU"), (14, "GRU")])
def test_programs_1_2_3_14_learn_the_digits(program: int, kind: str) -> None:
    torch.manual_seed(program)
    losses, accuracy = train_on_digits(getattr(classify_torch, f"{kind}Model")(8, 32, 10), epochs=6)
    assert losses[-1] < 0.7 * losses[0]
    assert accuracy > 4 * GUESSING


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_programs_1_2_3_14_are_the_same_in_every_library(kind: str, x: np.ndarray, rng: np.random.Generator) -> None:
    ours, plain = getattr(classify_torch, f"{kind}Model")(D, H, C), PLAIN[kind](D, H, C, rng)
    theirs = classify_keras.last_step_model(kind, D, H, C)
    to_numpy(ours.rnn, ours.head, plain)
    to_keras(ours.rnn, theirs.layers[0])
    dense_to_keras(ours.head, theirs.layers[1])
    logits = ours(torch.from_numpy(x))[0].detach()
    assert_same(logits, classify_numpy.last_step(plain, x))
    assert_same(logits, theirs(x.transpose(1, 0, 2)))


def test_program_1_learns_in_keras_too() -> None:
    keras.utils.set_random_seed(0)
    train, test = digits()["train"], digits()["test"]
    model = classify_keras.last_step_model("RNN", 8, 32, 10)
    losses = classify_keras.train(model, train.x[:, :512].transpose(1, 0, 2), train.y[:512], epochs=4)
    assert losses[-1] < 0.8 * losses[0]
    assert model.evaluate(test.x.transpose(1, 0, 2), test.y, verbose=0)[1] > 3 * GUESSING


# Programs 4 and 5: a sine, forecast.


def sine_parts() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    series = sine(periods=10, per_period=40)
    return forecast_numpy.windows(series[:280], window=10), forecast_numpy.windows(series[280:], window=10)


def test_programs_4_5_targets_come_after_their_windows_and_test_after_training() -> None:
    series = np.arange(10.0)[:, None]
    inputs, targets = forecast_numpy.windows(series, window=3, horizon=2)
    assert inputs.shape == (3, 6, 1) and targets.shape == (6, 1)
    assert inputs[:, 0, 0].tolist() == [0, 1, 2] and targets[0] == 4
    assert (targets[:, 0] > inputs.max(axis=0)[:, 0]).all()
    with pytest.raises(ValueError, match=r"\(5, 1\)"):
        forecast_numpy.rmse(np.zeros((5, 1)), np.zeros(5))


@pytest.mark.parametrize(("program", "layer"), [(4, nn.LSTM), (5, nn.GRU)])
def test_programs_4_5_beat_persistence_tenfold(program: int, layer: type[nn.RNNBase], rng: np.random.Generator) -> None:
    train, test = sine_parts()
    x, y, x_test = (torch.tensor(a, dtype=torch.float32) for a in (*train, test[0]))
    shuffle = seed_everything(program)
    model = forecast_torch.Forecaster(layer)
    history = fit(model, (x, y), (x, y), F.mse_loss, shuffle, epochs=15, batch_size=32, patience=15)
    forecasts = model(x_test).detach()
    persistence = forecast_numpy.rmse(forecast_numpy.persistence(test[0]), test[1])
    assert history.train_loss[-1] < 0.1 * history.train_loss[0]
    assert forecast_numpy.rmse(forecasts.numpy(), test[1]) < 0.1 * persistence

    plain = PLAIN[layer.__name__](1, 50, 1, rng)
    to_numpy(model.rnn, model.head, plain)
    assert_same(forecasts, forecast_numpy.forecast(plain, test[0].astype(np.float32)))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_programs_4_5_work_in_keras(name: str) -> None:
    keras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = sine_parts()
    model = forecast_keras.forecaster(getattr(keras.layers, name), window=10)
    losses = model.fit(x.transpose(1, 0, 2), y, epochs=15, batch_size=32, verbose=0).history["loss"]
    forecasts = model.predict(x_test.transpose(1, 0, 2), verbose=0)
    assert losses[-1] < 0.1 * losses[0]
    persistence = forecast_numpy.rmse(forecast_numpy.persistence(x_test), y_test)
    assert forecast_numpy.rmse(forecasts, y_test) < 0.2 * persistence


# Programs 6 and 7: forward passes in NumPy.


@pytest.mark.parametrize(("program", "name"), [(6, "RNN"), (7, "LSTM")])
def test_programs_6_7_agree_with_torch_and_keras(
    program: int, name: str, x: np.ndarray, rng: np.random.Generator
) -> None:
    ours, plain = getattr(forward_torch, name)(D, H, C), getattr(forward_numpy, name)(D, H, C, rng)
    theirs = getattr(forward_keras, name.lower())(D, H, C)
    to_numpy(ours.rnn, ours.head, plain)
    to_keras(ours.rnn, theirs.layers[0])
    dense_to_keras(ours.head, theirs.layers[1])
    outputs, states, _ = ours(torch.from_numpy(x))
    mine, my_states, _ = plain.forward(x)
    assert mine.shape == (T, N, C) and my_states.shape == (T, N, H)
    assert_same(outputs.detach(), mine)
    assert_same(states.detach(), my_states)
    assert_same(outputs.detach().transpose(0, 1), theirs(x.transpose(1, 0, 2)))


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
def test_programs_6_7_go_on_from_a_given_state(name: str, x: np.ndarray, rng: np.random.Generator) -> None:
    model = getattr(forward_numpy, name)(D, H, C, rng)
    whole, _, _ = model.forward(x)
    first, _, state = model.forward(x[:3])
    second, _, _ = model.forward(x[3:], state)
    assert_same(np.concatenate([first, second]), whole, 1e-12)


def test_program_6_does_not_overflow(rng: np.random.Generator) -> None:
    with np.errstate(all="raise", under="ignore"):
        assert forward_numpy.sigmoid(np.array([-1e4, 0.0, 1e4])).tolist() == [0.0, 0.5, 1.0]


def test_program_7_keeps_a_memory_cell(rng: np.random.Generator) -> None:
    cell = forward_numpy.LSTM(D, H, C, rng)
    a, h, c = rng.normal(size=(N, 4 * H)), rng.normal(size=(N, H)), rng.normal(size=(N, H))
    assert (cell.step(a, (h, c + 1))[1] > cell.step(a, (h, c))[1]).all()


# Programs 8 and 11: the way back.


def echo(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Coin flips (T, N, 1), and the class of the flip before."""
    flips = rng.choice([-1.0, 1.0], size=(8, 32, 1)).astype(np.float32)
    before = np.concatenate([-np.ones_like(flips[:1]), flips[:-1]])
    return flips, (before[:, :, 0] > 0).astype(int)


def test_program_8_learns_what_needs_memory(rng: np.random.Generator) -> None:
    model = forward_numpy.RNN(1, 16, 2, rng)
    losses = []
    for _ in range(100):
        x, y = echo(rng)
        loss, gradients = backprop_numpy.loss_and_gradients(model, x, y)
        losses.append(loss)
        backprop_numpy.update(model, gradients, lr=1.0)
    assert losses[0] > 0.6
    assert np.mean(losses[-10:]) < 0.1 * np.log(2), "the loss without memory is ln 2"


def test_program_11_gives_autograds_gradients(x: np.ndarray, rng: np.random.Generator) -> None:
    targets = rng.integers(0, C, size=(T, N))
    ours, plain = forward_torch.RNN(D, H, C).double(), forward_numpy.RNN(D, H, C, rng)
    to_numpy(ours.rnn, ours.head, plain)
    loss, mine = backprop_numpy.loss_and_gradients(plain, x.astype(np.float64), targets)
    wide, classes = torch.from_numpy(x).double(), torch.from_numpy(targets)
    torch_loss, theirs = backprop_torch.loss_and_gradients(ours, wide, classes)
    assert abs(loss - torch_loss) < 1e-12
    for a, b in zip(mine.values(), theirs.values(), strict=True):
        assert_same(a, array(b), 1e-12)


def test_program_11_counts_the_last_steps_own_loss(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(1, N, D)), rng.integers(0, C, size=(1, N))
    _, gradients = backprop_numpy.loss_and_gradients(forward_numpy.RNN(D, H, C, rng), x, y)
    assert (np.abs(gradients["W_xh"]) > 0).all(), "with one step, the last is all there is"


def test_program_8_in_keras_follows_numpy_with_one_bias(rng: np.random.Generator) -> None:
    ours, plain = forward_torch.RNN(1, 8, 2), forward_numpy.RNN(1, 8, 2, rng)
    to_numpy(ours.rnn, ours.head, plain)
    theirs = backprop_keras.compiled(1, 8, 2, lr=1.0)
    to_keras(ours.rnn, theirs.layers[0])
    dense_to_keras(ours.head, theirs.layers[1])
    for _ in range(10):
        x, y = echo(rng)
        keras_loss = float(theirs.train_on_batch(x.transpose(1, 0, 2), y.T))
        loss, gradients = backprop_numpy.loss_and_gradients(plain, x, y)
        gradients["b_hh"][:] = 0
        backprop_numpy.update(plain, gradients, lr=1.0)
        assert abs(loss - keras_loss) < 1e-3
    before, _ = backprop_torch.loss_and_gradients(ours, torch.from_numpy(x), torch.from_numpy(y))
    backprop_torch.update(ours, lr=0.1)
    after, _ = backprop_torch.loss_and_gradients(ours, torch.from_numpy(x), torch.from_numpy(y))
    assert after < before


# Programs 9 and 10: cells.


def joined(linear: nn.Linear) -> np.ndarray:
    return np.hstack([array(linear.weight), array(linear.bias)[:, None]])


def test_program_9_is_an_rnn_cell_with_an_output(x: np.ndarray) -> None:
    cell, step = cells_torch.RNNStep(D, H, C), torch.from_numpy(x[0])
    h = torch.tanh(torch.randn(N, H))
    output, new = cell(step, h)
    assert output.shape == (N, C) and new.shape == (N, H)
    expected = torch.rnn_tanh_cell(step, h, cell.from_x.weight, cell.from_h.weight, cell.from_x.bias, cell.from_h.bias)
    assert_same(new.detach(), expected.detach())
    weights = map(joined, (cell.from_x, cell.from_h, cell.to_y))
    mine, my_new = cells_numpy.simple_rnn(x[0], array(h), *weights)
    assert_same(output.detach(), mine)
    assert_same(new.detach(), my_new)
    assert (cell.start(step) == 0).all() and cell.start(step).shape == (N, H)


def test_program_10_is_an_lstm_cell(x: np.ndarray) -> None:
    cell, built_in = cells_torch.LSTMCell(D, H), nn.LSTMCell(D, H)
    for kind, weight, bias in (
        ("x_to_", built_in.weight_ih, built_in.bias_ih),
        ("h_to_", built_in.weight_hh, built_in.bias_hh),
    ):
        blocks = [cell.get_submodule(kind + block) for block in "ifco"]
        weight.data.copy_(torch.cat([block.weight for block in blocks]))
        bias.data.copy_(torch.cat([block.bias for block in blocks]))
    state = torch.tanh(torch.randn(N, H)), torch.randn(N, H)
    ours, theirs = cell(torch.from_numpy(x[0]), state), built_in(torch.from_numpy(x[0]), state)
    matrices = {name: joined(linear) for name, linear in cell.named_children()}
    mine = cells_numpy.lstm_cell(x[0], array(state[0]), array(state[1]), matrices)
    for a, b, c in zip(ours, theirs, mine, strict=True):
        assert_same(a.detach(), b.detach())
        assert_same(a.detach(), c)


def test_programs_9_10_run_in_a_loop_of_keras(x: np.ndarray) -> None:
    ours, theirs = cells_torch.LSTMCell(D, H), keras.layers.RNN(cells_keras.LSTMCell(H), return_sequences=True)
    theirs(x.transpose(1, 0, 2))
    for block in "fico":
        dense_to_keras(ours.get_submodule(f"x_to_{block}"), theirs.cell.from_x[block])
        dense_to_keras(ours.get_submodule(f"h_to_{block}"), theirs.cell.from_h[block])
    state, states = (torch.zeros(N, H), torch.zeros(N, H)), []
    for step in torch.from_numpy(x):
        state = ours(step, state)
        states.append(state[0].detach())
    assert_same(torch.stack(states, dim=1), theirs(x.transpose(1, 0, 2)))
    simple = keras.layers.RNN(cells_keras.RNNStep(H, C), return_sequences=True)
    assert simple(x.transpose(1, 0, 2)).shape == (N, T, C)


# Program 12: a GRU that resets before the product.


def test_program_12_resets_before_the_product(x: np.ndarray, rng: np.random.Generator) -> None:
    ours, plain = gru_torch.GRU(D, H), gru_numpy.GRU(D, H, C, rng)
    W, b = array(ours.from_x.weight), array(ours.from_x.bias)
    U = np.vstack([array(ours.gates.weight), array(ours.candidate.weight)])
    plain.weights |= {"W_xh": W, "W_hh": U, "b_xh": b, "b_hh": np.zeros(3 * H)}
    states = ours(torch.from_numpy(x)).detach()
    assert states.shape == (T, N, H)
    assert_same(states, plain.forward(x)[1])

    def for_keras(w: np.ndarray) -> np.ndarray:
        r, z, n = np.split(w, 3)
        return np.concatenate([-z, r, n])  # z near 1 keeps the state there

    theirs = gru_keras.gru(D, H)
    theirs.layers[0].set_weights([for_keras(W).T, for_keras(U).T, for_keras(b)])
    assert_same(states.transpose(0, 1), theirs(x.transpose(1, 0, 2)))

    after = nn.GRU(D, H)
    for parameter, weight in zip(after.parameters(), (W, U, b, 0 * b), strict=True):
        flipped = torch.from_numpy(weight).clone()
        flipped[H : 2 * H] *= -1
        parameter.data.copy_(flipped)
    assert (after(torch.from_numpy(x))[0] - states).abs().max() > 1e-3


def test_program_12_learns(rng: np.random.Generator) -> None:
    torch.manual_seed(0)
    gru, head = gru_torch.GRU(1, 8), nn.Linear(8, 2)
    optimizer, losses = torch.optim.Adam([*gru.parameters(), *head.parameters()], 3e-2), []
    for _ in range(80):
        x, y = (torch.from_numpy(a) for a in echo(rng))
        optimizer.zero_grad()
        loss = F.cross_entropy(head(gru(x)).flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.6 and losses[-1] < 0.5 * np.log(2)


# Program 13: two layers.


def test_program_13_hands_every_step_to_the_upper_layer(x: np.ndarray, rng: np.random.Generator) -> None:
    ours, theirs = classify_torch.StackedLSTM(D, C, (6, 4)), classify_keras.stacked_lstm(D, C, (6, 4))
    lower, upper = forward_numpy.LSTM(D, 6, C, rng), forward_numpy.LSTM(6, 4, C, rng)
    to_numpy(ours.lower, None, lower)
    to_numpy(ours.upper, ours.head, upper)
    for layer, target in zip((ours.lower, ours.upper), theirs.layers, strict=False):
        to_keras(layer, target)
    dense_to_keras(ours.head, theirs.layers[2])
    logits = ours(torch.from_numpy(x)).detach()
    assert logits.shape == (N, C)
    assert_same(logits, classify_numpy.stacked(lower, upper, x))
    assert_same(logits.softmax(dim=1), theirs(x.transpose(1, 0, 2)))


def test_program_13_learns_the_digits() -> None:
    torch.manual_seed(0)
    losses, accuracy = train_on_digits(classify_torch.StackedLSTM(8, 10, (48, 32)), epochs=6)
    assert losses[-1] < 0.8 * losses[0] and accuracy > 3 * GUESSING


def test_program_13_learns_the_digits_in_keras() -> None:
    keras.utils.set_random_seed(0)
    train, test = digits()["train"], digits()["test"]
    model = classify_keras.stacked_lstm(8, 10, (48, 32))
    x, y = train.x[:, :512].transpose(1, 0, 2), train.y[:512]
    losses = classify_keras.train(model, x, y, epochs=5, lr=1e-2, from_logits=False)
    assert losses[-1] < 0.8 * losses[0]
    assert model.evaluate(test.x.transpose(1, 0, 2), test.y, verbose=0)[1] > 2 * GUESSING
