"""An opinion on a mutant that does not come from the exercise's checks: does it ever do another thing?

The mutant and the reference run side by side on the arguments that `trials/` draws from the card's
promises: many rounds, other shapes and scales, extreme values. Compared is all that a card
promises: results, arguments afterwards, gradients, memory shared, warnings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from autograder.kernel import Kernels, KernelSettings, run_cell
from autograder.notebook import Chapter, reference_code
from autograder.reference import prelude

TRIALS = Path(__file__).parent / "trials"
ROUNDS = 120
TIMEOUT = 30.0


class OracleError(Exception):
    """The oracle itself does not work; the message says how."""


@dataclass(frozen=True)
class Oracle:
    """Runs the trials in kernels."""

    kernels: Kernels
    rounds: int = ROUNDS

    def trial(self, chapter: Chapter, exercise: str) -> str:
        """What is tried on an exercise, as source: `common.py` and the exercise's own trial."""
        return f"{_text('common')}\n{_own(_text(chapter.name), exercise)}\n# {self.rounds} rounds"

    def difference(self, chapter: Chapter, exercise: str, source: str) -> str | None:
        """How the mutant differs from the reference on some input, or None if it never does.

        Raises
        ------
        OracleError
            If the reference itself fails its trial.
        """
        reference = reference_code(chapter.solution(exercise).source)
        kernel = self.kernels.kernel(KernelSettings(seed=1, timeout=TIMEOUT))
        try:
            for code in (_text("common"), _text(chapter.name)):
                run = run_cell(kernel, code)
                if run.error:
                    raise OracleError(f"{chapter.name}: the trials do not run: {run.error}")
            before = prelude(chapter, exercise)
            call = f"difference({before!r}, {reference!r}, {source!r}, {exercise!r}, {self.rounds})"
            run = run_cell(kernel, f"print('SAYS' + repr({call}))")
        finally:
            kernel.stop()
        if run.error and "the reference raises" in run.error[1]:
            raise OracleError(f"{exercise}: {run.error[1]}")
        if run.error:
            return f"{run.error[0]}: {run.error[1]}"
        text = "".join(str(o.get("text", "")) for o in run.outputs if o["output_type"] == "stream")
        said = text.split("SAYS")[1].strip()
        return None if said == "None" else said[1:-1]


@lru_cache(maxsize=16)
def _text(name: str) -> str:
    return (TRIALS / f"{name}.py").read_text()


def _own(text: str, exercise: str) -> str:
    """What the file says before its first trial, and this exercise's trial."""
    head, *parts = text.split("@trial(")
    mine = [part for part in parts if part.startswith(f'"{exercise}"')]
    return "@trial(".join([head, *mine])
