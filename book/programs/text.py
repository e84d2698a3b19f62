"""A character-level language model: codes, streams, training, sampling."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn


@dataclass(frozen=True)
class Alphabet:
    """The characters of a text, sorted; a code is a place among them."""

    characters: str

    @classmethod
    def of(cls, text: str) -> Alphabet:
        """The alphabet of a text."""
        return cls("".join(sorted(set(text))))

    def encode(self, text: str) -> np.ndarray:
        """Codes (S,) of a text."""
        place = {c: i for i, c in enumerate(self.characters)}
        return np.array([place[c] for c in text])

    def decode(self, codes) -> str:
        """The text of codes."""
        return "".join(self.characters[int(i)] for i in codes)

    def __len__(self) -> int:
        return len(self.characters)


def streams(
    codes: np.ndarray, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and next-character targets, both (S, N).

    Stream ``n`` is the ``n``-th of N equal pieces, so a chunk of rows
    continues where the chunk before it ended.
    """
    length = (len(codes) - 1) // batch_size
    used = length * batch_size
    x = codes[:used].reshape(batch_size, length)
    y = codes[1 : used + 1].reshape(batch_size, length)
    return x.T, y.T


class CharModel(nn.Module):
    """Scores for the next character at every step."""

    def __init__(self, size: int, hidden_size: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(size, min(size, 32))
        self.rnn = nn.GRU(self.embed.embedding_dim, hidden_size)
        self.head = nn.Linear(hidden_size, size)

    def forward(
        self, codes: torch.Tensor, h: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (T, N, C) and the last state of codes (T, N)."""
        states, h = self.rnn(self.embed(codes), h)
        return self.head(states), h


def train_pass(
    model: CharModel,
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    y: torch.Tensor,
    seq_len: int,
) -> float:
    """Once through the streams; the mean loss of a character, in nats.

    The state is carried from chunk to chunk, and its gradient is not.
    """
    model.train()
    h, total = None, 0.0
    for start in range(0, len(x), seq_len):
        chunk = slice(start, start + seq_len)
        h = None if h is None else h.detach()
        optimizer.zero_grad()
        logits, h = model(x[chunk], h)
        targets = y[chunk].flatten()
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(y[chunk])
    return total / len(x)


@torch.no_grad()
def mean_loss(model: CharModel, x: torch.Tensor, y: torch.Tensor) -> float:
    """Loss of a character over whole streams, in nats; no training."""
    model.eval()
    logits, _ = model(x)
    logits, targets = logits.flatten(0, 1), y.flatten()
    return nn.functional.cross_entropy(logits, targets).item()


@torch.no_grad()
def sample(
    model: CharModel,
    start: np.ndarray,
    length: int,
    rng: np.random.Generator,
    temperature: float = 1.0,
) -> list[int]:
    """``length`` codes that go on from the codes ``start``."""
    model.eval()
    codes, h, drawn = torch.as_tensor(start)[:, None], None, []
    for _ in range(length):
        logits, h = model(codes, h)
        scaled = logits[-1, 0].double() / temperature
        p = torch.softmax(scaled, dim=0).numpy()
        drawn.append(int(rng.choice(len(p), p=p)))
        codes = torch.tensor([[drawn[-1]]])
    return drawn


def ngram_loss(
    train: np.ndarray,
    test: np.ndarray,
    size: int,
    n: int,
    smoothing: float = 0.1,
) -> float:
    """Loss of a character, in nats, by counts of ``n`` in a row.

    ``smoothing`` is added to every count, so that what was never seen is
    not impossible.
    """

    def grams(codes: np.ndarray) -> list[tuple[int, ...]]:
        windows = np.lib.stride_tricks.sliding_window_view(codes, n)
        return [tuple(window) for window in windows.tolist()]

    counts = Counter(grams(train))
    contexts: Counter[tuple[int, ...]] = Counter()
    for gram, count in counts.items():
        contexts[gram[:-1]] += count
    p = [
        (counts[g] + smoothing) / (contexts[g[:-1]] + smoothing * size)
        for g in grams(test)
    ]
    return float(-np.log(p).mean())


def mixed_ngram_loss(
    train: np.ndarray,
    test: np.ndarray,
    size: int,
    n: int,
    discount: float = 0.75,
) -> float:
    """Loss of a character, in nats, by counts of up to ``n``, mixed.

    Interpolated as in Kneser and Ney (1995). A context that was never seen
    leaves the forecast of the shorter one as it is.
    """

    def grams(codes: np.ndarray, k: int) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(codes, k)
        return windows @ size ** np.arange(k)[::-1]  # each as one number

    p = np.full(len(test) - n + 1, 1 / size)
    for k in range(1, n + 1):
        seen, asked = grams(train, k), grams(test, k)[n - k :]
        if k < n:  # count not how often, but after how many characters
            seen = np.unique(grams(train, k + 1)) % size**k
        found, counts = np.unique(seen, return_counts=True)
        contexts, start, kinds = np.unique(
            found // size, return_index=True, return_counts=True
        )
        at = np.searchsorted(found, asked).clip(max=len(found) - 1)
        count = np.where(found[at] == asked, counts[at], 0)
        at = np.searchsorted(contexts, asked // size)
        at = at.clip(max=len(contexts) - 1)
        kept = (count - discount).clip(min=0)
        mixed = kept + discount * kinds[at] * p
        mixed /= np.add.reduceat(counts, start)[at]
        p = np.where(contexts[at] == asked // size, mixed, p)
    return float(-np.log(p).mean())
