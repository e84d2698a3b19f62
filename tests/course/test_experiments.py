"""The chapter Experiments: its scripts do what they say, and its page says what their data say.

Belongs here: claims about the tasks and their baselines, about the record of a run, about the
committed results, and (marked ``long``) that one cheap setting of each script comes out again
inside its committed band.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

BOOK = Path(__file__).parents[2] / "book"
sys.path.insert(0, str(BOOK / "experiments"))

import runs  # noqa: E402

NAMES = ("linear", "adding", "copy", "digits", "equal", "forget", "gradients")
CHEAP = {
    "linear": {"kind": "Gaussian", "rho": 0.9},
    "adding": {"seq_len": 50, "cell": "LSTM"},
    "copy": {"lag": 10, "cell": "LSTM"},
    "digits": {"order": "rows", "cell": "LSTM", "rate": 5e-3},
    "equal": {"task": "rows", "cell": "LSTM", "rate": 5e-3},
    "forget": {"delay": 20, "bias": 1.0},
    "gradients": {"seq_len": 50, "cell": "LSTM"},
}
LONG_COPY = {"lag": 30, "cell": "RNN", "hidden_size": 40}
CPU = torch.device("cpu")
MANY = settings(max_examples=30, deadline=None, derandomize=True, database=None)
LAGS, SEEDS = st.integers(1, 60), st.integers(0, 10**6)


def script(name: str) -> ModuleType:
    """A script of the chapter as a module."""
    return importlib.import_module(f"exp_{name}")


def record(name: str) -> dict[str, Any]:
    """The committed results of a script."""
    return json.loads((BOOK / "data" / f"exp_{name}.json").read_text())


def values(name: str, metric: str, **setting: Any) -> list[float]:
    """One number of every committed run with a setting."""
    return [run[metric] for run in record(name)["runs"] if runs.matches(run, setting)]


each = pytest.mark.parametrize("name", NAMES)


# The tasks and what can be reached without a memory.


@given(st.integers(2, 60), st.integers(1, 8), SEEDS)
@MANY
def test_two_numbers_are_marked_one_in_each_half(seq_len: int, batch_size: int, seed: int) -> None:
    x, answer = script("adding").sequences(np.random.default_rng(seed), seq_len, batch_size)
    numbers, marks = x[:, :, 0], x[:, :, 1]
    assert x.shape == (seq_len, batch_size, 2) and answer.shape == (batch_size, 1)
    assert set(np.unique(marks)) <= {0, 1}
    assert (marks[: seq_len // 2].sum(axis=0) == 1).all() and (marks[seq_len // 2 :].sum(axis=0) == 1).all()
    assert np.allclose((numbers * marks).sum(axis=0), answer[:, 0]) and 0 <= numbers.min() <= numbers.max() < 1


def test_who_always_answers_one_is_wrong_by_a_sixth() -> None:
    nodes, weights = np.polynomial.legendre.leggauss(4)  # exact for polynomials up to degree 7
    u, w = (nodes + 1) / 2, weights / 2
    for constant in (0.9, 1.0, 1.1):
        error = float(w @ ((u[:, None] + u - constant) ** 2) @ w)
        assert math.isclose(error, 1 / 6 + (constant - 1) ** 2)
    _, answer = script("adding").sequences(np.random.default_rng(0), 10, 200_000)
    assert np.mean((answer - 1) ** 2) == pytest.approx(1 / 6, rel=0.01)


@given(LAGS, st.integers(1, 6), SEEDS)
@MANY
def test_ten_symbols_come_and_are_due_at_the_end(lag: int, batch_size: int, seed: int) -> None:
    copy = script("copy")
    inputs, targets = copy.sequences(np.random.default_rng(seed), lag, batch_size)
    assert inputs.shape == targets.shape == (lag + 20, batch_size)
    assert (inputs[:10] == targets[-10:]).all() and inputs[:10].max() < 8
    assert (targets[:-10] == copy.BLANK).all() and (inputs[-10:] == copy.BLANK).all()
    assert (np.flatnonzero(inputs[:, 0] == copy.DELIMITER) == [lag + 9]).all()


@given(LAGS, SEEDS)
@MANY
def test_without_memory_a_copy_costs_its_baseline(lag: int, seed: int) -> None:
    copy = script("copy")
    _, targets = copy.sequences(np.random.default_rng(seed), lag, 3)
    share = np.full((lag + 20, 3, 9), 1e-30)
    share[:-10, :, copy.BLANK] = 1
    share[-10:, :, :8] = 1 / 8
    cost = copy.loss(torch.from_numpy(np.log(share)), torch.from_numpy(targets)).item()
    assert math.isclose(cost, copy.baseline(lag), rel_tol=1e-9)
    assert math.isclose(cost, 10 * math.log(8) / (lag + 20), rel_tol=1e-9)


def test_the_model_without_memory_is_a_constant_forecast() -> None:
    equal = script("equal")
    for task in equal.SHAPES:
        train, _, test = equal.columns(task, 0)
        share = torch.from_numpy((train.sum(axis=1, keepdims=True) + 1) / (train.shape[1] + 2))
        logits = torch.log(share / (1 - share)).expand(*test.shape)
        assert equal.loss(logits, torch.from_numpy(test)).item() == pytest.approx(
            equal.without_memory(train, test), rel=1e-5
        )


def test_inputs_are_the_column_before() -> None:
    bits = script("equal").columns("rows", 0)[0][:, :5]
    x, target = script("equal").shifted(bits, CPU)
    assert not x[0].any() and torch.equal(x[1:], target[:-1]) and np.array_equal(target.numpy(), bits)


def test_shuffled_pixels_are_the_same_pixels_in_one_order() -> None:
    plain, shuffled = (script("digits").digits(order, 3, CPU) for order in ("pixels", "shuffled"))
    places = np.random.default_rng(3).permutation(64)
    assert torch.equal(plain[0][places], shuffled[0]) and torch.equal(plain[1][places], shuffled[1])
    assert torch.equal(plain[2], shuffled[2]) and not torch.equal(plain[0], shuffled[0])


# The cells.


def test_the_irnn_starts_by_keeping_its_state() -> None:
    cell = runs.make_cell("IRNN", 2, 5).requires_grad_(False)
    state = torch.rand(1, 3, 5)
    assert torch.equal(cell.weight_hh_l0, torch.eye(5)) and cell.nonlinearity == "relu"
    assert torch.equal(cell(torch.zeros(7, 3, 2), state)[1], state)


@pytest.mark.parametrize("bias", [0.0, 1.0, 2.0])
def test_the_forget_bias_is_the_sum_of_two(bias: float) -> None:
    cell = runs.make_cell("LSTM", 2, 5, bias)
    total = (cell.bias_ih_l0 + cell.bias_hh_l0).detach()
    assert (total[5:10] == bias).all() and not (total[:5] == bias).any()
    torch.manual_seed(0)
    drawn = torch.nn.LSTM(2, 5).bias_ih_l0.detach()
    torch.manual_seed(0)
    assert torch.equal(runs.make_cell("LSTM", 2, 5, None).bias_ih_l0.detach(), drawn)


def test_parameters_are_counted_as_pytorch_does_and_are_equal_within_five_percent() -> None:
    plan = script("equal").plan("cpu")
    for setting in plan:
        bits = script("equal").SHAPES[setting["task"]][1]
        network = runs.Network(runs.make_cell(setting["cell"], bits, setting["hidden_size"]), bits)
        assert sum(w.numel() for w in network.parameters()) == setting["parameters"]
    for task in script("equal").SHAPES:
        counts = [s["parameters"] for s in plan if s["task"] == task]
        assert len(set(counts)) == 3 and max(counts) < 1.05 * min(counts)


# The gradients that two scripts measure.


@given(st.sampled_from(["rotation", "symmetric"]), st.floats(0.5, 1.5), st.integers(2, 12), SEEDS)
@MANY
def test_normal_matrices_have_the_exact_slope_from_the_first_step(kind: str, rho: float, size: int, seed: int) -> None:
    W = script("linear").matrix(kind, size, rho, np.random.default_rng(seed))
    logs = script("linear").log_norms(W, 30)
    assert np.allclose(logs, np.log(rho) * np.arange(1, 31), atol=1e-9)
    assert np.isclose(logs[4], np.log(np.linalg.norm(np.linalg.matrix_power(W, 5), 2)))


def test_the_gradients_of_a_tanh_network_are_products_of_its_jacobians() -> None:
    torch.manual_seed(0)
    network = runs.Network(runs.make_cell("RNN", 2, 4), 1).double()
    x = torch.randn(6, 1, 2, dtype=torch.float64)
    found = script("gradients").norms(network, x)
    states = network.cell(x)[0][:, 0].detach().numpy()
    W, back = network.cell.weight_hh_l0.detach().numpy(), network.output.weight.detach().numpy()[0]
    expected = [np.linalg.norm(back)]
    for h in states[:0:-1]:
        back = (back * (1 - h**2)) @ W
        expected.append(np.linalg.norm(back))
    assert np.allclose(found, np.log10(expected[::-1]), atol=6e-4)
    assert all(weight.grad is None for weight in network.parameters())


# The record of a run.


def counted(name: str = "exp_counted") -> tuple[runs.Experiment, list[tuple[str, int]]]:
    """An experiment that writes down which of its runs were made."""
    made: list[tuple[str, int]] = []

    def run(setting: dict[str, Any], seed: int, device: torch.device) -> dict[str, Any]:
        made.append((setting["cell"], seed))
        return {"loss": 1.0 + seed}

    return runs.Experiment(name, "", lambda size: [{"cell": "GRU"}, {"cell": "RNN"}], run, ("loss",)), made


def test_what_is_in_the_file_is_not_run_again(tmp_path: Path) -> None:
    experiment, made = counted()
    out = str(tmp_path / "x.json")
    experiment.main(["--seeds", "2", "--out", out])
    assert made == [("GRU", 0), ("RNN", 0), ("GRU", 1), ("RNN", 1)]
    saved = json.loads(Path(out).read_text())
    kept = [run for run in saved["runs"] if (run["cell"], run["seed"]) != ("RNN", 0)]
    Path(out).write_text(json.dumps(saved | {"runs": kept}))
    experiment.main(["--seeds", "3", "--out", out])
    assert made[4:] == [("RNN", 0), ("GRU", 2), ("RNN", 2)]
    again = json.loads(Path(out).read_text())
    assert len(again["runs"]) == 6 and again["about"]["seeds"] == [0, 1, 2]
    assert [b["loss"]["median"] for b in again["bands"]] == [2.0, 2.0]


def test_a_check_says_which_number_left_its_band(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment, _ = counted()
    monkeypatch.setattr(runs.record, "DATA", tmp_path)
    experiment.main(["--seeds", "5"])
    experiment.main(["--check", "--seeds", "5", "--out", str(tmp_path / "again.json")])
    assert capsys.readouterr().out.endswith("exp_counted: 10 of 10 numbers are in their bands\n")
    with pytest.raises(SystemExit, match="1"):
        experiment.main(["--check", "--seeds", "12", "--out", str(tmp_path / "more.json")])
    said = capsys.readouterr().out.splitlines()
    assert "exp_counted: {'cell': 'GRU'}, seed 7: loss 8, not in [-1.06, 7.06]" in said
    assert said[-1] == "exp_counted: 14 of 24 numbers are in their bands"
    assert experiment.outside([{"cell": "LSTM", "seed": 0, "loss": 1.0}]) != []


def test_no_number_is_in_no_band_of_numbers() -> None:
    numbers, some = runs.band([1.0, 2.0]), runs.band([1.0, math.nan])
    assert runs.within(1.5, numbers) and not runs.within(math.nan, numbers) and not runs.within(9.0, numbers)
    assert runs.within(math.inf, some) and runs.within(1.0, some)
    assert not runs.within(1.0, runs.band([math.nan]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12))
@MANY
def test_a_band_holds_its_runs(found: list[float]) -> None:
    made = runs.band([float(f"{v:.5g}") for v in found])
    assert made["expected"][0] <= made["min"] <= made["q1"] <= made["median"] <= made["q3"] <= made["max"]
    assert made["max"] <= made["expected"][1] and made["n"] == len(found)


def test_a_run_that_ends_in_no_number_is_counted_and_not_averaged() -> None:
    made = runs.band([1.0, math.nan, 3.0])
    assert (made["n"], made["finite"], made["median"]) == (3, 2, 2.0)


def test_training_ends_when_it_is_solved_or_no_longer_a_number() -> None:
    network = torch.nn.Linear(1, 1)
    x, target = torch.ones(4, 1), torch.zeros(4, 1)
    for measured, last in (([5.0, 4.0, 0.5, 0.1], 4), ([5.0, math.nan, 0.1], 2), ([5.0] * 6, 10)):
        left = list(measured)
        curve = runs.fit(
            network, [(x, target)] * 10, torch.nn.functional.mse_loss, lambda left=left: left.pop(0),
            lr=0.1, every=2, solved=1.0,
        )  # fmt: skip
        assert curve[-1][0] == last


@each
def test_a_quick_run_writes_a_record(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    experiment, out = script(name).EXPERIMENT, tmp_path / "quick.json"
    experiment.main(["--quick", "--out", str(out)])
    saved = json.loads(out.read_text())
    assert saved["about"]["schema"] == runs.SCHEMA and len(saved["runs"]) == len(experiment.plan("quick"))
    assert capsys.readouterr().out.count("seed 0") == len(saved["runs"])
    seconds = {"seconds", "processor_seconds"}
    again = experiment.run(experiment.plan("quick")[0], 0, CPU)
    assert (
        json.loads(json.dumps(again)).items() <= {k: v for k, v in saved["runs"][0].items() if k not in seconds}.items()
    )


@each
def test_scripts_say_only_what_is_particular(name: str) -> None:
    path = BOOK / "experiments" / f"exp_{name}.py"
    assert len(path.read_text().splitlines()) <= 120
    assert f"python book/experiments/{path.name}" in script(name).__doc__


# The committed results.


@each
def test_the_committed_results_are_whole(name: str) -> None:
    saved, experiment = record(name), script(name).EXPERIMENT
    about = saved["about"]
    assert about["schema"] == runs.SCHEMA and about["command"].endswith(f"exp_{name}.py")
    assert about["torch_threads"] == 1 and about["machines"] and about["processor_seconds"] > 0
    assert all(isinstance(run["seed"], int) and run["seconds"] >= 0 for run in saved["runs"])
    for setting in experiment.plan("cpu"):
        seeds = [run["seed"] for run in saved["runs"] if runs.matches(run, setting)]
        assert sorted(seeds) == list(range(len(seeds))) and len(seeds) >= 5, setting


@each
def test_the_committed_bands_are_those_of_the_runs(name: str) -> None:
    saved = record(name)
    for committed in saved["bands"]:
        setting = {key: value for key, value in committed.items() if not isinstance(value, dict)}
        for metric in saved["about"]["metrics"]:
            found = [run[metric] for run in saved["runs"] if runs.matches(run, setting)]
            assert committed[metric] == runs.band(found)


def errors_of_adding(seq_len: int, cell: str) -> list[float]:
    return sorted(values("adding", "mse", seq_len=seq_len, cell=cell, hidden_size=32))


def test_the_gated_cells_add_and_the_tanh_network_does_not() -> None:
    for seq_len in (50, 100, 200):
        assert errors_of_adding(seq_len, "RNN")[0] > 0.9 / 6
        assert errors_of_adding(seq_len, "GRU")[-1] < 1e-3
    assert all(errors_of_adding(seq_len, "LSTM")[-1] < 1e-3 for seq_len in (50, 100))
    assert errors_of_adding(200, "LSTM")[0] < 2e-3 and errors_of_adding(200, "LSTM")[1] > 0.9 / 6
    sequences = 32 * np.median(values("adding", "updates_used", seq_len=100, cell="LSTM", hidden_size=32))
    assert round(float(sequences), -3) == 72_000


def test_copying_is_not_solved_and_gates_get_below_the_baseline() -> None:
    for cell in ("LSTM", "GRU"):
        assert max(values("copy", "of_baseline", cell=cell, hidden_size=40)) < 1
    assert min(values("copy", "of_baseline", cell="RNN", hidden_size=40)) > 0.99
    assert max(values("copy", "recalled", hidden_size=40)) < 0.35


def test_two_tanh_runs_of_copying_left_the_baseline_near_the_end() -> None:
    curves = {run["seed"]: dict(run["curve"]) for run in record("copy")["runs"] if runs.matches(run, LONG_COPY)}
    left = {seed: curve for seed, curve in curves.items() if curve[1000] > 1.1}
    assert sorted(round(curve[1000], 1) for curve in left.values()) == [1.4, 3.5]
    assert round(max(left.values(), key=lambda curve: curve[1000])[950], 2) == 1.06


def test_gates_help_pixel_by_pixel_in_every_run() -> None:
    plain = values("digits", "accuracy", order="pixels", cell="RNN")
    assert len(plain) == 10, "five seeds at two learning rates"
    for cell in ("LSTM", "GRU"):
        assert min(values("digits", "accuracy", order="pixels", cell=cell, epochs=40)) > max(plain)


def test_with_equal_parameters_the_learning_rate_decides_and_the_tanh_network_is_ahead_at_each() -> None:
    def nats(task: str, cell: str, rate: float) -> float:
        return float(np.median(values("equal", "nats", task=task, cell=cell, rate=rate)))

    for task in ("rows", "pixels"):
        for cell in ("LSTM", "GRU"):
            assert all(nats(task, "RNN", rate) < nats(task, cell, rate) for rate in (1e-3, 5e-3))
            assert nats(task, cell, 5e-3) < nats(task, "RNN", 1e-3)
            for rate, apart in ((1e-3, True), (5e-3, False)):
                plain, gated = (values("equal", "nats", task=task, cell=c, rate=rate) for c in ("RNN", cell))
                assert (max(plain) < min(gated)) == apart


def test_a_start_that_lets_a_thousandth_through_is_learned_and_one_below_a_ten_thousandth_is_not() -> None:
    for run in record("forget")["runs"]:
        bias = run["bias"] if run["bias"] != "PyTorch" else 0.0
        share = (1 / (1 + math.exp(-bias))) ** run["delay"]
        assert run["solved"] == (share > 1e-3) == (share > 1e-4)


def test_training_opens_the_way_for_the_gradient() -> None:
    start, end = ({c: values("gradients", f"decades_{w}", cell=c) for c in runs.CELLS} for w in ("start", "end"))
    assert min(start["RNN"] + start["GRU"]) > 8 and min(start["LSTM"]) > 3
    assert max(end["LSTM"]) < 0.2 and max(end["GRU"]) < 1 and min(end["RNN"]) > 8
    early = values("gradients", "decades_early", cell="LSTM")
    assert all(later > first for first, later in zip(start["LSTM"], early, strict=True))


def test_before_training_the_direct_path_of_an_lstm_would_lose_seven_decades() -> None:
    """Less is lost in all, three to five: the rest comes through h and the gates."""
    for seed, committed in enumerate(values("gradients", "decades_start", cell="LSTM")):
        torch.manual_seed(seed)
        x, _ = script("adding").sequences(np.random.default_rng(10_000 + seed), 50, 64)
        cell = runs.Network(runs.make_cell("LSTM", 2, 32), 1).cell.requires_grad_(False)
        W_xh, W_hh, b_xh, b_hh = cell.parameters()
        h, c, kept = torch.zeros(64, 32), torch.zeros(64, 32), torch.zeros(64, 32)
        for t, x_t in enumerate(torch.from_numpy(x).float()):
            i, f, g, o = (x_t @ W_xh.T + h @ W_hh.T + b_xh + b_hh).chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            kept += torch.log10(torch.sigmoid(f)) if t else 0
        assert 6 < -kept.mean() < 7.2 and committed < 5


@pytest.mark.long
@each
def test_a_cheap_setting_comes_out_again_inside_its_band(name: str) -> None:
    saved, experiment = record(name), script(name).EXPERIMENT
    (committed,) = [band for band in saved["bands"] if runs.matches(band, CHEAP[name])]
    setting = {key: value for key, value in committed.items() if not isinstance(value, dict)}
    assert setting in experiment.plan("cpu")
    result = experiment.run(setting, 0, CPU)
    for metric in saved["about"]["metrics"]:
        if metric == "autograd_error":  # nothing but rounding
            assert result[metric] < 1e-9
            continue
        low, high = committed[metric]["expected"]
        assert low <= result[metric] <= high, f"{metric}: {result[metric]} is not between {low} and {high}"
