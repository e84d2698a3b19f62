"""Program 12 in PyTorch: nn.GRU is another function, so written out."""

from __future__ import annotations

import torch
from torch import nn


class GRU(nn.Module):
    """Reset before the product; ``z`` near 1 takes the candidate."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        H = hidden_size
        self.from_x = nn.Linear(input_size, 3 * H)  # r, z, n
        self.gates = nn.Linear(H, 2 * H, bias=False)  # r, z
        self.candidate = nn.Linear(H, H, bias=False)

    def forward(
        self, x: torch.Tensor, h: torch.Tensor | None = None
    ) -> torch.Tensor:
        """States (T, N, H) of inputs (T, N, D)."""
        h = x.new_zeros(x.shape[1], self.hidden_size) if h is None else h
        states = []
        for a in self.from_x(x):
            a_r, a_z, a_n = a.chunk(3, dim=1)
            u_r, u_z = self.gates(h).chunk(2, dim=1)
            r, z = torch.sigmoid(a_r + u_r), torch.sigmoid(a_z + u_z)
            h = (1 - z) * h + z * torch.tanh(a_n + self.candidate(r * h))
            states.append(h)
        return torch.stack(states)
