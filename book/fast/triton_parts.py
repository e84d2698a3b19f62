"""What the LSTM's and the GRU's kernels share: sigmoid, tanh, the barrier, and choices by dtype.

Belongs here: device functions and small host functions that both kernels use.
"""

import torch
import triton
import triton.language as tl

from fast.launch import BARRIER, Plan


@triton.jit
def sigmoid(a):
    """``1 / (1 + exp(-a))`` without overflow."""
    e = tl.exp(-tl.abs(a))
    return tl.where(a >= 0, 1.0, e) / (1 + e)


@triton.jit
def tanh(a):
    """The tanh by one exponential of a number that is not positive."""
    e = tl.exp(-2 * tl.abs(a))
    t = (1 - e) / (1 + e)
    return tl.where(a >= 0, t, -t)


@triton.jit
def summed(P, own, state, W, ACC: tl.constexpr, PRECISION: tl.constexpr):
    """The input's part of a sum, from memory, plus the state's: a product with weights on the chip."""
    return tl.load(P, mask=own, other=0.0).to(ACC) + tl.dot(state, W, input_precision=PRECISION)


@triton.jit
def grid_barrier(counter, target):
    """Wait until ``counter`` has been raised ``target`` times.

    Every program of a tile raises it once a step. What it has stored
    before is seen by all others after it: the first barrier of threads
    puts all stores of the program before the one thread that raises;
    its *release* makes them visible to the device; the *acquire* of
    whoever reads the last raise takes them over; and the second barrier
    of threads hands them to the rest of that program. All programs of
    the tile must be running, or this waits forever.
    """
    tl.debug_barrier()
    tl.atomic_add(counter, 1, sem="release", scope="gpu")
    while tl.atomic_add(counter, 0, sem="acquire", scope="gpu") < target:
        pass
    tl.debug_barrier()


def options(how: Plan, dtype: torch.dtype, allow_tf32: bool, blocks: int) -> dict[str, object]:
    """What the compiler must know: tiles, dtype of the sums, precision of products, warps.

    Products of float32 are exact unless TF32 is allowed. No loop may be software-pipelined
    (``num_stages``): a state must not be read before it has been written.
    """
    weights = blocks * how.block_u * how.block_k * dtype.itemsize
    found: dict[str, object] = {
        "MODE": how.mode, "BLOCK_N": how.block_n, "BLOCK_U": how.block_u, "BLOCK_K": how.block_k,
        "ACC": tl.float64 if dtype == torch.float64 else tl.float32,
        "PRECISION": "tf32" if allow_tf32 and dtype == torch.float32 else "ieee",
        "num_warps": 4 if weights <= 32 * 1024 and dtype.itemsize == 2 else 8, "num_stages": 1,
    }  # fmt: skip
    if how.mode == BARRIER and torch.cuda.is_available():
        found["launch_cooperative_grid"] = True  # refused if the programs cannot all run at once
    return found


def processors(device: torch.device) -> int:
    """Streaming multiprocessors of the device; those of an H100 where the interpreter runs."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 132
