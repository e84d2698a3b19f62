"""The linear network: how fast the slope of the gradient's logarithm comes to log rho(W).

For ``h_t = W h_{t-1} + x_t`` the Jacobian of h_T by h_{T-k} is W to the power k, whatever the
inputs. A random W of three kinds is scaled to a spectral radius, and the mean slope of log ||W^k||
is compared with log rho after 1, 10, 100 and 1000 steps. The first 40 steps are taken by autograd
through a real network as well.

    python book/experiments/exp_linear.py
"""

from __future__ import annotations

import math

import numpy as np
import torch
from runs import Experiment, Result, Setting, Size

STEPS = (1, 10, 100, 1000)


def matrix(kind: str, size: int, rho: float, rng: np.random.Generator) -> np.ndarray:
    """A random matrix (H, H) of spectral radius ``rho``: rotation, symmetric or Gaussian."""
    W = rng.normal(size=(size, size))
    if kind == "rotation":
        W, _ = np.linalg.qr(W)
    if kind == "symmetric":
        W = W + W.T
    return W * rho / np.abs(np.linalg.eigvals(W)).max()


def log_norms(W: np.ndarray, steps: int) -> np.ndarray:
    """log ||W^k|| for k = 1 ... ``steps``, (steps,); the power is scaled at every step."""
    power, log, found = np.eye(len(W)), 0.0, []
    for _ in range(steps):
        power = W @ power
        scale = np.linalg.norm(power)
        power, log = power / scale, log + math.log(scale)
        found.append(log + math.log(np.linalg.norm(power, 2)))
    return np.array(found)


def by_autograd(W: np.ndarray, steps: int, device: torch.device) -> float:
    """log of the norm of dh_T/dh_0 after ``steps`` steps with random inputs."""
    dtype = torch.float32 if device.type == "mps" else torch.float64
    weight = torch.from_numpy(W).to(device, dtype)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(steps, len(W)))).to(device, dtype)

    def last_state(h: torch.Tensor) -> torch.Tensor:
        for x_t in x:
            h = x_t + h @ weight.T
        return h

    jacobian = torch.autograd.functional.jacobian(last_state, torch.zeros(len(W), device=device, dtype=dtype))
    return math.log(torch.linalg.matrix_norm(jacobian, 2).item())


def plan(size: Size) -> list[Setting]:
    """Three kinds of matrices, three spectral radii."""
    units = 8 if size == "quick" else 64
    kinds = ("rotation", "symmetric", "Gaussian")
    return [{"kind": kind, "rho": rho, "hidden_size": units} for kind in kinds for rho in (0.9, 1.0, 1.1)]


def run(setting: Setting, seed: int, device: torch.device) -> Result:
    """How far the mean slope over k steps is from log rho."""
    rho = setting["rho"]
    W = matrix(setting["kind"], setting["hidden_size"], rho, np.random.default_rng(seed))
    logs = log_norms(W, max(STEPS))
    error = {f"error_{k}": float(f"{logs[k - 1] / k - math.log(rho):.5g}") for k in STEPS}
    half = len(logs) // 2
    late = (logs[-1] - logs[half - 1]) / (len(logs) - half) - math.log(rho)
    steps = min(40, max(STEPS))
    apart = abs(by_autograd(W, steps, device) - logs[steps - 1])
    return error | {"late_error": float(f"{late:.5g}"), "autograd_error": float(f"{apart:.3g}")}


METRICS = (*(f"error_{k}" for k in STEPS), "late_error", "autograd_error")
EXPERIMENT = Experiment("exp_linear", __doc__, plan, run, METRICS, seeds=20)

if __name__ == "__main__":
    EXPERIMENT.main()
