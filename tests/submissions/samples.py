"""Sample submissions of a chapter, and what each of them must score.

Belongs here: good ones (solved, untouched, half done, variants), one for every known mistake, and
broken ones. All are made from `solutions/<chapter>.md`. `python -m tests.submissions.samples DIR`
writes them to a folder.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.keys import load_key
from autograder.notebook import Chapter, alternative_code, dump_ipynb, read_chapter, reference_code
from autograder.payload import MIME
from autograder.release import filled_notebook, solved_notebook, student_notebook

SOLUTIONS = Path(__file__).parents[2] / "solutions"
EVERYTHING = "*"


@dataclass(frozen=True)
class Sample:
    """A submission: its bytes, the exercises it must lose, and what else must be said of it.

    `lost` holds EVERYTHING if it scores nothing. `error` is a part of the message of a file
    that cannot be graded. `mistake` is the one that must be named. `outcome` is that of the
    first lost exercise.
    """

    name: str
    content: bytes
    lost: frozenset[str] = frozenset()
    error: str = ""
    mistake: str = ""
    outcome: str = ""


def chapters() -> list[str]:
    """The chapters that have exercises."""
    return sorted(path.stem for path in SOLUTIONS.glob("*.md") if path.stem != "README")


def chapter(name: str) -> Chapter:
    """A chapter's source."""
    return read_chapter(SOLUTIONS / f"{name}.md")


def solutions_of(source: Chapter) -> dict[str, str]:
    """The reference solution of each exercise."""
    return {cell.exercise: reference_code(cell.source) for cell in source.of("solution")}


