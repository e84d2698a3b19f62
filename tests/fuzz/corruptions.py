"""Real notebooks, spoilt: a seed gives the same bytes every time.

A spoilt notebook was half done: every second exercise is solved (see `SOLVED`), the others are stubs. So
there is a bound on what it may earn, whatever happens to it.
"""

from __future__ import annotations

import base64
import codecs
import copy
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any

from autograder.notebook import dump_ipynb
from autograder.release import filled_notebook
from tests.submissions.samples import chapter, solutions_of

Json = Any
# Stand-ins in the JSON tree for what `json.dumps` cannot write: see `_text`.
HUGE, DEEP, DEEPER = "@huge@", "@deep@", "@deeper@"
LITERALS = {HUGE: "9" * 5000, DEEP: "[" * 400 + "]" * 400, DEEPER: '{"a":' * 100_000 + "1" + "}" * 100_000}

ODD: tuple[Json, ...] = (
    None, True, False, 0, -1, 3, 4.5, 10**30, 1e308, float("nan"), float("inf"), -float("inf"), "", "code", "x" * 300,
    "\x00", "\ud800", "\udcff\ud800", "é", "\x1b[31m", "[/bold]", "a\nb", [], {}, [[]], [None], ["x", 1], {"": ""},
    {"a": {"b": []}}, HUGE, DEEP, DEEPER, [0] * 5000, "solution", "equations", "lstm", ["print(1)\n", "x"],
)  # fmt: skip
KEYS = ("cells", "metadata", "nbformat", "nbformat_minor", "id", "cell_type", "source", "outputs", "unrolled",
        "chapter", "tags", "worksheets", "kernelspec", "")  # fmt: skip
SOURCES = (
    "", " ", "\x00", "\ufeff", "x = (", "%", "%%", "!", "?", "%%nonsense\nx", "%matplotlib", "!exit 3", "np?", "%%time",
    "%run nowhere.py", "%load_ext nothing", "raise ValueError('\\ud800\\x1b[2J')", "raise Exception('[/]' * 9)",
    "'\ud800'", "print('\\ud800')", "\ud83d", "\u202eprint(1)", "é = ñ = 1", "x" * 70_000, "'" + "é" * 70_000 + "'",
    "y = 1\n" * 9000, "\n" * 9000, "\r" * 90, "x = 1\r\ny = 2", "\tx = 1", "if 1:\n\tx = 1\n        y = 2", "(" * 250,
    "[" * 99 + "]" * 99, "-" * 3000 + "1", "+".join("1" * 4000), "x" + ".y" * 3000, "lambda: " * 500 + "1", "9" * 5000,
    "int('9' * 5000)", "def f():\n  return " + "+".join("1" * 900), "f'{" * 60 + "1" + "}'" * 60, "return 1", "yield",
    "await 1", "await nothing()", "from __future__ import braces", "from __future__ import annotations", "# coding: x",
    "# -*- coding: utf-16 -*-\nx = 1", "import antigravity_", "class E(Exception):\n  __str__ = None\nraise E", "raise",
    "raise type('E' * 3000, (Exception,), {})('x' * 9000)", "1 / 0", "assert False", "del check", "check = None", "_",
    "raise type('\\x1b[31m', (Exception,), {})", "exec('1' * 9000)", "display(1, raw=True)",
    "display({'x': 1}, raw=True)",
    "display({'\\ud800': object()}, raw=True)", "import sys; sys.stdout.write('\\x1b]0;title\\x07')", "NotImplemented",
    "raise NotImplementedError('\\n\\n')", "raise KeyboardInterrupt", "raise StopIteration", "raise GeneratorExit",
    "class R:\n  def __repr__(self): raise ValueError('\\udfff')\nR()", "import warnings; warnings.warn('\\x1b')",
    "class R:\n  def _repr_mimebundle_(self, **k): return 7\nR()", "sys.setrecursionlimit(50)", "get_ipython().magic",
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "cp037")
WHOLE = (b"", b" \n", b"{}", b"[]", b"null", b"0", b'"x"', b"NaN", b"{", b"\xef\xbb\xbf", b"\xff\xfe", b"\x00" * 99,
         b'{"cells": []}', b'{"nbformat": 4}', b'{"nbformat": 4, "cells": {}}', b'{"nbformat": 3, "worksheets": 1}',
         b'{"nbformat": 2, "worksheets": [{"cells": [{}]}]}', b'{"nbformat": 1, "cells": [5]}')  # fmt: skip


@lru_cache(maxsize=8)
def half_done(name: str) -> tuple[dict[str, Any], frozenset[str]]:
    """A chapter's notebook with outputs, every second exercise solved; and which those are."""
    source = chapter(name)
    solved = frozenset(source.exercises[::2])
    answers = {exercise: code for exercise, code in solutions_of(source).items() if exercise in solved}
    notebook = filled_notebook(source, answers)
    picture = {"image/png": base64.b64encode(bytes(range(256))).decode(), "text/plain": ["<Figure>"]}
    for i, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            stream = {"output_type": "stream", "name": "stdout", "text": ["1\n", "2\n"]}
            shown = {"output_type": "display_data", "data": picture, "metadata": {}}
            cell |= {"execution_count": i, "outputs": [stream, shown]}
    return notebook, solved


