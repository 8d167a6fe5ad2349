"""What `retaguarda calendar` shows: tables for people, plain values for machines."""

from __future__ import annotations

import calendar as months
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from retaguarda.calendars.calendar import Calendar, days_between
from retaguarda.calendars.check import Checked, Compared, Remark, known_years
from retaguarda.calendars.lists import RejectedLine
from retaguarda.console.screen import bullet, listing, moment, screen
from retaguarda.language import say
from retaguarda.report.retell import retell
from retaguarda.triggers.rules import weekday

if TYPE_CHECKING:  # it imports the tables, which want an open store
    from retaguarda.calendars.importing import Imported

_STYLES = {"high": "green", "medium": "yellow", "low": "red"}
_MANY = 12
"""Days that a list of changes shows one by one."""


def tell_list(calendars: Sequence[Calendar]) -> None:
    """A line a calendar."""
    table = listing(say("calendar"), say("title"), say("version"), say("years"), say("confidence"), say("source"), whole=(0, 2, 3, 4))
    for one in calendars:
        table.add_row(one.name, one.stated.title, str(one.stated.version), _years(one), _sure(one.confidence), one.stated.source)
    screen().print(table)


def tell_calendar(calendar: Calendar, year: int) -> None:
    """A calendar's holidays of a year, with what it is made of, and the business days of each month."""
    console, stated = screen(), calendar.stated
    holidays = _holidays(calendar, year)  # an unknown year is told before anything is shown
    console.print(Text(f"{stated.title} · {year}", style="bold"))
    listed = calendar.listed(year)
    bullet(console, f"{say('source')}:", f"{listed.source if listed else stated.source} ({say('version')} {stated.version})")
    bullet(console, f"{say('confidence')}:", _sure(calendar.confidence_in(year)).plain)
    if calendar.bases:
        bullet(console, f"{say('extends')}:", ", ".join(base.name for base in calendar.bases))
    bullet(console, f"{say('weekend')}:", ", ".join(weekday(day) for day in sorted(calendar.weekend)) or "—")
    console.print()
    console.print(holidays)
    console.print()
    console.print(_business_days(calendar, year))


def tell_import(rejected: Sequence[RejectedLine], changed: Imported | None, *, dry_run: bool) -> None:
    """The lines that were rejected, and what changed."""
    console = screen()
    if rejected:
        table = listing(say("line"), say("text"), say("reason"), say("what to do"), whole=(0,))
        for one in rejected:
            table.add_row(str(one.line), one.text, retell(one.reason), retell(one.remedy))
        console.print(table)
        console.print()
    if changed is None:
        console.print(say("Nothing was imported. Correct the lines, or leave them out with --partial."), style="bold red")
        return
    for heading, days in ((say("new"), changed.added), (say("gone"), changed.gone)):
        told = [f"{day.date:%d/%m/%Y} {day.name}" for day in days[:_MANY]]
        more = [say("and {count} more", count=len(days) - _MANY)] if len(days) > _MANY else []
        bullet(console, f"{heading} ({len(days)}):", "; ".join([*told, *more]) or "—")
    done = say("Would become version {version} of {path}.") if dry_run else say("Version {version} of {path} is written.")
    console.print(done.format(version=changed.version, path=changed.path))
    if changed.kept:
        console.print(say("The former version is kept: {path}", path=changed.kept))


def tell_check(found: Checked) -> None:
    """Remarks, MS+N dates by calendar, differences of the year, deadlines beside their formulas."""
    console = screen()
    console.print(_remark_table(found.remarks) if found.remarks else Text(say("Nothing odd."), style="green"))
    console.print()
    console.print(
        say("Month of supply {supply}: business days counted in {month}", supply=_month(found.supply), month=_month(found.supply.next)),
        style="bold",
    )
    console.print(_ordinal_table(found.dates))
    console.print()
    for name, days in found.differences.items():
        told = "; ".join(f"{day:%d/%m} {holiday}" for day, holiday in days) or "—"
        bullet(console, say("{name} beside anbima in {year}:", name=name, year=found.supply.next.year), told)
    console.print()
    console.print(_deadline_table(found.deadlines))


def described(calendar: Calendar) -> dict[str, Any]:
    """A calendar as JSON values."""
    stated = calendar.stated
    return {
        "name": calendar.name,
        "title": stated.title,
        "version": stated.version,
        "source": stated.source,
        "confidence": calendar.confidence,
        "extends": [base.name for base in calendar.bases],
        "weekend": sorted(calendar.weekend),
        "years": known_years(calendar),
        "listed": [one.model_dump() for one in stated.listed],
        "digest": calendar.digest,
    }


def year_of(calendar: Calendar, year: int) -> dict[str, Any]:
    """A year of a calendar as JSON values."""
    days = [{"date": f"{day}", "name": name, "weekday": day.weekday()} for day, name in calendar.holidays(year).items()]
    return {
        "year": year,
        "confidence": calendar.confidence_in(year),
        "holidays": days,
        "business_days": [_count(calendar, year, month) for month in range(1, 13)],
    }


