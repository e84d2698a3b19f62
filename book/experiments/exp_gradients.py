"""How the gradient of the answer travels back through each cell, before, during and after training.

The task is the adding problem of ``exp_adding.py``. For every state h_t (for the LSTM, both states)
the norm of the gradient of the answer is taken, as a geometric mean over 64 unseen sequences: at the
start, after 100 updates (as Arjovsky, Shah and Bengio 2016, figure 4), and at the end of training.

    python book/experiments/exp_gradients.py
"""

from __future__ import annotations

import numpy as np
import torch
from exp_adding import RATES, SOLVED, batches, sequences
from runs import CELLS, Experiment, Network, Result, Setting, Size, fit, make_cell, to
from torch import nn

EXAMPLES, EARLY = 64, 100


def norms(network: Network, x: torch.Tensor) -> list[float]:
    """Mean over examples of log10 of the norm of d answer / d state at t = 1 ... T, (T,)."""
    state, states = None, []
    network.train()  # cuDNN computes gradients in this mode only
    with torch.enable_grad():
        for x_t in x.split(1):
            _, state = network.cell(x_t, state)
            parts = state if isinstance(state, tuple) else (state,)
            for part in parts:
                part.retain_grad()
            states.append(parts)
        network.output(states[-1][0][-1]).sum().backward()  # a last cell state has no part in it
    network.zero_grad()
    grads = [[part.grad[0].double() for part in parts if part.grad is not None] for parts in states]
    squared = [sum(grad.square().sum(1) for grad in parts) for parts in grads]
    return [round(float(0.5 * torch.log10(s.clamp_min(1e-60)).mean()), 3) for s in squared]


def plan(size: Size) -> list[Setting]:
    """Four cells at one length."""
    if size == "quick":
        return [{"seq_len": 8, "cell": cell, "hidden_size": 8, "updates": 10} for cell in CELLS]
    settings = [{"seq_len": 50, "cell": cell, "hidden_size": 32, "updates": 2000} for cell in CELLS]
    if size == "full":
        settings += [{"seq_len": 400, "cell": cell, "hidden_size": 128, "updates": 10_000} for cell in CELLS]
    return settings


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """Train as in the adding problem, and look at the gradients three times."""
    torch.manual_seed(seed)
    seq_len, cell, updates = setting["seq_len"], setting["cell"], setting["updates"]
    x, answer = to(device, *sequences(np.random.default_rng(10_000 + seed), seq_len, 1000))
    network = Network(make_cell(cell, 2, setting["hidden_size"]), 1).to(device)
    every = max(1, updates // 40)
    looked: dict[str, list[float]] = {}
    mse, calls = nn.functional.mse_loss, 0

    def measure() -> float:
        nonlocal calls
        name = {0: "start", EARLY: "early"}.get(calls * every)
        if name:
            looked[name] = norms(network, x[:, :EXAMPLES])
        calls += 1
        return mse(network(x), answer).item()

    draw = batches(np.random.default_rng(seed), seq_len, updates, device)
    curve = fit(network, draw, mse, measure, lr=RATES[cell], every=every, solved=SOLVED)
    looked["end"] = norms(network, x[:, :EXAMPLES])
    looked.setdefault("early", looked["end"])  # a quick run is over by then
    back = {f"decades_{name}": round(found[-1] - found[0], 3) for name, found in looked.items()}
    return {"mse": curve[-1][1]} | back | {"log10_norms": looked}


METRICS = ("decades_start", "decades_early", "decades_end", "mse")
EXPERIMENT = Experiment("exp_gradients", __doc__, plan, run, METRICS)

if __name__ == "__main__":
    EXPERIMENT.main()
