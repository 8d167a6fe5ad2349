"""config/triggers.toml: triggers, the portals' hours and announced maintenance, read strictly."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from cronsim import CronSimError
from pydantic import BeforeValidator, Field, model_validator

from retaguarda.calendars.calendar import Calendar, calendar_of, load_calendars
from retaguarda.calendars.deadlines import Deadlines, deadlines_path, load_deadlines, require_order
from retaguarda.calendars.files import Confidence, Strict, checked, read_toml
from retaguarda.configuration import configuration_folder
from retaguarda.errors import ConfigurationError
from retaguarda.process import Process
from retaguarda.settings import Settings
from retaguarda.triggers.openings import Closure, Hours, Openings, Window
from retaguarda.triggers.phrases import Grammar
from retaguarda.triggers.placeholders import place_problem
from retaguarda.triggers.rules import Cron, Obligation, Rule
from retaguarda.triggers.safety import safety_of
from retaguarda.triggers.trigger import Closed, Fire, Missed, Overlap, Trigger
from retaguarda.triggers.walltime import Fold, Gap, moments

__all__ = ["Fire", "Trigger", "load_triggers", "parse_triggers", "parse_written", "require_process"]

FILE = "triggers.toml"
CONSOLE = Path("console")
"""Where a trigger stands that people wrote at the console, as errors call it."""
_SPANS = {"d": "days", "h": "hours", "m": "minutes", "min": "minutes", "s": "seconds"}
_SPAN = re.compile(r"(\d+) ?(d|h|min|m|s)")


def _span(text: object) -> object:
    """`36h`, `1d12h`, `90 min` as a length of time."""
    parts = _SPAN.findall(text) if isinstance(text, str) else []
    if not parts or "".join(f"{count}{unit}" for count, unit in parts) != str(text).replace(" ", ""):
        raise ValueError(f"{text!r} is no length of time: write 90m, 36h or 1d12h")
    return sum((dt.timedelta(**{_SPANS[unit]: min(int(count), 10**6)}) for count, unit in parts), dt.timedelta())


def _zone(name: object) -> object:
    try:
        return zoneinfo.ZoneInfo(name) if isinstance(name, str) else name
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError) as error:  # OSError: a folder of zones
        raise ValueError(f"there is no time zone {name!r}") from error


def _window(text: object) -> object:
    return Window.parse(text) if isinstance(text, str) else text


Span = Annotated[dt.timedelta, BeforeValidator(_span)]
Zone = Annotated[zoneinfo.ZoneInfo, BeforeValidator(_zone)]
Windows = tuple[Annotated[Window, BeforeValidator(_window)], ...]


class _Table(Strict, arbitrary_types_allowed=True):
    pass


class PortalHours(_Table):
    """When a portal is open; without windows, always."""

    name: str
    windows: Windows = ()
    zone: Zone = zoneinfo.ZoneInfo("America/Sao_Paulo")
    calendar: str = "anbima"
    source: str = ""
    confidence: Confidence = "low"


class Maintenance(_Table):
    """A time in which a portal is announced to be closed; times without an offset are the portal's wall time."""

    portal: str
    start: dt.datetime = Field(alias="from")
    end: dt.datetime = Field(alias="until")
    source: str = Field(min_length=1)


