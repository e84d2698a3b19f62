"""Forecasts of an electroencephalogram, one and three steps ahead, by five methods.

80 values a second from 4 electrodes: 480 steps to train on, 80 to choose the epoch
by, and the last 240 to test with. Errors are root mean squares in units of the
training part's standard deviation.

    python book/experiments/code_forecast.py
"""

from __future__ import annotations

import time

import code_report
import numpy as np
import record
import torch
from programs.data import eeg
from programs.forecast_numpy import autoregression, persistence, rmse, windows
from programs.forecast_torch import Forecaster
from programs.training import fit, seed_everything
from torch import nn

WINDOW, TRAIN, VALID = 16, 480, 560


def parts(series: np.ndarray, horizon: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Windows of the three parts; those of a later part may begin in the one before it."""
    pieces = {"train": series[:TRAIN], "valid": series[TRAIN - WINDOW : VALID], "test": series[VALID - WINDOW :]}
    return {name: windows(piece, WINDOW, horizon) for name, piece in pieces.items()}


def main() -> None:
    """Train everything and write the JSON that the page draws from."""
    parser = code_report.parser(__doc__, "code_forecast.json")
    parser.set_defaults(seeds=5)
    parser.add_argument("--hidden-size", type=int, default=32)
    args = parser.parse_args()
    torch.set_num_threads(1)
    series, runs, baselines = eeg(), [], {}
    for horizon in (1, 3):
        data = parts(series, horizon)
        (x, y), _, (x_test, y_test) = data.values()
        baselines[str(horizon)] = {
            "mean of the training part": rmse(np.zeros_like(y_test), y_test),
            "last value again": rmse(persistence(x_test), y_test),
            "linear in the last 4 values": rmse(autoregression(x[-4:], y, x_test[-4:]), y_test),
            "linear in the last 16 values": rmse(autoregression(x, y, x_test), y_test),
        }
        print(horizon, baselines[str(horizon)])
        tensors = {name: tuple(torch.tensor(a, dtype=torch.float32) for a in part) for name, part in data.items()}
        for layer in (nn.RNN, nn.LSTM, nn.GRU):
            for seed in range(args.seeds):
                rng = seed_everything(seed)
                model = Forecaster(layer, size=4, hidden_size=args.hidden_size)
                history = fit(model, tensors["train"], tensors["valid"], nn.functional.mse_loss, rng,
                              epochs=150, lr=3e-3, batch_size=32, patience=20)  # fmt: skip
                with torch.no_grad():
                    error = rmse(model(tensors["test"][0]).numpy().astype(np.float64), y_test)
                runs.append({"horizon": horizon, "cell": layer.__name__, "seed": seed, "rmse": round(error, 4),
                             "epochs": history.best_epoch + 1})  # fmt: skip
                print(runs[-1], f"{time.perf_counter() - record.BEGAN:.0f} s so far", flush=True)
    short = {h: {name: round(e, 4) for name, e in b.items()} for h, b in baselines.items()}
    code_report.write(args, {"baselines": short, "runs": runs})


if __name__ == "__main__":
    main()
