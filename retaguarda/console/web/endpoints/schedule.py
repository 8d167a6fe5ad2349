"""The API of the schedule."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Schema

from retaguarda.agenda import written
from retaguarda.agenda.outlook import next_fires, outlooks, preview
from retaguarda.audit import events
from retaguarda.calendars.calendar import load_calendars
from retaguarda.console import trigger_screens as shown
from retaguarda.console.web.api import TROUBLES, NothingThere, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import schedule as queries
from retaguarda.console.web.views.schedule import CHANGERS, PREVIEW_DAYS
from retaguarda.console.wiring import processes
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.triggers.trigger import Trigger


class TriggerIn(Schema):
    """A trigger in the words of config/triggers.toml, without its name; docs/scheduling.md explains every key."""

    table: dict[str, Any]
    dry_run: bool = False


class SwitchIn(Schema):
    """Whether a trigger is on, and why it is switched off."""

    on: bool
    reason: str = ""


class FiresOut(Schema):
    """A page of the ledger."""

    fires: list[dict[str, Any]]
    after: str


@endpoint("GET", "/schedule/triggers", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def triggers(request: HttpRequest, after: str = "") -> Any:  # noqa: ARG001
    """Triggers by name, 50 at a time; `after` is the last name of the page before."""
    chosen, _ = queries.page_of(house().triggers(), after)
    return [shown.outlook_of(one, house().clock.now()) for one in outlooks(chosen, house().clock)]


@endpoint("GET", "/schedule/triggers/{trigger}", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def trigger(request: HttpRequest, trigger: str) -> Any:  # noqa: ARG001
    """One trigger as it stands, as it is written, and its next fires."""
    found = _trigger(trigger)
    [outlook] = outlooks({trigger: found}, house().clock)
    coming = [shown.preview_of(one) for one in next_fires(found, house().clock)]
    return shown.outlook_of(outlook, house().clock.now()) | {"table": written.stated(trigger), "next_fires": coming}


@endpoint("PUT", "/schedule/triggers/{trigger}", roles=CHANGERS, response={200: dict[str, Any], **TROUBLES})
def trigger_write(request: HttpRequest, trigger: str, body: TriggerIn) -> Any:  # noqa: ARG001
    """Keep a trigger, new or in the place of one of that name; or only try it."""
    table, settings = {**body.table, "name": trigger}, house().settings
    if body.dry_run:
        found = written.tried(table, settings, processes(), house().clock)
    else:
        found = written.write(table, settings, processes(), house().clock, events.actor())
    return {"in_words": found.describe(), "next_fires": [shown.preview_of(one) for one in next_fires(found, house().clock)]}


@endpoint("DELETE", "/schedule/triggers/{trigger}", roles=CHANGERS, response={200: dict[str, Any], **TROUBLES})
def trigger_remove(request: HttpRequest, trigger: str) -> Any:  # noqa: ARG001
    """Take a trigger out that was written here."""
    return {"configuration_holds": written.remove(trigger, events.actor())}


@endpoint("POST", "/schedule/triggers/{trigger}/switch", roles=CHANGERS, response={200: dict[str, Any], **TROUBLES})
def trigger_switch(request: HttpRequest, trigger: str, body: SwitchIn) -> Any:  # noqa: ARG001
    """Switch a trigger on or off."""
    return {"changed": house().by_hand().switch(_trigger(trigger), on=body.on, who=events.actor(), reason=body.reason)}


@endpoint("POST", "/schedule/triggers/{trigger}/fire", roles=(Role.OPERATOR,), response={201: dict[str, Any], **TROUBLES})
def trigger_fire(request: HttpRequest, trigger: str) -> Any:  # noqa: ARG001
    """Fire a trigger now, beside its rule."""
    row = house().by_hand().fire_now(_trigger(trigger), events.actor())
    return 201, {"trigger": trigger, "run": row.run_id, **shown.row_of(row)}


@endpoint("GET", "/schedule/calendars", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def calendars(request: HttpRequest) -> Any:  # noqa: ARG001
    """The calendars, with how sure their days are."""
    return [{"name": name, "confidence": found.confidence, "digest": found.digest} for name, found in sorted(load_calendars().items())]


@endpoint("GET", "/schedule/calendars/{calendar}", roles=EVERYBODY, response={200: dict[str, Any], **TROUBLES})
def calendar_year(request: HttpRequest, calendar: str, year: Annotated[int, Query(ge=2000, le=2100)]) -> Any:  # noqa: ARG001
    """The days of a year that are no business days, beside weekends."""
    found = load_calendars().get(calendar)
    if found is None:
        raise NothingThere
    days = {f"{day}": name for day, name in sorted(found.holidays(year).items())} if found.knows(year) else {}
    return {"name": calendar, "year": year, "known": found.knows(year), "holidays": days}


@endpoint("GET", "/schedule/preview", roles=EVERYBODY, response={200: list[dict[str, Any]], **TROUBLES})
def coming(request: HttpRequest, trigger: str) -> Any:  # noqa: ARG001
    """What a trigger will do in the next 60 days."""
    until = house().clock.now() + dt.timedelta(days=PREVIEW_DAYS)
    return [shown.preview_of(one) for one in preview([_trigger(trigger)], house().clock, until)]


@endpoint("GET", "/schedule/fires", roles=EVERYBODY, response={200: FiresOut, **TROUBLES})
def fires(request: HttpRequest, trigger: str = "", state: str = "", after: str = "") -> Any:  # noqa: ARG001
    """What became of planned fires, newest first."""
    rows, following = queries.fires(trigger, state, after)
    return {"fires": [{"trigger": row.trigger} | shown.row_of(row) for row in rows], "after": following}


def _trigger(name: str) -> Trigger:
    found = house().triggers().get(name)
    if found is None:
        raise NothingThere
    return found
