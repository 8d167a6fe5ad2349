"""The only place where the product reads the time or waits."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from zoneinfo import ZoneInfo

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
OPENING = dt.time(9)


class Clock:
    """Wall time in São Paulo, monotonic time of this boot, and the business date.

    A business date other than today's is a rehearsal (the demo closes October 2026 whatever the day): deadlines follow
    it, while every timestamp of the log stays the real one.
    """

    def __init__(self, business_date: dt.date | None = None) -> None:
        self._business_date = business_date
        self._began = self.monotonic()

    def now(self) -> dt.datetime:
        return dt.datetime.now(SAO_PAULO)

    def monotonic(self) -> float:
        """Seconds since boot, suspended time included where the system tells it; comparable across processes of one boot."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()

    def boot_id(self) -> str:
        """Identity of this boot: monotonic times of different boots must not be compared."""
        return boot_id()

    def offset(self) -> float:
        """Wall time minus monotonic time, in seconds: it only changes when somebody sets the clock."""
        return self.now().timestamp() - self.monotonic()

    def today(self) -> dt.date:
        return self._business_date or self.now().date()

    def business_now(self) -> dt.datetime:
        """The moment that deadlines are held against: now, or the rehearsed day from nine in the morning on."""
        if self._business_date is None:
            return self.now()
        opening = dt.datetime.combine(self._business_date, OPENING, SAO_PAULO)
        return opening + dt.timedelta(seconds=self.monotonic() - self._began)

    @property
    def rehearsal(self) -> bool:
        return self._business_date is not None

    def pause(self, seconds: float) -> None:
        """Wait: for polls and politeness towards portals, never to hope that something is ready."""
        time.sleep(seconds)


def boot_id() -> str:
    """Identity of this boot: monotonic times of different boots must not be compared."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else f"{time.time() - time.monotonic():.0f}"
