"""Drawings of the Background chapter and of no other page.

Belongs here: the sentences and their bag of words, the kinds of sequence task, the
windows cut from a series, and the time line. Each function returns a finished
:class:`figures.Figure`; what pages share is in ``figures.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

from figures import Canvas, Figure, colour

WIDTH = 460.0

Event = tuple[int, str, str, int]
"""A line of the time line: its year, who, what, and the palette entry of its kind."""


def bag_of_words(sentences: Sequence[str] = ("dog bites man", "man bites dog")) -> Figure:
    """Draw two sentences of three words each above the bag that both fall into."""
    canvas = Canvas(WIDTH, 214)
    roles = {"dog": 1, "bites": 3, "man": 2}
    for half, sentence in enumerate(sentences):
        left = 4 + half * 240
        for i, word in enumerate(sentence.split()):
            canvas.box(left + 26 + i * 80, 40, 52, 34, role=roles[word], label=f"|{word}")
            if i:
                canvas.arrow((left + i * 80 - 26, 40), (left + i * 80 - 1, 40))
        canvas.text(left + 106, 12, f"|sentence {half + 1}", size=14)
        canvas.arrow((left + 106, 64), (left + (150 if half == 0 else 60), 112), role=4)
    canvas.box(WIDTH / 2, 152, 272, 76, role=4)
    canvas.text(WIDTH / 2, 130, "|bag: how often each word occurs", size=14)
    for i, word in enumerate(sorted(roles)):
        canvas.text(WIDTH / 2 - 74 + i * 74, 162, f"|{word}: 1", role=roles[word])
    canvas.text(WIDTH / 2, 204, "|one bag, two meanings", size=14)
    return canvas.figure(
        "Two sentences, 'dog bites man' and 'man bites dog', drawn as three words in "
        "order. Arrows lead from both to one and the same bag: bites 1, dog 1, man 1."
    )


def _panel(canvas: Canvas, x: float, y: float, title: str, inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Draw one kind of task: cells at 1 to 3 with inputs below and outputs above."""
    steps = range(min((*inputs, *outputs)), max((*inputs, *outputs)) + 1)
    canvas.text(x + 4, y, f"|{title}", anchor="start", size=14)
    for number, t in enumerate(steps):
        middle = x + 30 + number * 62
        canvas.box(middle, y + 88, 36, 32, role=1)
        if number:
            canvas.arrow((middle - 44, y + 88), (middle - 18, y + 88), role=2)
        if t in inputs:
            canvas.arrow((middle, y + 130), (middle, y + 105))
            canvas.text(middle, y + 142, "x" if len(inputs) == 1 else f"x_{t}")
        if t in outputs:
            canvas.arrow((middle, y + 71), (middle, y + 46), role=3)
            name = "y" if len(outputs) == 1 else f"y_{t - min(outputs) + 1}"
            canvas.text(middle, y + 34, name, role=3)


def task_kinds() -> Figure:
    """Draw the five kinds of sequence task, each as a small unrolled network."""
    canvas = Canvas(WIDTH, 520)
    _panel(canvas, 6, 14, "one-to-one", [1], [1])
    _panel(canvas, 240, 14, "one-to-many", [1], [1, 2, 3])
    _panel(canvas, 6, 190, "many-to-one", [1, 2, 3], [3])
    _panel(canvas, 240, 190, "many-to-many, aligned", [1, 2, 3], [1, 2, 3])
    _panel(canvas, 6, 366, "many-to-many, not aligned: read first, then write", [1, 2, 3], [4, 5])
    canvas.text(WIDTH - 6, 430, "|encoder: steps 1 to 3", anchor="end", size=13)
    canvas.text(WIDTH - 6, 454, "|decoder: 4 and 5", anchor="end", size=13)
    return canvas.figure(
        "Five small unrolled networks. One-to-one: one input, one output, one cell. "
        "One-to-many: an input at the first of three steps, outputs at all three. "
        "Many-to-one: inputs at three steps, one output at the last. Many-to-many, "
        "aligned: an input and an output at each of three steps. Many-to-many, not "
        "aligned: three steps with inputs only, then two steps with outputs only."
    )


def windows(series: Sequence[int], length: int, horizon: int) -> Figure:
    """Draw a series as numbered cells, and below it each window with its last target."""
    cell, left = 38.0, 88.0
    count = len(series) - length - horizon + 1
    canvas = Canvas(left + cell * len(series) + 6, 74 + 40 * count)
    _cells(canvas, left, 26, cell, series, role=5)
    canvas.text(left - 10, 41, "|series", anchor="end", size=14)
    for n in range(count):
        y = 76 + 40 * n
        inside = series[n : n + length]
        last = n + length - 1 + horizon
        _cells(canvas, left + n * cell, y, cell, inside, role=1)
        _cells(canvas, left + last * cell, y, cell, series[last : last + 1], role=2)
        canvas.text(left - 10, y + 15, f"|window {n + 1}", anchor="end", size=14)
    for n in (0, len(series) - 1):
        canvas.text(left + (n + 0.5) * cell, 10, f"s_{n + 1}", size=14)
    return canvas.figure(
        f"A series of {len(series)} numbers, {', '.join(map(str, series))}. Below it {count} "
        f"windows of {length} numbers, each starting one place further to the right, and in "
        f"another colour the number {horizon} places after the last one of the window."
    )


