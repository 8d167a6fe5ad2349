"""The schedule: triggers and what they will do, calendars, what became of each fire."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.agenda import written
from retaguarda.agenda.outlook import next_fires, outlooks, preview
from retaguarda.audit import events
from retaguarda.calendars.calendar import calendar_of, load_calendars
from retaguarda.calendars.check import known_years
from retaguarda.clock import SAO_PAULO
from retaguarda.console.calendar_screens import year_of
from retaguarda.console.web import trigger_form
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import schedule as queries
from retaguarda.console.web.routes import may, page, person_of
from retaguarda.console.wiring import processes
from retaguarda.errors import RetaguardaError
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.report.retell import retell
from retaguarda.store.models import FireState
from retaguarda.triggers.trigger import Trigger

CHANGERS = (Role.OPERATOR, Role.ADMINISTRATOR)
"""Who may change what runs by itself."""
PREVIEW_DAYS = 60


@page("schedule", roles=EVERYBODY)
def schedule(request: HttpRequest) -> HttpResponse:
    """Every trigger: its rule in words, what comes next, how the last fire ended, and the margin of deadlines."""
    chosen, after = queries.page_of(house().triggers(), request.GET.get("after", ""))
    now = house().clock.now()
    found, entries = outlooks(chosen, house().clock), written.writers()
    context = {
        "duties": [(one, one.duty.standing.safe_start - now) for one in found if one.duty and not one.off],
        "outlooks": [(one, entries.get(one.trigger.name)) for one in found],
        "after": after,
        "changes": may(person_of(request), CHANGERS),
        "now": now,
    }
    return render(request, "schedule/triggers.html", context)


@page("schedule/preview", roles=EVERYBODY)
def schedule_preview(request: HttpRequest) -> HttpResponse:
    """What will fire in the next 60 days, by day, and what will be skipped and why."""
    now = house().clock.now()
    triggers = house().triggers()
    name = request.GET.get("trigger", "")
    chosen = [triggers[name]] if name in triggers else list(triggers.values())
    until = now + dt.timedelta(days=PREVIEW_DAYS)
    found = [one for one in preview(chosen, house().clock, until) if not one.off]
    first, last = now.astimezone(SAO_PAULO).date(), until.astimezone(SAO_PAULO).date()
    days = queries.days(found, first, last)
    context = {
        "weeks": [days[start : start + 7] for start in range(0, len(days), 7)],
        "today": first,
        "last": last,
        "names": sorted(triggers),
        "chosen": name,
        "short": [(one, one.known_until(now)) for one in chosen if one.known_until(now) < until],
    }
    return render(request, "schedule/preview.html", context)


@page("schedule/fires", roles=EVERYBODY)
def schedule_fires(request: HttpRequest) -> HttpResponse:
    """What became of each planned fire: a run, skipped or missed, and why."""
    asked = {name: request.GET.get(name, "") for name in ("trigger", "state", "after")}
    rows, after = queries.fires(asked["trigger"], asked["state"], asked["after"])
    context = asked | {"rows": rows, "next": after, "names": sorted(house().triggers()), "states": FireState.values}
    return render(request, "schedule/fires.html", context)


@page("schedule/calendars", roles=EVERYBODY)
def schedule_calendars(request: HttpRequest) -> HttpResponse:
    """Which days count, where they come from, and how sure they are."""
    found = [(one, known_years(one)) for one in load_calendars().values()]
    return render(request, "schedule/calendars.html", {"calendars": found, "year": house().clock.today().year})


@page("schedule/calendars/<str:calendar>", roles=EVERYBODY)
def schedule_calendar(request: HttpRequest, calendar: str) -> HttpResponse:
    """The holidays of a year and the business days of its months."""
    known, asked = load_calendars(), request.GET.get("year", "")
    if calendar not in known:
        raise Http404
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else house().clock.today().year
    found = calendar_of(calendar, known)
    context = {"calendar": found, "year": year, "before": year - 1, "after": year + 1, "known": found.knows(year)}
    if found.knows(year):
        told = year_of(found, year)
        context["holidays"] = [(day, name, day.weekday() in found.weekend) for day, name in found.holidays(year).items()]
        context["months"] = list(enumerate(told["business_days"], 1))
        context["confidence"] = told["confidence"]
    return render(request, "schedule/calendar.html", context)


@page("schedule/new", roles=CHANGERS, methods=("GET", "HEAD", "POST"))
def schedule_new(request: HttpRequest) -> HttpResponseBase:
    """Write a trigger; its next fires are shown before it is kept."""
    return _form(request, "")


@page("schedule/triggers/<str:trigger>", roles=EVERYBODY)
def schedule_trigger(request: HttpRequest, trigger: str) -> HttpResponse:
    """One trigger: its rule and policies, what comes, what became of it, who changed it."""
    found = _trigger(trigger)
    rows, _ = queries.fires(trigger, page=10)
    [outlook] = outlooks({trigger: found}, house().clock)
    context = {
        "trigger": found,
        "outlook": outlook,
        "next": next_fires(found, house().clock),
        "rows": rows,
        "entry": written.writers().get(trigger),
        "table": written.stated(trigger) or {},
        "changes": may(person_of(request), CHANGERS),
        "now": house().clock.now(),
    }
    return render(request, "schedule/trigger.html", context)


@page("schedule/triggers/<str:trigger>/edit", roles=CHANGERS, methods=("GET", "HEAD", "POST"))
def schedule_edit(request: HttpRequest, trigger: str) -> HttpResponseBase:
    """Change a trigger; one of the configuration is then overruled by what is written here."""
    if written.stated(trigger) is None:
        raise Http404
    return _form(request, trigger)


@page("schedule/triggers/<str:trigger>/switch", roles=CHANGERS, methods=("POST",))
def schedule_switch(request: HttpRequest, trigger: str) -> HttpResponseBase:
    """Switch a trigger on or off; while it is off its fires are skipped, with who and why."""
    found, on = _trigger(trigger), request.POST.get("on") == "1"
    house().by_hand().switch(found, on=on, who=events.actor(), reason=request.POST.get("reason", "").strip()[:150])
    return redirect("schedule_trigger", trigger=trigger)


@page("schedule/triggers/<str:trigger>/fire", roles=(Role.OPERATOR,), methods=("POST",))
def schedule_fire(request: HttpRequest, trigger: str) -> HttpResponseBase:  # noqa: ARG001
    """Fire a trigger now, beside its rule."""
    house().by_hand().fire_now(_trigger(trigger), events.actor())
    return redirect("schedule_trigger", trigger=trigger)


@page("schedule/triggers/<str:trigger>/remove", roles=CHANGERS, methods=("POST",))
def schedule_remove(request: HttpRequest, trigger: str) -> HttpResponseBase:  # noqa: ARG001
    """Take a trigger out that was written here; the configuration's of that name holds again."""
    still = written.remove(trigger, events.actor())
    return redirect("schedule_trigger", trigger=trigger) if still else redirect("schedule")


