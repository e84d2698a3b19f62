"""The Code chapter: its exercises' references, its training loop, and what its pages say of committed data."""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import training
from programs.data import digits, eeg, topics, zen
from programs.text import Alphabet, CharModel, mean_loss, mixed_ngram_loss, ngram_loss, sample, streams, train_pass
from torch import nn
from torch.nn import functional as F

from autograder.reference import functions

BOOK = Path(__file__).resolve().parents[2] / "book"
# Keras hands tensors to NumPy by a protocol that NumPy 2 calls old.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
torch.set_num_threads(1)
many = settings(max_examples=100, deadline=None, derandomize=True)
small = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)


@cache
def references() -> SimpleNamespace:
    return functions("code")


@pytest.fixture(scope="module", name="solved")
def _solved() -> SimpleNamespace:
    return references()


# The exercises' references against PyTorch, Keras and first principles.


@many
@given(T=small, N=small, H=small, seed=seeds)
def test_last_step_is_what_a_packed_sequence_ends_with(T: int, N: int, H: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    output, lengths = rng.normal(size=(T, N, H)), rng.integers(1, T + 1, size=N)
    last = references().last_step
    mine = last(output, lengths)  # eq-code-last-step
    for n in range(N):
        assert np.array_equal(mine[n], output[lengths[n] - 1, n])
    assert np.array_equal(last(output.swapaxes(0, 1), lengths, batch_first=True), mine)
    assert np.array_equal(last(output), output[-1])


@many
@given(N=small, T=small, K=st.integers(1, 4), rest=st.integers(0, 5), seed=seeds)
def test_streams_continue_from_chunk_to_chunk(N: int, T: int, K: int, rest: int, seed: int) -> None:
    codes = np.random.default_rng(seed).permutation(K * T * N + 1 + rest)  # all different
    x, y = references().text_streams(codes, N, T)
    follows = dict(zip(codes[:-1].tolist(), codes[1:].tolist(), strict=True))
    assert x.shape == y.shape and x.shape[1:] == (T, N) and x.size <= len(codes) - 1 < x.size + T * N
    flat_x, flat_y = x.reshape(-1, N), y.reshape(-1, N)
    assert [follows[c] for c in flat_x.ravel().tolist()] == flat_y.ravel().tolist()
    assert np.array_equal(flat_x[1:], flat_y[:-1])


def test_sampled_characters_have_the_models_probabilities(solved: SimpleNamespace) -> None:
    logits = np.array([0.3, -1.0, 2.0, 0.0])
    u = (np.arange(20_000) + 0.5) / 20_000
    for temperature in (0.5, 1.0, 3.0):
        p = np.exp(logits / temperature) / np.exp(logits / temperature).sum()  # eq-code-temperature
        drawn = solved.sample_text(lambda code, h: (logits, h), None, 0, u, temperature)
        assert np.allclose(np.bincount(drawn, minlength=4) / len(u), p, atol=1e-4)


def test_sampling_carries_state_and_character(solved: SimpleNamespace) -> None:
    read = []

    def step(code: int, h: int) -> tuple[np.ndarray, int]:
        read.append((code, h))
        return np.eye(5)[(code + h) % 5] * 100, h + 1

    drawn = solved.sample_text(step, 1, 0, np.full(4, 0.5))
    assert drawn.tolist() == [1, 3, 1, 0]
    assert read == [(0, 1), (1, 2), (3, 3), (1, 4)]


def test_keras_weights_compute_the_same_in_torch(solved: SimpleNamespace) -> None:
    D, H = 3, 4
    model = keras.Sequential([keras.Input((None, D)), keras.layers.GRU(H, return_sequences=True)])
    rng = np.random.default_rng(0)
    kernel, recurrent, bias = (rng.normal(size=w.shape).astype(np.float32) for w in model.get_weights())
    model.set_weights([kernel, recurrent, bias])
    x = rng.normal(size=(5, 7, D)).astype(np.float32)
    wanted = keras.ops.convert_to_numpy(model(x))

    def run(weights: tuple[np.ndarray, ...]) -> np.ndarray:
        gru = nn.GRU(D, H, batch_first=True)
        for parameter, weight in zip(gru.parameters(), weights, strict=True):
            parameter.data.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        return gru(torch.from_numpy(x))[0].detach().numpy()

    assert np.abs(run(solved.keras_to_torch(kernel, recurrent, bias)) - wanted).max() < 1e-5
    assert np.abs(run(solved.broken_keras_to_torch(kernel, recurrent, bias)) - wanted).max() > 0.05


def test_the_forecast_error_matches_its_formula(solved: SimpleNamespace) -> None:
    series = np.cumsum(np.random.default_rng(0).normal(size=40))
    x = (series - series[:20].mean()) / series[:20].std()
    wanted = np.sqrt(np.mean([(x[s - 3 : s].mean() - x[s]) ** 2 for s in range(20, 40)]))
    assert np.isclose(solved.forecast_error(series, 3, 20), wanted, rtol=1e-12)
    assert not np.isclose(solved.broken_forecast_error(series, 3, 20), wanted, rtol=1e-2)


def test_the_classifier_ignores_padding_and_learns_lengths(solved: SimpleNamespace) -> None:
    torch.manual_seed(0)
    model, lengths = solved.SequenceClassifier(3, 4, 2), torch.tensor([5, 1, 3])
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 3)).astype(np.float32))
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
    assert torch.allclose(model(x, lengths), model.head(model.rnn(packed)[1][-1]), atol=1e-6)


