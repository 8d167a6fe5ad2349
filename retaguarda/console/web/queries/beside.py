"""What takes long to work out is worked out beside the pages, kept for a while and shown with its age: nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from django.db import DatabaseError, connections

from retaguarda.console.wiring import House
from retaguarda.errors import RetaguardaError, StoreUnavailable

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
FIRST_SECONDS = 0.05
"""How long a page waits for the very first time: of a small store it is done by then."""
PROGRAM_SECONDS = 60.0
"""How long a file or an answer to a program waits."""
MOST = 20
"""Answers that are kept: those to the questions asked last."""


@dataclass(frozen=True)
class Kept(Generic[V]):
    """An answer, and when it was worked out."""

    found: V
    at: float

    @property
    def age(self) -> float:
        """Seconds since."""
        return time.monotonic() - self.at


@dataclass
class Beside(Generic[K, V]):
    """Answers to one kind of question; each is worked out by one thread at a time."""

    name: str
    work: Callable[[House, K], V]
    seconds: float
    """How long an answer is shown before it is worked out again."""
    trouble: str = ""
    """Why the last attempt failed, if it did."""
    _kept: dict[tuple[str, K], Kept[V]] = field(default_factory=dict)
    _threads: dict[tuple[str, K], threading.Thread] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, house: House, asked: K, patience: float = FIRST_SECONDS) -> Kept[V] | None:
        """The latest answer, while a new one is begun when it is old; None before there is any."""
        key = (str(house.settings.home), asked)
        found = self._kept.get(key)
        if found is None or found.age >= self.seconds:
            thread = self._begun(house, key)
            if found is None:
                thread.join(patience)
        return self._kept.get(key)

    def surely(self, house: House, asked: K) -> Kept[V]:
        """As `get`, for programs, which may wait; StoreUnavailable when it takes too long."""
        found = self.get(house, asked, PROGRAM_SECONDS)
        if found is None:
            raise StoreUnavailable("the figures are being counted for the first time", remedy="ask again in a minute")
        return found

    def _begun(self, house: House, key: tuple[str, K]) -> threading.Thread:
        with self._lock:
            thread = self._threads.get(key)
            if thread is None or not thread.is_alive():
                thread = self._threads[key] = threading.Thread(target=self._work, args=(house, key), name=self.name, daemon=True)
                thread.start()
        return thread

    def _work(self, house: House, key: tuple[str, K]) -> None:
        try:
            found = Kept(self.work(house, key[1]), time.monotonic())
        except (RetaguardaError, DatabaseError) as error:
            self.trouble = error.text if isinstance(error, RetaguardaError) else str(error)
        else:
            self.trouble = ""
            with self._lock:
                self._kept = dict([*((one, kept) for one, kept in self._kept.items() if one != key)][1 - MOST :]) | {key: found}
        finally:
            with self._lock:
                self._threads.pop(key, None)
            connections.close_all()
