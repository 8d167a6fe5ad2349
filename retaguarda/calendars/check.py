"""What is odd about calendars and deadlines: years that end soon, holidays that change nothing, dates that disagree."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from retaguarda.calendars.calendar import Calendar, days_between
from retaguarda.calendars.deadlines import Deadline, Deadlines
from retaguarda.model.values import Month

SOON = dt.timedelta(days=92)
"""How long before a calendar's last known day it is a problem that no more are known."""
ORDINALS = (1, 5, 6, 7, 8, 9, 10, 15, 21, 26, 27)
"""Business days of the month that deadlines are counted in."""
Severity = Literal["problem", "note"]


@dataclass(frozen=True, slots=True)
class Remark:
    """Something odd, and where."""

    where: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A deadline as it holds and as the formula gives it."""

    deadline: Deadline
    title: str
    formula: str
    by_formula: dt.datetime

    @property
    def differs(self) -> bool:
        return self.by_formula != self.deadline.at


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, for one month of supply."""

    supply: Month
    remarks: tuple[Remark, ...]
    dates: Mapping[str, Mapping[int, dt.date]]
    """By calendar: the dates of MS+N."""
    differences: Mapping[str, tuple[tuple[dt.date, str], ...]]
    """By calendar: the days of the year on which it differs from the banks'."""
    deadlines: tuple[Compared, ...]

    @property
    def problems(self) -> int:
        return sum(remark.severity == "problem" for remark in self.remarks)


def checked(calendars: Mapping[str, Calendar], deadlines: Deadlines, supply: Month, today: dt.date) -> Checked:
    """Everything odd, and the dates of a month of supply in every calendar that knows them."""
    counted = supply.next
    usable = {name: one for name, one in calendars.items() if one.knows(counted.year) and one.knows(counted.shifted(2).year)}
    differences = {name: tuple(differing(calendars["anbima"], one, counted.year)) for name, one in usable.items() if name != "anbima"}
    return Checked(
        supply=supply,
        remarks=tuple(remarks(calendars, deadlines, today)),
        dates={name: ordinals(one, counted) for name, one in usable.items()},
        differences=differences,
        deadlines=tuple(compared(deadlines, supply)),
    )


def remarks(calendars: Mapping[str, Calendar], deadlines: Deadlines, today: dt.date) -> list[Remark]:
    """Everything odd about the calendars from this year on, and about the published dates; problems first."""
    found = [remark for calendar in calendars.values() for remark in _of_calendar(calendar, today)]
    found += _of_deadlines(deadlines)
    return sorted(found, key=lambda remark: (remark.severity != "problem", remark.where))


def last_known(calendar: Calendar, today: dt.date) -> dt.date | None:
    """The last day that a calendar knows without a gap from this year on; None when it does not know this year."""
    year = today.year
    while calendar.knows(year) and year < 2200:
        year += 1
    return dt.date(year - 1, 12, 31) if year > today.year else None


def known_years(calendar: Calendar) -> list[tuple[int, int]]:
    """The years that a calendar knows, as ranges."""
    ranges: list[tuple[int, int]] = []
    for year in (year for year in range(1900, 2201) if calendar.knows(year)):
        if ranges and ranges[-1][1] == year - 1:
            ranges[-1] = ranges[-1][0], year
        else:
            ranges.append((year, year))
    return ranges


def differing(one: Calendar, other: Calendar, year: int) -> list[tuple[dt.date, str]]:
    """The days of a year that are a business day in one of both calendars only, with the holiday's name."""
    if not (one.knows(year) and other.knows(year)):
        return []
    days = days_between(dt.date(year, 1, 1), dt.date(year, 12, 31))
    names = {**other.holidays(year), **one.holidays(year)}
    return [(day, names.get(day, "")) for day in days if one.is_business(day) != other.is_business(day)]


def ordinals(calendar: Calendar, month: Month) -> dict[int, dt.date]:
    """The dates of MS+N for the month in which the business days are counted."""
    return {ordinal: calendar.nth(month, ordinal) for ordinal in ORDINALS}


def compared(deadlines: Deadlines, supply: Month) -> list[Compared]:
    """The deadlines of a month of supply beside what their formulas give."""
    zone = {one.event: one.at.tzinfo for one in deadlines.month(supply)}
    events = deadlines.events
    return [
        Compared(one, events[one.event].title, events[one.event].said(), events[one.event].wall(supply).replace(tzinfo=zone[one.event]))
        for one in deadlines.month(supply)
    ]


def _of_calendar(calendar: Calendar, today: dt.date) -> Iterator[Remark]:
    yield from _end(calendar, today)
    for day, count in Counter(one.date for one in calendar.stated.holiday).items():
        if count > 1:
            yield Remark(calendar.name, "problem", f"{day} stands there {count} times")
    for holiday in calendar.stated.holiday:
        if holiday.date.year >= today.year and holiday.date.weekday() in calendar.weekend:
            yield Remark(calendar.name, "note", f"{holiday.date} {holiday.name} falls on a weekend")
    for removed in calendar.stated.removed:
        if calendar.knows(removed.date.year) and not _would_be_off(calendar, removed.date):
            yield Remark(calendar.name, "note", f"{removed.date} is removed, and no holiday anyway")
    for early in calendar.stated.early:
        if early.date and calendar.knows(early.date.year) and not calendar.is_business(early.date):
            yield Remark(calendar.name, "note", f"{early.date} ends early, and is no business day anyway")
    yield from _against_rules(calendar)


def _end(calendar: Calendar, today: dt.date) -> Iterator[Remark]:
    last = last_known(calendar, today)
    if last is None:
        yield Remark(calendar.name, "problem", f"no days of {today.year} are known")
    elif last - today < SOON:
        yield Remark(calendar.name, "problem", f"no days after {last} are known: import the next year")


def _would_be_off(calendar: Calendar, day: dt.date) -> bool:
    """Whether a removed day would be none of the business days otherwise."""
    stated = calendar.stated
    listed = any(one.date == day for one in stated.holiday) or any(day in one.of(day.year) for one in stated.annual)
    return listed or bool(stated.library) or any(base.knows(day.year) and day in base.holidays(day.year) for base in calendar.bases)


def _against_rules(calendar: Calendar) -> Iterator[Remark]:
    """Where a published year differs from what the calendar's rules would give: a new law, or a slip."""
    for one in calendar.stated.listed:
        for day, name, off in calendar.beside_rules(one.year):
            told = f"{day} {name} is off in the list and not by rule" if off else f"{day} {name} is off by rule and not in the list"
            yield Remark(calendar.name, "note", told)


def _of_deadlines(deadlines: Deadlines) -> Iterator[Remark]:
    for (event, supply), row in deadlines.published.items():
        calendar = deadlines.events[event].calendar
        if calendar.knows(row.date.year) and not calendar.is_business(row.date):
            yield Remark("deadlines", "problem", f"{event} for {supply} is due on {row.date}, which is no business day of {calendar.name}")