def test_the_forecaster_reads_its_own_forecasts(solved: SimpleNamespace) -> None:
    torch.manual_seed(0)
    model = solved.Forecaster(2, 4)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3, 2)).astype(np.float32))
    forecasts = model(x, 4)
    assert forecasts.shape == (4, 3, 2)
    for k in range(1, 4):
        again = model(torch.cat([x, forecasts[:k]]), 1)[0]
        assert torch.allclose(again, forecasts[k], atol=1e-6)


def test_one_epoch_and_evaluation_agree_with_plain_formulas(solved: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(12, 3)).astype(np.float32)), torch.from_numpy(rng.integers(0, 2, size=12))
    data = list(zip(x.split([7, 5]), y.split([7, 5]), strict=True))
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    loss, accuracy = solved.evaluate(model, data)
    assert np.isclose(loss, F.cross_entropy(model(x), y).item(), rtol=1e-5)
    assert np.isclose(accuracy, (model(x).argmax(1) == y).float().mean().item(), rtol=1e-6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = [solved.train_epoch(model, data, optimizer, 1.0)[0] for _ in range(20)]
    assert losses[-1] < losses[0] and np.isclose(losses[0], loss, rtol=0.1)


def test_chunks_stop_the_gradient_and_texts_start_fresh(solved: SimpleNamespace) -> None:
    torch.manual_seed(0)
    model = solved.TextModel(2, 3, 2)
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.normal(size=(6, 2, 2)).astype(np.float32)), torch.from_numpy(rng.integers(0, 2, (6, 2)))
    losses = solved.backward_in_chunks(model, [(x, y), (x, y)], seq_len=6)
    alone = F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()).item()
    assert losses == pytest.approx([alone, alone])
    whole = [w.grad.clone() for w in model.parameters()]
    model.zero_grad()
    solved.backward_in_chunks(model, [(x, y), (x, y)], seq_len=3)
    assert not torch.allclose(model.rnn.weight_hh_l0.grad, whole[1], rtol=1e-2)
    broken = solved.broken_backward(model, [(x, y), (x, y)], 3)
    assert broken[0] != pytest.approx(broken[2], rel=1e-5), "the broken program starts the second text elsewhere"


