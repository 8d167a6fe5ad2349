"""Published lists become calendars and deadlines: a new version of the file, the former kept, nothing silently lost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from django.db import transaction

from retaguarda.audit import events
from retaguarda.calendars.calendar import Calendar
from retaguarda.calendars.deadlines import DeadlineFile, Deadlines, PublishedDate, require_order, write_deadlines
from retaguarda.calendars.files import NAME, CalendarFile, Confidence, Holiday, ListedYear, write_calendar
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month

FEWEST = 5
"""Weekdays off that a list must name for a year that nothing was known of."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed."""

    path: Path
    version: int
    kept: Path | None
    added: tuple[Holiday, ...]
    gone: tuple[Holiday, ...]


def with_days(name: str, calendar: Calendar | None, days: Sequence[Holiday], *, source: str, confidence: Confidence) -> CalendarFile:
    """The calendar's file with the years of a list replaced by it; ConfigurationError when the list cannot be a whole year's."""
    if not NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name for a calendar", remedy="use small letters, digits and hyphens")
    if not days:
        raise ConfigurationError("the list names no day", remedy="see: retaguarda calendar import --help")
    years = sorted({day.date.year for day in days})
    for year in years:
        _require_enough(calendar, year, [day for day in days if day.date.year == year])
    lists = tuple(ListedYear(year=year, source=source, confidence=confidence) for year in years)
    new = CalendarFile(schema_=1, title=name, version=1, source=source, confidence=confidence, listed=lists)
    stated = calendar.stated if calendar else new
    others = [day for day in stated.holiday if day.date.year not in years]
    kept = [one for one in stated.listed if one.year not in years]
    changes = {
        "version": stated.version + 1 if calendar else 1,
        "listed": tuple(sorted([*kept, *lists], key=lambda one: one.year)),
        "holiday": tuple(sorted([*others, *days], key=lambda day: day.date)),
        "removed": tuple(one for one in stated.removed if one.date.year not in years),
    }
    return stated.model_copy(update=changes)


def days_change(path: Path, before: Calendar | None, stated: CalendarFile, days: Sequence[Holiday]) -> Imported:
    """What a list changes, nothing written."""
    years = {day.date.year for day in days}
    former = {day: name for year in years if before and before.knows(year) for day, name in before.holidays(year).items()}
    listed = {day.date for day in days}
    added = tuple(day for day in days if day.date not in former)
    gone = tuple(Holiday(date=day, name=name) for day, name in sorted(former.items()) if day not in listed)
    return Imported(path, stated.version, None, added, gone)


def import_days(path: Path, before: Calendar | None, stated: CalendarFile, days: Sequence[Holiday]) -> Imported:
    """Write the calendar's new version, keep the former, and tell the audit log."""
    change = days_change(path, before, stated, days)
    change = replace(change, kept=write_calendar(path, stated))
    sources = {one.source for one in stated.listed if one.year in {day.date.year for day in days}}
    _tell("calendar.imported", path.stem, change, "; ".join(sorted(sources)))
    return change


def deadlines_change(path: Path, before: DeadlineFile, known: Deadlines, rows: Sequence[PublishedDate]) -> Imported:
    """What a list of deadlines changes, nothing written; ConfigurationError when two months would share a date or swap theirs."""
    require_order(Deadlines(known.events, _with_rows(known, rows)), path)
    changed = [row for row in rows if known.published.get((row.event, row.month)) != row]
    gone = [known.published[row.event, row.month] for row in changed if (row.event, row.month) in known.published]
    return Imported(path, before.version + path.exists(), None, tuple(map(_as_day, changed)), tuple(map(_as_day, gone)))


def import_deadlines(path: Path, before: DeadlineFile, known: Deadlines, rows: Sequence[PublishedDate]) -> Imported:
    """Write the deadlines' new version with these rows in the place of earlier ones for the same month and event."""
    change = deadlines_change(path, before, known, rows)
    ordered = tuple(sorted(_with_rows(known, rows).values(), key=lambda row: (row.month, row.date, row.event)))
    change = replace(change, kept=write_deadlines(path, before.model_copy(update={"version": change.version, "deadline": ordered})))
    _tell("deadlines.imported", path.stem, change, "; ".join(sorted({row.source for row in rows})))
    return change


def _with_rows(known: Deadlines, rows: Sequence[PublishedDate]) -> dict[tuple[str, Month], PublishedDate]:
    return {**known.published, **{(row.event, row.month): row for row in rows}}


def _as_day(row: PublishedDate) -> Holiday:
    return Holiday(date=row.date, name=f"{row.event} {row.supply} {row.hour:%H:%M}")


def _require_enough(calendar: Calendar | None, year: int, days: Sequence[Holiday]) -> None:
    """Refuse a year with so few days that it cannot be whole: every other day of it would become a business day."""
    known = calendar.holidays(year) if calendar and calendar.knows(year) else {}
    before, now = _on_weekdays(known), _on_weekdays({day.date: day.name for day in days})
    if now < (before + 1) // 2 or (not known and now < FEWEST):
        raise ConfigurationError(
            f"the list names {now} weekdays of {year}; {before or FEWEST} were expected",
            remedy="give every holiday of the year: all other weekdays become business days",
        )


def _on_weekdays(days: Mapping[dt.date, str]) -> int:
    return sum(day.weekday() < 5 for day in days)


def _tell(action: str, name: str, changed: Imported, source: str) -> None:
    facts = {
        "version": changed.version,
        "source": source,
        "added": [f"{day.date}" for day in changed.added],
        "gone": [f"{day.date}" for day in changed.gone],
    }
    with transaction.atomic():
        events.record(action, target=name, data=facts)
