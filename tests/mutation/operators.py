"""What can be changed in a piece of code: mutation operators, each for one kind of node.

An operator is a function of a node that yields pairs: the family of the change, and the text that
stands in the node's place. Here belongs what one can get wrong in such code; not where.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.mutation.observe import Facts
from tests.mutation.syntax import Place

Change = tuple[str, str]
u = ast.unparse

BINARY: dict[type, tuple[str, list[str]]] = {
    ast.Add: ("+", ["-", "*"]), ast.Sub: ("-", ["+", "*"]), ast.Mult: ("*", ["+", "/"]), ast.Div: ("/", ["*", "-"]),
    ast.MatMult: ("@", ["*", "+"]), ast.Pow: ("**", ["*", "+"]), ast.FloorDiv: ("//", ["/", "*"]),
    ast.Mod: ("%", ["//"]),
}  # fmt: skip
COMPARE: dict[type, tuple[str, list[str]]] = {
    ast.Lt: ("<", ["<=", ">", ">=", "!="]), ast.LtE: ("<=", ["<", ">"]), ast.Gt: (">", [">=", "<"]),
    ast.GtE: (">=", [">", "<", "=="]), ast.Eq: ("==", ["!=", "<=", ">="]), ast.NotEq: ("!=", ["=="]),
    ast.Is: ("is", ["is not"]), ast.IsNot: ("is not", ["is"]), ast.In: ("in", ["not in"]),
}  # fmt: skip
MODULES = {
    "np", "np.linalg", "torch", "torch.nn", "torch.autograd", "nn", "F", "nn.functional", "nn.utils", "nn.utils.rnn",
}  # fmt: skip
# What one function is mistaken for; the last part of its name.
FUNCTIONS = {
    "tanh": ["sinh", "arctan", "abs"], "exp": ["expm1", "exp2"], "log": ["log1p", "log2"], "abs": ["negative", "sign"],
    "sqrt": ["cbrt", "square"], "max": ["min", "mean"], "min": ["max"], "sum": ["mean", "max", "cumsum"],
    "mean": ["sum", "median"], "std": ["var"], "argmax": ["argmin"], "cumsum": ["cumprod"], "norm": ["std", "sum"],
    "empty": ["zeros", "ones"], "zeros": ["ones", "empty"], "ones": ["zeros"], "eye": ["ones", "zeros"],
    "empty_like": ["zeros_like", "ones_like"], "zeros_like": ["ones_like"], "new_zeros": ["new_ones"],
    "concatenate": ["stack"], "cat": ["stack"], "stack": ["cat"], "uniform": ["normal"],
    "uniform_": ["normal_", "fill_"],
    "copy_": ["add_", "mul_"], "zero_": ["abs_"], "eval": ["train"], "train": ["eval"], "clone": ["detach"],
    "clip_grad_norm_": ["clip_grad_value_"], "cross_entropy": ["multi_margin_loss"], "no_grad": ["enable_grad"],
    "LSTM": ["GRU", "RNN"], "GRU": ["LSTM", "RNN"], "append": ["extend"], "item": ["detach"], "flip": ["roll"],
    "chunk": ["split"], "split": ["chunk"], "searchsorted": ["digitize"], "startswith": ["endswith"],
    "pad_sequence": ["pack_sequence"], "requires_grad_": ["detach"], "take_along_axis": ["take"], "int": ["round"],
    "logaddexp": ["maximum"], "ndindex": ["arange"], "full": ["full_like"], "sort": ["argsort"],
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """What an operator knows beside the node: the solution's other names and texts, and the facts."""

    facts: Facts
    attributes: dict[str, set[str]]
    texts: set[str]
    torch: bool

    @staticmethod
    def of(places: list[Place], facts: Facts, torch: bool) -> Context:
        """The context of a solution's places."""
        attributes: dict[str, set[str]] = {}
        texts = set()
        for place in places:
            node = place.node
            if isinstance(node, ast.Attribute) and u(node.value) not in MODULES:
                attributes.setdefault(u(node.value), set()).add(node.attr)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
        return Context(facts, attributes, texts, torch)


def binary(node: ast.BinOp, place: Place, context: Context) -> Iterator[Change]:
    """Another operator, exchanged operands, a dropped term or factor, a transpose, a nudge."""
    left, right = f"({u(node.left)})", f"({u(node.right)})"
    symbol, others = BINARY[type(node.op)]
    for other in others:
        yield "operator", f"{left} {other} {right}"
    if symbol not in "+*":
        yield "operands", f"{right} {symbol} {left}"
    yield "dropped", left
    yield "dropped", right
    if symbol == "@":
        for side in (node.left, node.right):
            if isinstance(side, (ast.Name, ast.Attribute, ast.Subscript)) and not _is_transpose(side):
                yield "transpose", f"{left}{'.T' * (side is node.left)} @ {right}{'.T' * (side is node.right)}"
    elif symbol in "+-*/":
        for index, side in enumerate((node.left, node.right)):
            if isinstance(side, ast.Constant) and isinstance(side.value, int):
                nudged = [left, right]
                nudged[index] = f"{side.value}.001"
                yield "constant", f"{nudged[0]} {symbol} {nudged[1]}"