def test_tags_and_directions(solved: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    logits, lengths = torch.from_numpy(rng.normal(size=(4, 2, 3))), torch.tensor([2, 4])
    targets = torch.tensor([[1, 2, 0, 0], [2, 0, 1, 1]])
    real = [(t, n) for n in range(2) for t in range(int(lengths[n]))]
    costs = [-torch.log_softmax(logits[t, n], 0)[targets[n, t]].item() for t, n in real]
    assert np.isclose(float(solved.tagging_loss(logits, targets, lengths)[0]), np.mean(costs))
    rnn = nn.GRU(3, 4, bidirectional=True)
    x = torch.from_numpy(rng.normal(size=(2, 5, 3)).astype(np.float32))
    _, h_n = rnn(x.transpose(0, 1))
    assert torch.allclose(solved.summary(rnn, x), torch.cat([h_n[0], h_n[1]], dim=1))


def test_answers_are_those_of_a_packed_batch(solved: SimpleNamespace) -> None:
    torch.manual_seed(0)
    rnn, head, lengths = nn.LSTM(3, 4), nn.Linear(4, 2), torch.tensor([2, 5, 4])
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 6, 3)).astype(np.float32))
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    wanted = head(rnn(packed)[1][0][-1])
    assert torch.allclose(solved.answers(rnn, head, x, lengths), wanted, atol=1e-6)
    assert not torch.allclose(solved.broken_answers(rnn, head, x, lengths), wanted, atol=1e-2)


@many
@given(
    curve=st.lists(st.integers(0, 20), min_size=1, max_size=12, unique=True),
    patience=st.integers(1, 4),
    max_epochs=st.integers(1, 12),
)
def test_fit_stops_and_ends_as_the_formula_says(curve: list[int], patience: int, max_epochs: int) -> None:
    max_epochs, coming, modes = min(max_epochs, len(curve)), iter(curve), []
    model = nn.Linear(1, 1, bias=False).eval()
    model.weight.data.zero_()

    def run_epoch(model: nn.Linear) -> None:
        modes.append(model.training)
        model.weight.data += 1

    def validate(model: nn.Linear) -> float:
        modes.append(not model.training)
        return float(next(coming))

    losses = references().fit(model, run_epoch, validate, max_epochs, patience)
    bests = [int(np.argmin(curve[: e + 1])) for e in range(max_epochs)]
    ends = [e for e in range(max_epochs) if e - bests[e] == patience]  # eq-code-early-stopping
    end = ends[0] if ends else max_epochs - 1
    assert losses == curve[: end + 1] and all(modes)
    assert model.weight.item() == bests[end] + 1


def test_the_exercises_add_up_to_a_hundred_points() -> None:
    key = json.loads((BOOK.parent / "autograder" / "keys" / "code.ipynb").read_text())
    cards = [cell["metadata"]["unrolled"] for cell in key["cells"] if cell["metadata"]["unrolled"]["role"] == "card"]
    assert sum(card["points"] for card in cards) == 100
    assert (len(cards), sum(card["exercise"].startswith("hunt-") for card in cards)) == (15, 8), "as the pages say"
    assert [card["backend"] for card in cards] == sorted(card["backend"] for card in cards), "NumPy first"


# The training loop of the page.


def toy(n: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences (4, n, 3) whose class is the sign of the first input's first feature."""
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(4, n, 3)).astype(np.float32))
    return x, (x[0, :, 0] > 0).long()


class Last(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][-1])


def test_batches_show_each_example_once_and_differ_between_epochs() -> None:
    x, y = toy()
    marked = torch.arange(40).expand(4, 40)[:, :, None].float()
    rng = np.random.default_rng(0)
    orders = [torch.cat([b[0, :, 0] for b, _ in training.batches(marked, y, 16, rng)]) for _ in range(2)]
    assert [b.shape[1] for b, _ in training.batches(x, y, 16)] == [16, 16, 8]
    assert all(sorted(order.tolist()) == list(range(40)) for order in orders)
    assert not torch.equal(*orders)


