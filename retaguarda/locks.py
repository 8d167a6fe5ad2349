"""Locks that the process holds and only its death or release frees: no clock, no lease to outlive."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retaguarda.errors import LeaseHeld


@contextmanager
def process_lock(path: Path, *, wait: bool = False, held_text: str = "") -> Iterator[None]:
    """Hold the lock file at `path` for the block; LeaseHeld when another process has it and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LeaseHeld(held_text or f"{path.name} is held by another process", remedy="wait for the other run to end") from None
        yield
    finally:
        os.close(descriptor)


class Locks:
    """Named locks in a folder, e.g. one a credential and one an act."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        with process_lock(self._folder / f"{digest}.lock", held_text=f"{name} is held by another run"):
            yield

    def is_free(self, name: str) -> bool:
        """Whether nobody holds the lock at this moment."""
        try:
            with self.hold(name):
                return True
        except LeaseHeld:
            return False
