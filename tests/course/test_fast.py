"""The fast layers: same numbers as PyTorch's, by every step and by the persistent kernels.

Claims about `book/fast`: each step of the page gives the numbers and gradients of `nn.LSTM` and
`nn.GRU`; each launches as many operators as the page says; plans cover all units and sequences and
keep to the chip; the Triton kernels, run by Triton's interpreter, agree with a float64 reference in
every mode, on shapes that are no power of two, with one sequence and one step. On a GPU (`pytest -m
gpu`) the same kernels run there, barrier included, in every dtype.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book"))

from fast import graphs, roofline, torch_steps  # noqa: E402
from fast.launch import ALONE, BARRIER, LEAST, ON_CHIP, DoesNotFit, Plan, plan  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from autograder.reference import functions  # noqa: E402

CUDA = torch.cuda.is_available()
TRITON = importlib.util.find_spec("triton") is not None
if TRITON:  # `tests/conftest.py` has it run in its interpreter where there is no GPU
    from fast import triton_gru, triton_lstm

kernels = pytest.mark.skipif(not TRITON, reason="Triton is not installed: pip install triton==3.7.1 (Linux only)")
interpreted = pytest.mark.skipif(CUDA, reason="there is a GPU: the kernels run on it, see the tests marked gpu")
SIZES = st.integers(1, 6)
LSTM_STEPS = [torch_steps.eager_lstm, torch_steps.fused_lstm, torch_steps.hoisted_lstm]
GRU_STEPS = [torch_steps.eager_gru, torch_steps.fused_gru, torch_steps.hoisted_gru]
FEW = settings(max_examples=6, deadline=None, derandomize=True, database=None)
MANY = settings(max_examples=30, deadline=None, derandomize=True, database=None)
ERROR = {torch.float64: 1e-13, torch.float32: 3e-6, torch.float16: 6e-3, torch.bfloat16: 5e-2}
"""Largest difference, as a part of the largest entry. Seen over the shapes of this file: 8e-16, 7e-7
and 1e-3; bfloat16 has three bits fewer than float16, so eight times its error."""


def lstm_case(T: int, N: int, D: int, H: int, seed: int, device: str = "cpu") -> tuple[list[Tensor], list[Tensor]]:
    """Arguments in float64, and what nn.LSTM makes of them: states, last c, and all gradients."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return torch.tensor(rng.normal(size=shape) * scale, device=device, requires_grad=True)

    args = [draw(T, N, D), draw(N, H, scale=0.5), draw(N, H), draw(4 * H, D, scale=0.5),
            draw(4 * H, H, scale=H**-0.5), draw(4 * H)]  # fmt: skip
    up = [draw(T, N, H).detach(), draw(N, H).detach()]
    layer = nn.LSTM(D, H, dtype=torch.float64, device=device)
    return args, up + by_library(layer, args, 3, up)


def gru_case(T: int, N: int, D: int, H: int, seed: int, device: str = "cpu") -> tuple[list[Tensor], list[Tensor]]:
    """The same for nn.GRU."""
    rng = np.random.default_rng(seed)

    def draw(*shape: int, scale: float = 1.0) -> Tensor:
        return torch.tensor(rng.normal(size=shape) * scale, device=device, requires_grad=True)

    args = [draw(T, N, D), draw(N, H, scale=0.5), draw(3 * H, D, scale=0.5), draw(3 * H, H, scale=H**-0.5),
            draw(3 * H), draw(3 * H)]  # fmt: skip
    up = [draw(T, N, H).detach()]
    layer = nn.GRU(D, H, dtype=torch.float64, device=device)
    return args, up + by_library(layer, args, 2, up)


def by_library(layer: nn.Module, args: list[Tensor], begin: int, up: list[Tensor]) -> list[Tensor]:
    """Results and gradients of PyTorch's layer with these weights."""
    with torch.no_grad():
        for own in layer.parameters():
            own.zero_()
        for own, theirs in zip(layer.parameters(), args[begin:], strict=False):
            own.copy_(theirs)
    start = (args[1][None], args[2][None]) if begin == 3 else args[1][None]
    states, last = layer(args[0], start)
    results = [states, last[1][0]] if begin == 3 else [states]
    wanted = [*args[:begin], *list(layer.parameters())[: len(args) - begin]]
    return [*(r.detach() for r in results), *torch.autograd.grad(results, wanted, up)]


