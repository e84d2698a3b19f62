"""Pairs of submissions whose solutions are alike after renaming: a list to look at, never a verdict.

Winnowing: Schleimer, Wilkerson, Aiken, "Winnowing: Local Algorithms for Document Fingerprinting", SIGMOD 2003.
A solution is cut into tokens; names that the student chose become one token, comments, docstrings, annotations'
spelling and layout nothing. Every run of K tokens is hashed, and of every W neighbouring hashes the least is kept:
two solutions that share K + W - 1 tokens in a row share a fingerprint. Fingerprints of the stub and of the
reference are common code and count for nothing; one that many students share counts for little.

Nothing is run: a solution that does not parse is tokenised as far as it goes.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import keyword
import math
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

K = 12  # tokens in a fingerprint: shorter runs are idioms
W = 8  # window: runs of K + W - 1 = 19 tokens are always found
MAX_TOKENS = 20_000
COMMON = 0.25  # a fingerprint that a larger part of the class has is an idiom of the exercise
FEW = 4  # but never one that so few have
MANY = 40  # and always one that so many have: more pairs than anybody looks at (Moss leaves out what ten share)
LIBRARIES = frozenset({"np", "numpy", "torch", "nn", "F", "math"})  # what stands after their dot is not chosen
PRIME, BASE = (1 << 61) - 1, 911_382_323
KNOWN = frozenset(keyword.kwlist) | frozenset(dir(builtins)) | LIBRARIES | {"self"}
LAYOUT = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})
SKIPPED = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER})


@dataclass(frozen=True)
class Token:
    """One token after renaming, with the lines of the source that it stands on (from 1)."""

    text: str
    first: int
    last: int


@dataclass(frozen=True)
class Print:
    """A fingerprint: the hash of K tokens, and the place of the first of them in the token stream."""

    hash: int
    start: int


@dataclass(frozen=True)
class Solution:
    """One student's cell for one exercise."""

    student: str
    exercise: str
    source: str


@dataclass(frozen=True)
class Passage:
    """Lines of one that are like lines of the other (both ends included), and how many tokens are shared there."""

    exercise: str
    lines_a: tuple[int, int]
    lines_b: tuple[int, int]
    tokens: int


@dataclass(frozen=True)
class Pair:
    """Two students whose solutions are alike.

    `score` sums what the shared fingerprints weigh: rare ones much, frequent ones little. `share` is the part of
    the smaller one's own fingerprints (common code left out) that the other has too.
    """

    a: str
    b: str
    score: float
    share: float
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class _Cell:
    solution: Solution
    tokens: list[Token]
    prints: list[Print]


def similar(solutions: Iterable[Solution], common: Mapping[str, Sequence[str]], top: int = 50) -> list[Pair]:
    """The pairs that are most alike, the most alike first.

    Parameters
    ----------
    solutions
        At most one for each student and exercise.
    common
        For each exercise the texts that everybody may share: the stub, the reference.
    top
        How many pairs.
    """
    given = {exercise: {p.hash for text in texts for p in fingerprints(tokens_of(text))}
             for exercise, texts in common.items()}  # fmt: skip
    cells: dict[tuple[str, str], _Cell] = {}
    for solution in solutions:
        tokens = tokens_of(solution.source)
        own = [p for p in fingerprints(tokens) if p.hash not in given.get(solution.exercise, set())]
        cells[solution.student, solution.exercise] = _Cell(solution, tokens, own)
    owned = Counter({s: 0 for s, _ in cells})
    holders: dict[tuple[str, int], set[str]] = defaultdict(set)
    for (student, exercise), cell in cells.items():
        hashes = {p.hash for p in cell.prints}
        owned[student] += len(hashes)
        for value in hashes:
            holders[exercise, value].add(student)
    weights, shared = _shared(holders, len(owned))
    best = sorted(weights, key=lambda pair: (-weights[pair], pair))[:top]
    return [_pair(pair, weights[pair], shared[pair] / min(owned[pair[0]], owned[pair[1]]), cells) for pair in best]


def tokens_of(source: str) -> list[Token]:
    """The tokens of a source after renaming, as far as it can be tokenised, at most MAX_TOKENS."""
    found: list[Token] = []
    fresh = True  # at the beginning of a statement, where a string alone is a docstring
    pending: Token | None = None
    for token in _raw(source):
        if token.type in SKIPPED:
            continue
        if pending is not None and token.type != tokenize.NEWLINE:
            found.append(pending)
        pending = None
        if fresh and token.type == tokenize.STRING:
            pending = Token("S", token.start[0], token.end[0])
        elif token.type not in LAYOUT:
            found.append(Token(_renamed(token, found), token.start[0], token.end[0]))
        fresh = token.type in LAYOUT
        if len(found) >= MAX_TOKENS:
            break
    return found


