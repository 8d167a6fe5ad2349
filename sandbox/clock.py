"""The sandbox's own clock: the business date of the month plus the real time that has passed since the start."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from sandbox.month import TODAY

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
OPENING = dt.datetime.combine(TODAY, dt.time(9), SAO_PAULO)


KEEP_SECONDS = 1.0


class Clock:
    """Tells aware São Paulo time; it runs at real speed, can be moved by `set`, and with a file never goes back over a restart."""

    def __init__(self, start: dt.datetime = OPENING, kept: Path | None = None) -> None:
        self._kept = kept
        self._kept_at = 0.0
        before = dt.datetime.fromisoformat(kept.read_text("utf-8")) if kept and kept.exists() else start
        self.set(max(start, before))

    def set(self, now: dt.datetime) -> None:
        """Move the clock to `now` (aware); it runs on from there."""
        self._start = now.astimezone(SAO_PAULO)
        self._since = time.monotonic()
        self._keep(self._start)

    def now(self) -> dt.datetime:
        now = self._start + dt.timedelta(seconds=time.monotonic() - self._since)
        if time.monotonic() - self._kept_at > KEEP_SECONDS:
            self._keep(now)
        return now

    def today(self) -> dt.date:
        return self.now().date()

    def _keep(self, now: dt.datetime) -> None:
        """Remember the time, a second ahead: what was stored in the meantime must not lie in the future after a restart."""
        self._kept_at = time.monotonic()
        if self._kept:
            self._kept.write_text((now + dt.timedelta(seconds=KEEP_SECONDS)).isoformat(), "utf-8")
