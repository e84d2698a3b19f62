"""The package's shape: data flows one way, files and functions stay small, check needs only NumPy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "autograder"
FLOW = ["payload", "compare", "diagnose", "keys", "check", "wasm", "page", "notebook", "kernel", "reference", "release",
        "graft", "record", "entry", "nbval_plugin", "grade", "submissions", "gradebook", "batch", "entries", "grades",
        "policy_files", "changes", "similar", "collect", "report", "export", "commands", "cli"]  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The room a file belongs to: the module or sub-package right below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_imports_a_later_one(path: Path) -> None:
    if path.name == "__init__.py" and path.parent == PACKAGE:
        return
    mine = FLOW.index(room(path))
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("autograder."):
                theirs = name.split(".")[1]
                assert FLOW.index(theirs) <= mine, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module says what belongs in it"
    assert text.count("\n") <= 400
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert (node.end_lineno or 0) - node.lineno <= 50, node.name


def test_what_notebooks_call_needs_numpy_and_the_standard_library_only() -> None:
    code = (
        "import sys, numpy\nbefore = set(sys.modules)\nimport autograder.check\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "new = {m for m in new if 'cython' not in m}\n"
        "print(sorted(new - set(sys.stdlib_module_names) - {'numpy', 'autograder'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
