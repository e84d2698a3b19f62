"""Programs 4 and 5 in PyTorch: forecast the next value of a series."""

from __future__ import annotations

import torch
from torch import nn


class Forecaster(nn.Module):
    """Read a window with a recurrent layer; answer with what follows."""

    def __init__(
        self, layer: type[nn.RNNBase], size: int = 1, hidden_size: int = 50
    ) -> None:
        super().__init__()
        self.rnn = layer(size, hidden_size)
        self.head = nn.Linear(hidden_size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Forecasts (N, D) of (T, N, D): last value plus change."""
        states, _ = self.rnn(x)
        return x[-1] + self.head(states[-1])
