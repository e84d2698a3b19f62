"""All rewrites of a solution: it, said in another way, with the same meaning. Each must be accepted.

A rule turns one kind of expression or statement into another that has the same value: exactly, or
up to rounding. It is applied everywhere in a solution at once, and several rules after each other.
Here belong the engine and the rules for expressions; those for statements are in `restated`.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from autograder.kernel import Kernels
from autograder.notebook import Chapter, reference_code
from tests.mutation.observe import Facts, observe
from tests.mutation.syntax import expression, statements

u = ast.unparse
Rule = Callable[[Any, Facts, str], str | None]  # node, facts, innermost function -> new text, or None
EXPRESSIONS: dict[str, Rule] = {}
STATEMENTS: dict[str, Rule] = {}
FUNCTIONS: dict[str, Rule] = {}


@dataclass(frozen=True)
class Rewrite:
    """A solution said in another way. `name`: the exercise, and the rules."""

    exercise: str
    name: str
    source: str


def rewrites(chapter: Chapter, exercise: str, kernels: Kernels, mixtures: int = 4) -> list[Rewrite]:
    """Every rule that applies to the exercise's reference, alone; and mixtures of five of them."""
    from tests.mutation import restated  # its rules register themselves

    assert restated.__doc__
    source = ast.unparse(ast.parse(reference_code(chapter.solution(exercise).source)))
    facts = observe(chapter, exercise, kernels, source)
    found = [Rewrite(exercise, f"{exercise}: printed again", source)]
    for name in rules():
        text = applied(name, source, facts)
        if text != source:
            found.append(Rewrite(exercise, f"{exercise}: {name}", text))
    names = [rewrite.name.split(": ")[1] for rewrite in found[1:]]
    for number in range(mixtures if len(names) > 2 else 0):
        chosen = random.Random(f"{exercise} {number}").sample(names, min(5, len(names)))
        text = source
        for name in chosen:
            text = applied(name, text, observe(chapter, exercise, kernels, text))
        found.append(Rewrite(exercise, f"{exercise}: {' + '.join(chosen)}", text))
    return found


def rules() -> list[str]:
    """The names of all rules."""
    return [*EXPRESSIONS, *STATEMENTS, *FUNCTIONS]


def applied(name: str, source: str, facts: Facts) -> str:
    """The source with a rule applied wherever it applies."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        node.number = number  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(_Applier(name, facts).visit(tree)))


class _Applier(ast.NodeTransformer):
    def __init__(self, name: str, facts: Facts) -> None:
        self.expression, self.statement = EXPRESSIONS.get(name), STATEMENTS.get(name)
        self.function = FUNCTIONS.get(name)
        self.facts = facts
        self.inside: list[str] = []

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.FunctionDef):
            self.inside.append(node.name)
        new = self.generic_visit(node)
        if isinstance(node, ast.FunctionDef):
            self.inside.pop()
        function = self.inside[-1] if self.inside else ""
        rule = self._rule(node)
        text = rule(new, self.facts, function) if rule else None
        if text is None:
            return new
        return expression(text) if isinstance(node, ast.expr) else statements(text)

    def _rule(self, node: ast.AST) -> Rule | None:
        if isinstance(node, ast.expr):
            return self.expression if isinstance(getattr(node, "ctx", ast.Load()), ast.Load) else None
        if isinstance(node, ast.FunctionDef):
            return self.function if not self.inside else None
        return self.statement if isinstance(node, ast.stmt) and self.inside else None


def rule(table: dict[str, Rule], name: str, node_type: type | tuple[type, ...]) -> Callable[[Rule], Rule]:
    """Decorator: the function below is a rule for nodes of this type."""

    def register(function: Rule) -> Rule:
        table[name] = lambda node, facts, inside: function(node, facts, inside) if isinstance(node, node_type) else None
        return function

    return register


def operation(node: ast.AST, symbol: type, facts: Facts) -> bool:
    """Whether a node is this operation, on numbers, arrays or tensors."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, symbol) and facts.numeric(getattr(node, "number", -1))


def library(node: ast.AST, facts: Facts) -> str:
    """Which library's arrays a binary operation works on: "np", "torch" or ""."""
    seen = {k.split()[0] for kinds in facts.values.get(getattr(node, "number", -1), []) for k in kinds}
    return "torch" if "tensor" in seen else "np" if "array" in seen else ""


