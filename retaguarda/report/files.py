"""Writes a report's files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Put the whole file in place at once: a reader never meets half of it. Raises OSError when the disk refuses."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
