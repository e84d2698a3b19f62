"""What truncated BPTT can and cannot learn: recall a coin flip from `delay` steps ago.

A tanh RNN reads one endless stream of fair coin flips, +1 or -1, in pieces of `chunk`
steps. The state is carried from piece to piece; the gradient is cut at each border. The
target is the flip `delay` steps before. Without memory nothing beats ln 2 = 0.6931 nats.
The test reads fresh streams step by step, so truncation plays no part in it.

A chunk of 0 stands for a baseline: the RNN keeps its random weights, and only the readout
is trained (in pieces of 16). It shows what the random state holds anyway.

    python book/experiments/bptt_truncation.py            # writes book/data/bptt_truncation.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

import record
import torch
from torch import nn

FLIPS_PER_UPDATE = 512  # the same for every chunk: longer pieces, fewer streams


def flips(steps: int, streams: int, generator: torch.Generator) -> torch.Tensor:
    """Fair coin flips, +1 or -1: (steps, streams, 1)."""
    return 2.0 * torch.randint(2, (steps, streams, 1), generator=generator) - 1


def train(delay: int, chunk: int, *, hidden_size: int, updates: int, seed: int) -> tuple[nn.RNN, nn.Linear]:
    """Train on one stream per row, one update per piece, state carried and gradient cut."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    rnn, readout = nn.RNN(1, hidden_size), nn.Linear(hidden_size, 1)
    weights = [*rnn.parameters(), *readout.parameters()]
    optimizer = torch.optim.Adam(weights, lr=3e-3)
    frozen, chunk = chunk == 0, chunk or 16
    streams, state = FLIPS_PER_UPDATE // chunk, None
    recent = flips(delay, streams, generator)  # what was read in the last `delay` steps
    for _ in range(updates):
        seen = torch.cat([recent, flips(chunk, streams, generator)])
        x, targets, recent = seen[delay:], (seen[:chunk] > 0).float(), seen[chunk:]
        states, state = rnn(x, state)
        state = state.detach()
        states = states.detach() if frozen else states
        loss = nn.functional.binary_cross_entropy_with_logits(readout(states), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
    return rnn, readout


@torch.no_grad()
def test_loss(rnn: nn.RNN, readout: nn.Linear, delay: int, seed: int) -> float:
    """Mean loss in nats on 64 fresh streams of 300 steps, the first 50 left out."""
    x = flips(300, 64, torch.Generator().manual_seed(1_000_000 + seed))
    logits = readout(rnn(x)[0])[50:]
    targets = (x[50 - delay : 300 - delay] > 0).float()
    return nn.functional.binary_cross_entropy_with_logits(logits, targets).item()


def main() -> None:
    """Train every pair of a delay and a chunk, and write the losses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delays", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--chunks", type=int, nargs="+", default=[0, 1, 2, 4, 8, 16])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--updates", type=int, default=800)
    parser.add_argument("--hidden-size", type=int, default=32)
    parser.add_argument("--out", type=Path, default=record.DATA / "bptt_truncation.json")
    args = parser.parse_args()
    torch.set_num_threads(1)

    runs = []
    for delay in args.delays:
        for chunk in args.chunks:
            for seed in args.seeds:
                made = train(delay, chunk, hidden_size=args.hidden_size, updates=args.updates, seed=seed)
                loss = round(test_loss(*made, delay, seed), 5)
                runs.append({"delay": delay, "chunk": chunk, "seed": seed, "loss": loss})
                print(f"delay {delay} chunk {chunk:2} seed {seed}: {loss:.4f}", flush=True)
    made_by = record.head(args, "torch", flips_per_update=FLIPS_PER_UPDATE)
    record.save(args.out, made_by | {"runs": runs})


if __name__ == "__main__":
    main()
