"""Claims about the Background chapter: its functions, its experiment, its pictures."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.reference import functions

BOOK = Path(__file__).parents[2] / "book"
many = settings(max_examples=100, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def course() -> SimpleNamespace:
    torch.set_num_threads(1)
    return functions("background")


@pytest.fixture(scope="module")
def shift() -> list[dict[str, Any]]:
    return json.loads((BOOK / "data" / "background_shift.json").read_text())["rows"]


@pytest.fixture()
def drawings(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BOOK))
    yield importlib.import_module("figures_background")
    for name in ("figures_background", "figures"):
        sys.modules.pop(name, None)


REFERENCE = functions("background")


@many
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_sigmoid_is_torchs_and_never_warns(numbers: list[float]) -> None:
    a = np.array(numbers)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine = REFERENCE.stable_sigmoid(a)
    np.testing.assert_allclose(mine, torch.sigmoid(torch.from_numpy(a)).numpy(), rtol=1e-12, atol=5e-16)


def test_sigmoid_keeps_the_digits_of_its_left_tail(course: SimpleNamespace) -> None:
    a = -np.linspace(40, 700, 12)
    np.testing.assert_allclose(np.log(course.stable_sigmoid(a)), a, rtol=1e-14)


@many
@given(seeds, st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.sampled_from((0, 1, 2, -1)))
def test_softmax_is_torchs_along_every_axis(seed: int, T: int, N: int, C: int, axis: int) -> None:
    y = np.random.default_rng(seed).normal(size=(T, N, C)) * 500
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mine = REFERENCE.stable_softmax(y, axis=axis)
    np.testing.assert_allclose(mine, torch.softmax(torch.from_numpy(y), dim=axis).numpy(), rtol=1e-10, atol=1e-300)
    np.testing.assert_allclose(mine.sum(axis=axis), 1, rtol=1e-12)


@many
@given(seeds, st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(0, 9))
def test_windows_are_those_of_the_definition(seed: int, T: int, k: int, D: int, more: int) -> None:
    series = np.random.default_rng(seed).normal(size=(T + k + more, D))
    x, y = REFERENCE.make_windows(series, T, k)
    assert x.shape == y.shape == (T, len(series) - T - k + 1, D)
    for n in range(x.shape[1]):
        np.testing.assert_array_equal(x[:, n], series[n : n + T])
        np.testing.assert_array_equal(y[:, n], series[n + k : n + k + T])


@many
@given(seeds, st.lists(st.integers(1, 7), min_size=1, max_size=5), st.integers(1, 3))
def test_padding_is_torchs_and_the_mask_finds_what_is_real(seed: int, lengths: list[int], D: int) -> None:
    rng = np.random.default_rng(seed)
    sequences = [rng.normal(size=(T, D)) for T in lengths]
    padded, mask = REFERENCE.pad_sequences(sequences)
    theirs = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(s) for s in sequences])
    np.testing.assert_array_equal(padded, theirs.numpy())
    np.testing.assert_array_equal(mask.sum(axis=0), lengths)
    np.testing.assert_array_equal(padded.swapaxes(0, 1)[mask.T], np.concatenate(sequences))


@many
@given(seeds, st.integers(1, 6), st.integers(1, 3), st.integers(1, 5), st.integers(0, 12))
def test_the_loader_yields_every_window_once(seed: int, T: int, k: int, batch_size: int, more: int) -> None:
    series = np.random.default_rng(seed).normal(size=(T + k + more, 2))
    x, y = REFERENCE.make_windows(series, T, k)
    for generator in (None, torch.Generator().manual_seed(seed % 1000)):
        batches = list(REFERENCE.window_loader(torch.from_numpy(series), T, k, batch_size, generator))
        got_x, got_y = (torch.cat(parts, dim=1).numpy() for parts in zip(*batches, strict=True))
        order = got_x[0, :, 0].argsort() if generator else slice(None)
        expected = x[0, :, 0].argsort() if generator else slice(None)
        np.testing.assert_array_equal(got_x[:, order], x[:, expected])
        np.testing.assert_array_equal(got_y[:, order], y[:, expected])


def test_collate_gives_what_packing_takes(course: SimpleNamespace) -> None:
    examples = [(torch.randn(T, 2, generator=torch.Generator().manual_seed(T)), T % 3) for T in (3, 7, 1, 5)]
    padded, lengths, labels = course.collate(examples)
    packed = torch.nn.utils.rnn.pack_padded_sequence(padded, lengths, enforce_sorted=False)
    again, same_lengths = torch.nn.utils.rnn.pad_packed_sequence(packed)
    assert torch.equal(again, padded) and torch.equal(same_lengths, lengths)
    assert labels.tolist() == [0, 1, 1, 2]


@many
@given(seeds, st.integers(1, 6), st.integers(1, 4))
def test_the_bag_network_sees_neither_order_nor_padding(seed: int, T: int, N: int) -> None:
    torch.manual_seed(seed % 1000)
    network = REFERENCE.BagNetwork(3, 4, 2).double()
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.normal(size=(T, N, 3)))
    mask = torch.from_numpy(np.arange(T)[:, None] < rng.integers(1, T + 1, size=N))
    order = torch.from_numpy(rng.permutation(T))
    y = network(x, mask)
    torch.testing.assert_close(network(x[order], mask[order]), y, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(network(torch.where(mask[..., None], x, 9.0), mask), y, rtol=1e-10, atol=1e-12)


def test_what_the_mlp_learns_in_one_half_it_does_not_know_in_the_other(shift: list[dict[str, Any]]) -> None:
    rows = [row for row in shift if row["question"] == "every step"]
    assert len({row["seed"] for row in rows}) >= 5
    for row in rows:
        assert row["first_half"]["found"] > 0.99
        if row["network"] == "MLP":
            assert row["second_half"]["found"] < 0.01
        else:
            assert row["second_half"]["found"] > 0.99 < row["ten_times_as_long"]["found"]
            assert row["second_half"]["false_alarms"] < 0.01


def test_shared_weights_alone_do_not_make_the_place_irrelevant(shift: list[dict[str, Any]]) -> None:
    for row in shift:
        if (row["question"], row["network"]) == ("once", "RNN"):
            right = {p: (row[p]["found"] + 1 - row[p]["false_alarms"]) / 2 for p in ("first_half", "second_half")}
            assert right["first_half"] > 0.99 and right["second_half"] < 0.8


def test_the_time_line_keeps_its_labels_apart_and_in_order(drawings: ModuleType) -> None:
    years = [year for year, *_ in drawings.EVENTS]
    assert years == sorted(years) and years[0] == 1986 and years[-1] == 2024
    places = drawings.spread([17.0 * (year - 1985) for year in years], 40.0)
    assert (np.diff(places) >= 40 - 1e-9).all()


def test_spread_moves_nothing_that_is_far_enough_apart(drawings: ModuleType) -> None:
    assert drawings.spread([0.0, 50.0, 100.0], 40.0) == [0.0, 50.0, 100.0]
    assert drawings.spread([50.0, 50.0], 40.0) == [30.0, 70.0]


def test_every_drawing_fits_a_phone_and_says_what_it_shows(drawings: ModuleType) -> None:
    figures = [
        drawings.bag_of_words(), drawings.task_kinds(), drawings.windows([3, 1, 4, 1, 5, 9], 3, 2),
        drawings.time_line(), drawings.scan_rounds(8),
    ]  # fmt: skip
    for figure in figures:
        width = float(figure.svg.split('viewBox="0 0 ')[1].split()[0])
        assert width <= 480 and len(figure.alt) > 60
