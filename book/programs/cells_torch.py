"""Programs 9 and 10 in PyTorch: cells made of Linear layers."""

from __future__ import annotations

import torch
from torch import nn


class SimpleRNN(nn.Module):
    """One step of an RNN with its output layer."""

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(
        self, x: torch.Tensor, h: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Output (N, C) and new state (N, H) of ``x`` (N, D)."""
        h = torch.tanh(self.i2h(x) + self.h2h(h))
        return self.h2o(h), h

    def start(self, x: torch.Tensor) -> torch.Tensor:
        """The first state: zeros, with dtype and device of ``x``."""
        return x.new_zeros(len(x), self.hidden_size)


class LSTMCell(nn.Module):
    """One step of an LSTM from eight Linear layers, two for each block."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for block in "fico":
            for kind, size in (("i2", input_size), ("h2", hidden_size)):
                self.add_module(kind + block, nn.Linear(size, hidden_size))

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """New ``(h, c)``, each (N, H), of ``x`` (N, D) and the old."""
        h, c = state
        f = torch.sigmoid(self.i2f(x) + self.h2f(h))
        i = torch.sigmoid(self.i2i(x) + self.h2i(h))
        o = torch.sigmoid(self.i2o(x) + self.h2o(h))
        c = f * c + i * torch.tanh(self.i2c(x) + self.h2c(h))
        return o * torch.tanh(c), c
