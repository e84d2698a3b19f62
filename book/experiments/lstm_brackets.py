"""Train a small LSTM to count open brackets in real Python code, and save its gates.

The text is the standard library that comes with Python. The task is to say after every
character how many brackets are open at that point: none, one, two, or more. Brackets in
strings and comments do not count, so a network must also know where those begin and end.
The truth comes from Python's own tokenizer. A tanh RNN of the same size learns it for
comparison. Saved for the page: accuracies, the gates of the LSTM over a line of a file
that was not trained on, and how far back gradients reach in both trained networks.

    python book/experiments/lstm_brackets.py
"""

from __future__ import annotations

import argparse
import io
import os
import time
import tokenize
from pathlib import Path
from typing import Any

import numpy as np
import record
import torch
from torch import nn

LIBRARY = Path(os.__file__).parent
TEST = "textwrap"
TRAIN = sorted(p.stem for p in LIBRARY.glob("[a-z]*.py") if 5_000 < p.stat().st_size < 130_000 and p.stem != TEST)
PIECES = (
    'raise ValueError("invalid width %r (must be > 0)" % self.width)\n',
    "any(c != '-' for c in chunk[:hyphen]):\n",
)
DEPTHS = 4  # 0, 1, 2, and 3 or more
CHARACTERS = 128
OUT = record.DATA / "lstm_brackets.json"


def open_brackets(text: str) -> np.ndarray:
    """How many brackets are open after each character, (len(text),), by Python's tokenizer."""
    starts = np.cumsum([0] + [len(line) for line in text.splitlines(keepends=True)])
    change = np.zeros(len(text), dtype=int)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.OP and token.string in "([{)]}":
            row, column = token.start
            change[starts[row - 1] + column] = 1 if token.string in "([{" else -1
    return np.cumsum(change)


def read_module(name: str) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Character codes, classes (both (T,)), and the text of a module of the standard library."""
    text = (LIBRARY / f"{name}.py").read_text(encoding="utf-8")
    codes = torch.tensor([min(ord(character), CHARACTERS - 1) for character in text])
    classes = torch.from_numpy(np.minimum(open_brackets(text), DEPTHS - 1))
    return codes, classes, text


class Reader(nn.Module):
    """Reads characters, and gives scores for the number of open brackets after each."""

    def __init__(self, kind: str, hidden_size: int) -> None:
        super().__init__()
        self.cell = (nn.LSTM if kind == "lstm" else nn.RNN)(CHARACTERS, hidden_size)
        self.scores = nn.Linear(hidden_size, DEPTHS)
        if kind == "lstm":
            with torch.no_grad():  # forget bias: 1 in total
                self.cell.bias_ih_l0[hidden_size : 2 * hidden_size] = 1.0
                self.cell.bias_hh_l0[hidden_size : 2 * hidden_size] = 0.0

    def forward(self, codes: torch.Tensor, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Scores (T, N, classes) and the last state, for codes (T, N)."""
        x = nn.functional.one_hot(codes, CHARACTERS).to(self.scores.weight.dtype)
        states, state = self.cell(x, state)
        return self.scores(states), state


