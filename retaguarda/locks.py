"""Locks that the process holds and only its death or release frees: no clock, no lease to outlive."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retaguarda.clock import Clock
from retaguarda.errors import LeaseHeld

_TRIES, _BETWEEN = 10, 0.01
"""Somebody who only looks whether a lock is free has it for an instant: that is no holder."""

_held: dict[Path, int] = {}
"""The descriptors of the named locks that this process holds."""


@contextmanager
def process_lock(path: Path, *, wait: bool = False, held_text: str = "") -> Iterator[int]:
    """Hold the lock file at `path` for the block, as its descriptor; LeaseHeld when another process has it and `wait` is false."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if wait:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        elif not _taken(descriptor, fcntl.LOCK_EX, _TRIES):
            raise LeaseHeld(held_text or f"{path.name} is held by another process", remedy="wait for the other run to end")
        yield descriptor
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int, tries: int = 1) -> bool:
    for left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                Clock().pause(_BETWEEN)
        else:
            return True
    return False


class Locks:
    """Named locks, e.g. one a credential and one an act: here files in a folder, for the processes of one machine.

    A lock has one holder; the holder itself cannot take it twice.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Hold the lock for the block; LeaseHeld when somebody has it."""
        path = self._path(name)
        with process_lock(path, held_text=f"{name} is held by another run") as descriptor:
            _held[path] = descriptor
            try:
                yield
            finally:
                _held.pop(path, None)

    def still_held(self, name: str) -> bool:
        """Whether the lock that this process took is still its own: somebody may have removed the file under it."""
        path = self._path(name)
        try:
            return path in _held and os.path.samestat(os.fstat(_held[path]), path.stat())
        except FileNotFoundError:
            return False

    def is_free(self, name: str) -> bool:
        """Whether nobody holds the lock at this moment."""
        try:
            descriptor = os.open(self._path(name), os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            return _taken(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _path(self, name: str) -> Path:
        return self._folder / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock"
