"""Deadlines as data: the date that was published for a month of supply, and else a formula (MS+N business days at an hour).

Every date carries its source and how sure it is. config/deadlines.toml holds the events and the published dates; the
formulas of `register` and `validate` stand in [deadlines] of the settings.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from retaguarda.calendars.calendar import Calendar, calendar_of, load_calendars
from retaguarda.calendars.files import Confidence, Strict, checked, read_toml, toml, write_version
from retaguarda.clock import SAO_PAULO
from retaguarda.configuration import configuration_folder
from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.model.values import Month
from retaguarda.settings import Settings

FILE = "deadlines.toml"
LONGEST = dt.timedelta(days=150)
"""How long after the month of supply a published date can lie: one beyond is a slip of the pen."""


class EventFormula(Strict):
    """An event of the month with the formula that holds while no date is published."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    title: str = ""
    day: int = Field(ge=1, le=60)
    hour: dt.time
    calendar: str = "anbima"
    source: str = ""
    confidence: Confidence = "low"


class PublishedDate(Strict):
    """The deadline of one month of supply as it was published."""

    supply: str
    event: str
    date: dt.date
    hour: dt.time
    source: str = Field(min_length=1)
    confidence: Confidence = "high"

    @field_validator("supply")
    @classmethod
    def _a_month(cls, text: str) -> str:
        return str(Month.parse(text))

    @property
    def month(self) -> Month:
        return Month.parse(self.supply)


