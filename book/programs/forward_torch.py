"""Programs 6 and 7 in PyTorch: nn.RNN and nn.LSTM do the loop."""

from __future__ import annotations

import torch
from torch import nn


class RNN(nn.Module):
    """A recurrent layer with an output at every step."""

    layer: type[nn.RNNBase] = nn.RNN

    def __init__(
        self, input_size: int, hidden_size: int, output_size: int
    ) -> None:
        super().__init__()
        self.rnn = self.layer(input_size, hidden_size)
        self.head = nn.Linear(hidden_size, output_size)

    def forward(self, x: torch.Tensor, state=None):
        """Outputs (T, N, C), states (T, N, H), last state."""
        states, state = self.rnn(x, state)
        return self.head(states), states, state


class LSTM(RNN):
    """The same with a memory cell; the state is a pair (h_n, c_n)."""

    layer = nn.LSTM
