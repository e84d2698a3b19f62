"""An LSTM and a GRU in PyTorch, each made faster by one step after the other.

Belongs here: what runs on any device and needs nothing but PyTorch's operators. All functions of one
kind of layer take the same arguments and give the same numbers; they differ in how many operators
they launch and in what these must wait for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

LSTM = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def eager_lstm(x: Tensor, h0: Tensor, c0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Gate by gate, as the equations are written: eight products a step.

    Parameters
    ----------
    x, h0, c0
        Inputs (T, N, D) and the states before the first step (N, H).
    W_xh, W_hh, b
        Weights (4H, D), (4H, H) and (4H,), blocks i, f, g, o.

    Returns
    -------
    h, c_T
        All hidden states (T, N, H) and the last cell state (N, H).
    """
    W_xi, W_xf, W_xg, W_xo = W_xh.chunk(4)
    W_hi, W_hf, W_hg, W_ho = W_hh.chunk(4)
    b_i, b_f, b_g, b_o = b.chunk(4)
    h, c, states = h0, c0, []
    for x_t in x:
        i = torch.sigmoid(x_t @ W_xi.T + h @ W_hi.T + b_i)
        f = torch.sigmoid(x_t @ W_xf.T + h @ W_hf.T + b_f)
        g = torch.tanh(x_t @ W_xg.T + h @ W_hg.T + b_g)
        o = torch.sigmoid(x_t @ W_xo.T + h @ W_ho.T + b_o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        states.append(h)
    return torch.stack(states), c


def fused_lstm(x: Tensor, h0: Tensor, c0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """All gates at once: input and state side by side, one product a step."""
    W = torch.cat([W_xh, W_hh], dim=1).T
    h, c, states = h0, c0, []
    for x_t in x:
        h, c = lstm_pointwise(torch.addmm(b, torch.cat([x_t, h], dim=1), W), c)
        states.append(h)
    return torch.stack(states), c


def hoisted_lstm(x: Tensor, h0: Tensor, c0: Tensor, W_xh: Tensor, W_hh: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """All input projections before the loop: one product a step, with what has to wait."""
    return lstm_loop(lstm_step, torch.nn.functional.linear(x, W_xh, b), h0, c0, W_hh)


def lstm_loop(
    step: Callable[..., tuple[Tensor, Tensor]], projected: Tensor, h0: Tensor, c0: Tensor, W_hh: Tensor
) -> tuple[Tensor, Tensor]:
    """The serial part: ``step`` along the projections (T, N, 4H)."""
    h, c, states, turned = h0, c0, [], W_hh.T
    for a in projected.unbind(0):
        h, c = step(a, h, c, turned)
        states.append(h)
    return torch.stack(states), c


def lstm_step(a: Tensor, h: Tensor, c: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
    """One step from the input's part (N, 4H) of the sums; ``turned`` is ``W_hh.T``."""
    return lstm_pointwise(torch.addmm(a, h, turned), c)


def lstm_pointwise(sums: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """What is entry by entry: from the four sums (N, 4H) and c (N, H) to h and c."""
    i, f, g, o = sums.chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def eager_gru(x: Tensor, h0: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
    """Gate by gate, reset after the product: six products a step; all states (T, N, H).

    Parameters
    ----------
    x, h0
        Inputs (T, N, D) and the state before the first step (N, H).
    W_xh, W_hh, b_xh, b_hh
        Weights (3H, D), (3H, H) and (3H,) twice, blocks r, z, n.
    """
    (W_xr, W_xz, W_xn), (W_hr, W_hz, W_hn) = W_xh.chunk(3), W_hh.chunk(3)
    (b_xr, b_xz, b_xn), (b_hr, b_hz, b_hn) = b_xh.chunk(3), b_hh.chunk(3)
    h, states = h0, []
    for x_t in x:
        r = torch.sigmoid(x_t @ W_xr.T + b_xr + h @ W_hr.T + b_hr)
        z = torch.sigmoid(x_t @ W_xz.T + b_xz + h @ W_hz.T + b_hz)
        n = torch.tanh(x_t @ W_xn.T + b_xn + r * (h @ W_hn.T + b_hn))
        h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states)


def fused_gru(x: Tensor, h0: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
    """All gates at once, but *two* products a step: r multiplies the state's part of n, not the input's."""
    h, states = h0, []
    for x_t in x:
        h = gru_pointwise(torch.addmm(b_xh, x_t, W_xh.T), torch.addmm(b_hh, h, W_hh.T), h)
        states.append(h)
    return torch.stack(states)


def hoisted_gru(x: Tensor, h0: Tensor, W_xh: Tensor, W_hh: Tensor, b_xh: Tensor, b_hh: Tensor) -> Tensor:
    """All input projections before the loop: one product a step."""
    return gru_loop(gru_step, torch.nn.functional.linear(x, W_xh, b_xh), h0, W_hh, b_hh)


def gru_loop(step: Callable[..., Tensor], projected: Tensor, h0: Tensor, W_hh: Tensor, b_hh: Tensor) -> Tensor:
    """Run ``step`` over the projections (T, N, 3H); all states (T, N, H)."""
    h, states, turned = h0, [], W_hh.T
    for a in projected.unbind(0):
        h = step(a, h, turned, b_hh)
        states.append(h)
    return torch.stack(states)


def gru_step(a: Tensor, h: Tensor, turned: Tensor, b_hh: Tensor) -> Tensor:
    """One step from the input's part (N, 3H) of the sums; ``turned`` is ``W_hh.T``."""
    return gru_pointwise(a, torch.addmm(b_hh, h, turned), h)


def gru_pointwise(from_x: Tensor, from_h: Tensor, h: Tensor) -> Tensor:
    """What is entry by entry: from both parts (N, 3H) of the sums to the new state (N, H)."""
    H = h.shape[1]
    r, z = torch.sigmoid(from_x[:, : 2 * H] + from_h[:, : 2 * H]).chunk(2, dim=1)
    n = torch.tanh(from_x[:, 2 * H :] + r * from_h[:, 2 * H :])
    return n + z * (h - n)


VIEWS = {
    "t", "transpose", "permute", "view", "_unsafe_view", "unsafe_view", "slice", "select", "split", "chunk", "unbind",
    "detach", "expand", "alias", "unsqueeze", "squeeze", "as_strided", "empty", "empty_like", "new_empty",
    "unsafe_split", "split_with_sizes", "is_same_size", "new_empty_strided", "_reshape_alias",
}  # fmt: skip
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "mv", "addmv"}


class Launches(TorchDispatchMode):
    """Counts the operators that compute something, inside its ``with`` block.

    Views and allocations launch nothing and are left out. On a GPU each of the others is at least one
    kernel launch, so the count holds for a GPU although it is made anywhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.products = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Count one operator, and run it."""
        name = func.overloadpacket.__name__
        self.count += name not in VIEWS
        self.products += name in PRODUCTS
        return func(*args, **(kwargs or {}))
