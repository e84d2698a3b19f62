"""Programs 9 and 10 in PyTorch: cells made of Linear layers."""

from __future__ import annotations

import torch
from torch import nn


class RNNStep(nn.Module):
    """One step of an RNN with its output layer."""

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int
    ) -> None:
        super().__init__()
        D, H, C = input_size, hidden_size, output_size
        self.hidden_size = H
        self.from_x, self.from_h = nn.Linear(D, H), nn.Linear(H, H)
        self.to_y = nn.Linear(H, C)

    def forward(
        self, x: torch.Tensor, h: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Output (N, C) and new state (N, H) of ``x`` (N, D)."""
        h = torch.tanh(self.from_x(x) + self.from_h(h))
        return self.to_y(h), h

    def start(self, x: torch.Tensor) -> torch.Tensor:
        """The first state: zeros, with dtype and device of ``x``."""
        return x.new_zeros(len(x), self.hidden_size)


class LSTMCell(nn.Module):
    """One step of an LSTM from eight Linear layers, two for each block."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for block in "fico":
            from_x = nn.Linear(input_size, hidden_size)
            from_h = nn.Linear(hidden_size, hidden_size)
            self.add_module("x_to_" + block, from_x)
            self.add_module("h_to_" + block, from_h)

    def forward(
        self, x: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """New ``(h, c)``, each (N, H), of ``x`` (N, D) and the old."""
        h, c = state
        f = torch.sigmoid(self.x_to_f(x) + self.h_to_f(h))
        i = torch.sigmoid(self.x_to_i(x) + self.h_to_i(h))
        o = torch.sigmoid(self.x_to_o(x) + self.h_to_o(h))
        c = f * c + i * torch.tanh(self.x_to_c(x) + self.h_to_c(h))
        return o * torch.tanh(c), c
