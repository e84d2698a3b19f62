"""The weights of the bracket counter, for the figure that reads what a visitor types.

Trains the LSTM of ``lstm_brackets.py`` again, with the same seed and settings, and writes
its weights rounded to two decimals. Accuracy on the held-out module is measured with the
rounded weights, which are the ones that the figure uses. Characters that the training text
hardly contains (control characters, and everything outside ASCII) are read as code 127.

    python book/experiments/lstm_typed.py
"""

from __future__ import annotations

import record
import torch
from lstm_brackets import CHARACTERS, TEST, Reader, accuracies, gate_record, options, train

OUT = record.DATA / "lstm_typed.json"
CODES = [10, *range(32, CHARACTERS)]
DECIMALS = 2


def rounded(weight: torch.Tensor) -> list[list[float]] | list[float]:
    """Rows of numbers of two decimals; whole numbers without a point, to keep the file small."""
    if weight.ndim == 2:
        return [rounded(row) for row in weight]
    values = [round(value, DECIMALS) for value in weight.tolist()]
    return [int(value) if value == int(value) else value for value in values]


def round_in_place(reader: Reader) -> None:
    """Make the network's weights those that are written."""
    with torch.no_grad():
        cell = reader.cell
        cell.bias_ih_l0 += cell.bias_hh_l0  # one bias does the work of two
        cell.bias_hh_l0.zero_()
        for weight in reader.parameters():
            weight.copy_(weight.double().mul(10**DECIMALS).round().div(10**DECIMALS))


def main() -> None:
    args = options(__doc__, OUT).parse_args()
    torch.set_num_threads(1)

    reader, _, _ = train("lstm", args)
    before = accuracies(reader)
    round_in_place(reader)
    cell = reader.cell
    followed = gate_record(reader, args.units)
    result = {
        "codes": CODES,
        "units": followed["units"],
        "correlation": followed["correlation"],
        "W_xh": rounded(cell.weight_ih_l0.T[CODES]),  # one row of 4H for each code
        "W_hh": rounded(cell.weight_hh_l0),
        "b": rounded(cell.bias_ih_l0),
        "W_hy": rounded(reader.scores.weight),
        "b_y": rounded(reader.scores.bias),
        "about": record.head(args, "torch")
        | {
            "test": TEST,
            "accuracy": {k: round(v, 4) for k, v in accuracies(reader).items()},
            "accuracy before rounding": round(before["all"], 4),
        },
    }
    record.save(args.out, result)


if __name__ == "__main__":
    main()