class Entry(_Table):
    """A trigger as it is written."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,78}$")
    process: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    rule: str = ""
    cron: str = ""
    event: str = ""
    params: dict[str, str] = Field(default={})
    calendar: str = "anbima"
    zone: Zone = zoneinfo.ZoneInfo("America/Sao_Paulo")
    enabled: bool = True
    queue: str = Field(default="default", min_length=1, max_length=60)
    priority: int = Field(default=100, ge=0, le=10_000)
    missed: Missed = "latest"
    look_back: Span = dt.timedelta(days=1)
    overlap: Overlap = "skip"
    gap: Gap | None = None
    fold: Fold | None = None
    portal: str = ""
    windows: Windows = ()
    closed: Closed = "defer"
    expected: Span | None = None
    retries: int = Field(default=1, ge=0, le=10)
    reserve: Span | None = None
    time_limit: Span | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> Entry:
        if bool(self.rule) == bool(self.cron):
            raise ValueError("a trigger has either a rule or a cron expression")
        for name, text in self.params.items():
            if problem := place_problem(text):
                raise ValueError(f"parameter {name}: {problem}")
        return self


class TriggerFile(_Table):
    """What config/triggers.toml states; triggers themselves are read one by one, so that an error names its trigger."""

    schema_: Literal[1] = Field(alias="schema")
    portal: tuple[PortalHours, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    trigger: tuple[dict[str, Any], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Reading:
    """What the entries of one file refer to."""

    path: Path
    settings: Settings
    calendars: Mapping[str, Calendar]
    deadlines: Deadlines
    portals: Mapping[str, PortalHours]
    closures: Mapping[str, tuple[Closure, ...]]

    def trigger(self, table: Mapping[str, Any]) -> Trigger:
        """An entry as the trigger it states; ConfigurationError names file, trigger, key and remedy."""
        name = str(table.get("name", "?"))
        entry = checked(Entry, table, self.path, f"trigger {name}")
        try:
            return self._made(entry)
        except ConfigurationError as error:
            remedy = error.remedy or f"correct it in {self.path}"
            raise ConfigurationError(f"{self.path.name}: trigger {name}: {error.text}", remedy=remedy) from error

    def _made(self, entry: Entry) -> Trigger:
        calendar = calendar_of(entry.calendar, self.calendars)
        plan = self._plan(entry, calendar)
        _require_sense(entry, plan)
        gap, fold = entry.gap or "next", entry.fold or ("both" if plan.by_the_clock else "first")
        openings = self._openings(entry, calendar)
        limit = entry.time_limit
        return Trigger(
            name=entry.name,
            process=entry.process,
            rule=entry.rule or f"cron {entry.cron}",
            plan=plan,
            params=entry.params,
            queue=entry.queue,
            priority=entry.priority,
            zone=entry.zone,
            calendar=calendar,
            enabled=entry.enabled,
            missed=entry.missed,
            look_back=entry.look_back,
            overlap=entry.overlap,
            gap=gap,
            fold=fold,
            portal=entry.portal,
            openings=openings,
            closed=entry.closed,
            expected=entry.expected or dt.timedelta(minutes=self.settings.deadlines.expected_minutes),
            safety=safety_of(self.settings, entry.retries, entry.reserve),
            time_limit=round(limit.total_seconds()) if limit else None,
            digest=_digest(entry, plan, calendar, openings, gap, fold),
        )

    def _plan(self, entry: Entry, calendar: Calendar) -> Rule:
        if entry.cron:
            return _cron(entry.cron)
        if entry.event:
            self.deadlines.event(entry.event)
        plan = Grammar(calendar, self.deadlines, entry.event).rule(entry.rule)
        if isinstance(plan, Obligation):
            require_order(plan.deadlines, deadlines_path())
        return plan

    def _openings(self, entry: Entry, calendar: Calendar) -> Openings:
        """The trigger's own windows and its portal's, both of which must be open, and the portal's maintenance."""
        hours = [Hours(entry.windows, entry.zone, calendar)] if entry.windows else []
        if not entry.portal:
            return Openings(tuple(hours))
        if entry.portal not in self.portals:
            raise ConfigurationError(
                f"there is no portal {entry.portal!r} among the portals' hours",
                remedy=f'add [[portal]] with name = "{entry.portal}" to {self.path}',
            )
        portal = self.portals[entry.portal]
        hours += [Hours(portal.windows, portal.zone, calendar_of(portal.calendar, self.calendars))] if portal.windows else []
        return Openings(tuple(hours), self.closures.get(entry.portal, ()))


def triggers_path() -> Path:
    """Where the triggers' file lies."""
    return configuration_folder() / FILE


def load_triggers(settings: Settings, calendars: Mapping[str, Calendar] | None = None) -> dict[str, Trigger]:
    """The triggers of config/triggers.toml by name; ConfigurationError names file, trigger, key and remedy."""
    path = triggers_path()
    return parse_triggers(read_toml(path), settings, calendars, path=path) if path.exists() else {}


def parse_written(entries: Sequence[Mapping[str, Any]], settings: Settings) -> dict[str, Trigger]:
    """Triggers that stand beside the file, by name: they refer to the file's portals and their maintenance."""
    path = triggers_path()
    tables = read_toml(path) if path.exists() else {"schema": 1}
    return parse_triggers({**tables, "trigger": list(entries)}, settings, path=CONSOLE)


