"""Deadline first: from a deadline back to the last moment at which a run can begin and still be done in time.

    latest safe start = due - (expected + retries × expected + their waits + reserve), counted in the portal's open time

How an obligation stands with the run that is to meet it is told by `retaguarda.agenda.obligations`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from retaguarda.settings import Settings
from retaguarda.triggers.openings import Openings


@dataclass(frozen=True, slots=True)
class Safety:
    """What must fit before a deadline besides the run itself, and how little open time left is critical."""

    retries: int = 1
    waits: dt.timedelta = dt.timedelta(minutes=1)
    reserve: dt.timedelta = dt.timedelta(minutes=30)
    critical: dt.timedelta = dt.timedelta(hours=1)

    def work(self, expected_seconds: float) -> dt.timedelta:
        """The time to keep for a run of that length: itself, its retries with their waits, and the reserve."""
        whole = dt.timedelta(seconds=round(expected_seconds * (1 + self.retries)))
        return whole + self.waits + self.reserve


def safety_of(settings: Settings, retries: int = 1, reserve: dt.timedelta | None = None) -> Safety:
    """What this installation keeps free before a deadline; the waits are those of the engine's first retries."""
    rules, jobs = settings.deadlines, settings.jobs
    waits = sum(min(jobs.retry_first * 2**n, jobs.retry_most) for n in range(retries))
    return Safety(
        retries=retries,
        waits=dt.timedelta(seconds=round(waits)),
        reserve=dt.timedelta(minutes=rules.reserve_minutes) if reserve is None else reserve,
        critical=dt.timedelta(minutes=rules.critical_minutes),
    )


def latest_safe_start(due: dt.datetime, expected_seconds: float, safety: Safety, openings: Openings) -> dt.datetime:
    """The last moment at which a run of that length can begin; inside the portal's open time, in whole seconds."""
    return openings.latest_start(due, safety.work(expected_seconds)).replace(microsecond=0)
