"""Signals ask for a stop at a safe point."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupts:
    """SIGINT and SIGTERM ask for a stop at the next safe point; a second one ends the process."""

    received: int = 0

    def asked(self) -> bool:
        return self.received > 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, self._note) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            sys.exit(128 + number)
        self.received = number
