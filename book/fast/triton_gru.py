"""A persistent GRU in Triton, forwards and backwards: ``triton_lstm`` with three blocks.

Belongs here: what differs. There is one state, which is also what the update gate keeps; the reset
gate multiplies the candidate's recurrent sum *with its bias* (reset after the product, as in cuDNN
and ``nn.GRU``), so ``b_hn`` comes to the kernel by itself, and the sum ``q`` is kept for the way back.
"""

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from fast.launch import Plan, plan
from fast.triton_parts import grid_barrier, options, processors, sigmoid, summed, tanh


@triton.jit
def gru_forward_kernel(
    projected, W_hh, b_hn, h_before, h, q, gates, counters,
    first_tile, begin, end, N, H,
    MODE: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_U: tl.constexpr, BLOCK_K: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, SAVE: tl.constexpr,
):  # fmt: skip
    """Steps ``begin`` to ``end`` of one tile of sequences and one slice of hidden units.

    ``projected`` and ``gates`` are (T, N, 3H), ``h`` and ``q`` (T, N, H), ``b_hn`` (H,);
    ``h_before`` (N, H) is the state before step ``begin``.
    """
    tile, per_step = first_tile + tl.program_id(1), tl.cast(N, tl.int64) * H
    rows = tile * BLOCK_N + tl.arange(0, BLOCK_N)[:, None]
    units = tl.program_id(0) * BLOCK_U + tl.arange(0, BLOCK_U)[None, :]
    every = tl.arange(0, BLOCK_K)
    own, own_at, gate_at = (rows < N) & (units < H), rows * H + units, rows * 3 * H + units
    seen, seen_at = (rows < N) & (every[None, :] < H), rows * H + every[None, :]

    held, held_at, block = (every[:, None] < H) & (units < H), units * H + every[:, None], H * H
    W_r = tl.load(W_hh + held_at, mask=held, other=0.0)
    W_z = tl.load(W_hh + block + held_at, mask=held, other=0.0)
    W_n = tl.load(W_hh + 2 * block + held_at, mask=held, other=0.0)
    inside = tl.load(b_hn + units, mask=units < H, other=0.0).to(ACC)

    h_t = tl.load(h_before + seen_at, mask=seen, other=0.0)
    kept = tl.load(h_before + own_at, mask=own, other=0.0).to(ACC)  # this slice's part of the state
    for t in range(begin, end):
        P = projected + t * per_step * 3 + gate_at
        a_r = summed(P, own, h_t, W_r, ACC, PRECISION)
        a_z = summed(P + H, own, h_t, W_z, ACC, PRECISION)
        q_t = inside + tl.dot(h_t, W_n, input_precision=PRECISION)
        r, z = sigmoid(a_r), sigmoid(a_z)
        n = tanh(tl.load(P + 2 * H, mask=own, other=0.0).to(ACC) + r * q_t)
        new = (n + z * (kept - n)).to(h.dtype.element_ty)
        kept = new.to(ACC)
        here = t * per_step
        tl.store(h + here + own_at, new, mask=own)
        if SAVE:
            G = gates + here * 3 + gate_at
            tl.store(q + here + own_at, q_t, mask=own)
            tl.store(G, r, mask=own)
            tl.store(G + H, z, mask=own)
            tl.store(G + 2 * H, n, mask=own)
        if MODE == 0:  # ALONE
            h_t = new
        elif MODE == 1:  # BARRIER
            grid_barrier(counters + tile, tl.num_programs(0) * (t - begin + 1))
            h_t = tl.load(h + here + seen_at, mask=seen, other=0.0, cache_modifier=".cg")


