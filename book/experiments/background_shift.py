"""Does what is learnt at one place of a sequence hold at another?

Two networks learn from every sequence of 16 bits whose second half is empty, and
are tested on the same patterns in the second half. The question after each step:
were this input and the one before it both 1? The MLP reads the whole sequence as
one vector of 16 numbers, the RNN reads it step by step; the RNN is also tested on
sequences ten times as long. Then the same question asked once, at the end.

    python book/experiments/background_shift.py
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

import record
import torch
from torch import nn

T, HALF, CLASSES = 16, 8, 2
Task = tuple[torch.Tensor, torch.Tensor]
"""Bits (T, N) and the right classes, (T, N) or (N,)."""


class MLP(nn.Module):
    """The whole sequence at once: 16 numbers in, two logits for each step out."""

    def __init__(self, hidden_size: int = 32) -> None:
        super().__init__()
        self.hidden, self.output = nn.Linear(T, hidden_size), nn.Linear(hidden_size, T * CLASSES)

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        """Logits (T, N, 2) of the bits (T, N)."""
        return self.output(torch.tanh(self.hidden(bits.T))).reshape(-1, T, CLASSES).transpose(0, 1)


class RNN(nn.Module):
    """One bit at a time, with the same weights at every step."""

    def __init__(self, hidden_size: int = 8) -> None:
        super().__init__()
        self.cell, self.output = nn.RNN(1, hidden_size), nn.Linear(hidden_size, CLASSES)

    def forward(self, bits: torch.Tensor) -> torch.Tensor:
        """Logits (T, N, 2) of the bits (T, N)."""
        return self.output(self.cell(bits[:, :, None])[0])


def both_ones(bits: torch.Tensor) -> torch.Tensor:
    """1 at each step whose bit and the one before it are 1, shape (T, N)."""
    answer = torch.zeros_like(bits, dtype=torch.long)
    answer[1:] = ((bits[1:] == 1) & (bits[:-1] == 1)).long()
    return answer


def every_step(first_half: bool) -> Task:
    """All 256 patterns of eight bits in one half, zeros in the other."""
    patterns = torch.tensor(list(itertools.product((0.0, 1.0), repeat=HALF))).T
    empty = torch.zeros_like(patterns)
    bits = torch.cat([patterns, empty] if first_half else [empty, patterns])
    return bits, both_ones(bits)


def once(first_half: bool) -> Task:
    """Two ones anywhere in one half; the class says whether they are neighbours."""
    pairs = list(itertools.combinations(range(HALF), 2))
    bits = torch.zeros(T, len(pairs))
    for n, pair in enumerate(pairs):
        bits[[place + (0 if first_half else HALF) for place in pair], n] = 1
    return bits, torch.tensor([int(b == a + 1) for a, b in pairs])


def found(logits: torch.Tensor, answer: torch.Tensor) -> dict[str, float]:
    """The share of the yes cases that were found, and of the no cases called yes."""
    said = logits.argmax(-1) == 1
    return {
        "found": said[answer == 1].double().mean().item(),
        "false_alarms": said[answer == 0].double().mean().item(),
    }


def train(model: nn.Module, task: Task, steps: int, last: bool = False) -> float:
    """Full-batch Adam; the final loss. ``last`` reads the logits of the last step only."""
    bits, answer = task
    share = (answer == 0).double().mean().item()
    weight = torch.tensor([1 - share, share]) if last else None
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        logits = model(bits)[-1] if last else model(bits)
        loss = nn.functional.cross_entropy(logits.reshape(-1, CLASSES), answer.reshape(-1), weight=weight)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return loss.item()


def run(seed: int, steps: int) -> list[dict[str, Any]]:
    """Both networks on both questions for one seed."""
    generator = torch.Generator().manual_seed(seed)
    long = torch.randint(0, 2, (10 * T, 64), generator=generator).float()
    rows: list[dict[str, Any]] = []
    for question, make, last in (("every step", every_step, False), ("once", once, True)):
        for kind in (MLP, RNN):
            torch.manual_seed(seed)
            model = RNN(16) if last and kind is RNN else kind()
            loss = train(model, make(True), 2 * steps if last else steps, last)
            row = {"seed": seed, "question": question, "network": kind.__name__, "loss": loss}
            row["parameters"] = sum(weight.numel() for weight in model.parameters())
            with torch.no_grad():
                for name, half in (("first_half", True), ("second_half", False)):
                    bits, answer = make(half)
                    row[name] = found(model(bits)[-1] if last else model(bits), answer)
                if kind is RNN and not last:
                    row["ten_times_as_long"] = found(model(long), both_ones(long))
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--out", type=Path, default=record.DATA / "background_shift.json")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(args.seeds):
        rows += run(seed, args.steps)
        print(f"seed {seed}: {rows[-1]}", file=sys.stderr)
    record.save(args.out, {"about": record.head(args, "torch"), "rows": rows})


if __name__ == "__main__":
    main()
