"""What can be changed in the statements of a piece of code: mutation operators for whole lines.

Dropped and exchanged statements, loops that run too rarely or backwards, statements on the wrong
side of a loop's border, arrays changed in place, results without their gradient.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.mutation.operators import Change, Context, u
from tests.mutation.syntax import Place, statements

LOOPS = (ast.For, ast.While)
BLOCKS = (ast.For, ast.While, ast.With, ast.If)


def statement(node: ast.stmt, place: Place, context: Context) -> Iterator[Change]:
    """The changes of one statement."""
    if not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Return, *BLOCKS)):
        yield "statement", ""
    if isinstance(node, ast.Assign):
        yield from _assign(node, context)
    elif isinstance(node, ast.AugAssign):
        yield "statement", f"{u(node.target)} = {u(node.value)}"
        yield "statement", f"{u(node.target)} -= {u(node.value)}"
    elif isinstance(node, ast.Return) and node.value is not None:
        yield from _return(node, place, context)
    elif isinstance(node, ast.With):
        yield "block", _text(node.body)
    elif isinstance(node, ast.If):
        yield from _if(node)
    elif isinstance(node, ast.For):
        yield from _for(node)
    elif isinstance(node, ast.While):
        yield "condition", f"while not ({u(node.test)}):\n{_indented(node.body)}"
        yield "block", _text(node.body)


def _assign(node: ast.Assign, context: Context) -> Iterator[Change]:
    target, value = node.targets[0], u(node.value)
    if isinstance(target, (ast.Name, ast.Subscript)):
        name = u(target)
        nudge = "1.001" if context.torch else "1.000001"
        yield "nudge", f"{name} = ({value}) * {nudge}"
        yield "accumulate", f"{name} = {name} + ({value})"
        if isinstance(target, ast.Name):
            yield "in place", f"{name}[...] = {value}"
            if isinstance(node.value, ast.BinOp) and u(node.value.left) == name:
                symbol = "+" if isinstance(node.value.op, ast.Add) else "*"
                yield "in place", f"{name} {symbol}= {u(node.value.right)}"
            if context.torch:
                yield "gradient", f"{name} = ({value}).detach()"


def _return(node: ast.Return, place: Place, context: Context) -> Iterator[Change]:
    assert node.value is not None
    elements = [u(e) for e in node.value.elts] if isinstance(node.value, ast.Tuple) else [u(node.value)]
    wrong = ["np.float32({})", "({}) * 1.000001"]
    if context.torch:
        wrong = ["({}).half().float()", "({}) * 1.001", "({}).detach()"]
    for i, element in enumerate(elements):
        for template in [] if element.startswith("*") else wrong:
            changed = [*elements[:i], template.format(element), *elements[i + 1 :]]
            yield "result", f"return {', '.join(changed)}"
    held = context.facts.names.get(place.function, {})
    for name in _parameters(place.parent):
        kinds = {kind.split()[0] for kind in held.get(name, [])}
        if kinds == {"array"}:
            yield "in place", f"_result = {u(node.value)}\n{name}[...] = 0\nreturn _result"
        elif kinds == {"tensor"}:
            yield "in place", f"_result = {u(node.value)}\n{name}.data.zero_()\nreturn _result"


def _parameters(function: ast.AST) -> list[str]:
    return [a.arg for a in function.args.args if a.arg != "self"] if isinstance(function, ast.FunctionDef) else []


def _if(node: ast.If) -> Iterator[Change]:
    yield "condition", _text(node.body)
    yield "condition", _text(node.orelse)
    orelse = f"\nelse:\n{_indented(node.orelse)}" if node.orelse else ""
    yield "condition", f"if not ({u(node.test)}):\n{_indented(node.body)}{orelse}"


def _for(node: ast.For) -> Iterator[Change]:
    over, target, body = u(node.iter), u(node.target), _indented(node.body)
    yield "loop", f"for {target} in {over}:\n{body}\n    break"
    for new in (f"list({over})[1:]", f"list({over})[:-1]", f"reversed(list({over}))", f"list({over}) * 2"):
        yield "loop", f"for {target} in {new}:\n{body}"


def blocks(place: Place) -> Iterator[tuple[str, list[ast.stmt]]]:
    """What the block around a statement can become: it exchanged with the next one, it moved over
    the border of a loop."""
    body: list[ast.stmt] = getattr(place.parent, place.field)
    i = place.index
    node = place.node
    assert i is not None and isinstance(node, ast.stmt)
    if i + 1 < len(body) and not isinstance(body[i + 1], ast.Return):
        yield "exchanged", [*body[:i], body[i + 1], node, *body[i + 2 :]]
    if isinstance(node, LOOPS):
        for k, inner in enumerate(node.body):
            if len(node.body) > 1:
                rest = _loop(node, [*node.body[:k], *node.body[k + 1 :]])
                yield "moved", [*body[:i], inner, rest, *body[i + 1 :]]
                yield "moved", [*body[:i], rest, inner, *body[i + 1 :]]
        if i:
            yield "moved", [*body[: i - 1], _loop(node, [body[i - 1], *node.body]), *body[i + 1 :]]
        if i + 1 < len(body) and not isinstance(body[i + 1], ast.Return):
            yield "moved", [*body[:i], _loop(node, [*node.body, body[i + 1]]), *body[i + 2 :]]
    if isinstance(node, ast.With) and len(node.body) > 1:
        for k, inner in enumerate(node.body):
            rest_of = ast.With(node.items, [*node.body[:k], *node.body[k + 1 :]], lineno=1)
            yield "moved", [*body[:i], inner, rest_of, *body[i + 1 :]]


def _loop(node: ast.For | ast.While, body: list[ast.stmt]) -> ast.stmt:
    head = f"for {u(node.target)} in {u(node.iter)}" if isinstance(node, ast.For) else f"while {u(node.test)}"
    return statements(f"{head}:\n{_indented(body)}")[0]


def _text(body: list[ast.stmt]) -> str:
    return "\n".join(u(node) for node in body)


def _indented(body: list[ast.stmt]) -> str:
    lines = (_text(body) or "pass").splitlines()
    return "\n".join(f"    {line}" for line in lines)
