"""Engines and workers for tests of the loop: they make up records without running anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from autograder.batch.work import Answer, Done, Place, Task
from autograder.gradebook import Course
from autograder.record import CheckResult, Record

PLACE = Place(Path("/nowhere"), None, None, unsafe=True)
COURSE = Course(7, {"gru": "g1", "lstm": "l1"})


def record(task: Task, course: Course = COURSE, seconds: float = 1.0) -> Record:
    """A record made up from the content, always the same one but for the time: the first word is the chapter."""
    chapter = task.content.split()[0].decode() if task.content.strip() else ""
    if chapter not in course.keys:
        return Record(None, task.submission, course.seed, None, 0.0, 0.0, 0.0, error="not a notebook")
    right = len(task.content) % 3 != 0
    outcome, cause, mistake = ("pass", None, None) if right else ("fail", "student", "swapped")
    check = CheckResult("step", "step", 10.0 * right, 10.0, outcome, cause, mistake, "Right." if right else "=1+1")
    return Record(chapter, task.submission, course.seed, course.keys[chapter], 10.0 * right, 10.0, seconds, (check,))


def made_up(place: Place, task: Task) -> Answer:
    """What a worker answers; some contents are the end of it."""
    if b"lethal" in task.content:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"unlucky" in task.content and (flag := Path(task.content.split()[-1].decode())).exists():
        flag.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if b"raises" in task.content:
        raise TypeError("an error of the grader's own")
    if b"no room" in task.content:
        raise OSError(28, "No space left on device")
    return Answer(record(task).as_json(), reached=b"unreached" not in task.content, sandboxed=True)


@dataclass
class Fake:
    """An engine in this process, with results in any order. `graded` lists what it was asked for."""

    answer: Callable[[Task], Answer]
    shuffle: int = 0
    graded: list[str] = field(default_factory=list)

    def run(self, ask: Callable[[], Task | None]) -> Iterator[Done]:
        """Takes up to three tasks at a time."""
        random, busy = Random(self.shuffle), list[Task]()
        while True:
            while len(busy) < 3 and (task := ask()) is not None:
                busy.append(task)
            if not busy:
                return
            task = busy.pop(random.randrange(len(busy)))
            self.graded.append(task.submission)
            try:
                yield Done(task, self.answer(task))
            except TypeError as error:
                yield Done(task, error=error)

    def give_up(self, task: Task) -> None:
        """Nothing to do."""
