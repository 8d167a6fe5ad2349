"""ZIP archives from outside: judged by their directory before a byte of a member is unpacked."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from retaguarda.errors import IncompleteDownload

READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What zipfile raises on damaged, encrypted or exotic members."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an archive may hold: members, bytes in all, and bytes for each packed byte once it is past `free` bytes."""

    members: int = 1000
    total: int = 256 * 2**20
    ratio: int = 200
    free: int = 8 * 2**20


@contextmanager
def opened(data: bytes, what: str, bounds: Bounds = Bounds()) -> Iterator[zipfile.ZipFile]:
    """The archive, its directory found within bounds; raises IncompleteDownload when it is damaged or too large to be honest."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except READ_ERRORS as error:
        raise _damaged(what, error) from error
    with archive:
        _judge(archive, len(data), what, bounds)
        yield archive


def members(archive: zipfile.ZipFile, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file whose lower-case name is wanted; a member never gives more than its directory declares."""
    for info in archive.infolist():
        if info.filename.endswith("/") or not wanted(info.filename.lower()):  # is_dir() of Python 3.11 fails on an empty name
            continue
        try:
            content = archive.read(info)
        except READ_ERRORS as error:
            raise _damaged(info.filename, error) from error
        yield info.filename, content


def _damaged(what: str, error: Exception) -> IncompleteDownload:
    return IncompleteDownload(f"{what} is not a readable ZIP file: {error}", remedy="Download it again.")


def _judge(archive: zipfile.ZipFile, packed: int, what: str, bounds: Bounds) -> None:
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    if len(infos) > bounds.members or total > bounds.total or (total > bounds.free and total > packed * bounds.ratio):
        raise IncompleteDownload(
            f"{what} would unpack to {total} bytes in {len(infos)} files, more than an honest one holds; it was not opened.",
            remedy="Check where the file comes from.",
            packed=packed,
        )
