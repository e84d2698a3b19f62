"""Program 12 in NumPy: a GRU as it is printed, and one as in PyTorch."""

from __future__ import annotations

import numpy as np

from programs.forward_numpy import RNN, State, sigmoid


class GRU(RNN):
    """Reset before the product; ``z`` near 1 takes the candidate."""

    blocks = 3

    def step(self, a: np.ndarray, state: State) -> State:
        """One step: the reset gate acts on h before h meets its matrix."""
        (h,) = state
        U_r, U_z, U_n = np.split(self.weights["W_hh"], 3)
        a_r, a_z, a_n = np.split(a + self.weights["b_hh"], 3, axis=1)
        r, z = sigmoid(a_r + h @ U_r.T), sigmoid(a_z + h @ U_z.T)
        n = np.tanh(a_n + (r * h) @ U_n.T)
        return ((1 - z) * h + z * n,)


class TorchGRU(GRU):
    """Reset after the product; ``z`` near 1 keeps the state. As nn.GRU."""

    def step(self, a: np.ndarray, state: State) -> State:
        """One step: the reset gate acts on product and bias."""
        (h,) = state
        u = h @ self.weights["W_hh"].T + self.weights["b_hh"]
        a_r, a_z, a_n = np.split(a, 3, axis=1)
        u_r, u_z, u_n = np.split(u, 3, axis=1)
        r, z = sigmoid(a_r + u_r), sigmoid(a_z + u_z)
        n = np.tanh(a_n + r * u_n)
        return ((1 - z) * n + z * h,)
