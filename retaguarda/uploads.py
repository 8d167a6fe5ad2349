"""Files that people give to the installation: kept once, under their hash and a name without surprises."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retaguarda.errors import InvalidItem

UNSAFE = re.compile(r"[^\w. ()+-]")
FOLDER = "uploads"


@dataclass(frozen=True)
class Uploads:
    """The files that were given here."""

    home: Path
    limit_mb: float

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.home / FOLDER

    def keep(self, name: str, chunks: IO[bytes]) -> Path:
        """Keep a file, whole and flushed to the disk; where it lies. Raises InvalidItem when it is larger than the limit."""
        limit = int(self.limit_mb * 1_000_000)
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary, digest, size = self.folder / f".{secrets.token_hex(8)}", hashlib.sha256(), 0
        try:
            with temporary.open("xb") as file:
                while chunk := chunks.read(1 << 20):
                    size += len(chunk)
                    if size > limit:
                        raise InvalidItem(
                            f"The file is larger than {limit // 1_000_000} MB.", remedy="split it, or raise console.upload_mb"
                        )
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            final = self.folder / digest.hexdigest() / plain_name(name)
            final.parent.mkdir(exist_ok=True)
            temporary.replace(final)
        finally:
            temporary.unlink(missing_ok=True)
        return final.absolute()

    def holds(self, path: Path) -> bool:
        """Whether a path leads to a file that was given here, and nowhere else on this machine."""
        return path.resolve().is_relative_to(self.folder.resolve()) and path.is_file()


def plain_name(name: str) -> str:
    """A file's name without folders and without what shells, logs or headers might take for something else."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return UNSAFE.sub("_", last).lstrip(".")[-120:].strip() or "file"