def fingerprints(tokens: Sequence[Token], k: int = K, w: int = W) -> list[Print]:
    """The fingerprints that winnowing keeps: of each window of w hashes the least, the rightmost of equal ones."""
    hashes = _hashes(tokens, k)
    kept: list[Print] = []
    place = -1
    for start in range(max(1, len(hashes) - w + 1) if hashes else 0):
        end = min(start + w, len(hashes))
        if place < start:  # the least of the last window has left it
            least = min(hashes[start:end])
            place = end - 1 - hashes[start:end][::-1].index(least)
        elif hashes[end - 1] <= hashes[place]:
            place = end - 1
        else:
            continue
        kept.append(Print(hashes[place], place))
    return kept


def _raw(source: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(source).readline)
    except (tokenize.TokenError, SyntaxError, ValueError):  # as far as it goes
        return


def _renamed(token: tokenize.TokenInfo, before: Sequence[Token]) -> str:
    """What stands for a token: a chosen name is N, a string S; `np.tanh` stays what it is."""
    if token.type == tokenize.STRING:
        return "S"
    if token.type != tokenize.NAME or token.string in KNOWN:
        return token.string
    of_library = len(before) > 1 and before[-1].text == "." and before[-2].text not in ("N", ")", "]", "S", "self")
    return token.string if of_library else "N"


def _hashes(tokens: Sequence[Token], k: int) -> list[int]:
    """The rolling hash of every k tokens in a row: the same on every machine and in every run, unlike `hash`."""
    values = [_value(token.text) for token in tokens]
    if len(values) < k:
        return []
    drop = pow(BASE, k - 1, PRIME)
    current = 0
    for value in values[:k]:
        current = (current * BASE + value) % PRIME
    found = [current]
    for old, new in zip(values, values[k:], strict=False):
        current = ((current - old * drop) * BASE + new) % PRIME
        found.append(current)
    return found


@lru_cache(maxsize=100_000)
def _value(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=7).digest(), "big")


def _shared(
    holders: Mapping[tuple[str, int], set[str]], students: int
) -> tuple[dict[tuple[str, str], float], Counter[tuple[str, str]]]:
    """For each pair that shares a fingerprint: what those weigh together, and how many they are.

    The weight of one is log(students / holders), as in inverse document frequency. What more than COMMON of the
    class has, or more than MANY students, is left out, which also bounds the pairs.
    """
    weights: dict[tuple[str, str], float] = defaultdict(float)
    counts: Counter[tuple[str, str]] = Counter()
    for who in holders.values():
        if 2 <= len(who) <= max(FEW, min(MANY, COMMON * students)):
            weight = math.log(max(students, 3) / len(who)) or 0.01
            for pair in combinations(sorted(who), 2):
                weights[pair] += weight
                counts[pair] += 1
    return weights, counts


def _pair(names: tuple[str, str], score: float, share: float, cells: Mapping[tuple[str, str], _Cell]) -> Pair:
    a, b = names
    passages: list[Passage] = []
    for student, exercise in cells:
        if student == a and (b, exercise) in cells:
            passages += _passages(exercise, cells[a, exercise], cells[b, exercise])
    passages.sort(key=lambda passage: (-passage.tokens, passage.exercise, passage.lines_a))
    return Pair(a, b, round(score, 3), round(min(1.0, share), 4), tuple(passages))


def _passages(exercise: str, a: _Cell, b: _Cell) -> list[Passage]:
    """Shared fingerprints grown to the longest runs of equal tokens; a token is part of one run only."""
    places: dict[int, list[int]] = defaultdict(list)
    for p in b.prints:
        places[p.hash].append(p.start)
    found: list[Passage] = []
    end_a = 0
    for p in sorted(a.prints, key=lambda p: p.start):
        if p.start < end_a:
            continue
        runs = [_grow(a.tokens, b.tokens, p.start, start, end_a) for start in places.get(p.hash, ())]
        if runs:
            start_a, start_b, length = max(runs, key=lambda run: run[2])
            end_a = start_a + length
            lines = [(t[i].first, t[i + length - 1].last) for t, i in ((a.tokens, start_a), (b.tokens, start_b))]
            found.append(Passage(exercise, lines[0], lines[1], length))
    return found


def _grow(a: Sequence[Token], b: Sequence[Token], i: int, j: int, floor: int) -> tuple[int, int, int]:
    """The longest run of equal tokens through places i and j; in `a` not before `floor`."""
    start_i, start_j = i, j
    while start_i > floor and start_j > 0 and a[start_i - 1].text == b[start_j - 1].text:
        start_i, start_j = start_i - 1, start_j - 1
    end_i, end_j = i, j
    while end_i < len(a) and end_j < len(b) and a[end_i].text == b[end_j].text:
        end_i, end_j = end_i + 1, end_j + 1
    return start_i, start_j, end_i - start_i