def spoilt(rng: Random, name: str) -> bytes:
    """A chapter's half-done notebook with one to three things done to it."""
    notebook = copy.deepcopy(half_done(name)[0])
    kind = rng.choice(("tree", "cells", "cells", "text", "bytes", "file"))
    for _ in range(rng.randint(1, 3)):
        if kind == "tree":
            notebook = _spoil_tree(rng, notebook)
        elif kind == "cells":
            _spoil_cells(rng, notebook["cells"])
    content = _encoded(_text(notebook))
    if kind == "text":
        content = _encoded(_spoil_text(rng, _text(notebook)))
    elif kind == "bytes":
        for _ in range(rng.randint(1, 4)):
            content = _spoil_bytes(rng, content)
    elif kind == "file":
        content = _spoil_file(rng, notebook)
    return content


def _text(tree: Json) -> str:
    """A tree as JSON, with NaN and the stand-ins spelt out."""
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    for name, literal in LITERALS.items():
        text = text.replace(f'"{name}"', literal)
    return text


def _encoded(text: str) -> bytes:
    """UTF-8; halves of surrogate pairs as the escapes that JSON allows."""
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


# --- the JSON tree ---------------------------------------------------------------------------------------------------


def _spoil_tree(rng: Random, tree: Json) -> Json:
    """One node of the tree becomes something else."""
    holder, key = _somewhere(rng, tree)
    if holder is None:
        return rng.choice(ODD)
    node = holder[key]
    kind = rng.choice(("odd", "odd", "drop", "wrap", "retype", "rename", "swap"))
    if kind == "odd":
        holder[key] = copy.deepcopy(rng.choice(ODD))
    elif kind == "drop":
        del holder[key]
    elif kind == "wrap":
        holder[key] = rng.choice(([node], {"a": node}, [node, node], {"": [node]}))
    elif kind == "retype":
        holder[key] = _retyped(node)
    elif kind == "rename" and isinstance(holder, dict):
        holder[rng.choice(KEYS)] = holder.pop(key)
    elif kind == "swap":
        other, place = _somewhere(rng, tree)
        if other is not None:
            holder[key], other[place] = copy.deepcopy(other[place]), copy.deepcopy(node)
    return tree


def _somewhere(rng: Random, tree: Json) -> tuple[Json, Json]:
    """A container in the tree and one of its keys; (None, None) for the tree itself."""
    holder, key, node = None, None, tree
    while isinstance(node, dict | list) and node and (holder is None or rng.random() < 0.75):
        holder = node
        key = rng.choice(sorted(node)) if isinstance(node, dict) else rng.randrange(len(node))
        node = holder[key]
    return (None, None) if rng.random() < 0.02 else (holder, key)


def _retyped(node: Json) -> Json:
    if isinstance(node, list):
        return {str(i): item for i, item in enumerate(node)}
    if isinstance(node, dict):
        return list(node.values())
    return [node] if isinstance(node, str) else str(node)


# --- cells -----------------------------------------------------------------------------------------------------------


def _spoil_cells(rng: Random, cells: list[dict[str, Any]]) -> None:
    """Something happens to one cell, or to where it is."""
    at = rng.randrange(len(cells))
    CELL_CHANGES[rng.choice(sorted(CELL_CHANGES))](rng, cells, at)


def _characters(rng: Random) -> str:
    """Characters of all kinds, most of them rare."""
    ranges = ((0, 128), (0, 0x3000), (0, sys.maxunicode), (0xD7F0, 0xE010))  # the last: halves of pairs
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(40))


def _source(rng: Random) -> str:
    return rng.choice((rng.choice(SOURCES), rng.choice(SOURCES), _characters(rng)))