def test_fit_keeps_the_best_epoch_and_stops_after_its_patience() -> None:
    rng = training.seed_everything(0)
    model, (x, y) = Last(), toy()
    noise = x[:, :20], 1 - y[:20]  # validation that gets worse as training learns
    history = training.fit(model, (x, y), noise, F.cross_entropy, rng, epochs=30, lr=1e-2, patience=4)
    E = len(history.valid_loss) - 1
    assert E - history.best_epoch == 4  # eq-code-early-stopping
    assert history.best_epoch == int(np.argmin(history.valid_loss))
    assert training.evaluate(model, [noise], F.cross_entropy)[0] == pytest.approx(min(history.valid_loss), rel=1e-5)


def test_evaluation_leaves_mode_and_gradients_alone() -> None:
    model, (x, y) = nn.Sequential(nn.Flatten(0, 1), nn.Dropout(0.5), nn.Linear(3, 2)), toy()
    data = [(x[:1, :7], y[:7]), (x[:1, 7:8], y[7:8])]
    for mode in (True, False):
        model.train(mode)
        first, second = (training.evaluate(model, data, F.cross_entropy) for _ in range(2))
        assert first == second and model.training is mode
    whole = F.cross_entropy(model.eval()(x[:1, :8]), y[:8]).item()
    assert first[0] == pytest.approx(whole, rel=1e-5)  # eq-code-epoch-mean


def test_a_saved_run_goes_on_as_if_there_had_been_no_break(tmp_path: Path) -> None:
    x, y = toy()

    def epoch(model: nn.Module, optimizer: torch.optim.Optimizer) -> float:
        return training.train_epoch(model, training.batches(x, y, 16), optimizer, F.cross_entropy, 1.0)

    training.seed_everything(0)
    model = Last()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    epoch(model, optimizer)
    training.save(tmp_path / "run.pt", model, optimizer, 1, {"hidden_size": 8})
    saved, again = training.load(tmp_path / "run.pt"), Last()
    resumed = torch.optim.Adam(again.parameters(), 1e-2)
    again.load_state_dict(saved["model"])
    resumed.load_state_dict(saved["optimizer"])
    assert [epoch(model, optimizer) for _ in range(3)] == [epoch(again, resumed) for _ in range(3)]
    assert saved["epoch"] == 1 and saved["settings"] == {"hidden_size": 8}


def test_the_device_is_one_that_is_there() -> None:
    assert torch.zeros(1, device=training.pick_device()).device.type in ("cpu", "cuda", "mps")


# Text.


def test_the_character_model_learns_the_zen_and_writes() -> None:
    training.seed_everything(0)
    text = zen()
    assert len(text) == 823 and text.count("\n") == 19
    alphabet = Alphabet.of(text)
    codes = alphabet.encode(text)
    assert alphabet.decode(codes) == text
    x, y = (torch.from_numpy(a.copy()) for a in streams(codes, 4))
    model = CharModel(len(alphabet), 48)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    losses = [train_pass(model, optimizer, x, y, seq_len=35) for _ in range(20)]
    assert losses[-1] < ngram_loss(codes, codes, len(alphabet), 1) < np.log(len(alphabet))
    assert mean_loss(model, x, y) < losses[0]
    drawn = sample(model, codes[:5], 30, np.random.default_rng(0))
    assert len(drawn) == 30 and drawn == sample(model, codes[:5], 30, np.random.default_rng(0))


def test_counting_knows_what_it_can_know() -> None:
    codes = np.tile([0, 1, 2], 200)
    assert ngram_loss(codes, codes, 3, 1, 1e-9) == pytest.approx(np.log(3), rel=1e-3)
    assert ngram_loss(codes, codes, 3, 2, 1e-9) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_mixed_counts_are_a_probability(n: int) -> None:
    rng = np.random.default_rng(n)
    train, before = rng.integers(0, 4, size=60), rng.integers(0, 4, size=n - 1)
    after = [mixed_ngram_loss(train, np.append(before, c), 4, n) for c in range(4)]
    assert np.exp(-np.array(after)).sum() == pytest.approx(1)


