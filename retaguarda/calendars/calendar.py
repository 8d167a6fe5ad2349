"""Calendars: which days are business days, counted and rolled; those of the banks (ANBIMA) are built in.

A calendar answers for the years it knows and for no other: a question outside of them is an error, never "yes".
"""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.calendars.files import WEEKDAYS, CalendarFile, Confidence, ListedYear, Years, calendar_folder, read_calendars
from retaguarda.calendars.library import library_days, library_version
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError
from retaguarda.model.values import Month

BANKS = CalendarFile(
    schema_=1,
    title="Bancos (ANBIMA)",
    version=1,
    source="feriados nacionais bancários (ANBIMA), por regra: pacote holidays, BVMF",
    confidence="high",
    library="BVMF",
    valid=Years(first=2001, last=2099),
)
"""Built in, so that business days are known without any file; config/calendars/anbima.toml replaces it."""
ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """A named set of business days: its file's holidays and those of the calendars it extends."""

    name: str
    stated: CalendarFile
    bases: tuple[Calendar, ...]
    weekend: frozenset[int]
    """Days of the week, Monday 0, that are none of its own or of a calendar it extends."""
    _years: dict[int, Mapping[dt.date, str]] = field(default_factory=dict, compare=False, repr=False)

    def holidays(self, year: int) -> Mapping[dt.date, str]:
        """The days of a year on which nobody works, besides weekends, with their names; ConfigurationError for a year it does not know."""
        if year not in self._years:
            self._years[year] = dict(sorted(self._of_year(year).items()))
        return self._years[year]

    def is_business(self, day: dt.date) -> bool:
        """Whether `day` is a business day here."""
        return day not in self.holidays(day.year) and day.weekday() not in self.weekend

    def knows(self, year: int) -> bool:
        """Whether it has data or a rule for a year."""
        return self.listed(year) is not None or self._rules_know(year)

    def listed(self, year: int) -> ListedYear | None:
        """The published list that a year is; None where it follows from rules."""
        return next((one for one in self.stated.listed if one.year == year), None)

    def confidence_in(self, year: int) -> Confidence:
        """How sure the days of a year are: as its list, else as the rules."""
        listed = self.listed(year)
        return listed.confidence if listed else self.confidence

    @property
    def confidence(self) -> Confidence:
        """How sure its days are where no list was published: no surer than those of the calendars it extends."""
        order: list[Confidence] = ["low", "medium", "high"]
        return min([self.stated.confidence, *(base.confidence for base in self.bases)], key=order.index)

    @property
    def digest(self) -> str:
        """The SHA-256 of all that its days follow from."""
        parts = [self.stated.model_dump_json(by_alias=True), *(base.digest for base in self.bases)]
        if self.stated.library:
            parts.append(library_version())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def closes(self, day: dt.date) -> dt.time | None:
        """When a business day ends early, if it does; the earliest of its own and of those it extends."""
        own = [one.closes for one in self.stated.early if one.date == day or one.day == f"{day:%m-%d}"]
        found = [*own, *(at for base in self.bases if (at := base.closes(day)))]
        return min(found, default=None)

    def after(self, day: dt.date) -> dt.date:
        """The first business day after `day`."""
        day += ONE_DAY
        while not self.is_business(day):
            day += ONE_DAY
        return day

    def before(self, day: dt.date) -> dt.date:
        """The last business day before `day`."""
        day -= ONE_DAY
        while not self.is_business(day):
            day -= ONE_DAY
        return day

    def shifted(self, day: dt.date, count: int) -> dt.date:
        """So many business days after `day`, or before it when `count` is negative."""
        for _ in range(abs(count)):
            day = self.after(day) if count > 0 else self.before(day)
        return day

    def nth(self, month: Month, ordinal: int) -> dt.date:
        """The n-th business day counted from the first of `month`; it may fall in the month after (MS+26 does)."""
        return self.shifted(month.first - ONE_DAY, ordinal)

    def nth_last(self, month: Month, ordinal: int) -> dt.date:
        """The n-th business day counted back from the end of `month`: 1 is the last one."""
        return self.shifted(month.last + ONE_DAY, -ordinal)

    def beside_rules(self, year: int) -> list[tuple[dt.date, str, bool]]:
        """Where a listed year and the rules disagree on a weekday: the day, its name, and whether the list has it off."""
        stated = self.stated
        if not self.listed(year) or not (self.bases or stated.library or stated.annual) or not self._rules_know(year):
            return []
        listed, ruled = dict(self.holidays(year)), dict(self._by_rule(year))
        days = sorted(day for day in listed.keys() ^ ruled.keys() if day.weekday() not in self.weekend)
        return [(day, listed.get(day) or ruled.get(day, ""), day in listed) for day in days]

    def _rules_know(self, year: int) -> bool:
        stated = self.stated
        stands = year in stated.valid if stated.valid else bool(self.bases)
        return stands and all(base.knows(year) for base in self.bases)

    def _of_year(self, year: int) -> dict[dt.date, str]:
        if not self.knows(year):
            raise ConfigurationError(
                f"calendar {self.name} knows no days of {year}",
                remedy=f"import them: retaguarda calendar import {self.name} FILE.csv, or correct its years in its file",
            )
        found = {} if self.listed(year) else dict(self._by_rule(year))
        found |= {one.date: one.name for one in self.stated.holiday if one.date.year == year}
        gone = {one.date for one in self.stated.removed}
        return {day: name for day, name in found.items() if day not in gone}

    def _by_rule(self, year: int) -> Iterator[tuple[dt.date, str]]:
        for base in self.bases:
            yield from base.holidays(year).items()
        if self.stated.library:
            yield from library_days(self.stated.library, year).items()
        for one in self.stated.annual:
            yield from ((day, one.name) for day in one.of(year))


