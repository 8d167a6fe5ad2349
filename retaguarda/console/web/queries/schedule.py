"""What the pages of the schedule read: triggers, what comes, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from retaguarda.agenda.outlook import Preview
from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries.cursor import page_by
from retaguarda.store.models import FireState, PlannedFire
from retaguarda.triggers.trigger import Trigger

PAGE = 50
"""Rows of a list."""
MANY = 3
"""Fires of one trigger on one day that a calendar shows one by one."""


def page_of(triggers: Mapping[str, Trigger], after: str) -> tuple[dict[str, Trigger], str]:
    """The triggers of a page by name, and the name that the next page begins after (nothing: it is the last)."""
    names = sorted(name for name in triggers if name > after)
    return {name: triggers[name] for name in names[:PAGE]}, names[PAGE - 1] if len(names) > PAGE else ""


def fires(trigger: str = "", state: str = "", after: str = "", page: int = PAGE) -> tuple[list[PlannedFire], str]:
    """Rows of the ledger, newest first, and where the next page begins."""
    rows = PlannedFire.objects.select_related("run")
    if trigger:
        rows = rows.filter(trigger=trigger)
    if state in FireState.values:
        rows = rows.filter(state=state)
    return page_by(rows, "-at", after, page)


@dataclass(frozen=True)
class Line:
    """What a trigger does on one day, as a calendar shows it."""

    trigger: Trigger
    first: Preview
    last: Preview
    count: int
    """How often it fires; 1 unless it does so very often."""


@dataclass
class Day:
    """A day of the calendar."""

    date: dt.date
    lines: list[Line] = field(default_factory=list)


def days(found: Sequence[Preview], first: dt.date, last: dt.date) -> list[Day]:
    """Every day from the first to the last in whole weeks, with what fires on it."""
    start, end = first - dt.timedelta(days=first.weekday()), last + dt.timedelta(days=6 - last.weekday())
    made = {day: Day(day) for day in (start + dt.timedelta(days=n) for n in range((end - start).days + 1))}
    for date, fires in groupby(found, key=lambda one: one.fire.at.astimezone(SAO_PAULO).date()):
        if date in made:
            made[date].lines = _lines(list(fires))
    return list(made.values())


def _lines(fires: list[Preview]) -> list[Line]:
    lines: list[Line] = []
    for name in dict.fromkeys(one.trigger.name for one in fires):
        alike = [one for one in fires if one.trigger.name == name]
        if len(alike) > MANY and not any(one.fire.refusal for one in alike):
            lines.append(Line(alike[0].trigger, alike[0], alike[-1], len(alike)))
        else:
            lines += [Line(one.trigger, one, one, 1) for one in alike]
    return sorted(lines, key=lambda line: line.first.fire.at)
