"""A small trained GRU whose gates the page looks at.

A GRU of PyTorch reads a digit of scikit-learn's set row by row (8 steps), then blank rows
(16 steps), and names the digit after the last of them: it has to read, and then to hold.
Its weights, rounded to four decimals, and the digits of the test set are written out; the
page computes states and gates from them with the course's own NumPy code.

    python book/experiments/gru_gates.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import record
import torch
from cells_compare import Classifier, digits, share_right, train_epoch
from gru_wait import start_update_gate

NAMES = {
    "W_xh": "cell.weight_ih_l0",
    "W_hh": "cell.weight_hh_l0",
    "b_xh": "cell.bias_ih_l0",
    "b_hh": "cell.bias_hh_l0",
    "W_hy": "output.weight",
    "b_y": "output.bias",
}
"""The course's name of each parameter, and PyTorch's."""


def rounded(weight: torch.Tensor) -> list[float]:
    """All entries in one list, to four decimals: small files, and the same digits everywhere."""
    return [round(value, 4) for value in weight.flatten().tolist()]


def main() -> None:
    """Train the network and write its weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--wait", type=int, default=16, help="blank steps after the 8 rows")
    parser.add_argument("--hidden-size", type=int, default=24)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--out", type=Path, default=record.DATA / "gru_gates.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    rows_train, rows_test, y_train, y_test = digits("rows", args.seed)
    x_train, x_test = (torch.cat([x, torch.zeros(args.wait, x.shape[1], 8)]) for x in (rows_train, rows_test))
    model = Classifier("GRU", 8, args.hidden_size)
    start_update_gate(model.cell, 1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=args.epochs)
    for epoch in range(args.epochs):
        loss = train_epoch(model, optimizer, x_train, y_train)
        decay.step()
        if epoch % 10 == 9:
            right = share_right(model, x_test, y_test)
            print(f"epoch {epoch + 1:3}: loss {loss:.3f}, test accuracy {right:.1%}", flush=True)

    weights = model.state_dict()
    made_by = record.head(args, "torch", "scikit-learn")
    result = {
        "weights": {ours: rounded(weights[theirs]) for ours, theirs in NAMES.items()},
        "test": {"rows": (16 * rows_test).int().transpose(0, 1).flatten(1).tolist(), "classes": y_test.tolist()},
    }
    record.save(args.out, made_by | result)


if __name__ == "__main__":
    main()