def train(kind: str, args: argparse.Namespace) -> tuple[Reader, list[float], float]:
    """A trained network, its mean loss per hundred steps, and the processor time it took."""
    torch.manual_seed(args.seed)
    modules = [read_module(name) for name in TRAIN]
    codes, classes = torch.cat([m[0] for m in modules]), torch.cat([m[1] for m in modules])
    rows = len(codes) // args.batch
    codes, classes = (v[: rows * args.batch].view(args.batch, rows).T for v in (codes, classes))
    print(f"{codes.numel()} characters of {len(TRAIN)} modules", flush=True)
    reader = Reader(kind, args.hidden)
    optimizer = torch.optim.Adam(reader.parameters(), lr=args.lr)
    began, state, position, losses, curve = time.process_time(), None, 0, [], []
    for step in range(1, args.steps + 1):
        if position + args.length > rows:
            position, state = 0, None
        piece = slice(position, position + args.length)
        scores, state = reader(codes[piece], state)
        state = tuple(s.detach() for s in state) if kind == "lstm" else state.detach()
        loss = nn.functional.cross_entropy(scores.flatten(0, 1), classes[piece].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = args.lr * min(1.0, 2 - 2 * step / args.steps)  # falls in the second half
        optimizer.step()
        position += args.length
        losses.append(loss.item())
        if step % 100 == 0:
            curve.append(round(float(np.mean(losses[-100:])), 4))
            print(f"{kind} step {step}: loss {curve[-1]:.4f}", flush=True)
    return reader, curve, time.process_time() - began


def accuracies(reader: Reader) -> dict[str, float]:
    """Share of right answers on the held-out module: over all characters, and by depth."""
    codes, classes, _ = read_module(TEST)
    with torch.no_grad():
        right = (reader(codes[:, None])[0][:, 0].argmax(dim=1) == classes).float()
    by_depth = {f"depth {d}": right[classes == d].mean().item() for d in range(DEPTHS) if (classes == d).any()}
    return {"all": right.mean().item(), **by_depth}


def gradient_reach(reader: Reader, steps: int, ends: int) -> list[float]:
    """Mean norm of the gradient of the winning score at t for the input of step t - k, by k.

    Divided by its value at k = 0; the mean (of the logarithm) is over `ends` places in the
    held-out module. Each place is read with as many characters more in front, so that the
    state from which reading starts plays no part.
    """
    codes, _, _ = read_module(TEST)
    reader = reader.double()
    norms = []
    for end in np.linspace(2 * steps + 1, len(codes) - 1, ends).astype(int):
        piece = codes[end - 2 * steps : end + 1]
        x = nn.functional.one_hot(piece, CHARACTERS).double()[:, None].requires_grad_()
        scores = reader.scores(reader.cell(x)[0][-1, 0])
        (gradient,) = torch.autograd.grad(scores.max(), x)
        norms.append(gradient[:, 0].norm(dim=1).flip(0)[: steps + 1])
    mean = torch.stack(norms).log().mean(dim=0).exp()
    return [float(f"{v:.4g}") for v in mean / mean[0]]


def gate_record(reader: Reader, units: int) -> dict[str, Any]:
    """Gates and states of the most bracket-like units over pieces of the held-out module.

    A unit's likeness is the correlation of its cell state with the number of open brackets
    (as a class, so at most 3).
    """
    codes, classes, text = read_module(TEST)
    weights = [w.detach() for w in reader.cell.parameters()]
    W_ih, W_hh, bias = weights[0], weights[1], weights[2] + weights[3]
    size = W_hh.shape[1]
    h, c, record = torch.zeros(size), torch.zeros(size), []
    for code in codes:
        i, f, g, o = (W_ih[:, code] + W_hh @ h + bias).chunk(4)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        c = f * c + i * g
        h = o * c.tanh()
        record.append(torch.stack([i, f, g, o, c]))
    values = torch.stack(record).numpy()  # (T, 5, H)
    depth = classes.numpy()
    likeness = np.array([np.corrcoef(values[:, 4, unit], depth)[0, 1] for unit in range(size)])
    chosen = np.argsort(-np.abs(likeness))[:units]
    inside, change = depth > 0, np.diff(depth, prepend=0) != 0
    by_place = {
        name: {
            place: [round(float(v), 3) for v in values[where][:, k, chosen].mean(axis=0)]
            for place, where in (("outside", ~inside & ~change), ("inside", inside & ~change), ("at a bracket", change))
        }
        for k, name in ((0, "i"), (1, "f"))
    }
    pieces = []
    answers = reader(codes[:, None])[0][:, 0].argmax(dim=1).numpy()
    for marker in PIECES:
        piece = slice(text.index(marker), text.index(marker) + len(marker))
        gates = {name: np.round(values[piece, k][:, chosen].T, 3).tolist() for k, name in enumerate("ifgoc")}
        truth = {"depth": depth[piece].tolist(), "answer": answers[piece].tolist()}
        pieces.append({"text": marker, **truth, "gates": gates})
    correlation = [round(float(v), 3) for v in likeness[chosen]]
    return {"units": chosen.tolist(), "correlation": correlation, "means": by_place, "pieces": pieces}


def options(description: str, out: Path) -> argparse.ArgumentParser:
    """What can be chosen for training a reader and showing its units."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=5e-3)
    parser.add_argument("--units", type=int, default=8, help="how many units the figure shows")
    parser.add_argument("--out", type=Path, default=out)
    return parser


def main() -> None:
    args = options(__doc__, OUT).parse_args()
    torch.set_num_threads(1)

    result: dict[str, Any] = {}
    for kind in ("lstm", "rnn"):
        reader, curve, seconds = train(kind, args)
        result[kind] = {"curve": curve, "processor_seconds": round(seconds, 1), "accuracy": accuracies(reader)}
        if kind == "lstm":
            result["record"] = gate_record(reader, args.units)
        result[kind]["parameters"] = sum(w.numel() for w in reader.parameters())
        result[kind]["reach"] = gradient_reach(reader, steps=150, ends=60)
        print(kind, result[kind]["accuracy"], f"{seconds:.0f} s", flush=True)
    made_of = {"train": f"{len(TRAIN)} modules of the standard library", "test": TEST}
    result["about"] = record.head(args, "torch", "numpy") | made_of
    record.save(args.out, result)


if __name__ == "__main__":
    main()
