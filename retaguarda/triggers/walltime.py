"""Wall time and moments: what a local time means where clocks are put forward or back, by stated policies.

A *gap* is local time that clocks skip (put forward), a *fold* local time that they show twice (put back). Neither is
left to a library's guess: the policy says what happens. Moments are UTC, wall times are naive, both in whole seconds.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Gap = Literal["next", "skip"]
Fold = Literal["first", "second", "both"]
SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


class Moment(NamedTuple):
    """What a wall time became: a moment, the offset in force there (`-03:00`), and whether clocks ever show that wall time."""

    at: dt.datetime
    offset: str
    exists: bool = True

    def told(self, wall: dt.datetime) -> str:
        """The wall time that was meant, with its offset: `2018-11-04T00:30:00-02:00`."""
        return wall.isoformat() + self.offset


class WallClock:
    """The wall clock of a zone over an interval: which days it shows, and what each of its times means.

    More than a day away from where clocks are turned every wall time is one moment; only near a turn the zone is asked.
    """

    def __init__(self, zone: ZoneInfo, after: dt.datetime, until: dt.datetime, fold: Fold) -> None:
        self._zone, self._fold = zone, fold
        around = stretches(zone, after - DAY, until + DAY)
        self._even = [
            (_naive(start + offset) + DAY, _naive(end + offset) - DAY, start + DAY, _iso(offset)) for start, end, offset in around
        ]
        self._here = 0
        inside = [(start + offset, end + offset) for start, end, offset in stretches(zone, after, until + SECOND)]
        self.first, self.last = min(start for start, _ in inside).date(), (max(end for _, end in inside) - SECOND).date()

    def moments(self, wall: dt.datetime) -> tuple[Moment, ...]:
        """The moments of a wall time; quickest when asked in order."""
        while self._here < len(self._even) - 1 and wall >= self._even[self._here][1]:
            self._here += 1
        first, last, moment, offset = self._even[self._here]
        if first <= wall < last:
            return (Moment(moment + (wall - first), offset),)
        return moments(wall, self._zone, self._fold)


def moments(wall: dt.datetime, zone: ZoneInfo, fold: Fold = "first") -> tuple[Moment, ...]:
    """The moments of a wall time: one; both, the first or the second where clocks show it twice.

    Where clocks skip it: the first moment after the gap, marked as one whose wall time does not exist.
    """
    before, after = _offset_of(zone, wall), _offset_of(zone, wall.replace(fold=1))
    if before == after:
        return (_moment(wall, before),)
    if before < after:
        turned = _turn(zone, wall - after, wall - before)
        return (Moment(turned, _iso(after), exists=False),)
    both = (_moment(wall, before), _moment(wall, after))
    return {"first": both[:1], "second": both[1:], "both": both}[fold]


def stretches(zone: ZoneInfo, after: dt.datetime, until: dt.datetime) -> Iterator[tuple[dt.datetime, dt.datetime, dt.timedelta]]:
    """The time from `after` to `until` cut where clocks are turned: start and end in UTC, and the offset between them."""
    after, until = after.astimezone(dt.UTC), until.astimezone(dt.UTC)  # with an offset of their own they would be shifted twice
    start, offset = after, _offset(zone, after)
    here = after
    while here < until:
        there = min(here + DAY, until)
        if (new := _offset(zone, there)) != offset:
            turned = _turn(zone, _naive(here), _naive(there))
            yield start, turned, offset
            start, offset = turned, new
        here = there
    if start < until:
        yield start, until, offset


@functools.cache
def _iso(offset: dt.timedelta) -> str:
    """An offset as ISO writes it: `-03:00`."""
    return dt.datetime.min.replace(tzinfo=dt.timezone(offset)).isoformat()[19:]


def _moment(wall: dt.datetime, offset: dt.timedelta) -> Moment:
    return Moment((wall - offset).replace(tzinfo=dt.UTC), _iso(offset))


def _turn(zone: ZoneInfo, low: dt.datetime, high: dt.datetime) -> dt.datetime:
    """The second at which the clocks of a zone are turned, between two UTC times whose offsets differ."""
    old = _offset(zone, low.replace(tzinfo=dt.UTC))
    while high - low > SECOND:
        middle = low + dt.timedelta(seconds=int((high - low).total_seconds()) // 2)
        if _offset(zone, middle.replace(tzinfo=dt.UTC)) == old:
            low = middle
        else:
            high = middle
    return high.replace(tzinfo=dt.UTC)


def _offset_of(zone: ZoneInfo, wall: dt.datetime) -> dt.timedelta:
    return zone.utcoffset(wall) or dt.timedelta()


def _naive(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=None)


def _offset(zone: ZoneInfo, moment: dt.datetime) -> dt.timedelta:
    return moment.astimezone(zone).utcoffset() or dt.timedelta()
