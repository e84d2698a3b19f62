"""A character-level language model of Python's own help texts, and what it is measured against.

The text is cut in order: eight tenths to train on, one to choose the pass by, one to
test with. Losses are in bits per character. Counting baselines (n-grams) see the
same training text; the compressors see training and test text, and their size for
the test part is the difference of two compressed sizes.

    python book/experiments/code_text.py
"""

from __future__ import annotations

import bz2
import copy
import itertools
import lzma
import math
import time

import code_report
import numpy as np
import record
import torch
from programs.data import topics
from programs.text import Alphabet, CharModel, mean_loss, ngram_loss, sample, streams, train_pass
from programs.training import seed_everything

BITS = 1 / math.log(2)


def compressed_bits(train: str, test: str) -> dict[str, float]:
    """Bits per character of the test text, given the training text, under two compressors."""
    sizes = {}
    for name, compress in {"bz2": bz2.compress, "lzma": lzma.compress}.items():
        extra = len(compress((train + test).encode())) - len(compress(train.encode()))
        sizes[name] = round(8 * extra / len(test), 3)
    return sizes


def main() -> None:
    """Train the model and write the JSON that the page draws from."""
    parser = code_report.parser(__doc__, "code_text.json")
    parser.add_argument("--hidden-size", type=int, default=256)
    parser.add_argument("--seq-len", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--passes", type=int, default=12, help="through the training text")
    args = parser.parse_args()
    del args.seeds  # one run
    torch.set_num_threads(1)
    seed_everything(0)

    text = topics()
    cuts = [0, int(0.8 * len(text)), int(0.9 * len(text)), len(text)]
    parts = dict(zip(("train", "valid", "test"), (text[a:b] for a, b in itertools.pairwise(cuts)), strict=True))
    alphabet = Alphabet.of(text)
    codes = {name: alphabet.encode(part) for name, part in parts.items()}
    data = {n: tuple(torch.from_numpy(a.copy()) for a in streams(c, args.batch_size)) for n, c in codes.items()}
    baselines = {"uniform": BITS * math.log(len(alphabet))}
    for n in (1, 2, 3, 4):
        baselines[f"{n}-gram"] = BITS * ngram_loss(codes["train"], codes["test"], len(alphabet), n)

    model = CharModel(len(alphabet), args.hidden_size)
    passes, best = [], copy.deepcopy(model.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for k in range(args.passes):
        for group in optimizer.param_groups:  # a lower rate towards the end
            group["lr"] = 3e-3 * max(0.1, 1 - k / args.passes)
        bits = {"train": BITS * train_pass(model, optimizer, *data["train"], args.seq_len)}
        bits |= {name: BITS * mean_loss(model, *data[name]) for name in ("valid", "test")}
        passes.append({name: round(value, 3) for name, value in bits.items()})
        if passes[-1]["valid"] == min(one["valid"] for one in passes):
            best = copy.deepcopy(model.state_dict())
        print(f"{time.perf_counter() - record.BEGAN:4.0f} s: {passes[-1]}", flush=True)
    model.load_state_dict(best)
    code_report.write(args, {
        "characters": {name: len(c) for name, c in codes.items()} | {"alphabet": len(alphabet)},
        "parameters": sum(w.numel() for w in model.parameters()),
        "baselines": {name: round(bits, 3) for name, bits in baselines.items()},
        "compressors": compressed_bits(parts["train"], parts["test"]),
        "passes": passes,
        "samples": {str(t): written(model, alphabet, t) for t in (0.2, 0.7, 1.0, 1.5)},
    })  # fmt: skip


def written(model: CharModel, alphabet: Alphabet, temperature: float) -> str:
    """What the model writes after "The "."""
    codes = sample(model, alphabet.encode("The "), 250, np.random.default_rng(1), temperature)
    return "The " + alphabet.decode(codes)


if __name__ == "__main__":
    main()
