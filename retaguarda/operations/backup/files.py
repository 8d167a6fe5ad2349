"""Files of a backup: copied and hashed in one reading, on the disk before they are spoken of."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retaguarda.errors import ConfigurationError

CHUNK = 1 << 20
MANIFEST = "manifest.json"
EVIDENCE_LIST = "evidence.list"
POOL = "evidence"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a backup holds and when it was made; written last, so that a backup without one is none."""

    name: str
    made_at: str
    by: str
    host: str
    version: str
    kind: str  # of the store: sqlite | postgresql
    facts: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Path inside the backup → SHA-256."""
    missing: tuple[str, ...] = ()
    """Evidence that the installation itself no longer had, or not unchanged."""
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        write_durably(folder / MANIFEST, json.dumps(vars(self), ensure_ascii=False, indent=1).encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of a backup; ConfigurationError when there is none that this version reads."""
        try:
            held = json.loads((folder / MANIFEST).read_bytes())
            if held["format"] != FORMAT:
                raise ConfigurationError(f"backup {folder.name} has a format that this version does not read", remedy="use a newer version")
            return cls(**{**held, "missing": tuple(held["missing"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigurationError(f"there is no backup in {folder}", remedy="see: retaguarda backup list") from error


def copied(source: Path, target: Path) -> str:
    """Copy a file to the disk, readable by its owner alone; returns its SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest = hashlib.sha256()
    with source.open("rb") as read, _private(target) as write:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            write.write(chunk)
        write.flush()
        os.fsync(write.fileno())
    return digest.hexdigest()


def write_durably(path: Path, raw: bytes) -> None:
    """Write a file and its name to the disk."""
    with _private(path) as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    flush_file(path.parent)


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def flush_file(path: Path) -> None:
    """Have a file, or the names in a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_under(folder: Path) -> Iterator[Path]:
    """Every file under a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


class Pool:
    """Evidence that the backups of a folder share: what an earlier one copied is only named again."""

    def __init__(self, backups: Path) -> None:
        self.folder = backups / POOL

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def add(self, sha256: str, source: Path) -> bool:
        """Have the file of that SHA-256; false when the source is not there or is no longer it."""
        target = self.path(sha256)
        if target.exists():
            return True
        temporary = target.with_name(f".{sha256}.new")
        try:
            if copied(source, temporary) != sha256:
                temporary.unlink()
                return False
        except FileNotFoundError:
            return False
        temporary.rename(target)
        flush_file(target.parent)
        return True


def evidence_of(folder: Path) -> list[str]:
    """The hashes of the evidence that a backup names."""
    return (folder / EVIDENCE_LIST).read_text("ascii").split()
