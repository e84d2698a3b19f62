"""How a persistent kernel is cut up and started: tiles, what fits on the chip, one launch or one per step.

Belongs here: what the hosts of ``triton_lstm`` and ``triton_gru`` share. Nothing here needs Triton or
a GPU, so that it can be tested anywhere.

A program owns ``block_u`` hidden units of ``block_n`` sequences. It holds those rows of all gates'
recurrent weights, for the whole sequence. With one slice of units a program needs nobody else: the
state stays in its registers. With several, each step needs the states that the others have just
made, so all slices of the same sequences meet at a barrier once a step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

ALONE = 0  # one slice: the state never leaves the program
BARRIER = 1  # several slices: they meet at a barrier after every step
STEPWISE = 2  # several slices without a barrier: the host launches the kernel once for every step

LEAST = 16  # the sides of a matrix product on tensor cores
ON_CHIP = 227 * 1024
"""Bytes of shared memory that one program can have on an H100."""

ALONE_AT_MOST = 128 * 1024
"""Bytes of weights that one program holds alone; with more, the compiler runs out of registers."""

PARTS = 3
"""Tiles (block_n, block_k) beside the weights: so many does the compiler keep in shared memory in the
backward pass, where the gradients of all gates' sums are read back (see ``compiled``)."""


class DoesNotFit(ValueError):
    """The recurrent weights do not fit on the chip; the message says how many bytes there are."""


@dataclass(frozen=True)
class Plan:
    """How a kernel is started.

    Attributes
    ----------
    block_n, block_u, block_k
        Sequences and hidden units of a program, and all hidden units rounded up to a power of two.
    slices, tiles
        Programs along the hidden units, and along the batch.
    mode
        :data:`ALONE`, :data:`BARRIER` or :data:`STEPWISE`.
    wave
        Batch tiles that one launch works on: at a barrier all programs must be running at once.
    """

    block_n: int
    block_u: int
    block_k: int
    slices: int
    tiles: int
    mode: int
    wave: int

    def launches(self, seq_len: int) -> Iterator[tuple[int, int, int, int]]:
        """First tile, number of tiles, first step and end step of every launch, in order."""
        length = 1 if self.mode == STEPWISE else seq_len
        for first in range(0, self.tiles, self.wave):
            tiles = min(self.wave, self.tiles - first)
            for begin in range(0, seq_len, length):
                yield first, tiles, begin, begin + length

    def stepwise(self) -> Plan:
        """The same arithmetic with a launch for every step."""
        return self if self.mode == ALONE else replace(self, mode=STEPWISE)


def power_of_two(n: int) -> int:
    """The least power of two that is not below ``n``."""
    return 1 << max(0, n - 1).bit_length()


def plan(
    batch_size: int,
    hidden_size: int,
    item_size: int,
    blocks: int,
    processors: int,
    on_chip: int = ON_CHIP,
    units: int | None = None,
) -> Plan:
    """Choose tiles for a layer with ``blocks`` gates: 4 for an LSTM, 3 for a GRU.

    Parameters
    ----------
    item_size
        Bytes of one weight.
    processors
        Streaming multiprocessors of the device.
    on_chip
        Bytes of shared memory that one program may use.
    units
        Hidden units of a program, a power of two from 16; chosen if left out.

    Raises
    ------
    DoesNotFit
        If 16 units do not fit into a program, or there are more slices than processors.
    """
    block_k = max(LEAST, power_of_two(hidden_size))

    def needed(block_u: int, block_n: int) -> int:
        return block_k * item_size * (blocks * block_u + PARTS * block_n)

    block_u = units or (block_k if blocks * block_k**2 * item_size <= ALONE_AT_MOST else LEAST)
    slices = -(-hidden_size // block_u)
    if needed(block_u, LEAST) > on_chip or slices > processors:
        whole = blocks * hidden_size**2 * item_size
        raise DoesNotFit(f"{whole / 1024:.0f} KiB of recurrent weights do not fit on {processors} processors")
    if slices == 1:
        tiles = -(-batch_size // LEAST)
        return Plan(LEAST, block_k, block_k, 1, tiles, ALONE, tiles)
    at_once = processors // slices
    block_n = LEAST
    while block_n < 64 and -(-batch_size // block_n) > at_once and needed(block_u, 2 * block_n) <= on_chip:
        block_n *= 2
    return Plan(block_n, block_u, block_k, slices, -(-batch_size // block_n), BARRIER, at_once)
