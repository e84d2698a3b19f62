"""The fast layers on a GPU: run by `pytest -m gpu`, skipped where there is no CUDA device.

Claims: the Triton kernels, compiled and with their real barrier, agree with a float64 reference in
every dtype, forwards and backwards, on random shapes and the awkward ones; a run repeated gives the
same numbers, so no program read a state before it was written; the compiled and the recorded layers
agree too; and the benchmark's variants agree with one another at one shape.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.course.test_fast import ERROR, TRITON, gru_case, lstm_case, worst  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: the fast layers were not run on a GPU"),
]
kernels = pytest.mark.skipif(not TRITON, reason="Triton is not installed")
if TRITON:
    from fast import triton_gru, triton_lstm
from fast import graphs  # noqa: E402
from fast.launch import BARRIER, plan  # noqa: E402

BOOK = Path(__file__).resolve().parents[2] / "book"
DTYPES = [torch.float32, torch.bfloat16, torch.float16]
AWKWARD = [(1, 1, 1, 1), (1, 1, 3, 64), (7, 1, 5, 129), (5, 17, 3, 100), (33, 70, 8, 200), (64, 33, 16, 512)]


@pytest.fixture(autouse=True)
def exact_products() -> Any:
    """No TF32, in the reference either."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def tolerance(dtype: Any, T: int) -> float:
    """What rounding alone can grow to: errors of the steps add up."""
    return ERROR[dtype] * max(1.0, T / 8)


@kernels
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", AWKWARD, ids=str)
def test_the_kernels_agree_with_float64(shape: tuple[int, int, int, int], dtype: Any) -> None:
    assert worst(triton_lstm.lstm, *lstm_case(*shape, 0, "cuda"), dtype) < tolerance(dtype, shape[0])
    assert worst(triton_gru.gru, *gru_case(*shape, 0, "cuda"), dtype) < tolerance(dtype, shape[0])


@kernels
@pytest.mark.parametrize("seed", range(12))
def test_the_kernels_agree_on_random_shapes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    T, N, D, H = (int(rng.integers(1, high)) for high in (40, 90, 20, 520))
    dtype = DTYPES[seed % 3]
    assert worst(triton_lstm.lstm, *lstm_case(T, N, D, H, seed, "cuda"), dtype) < tolerance(dtype, T)
    assert worst(triton_gru.gru, *gru_case(T, N, D, H, seed, "cuda"), dtype) < tolerance(dtype, T)


@kernels
def test_the_barrier_gives_what_a_launch_for_every_step_gives() -> None:
    """Many programs, many steps: a state that was read too early would differ. Ten times over."""
    args, _ = lstm_case(200, 48, 8, 256, 0, "cuda")
    given = [v.detach().float() for v in args]
    how = plan(48, 256, 4, 4, torch.cuda.get_device_properties(0).multi_processor_count)
    assert how.mode == BARRIER and how.slices > 1
    with torch.no_grad():
        expected = triton_lstm.lstm(*given, how=how.stepwise())[0]
        for _ in range(10):
            assert torch.equal(triton_lstm.lstm(*given, how=how)[0], expected)


@kernels
def test_in_float32_the_kernels_are_as_close_to_float64_as_cudnn() -> None:
    for T, N, D, H in ((64, 16, 32, 64), (64, 64, 64, 256)):
        args, known = lstm_case(T, N, D, H, 0, "cuda")
        layer = torch.nn.LSTM(D, H, device="cuda")
        with torch.no_grad():
            layer.bias_hh_l0.zero_()
            for own, theirs in zip(layer.parameters(), args[3:], strict=False):
                own.copy_(theirs)
            cudnn = layer(args[0].float(), (args[1][None].float(), args[2][None].float()))[0]
            ours = triton_lstm.lstm(*(v.float() for v in args))[0]
        error = [float((h.double() - known[2]).abs().max()) for h in (ours, cudnn)]
        assert error[0] <= 4 * error[1] + 1e-7


def test_the_compiled_layers_agree() -> None:
    assert worst(graphs.compiled_lstm(), *lstm_case(6, 5, 4, 32, 0, "cuda"), torch.float32) < ERROR[torch.float32] * 4
    assert worst(graphs.compiled_gru(), *gru_case(6, 5, 4, 32, 0, "cuda"), torch.float32) < ERROR[torch.float32] * 4


def test_a_recorded_layer_reads_new_inputs() -> None:
    from fast.torch_steps import hoisted_lstm

    (first, _), (second, _) = lstm_case(5, 3, 4, 16, 0, "cuda"), lstm_case(5, 3, 4, 16, 1, "cuda")
    replay = graphs.recorded(hoisted_lstm, first)
    with torch.no_grad():
        for args in (second, first):
            assert torch.allclose(replay(*args)[0], hoisted_lstm(*args)[0])
    train = graphs.recorded_for_training(lambda *a: hoisted_lstm(*a)[0], first)
    grads = torch.autograd.grad(train(*second).sum(), second)
    expected = torch.autograd.grad(hoisted_lstm(*second)[0].sum(), second)
    assert all(torch.allclose(g, e) for g, e in zip(grads, expected, strict=True))


@pytest.mark.slow
def test_the_benchmarks_variants_agree_at_one_shape(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    script = BOOK / "experiments" / "fast_gpu.py"
    subprocess.run([sys.executable, script, "--quick", "--out", out], check=True)
    rows = json.loads(out.read_text())["rows"]
    assert len({row["variant"] for row in rows}) >= 6
    for row in rows:
        limit = ERROR[getattr(torch, row["dtype"])] * 8
        assert "cannot" in row or row["error"] < limit, row
        assert row["variant"] != "Triton" or "cannot" not in row, row
