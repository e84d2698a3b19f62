"""Pack a Python library for the browser: compiled, without tests; run inside Pyodide by prepare.mjs."""

import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from importlib._bootstrap_external import _code_to_hash_pyc
from importlib.util import source_hash

LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|f2py|distutils|doc|__pycache__|typing|ensurepip|idlelib|lib2to3|turtledemo|tkinter|include)/"
    r"|(flag|rational|ufunc|umath)_tests\.cpython|\.(pyi|pxd|h|c|a|ini|txt|md|pyx)$|\.dist-info/"
    r"|^(multiprocessing|xmlrpc|wsgiref|pydoc_data|curses|sqlite3|dbm|xml|mailbox|imaplib|smtplib|ftplib)(/|\.py$)"
    r"|^encodings/(cp(?!437)|mac_|iso|koi|big5|gb|euc_|shift_|hz|johab|ptcp|kz|tis|hp_)"
)
KEPT = re.compile(r"^numpy/testing/|^numpy/_typing/")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same content


def pack(path: str, prefix: str) -> bytes:
    """The archive's files below `prefix`, sources compiled, as a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, data in sorted(_files(path, prefix)):
            if LEFT_OUT.search(name) and not KEPT.search(name):
                continue
            if name.endswith(".py"):
                code = compile(data, f"/lib/{name}", "exec", dont_inherit=True)
                data, name = bytes(_code_to_hash_pyc(code, source_hash(data), False)), f"{name}c"
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, data)
    return out.getvalue()


def _files(path: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.startswith(prefix):
                    yield member.name.removeprefix(prefix), archive.extractfile(member).read()
    else:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.startswith(prefix) and not name.endswith("/"):
                    yield name.removeprefix(prefix), archive.read(name)
