"""Deadline first: from a deadline back to the last moment at which a run can begin and still be done in time.

    latest safe start = due - (expected + retries × (expected + wait) + reserve), counted in the portal's open time
    margin            = latest safe start - now

The level follows from the *open* time that is left until the latest safe start: a night in which the portal is closed is
no margin.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from retaguarda.jobs.openings import Openings
from retaguarda.settings import Settings

Level = Literal["ok", "shrinking", "critical", "missed"]
LEVELS: tuple[Level, ...] = ("ok", "shrinking", "critical", "missed")
"""From the one that lets people sleep to the one that wakes them."""


@dataclass(frozen=True, slots=True)
class Safety:
    """What must fit before a deadline besides the run itself, and from when on the margin is watched."""

    retries: int = 1
    waits: dt.timedelta = dt.timedelta(minutes=1)
    reserve: dt.timedelta = dt.timedelta(minutes=30)
    shrinking: dt.timedelta = dt.timedelta(hours=4)
    critical: dt.timedelta = dt.timedelta(hours=1)

    def work(self, expected_seconds: float) -> dt.timedelta:
        """The time to keep for a run of that length: itself, its retries with their waits, and the reserve."""
        whole = dt.timedelta(seconds=round(expected_seconds * (1 + self.retries)))
        return whole + self.waits + self.reserve

    def level(self, due: dt.datetime, now: dt.datetime, open_left: dt.timedelta) -> Level:
        """How it stands: missed once the deadline has passed; else by the open time left until the latest safe start."""
        if now > due:
            return "missed"
        if open_left <= self.critical:
            return "critical"
        return "shrinking" if open_left <= self.shrinking else "ok"


@dataclass(frozen=True, slots=True)
class Margin:
    """How an obligation stands at a moment; `left` is negative once the latest safe start has passed."""

    due: dt.datetime
    start: dt.datetime
    left: dt.timedelta
    open_left: dt.timedelta
    level: Level


def safety_of(settings: Settings, retries: int = 1, reserve: dt.timedelta | None = None) -> Safety:
    """What this installation keeps free before a deadline; the waits are those of the engine's first retries."""
    rules, jobs = settings.deadlines, settings.jobs
    waits = sum(min(jobs.retry_first * 2**n, jobs.retry_most) for n in range(retries))
    return Safety(
        retries=retries,
        waits=dt.timedelta(seconds=round(waits)),
        reserve=dt.timedelta(minutes=rules.reserve_minutes) if reserve is None else reserve,
        shrinking=dt.timedelta(minutes=rules.shrinking_minutes),
        critical=dt.timedelta(minutes=rules.critical_minutes),
    )


def latest_safe_start(due: dt.datetime, expected_seconds: float, safety: Safety, openings: Openings) -> dt.datetime:
    """The last moment at which a run of that length can begin; inside the portal's open time, in whole seconds."""
    return openings.latest_start(due, safety.work(expected_seconds)).replace(microsecond=0)


def margin(due: dt.datetime, start: dt.datetime, now: dt.datetime, safety: Safety, openings: Openings) -> Margin:
    """How an obligation with that latest safe start stands now."""
    open_left = openings.open_time(now, start)
    return Margin(due, start, start - now, open_left, safety.level(due, now, open_left))