def days_between(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every day from `first` to `last`."""
    return (first + dt.timedelta(days=n) for n in range((last - first).days + 1))


def calendar(name: str, stated: CalendarFile, bases: tuple[Calendar, ...] = ()) -> Calendar:
    """The calendar that a file states, over those it extends."""
    own = frozenset(WEEKDAYS.index(day) for day in stated.weekend)
    return Calendar(name, stated, bases, own.union(*(base.weekend for base in bases)))


def union(*calendars: Calendar) -> Calendar:
    """The calendar of several together: a day counts only where it is a business day in all of them."""
    if len(calendars) == 1:
        return calendars[0]
    names = tuple(one.name for one in calendars)
    stated = CalendarFile(
        schema_=1,
        title=" + ".join(one.stated.title for one in calendars),
        version=1,
        source="+".join(names),
        confidence="high",
        extends=names,
        weekend=(),
    )
    return calendar("+".join(names), stated, calendars)


def load_calendars(folder: Path | None = None) -> dict[str, Calendar]:
    """Every calendar by name: those of config/calendars and, where no file replaces it, the banks'."""
    files = {"anbima": BANKS} | read_calendars(folder or calendar_folder())
    made: dict[str, Calendar] = {}
    for name in files:
        _make(name, files, made, ())
    return made


def calendar_of(names: str, calendars: Mapping[str, Calendar]) -> Calendar:
    """The calendar of a name, or of several joined by `+`; ConfigurationError names the ones there are."""
    for name in names.split("+"):
        if name not in calendars:
            raise ConfigurationError(f"there is no calendar {name!r}", remedy=f"known: {', '.join(sorted(calendars))}")
    return union(*(calendars[name] for name in names.split("+")))


def banks() -> Calendar:
    """The calendar of the banks of this installation."""
    return _banks(calendar_folder().absolute())


def is_business_day(day: dt.date) -> bool:
    """Whether banks settle on `day`: Monday to Friday, minus the national bank holidays of ANBIMA."""
    return banks().is_business(day)


def business_day(month: Month, ordinal: int) -> dt.date:
    """The n-th business day of the banks counted from the first of `month`; it may fall in the month after (MS+26 does)."""
    return banks().nth(month, ordinal)


def deadline(supply: Month, ordinal: int, hour: str) -> dt.datetime:
    """MS+N du at `hour` (HH:MM, São Paulo): the n-th business day of the month after the month of supply."""
    return dt.datetime.combine(business_day(supply.next, ordinal), dt.time.fromisoformat(hour), SAO_PAULO)


@functools.cache
def _banks(folder: Path) -> Calendar:
    return load_calendars(folder)["anbima"]


def _make(name: str, files: Mapping[str, CalendarFile], made: dict[str, Calendar], under: tuple[str, ...]) -> Calendar:
    """A calendar with those it extends, each made once."""
    if name in under:
        raise ConfigurationError(
            f"calendar {name} extends itself: {' → '.join([*under, name])}", remedy="take one of them out of `extends`"
        )
    if name not in files:
        raise ConfigurationError(
            f"calendar {under[-1]} extends {name!r}, which does not exist", remedy=f"known: {', '.join(sorted(files))}"
        )
    if name not in made:
        bases = tuple(_make(base, files, made, (*under, name)) for base in files[name].extends)
        made[name] = calendar(name, files[name], bases)
    return made[name]
