"""Programs 1, 2, 3, 13, 14 in PyTorch: answer at the last step."""

from __future__ import annotations

import torch
from torch import nn


class RNNModel(nn.Module):
    """A recurrent layer and an output layer that reads its last step."""

    layer: type[nn.RNNBase] = nn.RNN

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int
    ) -> None:
        super().__init__()
        self.rnn = self.layer(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, output_size)

    def forward(self, x: torch.Tensor, state=None):
        """Logits (N, C) of x (T, N, D), and the last state."""
        output, state = self.rnn(x, state)  # (T, N, H)
        return self.head(output[-1]), state


class LSTMModel(RNNModel):
    """The same; the state is a pair (h_n, c_n)."""

    layer = nn.LSTM


class GRUModel(RNNModel):
    """The same; the state is h_n alone, as for the RNN."""

    layer = nn.GRU


class StackedLSTM(nn.Module):
    """Two layers of different widths."""

    def __init__(
        self,
        input_size: int,
        output_size: int,
        sizes: tuple[int, int] = (128, 64),
    ) -> None:
        super().__init__()
        self.lower = nn.LSTM(input_size, sizes[0])
        self.upper = nn.LSTM(sizes[0], sizes[1])
        self.head = nn.Linear(sizes[1], output_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, C) of inputs (T, N, D)."""
        states, _ = self.lower(x)
        states, _ = self.upper(states)
        return self.head(states[-1])
