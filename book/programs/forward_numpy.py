"""Programs 6 and 7 in NumPy: an RNN and an LSTM."""

from __future__ import annotations

import numpy as np

State = tuple[np.ndarray, ...]


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-a), written as a tanh, which does not overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * a))


class RNN:
    """A recurrent layer with an output at every step."""

    blocks = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        rng: np.random.Generator,
    ) -> None:
        D, H, C = input_size, hidden_size, output_size
        G, bound = self.blocks * H, H**-0.5
        self.hidden_size = hidden_size
        self.weights = {
            "W_xh": rng.uniform(-bound, bound, (G, D)),
            "W_hh": rng.uniform(-bound, bound, (G, H)),
            "b_xh": rng.uniform(-bound, bound, G),
            "b_hh": rng.uniform(-bound, bound, G),
            "W_hy": rng.uniform(-bound, bound, (C, H)),
            "b_y": rng.uniform(-bound, bound, C),
        }

    def start(self, batch_size: int) -> State:
        """The state before the first step: zeros, (N, H)."""
        return (np.zeros((batch_size, self.hidden_size)),)

    def step(self, a: np.ndarray, state: State) -> State:
        """One step; ``a`` (N, blocks * H) is the input's part."""
        w = self.weights
        return (np.tanh(a + state[0] @ w["W_hh"].T + w["b_hh"]),)

    def forward(
        self, x: np.ndarray, state: State | None = None
    ) -> tuple[np.ndarray, np.ndarray, State]:
        """Outputs (T, N, C), states (T, N, H), last state."""
        w = self.weights
        state = self.start(x.shape[1]) if state is None else state
        states = np.empty((*x.shape[:2], self.hidden_size))
        for t, a in enumerate(x @ w["W_xh"].T + w["b_xh"]):
            state = self.step(a, state)
            states[t] = state[0]
        return states @ w["W_hy"].T + w["b_y"], states, state


class LSTM(RNN):
    """The same with a memory cell: blocks i, f, g, o, a state (h, c)."""

    blocks = 4

    def start(self, batch_size: int) -> State:
        """Zeros for h and for c, each (N, H)."""
        return (*super().start(batch_size), *super().start(batch_size))

    def step(self, a: np.ndarray, state: State) -> State:
        """One step: c = f * c + i * g, then h = o * tanh(c)."""
        h, c = state
        a = a + h @ self.weights["W_hh"].T + self.weights["b_hh"]
        i, f, g, o = np.split(a, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