def _replace(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells[at]["source"] = _source(rng)


def _insert_text(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    text = str(cells[at].get("source"))
    place = rng.randint(0, len(text))
    cells[at]["source"] = text[:place] + _source(rng) + text[place:]


def _append(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells[at]["source"] = f"{cells[at].get('source')}\n{_source(rng)}"


def _lines(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    lines: list[Json] = str(cells[at].get("source")).splitlines(keepends=True)
    if rng.random() < 0.5 or not lines:
        lines.insert(rng.randint(0, len(lines)), rng.choice(ODD))
    else:
        del lines[rng.randrange(len(lines))]
    cells[at]["source"] = lines


def _new(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells.insert(at, {"cell_type": "code", "metadata": {}, "id": f"own-{at}", "source": _source(rng), "outputs": []})


def _many(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    source = rng.choice(("", "#", "pass", "x"))
    cells[at:at] = [{"cell_type": rng.choice(("code", "markdown", "raw")), "source": source, "id": "same"}] * 2000


def _rename(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    other = rng.choice(cells).get("id")
    cells[at]["id"] = rng.choice((other, other, None, 5, ["x"], {"a": 1}, "", "é\x00\ud800", "x" * 10_000, True))


def _metadata(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    other = rng.choice(cells).get("metadata")
    inner = {"unrolled": rng.choice(ODD), "tags": rng.choice(ODD), "editable": rng.choice(ODD)}
    cells[at]["metadata"] = copy.deepcopy(rng.choice((other, inner, *ODD)))


def _retype(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells[at]["cell_type"] = rng.choice(("code", "markdown", "raw", "heading", "", "\ud800", "CODE"))


def _move(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells.insert(rng.randrange(len(cells)), cells.pop(at))


def _copy(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells.insert(rng.randrange(len(cells)), copy.deepcopy(cells[at]))


def _outputs(rng: Random, cells: list[dict[str, Any]], at: int) -> None:
    cells[at]["outputs"] = rng.choice((rng.choice(ODD), [rng.choice(ODD)], [{"output_type": rng.choice(ODD)}]))


CELL_CHANGES: dict[str, Callable[[Random, list[dict[str, Any]], int], None]] = {
    "replace": _replace, "insert text": _insert_text, "append": _append, "lines": _lines, "new": _new, "many": _many,
    "rename": _rename, "metadata": _metadata, "retype": _retype, "move": _move, "copy": _copy, "outputs": _outputs,
}  # fmt: skip


# --- text, bytes, the file -------------------------------------------------------------------------------------------


def _spoil_text(rng: Random, text: str) -> str:
    """JSON that is none, or that says a thing twice."""
    braces = [i for i, c in enumerate(text) if c == "{"]
    at = rng.choice(braces) + 1
    twice = f'"{rng.choice(KEYS)}": {_text(rng.choice(ODD))}, '
    slip = rng.choice((",", "}", "]", '"', "//", "\\", "NaN", "\x00", "\ud800", "'", "\u2028"))
    return rng.choice((
        text[:at] + twice + text[at:], text[:at] + twice + text[at:], text[:at] + slip + text[at:], text + slip,
        text + text, f"var x = {text}", text.replace('"', "'"), text.replace(": ", ":\r"), text.replace("\\n", "\n"),
    ))  # fmt: skip


def _spoil_bytes(rng: Random, content: bytes) -> bytes:
    """A few bytes flipped, cut, doubled, put in, put elsewhere or made zero."""
    if not content:
        return b"{"
    i = rng.randrange(len(content))
    j = min(len(content), i + rng.choice((1, 1, 2, 9, 300, 5000)))
    some = bytes(rng.randrange(256) for _ in range(rng.choice((1, 2, 8))))
    return rng.choice((
        content[:i] + bytes([content[i] ^ (1 << rng.randrange(8))]) + content[i + 1 :], content[:i] + content[j:],
        content[:j] + content[i:j] + content[j:], content[:i] + some + content[i:], content[:i],
        content[:i] + bytes(j - i) + content[j:], content[j:] + content[i:j] + content[:i],
    ))  # fmt: skip


def _spoil_file(rng: Random, notebook: dict[str, Any]) -> bytes:
    """Another encoding, another format, or another file altogether."""
    kind = rng.choice(("encoding", "encoding", "format", "whole", "marks", "packed"))
    if kind == "encoding":
        return _text(notebook).encode(rng.choice(ENCODINGS), "replace")
    if kind == "format":
        notebook["nbformat"] = rng.choice((1, 2, 3, 5, 99, "4", 4.0, True, None, float("nan"), -4, [4], HUGE))
        notebook["worksheets"] = [{"cells": notebook["cells"]}]
        return _encoded(_text(notebook))
    if kind == "whole":
        return rng.choice(WHOLE)
    content = dump_ipynb(notebook).encode()
    if kind == "marks":
        before = rng.choice((b"", codecs.BOM_UTF8, b"\n" * 99, b"\x00"))
        return before * rng.randint(1, 2) + content + rng.choice((b"", b"\x1a", b"\n{}", b"\x00"))
    packed = gzip.compress(content, mtime=0), base64.b64encode(content)
    return rng.choice((*packed, content[::-1], content.hex().encode()))


def numbered(seeds: range, names: tuple[str, ...] = ("equations",)) -> Iterator[tuple[int, str, bytes]]:
    """The spoilt notebooks of these seeds: seed, chapter, content."""
    for seed in seeds:
        rng = Random(seed)
        name = names[seed % len(names)]
        yield seed, name, spoilt(rng, name)


if __name__ == "__main__":
    number = int(sys.argv[1])
    sys.stdout.buffer.write(next(numbered(range(number, number + 1)))[2])