def parse_triggers(
    tables: Mapping[str, Any], settings: Settings, calendars: Mapping[str, Calendar] | None = None, *, path: Path = Path(FILE)
) -> dict[str, Trigger]:
    """The triggers of a parsed file by name."""
    known = load_calendars() if calendars is None else calendars
    stated = checked(TriggerFile, tables, path)
    portals = _once((portal.name, portal) for portal in stated.portal)
    closures = {
        name: tuple(_closure(one, portal, path) for one in stated.maintenance if one.portal == name) for name, portal in portals.items()
    }
    if unknown := [one.portal for one in stated.maintenance if one.portal not in portals]:
        raise ConfigurationError(
            f"{path.name}: maintenance of {unknown[0]!r}, which is no portal there", remedy=f"add [[portal]] with that name to {path}"
        )
    reading = _Reading(path, settings, known, load_deadlines(settings, known), portals, closures)
    return _once((trigger.name, trigger) for trigger in map(reading.trigger, stated.trigger))


def require_process(trigger: Trigger, processes: Mapping[str, Process], moment: dt.datetime) -> None:
    """Refuse a trigger whose process does not exist or does not take its parameters, tried with the day of `moment`."""
    if trigger.process not in processes:
        raise ConfigurationError(f"trigger {trigger.name}: no process {trigger.process!r}", remedy="see: retaguarda process list")
    fires = trigger.between(moment, moment + dt.timedelta(days=62))
    try:
        for fire in fires[:1]:
            processes[trigger.process].bind(trigger.inputs(fire))
    except ConfigurationError as error:
        raise ConfigurationError(f"trigger {trigger.name}: {error.text}", remedy=error.remedy) from error


def _cron(text: str) -> Cron:
    fields = text.split()
    if len(fields) != 5:
        raise ConfigurationError(
            f"the cron expression {text!r} has {len(fields)} fields", remedy="write five fields: minute hour day month weekday"
        )
    if "*" not in {fields[2][:1], fields[4][:1]}:
        raise ConfigurationError(
            f"the cron expression {text!r} states a day of the month and a day of the week: whether one or both must fit is not said",
            remedy="write two triggers",
        )
    try:
        return Cron(text)
    except CronSimError as error:
        raise ConfigurationError(
            f"the cron expression {text!r} cannot be taken: {error}", remedy="write five fields: minute hour day month weekday"
        ) from error


def _require_sense(entry: Entry, plan: Rule) -> None:
    """Refuse policies that would lose an obligation or make two of it."""
    if plan.obligation and (entry.gap == "skip" or entry.fold == "both"):
        raise ConfigurationError("an obligation is neither skipped nor doubled", remedy='leave out gap = "skip" and fold = "both"')
    if entry.event and not plan.obligation:
        raise ConfigurationError("event belongs to an obligation", remedy="write the rule as: registered by MS+7du 18:00")
    if isinstance(plan, Obligation) and (entry.event or plan.said_as) and entry.zone.key != "America/Sao_Paulo":
        raise ConfigurationError("published deadlines are in the time of America/Sao_Paulo", remedy="leave out zone")


def _closure(stated: Maintenance, portal: PortalHours, path: Path) -> Closure:
    start, end = (_moment(one, portal.zone) for one in (stated.start, stated.end))
    if end <= start:
        raise ConfigurationError(f"{path.name}: maintenance of {portal.name} ends before it begins", remedy=f"correct it in {path}")
    return Closure(start, end, stated.source)


def _moment(stated: dt.datetime, zone: zoneinfo.ZoneInfo) -> dt.datetime:
    return stated.astimezone(dt.UTC) if stated.tzinfo else moments(stated, zone)[0].at


def _once(named: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in named:
        if name in found:
            raise ConfigurationError(f"{FILE}: {name!r} stands there twice", remedy="give one of them another name")
        found[name] = one
    return found


def _digest(entry: Entry, plan: Rule, calendar: Calendar, openings: Openings, gap: str, fold: str) -> str:
    """The SHA-256 of all that fires follow from: were it equal, so were the fires."""
    told = {
        "rule": [entry.rule, entry.cron, entry.event],
        "zone": entry.zone.key,
        "policies": [gap, fold, entry.closed],
        "calendar": calendar.digest,
        "deadlines": plan.deadlines.digest(plan.event) if isinstance(plan, Obligation) else "",
        "hours": [[hours.zone.key, hours.calendar.digest if hours.calendar else "", *map(str, hours.windows)] for hours in openings.hours],
        "closures": [[f"{one.start}", f"{one.end}", one.source] for one in openings.closures],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
