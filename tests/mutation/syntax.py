"""A solution's syntax tree: the places where something can be changed, and the source with a change.

Here belongs substituting one piece of code for another. What is substituted is decided elsewhere
(`operators`, `rewrites`). New code is given as text, which keeps the rules that make it readable.
"""

from __future__ import annotations

import ast
import difflib
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.notebook import BEGIN, END, reference_code


@dataclass(frozen=True)
class Place:
    """A node of the tree, and where it hangs: `parent.field`, or `parent.field[index]`."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    function: str  # the innermost function around it; "" outside

    def replaced(self, tree: ast.Module, new: str) -> str:
        """The tree's source with this node replaced by `new` (empty: a statement is deleted)."""
        old = getattr(self.parent, self.field)
        parsed: ast.AST | list[ast.AST]
        if isinstance(self.node, ast.stmt):
            assert self.index is not None
            body = [*old[: self.index], *statements(new), *old[self.index + 1 :]]
            parsed = body or [ast.Pass()]
        else:
            value = expression(new)
            parsed = value if self.index is None else [*old[: self.index], value, *old[self.index + 1 :]]
        return self._with(tree, parsed)

    def with_block(self, tree: ast.Module, new: list[ast.stmt]) -> str:
        """The tree's source with the whole block that this statement stands in replaced."""
        return self._with(tree, new or [ast.Pass()])

    def _with(self, tree: ast.Module, value: object) -> str:
        old = getattr(self.parent, self.field)
        setattr(self.parent, self.field, value)
        try:
            return ast.unparse(ast.fix_missing_locations(tree))
        finally:
            setattr(self.parent, self.field, old)


def expression(text: str) -> ast.expr:
    """The tree of an expression; a slice or a starred item may stand alone."""
    stripped = text.strip()
    if stripped.startswith("*"):
        inner = ast.parse(f"[{stripped}]", mode="eval").body
        assert isinstance(inner, ast.List)
        return inner.elts[0]
    return ast.parse(f"({stripped})", mode="eval").body


def statements(text: str) -> list[ast.stmt]:
    """The trees of some statements."""
    return ast.parse(textwrap.dedent(text)).body


def places(source: str) -> tuple[ast.Module, list[Place]]:
    """The tree of a solution cell, and the places between its markers, in the order of the source."""
    tree = ast.parse(reference_code(source))
    lines = _solution_lines(source)
    return tree, list(_walk(tree, lines, ""))


def change(before: str, after: str) -> str:
    """What the change is, as text: the lines that go, and the lines that come ("»": one level deeper)."""
    old, new = before.splitlines(), after.splitlines()
    gone, come, following = [], [], ""
    for line in difflib.ndiff(old, new):
        if line.startswith("- "):
            gone.append(_shown(line[2:]))
        elif line.startswith("+ "):
            come.append(_shown(line[2:]))
            following = ""
        elif line.startswith("  ") and not following:
            following = _shown(line[2:])
    place = f" (before: {following})" if gone == come else ""
    return f"{' ⏎ '.join(gone) or '(nothing)'}  ⟶  {' ⏎ '.join(come) or '(nothing)'}{place}"


def _shown(line: str) -> str:
    level = (len(line) - len(line.lstrip())) // 4
    return "» " * (level - 1) + line.strip()


def _solution_lines(source: str) -> set[int]:
    """The numbers of the lines between the markers, as they are without the markers."""
    found: set[int] = set()
    number, inside = 0, False
    for line in source.splitlines():
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
            continue
        number += 1
        if inside:
            found.add(number)
    return found


def _walk(node: ast.AST, lines: set[int], function: str) -> Iterator[Place]:
    inner = node.name if isinstance(node, ast.FunctionDef) else function
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_docstring(child, field, index):
                continue
            if isinstance(child, (ast.expr, ast.stmt)) and child.lineno in lines:
                yield Place(child, node, field, index, inner)
            yield from _walk(child, lines, inner)


def _is_docstring(node: ast.AST, field: str, index: int | None) -> bool:
    if field != "body" or index != 0 or not isinstance(node, ast.Expr):
        return False
    return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