def good(source: Chapter) -> Iterator[Sample]:
    """Submissions as most students hand them in."""
    exercises = source.exercises
    half = exercises[: len(exercises) // 2]
    answers = {name: code for name, code in solutions_of(source).items() if name in half}
    yield Sample("solved", _bytes(solved_notebook(source)))
    yield Sample("untouched", _bytes(student_notebook(source)), frozenset({EVERYTHING}), outcome="missing")
    yield Sample("half-done", _bytes(filled_notebook(source, answers)), frozenset(exercises) - set(half))


def alternatives(source: Chapter, role: str) -> Iterator[Sample]:
    """One solved notebook for each mistake (or variant), with it in one exercise."""
    for cell in source.of(role):
        answers = solutions_of(source) | {cell.exercise: alternative_code(source, cell)}
        lost = frozenset({cell.exercise}) if role == "mistake" else frozenset()
        named = str(cell.about["id"]) if role == "mistake" else ""
        yield Sample(cell.id, _bytes(filled_notebook(source, answers)), lost, mistake=named)


def broken(source: Chapter) -> Iterator[Sample]:
    """Solved notebooks that something happened to, and files that are no notebooks."""
    first, second = source.exercises[0], source.exercises[1]
    for name, (change, lost, outcome) in _changes(first).items():
        notebook = change(copy.deepcopy(solved_notebook(source)))
        yield Sample(name, _bytes(notebook), frozenset(lost), outcome=outcome)
    for name, code in HOSTILE.items():
        notebook = solved_notebook(source)
        cell = _cell(notebook, f"{second}-solution")
        cell["source"] = f"{code}\n\n{cell['source']}"
        outcome = {"loops": "timeout", "raises": "error", "exits": "died", "kills-itself": "died"}.get(name, "")
        lost = frozenset() if name == "prints-100-megabytes" else frozenset({second})
        yield Sample(name, _bytes(notebook), lost, outcome=outcome)
    yield Sample("answers-pasted-in", _bytes(_pasted(source)), frozenset({first}), outcome="fail")
    yield from _no_notebooks(source)


HOSTILE = {
    "loops": "while True:\n    pass",
    "raises": "raise RuntimeError('no')",
    "exits": "exit()",
    "kills-itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "prints-100-megabytes": "print('x' * 100_000_000)",
}


def _no_notebooks(source: Chapter) -> Iterator[Sample]:
    whole = _bytes(solved_notebook(source))
    other = {"cells": [{"cell_type": "code", "source": "1", "metadata": {}, "outputs": [], "execution_count": 1}],
             "metadata": {}, "nbformat": 4, "nbformat_minor": 5}  # fmt: skip
    yield Sample("empty", b"", error="empty")
    yield Sample("truncated", whole[: len(whole) // 2], error="cut off")
    yield Sample("an-image", b"\x89PNG\r\n\x1a\n\x00\xff\xfe", error="not text")
    yield Sample("a-text", b"Dear teacher, the dog ate it.", error="not a notebook")
    yield Sample("json-but-no-notebook", b'{"a": 1}', error="not a Jupyter notebook")
    yield Sample("of-another-course", _bytes(other), error="not a notebook of this course")
    unknown = solved_notebook(source)
    unknown["metadata"]["unrolled"]["chapter"] = "transformers"
    unknown["cells"] = []
    yield Sample("of-an-unknown-chapter", _bytes(unknown), error="unknown chapter 'transformers'")


def _changes(first: str) -> dict[str, tuple[Callable[[Any], Any], set[str], str]]:  # noqa: C901
    def locked_edited(nb: Any) -> Any:
        for cell in nb["cells"]:
            if cell["cell_type"] == "code" and not cell["id"].endswith("-solution"):
                cell["source"] = "check = draw = inputs = lambda *a, **k: print('right')"
        return nb

    def deleted(nb: Any) -> Any:
        nb["cells"] = [c for c in nb["cells"] if "solution" in c["id"] and not c["id"].startswith(f"{first}-")]
        return nb

    def duplicated(nb: Any) -> Any:
        nb["cells"] = [c for cell in nb["cells"] for c in (cell, cell | {"id": f"copy-of-{cell['id']}"[:64]})]
        return nb

    def reordered(nb: Any) -> Any:
        nb["cells"].reverse()
        return nb

    def split(nb: Any) -> Any:
        at = nb["cells"].index(_cell(nb, f"{first}-solution"))
        head, _, tail = nb["cells"][at]["source"].partition("\n")
        nb["cells"][at]["source"] = head
        nb["cells"].insert(at + 1, nb["cells"][at] | {"id": "a-new-id", "source": tail})
        return nb

    def markdown(nb: Any) -> Any:
        _cell(nb, f"{first}-solution")["cell_type"] = "markdown"
        return nb

    def forged(nb: Any) -> Any:
        key = load_key(nb["metadata"]["unrolled"]["chapter"]).notebook
        outputs = {c["id"]: c["outputs"] for c in key["cells"] if c.get("outputs")}
        for cell in nb["cells"]:
            cell |= {"outputs": outputs[cell["id"]], "execution_count": 1} if cell["id"] in outputs else {}
        _cell(nb, f"{first}-solution")["source"] = "raise NotImplementedError"
        return nb

    def markers(nb: Any) -> Any:
        for cell in nb["cells"]:
            if cell["cell_type"] == "code":
                cell["source"] = "# NBVAL_SKIP\n# NBVAL_IGNORE_OUTPUT\n" + cell["source"]
                cell["metadata"]["tags"] = ["nbval-skip", "nbval-ignore-output", "raises-exception"]
        _cell(nb, f"{first}-solution")["source"] = "# NBVAL_SKIP\nraise NotImplementedError"
        return nb

    def kernelspec(nb: Any) -> Any:
        nb["metadata"]["kernelspec"] = {"name": "always-right", "display_name": "x", "language": "r"}
        return nb

    def ids_lost(nb: Any) -> Any:
        for cell in nb["cells"]:
            del cell["id"]
        return nb | {"nbformat_minor": 0}

    return {
        "locked-cells-edited": (locked_edited, set(), ""),
        "cells-deleted": (deleted, {first}, "missing"),
        "cells-duplicated": (duplicated, set(), ""),
        "cells-reordered": (reordered, set(), ""),
        "cell-split": (split, {first}, "error"),
        "cell-turned-to-markdown": (markdown, {first}, "missing"),
        "outputs-forged": (forged, {first}, ""),
        "nbval-markers": (markers, {first}, ""),
        "another-kernelspec": (kernelspec, set(), ""),
        "ids-lost": (ids_lost, set(), ""),
        "nbformat-3": (_as_nbformat_3, set(), ""),
    }


def _as_nbformat_3(nb: Any) -> Any:
    cells = []
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cells.append({"cell_type": "code", "input": cell["source"], "language": "python", "outputs": [],
                          "metadata": cell["metadata"], "collapsed": False})  # fmt: skip
        else:
            cells.append({"cell_type": "markdown", "source": cell["source"], "metadata": cell["metadata"]})
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": nb["metadata"], "worksheets": [{"cells": cells}]}


def _pasted(source: Chapter) -> dict[str, Any]:
    """The public answer of the first exercise, displayed by its solution cell's function."""
    check = load_key(source.name).exercises[0].checks[0]
    data = next(c for c in load_key(source.name).notebook["cells"] if c["id"] == check.cell_id)["outputs"][0]["data"]
    code = f"""
import json

class Forged:
    def _repr_mimebundle_(self, **kwargs):
        return {{"{MIME}": json.loads({json.dumps(json.dumps(data[MIME]))})}}

def check(*args, **kwargs):
    return Forged()
"""
    name = source.exercises[0]
    return filled_notebook(source, solutions_of(source) | {name: code + _calls_anything(source, name)})


def _calls_anything(source: Chapter, exercise: str) -> str:
    """Stand-ins for the functions of an exercise that return nothing."""
    import ast

    tree = ast.parse(reference_code(source.solution(exercise).source))
    names = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return "\n".join(f"def {name}(*args, **kwargs): return None" for name in names)


def _cell(notebook: dict[str, Any], cell_id: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell.get("id") == cell_id)


def _bytes(notebook: dict[str, Any]) -> bytes:
    return dump_ipynb(notebook).encode()


def main(folder: Path) -> None:
    """Write every sample of every chapter to a folder."""
    for name in chapters():
        source = chapter(name)
        kinds = {"mistakes": alternatives(source, "mistake"), "variants": alternatives(source, "variant")}
        kinds["good"] = good(source)
        if name == "equations":
            kinds["broken"] = broken(source)
        for kind, samples in kinds.items():
            for sample in samples:
                path = folder / name / kind / f"{sample.name}.ipynb"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(sample.content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
