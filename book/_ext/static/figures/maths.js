// What the interactive figures compute. Belongs here: numbers from numbers, without a document.
// Tested against the course's own NumPy code (tests/site/test_interactive.py).
// Vectors are arrays, matrices arrays of rows; shapes are those of the book.

export const sigmoid = (a) => (a >= 0 ? 1 / (1 + Math.exp(-a)) : Math.exp(a) / (1 + Math.exp(a)));

/** The product of a matrix (rows, columns) and a vector (columns,). */
export const times = (W, v) => W.map((row) => row.reduce((sum, w, k) => sum + w * v[k], 0));

/** The product of a row vector (rows,) and a matrix (rows, columns). */
export const rowTimes = (v, W) => W[0].map((_, k) => v.reduce((sum, value, i) => sum + value * W[i][k], 0));

const length = (v) => Math.hypot(...v);

/**
 * States and gradients of the one-unit network h = tanh(wx x + wh h + b), with the loss
 * half the sum of (h - k)^2. Lists run over the steps, step 1 first.
 */
export function scalarNetwork({ x, k, wx = 1, wh, b = 0, h0 }) {
  const h = [];
  for (const value of x) h.push(Math.tanh(wx * value + wh * (h.at(-1) ?? h0) + b));
  const dh = [], da = [], part = [];
  let fromNext = 0;
  for (let t = x.length - 1; t >= 0; t--) {
    dh[t] = h[t] - k[t] + fromNext;
    da[t] = dh[t] * (1 - h[t] ** 2);
    part[t] = da[t] * (t > 0 ? h[t - 1] : h0);
    fromNext = da[t] * wh;
  }
  const loss = h.reduce((sum, value, t) => sum + (value - k[t]) ** 2 / 2, 0);
  return { h, dh, da, part, loss, dh0: fromNext, dwh: part.reduce((a, c) => a + c, 0) };
}

/** States (T, H) of h_t = tanh(x_t + W h_{t-1}) from h_0 = 0; x is (T, H). */
export function tanhStates(W, x) {
  const states = [];
  let h = W.map(() => 0);
  for (const input of x) {
    h = times(W, h).map((value, i) => Math.tanh(value + input[i]));
    states.push(h);
  }
  return states;
}

/** Length of the gradient k = 0, 1, ..., T steps back from the last state, where it is `last` (H,). */
export function gradientNorms(last, states, W) {
  const norms = [length(last)];
  let dh = last;
  for (const h of [...states].reverse()) {
    dh = rowTimes(dh.map((value, i) => value * (1 - h[i] ** 2)), W);
    norms.push(length(dh));
  }
  return norms;
}

/** Cell state and hidden state of one LSTM unit whose gates are given for each step. */
export function handGates({ f, i, g, o }, c0 = 0) {
  const c = [], h = [];
  f.forEach((keep, t) => {
    c.push(keep * (t > 0 ? c[t - 1] : c0) + i[t] * g[t]);
    h.push(o[t] * Math.tanh(c[t]));
  });
  return { c, h };
}

/**
 * The GRU's candidate in both forms, stage by stage, from h (H,), r (H,), W = W_hn (H, H),
 * b = b_hn (H,) and the input's part (H,). In the form "before" the bias is not gated.
 */
export function gruCandidates({ h, r, W, b, fromInput }) {
  const gatedState = h.map((value, k) => r[k] * value);
  const beforeSum = times(W, gatedState).map((value, k) => value + b[k]);
  const product = times(W, h).map((value, k) => value + b[k]);
  const gatedProduct = product.map((value, k) => r[k] * value);
  const finish = (sum) => sum.map((value, k) => Math.tanh(value + fromInput[k]));
  return { gatedState, beforeSum, before: finish(beforeSum), product, gatedProduct, after: finish(gatedProduct) };
}

/** Where each character's row is in the weights of the trained cell; unknown ones have the last row. */
export function rowsOf(codes, text) {
  const place = new Map(codes.map((code, row) => [code, row]));
  return [...text].map((character) => place.get(character.codePointAt(0)) ?? codes.length - 1);
}

/**
 * Gates i, f, g, o and states c, h (T, H each) of the trained LSTM over a text, and the class
 * with the highest score after each character.
 */
export function readText({ codes, W_xh, W_hh, b, W_hy, b_y }, text) {
  const size = W_hh[0].length;
  const read = { i: [], f: [], g: [], o: [], c: [], h: [], answer: [] };
  let h = Array(size).fill(0), c = Array(size).fill(0);
  for (const row of rowsOf(codes, text)) {
    const sums = times(W_hh, h).map((value, k) => value + W_xh[row][k] + b[k]);
    const gate = (number, squash) => sums.slice(number * size, (number + 1) * size).map(squash);
    const i = gate(0, sigmoid), f = gate(1, sigmoid), g = gate(2, Math.tanh), o = gate(3, sigmoid);
    c = c.map((value, k) => f[k] * value + i[k] * g[k]);
    h = c.map((value, k) => o[k] * Math.tanh(value));
    const scores = times(W_hy, h).map((value, k) => value + b_y[k]);
    read.answer.push(scores.indexOf(Math.max(...scores)));
    for (const [name, values] of Object.entries({ i, f, g, o, c, h })) read[name].push(values);
  }
  return read;
}
