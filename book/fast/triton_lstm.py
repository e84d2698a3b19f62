"""A persistent LSTM in Triton, forwards and backwards: the recurrent weights stay on the chip.

Belongs here: the two kernels and the autograd function around them. How they are cut into programs
is in ``launch``; the sigmoid, the tanh and the barrier that the GRU needs too are in ``triton_parts``.

The kernels take the input projections of all steps, made by one ordinary matrix product, and give
back the gradient of those. So the loop holds what is serial and nothing else: one product with
``W_hh`` and the arithmetic of the gates (the book's eq-lstm-stacked to eq-lstm-output).

Without a GPU the kernels run in Triton's interpreter: set ``TRITON_INTERPRET=1`` before the import.
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from fast.launch import Plan, plan
from fast.triton_parts import grid_barrier, options, processors, sigmoid, summed, tanh


@triton.jit
def lstm_forward_kernel(
    projected, W_hh, h_before, c_state, h, c, gates, counters,
    first_tile, begin, end, N, H,
    MODE: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_U: tl.constexpr, BLOCK_K: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, SAVE: tl.constexpr,
):  # fmt: skip
    """Steps ``begin`` to ``end`` of one tile of sequences and one slice of hidden units.

    ``projected`` and ``gates`` are (T, N, 4H), ``h`` and ``c`` (T, N, H); ``h_before`` and
    ``c_state`` (N, H) are the states before step ``begin``, and ``c_state`` holds the one after the
    last step in the end. With ``SAVE`` the gates and all c are kept for the backward pass.
    """
    tile, per_step = first_tile + tl.program_id(1), tl.cast(N, tl.int64) * H
    rows = tile * BLOCK_N + tl.arange(0, BLOCK_N)[:, None]
    units = tl.program_id(0) * BLOCK_U + tl.arange(0, BLOCK_U)[None, :]
    every = tl.arange(0, BLOCK_K)
    own, own_at, gate_at = (rows < N) & (units < H), rows * H + units, rows * 4 * H + units
    seen, seen_at = (rows < N) & (every[None, :] < H), rows * H + every[None, :]

    # The weights that turn the whole state into this slice's four sums, (BLOCK_K, BLOCK_U) each.
    held, held_at, block = (every[:, None] < H) & (units < H), units * H + every[:, None], H * H
    W_i = tl.load(W_hh + held_at, mask=held, other=0.0)
    W_f = tl.load(W_hh + block + held_at, mask=held, other=0.0)
    W_g = tl.load(W_hh + 2 * block + held_at, mask=held, other=0.0)
    W_o = tl.load(W_hh + 3 * block + held_at, mask=held, other=0.0)

    h_t = tl.load(h_before + seen_at, mask=seen, other=0.0)
    c_t = tl.load(c_state + own_at, mask=own, other=0.0).to(ACC)
    for t in range(begin, end):
        P = projected + t * per_step * 4 + gate_at
        a_i = summed(P, own, h_t, W_i, ACC, PRECISION)
        a_f = summed(P + H, own, h_t, W_f, ACC, PRECISION)
        a_g = summed(P + 2 * H, own, h_t, W_g, ACC, PRECISION)
        a_o = summed(P + 3 * H, own, h_t, W_o, ACC, PRECISION)
        i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)
        c_t = f * c_t + i * g
        new = (o * tanh(c_t)).to(h.dtype.element_ty)
        here = t * per_step
        tl.store(h + here + own_at, new, mask=own)
        if SAVE:
            G = gates + here * 4 + gate_at
            tl.store(c + here + own_at, c_t, mask=own)
            tl.store(G, i, mask=own)
            tl.store(G + H, f, mask=own)
            tl.store(G + 2 * H, g, mask=own)
            tl.store(G + 3 * H, o, mask=own)
        if MODE == 0:  # ALONE
            h_t = new
        elif MODE == 1:  # BARRIER
            grid_barrier(counters + tile, tl.num_programs(0) * (t - begin + 1))
            there = h + here + seen_at  # .cg: read it from the cache that all share
            h_t = tl.load(there, mask=seen, other=0.0, cache_modifier=".cg")
    tl.store(c_state + own_at, c_t, mask=own)


@triton.jit
def lstm_through_weights(da, seen_at, seen, H, W_i, W_f, W_g, W_o, PRECISION: tl.constexpr):
    """What reaches this slice's units of the state of the step before: the whole da_t times W_hh."""
    found = tl.dot(tl.load(da + seen_at, mask=seen, other=0.0, cache_modifier=".cg"), W_i, input_precision=PRECISION)
    da_f = tl.load(da + H + seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    da_g = tl.load(da + 2 * H + seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    da_o = tl.load(da + 3 * H + seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    found += tl.dot(da_f, W_f, input_precision=PRECISION)
    found += tl.dot(da_g, W_g, input_precision=PRECISION)
    found += tl.dot(da_o, W_o, input_precision=PRECISION)
    return found


@triton.jit
def lstm_backward_kernel(
    dh, dc_state, W_hh, c0, c, gates, da, counters,
    first_tile, begin, end, T, N, H,
    MODE: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_U: tl.constexpr, BLOCK_K: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Steps ``end - 1`` down to ``begin``: the gradient ``da`` (T, N, 4H) of the four sums.

    ``dh`` (T, N, H) is what arrives at the states from outside, ``dc_state`` (N, H) what arrives at
    the last c; in the end it holds what reaches the c before step ``begin`` (the book's eq-lstm-da).
    """
    tile, per_step = first_tile + tl.program_id(1), tl.cast(N, tl.int64) * H
    rows = tile * BLOCK_N + tl.arange(0, BLOCK_N)[:, None]
    units = tl.program_id(0) * BLOCK_U + tl.arange(0, BLOCK_U)[None, :]
    every = tl.arange(0, BLOCK_K)
    own, own_at, gate_at = (rows < N) & (units < H), rows * H + units, rows * 4 * H + units
    seen, seen_at = (rows < N) & (every[None, :] < H), rows * 4 * H + every[None, :]

    # The columns of W_hh that lead to this slice's units, (BLOCK_K, BLOCK_U) for each gate.
    held, held_at, block = (every[:, None] < H) & (units < H), every[:, None] * H + units, H * H
    W_i = tl.load(W_hh + held_at, mask=held, other=0.0)
    W_f = tl.load(W_hh + block + held_at, mask=held, other=0.0)
    W_g = tl.load(W_hh + 2 * block + held_at, mask=held, other=0.0)
    W_o = tl.load(W_hh + 3 * block + held_at, mask=held, other=0.0)

    dc = tl.load(dc_state + own_at, mask=own, other=0.0).to(ACC)
    carried = tl.zeros((BLOCK_N, BLOCK_U), dtype=ACC)
    if MODE == 2 and end < T:  # STEPWISE: an earlier launch has written the da of the step after
        carried = lstm_through_weights(da + end * per_step * 4, seen_at, seen, H, W_i, W_f, W_g, W_o, PRECISION)
    for back in range(0, end - begin):
        t = end - 1 - back
        here = t * per_step
        G = gates + here * 4 + gate_at
        i, f = tl.load(G, mask=own, other=0.0).to(ACC), tl.load(G + H, mask=own, other=0.0).to(ACC)
        g, o = tl.load(G + 2 * H, mask=own, other=0.0).to(ACC), tl.load(G + 3 * H, mask=own, other=0.0).to(ACC)
        shown = tanh(tl.load(c + here + own_at, mask=own, other=0.0).to(ACC))
        earlier = tl.load(c + here - per_step + own_at, mask=own & (t > 0), other=0.0)
        c_prev = earlier.to(ACC) + tl.load(c0 + own_at, mask=own & (t == 0), other=0.0).to(ACC)
        dh_t = tl.load(dh + here + own_at, mask=own, other=0.0).to(ACC) + carried
        dc += dh_t * o * (1 - shown * shown)
        da_i = (dc * g * i * (1 - i)).to(da.dtype.element_ty)
        da_f = (dc * c_prev * f * (1 - f)).to(da.dtype.element_ty)
        da_g = (dc * i * (1 - g * g)).to(da.dtype.element_ty)
        da_o = (dh_t * shown * o * (1 - o)).to(da.dtype.element_ty)
        A = da + here * 4
        tl.store(A + gate_at, da_i, mask=own)
        tl.store(A + H + gate_at, da_f, mask=own)
        tl.store(A + 2 * H + gate_at, da_g, mask=own)
        tl.store(A + 3 * H + gate_at, da_o, mask=own)
        dc = dc * f
        if MODE == 0:  # ALONE: a tile's sums are all here
            carried = tl.dot(da_i, W_i, input_precision=PRECISION) + tl.dot(da_f, W_f, input_precision=PRECISION)
            carried += tl.dot(da_g, W_g, input_precision=PRECISION) + tl.dot(da_o, W_o, input_precision=PRECISION)
        elif MODE == 1:  # BARRIER
            grid_barrier(counters + tile, tl.num_programs(0) * (back + 1))
            carried = lstm_through_weights(A, seen_at, seen, H, W_i, W_f, W_g, W_o, PRECISION)
    tl.store(dc_state + own_at, dc, mask=own)


class PersistentLSTM(torch.autograd.Function):
    """All states of an LSTM from its input projections, by the two kernels."""

    @staticmethod
    def forward(ctx, projected, W_hh, h0, c0, how: Plan, allow_tf32: bool = False, save: bool = True):
        """``h`` (T, N, H) and the last ``c`` (N, H) from ``projected`` (T, N, 4H), ``W_hh`` (4H, H), ``h0``, ``c0``."""
        T, N, H = *projected.shape[:2], h0.shape[1]
        wide = torch.promote_types(projected.dtype, torch.float32)
        projected, W_hh, h0 = projected.contiguous(), W_hh.contiguous(), h0.contiguous()
        h = projected.new_empty(T, N, H)
        c = projected.new_empty((T if save else 0, N, H), dtype=wide)
        gates = projected.new_empty(T if save else 0, N, 4 * H)
        c_state = c0.to(wide, copy=True).contiguous()
        counters = torch.zeros(how.tiles, dtype=torch.int32, device=h.device)
        compiled = options(how, h.dtype, allow_tf32, blocks=4)
        for first, tiles, begin, end in how.launches(T):
            before = h0 if begin == 0 else h[begin - 1]
            lstm_forward_kernel[(how.slices, tiles)](
                projected, W_hh, before, c_state, h, c, gates, counters,
                first, begin, end, N, H, SAVE=save, **compiled,
            )  # fmt: skip
        ctx.save_for_backward(W_hh, h0, c0.to(wide).contiguous(), h, c, gates)
        ctx.how, ctx.allow_tf32, ctx.dtypes = how, allow_tf32, (h0.dtype, c0.dtype)
        return h, c_state.to(c0.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, dh, dc_last):
        """Gradients of the projections, the weight and both first states."""
        W_hh, h0, c0, h, c, gates = ctx.saved_tensors
        T, N, H = h.shape
        dh = dh.contiguous()
        dc_state = dc_last.to(c.dtype, copy=True).contiguous()
        da = torch.empty_like(gates)
        counters = torch.zeros(ctx.how.tiles, dtype=torch.int32, device=h.device)
        compiled = options(ctx.how, h.dtype, ctx.allow_tf32, blocks=4)
        for first, tiles, begin, end in reversed(list(ctx.how.launches(T))):
            lstm_backward_kernel[(ctx.how.slices, tiles)](
                dh, dc_state, W_hh, c0, c, gates, da, counters,
                first, begin, end, T, N, H, **compiled,
            )  # fmt: skip
        states = torch.cat([h0[None], h[:-1]]).view(T * N, H)
        dW_hh = da.view(T * N, 4 * H).T @ states  # one product for all steps and sequences
        dh0 = da[0] @ W_hh
        return da, dW_hh, dh0.to(ctx.dtypes[0]), dc_state.to(ctx.dtypes[1]), None, None, None


def lstm(x, h0, c0, W_xh, W_hh, b, how: Plan | None = None, allow_tf32: bool = False):
    """One LSTM layer with its recurrent weights on the chip.

    Parameters
    ----------
    x, h0, c0
        Inputs (T, N, D) and first states (N, H): tensors on one GPU, or anywhere with the interpreter.
    W_xh, W_hh, b
        Weights (4H, D), (4H, H) and (4H,), of the dtype of ``x``: float32, bfloat16, float16 or float64.
    how
        How to cut it up; made by :func:`fast.launch.plan` if left out.
    allow_tf32
        Let float32 products run in TF32 on tensor cores, with 10 bits of mantissa.

    Returns
    -------
    h, c_T
        All hidden states (T, N, H) and the last cell state (N, H).
    """
    projected = torch.nn.functional.linear(x, W_xh, b)
    N, H = h0.shape
    how = how or plan(N, H, x.element_size(), 4, processors(x.device))
    needed = torch.is_grad_enabled() and any(v.requires_grad for v in (projected, W_hh, h0, c0))
    return PersistentLSTM.apply(projected, W_hh, h0, c0, how, allow_tf32, needed)
