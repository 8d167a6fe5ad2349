"""The sandbox's own clock: the business date of the month plus the real time that has passed since the start."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

from sandbox.month import TODAY

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
OPENING = dt.datetime.combine(TODAY, dt.time(9), SAO_PAULO)


class Clock:
    """Tells aware São Paulo time; it runs at real speed and can be moved by `set`."""

    def __init__(self, start: dt.datetime = OPENING) -> None:
        self.set(start)

    def set(self, now: dt.datetime) -> None:
        """Move the clock to `now` (aware); it runs on from there."""
        self._start = now.astimezone(SAO_PAULO)
        self._since = time.monotonic()

    def now(self) -> dt.datetime:
        return self._start + dt.timedelta(seconds=time.monotonic() - self._since)

    def today(self) -> dt.date:
        return self.now().date()
