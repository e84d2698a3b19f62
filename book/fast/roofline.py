"""Operations, bytes, and the least time that a layer can take on a device.

Belongs here: counting by formulas, published numbers of devices, and the floor that follows. Times
that are no published number are named assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS = {"LSTM": 4, "GRU": 3, "RNN": 1}


@dataclass(frozen=True)
class Device:
    """Published peaks of a GPU.

    Attributes
    ----------
    peak
        Operations per second by dtype: float32 outside the tensor cores, bfloat16 on them, dense.
    bandwidth
        Bytes per second from the GPU's memory.
    cache
        Bytes of the level-2 cache, which all processors share.
    processors, shared, registers
        Streaming multiprocessors, and for each of them the bytes of shared memory that one program
        can have and of the register file.
    """

    name: str
    peak: dict[str, float]
    bandwidth: float
    cache: int
    processors: int
    shared: int
    registers: int


DEVICES = {
    "A100": Device("A100 SXM 80 GB", {"float32": 19.5e12, "bfloat16": 312e12}, 2.039e12, 40 * 2**20, 108,
                   163 * 1024, 256 * 1024),
    "H100": Device("H100 SXM", {"float32": 67e12, "bfloat16": 989e12}, 3.35e12, 50 * 2**20, 132,
                   227 * 1024, 256 * 1024),
    "H200": Device("H200 SXM", {"float32": 67e12, "bfloat16": 989e12}, 4.8e12, 50 * 2**20, 132,
                   227 * 1024, 256 * 1024),
}  # fmt: skip

LAUNCH = 5e-6
"""Assumption: seconds between two kernels that Python launches one after the other."""

GRAPH_LAUNCH = 1.5e-6
"""Assumption: seconds between two dependent kernels of a CUDA graph."""

BARRIER = 1e-6
"""Assumption: seconds for all processors to meet and to see each other's stores."""


@dataclass(frozen=True)
class Work:
    """What one layer has to do: operations, those that are serial, and bytes."""

    flops: int
    serial: int
    moved: int
    weights: int


def work(T: int, N: int, D: int, H: int, item_size: int, kind: str = "LSTM", backward: bool = False) -> Work:
    """Count a layer's work; every array is read or written once (the exercise ``lstm-work``).

    With ``backward`` the forward pass also writes the gates and the cell states, the backward pass
    reads them and writes the gradients of the sums, inputs and weights, and every product has two
    products as its gradient: three times the operations in all.
    """
    G = BLOCKS[kind]
    serial = 2 * T * N * G * H * H
    flops = serial + 2 * T * N * G * H * D
    recurrent = G * H * H
    numbers = T * N * (D + H) + G * H * (D + H + 1) + 3 * N * H
    if backward:
        saved = T * N * (G * H + H)  # the gates, and c or q
        numbers += 2 * saved + T * N * (G * H + 2 * D + 2 * H) + 2 * G * H * (D + H + 1)
        flops, serial = 3 * flops, 2 * serial
    return Work(flops, serial, numbers * item_size, recurrent * item_size)


def floor(found: Work, device: Device, dtype: str, waits: int = 0, latency: float = 0.0) -> dict[str, float]:
    """Seconds for computing, moving and waiting, and the largest of them as ``floor`` (eq-fast-roofline)."""
    parts = {
        "computing": found.flops / device.peak[dtype],
        "moving": found.moved / device.bandwidth,
        "waiting": waits * latency,
    }
    return {**parts, "floor": max(parts.values())}