class DeadlineFile(Strict):
    """What config/deadlines.toml states."""

    schema_: Literal[1] = Field(alias="schema")
    version: int = Field(default=1, ge=1)
    event: tuple[EventFormula, ...] = ()
    deadline: tuple[PublishedDate, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """By when an event of a month of supply must be done, and how that is known."""

    supply: Month
    event: str
    at: dt.datetime  # in São Paulo's time
    source: str
    confidence: Confidence
    published: bool


@dataclass(frozen=True, slots=True)
class Event:
    """An event and its formula."""

    name: str
    title: str
    day: int
    hour: dt.time
    calendar: Calendar
    source: str
    confidence: Confidence

    def wall(self, supply: Month) -> dt.datetime:
        """MS+N at the hour; on a day that ends early, when it ends: the earlier of both is the safe one."""
        day = self.calendar.nth(supply.next, self.day)
        return dt.datetime.combine(day, min(self.hour, self.calendar.closes(day) or self.hour))

    def said(self) -> str:
        """The formula in short: `MS+7du 18:00`."""
        return f"MS+{self.day}{say('du')} {self.hour:%H:%M}"


@dataclass(frozen=True)
class Deadlines:
    """Every event by name, and the dates that were published."""

    events: Mapping[str, Event]
    published: Mapping[tuple[str, Month], PublishedDate]

    def wall(self, supply: Month, event: str) -> dt.datetime:
        """The wall time of a deadline."""
        row = self.published.get((event, supply))
        return dt.datetime.combine(row.date, row.hour) if row else self.event(event).wall(supply)

    def of(self, supply: Month, event: str) -> Deadline:
        """The deadline of an event for a month of supply: the published one, else by formula."""
        at = self.wall(supply, event).replace(tzinfo=SAO_PAULO)
        row, formula = self.published.get((event, supply)), self.event(event)
        if row:
            return Deadline(supply, event, at, row.source, row.confidence, published=True)
        return Deadline(supply, event, at, formula.source, formula.confidence, published=False)

    def event(self, name: str) -> Event:
        """The event of a name; ConfigurationError names the ones there are."""
        if name not in self.events:
            raise ConfigurationError(f"there is no event {name!r} with a deadline", remedy=f"known: {', '.join(sorted(self.events))}")
        return self.events[name]

    def month(self, supply: Month) -> list[Deadline]:
        """Every deadline of a month of supply, the earliest first."""
        return sorted((self.of(supply, name) for name in self.events), key=lambda one: one.at)

    def digest(self, event: str) -> str:
        """The SHA-256 of all that the deadlines of an event follow from."""
        rule = self.event(event)
        rows = sorted(row.model_dump_json() for (name, _), row in self.published.items() if name == event)
        parts = [str(rule.day), f"{rule.hour}", rule.calendar.digest, *rows]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def deadlines_path() -> Path:
    """Where the deadlines' file lies."""
    return configuration_folder() / FILE


def load_deadlines(settings: Settings, calendars: Mapping[str, Calendar] | None = None, path: Path | None = None) -> Deadlines:
    """Events and published dates of this installation; ConfigurationError names the file, the key and what is wrong."""
    path = path or deadlines_path()
    stated = read_deadlines(path)
    known = load_calendars() if calendars is None else calendars
    formulas = [*_of_settings(settings), *stated.event]
    _require_each_once([one.name for one in formulas], "event", path)
    events = {one.name: _event(one, known) for one in formulas}
    deadlines = Deadlines(events, _published(stated.deadline, events, path))
    require_order(deadlines, path)
    return deadlines


def read_deadlines(path: Path) -> DeadlineFile:
    """The file's tables; without a file there are none."""
    return checked(DeadlineFile, read_toml(path), path) if path.exists() else DeadlineFile(schema_=1)


def write_deadlines(path: Path, stated: DeadlineFile) -> Path | None:
    """Write the file in one step; where there was one, its former version is kept, and its path returned."""
    told = stated.model_dump(by_alias=True, exclude_defaults=True)
    heads = [f"{key} = {toml(value)}" for key, value in told.items() if isinstance(value, int)]
    tables = ["\n".join(["", f"[[{key}]]", *_keys(row)]) for key in ("event", "deadline") for row in told.get(key, ())]
    return write_version(path, "\n".join([*heads, *tables]) + "\n")


def require_order(deadlines: Deadlines, path: Path) -> None:
    """Refuse published dates that two months of supply would share or swap: one obligation would be lost."""
    for (event, month), row in deadlines.published.items():
        before, here, after = (deadlines.wall(month.shifted(n), event) for n in (-1, 0, 1))
        if not before < here < after:
            raise ConfigurationError(
                f"{path.name}: deadline of {event} for {month} ({row.date}) does not lie between those of the months beside it",
                remedy=f"correct it in {path}",
            )


def _keys(row: Mapping[str, object]) -> list[str]:
    return [f"{key} = {toml(f'{value:%H:%M}' if isinstance(value, dt.time) else value)}" for key, value in row.items()]


def _of_settings(settings: Settings) -> list[EventFormula]:
    rules = settings.deadlines
    days = (("register", rules.register_day, say("Registration at CCEE")), ("validate", rules.validate_day, say("Validation at CCEE")))
    hour = dt.time.fromisoformat(rules.hour)
    return [
        EventFormula(name=name, title=title, day=day, hour=hour, calendar=rules.calendar, source=rules.source, confidence=rules.confidence)
        for name, day, title in days
    ]


def _event(stated: EventFormula, calendars: Mapping[str, Calendar]) -> Event:
    calendar = calendar_of(stated.calendar, calendars)
    return Event(stated.name, stated.title or stated.name, stated.day, stated.hour, calendar, stated.source, stated.confidence)


def _published(rows: Iterable[PublishedDate], events: Mapping[str, Event], path: Path) -> dict[tuple[str, Month], PublishedDate]:
    found: dict[tuple[str, Month], PublishedDate] = {}
    for row in rows:
        problem = row_problem(row, events) or (
            f"{row.event} for {row.supply} stands there twice" if (row.event, row.month) in found else ""
        )
        if problem:
            raise ConfigurationError(f"{path.name}: {problem}", remedy=f"correct it in {path}")
        found[row.event, row.month] = row
    return found


def row_problem(row: PublishedDate, events: Mapping[str, Event]) -> str:
    """What is wrong with a published date by itself; "" when nothing is."""
    if row.event not in events:
        return f"unknown event {row.event!r}"
    if not row.month.last < row.date <= row.month.last + LONGEST:
        return f"the date {row.date} is none for the month of supply {row.supply}"
    return ""


def _require_each_once(names: list[str], what: str, path: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(
            f"{path.name}: {what} {twice[0]!r} stands there twice, or in the settings too", remedy=f"correct it in {path}"
        )
