"""The cells after the LSTM in PyTorch, for the experiments of the chapter *After the LSTM*.

Belongs here: linear recurrences, three ways to compute their states, and a small network around
any cell, old or new. Does not belong here: tasks, training and timing.

Every recurrence has the form ``h_t = a_t * h_{t-1} + b_t`` with ``a`` and ``b`` of shape (T, N, H)
and starts from zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def by_steps(a: Tensor, b: Tensor) -> Tensor:
    """All states (T, N, H), one after the other: T steps that wait for each other."""
    h, states = torch.zeros_like(b[0]), []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states)


def by_rounds(a: Tensor, b: Tensor) -> Tensor:
    """All states (T, N, H) in ceil(log2 T) rounds; round k joins steps 2**k apart.

    Hillis and Steele (1986). Each round works on nearly all steps, so the work grows as T log T.
    """
    distance = 1
    while distance < len(a):
        b = torch.cat([b[:distance], torch.addcmul(b[distance:], a[distance:], b[:-distance])])
        a = torch.cat([a[:distance], a[distance:] * a[:-distance]])
        distance *= 2
    return b


def by_halves(a: Tensor, b: Tensor) -> Tensor:
    """All states (T, N, H) by joining neighbours, solving half the problem, and filling in the rest.

    Twice log2 T rounds, but the work grows as T only; the idea of Blelloch (1990).
    """
    T = len(a)
    if T == 1:
        return b
    even = T // 2 * 2
    first_a, second_a = a[0:even:2], a[1:even:2]
    joined = torch.addcmul(b[1:even:2], second_a, b[0:even:2])
    odd = by_halves(second_a * first_a, joined)  # states 1, 3, 5, ... counted from 0
    rest = torch.addcmul(b[2::2], a[2::2], odd[: len(a[2::2])])
    evens = torch.cat([b[:1], rest])
    if T % 2:
        return torch.cat([torch.stack([evens[:-1], odd], dim=1).flatten(0, 1), evens[-1:]])
    return torch.stack([evens, odd], dim=1).flatten(0, 1)


def by_logarithms(log_a: Tensor, log_b: Tensor) -> Tensor:
    """All states (T, N, H) of a positive recurrence, from logarithms (Heinsen 2023; Feng et al. 2024)."""
    total = log_a.cumsum(0)
    return torch.exp(total + torch.logcumsumexp(log_b - total, dim=0))


class MinGRU(nn.Module):
    """minGRU (Feng et al. 2024), z = 1 keeps; ``signed`` lets the factor reach from -1 to 1.

    Plain: ``a = z`` and ``b = (1 - z) * n``. Signed: ``a = 2 z - 1`` with the same ``b``, the change
    that Grazzi et al. (2024) make.
    """

    def __init__(self, input_size: int, hidden_size: int, *, signed: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 2 * hidden_size)
        self.signed = signed

    def forward(self, x: Tensor) -> Tensor:
        """States (T, N, H) of the inputs x (T, N, D)."""
        sums, n = self.linear(x).chunk(2, dim=-1)
        z = torch.sigmoid(sums)
        return by_rounds(2 * z - 1 if self.signed else z, (1 - z) * n)


class MinLSTM(nn.Module):
    """minLSTM (Feng et al. 2024): forget and input gate scaled to add up to 1."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 3 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """States (T, N, H) of the inputs x (T, N, D)."""
        f, i, n = self.linear(x).chunk(3, dim=-1)
        keep = torch.sigmoid(F.softplus(-i) - F.softplus(-f))
        return by_rounds(keep, (1 - keep) * n)


class LinearAttention(nn.Module):
    """Causal linear attention (Katharopoulos et al. 2020), computed over all pairs of steps."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, 3 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (T, N, H) of the inputs x (T, N, D)."""
        q, k, v = self.linear(x).transpose(0, 1).chunk(3, dim=-1)  # (N, T, H)
        scores = torch.tril((F.elu(q) + 1) @ (F.elu(k) + 1).transpose(1, 2))
        return ((scores @ v) / scores.sum(dim=2, keepdim=True)).transpose(0, 1)


class Recurrent(nn.Module):
    """``nn.RNN``, ``nn.GRU`` or ``nn.LSTM`` that returns its states only."""

    def __init__(self, cell: type[nn.RNNBase], input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = cell(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """States (T, N, H) of the inputs x (T, N, D)."""
        states: Tensor = self.cell(x)[0]
        return states


def make_layer(name: str, size: int) -> nn.Module:
    """The layer of this name; inputs and states both have ``size`` numbers."""
    if name in ("RNN", "GRU", "LSTM"):
        return Recurrent({"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}[name], size, size)
    if name == "linear attention":
        return LinearAttention(size, size)
    if name == "minLSTM":
        return MinLSTM(size, size)
    return MinGRU(size, size, signed=name == "signed minGRU")


class Tagger(nn.Module):
    """One answer (logits of two classes) at every step of a sequence of bits.

    Each layer is a recurrence and then two linear layers with a ReLU between, added to what came
    in. So a network without a nonlinear recurrence is still not linear.
    """

    def __init__(self, name: str, size: int, layers: int = 1) -> None:
        super().__init__()
        self.embed = nn.Embedding(2, size)
        self.layers = nn.ModuleList(make_layer(name, size) for _ in range(layers))
        self.mixers = nn.ModuleList(
            nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size)) for _ in range(layers)
        )
        self.answer = nn.Linear(size, 2)

    def forward(self, bits: Tensor) -> Tensor:
        """Logits (T, N, 2) of the bits (T, N)."""
        x = self.embed(bits)
        for layer, mixer in zip(self.layers, self.mixers, strict=True):
            x = x + mixer(layer(x))
        logits: Tensor = self.answer(x)
        return logits
