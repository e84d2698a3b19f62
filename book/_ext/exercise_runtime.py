"""What exercises on a page load: fetched, checked, prepared and cached below ``_build/runtime``.

Belongs here: the packages from npm and PyPI, pinned with their hashes in ``exercise/``, and what
is made of them. Does not belong here: what a page shows (``unrolled_exercise``).

``python book/_ext/exercise_runtime.py`` makes it and says where it is.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SOURCE = HERE / "exercise"
PACKAGES = ("package.json", "package-lock.json", "numpy.txt", "prepare.mjs", "pack.py")
PYTHON_MODULES = ("__init__", "payload", "compare", "diagnose", "keys", "check", "wasm", "page")
BUNDLES = ("exercise.js", "editor.js", "worker.js", "progress.js")
STAMP = ".digest"


class RuntimeMissing(Exception):
    """The runtime cannot be made here; the message says what to install."""


def digest_of(files: Iterable[Path]) -> str:
    """A short hash of the files' names and contents."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def ensure(build: Path = ROOT / "_build" / "runtime") -> Path:
    """The folder with everything that pages load, made if it is not there or out of date.

    Raises
    ------
    RuntimeMissing
        If npm or node is not installed, or a download fails.
    """
    wanted = digest_of(SOURCE / name for name in PACKAGES)
    made = build / "python"
    if _stamp(made) != wanted:
        _make_python(build, made, wanted)
    site = build / "site"
    sources = [*(SOURCE / "src").iterdir(), *map(_module, PYTHON_MODULES), made / STAMP]
    wanted = digest_of(sources)
    if _stamp(site) != wanted:
        _make_site(build, made, site, wanted)
    return site


def _stamp(folder: Path) -> str:
    stamp = folder / STAMP
    return stamp.read_text(encoding="utf-8") if stamp.is_file() else ""


def _module(name: str) -> Path:
    return ROOT / "autograder" / f"{name}.py"


def _make_python(build: Path, made: Path, digest: str) -> None:
    """Download, check and compile Pyodide and NumPy; and the packages that the bundles are made of."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise RuntimeMissing(f"{program} is not installed (Debian: apt-get install nodejs npm)")
    npm, pypi = build / "npm", build / "pypi"
    for folder in (npm, pypi, made):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in PACKAGES[:2]:
        shutil.copy(SOURCE / name, npm)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], npm)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--require-hashes", "-r", str(SOURCE / "numpy.txt"), "-d", str(pypi)], pypi)
    archive = _numpy_archive(pypi)
    _run(["node", str(SOURCE / "prepare.mjs"), str(npm / "node_modules" / "pyodide"), str(archive), str(made)], npm)
    licences = made / "LICENCES.txt"
    licences.write_text(_licences(npm / "node_modules", archive), encoding="utf-8")
    shutil.rmtree(pypi)
    (made / STAMP).write_text(digest, encoding="utf-8")


def _numpy_archive(folder: Path) -> Path:
    """NumPy's own archive out of the wheel that holds it."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (name for name in opened.namelist() if Path(name).name.startswith("numpy-1.25.2-py311"))
        target = folder / "numpy.tar.gz"
        target.write_bytes(opened.read(name))
    return target


def _licences(modules: Path, numpy: Path) -> str:
    """The licences of all that is shipped, in one text."""
    found = {}
    for path in sorted(modules.glob("**/LICENSE*")):
        found[str(path.parent.relative_to(modules))] = path.read_text(encoding="utf-8", errors="replace")
    with tarfile.open(numpy) as archive:
        for member in archive:
            if Path(member.name).name == "LICENSE.txt" and "numpy-1.25.2" in member.name:
                found["numpy"] = archive.extractfile(member).read().decode("utf-8", "replace")  # type: ignore[union-attr]
    found["pyodide"] = "Mozilla Public License 2.0: https://www.mozilla.org/MPL/2.0/\nSource: https://pyodide.org"
    return "\n".join(f"==== {name}\n\n{text}\n" for name, text in sorted(found.items()))


def _make_site(build: Path, made: Path, site: Path, digest: str) -> None:
    """Bundle the scripts and put them beside Python, under one folder."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(made, site / "python", ignore=shutil.ignore_patterns(STAMP))
    modules = site / "python" / "autograder.zip"
    with zipfile.ZipFile(modules, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in PYTHON_MODULES:
            info = zipfile.ZipInfo(f"autograder/{name}.py", (1980, 1, 1, 0, 0, 0))
            packed.writestr(info, _module(name).read_bytes(), zipfile.ZIP_DEFLATED)
    sources = build / "npm" / "src"  # beside node_modules, where esbuild looks for packages
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(SOURCE / "src", sources)
    esbuild = ["node", "node_modules/esbuild/bin/esbuild", *(f"src/{name}" for name in BUNDLES)]
    options = ["--bundle", "--minify", "--format=iife", "--target=es2022", "--legal-comments=none", "--log-level=error"]
    _run([*esbuild, *options, f"--outdir={site}"], build / "npm")
    sizes = {path.name: path.stat().st_size for path in (site / "python").iterdir()}
    (site / "sizes.json").write_text(str(sizes).replace("'", '"'), encoding="utf-8")
    (site / STAMP).write_text(digest, encoding="utf-8")


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise RuntimeMissing(f"{Path(command[0]).name} failed ({' '.join(last)[:300]})")


def main() -> int:
    """Make the runtime; without npm one line says what is missing, which is an error in CI only."""
    try:
        site = ensure()
    except RuntimeMissing as problem:
        print(f"The site will have no exercises on its pages: {problem}", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    total = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    print(f"What exercises on pages load: {site.relative_to(ROOT)}, {total / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