@triton.jit
def gru_through_weights(
    da, dq, gate_seen_at, seen_at, seen, H, W_r, W_z, W_n, PRECISION: tl.constexpr
):  # fmt: skip
    """What reaches this slice's units of the state of the step before: da_r, da_z and dq times W_hh."""
    da_r = tl.load(da + gate_seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    da_z = tl.load(da + H + gate_seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    dq_t = tl.load(dq + seen_at, mask=seen, other=0.0, cache_modifier=".cg")
    found = tl.dot(da_r, W_r, input_precision=PRECISION) + tl.dot(da_z, W_z, input_precision=PRECISION)
    return found + tl.dot(dq_t, W_n, input_precision=PRECISION)


@triton.jit
def gru_backward_kernel(
    dh, dh_state, W_hh, h0, h, q, gates, da, dq, counters,
    first_tile, begin, end, T, N, H,
    MODE: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_U: tl.constexpr, BLOCK_K: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Steps ``end - 1`` down to ``begin``: ``da`` (T, N, 3H) of the sums, ``dq`` (T, N, H) of q.

    ``dh`` (T, N, H) arrives at the states from outside. ``dh_state`` (N, H) is what the update gate
    hands straight back to the state before step ``begin``; zeros at first.
    """
    tile, per_step = first_tile + tl.program_id(1), tl.cast(N, tl.int64) * H
    rows = tile * BLOCK_N + tl.arange(0, BLOCK_N)[:, None]
    units = tl.program_id(0) * BLOCK_U + tl.arange(0, BLOCK_U)[None, :]
    every = tl.arange(0, BLOCK_K)
    own, own_at, gate_at = (rows < N) & (units < H), rows * H + units, rows * 3 * H + units
    seen, seen_at = (rows < N) & (every[None, :] < H), rows * H + every[None, :]
    gate_seen_at = rows * 3 * H + every[None, :]

    held, held_at, block = (every[:, None] < H) & (units < H), every[:, None] * H + units, H * H
    W_r = tl.load(W_hh + held_at, mask=held, other=0.0)
    W_z = tl.load(W_hh + block + held_at, mask=held, other=0.0)
    W_n = tl.load(W_hh + 2 * block + held_at, mask=held, other=0.0)

    straight = tl.load(dh_state + own_at, mask=own, other=0.0).to(ACC)
    carried = tl.zeros((BLOCK_N, BLOCK_U), dtype=ACC)
    if MODE == 2 and end < T:  # STEPWISE: an earlier launch has written what the step after sends back
        after = end * per_step
        carried = gru_through_weights(
            da + after * 3, dq + after, gate_seen_at, seen_at, seen, H, W_r, W_z, W_n, PRECISION
        )
    for back in range(0, end - begin):
        t = end - 1 - back
        here = t * per_step
        G = gates + here * 3 + gate_at
        r, z = tl.load(G, mask=own, other=0.0).to(ACC), tl.load(G + H, mask=own, other=0.0).to(ACC)
        n = tl.load(G + 2 * H, mask=own, other=0.0).to(ACC)
        q_t = tl.load(q + here + own_at, mask=own, other=0.0).to(ACC)
        earlier = tl.load(h + here - per_step + own_at, mask=own & (t > 0), other=0.0)
        h_prev = earlier.to(ACC) + tl.load(h0 + own_at, mask=own & (t == 0), other=0.0).to(ACC)
        dh_t = tl.load(dh + here + own_at, mask=own, other=0.0).to(ACC) + straight + carried
        dn = dh_t * (1 - z) * (1 - n * n)
        da_r = (dn * q_t * r * (1 - r)).to(da.dtype.element_ty)
        da_z = (dh_t * (h_prev - n) * z * (1 - z)).to(da.dtype.element_ty)
        dq_t = (dn * r).to(dq.dtype.element_ty)
        A = da + here * 3 + gate_at
        tl.store(A, da_r, mask=own)
        tl.store(A + H, da_z, mask=own)
        tl.store(A + 2 * H, dn, mask=own)
        tl.store(dq + here + own_at, dq_t, mask=own)
        straight = dh_t * z
        if MODE == 0:  # ALONE
            carried = tl.dot(da_r, W_r, input_precision=PRECISION) + tl.dot(da_z, W_z, input_precision=PRECISION)
            carried += tl.dot(dq_t, W_n, input_precision=PRECISION)
        elif MODE == 1:  # BARRIER
            grid_barrier(counters + tile, tl.num_programs(0) * (back + 1))
            carried = gru_through_weights(
                da + here * 3, dq + here, gate_seen_at, seen_at, seen, H, W_r, W_z, W_n, PRECISION
            )
    tl.store(dh_state + own_at, straight, mask=own)


class PersistentGRU(torch.autograd.Function):
    """All states of a GRU from its input projections, by the two kernels."""

    @staticmethod
    def forward(ctx, projected, W_hh, b_hn, h0, how: Plan, allow_tf32: bool = False, save: bool = True):
        """``h`` (T, N, H) from ``projected`` (T, N, 3H), ``W_hh`` (3H, H), ``b_hn`` (H,) and ``h0`` (N, H)."""
        T, N, H = *projected.shape[:2], h0.shape[1]
        projected, W_hh, b_hn, h0 = (v.contiguous() for v in (projected, W_hh, b_hn, h0))
        h = projected.new_empty(T, N, H)
        q = projected.new_empty(T if save else 0, N, H)
        gates = projected.new_empty(T if save else 0, N, 3 * H)
        counters = torch.zeros(how.tiles, dtype=torch.int32, device=h.device)
        compiled = options(how, h.dtype, allow_tf32, blocks=3)
        for first, tiles, begin, end in how.launches(T):
            gru_forward_kernel[(how.slices, tiles)](
                projected, W_hh, b_hn, h0 if begin == 0 else h[begin - 1], h, q, gates, counters,
                first, begin, end, N, H, SAVE=save, **compiled,
            )  # fmt: skip
        ctx.save_for_backward(W_hh, h0, h, q, gates)
        ctx.how, ctx.allow_tf32 = how, allow_tf32
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx, dh):
        """Gradients of the projections, the weight, ``b_hn`` and the first state."""
        W_hh, h0, h, q, gates = ctx.saved_tensors
        T, N, H = h.shape
        dh = dh.contiguous()
        dh_state = torch.zeros(N, H, dtype=torch.promote_types(h.dtype, torch.float32), device=h.device)
        da, dq = torch.empty_like(gates), torch.empty_like(q)
        counters = torch.zeros(ctx.how.tiles, dtype=torch.int32, device=h.device)
        compiled = options(ctx.how, h.dtype, ctx.allow_tf32, blocks=3)
        for first, tiles, begin, end in reversed(list(ctx.how.launches(T))):
            gru_backward_kernel[(ctx.how.slices, tiles)](
                dh, dh_state, W_hh, h0, h, q, gates, da, dq, counters,
                first, begin, end, T, N, H, **compiled,
            )  # fmt: skip
        from_h = torch.cat([da[:, :, : 2 * H], dq], dim=2).view(T * N, 3 * H)
        states = torch.cat([h0[None], h[:-1]]).view(T * N, H)
        dh0 = dh_state + from_h[:N] @ W_hh
        return da, from_h.T @ states, dq.sum(dim=(0, 1)), dh0.to(h0.dtype), None, None, None


def gru(x, h0, W_xh, W_hh, b_xh, b_hh, how: Plan | None = None, allow_tf32: bool = False):
    """One GRU layer, reset after the product, with its recurrent weights on the chip.

    Parameters
    ----------
    x, h0
        Inputs (T, N, D) and the first state (N, H).
    W_xh, W_hh, b_xh, b_hh
        Weights (3H, D), (3H, H) and (3H,) twice, blocks r, z, n.
    how, allow_tf32
        As for :func:`fast.triton_lstm.lstm`.

    Returns
    -------
    h
        All states (T, N, H).
    """
    N, H = h0.shape
    outside = b_xh + torch.cat([b_hh[: 2 * H], torch.zeros_like(b_hh[2 * H :])])
    projected = torch.nn.functional.linear(x, W_xh, outside)
    how = how or plan(N, H, x.element_size(), 3, processors(x.device))
    needed = torch.is_grad_enabled() and any(v.requires_grad for v in (projected, W_hh, b_hh, h0))
    return PersistentGRU.apply(projected, W_hh, b_hh[2 * H :], h0, how, allow_tf32, needed)