def test_mixed_counts_by_hand() -> None:
    train = np.array([0, 1, 0, 1, 1])  # pairs 01, 10, 01, 11: after 0 always 1
    after_one_character = (2 - 0.75 + 0.75 * 2 / 2) / 3  # 1 follows 0 and 1, 0 follows 1; each of 2 is 1/2 below
    wanted = (2 - 0.75 + 0.75 * 1 * after_one_character) / 2
    assert mixed_ngram_loss(train, np.array([0, 1]), 2, 2) == pytest.approx(-np.log(wanted))


def test_the_data_need_no_download_and_have_the_stated_shapes() -> None:
    assert {n: p.x.shape for n, p in digits("pixels").items()} == {
        "train": (64, 1100, 1), "valid": (64, 300, 1), "test": (64, 397, 1),
    }  # fmt: skip
    assert np.allclose(eeg()[:480].mean(axis=0), 0) and np.allclose(eeg()[:480].std(axis=0), 1)
    assert len(topics()) > 300_000


# What the pages say of committed results.


def committed(name: str) -> dict[str, Any]:
    return json.loads((BOOK / "data" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", ["code_digits", "code_forecast", "code_text"])
def test_committed_results_say_how_they_were_made(name: str) -> None:
    data = committed(name)
    script = BOOK.parent / data["command"].split()[1]
    assert script.is_file() and {"settings", "versions", "machine", "seconds"} <= set(data)
    assert (BOOK / "data" / f"{name}.json").stat().st_size < 300_000


def test_by_rows_the_cells_do_not_differ_and_by_pixels_gates_help() -> None:
    runs = committed("code_digits")["runs"]

    def mean(cell: str, read: str) -> float:
        return float(np.mean([r["test_accuracy"] for r in runs if (r["cell"], r["read"]) == (cell, read)]))

    rows, pixels = ({cell: mean(cell, read) for cell in ("RNN", "LSTM", "GRU")} for read in ("rows", "pixels"))
    assert max(rows.values()) - min(rows.values()) < 0.02
    assert min(pixels["LSTM"], pixels["GRU"]) > pixels["RNN"] + 0.03
    assert all(0.88 < value < 0.905 for value in rows.values())


def test_on_the_eeg_a_linear_model_wins_and_persistence_loses() -> None:
    data = committed("code_forecast")
    for horizon, baselines in data["baselines"].items():
        for cell in ("RNN", "LSTM", "GRU"):
            errors = [r["rmse"] for r in data["runs"] if (str(r["horizon"]), r["cell"]) == (horizon, cell)]
            assert len(errors) == 5
            assert baselines["linear in the last 4 values"] < np.mean(errors) < baselines["last value again"]


def test_the_network_beats_plain_counting_overfits_and_loses_to_mixed_counts_and_lzma() -> None:
    data = committed("code_text")
    best = min(data["passes"], key=lambda one: one["valid"])
    text = topics()
    codes, size = Alphabet.of(text).encode(text), len(Alphabet.of(text))
    train, _, test = np.split(codes, [int(0.8 * len(codes)), int(0.9 * len(codes))])
    assert mixed_ngram_loss(train, test, size, 6) / np.log(2) < best["test"] - 0.05
    assert data["compressors"]["lzma"] < best["test"] < data["baselines"]["4-gram"]
    sixth, last = data["passes"][5], data["passes"][-1]
    assert sixth["train"] - last["train"] > 0.2
    assert abs(sixth["valid"] - last["valid"]) < 0.03 and abs(sixth["test"] - last["test"]) < 0.03
