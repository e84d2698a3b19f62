"""Which modules an exercise may import: a NumPy exercise is to be solved with NumPy.

Two halves. `broken_by` reads a submission's source, on the grader's side. `Guard` hides the
libraries that have the answer while a cell of such an exercise runs, inside the kernel; what
code there can undo, it can only undo for itself, and the first half has read it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

NUMPY = "numpy"
ALLOWED = {"numpy", "matplotlib", "autograder", "IPython", "__future__"} | set(sys.stdlib_module_names)
_LIBRARIES = """
    torch keras tensorflow jax jaxlib flax haiku equinox scipy sklearn numba cupy autograd theano pytensor
    mxnet paddle onnxruntime tinygrad mlx statsmodels pandas torchvision torchaudio numexpr
""".split()  # noqa: SIM905 (words read better than strings)
HIDDEN = frozenset(_LIBRARIES)
ADVICE = "this exercise is to be solved with NumPy and the standard library"


class ForbiddenImport(ImportError):
    """A library that an exercise does not allow."""


def policy_of(backend: str) -> str | None:
    """The policy of an exercise, by the backend on its card."""
    return NUMPY if backend == "numpy" else None


def broken_by(solution: str, extras: Iterable[str] = ()) -> str | None:
    """What in a NumPy exercise's source uses a library that it does not allow, in words; None if nothing does.

    Parameters
    ----------
    solution
        The source of the exercise's cell.
    extras
        The student's own cells: they may import anything, but the solution may not use it from them.
    """
    tree = _parse(solution)
    for name, line in _imports(tree):
        return f"line {line} imports {name}; {ADVICE}"
    tainted = _tainted([_parse(extra) for extra in extras])
    for name in sorted(_names(tree) & tainted.keys()):
        return f"it uses `{name}`, which comes from {tainted[name]}; {ADVICE}"
    return None


def _tainted(extras: list[ast.AST]) -> dict[str, str]:
    """Names of the student's own cells that come from a forbidden library, and which."""
    nodes = [node for extra in extras for node in ast.walk(extra)]
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {alias: root for node in imports for root, alias in _bindings(node) if root not in ALLOWED}
    definitions = [(node.name, _names(node)) for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    for _ in definitions:  # a helper that uses a helper that uses torch
        for name, inside in definitions:
            root = next((found[n] for n in sorted(inside) if n in found), None)
            if root is not None:
                found.setdefault(name, root)
    return found


@contextmanager
def guard(policy: str | None, names: dict[str, Any]) -> Iterator[None]:
    """Hide the libraries that a policy forbids, and whatever of them `names` (a notebook's variables) holds."""
    if policy != NUMPY:
        yield
        return
    modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in HIDDEN}
    for name in modules:
        del sys.modules[name]
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    held = {name: value for name, value in names.items() if _root_of(value) in HIDDEN}
    stand_ins = {name: _Refused(str(_root_of(value))) for name, value in held.items()}
    names.update(stand_ins)
    try:
        yield
    finally:
        names.update({name: held[name] for name, stand_in in stand_ins.items() if names.get(name) is stand_in})
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        sys.modules.update(modules)


class _Finder(MetaPathFinder):
    """Refuses to find what is hidden."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        root = fullname.partition(".")[0]
        if root in HIDDEN:
            raise ForbiddenImport(f"{root} cannot be imported: {ADVICE}")


class _Refused:
    """Stands for a library's object while it is hidden."""

    def __init__(self, root: str) -> None:
        object.__setattr__(self, "_root", root)

    def _refuse(self, *arguments: Any, **named: Any) -> Any:
        root = object.__getattribute__(self, "_root")
        raise ForbiddenImport(f"{root} cannot be used: {ADVICE}")

    __getattribute__ = __call__ = __getitem__ = __iter__ = __setattr__ = _refuse


def _root_of(value: object) -> str | None:
    """The top-level module that an object comes from, as far as it tells."""
    try:
        kind = type(value)
        name = getattr(value, "__name__" if kind is ModuleType else "__module__", None) or kind.__module__
    except Exception:
        return None
    return name.partition(".")[0] if isinstance(name, str) else None


def _parse(source: str) -> ast.AST:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A cell with magics, or one that does not run: lines that parse by themselves are read.
        lines = []
        for line in source.splitlines():
            try:
                lines += ast.parse(line.strip()).body
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
        return ast.Module(lines, [])


def _imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Imports that are not allowed, with their lines; also those by a function with the name in quotes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for root, _ in _bindings(node):
                if root not in ALLOWED:
                    yield root, node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            root = str(node.args[0].value).partition(".")[0]
            if called in ("__import__", "import_module") and root not in ALLOWED:
                yield root, node.lineno


def _bindings(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """The top-level module and the name bound, of each part of an import."""
    for alias in node.names:
        module = alias.name if isinstance(node, ast.Import) else node.module or ""
        root = module.partition(".")[0]
        yield root, alias.asname or (root if isinstance(node, ast.Import) else alias.name)


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
