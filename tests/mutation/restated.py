"""Rules of `rewrites` for statements and whole functions: other names, other order, other loops.

And what a student's arrays may be like without being wrong: copies, in another order in memory,
with negative zeros, in lists instead of tuples.
"""

from __future__ import annotations

import ast
import copy

from tests.mutation.observe import Facts
from tests.mutation.rewrites import FUNCTIONS, STATEMENTS, rule, u

SAFE = ("np.", "torch.", "sigmoid", "len", "range", "zip", "slice", "list", "tuple", "rng.uniform")


def indented(text: str) -> str:
    """The text as a block's body."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def body_text(body: list[ast.stmt]) -> str:
    """Statements as text."""
    return "\n".join(u(node) for node in body)


@rule(STATEMENTS, "results named first", ast.Return)
def _(node: ast.Return, facts: Facts, inside: str) -> str | None:
    return f"result_ = {u(node.value)}\nreturn result_" if node.value else None


@rule(STATEMENTS, "operands named first", (ast.Return, ast.Assign))
def _(node: ast.Return | ast.Assign, facts: Facts, inside: str) -> str | None:
    value = node.value
    if not isinstance(value, ast.BinOp):
        return None
    head = "return" if isinstance(node, ast.Return) else f"{u(node.targets[0])} ="
    result = ast.BinOp(ast.Name("left_", ast.Load()), value.op, ast.Name("right_", ast.Load()))
    return f"left_ = {u(value.left)}\nright_ = {u(value.right)}\n{head} {u(result)}"


@rule(STATEMENTS, "pairs taken apart", ast.Assign)
def _(node: ast.Assign, facts: Facts, inside: str) -> str | None:
    target, value = node.targets[0], node.value
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple) or len(target.elts) != len(value.elts):
        return None
    if any(isinstance(e, ast.Starred) for e in [*target.elts, *value.elts]):
        return None
    lines = [f"part{i}_ = {u(v)}" for i, v in enumerate(value.elts)]
    return "\n".join([*lines, *(f"{u(t)} = part{i}_" for i, t in enumerate(target.elts))])


@rule(STATEMENTS, "unpacked one by one", ast.Assign)
def _(node: ast.Assign, facts: Facts, inside: str) -> str | None:
    target = node.targets[0]
    if not isinstance(target, ast.Tuple) or isinstance(node.value, ast.Tuple):
        return None
    if not all(isinstance(e, ast.Name) for e in target.elts):
        return None
    lines = [f"{u(name)} = parts_[{i}]" for i, name in enumerate(target.elts)]
    return "\n".join([f"parts_ = tuple({u(node.value)})", *lines])


@rule(STATEMENTS, "while for range", ast.For)
def _(node: ast.For, facts: Facts, inside: str) -> str | None:
    if not isinstance(node.iter, ast.Call) or u(node.iter.func) != "range":
        return None
    steps, count = f"steps_{node.lineno}_", f"count_{node.lineno}_"
    head = f"{steps} = {u(node.iter)}\n{count} = 0\nwhile {count} < len({steps}):"
    return f"{head}\n    {u(node.target)} = {steps}[{count}]\n{indented(body_text(node.body))}\n    {count} += 1"


@rule(STATEMENTS, "loop by index", ast.For)
def _(node: ast.For, facts: Facts, inside: str) -> str | None:
    seen = {kinds[0].split()[0] for kinds in facts.values.get(getattr(node, "number", -1), [])}
    if not seen or not seen <= {"array", "tensor", "list"}:
        return None
    over, number = f"over_{node.lineno}_", f"number_{node.lineno}_"
    head = f"{over} = {u(node.iter)}\nfor {number} in range(len({over})):"
    return f"{head}\n    {u(node.target)} = {over}[{number}]\n{indented(body_text(node.body))}"


@rule(STATEMENTS, "comprehension as loop", ast.Assign)
def _(node: ast.Assign, facts: Facts, inside: str) -> str | None:
    value = node.value
    if not isinstance(value, ast.ListComp) or not isinstance(node.targets[0], ast.Name) or len(value.generators) > 1:
        return None
    first = value.generators[0]
    loop = f"for {u(first.target)} in {u(first.iter)}:\n    gathered_.append({u(value.elt)})"
    clash = {n.id for n in ast.walk(first.target) if isinstance(n, ast.Name)} & set(facts.names.get(inside, {}))
    return None if first.ifs or clash else f"gathered_ = []\n{loop}\n{u(node.targets[0])} = gathered_"


@rule(STATEMENTS, "plus in full", ast.AugAssign)
def _(node: ast.AugAssign, facts: Facts, inside: str) -> str | None:
    return f"{u(node.target)} = {u(ast.BinOp(node.target, node.op, node.value))}"


@rule(STATEMENTS, "condition the other way", ast.If)
def _(node: ast.If, facts: Facts, inside: str) -> str | None:
    other, body = indented(body_text(node.orelse) or "pass"), indented(body_text(node.body))
    return f"if not ({u(node.test)}):\n{other}\nelse:\n{body}"


@rule(STATEMENTS, "gradients off by hand", ast.With)
def _(node: ast.With, facts: Facts, inside: str) -> str | None:
    if u(node.items[0]) != "torch.no_grad()":
        return None
    was = f"was_{node.lineno}_"
    head = f"{was} = torch.is_grad_enabled()\ntorch.set_grad_enabled(False)\ntry:"
    return f"{head}\n{indented(body_text(node.body))}\nfinally:\n    torch.set_grad_enabled({was})"


def _results(node: ast.Return, facts: Facts, inside: str, forms: dict[str, str]) -> str | None:
    """The return statement with each element in the form for its kind ("array f 2": float, two axes)."""
    seen = facts.returns.get(inside, [])
    if node.value is None or not seen:
        return None
    elements = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
    if any(len(kinds) != len(elements) for kinds in seen):
        return None
    texts = []
    for i, element in enumerate(elements):
        kinds = {_brief(kinds[i]) for kinds in seen}
        form = next((f for kind, f in forms.items() if all(k.startswith(kind) for k in kinds)), "{}")
        texts.append(form.format(f"({u(element)})"))
    new = f"return {', '.join(texts)}"
    return None if new == f"return {', '.join(f'({u(e)})' for e in elements)}" else new


def _brief(kind: str) -> str:
    parts = kind.split()
    if len(parts) == 2 and parts[0] == "array":  # no axes: NumPy's own numbers
        return f"scalar {parts[1]} "
    return f"{parts[0]} {parts[1]} {len(parts[2].split(','))}" if len(parts) == 3 else f"{kind} "


RESULT_FORMS = {
    "results copied": {"array": "np.array({})", "tensor": "{}.clone()"},
    "results in Fortran order": {"array": "np.array({}, order='F')", "tensor f 2": "{}.T.contiguous().T"},
    "results as strided views": {
        "array f 3": "np.repeat({}, 2, axis=1)[:, ::2]", "array f 2": "np.repeat({}, 2, axis=0)[::2]",
        "tensor f 2": "torch.repeat_interleave({}, 2, dim=0)[::2]",
    },
    "results with negative zeros": {
        "array f": "np.where({0} == 0, -0.0, {0})",
        "tensor f": "torch.where({0} == 0, torch.full_like({0}, -0.0), {0})",
    },
    "results plus nothing": {
        "array f": "({} + 0.0)", "scalar f": "({} + 0.0)", "tensor f": "({} + 0.0)", "float ": "({} + 0.0)",
        "int ": "({} + 0)",
    },
    "results as plain numbers": {"scalar f ": "float({})", "float ": "np.float64({})", "int ": "np.int64({})"},
    "results as arrays without axes": {"scalar f ": "np.asarray({})"},
}  # fmt: skip
for _name, _forms in RESULT_FORMS.items():

    @rule(STATEMENTS, _name, ast.Return)
    def _(node: ast.Return, facts: Facts, inside: str, forms: dict[str, str] = _forms) -> str | None:
        return _results(node, facts, inside, forms)


@rule(STATEMENTS, "results as a list", ast.Return)
def _(node: ast.Return, facts: Facts, inside: str) -> str | None:
    return f"return [{', '.join(u(e) for e in node.value.elts)}]" if isinstance(node.value, ast.Tuple) else None


@rule(FUNCTIONS, "renamed", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    given = {a.arg for a in [*node.args.args, *node.args.kwonlyargs]}
    made = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - given
    new = copy.deepcopy(node)
    for inner in ast.walk(new):
        if isinstance(inner, ast.Name) and inner.id in made:
            inner.id += "_renamed"
        elif isinstance(inner, ast.arg) and inner.arg in made:
            inner.arg += "_renamed"
    return u(new) if made else None


@rule(FUNCTIONS, "arguments copied", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    return _begun(node, facts, {"array": "np.array({})", "tensor": "{}.clone()"})


@rule(FUNCTIONS, "arguments in Fortran order", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    return _begun(node, facts, {"array": "np.asfortranarray({})"})


@rule(FUNCTIONS, "talkative", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    return _with_head(node, [f"print('{node.name} runs')", "unused_ = 0", "assert unused_ == 0, 'never'"])


@rule(FUNCTIONS, "annotated", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    new = copy.deepcopy(node)
    for argument in new.args.args:
        argument.annotation = ast.Constant("anything")
    new.returns = ast.Constant("anything")
    return u(new)


@rule(FUNCTIONS, "in a function inside", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    if node.name == "__init__" or not node.args.args:
        return None
    names = ", ".join(a.arg for a in node.args.args)
    inner = f"def inside_({names}):\n{indented(body_text(node.body))}"
    return _whole(node, f"{inner}\nreturn inside_({names})")


@rule(FUNCTIONS, "independent lines exchanged", ast.FunctionDef)
def _(node: ast.FunctionDef, facts: Facts, inside: str) -> str | None:
    new = copy.deepcopy(node)
    moved = 0
    for block in ast.walk(new):
        body = getattr(block, "body", None)
        i = 0
        while isinstance(body, list) and i + 1 < len(body):
            if _independent(body[i], body[i + 1]):
                body[i], body[i + 1] = body[i + 1], body[i]
                moved += 1
                i += 1
            i += 1
    return u(new) if moved else None


def _independent(one: ast.stmt, other: ast.stmt) -> bool:
    """Whether two assignments may change places: neither makes or changes what the other reads."""
    made, read = [], []
    for node in (one, other):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], (ast.Name, ast.Tuple)):
            return False
        names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
        calls = [u(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)]
        changing = any(isinstance(n, (ast.Subscript, ast.Attribute)) for n in ast.walk(node.targets[0]))
        if changing or not all(call.startswith(SAFE) for call in calls):
            return False
        made.append({n.id for n in names if isinstance(n.ctx, ast.Store)})
        read.append({n.id for n in names if isinstance(n.ctx, ast.Load)})
    return not (made[0] & (made[1] | read[1]) or made[1] & read[0])


def _begun(node: ast.FunctionDef, facts: Facts, forms: dict[str, str]) -> str | None:
    """The function, with its arguments turned into something else at its beginning."""
    lines = []
    for argument in node.args.args:
        held = facts.kinds(node.name, argument.arg)
        if len(held) == 1 and (form := forms.get(next(iter(held)))):
            lines.append(f"{argument.arg} = {form.format(argument.arg)}")
    return _with_head(node, lines) if lines else None


def _with_head(node: ast.FunctionDef, lines: list[str]) -> str:
    return _whole(node, "\n".join([*lines, body_text(node.body)]))


def _whole(node: ast.FunctionDef, body: str) -> str:
    new = copy.deepcopy(node)
    new.body = ast.parse("def f():\n" + indented(body)).body[0].body  # type: ignore[attr-defined]
    return u(new)
