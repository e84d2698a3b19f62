"""The grader packed for another platform: Gradescope's autograder zip.

Here belongs what goes into the archive. What a result looks like there lies in `report.platforms`; the two scripts
that the platform runs lie in `gradescope/`.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = ("setup.sh", "run_autograder")
WHOLE = ("pyproject.toml", "requirements.txt", "README.md", "LICENSE")
THEN = (1980, 1, 1, 0, 0, 0)  # the same bytes for the same content


class ExportError(Exception):
    """The archive cannot be made; the message says what is missing."""


def gradescope_zip(repository: Path, seed: int | None = None, unsafe: bool = False) -> bytes:
    """Gradescope's autograder zip: the two scripts, and the course's grader, keys and solutions.

    Parameters
    ----------
    repository
        The course's repository.
    seed
        The seed of everybody's inputs; None for a fresh one for each submission.
    unsafe
        Grade even where the container allows no sandbox: a submission could then read the solutions in it.

    Raises
    ------
    ExportError
        If this is not the course's repository.
    """
    missing = [name for name in (*WHOLE, "solutions", "autograder/keys") if not (repository / name).exists()]
    if missing:
        raise ExportError(f"{repository}: not the course's repository: there is no {missing[0]}")
    files = {f"course/{name}": (repository / name).read_bytes() for name in WHOLE}
    for folder, endings in (("autograder", "*"), ("solutions", "*.md")):
        for path in sorted((repository / folder).rglob(endings)):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"course/{path.relative_to(repository).as_posix()}"] = path.read_bytes()
    torch = re.search(r"^torch==(\S+)", files["course/requirements.txt"].decode(), re.MULTILINE)
    if torch is None:
        raise ExportError(f"{repository}/requirements.txt names no version of torch")
    for name in SCRIPTS:
        files[name] = (HERE / "gradescope" / name).read_bytes().replace(b"@TORCH@", torch[1].encode())
    options = [*(["--seed", str(seed)] if seed is not None else []), *(["--unsafe"] if unsafe else [])]
    files["options.sh"] = f"options=({' '.join(options)})\n".encode()
    return _zip(files)


def _zip(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            about = zipfile.ZipInfo(name, THEN)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
            archive.writestr(about, files[name])
    return content.getvalue()