def _cells(canvas: Canvas, x: float, y: float, size: float, numbers: Sequence[int], *, role: int) -> None:
    """Draw numbers in a row of boxes whose left top corner is ``(x, y)``."""
    for i, number in enumerate(numbers):
        canvas.box(x + (i + 0.5) * size, y + 15, size - 5, 30, role=role, label=f"|{number}")


EVENTS: tuple[Event, ...] = (
    (1986, "Rumelhart, Hinton, Williams", "backpropagation", 1),
    (1990, "Elman", "a network with a context that feeds back", 2),
    (1990, "Werbos", "backpropagation through time, spelt out", 1),
    (1994, "Bengio, Simard, Frasconi", "why long memories are hard to learn", 1),
    (1997, "Hochreiter, Schmidhuber", "the LSTM, still without forget gate", 2),
    (2000, "Gers, Schmidhuber, Cummins", "the forget gate", 2),
    (2006, "Graves and others", "labels without alignment (CTC)", 3),
    (2013, "Graves", "LSTMs that write text and handwriting", 3),
    (2014, "Cho and others", "the GRU; encoder and decoder", 2),
    (2014, "Chung and others", "LSTM and GRU compared", 2),
    (2014, "Bahdanau, Cho, Bengio", "attention, on top of recurrence", 4),
    (2017, "Vaswani and others", "the Transformer: attention alone", 4),
    (2021, "Gu, Goel, Ré", "S4: linear recurrences, long sequences", 4),
    (2023, "Gu, Dao", "Mamba: a recurrence that the input steers", 4),
    (2024, "Beck and others", "xLSTM", 2),
    (2024, "Feng and others", "minLSTM and minGRU", 2),
)


def spread(exact: Sequence[float], gap: float) -> list[float]:
    """Move sorted places apart to at least ``gap``, each crowd staying around its middle."""
    crowds: list[tuple[float, int]] = []  # the place of a crowd's first member, its size
    for place in exact:
        start, size = place, 1
        while crowds and crowds[-1][0] + crowds[-1][1] * gap > start:
            other_start, other = crowds.pop()
            start = (other * other_start + size * (start - other * gap)) / (other + size)
            size += other
        crowds.append((start, size))
    return [start + i * gap for start, size in crowds for i in range(size)]


def time_line(events: Sequence[Event] = EVENTS) -> Figure:
    """Draw events beside an axis that is true to scale, joined to it by thin lines."""
    first, last, year_height = 1985, 2025, 17.0
    exact = [36 + (year - first) * year_height for year, *_ in events]
    places = spread(exact, 40.0)
    end = 36 + (last - first) * year_height
    canvas = Canvas(WIDTH, max(end + 14, places[-1]) + 20)
    canvas.arrow((44, 20), (44, end + 14))
    for decade in range(1990, last + 1, 10):
        canvas.text(34, 36 + (decade - first) * year_height, f"|{decade}", anchor="end", size=13)
    for (year, who, what, role), at, y in zip(events, exact, places, strict=True):
        tone = colour(role)
        canvas.parts.append(
            f'<path d="M96 {y:g}H80L44 {at:g}" fill="none" stroke="{tone}" stroke-width="1.4"/>'
            f'<circle cx="44" cy="{at:g}" r="4" fill="{tone}"/>'
        )
        canvas.text(102, y - 8, f"|{year}  {who}", anchor="start", role=role, size=14)
        canvas.text(102, y + 9, f"|{what}", anchor="start", size=14)
    told = "; ".join(f"{year}: {who}, {what}" for year, who, what, _ in events)
    return canvas.figure(f"Time line from {first} to {last}. {told}.")


def scan_rounds(steps: int = 8) -> Figure:
    """Draw how a parallel scan joins ``steps`` steps in rounds of growing distance."""
    pitch, height, left = 48.0, 74.0, 92.0
    joined, rounds, distance = [1] * steps, 0, 1
    canvas = Canvas(left + pitch * steps - 8, 0)
    rows = [list(joined)]
    while distance < steps:
        joined = [n + (joined[t - distance] if t >= distance else 0) for t, n in enumerate(joined)]
        y = 24 + height * rounds
        for t in range(steps):
            x = left + pitch * t
            canvas.arrow((x, y + 17), (x, y + height - 17))
            if t >= distance:
                canvas.arrow((x - pitch * distance, y + 17), (x - 4, y + height - 18), role=2)
        rows.append(list(joined))
        distance, rounds = 2 * distance, rounds + 1
    for i, row in enumerate(rows):
        y = 24 + height * i
        canvas.text(4, y, "|at first" if i == 0 else f"|round {i}", anchor="start", size=14)
        for t, count in enumerate(row):
            canvas.box(left + pitch * t, y, 34, 32, role=3 if count == t + 1 else 1, label=f"|{count}")
    canvas.height = 48 + height * rounds
    return canvas.figure(
        f"{steps} steps in a row, joined in {rounds} rounds. In round 1 each step joins with "
        f"its left neighbour, in round 2 with the one two places to the left, and so on, "
        f"until each of them covers all steps up to itself."
    )
