"""A trigger: when a process is to run, by which policies, with which parameters. Pure: the same question has the same answer.

A rule gives wall times. The zone and the policies for gaps and folds make moments of them, and the portal's openings let
each stand, move it to the next opening, or refuse it. Every one of these steps looks at one wall time alone, so it does
not matter into which intervals time is cut. Wall times that end at one moment are one fire.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from retaguarda.calendars.calendar import Calendar, banks
from retaguarda.clock import SAO_PAULO
from retaguarda.language import say
from retaguarda.triggers.openings import LONGEST_WAIT, Openings, Timetable
from retaguarda.triggers.placeholders import About, filled
from retaguarda.triggers.rules import Obligation, Rule
from retaguarda.triggers.safety import Safety, latest_safe_start
from retaguarda.triggers.walltime import SECOND, Fold, Gap, Moment, WallClock, moments

Missed = Literal["all", "latest", "skip"]
Overlap = Literal["skip", "queue", "replace", "allow"]
Closed = Literal["defer", "skip"]
FARTHEST_YEARS = 10
"""How many years ahead a calendar is asked whether it knows them."""


@dataclass(frozen=True, slots=True)
class Fire:
    """A moment at which a trigger is to fire; for an obligation, its deadline."""

    at: dt.datetime  # UTC, whole seconds: the fire's identity within its trigger
    local: str  # the wall time that the rule meant, with its offset
    due: dt.datetime | None = None  # the obligation's deadline, UTC
    refusal: str = ""  # why the rule itself skips this fire

    @property
    def wall(self) -> dt.datetime:
        """The wall time that the rule meant."""
        return dt.datetime.fromisoformat(self.local).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One entry of config/triggers.toml."""

    name: str
    process: str
    rule: str
    plan: Rule
    params: Mapping[str, str] = field(default_factory=dict)
    queue: str = "default"
    priority: int = 100
    zone: ZoneInfo = SAO_PAULO
    calendar: Calendar = field(default_factory=banks)
    enabled: bool = True
    missed: Missed = "latest"
    look_back: dt.timedelta = dt.timedelta(days=1)
    overlap: Overlap = "skip"
    gap: Gap = "next"
    fold: Fold = "first"
    portal: str = ""
    openings: Openings = field(default_factory=Openings)
    closed: Closed = "defer"
    expected: dt.timedelta = dt.timedelta(minutes=30)  # how long a run takes, while too few have been measured
    safety: Safety = field(default_factory=Safety)
    time_limit: int | None = None  # seconds an attempt may take
    digest: str = ""  # SHA-256 of all that its fires follow from

    @property
    def obligation(self) -> bool:
        """Whether the rule states a deadline instead of an hour."""
        return self.plan.obligation

    def between(self, after: dt.datetime, until: dt.datetime) -> list[Fire]:
        """Every fire with after < at <= until, in order, each once, however the time is cut into intervals.

        ConfigurationError where the calendar does not know the days that are asked for; see `known_until`.
        """
        if until <= after:
            return []
        return _each_once([fire for fire in self._placed(after, until) if after < fire.at <= until])

    def inputs(self, fire: Fire) -> dict[str, str]:
        """The parameters of the process for that fire, placeholders filled."""
        about = About(fire.wall.date(), self.plan.supply(fire.wall), self.calendar)
        return {name: filled(text, about) for name, text in self.params.items()}

    def latest_safe_start(self, fire: Fire, expected_seconds: float) -> dt.datetime:
        """The last moment at which a run of that length still meets the obligation's deadline, in the portal's open time."""
        return latest_safe_start(fire.due or fire.at, expected_seconds, self.safety, self.openings)

    def known_until(self, moment: dt.datetime) -> dt.datetime:
        """Up to when its calendars know the days, from `moment` on: until then `between` has an answer."""
        year = moment.astimezone(self.zone).year
        years = (y for y in range(year, year + FARTHEST_YEARS) if not all(one.knows(y) for one in self._calendars()))
        return moments(dt.datetime(next(years, year + FARTHEST_YEARS), 1, 1), self.zone)[0].at - SECOND  # noqa: DTZ001  # wall time

    def describe(self) -> str:
        """The trigger in one sentence of the operator's language."""
        where = say("time of {zone}", zone=self.zone.key)
        if self.plan.counts_business_days:
            where = say("calendar {calendar}, time of {zone}", calendar=self.calendar.stated.title, zone=self.zone.key)
        return "; ".join(part for part in (f"{self.plan.said()} ({where})", self._said_of_closed(), self._said_of_missed()) if part)

    def _calendars(self) -> list[Calendar]:
        """Every calendar that its fires follow from."""
        hours = [one.calendar for one in self.openings.hours if one.calendar and any(window.business for window in one.windows)]
        event = [self.plan.deadlines.event(self.plan.event).calendar] if isinstance(self.plan, Obligation) else []
        return [self.calendar, *hours, *event]

    def _placed(self, after: dt.datetime, until: dt.datetime) -> Iterator[Fire]:
        """Fires of the wall times that can end in the interval; several can end at one moment."""
        closing = not self.obligation and not self.openings.always
        back = self.openings.closed_since(after) - SECOND if closing and self.closed == "defer" else after
        timetable = Timetable(self.openings, back, until + SECOND) if closing else None
        clock = WallClock(self.zone, back, until, self.fold)
        for wall in self.plan.walls(clock.first, clock.last):
            for moment in clock.moments(wall):
                if back < moment.at <= until:
                    yield self._fire(wall, moment, timetable)

    def _fire(self, wall: dt.datetime, moment: Moment, timetable: Timetable | None) -> Fire:
        """What becomes of one wall time; without a timetable nothing is ever closed."""
        local = moment.told(wall)
        if self.obligation:
            return Fire(moment.at, local, due=moment.at)
        if not moment.exists and self.gap == "skip":
            return Fire(moment.at, local, refusal=f"{wall:%H:%M} of {wall:%Y-%m-%d} does not exist: clocks are put forward")
        opening = timetable.opening(moment.at) if timetable else moment.at
        if opening != moment.at and self.closed == "skip":
            return Fire(moment.at, local, refusal=self._why_closed(moment.at))
        if opening is None:
            return Fire(moment.at, local, refusal=f"the portal does not open within {LONGEST_WAIT.days} days")
        return Fire(opening, local)

    def _why_closed(self, moment: dt.datetime) -> str:
        closure = self.openings.closed_by(moment)
        if closure is None:
            return "the portal is closed at that hour"
        return f"the portal is closed for maintenance: {closure.source}"

    def _said_of_closed(self) -> str:
        if self.openings.always or self.obligation:
            return ""
        return say("while the portal is closed: at its next opening") if self.closed == "defer" else say("not while the portal is closed")

    def _said_of_missed(self) -> str:
        days, rest = divmod(self.look_back, dt.timedelta(days=1))
        span = f"{self.look_back / dt.timedelta(hours=1):g} h" if rest or not days else f"{days} d"
        told = {
            "all": say("all fires missed up to {span} ago are made up for", span=span),
            "latest": say("only the latest fire missed up to {span} ago is made up for", span=span),
            "skip": say("missed fires are not made up for"),
        }
        return "" if self.obligation else told[self.missed]


def _each_once(fires: list[Fire]) -> list[Fire]:
    """The fires in order, one a moment."""
    if all(one.at < other.at for one, other in itertools.pairwise(fires)):  # almost always
        return fires
    best: dict[dt.datetime, Fire] = {}
    for fire in fires:
        best[fire.at] = min(best[fire.at], fire, key=_rank) if fire.at in best else fire
    return [best[at] for at in sorted(best)]


def _rank(fire: Fire) -> tuple[bool, bool, str]:
    """Which of several fires at one moment stands: one that is not refused, one that was meant for it, the earliest meant."""
    meant = dt.datetime.fromisoformat(fire.local)
    return bool(fire.refusal), meant != fire.at, fire.local
