"""Files that a portal gave: saved and hashed before the browser context closes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from retaguarda.errors import IncompleteDownload


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded file: where it lies, the name that the portal gave it (a label, never a path), its SHA-256 and size."""

    path: Path
    name: str
    sha256: str
    size: int

    def read_bytes(self) -> bytes:
        return self.path.read_bytes()

    @classmethod
    def of(cls, path: Path, name: str) -> Download:
        """The download in `path`; an empty file is an IncompleteDownload."""
        data = path.read_bytes()
        if not data:
            raise IncompleteDownload(f"the portal sent an empty file: {name}", remedy="download it again later")
        return cls(path, name, hashlib.sha256(data).hexdigest(), len(data))
