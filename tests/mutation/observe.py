"""What a solution's names and operands hold while its own checks run: kinds, shapes, dtypes.

Two names that hold arrays of one shape can be mistaken for each other without an error; `a + b`
may be turned round if both are arrays, and not if they are lists. Syntax alone does not say so.
"""

from __future__ import annotations

import ast
import copy
import json
from dataclasses import dataclass
from typing import Any

from autograder.kernel import Kernels, KernelSettings, run_cell
from autograder.notebook import Chapter, reference_code
from autograder.reference import prelude

# Runs in the kernel, before the checks. `_kind_` says of a value what matters here.
WATCHER = """
import json as _json_, sys as _sys_

_names_, _values_, _returns_ = {}, {}, {}


def _kind_(value):
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        family = "array" if type(value).__module__ == "numpy" else "tensor"
        letter = value.dtype.kind if family == "array" else str(value.dtype).split(".")[-1][0]
        return f"{family} {letter} {','.join(map(str, value.shape))}"
    return type(value).__name__


def _seen_(number, *values):
    _values_.setdefault(number, [])
    kinds = [_kind_(value) for value in values]
    if kinds not in _values_[number]:
        _values_[number].append(kinds)
    return values


def _both_(number, left, right, operate):
    _seen_(number, left, right)
    return operate(left, right)


def _trace_(frame, event, argument):
    code = frame.f_code
    if code.co_name not in FUNCTIONS or "site-packages" in code.co_filename or "/lib/python" in code.co_filename:
        return None
    held = _names_.setdefault(code.co_name, {})
    for name, value in frame.f_locals.items():
        kind = _kind_(value)
        if kind not in held.setdefault(name, []):
            held[name].append(kind)
    if event == "return" and argument is not None:
        kinds = [_kind_(value) for value in (argument if isinstance(argument, tuple) else [argument])]
        if kinds not in _returns_.setdefault(code.co_name, []):
            _returns_[code.co_name].append(kinds)
    return _trace_
"""


@dataclass(frozen=True)
class Facts:
    """`names`: of each function, what each of its names held. `values`: of a node (by its number
    in `ast.walk`), what its operands (or, of a loop, what it ran over) were, each time. `returns`:
    of each function, what it returned."""

    names: dict[str, dict[str, list[str]]]
    values: dict[int, list[list[str]]]
    returns: dict[str, list[list[str]]]

    def alike(self, function: str, name: str) -> list[str]:
        """The function's other names that held a value of the same kind and shape."""
        held = self.names.get(function, {})
        mine = set(held.get(name, []))
        return sorted(other for other, kinds in held.items() if other != name and mine & set(kinds))

    def numeric(self, number: int) -> bool:
        """Whether both operands of a node always were numbers, arrays or tensors."""
        seen = self.values.get(number, [])
        plain = {"int", "float", "float64", "float32", "int64"}
        return bool(seen) and all(k.split()[0] in {"array", "tensor", *plain} for kinds in seen for k in kinds)

    def ranks(self, number: int) -> tuple[int, int] | None:
        """How many axes the two operands of a node have, if that was always the same."""
        seen = {tuple(_rank(k) for k in kinds) for kinds in self.values.get(number, [])}
        ranks = seen.pop() if len(seen) == 1 else ()
        return (ranks[0], ranks[1]) if len(ranks) == 2 else None

    def shapes(self, number: int, operand: int) -> set[str]:
        """The shapes that an operand of a node had."""
        return {kinds[operand].split()[2] for kinds in self.values.get(number, []) if len(kinds[operand].split()) == 3}

    def kinds(self, function: str, name: str) -> set[str]:
        """What a name of a function held: "array", "tensor", "int", ..."""
        return {kind.split()[0] for kind in self.names.get(function, {}).get(name, [])}


def observe(chapter: Chapter, exercise: str, kernels: Kernels, source: str = "") -> Facts:
    """Run the checks of an exercise on its reference (or on `source`), and look at what its names hold."""
    source = source or reference_code(chapter.solution(exercise).source)
    functions = {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)}
    checks = "\n".join(cell.source for cell in chapter.of("check", exercise))
    kernel = kernels.kernel(KernelSettings(seed=1))
    try:
        for code in (
            prelude(chapter, exercise),
            f"FUNCTIONS = {functions!r}\n{WATCHER}",
            _instrumented(source),
            f"_sys_.settrace(_trace_)\ntry:\n    {checks.replace(chr(10), chr(10) + '    ')}\n"
            "finally:\n    _sys_.settrace(None)\nprint('OBSERVED' + _json_.dumps([_names_, _values_, _returns_]))",
        ):
            run = run_cell(kernel, code)
            if run.error:
                raise RuntimeError(f"{exercise}: the reference does not run under observation: {run.error}")
    finally:
        kernel.stop()
    text = "".join(str(o.get("text", "")) for o in run.outputs if o["output_type"] == "stream")
    names, values, returns = json.loads(text.split("OBSERVED")[1])
    return Facts(names, {int(number): kinds for number, kinds in values.items()}, returns)


def _rank(kind: str) -> int:
    parts = kind.split()
    return len(parts[2].split(",")) if len(parts) == 3 else 0


def _instrumented(source: str) -> str:
    """The source, with every binary operation and every loop telling what it works on."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        node.number = number  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(_Instrument().visit(copy.deepcopy(tree))))


class _Instrument(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        operate = ast.parse("lambda a, b: a + b", mode="eval").body
        assert isinstance(operate, ast.Lambda) and isinstance(operate.body, ast.BinOp)
        operate.body.op = node.op
        return _call("_both_", [_number(node), node.left, node.right, operate])

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        watched = _call("_seen_", [_number(node), node.iter])
        node.iter = ast.Subscript(watched, ast.Constant(0), ast.Load())
        return node


def _number(node: Any) -> ast.expr:
    return ast.Constant(node.number)


def _call(name: str, arguments: list[ast.expr]) -> ast.expr:
    return ast.Call(ast.Name(name, ast.Load()), arguments, [])
