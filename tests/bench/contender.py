"""What every grader can do here: prepare submissions, grade some of them, and be measured."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.exercises import Bank
from tests.bench.figures import BenchError

CLASS = 10  # submissions in the class whose grading is measured whole


@dataclass(frozen=True)
class Measured:
    """Seconds: of grading a class with everything, and of one more notebook in a class."""

    whole: float
    marginal: float


class Contender(ABC):
    """One way to grade the notebooks of a bank.

    `few` and `many` are the sizes of two classes: their difference is free of start-up. One of
    them is CLASS. What is fast needs the larger class for a difference above the noise.
    """

    name: str
    few, many = 1, CLASS

    @abstractmethod
    def prepare(self, bank: Bank, folder: Path) -> None:
        """Write what an instructor writes once, into an empty folder."""

    @abstractmethod
    def hand_in(self, count: int, solved: bool) -> None:
        """Put a class of submissions in place, as if nothing had been graded yet."""

    @abstractmethod
    def grade(self) -> None:
        """Grade the class. This alone is timed."""

    @abstractmethod
    def scores(self) -> list[float]:
        """What each submission of the class got, as a share of all points."""

    def timed(self, count: int, grade: Callable[[], None] | None = None) -> float:
        """Seconds for a class that is all right, once its scores have been seen to be full."""
        self.hand_in(count, solved=True)
        began = time.perf_counter()
        (grade or self.grade)()
        seconds = time.perf_counter() - began
        self._must_be([1.0] * count)
        return seconds

    def verify(self) -> None:
        """Full marks for everybody who has solved all, nothing for a notebook as handed out.

        Raises
        ------
        BenchError
            If it is not so: then its times mean nothing.
        """
        self.timed(CLASS)
        self.hand_in(1, solved=False)
        self.grade()
        self._must_be([0.0])

    def measure(self) -> Measured:
        """One round."""
        seconds = {count: self.timed(count) for count in (self.few, self.many)}
        return Measured(seconds[CLASS], (seconds[self.many] - seconds[self.few]) / (self.many - self.few))

    def _must_be(self, expected: list[float]) -> None:
        found = self.scores()
        if found != expected:
            raise BenchError(f"{self.name}: scores {found}, not {expected}")
