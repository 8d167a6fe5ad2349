"""What a trigger must do, told by walking through time: an oracle that shares no code with the product.

It looks at every step of UTC time, reads the zone's wall clock there, and writes down which wall times are shown, shown
twice or skipped. Policies then choose among what was seen.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

Wanted = Callable[[dt.datetime], bool]
Open = Callable[[dt.datetime], bool]
"""Of a moment in UTC."""


@dataclass(frozen=True)
class Walk:
    """The wall times that the clocks of a zone show, with their moments in order, and those they skip, with the moment after."""

    shown: dict[dt.datetime, list[dt.datetime]]
    skipped: dict[dt.datetime, dt.datetime]


def walk(zone: ZoneInfo, start: dt.datetime, end: dt.datetime, step: dt.timedelta) -> Walk:
    """Look at the clock at every step from `start` to `end` (UTC)."""
    shown: dict[dt.datetime, list[dt.datetime]] = {}
    skipped: dict[dt.datetime, dt.datetime] = {}
    before: dt.datetime | None = None
    moment = start
    while moment <= end:
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        while before is not None and before + step < wall:
            before += step
            skipped[before] = moment
        shown.setdefault(wall, []).append(moment)
        before, moment = wall, moment + step
    return Walk(shown, skipped)


def fires(seen: Walk, wanted: Wanted, *, gap: str = "next", fold: str = "first") -> tuple[set[dt.datetime], set[dt.datetime]]:
    """The moments at which a trigger fires, and those after a gap that it refuses."""
    real = {moment for wall, moments in seen.shown.items() if wanted(wall) for moment in chosen(moments, fold)}
    late = {moment for wall, moment in seen.skipped.items() if wanted(wall)}
    return (real | late, set()) if gap == "next" else (real, late)


def chosen(moments: list[dt.datetime], fold: str) -> list[dt.datetime]:
    """Of a wall time that is shown twice: the first, the second, or both."""
    return {"first": moments[:1], "second": moments[-1:], "both": moments}[fold]


def deferred(raw: set[dt.datetime], is_open: Open, step: dt.timedelta, last: dt.datetime) -> Iterator[dt.datetime]:
    """Each moment where it is open, else the next one that is, looked for step by step until `last`."""
    for moment in raw:
        while not is_open(moment) and moment <= last:
            moment += step  # noqa: PLW2901
        yield moment


def window(zone: ZoneInfo, text: str) -> Open:
    """`0-4 07:00-22:00`: days of the week, Monday 0, and hours, read off the wall clock."""
    days, hours = text.split()
    first, last = map(int, days.split("-"))
    start, end = hours.split("-")

    def is_open(moment: dt.datetime) -> bool:
        wall = moment.astimezone(zone)
        return first <= wall.weekday() <= last and start <= f"{wall:%H:%M}" < end

    return is_open
