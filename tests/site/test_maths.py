"""Formulas are typeset while the site is built where node is, and in the browser where it is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
CONF = f"""
import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["sphinx.ext.mathjax", "unrolled_maths"]
mathjax3_config = {{"tex": {{"macros": {{"top": "{{\\\\mathsf{{T}}}}"}}}}}}
"""
PAGE = r"""
One
===

Inline :math:`a < b^\top`, again :math:`a < b^\top`, and a brace :math:`\{x\}`.

.. math:: c_t = f_t \odot c_{t-1}
   :label: cell

.. math::
   :nowrap:

   \begin{align} u &= v \\ w &= 1 \end{align}
"""
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


def built(folder: Path, page: str, path: str | None = None) -> tuple[str, Path]:
    """What Sphinx printed, and where the site is. `path`: where programs are looked for, if not as here."""
    (folder / "conf.py").write_text(CONF, encoding="utf-8")
    (folder / "index.rst").write_text(page, encoding="utf-8")
    variables = {"PATH": path, "HOME": str(folder)} if path is not None else None
    command = [sys.executable, "-m", "sphinx", "-q", str(folder), str(folder / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    return done.stderr, folder / "out"


@needs_node
def test_formulas_are_typeset_while_building(tmp_path: Path) -> None:
    told, site = built(tmp_path, PAGE)
    text = (site / "index.html").read_text(encoding="utf-8")
    assert told == ""
    assert text.count("<mjx-container") == text.count("<mjx-assistive-mml") == 5
    assert '<span class="eqno">(1)' in text, "an equation keeps its number"
    assert not any(mark in text for mark in (r"\(", r"\[", r"\begin", "startup.js", "mjx-merror"))
    assert '<mi mathvariant="sans-serif">T</mi>' in text, "macros of the settings are known"
    assert text.count('<span class="math-stop">') == 3, "a comma or full stop stays on its formula's line"
    style = (site / "_static" / "mathjax" / "formulas.css").read_text(encoding="utf-8")
    assert 'content: "{"' in style and ".mjx-c1D44E" in style, "rules of characters on the page are kept"
    assert ".mjx-c222B" not in style, "an integral is on no page"
    for font in style.split('url("')[1:]:
        assert (site / "_static" / "mathjax" / font.split('"')[0]).is_file()


@needs_node
def test_a_second_build_keeps_what_the_first_one_typeset(tmp_path: Path) -> None:
    (tmp_path / "two.rst").write_text(":orphan:\n\nTwo\n===\n\n:math:`\\int q`\n", encoding="utf-8")
    _, site = built(tmp_path, PAGE)
    _, site = built(tmp_path, PAGE.replace("Inline", "Now"))  # the other page is not written again
    assert "<mjx-container" in (site / "two.html").read_text(encoding="utf-8")
    assert ".mjx-c222B" in (site / "_static" / "mathjax" / "formulas.css").read_text(encoding="utf-8")


@needs_node
def test_a_formula_that_is_wrong_is_named(tmp_path: Path) -> None:
    told, _ = built(tmp_path, PAGE + "\n\n:math:`\\nosuch{x}`\n")
    assert "WARNING: index.html: MathJax cannot read the formula \\nosuch{x}" in told


def test_without_node_the_browser_typesets(tmp_path: Path) -> None:
    told, site = built(tmp_path, PAGE, path=str(tmp_path / "nothing"))
    text = (site / "index.html").read_text(encoding="utf-8")
    assert told == "" and text.count(r"\(") == 3 and "mathjax/startup.js" in text
    assert (site / "_static" / "mathjax" / "startup.js").is_file()
    assert "formulas.css" not in text
