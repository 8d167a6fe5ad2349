"""How an obligation stands: what time is left before its deadline, and how loudly that must be told."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from retaguarda.agenda.durations import estimated
from retaguarda.agenda.verdicts import ON_TIME
from retaguarda.clock import Clock
from retaguarda.store.models import RunRecord, RunState
from retaguarda.triggers.trigger import Fire, Trigger

LEAD = dt.timedelta(days=62)
"""How long before its deadline an obligation gets its row: no run takes longer than a month, and no portal rests so long."""
_KEEP_SECONDS = 60


class Level(enum.StrEnum):
    """How an obligation stands. A run that is begun by the latest safe start and takes no longer than usual is OK."""

    OK = "ok"
    SHRINKING = "shrinking"  # not as planned, and a run begun now would still be in time
    CRITICAL = "critical"  # not as planned, and a run begun now would hardly be in time, or no longer
    MISSED = "missed"
    LATE = "late"  # done, after the deadline
    MET = "met"


OVER = (Level.LATE, Level.MET)


@dataclass(frozen=True, slots=True)
class Standing:
    """The time that an obligation has: what follows from its deadline, from what a run takes, and from the portal's hours."""

    trigger: Trigger
    due: dt.datetime
    safe_start: dt.datetime  # the latest moment to begin, with room for retries and a reserve
    bare_start: dt.datetime  # the latest moment at which a run without any mishap would be in time
    expected: dt.timedelta

    def open_left(self, now: dt.datetime) -> dt.timedelta:
        """The portal's open time within which a run may still be begun; nothing when it is too late."""
        return self.trigger.openings.open_time(now, self.bare_start)

    def level(self, now: dt.datetime, run: RunRecord | None) -> Level:
        """How it stands with the run that is to meet it, or with none yet."""
        if run is not None and run.state == RunState.SUCCESSFUL and run.ended_at is not None:
            return Level.MET if run.ended_at <= self.due else Level.LATE
        if now > self.due:
            return Level.MISSED
        if self._goes_well(now, run):
            return Level.OK
        return Level.CRITICAL if self.open_left(now) <= self.trigger.safety.critical else Level.SHRINKING

    def _goes_well(self, now: dt.datetime, run: RunRecord | None) -> bool:
        if run is None or run.started_at is None:
            return now <= self.safe_start + ON_TIME
        return run.state == RunState.RUNNING and now <= run.started_at + self.expected <= self.due


class Standings:
    """The standings of obligations by what runs took so far; each is looked at anew once a minute."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._known: dict[tuple[int, dt.datetime], Standing] = {}
        self._since = clock.monotonic()

    def of(self, trigger: Trigger, fire: Fire) -> Standing:
        """The standing of a fire that has a deadline."""
        if self._clock.monotonic() - self._since > _KEEP_SECONDS:
            self._seconds, self._known, self._since = {}, {}, self._clock.monotonic()
        key = (id(trigger), fire.at)  # a standing keeps its trigger, so that no other one gets this id
        if key not in self._known:
            self._known[key] = self._made(trigger, fire)
        return self._known[key]

    def _made(self, trigger: Trigger, fire: Fire) -> Standing:
        if trigger.name not in self._seconds:
            self._seconds[trigger.name] = estimated(trigger.process, trigger.expected).seconds
        seconds, due = self._seconds[trigger.name], fire.due or fire.at
        expected = dt.timedelta(seconds=round(seconds))
        bare_start = trigger.openings.latest_start(due, expected)
        return Standing(trigger, due, trigger.latest_safe_start(fire, seconds), bare_start, expected)