@rule(EXPRESSIONS, "operands turned round", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    for symbol, text in ((ast.Add, "+"), (ast.Mult, "*")):
        if operation(node, symbol, facts):
            return f"({u(node.right)}) {text} ({u(node.left)})"
    return None


@rule(EXPRESSIONS, "minus the other way", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    return f"-(({u(node.right)}) - ({u(node.left)}))" if operation(node, ast.Sub, facts) else None


@rule(EXPRESSIONS, "minus as plus", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    return f"({u(node.left)}) + -({u(node.right)})" if operation(node, ast.Sub, facts) else None


@rule(EXPRESSIONS, "divided as multiplied", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    return f"({u(node.left)}) * (1 / ({u(node.right)}))" if operation(node, ast.Div, facts) else None


@rule(EXPRESSIONS, "square as product", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    if isinstance(node.op, ast.Pow) and u(node.right) == "2":
        return f"({u(node.left)}) * ({u(node.left)})"
    if isinstance(node.op, ast.Pow) and u(node.right) in ("-0.5", "(-0.5)"):
        return f"1 / ({u(node.left)}) ** 0.5"
    return None


@rule(EXPRESSIONS, "one minus square as product", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    right = node.right
    if u(node.left) == "1" and isinstance(right, ast.BinOp) and isinstance(right.op, ast.Pow) and u(right.right) == "2":
        return f"(1 - {u(right.left)}) * (1 + {u(right.left)})"
    return None


@rule(EXPRESSIONS, "distributed", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    if not operation(node, ast.Mult, facts):
        return None
    for one, other in ((node.left, node.right), (node.right, node.left)):
        if operation(other, ast.Add, facts) or operation(other, ast.Sub, facts):
            assert isinstance(other, ast.BinOp)
            symbol = "+" if isinstance(other.op, ast.Add) else "-"
            return f"({u(one)}) * ({u(other.left)}) {symbol} ({u(one)}) * ({u(other.right)})"
    return None


@rule(EXPRESSIONS, "other brackets", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    for symbol, text in ((ast.Add, "+"), (ast.Mult, "*")):
        if operation(node, symbol, facts) and operation(node.left, symbol, facts):
            assert isinstance(node.left, ast.BinOp)
            return f"({u(node.left.left)}) {text} (({u(node.left.right)}) {text} ({u(node.right)}))"
    return None


@rule(EXPRESSIONS, "one product for the mixture", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    left, right = node.left, node.right
    if not (operation(node, ast.Add, facts) and operation(left, ast.Mult, facts) and operation(right, ast.Mult, facts)):
        return None
    assert isinstance(left, ast.BinOp) and isinstance(right, ast.BinOp)
    if u(left.left) != f"1 - {u(right.left)}":
        return None
    return f"{u(left.right)} + {u(right.left)} * ({u(right.right)} - {u(left.right)})"


@rule(EXPRESSIONS, "matmul", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    if not isinstance(node.op, ast.MatMult) or not library(node, facts):
        return None
    return f"{library(node, facts)}.matmul({u(node.left)}, {u(node.right)})"


@rule(EXPRESSIONS, "dot", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    if not isinstance(node.op, ast.MatMult) or library(node, facts) != "np":
        return None
    ranks = facts.ranks(getattr(node, "number", -1))
    return f"np.dot({u(node.left)}, {u(node.right)})" if ranks and ranks[1] <= 2 else None


@rule(EXPRESSIONS, "einsum", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    ranks = facts.ranks(getattr(node, "number", -1))
    if not isinstance(node.op, ast.MatMult) or not ranks or not library(node, facts):
        return None
    left, right = u(node.left), u(node.right)
    first, out = {1: ("k", ""), 2: ("mk", "m"), 3: ("amk", "am")}[ranks[0]]
    second = {1: "k", 2: "kn"}[ranks[1]]
    if isinstance(node.right, ast.Attribute) and node.right.attr == "T":
        second, right = second[::-1], u(node.right.value)
    return f"{library(node, facts)}.einsum('{first},{second}->{out}{'n' if ranks[1] == 2 else ''}', {left}, {right})"


@rule(EXPRESSIONS, "products transposed", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    if not isinstance(node.op, ast.MatMult) or facts.ranks(getattr(node, "number", -1)) != (2, 2):
        return None
    return f"(({u(node.right)}).T @ ({u(node.left)}).T).T"


@rule(EXPRESSIONS, "weights side by side", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    """x @ W.T + h @ V.T as one product of [x, h] with [W V]."""
    left, right = node.left, node.right
    for side in (left, right):
        if not isinstance(side, ast.BinOp) or not isinstance(side.op, ast.MatMult) or not u(side.right).endswith(".T"):
            return None
    numbers = [getattr(side, "number", -1) for side in (left, right)]
    leading = [{shape.rpartition(",")[0] for shape in facts.shapes(number, 0)} for number in numbers]
    if not operation(node, ast.Add, facts) or leading[0] != leading[1] or not leading[0]:
        return None
    assert isinstance(left, ast.BinOp) and isinstance(right, ast.BinOp)
    join = "np.concatenate" if library(node, facts) == "np" else "torch.cat"
    weights = [u(side.right).removesuffix(".T") for side in (left, right)]
    return f"{join}([{u(left.left)}, {u(right.left)}], -1) @ {join}([{', '.join(weights)}], 1).T"


@rule(EXPRESSIONS, "linear", ast.BinOp)
def _(node: ast.BinOp, facts: Facts, inside: str) -> str | None:
    """x @ W.T + b as torch's own function."""
    product = node.left
    if not operation(node, ast.Add, facts) or library(node, facts) != "torch" or not isinstance(product, ast.BinOp):
        return None
    ranks = facts.ranks(getattr(node, "number", -1))
    if not isinstance(product.op, ast.MatMult) or not u(product.right).endswith(".T") or not ranks or ranks[1] != 1:
        return None
    return f"torch.nn.functional.linear({u(product.left)}, {u(product.right).removesuffix('.T')}, {u(node.right)})"


@rule(EXPRESSIONS, "transpose spelled out", ast.Attribute)
def _(node: ast.Attribute, facts: Facts, inside: str) -> str | None:
    return f"({u(node.value)}).swapaxes(0, 1)" if node.attr == "T" else None


@rule(EXPRESSIONS, "methods as functions", ast.Call)
def _(node: ast.Call, facts: Facts, inside: str) -> str | None:
    if not isinstance(node.func, ast.Attribute) or u(node.func.value).split(".")[0] in ("np", "torch", "nn", "F"):
        return None
    named = "".join(f", {k.arg}={u(k.value)}" for k in node.keywords)
    module = "torch" if any(k.arg == "dim" for k in node.keywords) else "np" if "axis=" in named else ""
    known = {"np": ("sum", "max", "mean", "std"), "torch": ("sum", "mean"), "": ()}[module]
    if node.func.attr in known:
        return f"{module}.{node.func.attr}({u(node.func.value)}{named})"
    return None


@rule(EXPRESSIONS, "functions as methods", ast.Call)
def _(node: ast.Call, facts: Facts, inside: str) -> str | None:
    if u(node.func) in ("torch.tanh", "torch.sigmoid"):
        return f"({u(node.args[0])}).{u(node.func).split('.')[1]}()"
    if u(node.func) == "torch.cat":
        return f"torch.concatenate({', '.join(u(a) for a in [*node.args, *node.keywords])})".replace("dim=", "axis=")
    return None


@rule(EXPRESSIONS, "sigmoid by tanh", ast.Call)
def _(node: ast.Call, facts: Facts, inside: str) -> str | None:
    tanh = {"sigmoid": "np.tanh", "torch.sigmoid": "torch.tanh"}.get(u(node.func))
    return f"0.5 * (1 + {tanh}(0.5 * ({u(node.args[0])})))" if tanh else None


@rule(EXPRESSIONS, "tanh by exp", ast.Call)
def _(node: ast.Call, facts: Facts, inside: str) -> str | None:
    if u(node.func) not in ("np.tanh", "torch.tanh"):
        return None
    module, a = u(node.func).split(".")[0], u(node.args[0])
    return f"{module}.sign({a}) * (1 - 2 / ({module}.exp(2 * {module}.abs({a}).clip(0, 20)) + 1))"


@rule(EXPRESSIONS, "comparisons turned round", ast.Compare)
def _(node: ast.Compare, facts: Facts, inside: str) -> str | None:
    turned = {ast.Lt: ">", ast.Gt: "<", ast.LtE: ">=", ast.GtE: "<=", ast.Eq: "=="}
    if len(node.ops) != 1 or type(node.ops[0]) not in turned:
        return None
    return f"({u(node.comparators[0])}) {turned[type(node.ops[0])]} ({u(node.left)})"


@rule(EXPRESSIONS, "lengths as shapes", ast.Call)
def _(node: ast.Call, facts: Facts, inside: str) -> str | None:
    if u(node.func) != "len" or not isinstance(node.args[0], ast.Name):
        return None
    held = facts.kinds(inside, node.args[0].id)
    return f"{u(node.args[0])}.shape[0]" if held and held <= {"array", "tensor"} else None