def unary(node: ast.UnaryOp, place: Place, context: Context) -> Iterator[Change]:
    """A dropped minus or `not`."""
    yield "dropped", u(node.operand)


def compare(node: ast.Compare, place: Place, context: Context) -> Iterator[Change]:
    """Another comparison."""
    if len(node.ops) == 1:
        for other in COMPARE[type(node.ops[0])][1]:
            yield "comparison", f"({u(node.left)}) {other} ({u(node.comparators[0])})"


def boolean(node: ast.BoolOp, place: Place, context: Context) -> Iterator[Change]:
    """`and` for `or`, and a dropped condition."""
    other = " and " if isinstance(node.op, ast.Or) else " or "
    yield "comparison", other.join(f"({u(value)})" for value in node.values)
    for value in node.values:
        yield "dropped", u(value)


def conditional(node: ast.IfExp, place: Place, context: Context) -> Iterator[Change]:
    """One branch only, or the other condition."""
    yield "condition", u(node.body)
    yield "condition", u(node.orelse)
    yield "condition", f"({u(node.orelse)}) if ({u(node.test)}) else ({u(node.body)})"


def constant(node: ast.Constant, place: Place, context: Context) -> Iterator[Change]:
    """Another number, truth value or text."""
    value = node.value
    if isinstance(value, bool):
        yield "constant", str(not value)
    elif isinstance(value, (int, float)):
        new = [0, value + 1, value - 1, -value] if isinstance(value, int) else [0.0, value + 1, -value, value * 1.001]
        for number in dict.fromkeys(new):
            if number != value:
                yield "constant", repr(number)
    elif isinstance(value, str):
        for text in [*sorted(context.texts - {value}), ""]:
            yield "text", repr(text)
        if "->" in value:
            inputs, output = value.split("->")
            yield "text", repr(f"{inputs}->{output[::-1]}")
            yield "text", repr(f"{','.join(inputs.split(',')[::-1])}->{output}")


def subscript(node: ast.Subscript, place: Place, context: Context) -> Iterator[Change]:
    """No index, the next one, other bounds, exchanged axes."""
    if not isinstance(node.ctx, ast.Load):
        yield from _subscripts(node)
        return
    yield "index", u(node.value)
    yield from _subscripts(node)


def _subscripts(node: ast.Subscript) -> Iterator[Change]:
    parts = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
    texts = [u(part) for part in parts]
    for i, part in enumerate(parts):
        for new in _index_changes(part):
            yield "index", f"{u(node.value)}[{', '.join([*texts[:i], new, *texts[i + 1 :]])}]"
        if i and texts[i - 1] != texts[i]:
            swapped = [*texts[: i - 1], texts[i], texts[i - 1], *texts[i + 1 :]]
            yield "index", f"{u(node.value)}[{', '.join(swapped)}]"


def _index_changes(part: ast.expr) -> Iterator[str]:
    if isinstance(part, ast.Slice):
        lower, upper, step = (u(bound) if bound else "" for bound in (part.lower, part.upper, part.step))
        tail = f":{step}" if step else ""
        for low in [f"({lower}) + 1", f"({lower}) - 1", ""] if lower else ["1"]:
            yield f"{low}:{upper}{tail}"
        for high in [f"({upper}) + 1", f"({upper}) - 1", ""] if upper else ["-1"]:
            yield f"{lower}:{high}{tail}"
        yield f"{lower}:{upper}" if step else f"{lower}:{upper}:2"
    elif not isinstance(part, (ast.Constant, ast.Starred)) and not _is_minus(part):
        yield f"({u(part)}) + 1"
        yield f"({u(part)}) - 1"