def worst(layer: Callable[..., Any], args: list[Tensor], known: list[Tensor], dtype: Any = torch.float64) -> float:
    """The largest difference of results and gradients, as a part of the largest entry of each."""
    given = [v.detach().to(dtype).requires_grad_() for v in args]
    results = layer(*given)
    results = list(results) if isinstance(results, tuple) else [results]
    up, expected = known[: len(results)], known[len(results) :]
    found = [*results, *torch.autograd.grad(results, given, [v.to(dtype) for v in up])]
    assert [f.shape for f in found] == [e.shape for e in expected]
    assert {f.dtype for f in found} == {dtype}
    pairs = [(f.detach().double(), e) for f, e in zip(found, expected, strict=True)]
    return max(float((f - e).abs().max() / e.abs().max().clamp(min=1e-2)) for f, e in pairs)


# The steps in PyTorch


@pytest.mark.parametrize("layer", LSTM_STEPS)
@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 10**6))
@MANY
def test_every_lstm_gives_the_numbers_of_nn_lstm(layer: Any, T: int, N: int, D: int, H: int, seed: int) -> None:
    assert worst(layer, *lstm_case(T, N, D, H, seed)) < ERROR[torch.float64]


@pytest.mark.parametrize("layer", GRU_STEPS)
@given(SIZES, SIZES, SIZES, SIZES, st.integers(0, 10**6))
@MANY
def test_every_gru_gives_the_numbers_of_nn_gru(layer: Any, T: int, N: int, D: int, H: int, seed: int) -> None:
    assert worst(layer, *gru_case(T, N, D, H, seed)) < ERROR[torch.float64]


def test_the_loop_of_a_compiled_layer_is_the_hoisted_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler at hand: what `torch.compile` is given, uncompiled."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    assert worst(graphs.compiled_lstm(), *lstm_case(4, 3, 2, 5, 0)) < ERROR[torch.float64]
    assert worst(graphs.compiled_gru(), *gru_case(4, 3, 2, 5, 0)) < ERROR[torch.float64]


def launched(layer: Callable[..., Any], case: Any, T: int) -> tuple[int, int]:
    """Operators and products of one forward pass."""
    args, _ = case(T, 2, 3, 4, 0)
    with torch_steps.Launches() as launches, torch.no_grad():
        layer(*args)
    return launches.count, launches.products


@pytest.mark.parametrize(
    ("layer", "case", "products"),
    [
        (torch_steps.eager_lstm, lstm_case, 8), (torch_steps.fused_lstm, lstm_case, 1),
        (torch_steps.hoisted_lstm, lstm_case, 1), (torch_steps.eager_gru, gru_case, 6),
        (torch_steps.fused_gru, gru_case, 2), (torch_steps.hoisted_gru, gru_case, 1),
    ],
)  # fmt: skip
def test_a_step_adds_as_many_products_as_its_docstring_says(layer: Any, case: Any, products: int) -> None:
    short, long = launched(layer, case, 3), launched(layer, case, 8)
    assert long[1] - short[1] == 5 * products


def test_each_step_launches_less_than_the_one_before() -> None:
    lstm = [launched(layer, lstm_case, 9)[0] for layer in LSTM_STEPS]
    gru = [launched(layer, gru_case, 9)[0] for layer in GRU_STEPS]
    assert lstm == sorted(set(lstm), reverse=True)
    assert gru == sorted(set(gru), reverse=True)


# Plans and the roofline


ITEM, GATES = st.sampled_from([2, 4, 8]), st.sampled_from([3, 4])


