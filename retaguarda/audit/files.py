"""Files that survive a power cut: appended and flushed, or replaced in one step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

NOTE_END = "\n\f\n"
"""Between notes in a file of many: a form feed, which no note contains."""


def append_durably(path: Path, data: bytes) -> None:
    """Append and flush."""
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())
    if is_new:
        flush_folder(path.parent)


def create_durably(path: Path, data: bytes) -> None:
    """Make a file for its owner alone, whole or not at all; one that is there already stays as it is."""
    make_folder(path.parent, 0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(temporary)
    temporary.unlink()
    flush_folder(path.parent)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, so that they survive a power cut."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True, mode=mode)
        flush_folder(path.parent)


def replace_durably(path: Path, text: str) -> None:
    """Put `text` in the place of a file; after a crash it holds either the old or the new."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    flush_folder(path.parent)


def flush_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def notes_in(path: Path) -> Iterator[str]:
    """The notes of a file that holds one or many; a torn last one comes as it is."""
    yield from (note for note in path.read_bytes().decode("utf-8", "replace").split(NOTE_END) if note)


def cut_torn_note(path: Path) -> None:
    """Cut off what a power cut left of a note at the end of a file of many."""
    end = NOTE_END.encode()
    if path.exists() and not ends_with(path, end):
        data = path.read_bytes()
        with path.open("r+b") as file:
            file.truncate(data.rfind(end) + len(end) if end in data else 0)


def ends_with(path: Path, end: bytes) -> bool:
    """Whether a file ends so, or is empty; read from its end, since it may be long."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(end)))
        return size == 0 or file.read() == end
