"""Seals and anchors beside whatever a process does: no event waits longer than a minute to be signed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections

from retaguarda.errors import RetaguardaError


class Keeper:
    """A thread that seals, then anchors, again and again; what fails is tried again, and told by the watchdog."""

    def __init__(self, seal: Callable[[], object], anchor: Callable[[], object], seconds: float) -> None:
        self._tasks = (seal, anchor)
        self._seconds = seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the log for as long as the block lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._keep, args=(stop,), name="audit keeper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _keep(self, stop: threading.Event) -> None:
        while not stop.wait(self._seconds):
            self.turn()
            connections.close_all()

    def turn(self) -> bool:
        """Seal and anchor once; false when the log or the store would not."""
        try:
            for task in self._tasks:
                task()
        except (RetaguardaError, DatabaseError, OSError):
            return False  # unsealed events and missing anchors are conditions that the watchdog looks at
        return True
