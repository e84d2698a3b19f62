"""Is a changed solution caught? It runs in the exercise's place, as the known mistakes do.

A fresh kernel for each changed solution, the chapter's locked cells and the reference of earlier
exercises before it, the exercise's own check cells after it, once for each graded seed, and the
grader's comparison under the key's tolerances. Nothing here knows what was changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autograder.compare import compare
from autograder.diagnose import CellError
from autograder.kernel import Kernel, KernelError, Kernels, KernelSettings, run_cell
from autograder.keys import load_key
from autograder.notebook import Chapter
from autograder.payload import Payload
from autograder.reference import check_id, payload_of, prelude, run_reference

TIMEOUT = 5.0  # seconds for a cell; the reference needs milliseconds
SEEDS = (20261120, 7, 11)


@dataclass
class Judge:
    """Judges changed solutions of any chapter; keeps the reference's values of each seed."""

    kernels: Kernels
    seeds: tuple[int, ...] = SEEDS
    timeout: float = TIMEOUT
    _reference: dict[tuple[str, int], dict[str, Payload]] = field(default_factory=dict)

    def complaints(self, chapter: Chapter, exercise: str, source: str) -> list[str | None]:
        """For each seed, why the checks reject this solution, or None if they accept it."""
        kernel: Kernel | None = None
        found = []
        try:
            for seed in self.seeds:
                if kernel is None or not kernel.is_alive():  # the first seed, or the seed before ended it
                    kernel = self.kernels.kernel(KernelSettings(seed=seed, timeout=self.timeout))
                    opened = run_cell(kernel, prelude(chapter, exercise))
                    if opened.error:  # no fault of the mutant's
                        raise KernelError(f"{exercise}: what comes before it ends with {opened.error}")
                found.append(self._complaint(kernel, chapter, exercise, source, seed))
        finally:
            if kernel is not None:
                kernel.stop()
        return found

    def _complaint(self, kernel: Kernel, chapter: Chapter, exercise: str, source: str, seed: int) -> str | None:
        run_cell(kernel, f"import os; os.environ['UNROLLED_SEED'] = '{seed}'")
        defined = run_cell(kernel, source)
        if defined.error:
            return _said(CellError(*defined.error))
        references = self._references(chapter, seed)
        tolerances = {check.id: check.tolerances for check in load_key(chapter.name).checks}
        for check in chapter.of("check", exercise):
            name = check_id(check)
            outcome = payload_of(run_cell(kernel, check.source), name)
            if isinstance(outcome, CellError):
                return _said(outcome)
            difference = compare(outcome, references[name], tolerances.get(name))
            if difference is not None:
                return difference.message
        return None

    def _references(self, chapter: Chapter, seed: int) -> dict[str, Payload]:
        wanted = (f"{chapter.name} {chapter.digest}", seed)
        if wanted not in self._reference:
            self._reference[wanted] = run_reference(chapter, self.kernels, KernelSettings(seed=seed))
        return self._reference[wanted]


def _said(error: CellError) -> str:
    return f"{error.name}: {error.message[:200]}"
