"""Learning curves on the digits, read row by row (8 steps) and pixel by pixel (64 steps).

The training loop is the one of the Code chapter, with early stopping off, so that
the curves have the same length. The test is the last part of the data set in its
own order: digits by people whom training has not seen.

    python book/experiments/code_digits.py
"""

from __future__ import annotations

import time
from dataclasses import asdict

import code_report
import record
import torch
from programs.classify_torch import GRUModel, LSTMModel, RNNModel
from programs.data import digits
from programs.training import batches, evaluate, fit, seed_everything
from torch import nn

MODELS = {"RNN": RNNModel, "LSTM": LSTMModel, "GRU": GRUModel}


def loss_fn(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits (N, C)."""
    return nn.functional.cross_entropy(outputs, y)


class Logits(nn.Module):
    """A classifier without the last state that it returns as well."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits (N, C) of inputs (T, N, D)."""
        return self.model(x)[0]


def run(cell: str, read: str, seed: int, epochs: int, hidden_size: int) -> dict:
    """Train one model; its curves, and its accuracy on the test part."""
    rng = seed_everything(seed)
    parts = {n: (torch.from_numpy(p.x), torch.from_numpy(p.y)) for n, p in digits(read).items()}
    model = Logits(MODELS[cell](parts["train"][0].shape[2], hidden_size, 10))
    history = fit(model, parts["train"], parts["valid"], loss_fn, rng, epochs=epochs, patience=epochs)
    _, test = evaluate(model, batches(*parts["test"], 512), loss_fn)
    curves = {name: code_report.rounded(c) for name, c in asdict(history).items() if name != "best_epoch"}
    about = {"cell": cell, "read": read, "seed": seed, "best_epoch": history.best_epoch}
    return about | {"test_accuracy": round(test, 4)} | curves


def main() -> None:
    """Train everything and write the JSON that the page draws from."""
    parser = code_report.parser(__doc__, "code_digits.json")
    parser.add_argument("--epochs", type=int, nargs=2, default=[40, 60], help="for rows and for pixels")
    parser.add_argument("--hidden-size", type=int, default=64)
    args = parser.parse_args()
    torch.set_num_threads(1)
    runs = []
    for read, epochs in zip(("rows", "pixels"), args.epochs, strict=True):
        for cell in MODELS:
            for seed in range(args.seeds):
                runs.append(run(cell, read, seed, epochs, args.hidden_size))
                print(f"{read:7} {cell:5} seed {seed}: {runs[-1]['test_accuracy']:.1%}, "
                      f"{time.perf_counter() - record.BEGAN:.0f} s so far", flush=True)  # fmt: skip
    code_report.write(args, {"runs": runs})


if __name__ == "__main__":
    main()