def call(node: ast.Call, place: Place, context: Context) -> Iterator[Change]:
    """Exchanged or dropped arguments, another function, or no call at all."""
    name, arguments = u(node.func), [u(a) for a in node.args]
    keywords = [f"{k.arg}={u(k.value)}" if k.arg else f"**{u(k.value)}" for k in node.keywords]

    def made(function: str, positional: list[str], named: list[str]) -> str:
        return f"{function}({', '.join([*positional, *named])})"

    for i in range(1, len(arguments)):
        if arguments[i - 1] != arguments[i]:
            swapped = [*arguments[: i - 1], arguments[i], arguments[i - 1], *arguments[i + 1 :]]
            yield "arguments", made(name, swapped, keywords)
    for i in range(len(keywords)):
        yield "keyword", made(name, arguments, keywords[:i] + keywords[i + 1 :])
    if len(arguments) > 1:
        yield "arguments", made(name, arguments[:-1], keywords)
    yield from _other_function(node, lambda new: made(new, arguments, keywords))
    if arguments and not arguments[0].startswith("*"):
        yield "call", arguments[0]
    if isinstance(node.func, ast.Attribute) and u(node.func.value) not in {*MODULES, "super()"}:
        yield "call", u(node.func.value)
    for i, text in enumerate(arguments if name == "range" else []):
        for new in (f"({text}) + 1", f"({text}) - 1"):
            yield "range", made(name, [*arguments[:i], new, *arguments[i + 1 :]], keywords)


def _other_function(node: ast.Call, made: Callable[[str], str]) -> Iterator[Change]:
    name = u(node.func)
    stem, _, last = name.rpartition(".")
    for other in FUNCTIONS.get(last, []):
        yield "function", made(f"{stem}.{other}" if stem else other)
    if not node.args:
        return
    argument = u(node.args[0])
    if name == "np.tanh":
        yield "function", f"1 / (1 + np.exp(-({argument})))"
    elif name == "sigmoid":
        yield "function", f"np.tanh({argument})"
    elif name == "torch.tanh":
        yield "function", f"torch.sigmoid({argument})"
    elif name == "torch.sigmoid":
        yield "function", f"torch.tanh({argument})"
        yield "function", f"torch.nn.functional.hardsigmoid({argument})"


def attribute(node: ast.Attribute, place: Place, context: Context) -> Iterator[Change]:
    """A dropped transpose, or another attribute of the same object."""
    if not isinstance(node.ctx, ast.Load):
        return
    base = u(node.value)
    if _is_transpose(node):
        yield "transpose", base
        return
    for other in sorted(context.attributes.get(base, set()) - {node.attr}):
        yield "attribute", f"{base}.{other}"


def name(node: ast.Name, place: Place, context: Context) -> Iterator[Change]:
    """Another name that holds a value of the same kind and shape."""
    if isinstance(node.ctx, ast.Load) and node.id not in MODULES:
        for other in context.facts.alike(place.function, node.id):
            if other.isidentifier() and other not in ("self", "__class__"):
                yield "name", other


def sequence(node: ast.Tuple | ast.List, place: Place, context: Context) -> Iterator[Change]:
    """Exchanged neighbours, a dropped element."""
    if place.field == "slice":
        return
    texts = [u(element) for element in node.elts]
    left, right = ("[", "]") if isinstance(node, ast.List) else ("(", ",)")
    for i in range(1, len(texts)):
        if texts[i - 1] != texts[i]:
            yield "order", left + ", ".join([*texts[: i - 1], texts[i], texts[i - 1], *texts[i + 1 :]]) + right
    if isinstance(node.ctx, ast.Load) and len(texts) > 1:
        yield "dropped", left + ", ".join(texts[:-1]) + right
        yield "dropped", left + ", ".join(texts[1:]) + right


Comprehension = ast.ListComp | ast.GeneratorExp | ast.DictComp


def comprehension(node: Comprehension, place: Place, context: Context) -> Iterator[Change]:
    """Over part of the items, over them backwards, without the condition."""
    first = node.generators[0]
    closed = {ast.ListComp: "[]", ast.GeneratorExp: "()", ast.DictComp: "{}"}[type(node)]
    element = f"{u(node.key)}: {u(node.value)}" if isinstance(node, ast.DictComp) else u(node.elt)
    rest = "".join(f" if {u(test)}" for test in first.ifs)
    over = u(first.iter)
    for new in (f"list({over})[1:]", f"list({over})[:-1]", f"reversed(list({over}))"):
        yield "loop", f"{closed[0]}{element} for {u(first.target)} in {new}{rest}{closed[1]}"
    if rest:
        yield "condition", f"{closed[0]}{element} for {u(first.target)} in {over}{closed[1]}"


def _is_transpose(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("T", "mT")


def _is_minus(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant)


Operator = Callable[..., Iterator[Change]]
EXPRESSIONS: dict[type, Operator] = {
    ast.BinOp: binary, ast.UnaryOp: unary, ast.Compare: compare, ast.BoolOp: boolean, ast.IfExp: conditional,
    ast.Constant: constant, ast.Subscript: subscript, ast.Call: call, ast.Attribute: attribute, ast.Name: name,
    ast.Tuple: sequence, ast.List: sequence, ast.ListComp: comprehension, ast.GeneratorExp: comprehension,
    ast.DictComp: comprehension,
}  # fmt: skip
