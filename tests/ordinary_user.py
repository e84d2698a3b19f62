"""Running a command as an ordinary user, for tests that root runs.

Belongs here: how, and nothing of what is tested.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

NOBODY = "65534"


def as_ordinary_user(command: list[str], home: Path) -> list[str] | None:
    """The command, run by a user without privileges whose home is `home`; None where that cannot be done.

    `home` must lie in folders that everyone may enter (pytest's own may not).

    A tester who is no root is such a user already. Where the interpreter or the repository lies below a folder
    that others may not enter (root's home, say), the command sees it through a private mount namespace; the
    folder itself stays as it is.
    """
    if os.getuid() != 0:
        return command
    if not all(map(shutil.which, ("setpriv", "unshare", "mount"))):
        return None
    home.chmod(0o777)
    wanted = {Path(sys.base_prefix), Path(sys.prefix), Path(__file__).resolve().parents[1]}
    script = ["mount -t tmpfs none /mnt"]
    for i, closed in enumerate(sorted({folder for path in wanted if (folder := _closed(path))})):
        inside = [path for path in sorted(wanted) if path.is_relative_to(closed)]
        aside = f"/mnt/{i}"  # the real one is left alone
        script += [f"mkdir -p {aside}", f"mount --bind {closed} {aside}", f"mount -t tmpfs -o mode=755 none {closed}"]
        for path in inside:
            script += [f"mkdir -p {path}", f"mount --bind {aside}/{path.relative_to(closed)} {path}"]
    user = f'exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"'
    settings = [f"HOME={home}", f"XDG_CACHE_HOME={home}/.cache", f"UNROLLED_CACHE={home}/.cache/unrolled"]
    words = " && ".join([*script, user])
    return ["unshare", "--mount", "sh", "-c", words, "sh", "env", *settings, *command]


def _closed(path: Path) -> Path | None:
    """The highest folder above `path` that others may not enter."""
    return next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001), None)