@given(st.integers(1, 300), st.integers(1, 1100), ITEM, GATES, st.integers(8, 160))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_a_plan_covers_everything_once(N: int, H: int, size: int, blocks: int, processors: int) -> None:
    try:
        how = plan(N, H, size, blocks, processors)
    except DoesNotFit:
        assert 4 * LEAST * H * size > 30_000 or processors < -(-H // LEAST)
        return
    assert (how.tiles - 1) * how.block_n < N <= how.tiles * how.block_n
    assert (how.slices - 1) * how.block_u < H <= how.slices * how.block_u
    assert how.block_k >= H and how.block_k & (how.block_k - 1) == 0
    assert blocks * how.block_u * how.block_k * size < ON_CHIP
    assert how.mode == ALONE or how.slices * how.wave <= processors, "all programs of a barrier must run at once"
    for each in (how, how.stepwise()):
        work = [(tile, t) for first, tiles, begin, end in each.launches(5)
                for tile in range(first, first + tiles) for t in range(begin, end)]  # fmt: skip
        assert sorted(work) == [(tile, t) for tile in range(how.tiles) for t in range(5)]


def test_a_stepwise_plan_launches_once_for_every_step() -> None:
    how = plan(5, 37, 4, 4, 132, units=16)
    assert how.mode == BARRIER and how.slices == 3
    assert [(begin, end) for _, _, begin, end in how.stepwise().launches(4)] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert list(how.launches(4)) == [(0, 1, 0, 4)]


@given(*(st.integers(1, 50) for _ in range(4)), st.sampled_from([2, 4]))
@MANY
def test_the_roofline_counts_what_the_exercise_counts(T: int, N: int, D: int, H: int, size: int) -> None:
    flops, serial, once, _ = functions("fast").lstm_work(T, N, D, H, size)
    found = roofline.work(T, N, D, H, size)
    assert (found.flops, found.serial, found.moved) == (flops, serial, once)  # eq-fast-flops


def test_counted_operations_are_those_that_run() -> None:
    """PyTorch's own counter, forwards and backwards, against the formulas."""
    from torch.utils.flop_counter import FlopCounterMode

    layers = (lstm_case, torch_steps.hoisted_lstm, "LSTM"), (gru_case, torch_steps.hoisted_gru, "GRU")
    for case, layer, kind in layers:
        args, _ = case(6, 4, 3, 5, 0)
        with FlopCounterMode(display=False) as forward, torch.no_grad():
            layer(*args)
        assert forward.get_total_flops() == roofline.work(6, 4, 3, 5, 4, kind).flops
        with FlopCounterMode(display=False) as both:
            found = layer(*args)
            (found[0] if isinstance(found, tuple) else found).sum().backward()
        assert both.get_total_flops() == roofline.work(6, 4, 3, 5, 4, kind, backward=True).flops


def test_a_floor_is_the_largest_of_its_parts() -> None:
    device, done = roofline.DEVICES["H100"], roofline.work(100, 32, 128, 128, 2)
    found = roofline.floor(done, device, "bfloat16", waits=100, latency=roofline.BARRIER)
    parts = np.array([done.flops]), np.array([done.moved]), np.array([100])
    limits = device.peak["bfloat16"], device.bandwidth, roofline.BARRIER
    seconds, limit = functions("fast").roofline_floor(*parts, *limits)
    assert found["floor"] == pytest.approx(seconds[0])
    assert list(found)[limit[0]] == "waiting"


def test_up_to_512_units_the_chain_costs_more_than_the_work() -> None:
    device = roofline.DEVICES["H100"]
    for H in (64, 128, 256, 512, 1024):
        computing, weights = 16 * 64 * H * H / device.peak["bfloat16"], 8 * H * H / device.bandwidth
        assert (max(computing, weights) < roofline.BARRIER) == (H <= 512)


def test_all_registers_together_hold_33_mebibytes_and_all_shared_memory_29() -> None:
    device = roofline.DEVICES["H100"]
    assert device.processors * device.registers == 33 * 2**20
    assert device.processors * device.shared // 2**20 == 29


# The persistent kernels, in the interpreter


def modes(N: int, H: int, size: int, blocks: int) -> list[Plan]:
    """One program for all units; several with a launch a step; and the barrier, met by one program."""
    alone = plan(N, H, size, blocks, 132)
    sliced = plan(N, H, size, blocks, 132, units=16)
    return [alone, sliced.stepwise(), replace(alone, mode=BARRIER)]


@kernels
@interpreted
@pytest.mark.parametrize("mode", range(3), ids=["alone", "stepwise", "barrier"])
@given(st.integers(1, 4), st.integers(1, 19), st.integers(1, 4), st.integers(1, 37), st.integers(0, 10**6))
@FEW
def test_the_lstm_kernels_agree_with_nn_lstm(mode: int, T: int, N: int, D: int, H: int, seed: int) -> None:
    how = modes(N, H, 8, 4)[mode]
    assert worst(lambda *a: triton_lstm.lstm(*a, how=how), *lstm_case(T, N, D, H, seed)) < ERROR[torch.float64]


@kernels
@interpreted
@pytest.mark.parametrize("mode", range(3), ids=["alone", "stepwise", "barrier"])
@given(st.integers(1, 4), st.integers(1, 19), st.integers(1, 4), st.integers(1, 37), st.integers(0, 10**6))
@FEW
def test_the_gru_kernels_agree_with_nn_gru(mode: int, T: int, N: int, D: int, H: int, seed: int) -> None:
    how = modes(N, H, 8, 3)[mode]
    assert worst(lambda *a: triton_gru.gru(*a, how=how), *gru_case(T, N, D, H, seed)) < ERROR[torch.float64]


@kernels
@interpreted
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=str)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 5, 4, 7), (3, 18, 3, 40)], ids=str)
def test_the_kernels_keep_the_precision_of_their_dtype(shape: tuple[int, ...], dtype: Any) -> None:
    """bfloat16 runs on a GPU only: the interpreter multiplies its bits as if they were whole numbers."""
    for how in modes(shape[1], shape[3], dtype.itemsize, 4)[:2]:
        assert worst(lambda *a, how=how: triton_lstm.lstm(*a, how=how), *lstm_case(*shape, 1), dtype) < ERROR[dtype]
    for how in modes(shape[1], shape[3], dtype.itemsize, 3)[:2]:
        assert worst(lambda *a, how=how: triton_gru.gru(*a, how=how), *gru_case(*shape, 1), dtype) < ERROR[dtype]


