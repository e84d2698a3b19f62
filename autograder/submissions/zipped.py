"""Archives that others made: what is in them, read in memory and within limits; nothing is unpacked.

A path in an archive is a label and nothing else, so it cannot escape. A file that is a link, encrypted, damaged or
too large is named with its problem; the others are read.
"""

from __future__ import annotations

import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_ARCHIVE = 200_000_000  # bytes of an archive in an archive, or of one that a student made
MAX_DIRECTORY = 20_000_000  # bytes of its table of contents: what reading it takes is about twenty times as much
MAX_MEMBERS = 2000  # files that are looked at in an archive that a student made
MAX_RATIO = 100  # times its own size that an archive may expand to, in what is read of it ...
MIN_BUDGET = 100_000_000  # ... or this many bytes, if that is more
IN_MEMORY = 8_000_000
_UTF8 = 0x800


class ArchiveError(Exception):
    """An archive, or a file in one, that is not read; the message says why."""


@dataclass
class Archive:
    """An open archive and what may still be read of it."""

    file: zipfile.ZipFile
    budget: int

    def members(self) -> Iterator[tuple[str, zipfile.ZipInfo]]:
        """Its files with their names, in the order of the names (of two of one name, in that of the archive)."""
        named = [(_name(info), info) for info in self.file.infolist() if not info.is_dir()]
        return iter(sorted(named, key=lambda pair: pair[0]))

    def read(self, info: zipfile.ZipInfo, limit: int) -> bytes:
        """A file's content.

        Raises
        ------
        ArchiveError
            If it is a link, encrypted or damaged, larger than `limit` bytes, or the budget is used up.
        """
        mode = info.external_attr >> 16
        if info.create_system == 3 and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise ArchiveError("this is a link, not a file: it is not followed")
        if info.flag_bits & 0x1:
            raise ArchiveError("the file is encrypted: unpack it by hand")
        if info.file_size > limit:
            raise ArchiveError(f"the file is larger than {limit // 1_000_000} MB: clear its outputs and save it again")
        if self.budget <= 0:
            raise ArchiveError(f"the archive expands to more than {MAX_RATIO} times its size: unpack it by hand")
        with _told(), self.file.open(info) as member:
            content = member.read(min(limit, self.budget) + 1)
        self.budget -= len(content)
        if len(content) > limit:  # whatever the table of contents says
            raise ArchiveError(f"the file is larger than {limit // 1_000_000} MB: clear its outputs and save it again")
        return content


@contextmanager
def open_archive(file: Path | IO[bytes], trusted: bool) -> Iterator[Archive]:
    """Open an archive. One that is trusted (named by the instructor) may be of any size.

    Raises
    ------
    ArchiveError
        If it is no zip archive, damaged, or beyond the limits.
    """
    with _told():
        size = _size(file)
        if not trusted and (size > MAX_ARCHIVE or _directory_size(file) > MAX_DIRECTORY):
            raise ArchiveError("the archive is too large: unpack it by hand")
        opened = zipfile.ZipFile(file)
    with opened:
        if not trusted and len(opened.filelist) > MAX_MEMBERS:
            raise ArchiveError(f"the archive holds more than {MAX_MEMBERS} files: unpack it by hand")
        yield Archive(opened, max(MIN_BUDGET, MAX_RATIO * size))


@contextmanager
def nested(archive: Archive, info: zipfile.ZipInfo) -> Iterator[Archive]:
    """Open an archive in an archive; it lies in a temporary file without a name meanwhile."""
    content = archive.read(info, MAX_ARCHIVE)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        file.write(content)
        del content
        file.seek(0)
        with open_archive(file, trusted=False) as inner:
            yield inner


@contextmanager
def _told() -> Iterator[None]:
    """What zipfile and the decompressors say of odd input, in plain words. The machine's own errors pass."""
    try:
        yield
    except (ArchiveError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None and not isinstance(error, zipfile.BadZipFile):
            raise
        raise ArchiveError("the archive is damaged: download it again, or unpack it by hand") from error
    except NotImplementedError as error:
        raise ArchiveError("the archive uses a compression that is not supported: unpack it by hand") from error
    except Exception as error:  # BadZipFile, struct.error, zlib.error, LZMAError, EOFError, ValueError, RuntimeError
        raise ArchiveError("the archive is damaged: download it again, or unpack it by hand") from error


def _size(file: Path | IO[bytes]) -> int:
    if isinstance(file, Path):
        return file.stat().st_size
    end = file.seek(0, 2)
    file.seek(0)
    return end


def _directory_size(file: Path | IO[bytes]) -> int:
    """Bytes of the table of contents, as the archive's end says; the largest number where it is a very large one."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return _directory_size(opened)
    size = file.seek(0, 2)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"PK\x05\x06")
    return int.from_bytes(tail[at + 12 : at + 16], "little") if at >= 0 else 0


def _name(info: zipfile.ZipInfo) -> str:
    """A file's name. Archives that do not say that names are UTF-8 have them in it all the same, or in cp437."""
    if not info.flag_bits & _UTF8:
        try:
            return info.filename.encode("cp437").decode("utf-8")
        except UnicodeError:
            pass
    return info.filename
