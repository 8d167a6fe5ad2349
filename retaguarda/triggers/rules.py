"""Rules: the wall times at which a trigger is to fire. They know days and calendars, and neither zones nor policies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import cronsim

from retaguarda.calendars.calendar import Calendar, days_between
from retaguarda.calendars.deadlines import Deadlines
from retaguarda.language import say
from retaguarda.model.values import Month

Times = tuple[dt.time, ...]
EVERY_DAY = frozenset(range(7))
FARTHEST = 6
"""Months after the month of supply within which its deadlines lie."""


class Rule(Protocol):
    """When a trigger is to fire, in wall time."""

    obligation: ClassVar[bool]
    """Whether it states by when something must be done, instead of when to begin."""
    by_the_clock: ClassVar[bool]
    """Whether it counts time that passes (every 15 minutes), so that it also fires in an hour that clocks show twice."""

    counts_business_days: ClassVar[bool]
    """Whether the trigger's calendar decides on which days it fires."""

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        """Every wall time on the days from `first` to `last`, in order, each once."""
        ...

    def supply(self, wall: dt.datetime) -> Month:
        """The month of supply that a fire is about."""
        ...

    def said(self) -> str:
        """The rule in the operator's language."""
        ...


class _Plain:
    """What most rules have in common: they say when to begin, and are about the month before."""

    obligation: ClassVar[bool] = False
    by_the_clock: ClassVar[bool] = False
    counts_business_days: ClassVar[bool] = False

    def supply(self, wall: dt.datetime) -> Month:
        return month_of(wall).shifted(-1)


@dataclass(frozen=True, slots=True)
class Weekly(_Plain):
    """On days of the week, Monday 0, at times of day."""

    days: frozenset[int]
    times: Times

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        return _at_times((day for day in days_between(first, last) if day.weekday() in self.days), self.times)

    def said(self) -> str:
        days = (
            say("every day") if self.days == EVERY_DAY else say("every {days}", days=_listed([weekday(day) for day in sorted(self.days)]))
        )
        return _with_times(days, self.times)


