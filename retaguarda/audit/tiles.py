"""The log as `tlog-tiles` (C2SP): static files that any verifier of transparency logs reads, served or copied as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from retaguarda.audit.log import AuditLog
from retaguarda.audit.merkle import leaf_hash, root_of

WIDTH = 256
"""Hashes in a full tile; also entries in a full bundle."""


def write_tiles(log: AuditLog, folder: Path) -> int:
    """Write checkpoint, hash tiles and entry bundles of what is signed under `folder`; returns how many events that are."""
    note, size = log.last_note()
    lines, leaves = islice(log.lines(), size), list[bytes]()
    for number, bundle in enumerate(_in_rows(lines)):
        _write(folder / "tile" / "entries" / _name(number, len(bundle)), b"".join(len(line).to_bytes(2, "big") + line for line in bundle))
        leaves += map(leaf_hash, bundle)
    level = 0
    while leaves:
        above = []
        for number, start in enumerate(range(0, len(leaves), WIDTH)):
            row = leaves[start : start + WIDTH]
            _write(folder / "tile" / str(level) / _name(number, len(row)), b"".join(row))
            above += [root_of(row)] if len(row) == WIDTH else []
        leaves, level = above, level + 1
    _write(folder / "checkpoint", note.encode())
    return size


def _in_rows(lines: Iterator[bytes]) -> Iterator[Sequence[bytes]]:
    while row := list(islice(lines, WIDTH)):
        yield row


def _name(number: int, width: int) -> str:
    """Where a tile lies: `x001/x234/067`, and `.p/<width>` while it is not full."""
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
