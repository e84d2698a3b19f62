"""RNN, GRU and LSTM in NumPy, forwards and backwards, as fast as NumPy allows.

Belongs here: the layers of the chapters with the same arguments, results and numbers, written for
speed. What is done, everywhere:

- all input projections are one matrix product before the loop, all gradients of weights and inputs
  are one product each after it; the loop holds one product a step and no loop over the batch;
- inside the loop nothing is allocated: every operation writes into an array made before it;
- a sigmoid is half a tanh, ``sigmoid(a) = (1 + tanh(a / 2)) / 2``. The weights of the gates are
  halved beforehand (exact in floating point), and one tanh serves all blocks of a step;
- factors of the backward pass that depend on saved values only are computed for all steps at once.

The dtype of ``x`` (float64 or float32) is that of the results.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]


def rnn_forward(x: Array, h0: Array, W_xh: Array, W_hh: Array, b_h: Array) -> Array:
    """All states (T, N, H) of a tanh RNN (the book's eq-rnn-cell).

    Parameters
    ----------
    x, h0
        Inputs (T, N, D) and the state before the first step (N, H).
    W_xh, W_hh, b_h
        Weights (H, D), (H, H) and (H,).
    """
    T, N, D = x.shape
    states = np.matmul(x.reshape(T * N, D), W_xh.T).reshape(T, N, -1)
    states += b_h
    turned, recurrent = W_hh.T, np.empty_like(states[0])
    h = h0
    for state in states:  # row t holds the projection of x_t, then h_t
        np.dot(h, turned, out=recurrent)
        state += recurrent
        h = np.tanh(state, out=state)
    return states


def rnn_backward(
    dh_out: Array, dh_last: Array, x: Array, h0: Array, h: Array, W_xh: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Gradients dx, dh0, dW_xh, dW_hh, db_h of :func:`rnn_forward`.

    Parameters
    ----------
    dh_out, dh_last
        What arrives at every state (T, N, H), and at the last one besides (N, H).
    """
    da = 1 - h**2
    dh = np.array(dh_last, dtype=x.dtype)
    for t in reversed(range(len(h))):
        dh += dh_out[t]
        da[t] *= dh
        np.dot(da[t], W_hh, out=dh)
    return *_summed(da, x, W_xh, dh), _recurrent(da, h0, h), _rows_sum(da)


def lstm_forward(x: Array, h0: Array, c0: Array, W_xh: Array, W_hh: Array, b: Array) -> tuple[Array, Array, Array]:
    """The states h and c (T, N, H) and the gates i, f, g, o (T, N, 4H) of an LSTM (eq-lstm-stacked).

    Parameters
    ----------
    x, h0, c0
        Inputs (T, N, D) and the states before the first step (N, H).
    W_xh, W_hh, b
        Weights (4H, D), (4H, H) and (4H,).
    """
    T, N, D = x.shape
    H = h0.shape[1]
    scale = np.full(4 * H, 0.5, dtype=x.dtype)
    scale[2 * H : 3 * H] = 1  # the candidate is a tanh as it stands
    shift = 1 - scale
    shift[2 * H : 3 * H] = 0
    gates = np.matmul(x.reshape(T * N, D), (W_xh * scale[:, None]).T).reshape(T, N, 4 * H)
    gates += b * scale
    turned = (W_hh * scale[:, None]).T
    h, c = np.empty((2, T, N, H), dtype=x.dtype)
    recurrent, written = np.empty_like(gates[0]), np.empty_like(h[0])
    h_t, c_t = h0, c0
    for t in range(T):
        a = gates[t]
        np.dot(h_t, turned, out=recurrent)
        a += recurrent
        np.tanh(a, out=a)
        a *= scale
        a += shift
        np.multiply(a[:, H : 2 * H], c_t, out=c[t])
        np.multiply(a[:, :H], a[:, 2 * H : 3 * H], out=written)
        c_t = np.add(c[t], written, out=c[t])
        np.tanh(c_t, out=written)
        h_t = np.multiply(a[:, 3 * H :], written, out=h[t])
    return h, c, gates


def lstm_backward(
    dh: Array, dc_T: Array, x: Array, h0: Array, c0: Array, h: Array, c: Array, gates: Array, W_xh: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Gradients dx, dh0, dc0, dW_xh, dW_hh, db of :func:`lstm_forward` (the book's eq-lstm-da).

    Parameters
    ----------
    dh, dc_T
        What arrives at every h (T, N, H), and at the last c (N, H).
    h, c, gates
        What :func:`lstm_forward` returned.
    """
    T, N, H = h.shape
    da, through = _lstm_slopes(c0, c, gates)
    blocks, forget = da.reshape(T, N, 4, H), gates[:, :, H : 2 * H]
    dh_t, dc_t, part = np.zeros_like(h[0]), np.array(dc_T, dtype=x.dtype), np.empty_like(h[0])
    for t in reversed(range(T)):
        dh_t += dh[t]
        dc_t += np.multiply(dh_t, through[t], out=part)
        blocks[t, :, :3] *= dc_t[:, None]
        blocks[t, :, 3] *= dh_t
        dc_t *= forget[t]
        np.dot(da[t], W_hh, out=dh_t)
    dx, dh0, dW_xh = _summed(da, x, W_xh, dh_t)
    return dx, dh0, dc_t, dW_xh, _recurrent(da, h0, h), _rows_sum(da)


def _lstm_slopes(c0: Array, c: Array, gates: Array) -> tuple[Array, Array]:
    """What dc_t (for i, f, g) or dh_t (for o) is multiplied by (T, N, 4H), and dh_t on its way to dc_t (T, N, H)."""
    H = c.shape[2]
    shown = np.tanh(c)
    slopes = np.subtract(1, gates)
    slopes *= gates  # a (1 - a), right for the three sigmoids
    i, g, o = (gates[:, :, k * H : (k + 1) * H] for k in (0, 2, 3))
    slopes[:, :, :H] *= g
    slopes[1:, :, H : 2 * H] *= c[:-1]
    slopes[0, :, H : 2 * H] *= c0
    slopes[:, :, 3 * H :] *= shown
    candidate = slopes[:, :, 2 * H : 3 * H]
    np.multiply(g, g, out=candidate)
    np.subtract(1, candidate, out=candidate)
    candidate *= i
    np.multiply(shown, shown, out=shown)
    np.subtract(1, shown, out=shown)
    shown *= o
    return slopes, shown


def gru_forward(x: Array, h0: Array, W_xh: Array, W_hh: Array, b: Array) -> tuple[Array, Array]:
    """All states (T, N, H) and gates r, z, n (T, N, 3H) of the GRU that resets *before* the product.

    The candidate's product needs ``r * h``, so a step has two products, one after the other.

    Parameters
    ----------
    x, h0
        Inputs (T, N, D) and the state before the first step (N, H).
    W_xh, W_hh, b
        Weights (3H, D), (3H, H) and (3H,).
    """
    gates, W_rz, W_n = _gru_projected(x, W_xh, W_hh, b)
    T, N, H = *gates.shape[:2], h0.shape[1]
    states = np.empty((T, N, H), dtype=x.dtype)
    recurrent, part = np.empty((N, 2 * H), dtype=x.dtype), np.empty((N, H), dtype=x.dtype)
    h = h0
    for t in range(T):
        rz, n = gates[t, :, : 2 * H], gates[t, :, 2 * H :]
        np.dot(h, W_rz, out=recurrent)
        _half_tanh(rz, recurrent)
        np.multiply(rz[:, :H], h, out=part)
        n += np.dot(part, W_n)
        np.tanh(n, out=n)
        h = _mixed(rz[:, H:], n, h, states[t])
    return states, gates


def gru_backward(dh: Array, x: Array, h0: Array, h: Array, gates: Array, W_xh: Array, W_hh: Array) -> tuple[Array, ...]:
    """Gradients dx, dh0, dW_xh, dW_hh, db of :func:`gru_forward`; ``dh`` (T, N, H) arrives at the states."""
    T, N, H = h.shape
    before = _before(h0, h)
    r, z = gates[:, :, :H], gates[:, :, H : 2 * H]
    da = _gru_slopes(before, gates, before)
    W_rz, W_n = W_hh[: 2 * H], W_hh[2 * H :]
    dh_t, reset = np.zeros_like(h[0]), np.empty_like(h[0])
    for t in reversed(range(T)):
        dh_t += dh[t]
        blocks = da[t].reshape(N, 3, H)
        blocks[:, 1:] *= dh_t[:, None]
        np.dot(blocks[:, 2], W_n, out=reset)  # what reaches r * h
        blocks[:, 0] *= reset
        dh_t *= z[t]
        reset *= r[t]
        dh_t += reset
        dh_t += np.dot(da[t, :, : 2 * H], W_rz)
    dx, dh0, dW_xh = _summed(da, x, W_xh, dh_t)
    rows = da.reshape(T * N, 3 * H)
    dW_rz = rows[:, : 2 * H].T @ before.reshape(T * N, H)
    dW_n = rows[:, 2 * H :].T @ (r * before).reshape(T * N, H)
    return dx, dh0, dW_xh, np.concatenate([dW_rz, dW_n]), _rows_sum(da)


def gru_forward_reset_after(
    x: Array, h0: Array, W_xh: Array, W_hh: Array, b_xh: Array, b_hh: Array
) -> tuple[Array, Array, Array]:
    """All states (T, N, H), gates r, z, n (T, N, 3H) and q (T, N, H) of PyTorch's GRU.

    ``q`` is ``h_prev @ W_hn.T + b_hn``, what the reset gate multiplies. The biases of r and z can be
    added to the projections before the loop; ``b_hn`` cannot, because r multiplies it.
    """
    H = h0.shape[1]
    outside = b_xh.astype(x.dtype)
    outside[: 2 * H] += b_hh[: 2 * H]
    gates, W_rz, W_n = _gru_projected(x, W_xh, W_hh, outside)
    turned, b_hn = np.concatenate([W_rz.T, W_n.T]).T, b_hh[2 * H :].astype(x.dtype)
    T, N = x.shape[:2]
    states, q = np.empty((2, T, N, H), dtype=x.dtype)
    recurrent, part = np.empty((N, 3 * H), dtype=x.dtype), np.empty((N, H), dtype=x.dtype)
    h = h0
    for t in range(T):
        rz, n = gates[t, :, : 2 * H], gates[t, :, 2 * H :]
        np.dot(h, turned, out=recurrent)
        np.add(recurrent[:, 2 * H :], b_hn, out=q[t])
        _half_tanh(rz, recurrent[:, : 2 * H])
        n += np.multiply(rz[:, :H], q[t], out=part)
        np.tanh(n, out=n)
        h = _mixed(rz[:, H:], n, h, states[t])
    return states, gates, q


def gru_backward_reset_after(
    dh: Array, x: Array, h0: Array, h: Array, gates: Array, q: Array, W_xh: Array, W_hh: Array
) -> tuple[Array, ...]:
    """Gradients dx, dh0, dW_xh, dW_hh, db_xh, db_hh of :func:`gru_forward_reset_after`."""
    T, N, H = h.shape
    r, z = gates[:, :, :H], gates[:, :, H : 2 * H]
    da = _gru_slopes(_before(h0, h), gates, q)
    da[:, :, :H] *= da[:, :, 2 * H :]  # r is reached through the candidate's sum
    from_h = da.copy()  # what passes through W_hh: the candidate's part is reset
    from_h[:, :, 2 * H :] *= r
    dh_t, part = np.zeros_like(h[0]), np.empty_like(h[0])
    for t in reversed(range(T)):
        dh_t += dh[t]
        blocks = from_h[t].reshape(N, 3, H)
        blocks *= dh_t[:, None]
        np.dot(from_h[t], W_hh, out=part)
        da[t, :, 2 * H :] *= dh_t
        dh_t *= z[t]
        dh_t += part
    da[:, :, : 2 * H] = from_h[:, :, : 2 * H]
    dx, dh0, dW_xh = _summed(da, x, W_xh, dh_t)
    return dx, dh0, dW_xh, _recurrent(from_h, h0, h), _rows_sum(da), _rows_sum(from_h)


def _gru_projected(x: Array, W_xh: Array, W_hh: Array, b: Array) -> tuple[Array, Array, Array]:
    """Projections of all steps (T, N, 3H), and W_hh's blocks (H, 2H), (H, H) turned; r and z halved."""
    (T, N, D), H = x.shape, W_hh.shape[1]
    scale = np.ones(3 * H, dtype=x.dtype)
    scale[: 2 * H] = 0.5
    gates = np.matmul(x.reshape(T * N, D), (W_xh * scale[:, None]).T).reshape(T, N, 3 * H)
    gates += b * scale
    return gates, (0.5 * W_hh[: 2 * H]).T, W_hh[2 * H :].T


def _half_tanh(a: Array, recurrent: Array) -> None:
    """Turn halved sums into sigmoids, in place."""
    a += recurrent
    np.tanh(a, out=a)
    a *= 0.5
    a += 0.5


def _mixed(z: Array, n: Array, h: Array, out: Array) -> Array:
    """``(1 - z) n + z h``, as ``n + z (h - n)``, into ``out``."""
    np.subtract(h, n, out=out)
    out *= z
    out += n
    return out


def _gru_slopes(before: Array, gates: Array, reset: Array) -> Array:
    """Slopes (T, N, 3H): of z and n by dh_t, and of r by what reaches the product that r scales (``reset``)."""
    H = before.shape[2]
    z, n = (gates[:, :, k * H : (k + 1) * H] for k in (1, 2))
    slopes = np.subtract(1, gates)
    slopes[:, :, : 2 * H] *= gates[:, :, : 2 * H]
    slopes[:, :, :H] *= reset
    slopes[:, :, H : 2 * H] *= before - n
    candidate = slopes[:, :, 2 * H :]
    np.multiply(n, n, out=candidate)
    np.subtract(1, candidate, out=candidate)
    candidate *= 1 - z
    return slopes


def _before(h0: Array, h: Array) -> Array:
    """The state before each step (T, N, H)."""
    return np.concatenate([h0[None], h[:-1]])


def _summed(da: Array, x: Array, W_xh: Array, dh0: Array) -> tuple[Array, Array, Array]:
    """dx, dh0, dW_xh: one product each for all steps and examples."""
    T, N, D = x.shape
    rows = da.reshape(T * N, -1)
    return (rows @ W_xh).reshape(T, N, D), dh0, rows.T @ x.reshape(T * N, D)


def _recurrent(da: Array, h0: Array, h: Array) -> Array:
    """dW_hh: the first step reads h0, all others the step before."""
    T, N, H = h.shape
    rows, states = da.reshape(T * N, -1), h.reshape(T * N, H)
    first = rows[:N].T @ h0
    return np.add(first, rows[N:].T @ states[:-N], out=first)


def _rows_sum(da: Array) -> Array:
    """The sum over steps and examples, as a product, which is faster than ``sum``."""
    rows = da.reshape(-1, da.shape[2])
    return np.ones(len(rows), dtype=da.dtype) @ rows