@dataclass(frozen=True, slots=True)
class Interval(_Plain):
    """Every so many minutes of the day, counted from midnight; they divide the day, so that no day is unlike another."""

    minutes: int
    offset: int = 0
    by_the_clock: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        times = tuple(dt.time(minute // 60, minute % 60) for minute in range(self.offset, 24 * 60, self.minutes))
        return _at_times(days_between(first, last), times)

    def said(self) -> str:
        hours, minutes = divmod(self.minutes, 60)
        told = say("every {count} minutes", count=self.minutes) if minutes else say("every {count} hours", count=hours)
        told = say("every hour") if self.minutes == 60 else told
        return say("{interval}, at minute {minute}", interval=told, minute=self.offset) if self.offset else told


@dataclass(frozen=True, slots=True)
class BusinessDays(_Plain):
    """On every business day at times of day."""

    calendar: Calendar
    times: Times
    counts_business_days: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        return _at_times((day for day in days_between(first, last) if self.calendar.is_business(day)), self.times)

    def said(self) -> str:
        return _with_times(say("every business day"), self.times)


@dataclass(frozen=True, slots=True)
class NthBusinessDay(_Plain):
    """On the n-th business day counted from the first of the month (MS+7du); it may fall in the month after."""

    calendar: Calendar
    ordinal: int
    times: Times
    counts_business_days: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        counted = (self.calendar.nth(month, self.ordinal) for month in _months(first, last, back=1 + self.ordinal // 15))
        return _at_times((day for day in counted if first <= day <= last), self.times)

    def supply(self, wall: dt.datetime) -> Month:
        day, here = wall.date(), month_of(wall)
        return next(month.shifted(-1) for month in _back_from(here) if self.calendar.nth(month, self.ordinal) == day)

    def said(self) -> str:
        return _with_times(say("on business day {ordinal} of the month", ordinal=self.ordinal), self.times)


@dataclass(frozen=True, slots=True)
class LastBusinessDay(_Plain):
    """On the last business day of the month, or the n-th counted back from its end."""

    calendar: Calendar
    ordinal: int
    times: Times
    counts_business_days: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        counted = (self.calendar.nth_last(month, self.ordinal) for month in _months(first, last))
        return _at_times((day for day in counted if first <= day <= last), self.times)

    def said(self) -> str:
        told = say("on the last business day of the month")
        if self.ordinal > 1:
            told = say("on business day {ordinal} counted back from the end of the month", ordinal=self.ordinal)
        return _with_times(told, self.times)


@dataclass(frozen=True, slots=True)
class DayOfMonth(_Plain):
    """On a day of the month (0 is its last), where that is no business day: as it is, or on the one before or after."""

    calendar: Calendar
    day: int
    times: Times
    roll: Literal["", "previous", "next"] = ""
    counts_business_days: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        counted = (self._in(month) for month in _months(first, last, back=1, ahead=1))
        return _at_times((day for day in counted if first <= day <= last), self.times)

    def supply(self, wall: dt.datetime) -> Month:
        """The month before the one whose day it is: rolled over a month's end it stays the same."""
        here = month_of(wall)
        return next(m.shifted(-1) for m in (here, here.shifted(-1), here.shifted(1)) if self._in(m) == wall.date())

    def said(self) -> str:
        told = say("on day {day} of the month", day=self.day) if self.day else say("on the last day of the month")
        rolled = {"": "", "previous": say("or the business day before"), "next": say("or the next business day")}[self.roll]
        return _with_times(f"{told}, {rolled}," if rolled else told, self.times)

    def _in(self, month: Month) -> dt.date:
        day = month.first.replace(day=self.day) if self.day else month.last
        if not self.roll or self.calendar.is_business(day):
            return day
        return self.calendar.before(day) if self.roll == "previous" else self.calendar.after(day)


class Cron(_Plain):
    """A cron expression of five fields in wall time; `cronsim` reads it, our policies say what clocks that are turned mean."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._fields = cronsim.CronSim(text, dt.datetime(2000, 1, 1))  # noqa: DTZ001  # wall time
        self._times = tuple(dt.time(hour, minute) for hour in sorted(self._fields.hours) for minute in sorted(self._fields.minutes))

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        days = (day for day in days_between(first, last) if day.month in self._fields.months and self._fields.match_day(day))
        return _at_times(days, self._times)

    def said(self) -> str:
        return say("by cron {text}", text=self.text)


@dataclass(frozen=True, slots=True)
class Obligation(_Plain):
    """Done by the deadline of an event: MS+N at an hour, or the date that was published for the month."""

    deadlines: Deadlines
    event: str
    said_as: str = ""
    obligation: ClassVar[bool] = True

    def walls(self, first: dt.date, last: dt.date) -> Iterator[dt.datetime]:
        ends = (self.deadlines.wall(month, self.event) for month in _months(first, last, back=FARTHEST + 1))
        return (wall for wall in ends if first <= wall.date() <= last)

    def supply(self, wall: dt.datetime) -> Month:
        return next(month for month in _back_from(month_of(wall)) if self.deadlines.wall(month, self.event) == wall)

    def said(self) -> str:
        return say("done by {deadline}", deadline=self.said_as or self.deadlines.events[self.event].said())


def month_of(day: dt.date) -> Month:
    """The month that a day lies in."""
    return Month(day.year, day.month)


def weekday(day: int) -> str:
    """The name of a day of the week, Monday 0."""
    names = (say("Monday"), say("Tuesday"), say("Wednesday"), say("Thursday"), say("Friday"), say("Saturday"), say("Sunday"))
    return names[day]


def _at_times(days: Iterator[dt.date], times: Times) -> Iterator[dt.datetime]:
    return (dt.datetime.combine(day, time) for day in days for time in times)


def _months(first: dt.date, last: dt.date, *, back: int = 0, ahead: int = 0) -> Iterator[Month]:
    month, end = month_of(first).shifted(-back), month_of(last).shifted(ahead)
    while month <= end:
        yield month
        month = month.next


def _back_from(month: Month) -> Iterator[Month]:
    return (month.shifted(-n) for n in range(FARTHEST + 2))


def _with_times(told: str, times: Times) -> str:
    return say("{when} at {times}", when=told, times=_listed([f"{time:%H:%M}" for time in times]))


def _listed(words: list[str]) -> str:
    """`a, b and c`."""
    return say("{words} and {last}", words=", ".join(words[:-1]), last=words[-1]) if len(words) > 1 else words[0]
