"""Texts of others made harmless for each format that is not HTML (jinja2 escapes that).

Names of students, messages and paths are written by anybody: here belongs spelling out what a spreadsheet
would calculate, XML forbids, or markdown would obey. Every function also does what `printable` does.
"""

from __future__ import annotations

import hashlib
import re
from html import escape

from autograder.record import MAX_MESSAGE, printable

# A cell that begins with one of these is a formula, or a command, in some spreadsheet; so are the wide forms.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~^$:@=])")
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def csv_text(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text for a cell of a spreadsheet: never calculated, whatever it begins with.

    An apostrophe before it says that it is text; that is the usual defence (OWASP, "CSV injection").
    """
    shown = printable(text, limit)
    return f"'{shown}" if text.lstrip().startswith(FORMULA) else shown


def xml_text(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text of characters that XML 1.0 allows, not yet escaped."""
    return _NOT_XML.sub("�", printable(text, limit))


def xml_token(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text of at least one character, without spaces at its ends or in a row: XML Schema's `token`."""
    return " ".join(xml_text(text, limit).split()) or "?"


def markdown_text(text: str, limit: int = MAX_MESSAGE) -> str:
    """A text that markdown and the HTML in it show as it is, on one line, also inside a table."""
    return _MARKDOWN.sub(r"\\\1", escape(printable(text, limit), quote=False))


def file_name(text: str) -> str:
    """A name for a file that says whose it is: ASCII, no folder, no two texts alike."""
    shown = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40] or "student"
    return f"{shown}-{hashlib.sha256(text.encode('utf-8', 'backslashreplace')).hexdigest()[:12]}"