def imported(rejected: Sequence[RejectedLine], changed: Imported | None, *, dry_run: bool) -> dict[str, Any]:
    """An import as JSON values."""
    lines = [{"line": one.line, "text": one.text, "reason": one.reason, "remedy": one.remedy} for one in rejected]
    if changed is None:
        return {"written": False, "rejected": lines}
    days = {
        name: [{"date": f"{day.date}", "name": day.name} for day in some]
        for name, some in (("added", changed.added), ("gone", changed.gone))
    }
    kept = str(changed.kept) if changed.kept else None
    return {"written": not dry_run, "path": str(changed.path), "version": changed.version, "kept": kept, "rejected": lines, **days}


def checked(found: Checked) -> dict[str, Any]:
    """A check as JSON values."""
    return {
        "supply": str(found.supply),
        "remarks": [{"where": one.where, "severity": one.severity, "text": one.text} for one in found.remarks],
        "dates": {name: {str(number): f"{day}" for number, day in dates.items()} for name, dates in found.dates.items()},
        "differences": {name: [{"date": f"{day}", "name": told} for day, told in days] for name, days in found.differences.items()},
        "deadlines": [_compared(one) for one in found.deadlines],
    }


def _compared(one: Compared) -> dict[str, Any]:
    held = one.deadline
    return {
        "event": held.event,
        "title": one.title,
        "at": held.at.isoformat(),
        "published": held.published,
        "formula": one.formula,
        "by_formula": one.by_formula.isoformat(),
        "differs": one.differs,
        "source": held.source,
        "confidence": held.confidence,
    }


def _holidays(calendar: Calendar, year: int) -> Table:
    table = listing(say("date"), say("weekday"), say("holiday"), whole=(0, 1))
    for day, name in calendar.holidays(year).items():
        table.add_row(f"{day:%d/%m/%Y}", weekday(day.weekday()), name, style="dim" if day.weekday() in calendar.weekend else "")
    return table


def _business_days(calendar: Calendar, year: int) -> Table:
    """How many business days each month has, with its first and its last one."""
    table = listing(say("month"), say("business days"), say("first"), say("last"), whole=(0, 1, 2, 3))
    for month in range(1, 13):
        days = [day for day in _days_of(year, month) if calendar.is_business(day)]
        ends = [f"{day:%d/%m}" for day in (days[0], days[-1])] if days else ["—", "—"]
        table.add_row(f"{month:02}/{year}", str(len(days)), *ends)
    return table


def _count(calendar: Calendar, year: int, month: int) -> int:
    return sum(calendar.is_business(day) for day in _days_of(year, month))


def _days_of(year: int, month: int) -> list[dt.date]:
    return list(days_between(dt.date(year, month, 1), dt.date(year, month, months.monthrange(year, month)[1])))


def _remark_table(remarks: Sequence[Remark]) -> Table:
    table = listing("", say("where"), say("remark"), whole=(0, 1))
    for one in remarks:
        sign, style = ("✗", "bold red") if one.severity == "problem" else ("!", "yellow")
        table.add_row(Text(sign, style=style), one.where, retell(one.text))
    return table


def _ordinal_table(dates: Mapping[str, Mapping[int, dt.date]]) -> Table:
    """MS+N by calendar; a date that differs from the banks' stands out."""
    ordinals = list(next(iter(dates.values()), {}))
    table = listing(say("calendar"), *(f"+{ordinal}" for ordinal in ordinals), whole=tuple(range(len(ordinals) + 1)))
    banks = dates.get("anbima", {})
    for name, found in dates.items():
        cells = [Text(f"{day:%d/%m}", style="" if banks.get(number, day) == day else "yellow") for number, day in found.items()]
        table.add_row(name, *cells)
    return table


def _deadline_table(deadlines: Sequence[Compared]) -> Table:
    table = listing(say("deadline"), say("until"), say("known as"), say("confidence"), say("source"), whole=(1, 3))
    for one in deadlines:
        held = one.deadline
        known_as = say("published (by formula: {formula})", formula=one.formula) if held.published else one.formula
        if one.differs:
            known_as = say("published; by formula {formula}: {moment}", formula=one.formula, moment=f"{one.by_formula:%d/%m %H:%M}")
        told = Text(known_as, style="yellow" if one.differs else "")
        table.add_row(one.title, moment(held.at), told, _sure(held.confidence), retell(held.source))
    return table


def _years(calendar: Calendar) -> str:
    return ", ".join(f"{first}–{last}" if last > first else f"{first}" for first, last in known_years(calendar))


def _sure(confidence: str) -> Text:
    """How sure something is, in words and its colour."""
    words = {"high": say("high"), "medium": say("medium"), "low": say("low")}
    return Text(words[confidence], style=_STYLES[confidence])


def _month(month: object) -> str:
    year, number = str(month).split("-")
    return f"{number}/{year}"