def _form(request: HttpRequest, name: str) -> HttpResponseBase:
    """The form as it is given; what it says is tried, shown, and kept when that is asked for."""
    context: dict[str, Any] = {"name": name, "options": trigger_form.OPTIONS, "processes": sorted(processes())}
    context |= {"calendars": sorted(load_calendars()), "form": trigger_form.of_table(written.stated(name) or {})}
    if request.method != "POST":
        return render(request, "schedule/form.html", context)
    form = {key: str(request.POST.get(key, ""))[:2000] for key in trigger_form.FIELDS}
    form["name"] = name or form["name"]
    context["form"] = form
    try:
        if not name and form["name"] in house().triggers():
            raise trigger_form.taken(form["name"])
        table = trigger_form.table(form, written.stated(name) or {})
        if request.POST.get("keep") == "1":
            written.write(table, house().settings, processes(), house().clock, events.actor())
            return redirect("schedule_trigger", trigger=form["name"])
        trigger = written.tried(table, house().settings, processes(), house().clock)
    except RetaguardaError as error:
        context |= {"wrong": retell(error.text), "remedy": retell(error.remedy)}
        return render(request, "schedule/form.html", context, status=422)
    context |= {"tried": trigger, "next": next_fires(trigger, house().clock)}
    return render(request, "schedule/form.html", context)


def _trigger(name: str) -> Trigger:
    found = house().triggers().get(name)
    if found is None:
        raise Http404
    return found