@kernels
@interpreted
def test_the_kernels_pass_gradcheck() -> None:
    def draw(*shape: int) -> Tensor:
        return torch.tensor(rng.normal(size=shape), requires_grad=True)

    rng, how = np.random.default_rng(0), plan(2, 3, 8, 4, 132)
    lstm = draw(3, 2, 12), draw(12, 3), draw(2, 3), draw(2, 3)
    assert torch.autograd.gradcheck(lambda *a: triton_lstm.PersistentLSTM.apply(*a, how), lstm, fast_mode=True)
    gru = draw(3, 2, 9), draw(9, 3), draw(3), draw(2, 3)
    assert torch.autograd.gradcheck(lambda *a: triton_gru.PersistentGRU.apply(*a, how), gru, fast_mode=True)


@kernels
@interpreted
def test_without_gradients_nothing_is_saved_and_arguments_stay_as_they_were() -> None:
    args, _ = lstm_case(3, 2, 3, 4, 5)
    kept = [v.detach().clone() for v in args]
    with torch.no_grad():
        h, c = triton_lstm.lstm(*args)
    assert not h.requires_grad and not c.requires_grad
    assert all(torch.equal(v, k) for v, k in zip(args, kept, strict=True))
    assert torch.allclose(h, torch_steps.hoisted_lstm(*args)[0], rtol=1e-12)


# What the compiler makes of the kernels, without a GPU

COMPILED = """
import re, torch
from fast.compiled import KERNELS, compile_for, resources
from fast.launch import plan
for name, (kernel, blocks) in KERNELS.items():
    how = plan(32, 96, 2, blocks, 132, units=16)
    made = compile_for(kernel, blocks, torch.bfloat16, how)
    ptx = made.asm["ptx"]
    spin = ptx.index("atom.global.gpu.release.add")
    assert "ld.global.gpu.acquire" in ptx[spin:], name
    assert "ld.global.cg" in ptx[spin:], name
    before, loop = made.asm["ttgir"].split("scf.for", 1)
    assert before.count("ttg.local_alloc") == blocks, name  # the weights, into shared memory, once
    if "forward" in name:
        assert loop.count("tt.load") == blocks + 1, name  # the projections and the state, no weights
    used = resources(made)
    assert used["stack"] == 0 and used["shared"] <= 227 * 1024, (name, used)
    print(name)
"""


@kernels
def test_compiled_for_a_gpu_the_weights_stay_on_the_chip_and_the_barrier_orders_memory(tmp_path: Path) -> None:
    """In a process of its own: this one may have imported Triton for its interpreter."""
    import subprocess

    away = {"TRITON_INTERPRET"}
    env = {k: v for k, v in os.environ.items() if k not in away} | {"TRITON_CACHE_DIR": str(tmp_path)}
    book = Path(__file__).resolve().parents[2] / "book"
    run = subprocess.run([sys.executable, "-c", COMPILED], cwd=book, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.split("\n")[:4] == ["LSTM forward", "LSTM backward", "GRU forward", "GRU backward"]
