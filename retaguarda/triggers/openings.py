"""When a portal is open: weekly windows in its own wall time, minus maintenance. Moments are UTC.

A moment is open when the wall clock shows a time inside a window, also in an hour that the clock shows twice.
"""

from __future__ import annotations

import bisect
import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from retaguarda.calendars.calendar import Calendar, days_between
from retaguarda.calendars.files import WEEKDAYS
from retaguarda.clock import SAO_PAULO
from retaguarda.triggers.walltime import DAY, stretches

Stretch = tuple[dt.datetime, dt.datetime]
LONGEST_WAIT = dt.timedelta(days=31)
"""How far a closed portal can move a fire, and how far back a moment is looked up; beyond, a portal counts as shut."""
CHUNK = dt.timedelta(days=8)
MIDNIGHT = dt.time()
_WINDOW = re.compile(r"(?P<days>[a-z,\- ]+) +(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on days of the week, or on business days; `end` is not in it, and midnight as an end is the day's end."""

    days: frozenset[int]
    start: dt.time
    end: dt.time
    business: bool = False

    @classmethod
    def parse(cls, text: str) -> Window:
        """`mon-fri 07:00-22:00`, `sat,sun 08:00-12:00`, `daily 00:00-24:00`, `business 09:00-18:00`; else ValueError."""
        found = _WINDOW.fullmatch(" ".join(text.lower().split()))
        if not found:
            raise ValueError(f"{text!r} is no window: write it like mon-fri 07:00-22:00, daily 00:00-24:00 or business 09:00-18:00")
        start, end = dt.time.fromisoformat(found["start"]), dt.time.fromisoformat(found["end"].replace("24:00", "00:00"))
        if end != MIDNIGHT and end <= start:
            raise ValueError(f"{text!r} ends before it begins: write the part after midnight as a window of the next day")
        business = found["days"] == "business"
        return cls(frozenset(range(7)) if business else _days(found["days"]), start, end, business)

    def __str__(self) -> str:
        days = "business" if self.business else ",".join(WEEKDAYS[day] for day in sorted(self.days))
        return f"{days} {self.start:%H:%M}-{'24:00' if self.end == MIDNIGHT else format(self.end, '%H:%M')}"


@dataclass(frozen=True, slots=True)
class Hours:
    """The windows of a portal or a trigger in a zone; open at any of them. None at all: always."""

    windows: tuple[Window, ...]
    zone: ZoneInfo = SAO_PAULO
    calendar: Calendar | None = None

    def stretches(self, after: dt.datetime, until: dt.datetime) -> Iterator[Stretch]:
        """The open time from `after` to `until`, in order, where stretches may touch."""
        if not self.windows:
            yield after, until
            return
        for start, end, offset in stretches(self.zone, after, until):
            yield from _within(start, end, self._of_stretch(start, end, offset))

    def _of_stretch(self, start: dt.datetime, end: dt.datetime, offset: dt.timedelta) -> Iterator[Stretch]:
        """Windows as moments, where clocks run evenly."""
        first, last = (start + offset).date(), (end + offset).date()
        for day in days_between(first, last):
            yield from _joined((_utc(day, opens, offset), _utc(day, closes, offset)) for opens, closes in self._of_day(day))

    def _of_day(self, day: dt.date) -> Iterator[tuple[dt.timedelta, dt.timedelta]]:
        for window in self.windows:
            if day.weekday() in window.days and (not window.business or (self.calendar and self.calendar.is_business(day))):
                yield _since_midnight(window.start), _since_midnight(window.end) or DAY


@dataclass(frozen=True, slots=True)
class Closure:
    """A time in which a portal is closed whatever its windows say: announced maintenance."""

    start: dt.datetime
    end: dt.datetime
    source: str = ""


@dataclass(frozen=True, slots=True)
class Openings:
    """The time in which all hours are open and no maintenance is announced."""

    hours: tuple[Hours, ...] = ()
    closures: tuple[Closure, ...] = ()

    @property
    def always(self) -> bool:
        return not (self.closures or any(hours.windows for hours in self.hours))

    def stretches(self, after: dt.datetime, until: dt.datetime) -> list[Stretch]:
        """The open time from `after` to `until`, in order, no two stretches touching."""
        found: Iterable[Stretch] = [(after, until)]
        for hours in self.hours:
            found = _both(found, list(_joined(hours.stretches(after, until))))
        for closure in self.closures:
            found = _without(found, closure)
        return list(_joined(found))

    def is_open(self, moment: dt.datetime) -> bool:
        second = dt.timedelta(seconds=1)
        return bool(self.stretches(moment, moment + second))

    def next_open(self, moment: dt.datetime) -> dt.datetime | None:
        """The moment itself when it is open, else the next opening; None when there is none within LONGEST_WAIT."""
        for start in _steps(moment, LONGEST_WAIT):
            found = self.stretches(start, min(start + CHUNK, moment + LONGEST_WAIT))
            if found:
                return found[0][0]
        return None

    def closed_since(self, moment: dt.datetime) -> dt.datetime:
        """The moment itself when it is open, else when it closed; LONGEST_WAIT before it at the earliest."""
        second = dt.timedelta(seconds=1)
        for end in _steps(moment + second, -LONGEST_WAIT):
            found = self.stretches(max(end - CHUNK, moment - LONGEST_WAIT), end)
            if found:
                return min(found[-1][1], moment)
        return moment - LONGEST_WAIT

    def open_time(self, after: dt.datetime, until: dt.datetime) -> dt.timedelta:
        """How much of the time from `after` to `until` is open."""
        return sum((end - start for start, end in self.stretches(after, until)), dt.timedelta()) if after < until else dt.timedelta()

    def latest_start(self, due: dt.datetime, work: dt.timedelta) -> dt.datetime:
        """The last moment from which `work` fits into open time before `due`.

        In one piece, where an opening within LONGEST_WAIT is long enough; else over as many openings as it takes. Without
        that much open time: LONGEST_WAIT before `due`, that is at once.
        """
        openings = self.stretches(due - LONGEST_WAIT, due)
        whole = next((end - work for start, end in reversed(openings) if end - start >= work), None)
        return whole or _spread(openings, work) or due - LONGEST_WAIT

    def closed_by(self, moment: dt.datetime) -> Closure | None:
        """The announced maintenance that closes a moment; None when it is the windows that do."""
        return next((one for one in self.closures if one.start <= moment < one.end), None)


class Timetable:
    """The openings over an interval, looked up once for all of its moments."""

    def __init__(self, openings: Openings, after: dt.datetime, until: dt.datetime) -> None:
        found = openings.stretches(after, until)
        self._starts, self._ends = [start for start, _ in found], [end for _, end in found]
        later = openings.next_open(until)
        self._starts += [later] if later else []

    def opening(self, moment: dt.datetime) -> dt.datetime | None:
        """The moment itself when it is open, else the next opening; None when there is none within LONGEST_WAIT."""
        place = bisect.bisect_right(self._starts, moment)
        if place and place <= len(self._ends) and moment < self._ends[place - 1]:
            return moment
        opening = self._starts[place] if place < len(self._starts) else None
        return opening if opening and opening < moment + LONGEST_WAIT else None


def _spread(openings: list[Stretch], work: dt.timedelta) -> dt.datetime | None:
    """The start of work that goes on in each opening until it is done by the last one's end."""
    for start, end in reversed(openings):
        if end - start >= work:
            return end - work
        work -= end - start
    return None


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if part == "daily":
            found |= set(range(7))
        elif first not in WEEKDAYS or (dash and last not in WEEKDAYS):
            raise ValueError(f"{part!r} is no day of a window: write mon, tue, wed, thu, fri, sat, sun, mon-fri, daily or business")
        else:
            start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
            found |= {(start + n) % 7 for n in range((end - start) % 7 + 1)}
    return frozenset(found)


def _since_midnight(time: dt.time) -> dt.timedelta:
    return dt.timedelta(hours=time.hour, minutes=time.minute)


def _utc(day: dt.date, wall: dt.timedelta, offset: dt.timedelta) -> dt.datetime:
    return dt.datetime.combine(day, MIDNIGHT, dt.UTC) + wall - offset


def _within(start: dt.datetime, end: dt.datetime, found: Iterable[Stretch]) -> Iterator[Stretch]:
    return ((max(start, one), min(end, other)) for one, other in found if one < end and start < other)


def _joined(found: Iterable[Stretch]) -> Iterator[Stretch]:
    """Stretches in order, those that touch or overlap made one."""
    last: Stretch | None = None
    for start, end in sorted(found):
        if last and start <= last[1]:
            last = last[0], max(last[1], end)
            continue
        if last:
            yield last
        last = start, end
    if last:
        yield last


def _both(one: Iterable[Stretch], other: list[Stretch]) -> Iterator[Stretch]:
    return (common for start, end in one for common in _within(start, end, other))


def _without(found: Iterable[Stretch], closure: Closure) -> Iterator[Stretch]:
    for start, end in found:
        if closure.start > start:
            yield start, min(end, closure.start)
        if closure.end < end:
            yield max(start, closure.end), end


def _steps(moment: dt.datetime, span: dt.timedelta) -> Iterator[dt.datetime]:
    """`moment` and then every CHUNK on from it, or back from it, within the span."""
    step = CHUNK if span > dt.timedelta() else -CHUNK
    return (moment + n * step for n in range(-(-abs(span) // CHUNK)))
