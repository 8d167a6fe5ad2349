"""The administration: people and roles, alerts, what is kept for how long, backups, workers, settings with their source."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.console.web.place import house
from retaguarda.console.web.queries import administration as queries
from retaguarda.console.web.routes import may, page, person_of
from retaguarda.console.web.server import address
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.operations import holds
from retaguarda.operations.targets import send
from retaguarda.people.roles import Role
from retaguarda.report.retell import retell
from retaguarda.store.models import Person

CHANGERS = (Role.ADMINISTRATOR,)
READERS = (Role.ADMINISTRATOR, Role.AUDITOR)
"""An auditor sees how the installation is kept, and changes nothing of it."""
WATCHERS = (*READERS, Role.OPERATOR)
"""Operators see alerts and workers, since they are the first to be asked."""


@page("administration", roles=READERS)
def administration(request: HttpRequest) -> HttpResponse:
    """People, their roles, and when they last signed in."""
    return _people(request)


@page("administration/people/add", roles=CHANGERS, methods=("POST",))
def person_add(request: HttpRequest) -> HttpResponse:
    """Add a person; the one-time link is shown once."""
    name = request.POST.get("name", "").strip().lower()
    try:
        person = house().register().add(name, request.POST.getlist("role"), request.POST.get("full_name", "").strip())
    except RetaguardaError as error:
        return _people(request, wrong=_in_words(error), status=422)
    return _people(request, link=link_of(person), whose=person.name)


@page("administration/people/<str:name>/change", roles=CHANGERS, methods=("POST",))
def person_change(request: HttpRequest, name: str) -> HttpResponseBase:
    """Give a person other roles, a new link, or another try; shut one out, or let one in again."""
    person = _person(name)
    try:
        link = change(person, request.POST.get("what", ""), request.POST.getlist("role"))
    except RetaguardaError as error:
        return _people(request, wrong=_in_words(error), status=409)
    return _people(request, link=link, whose=person.name) if link else redirect("administration")


def change(person: Person, what: str, roles: list[str]) -> str:
    """Change something about a person: roles, disable, enable, unlock, tokens (they end); of `link` the new one is returned."""
    register = house().register()
    if what == "link":
        return link_of(person)
    if what == "roles":
        register.give_roles(person, roles)
    elif what == "disable":
        register.disable(person)
    elif what == "enable":
        register.enable(person)
    elif what == "unlock":
        house().entrance().unlock(person)
    elif what == "tokens":
        house().tokens().revoke_every(person)
    return ""


@page("administration/alerts", roles=WATCHERS, name="alerts")
def alert_list(request: HttpRequest) -> HttpResponse:
    """What is wrong by its root cause, what is over, and who is told."""
    return _alerts(request)


@page("administration/alerts/test", roles=CHANGERS, methods=("POST",))
def alert_test(request: HttpRequest) -> HttpResponse:
    """Send a test message to a target."""
    target = request.POST.get("target", "")
    if target not in house().settings.alerts.targets:
        raise Http404
    subject, body = f"[Retaguarda] {say('test')}", say("This is a test of the alerts: nothing happened.")
    trouble = send(house().installation(), target, subject, body)
    return _alerts(request, target, trouble, 409 if trouble else 200)


@page("administration/retention", roles=READERS, name="retention")
def retention(request: HttpRequest) -> HttpResponse:
    """What is kept for how long, what has expired, and what must not be deleted."""
    return _retention(request)


@page("administration/holds", roles=CHANGERS, methods=("POST",), name="hold_add")
def hold_add(request: HttpRequest) -> HttpResponseBase:
    """Hold a run, or everything: nothing of it is deleted."""
    run, reason = request.POST.get("run", "").strip(), request.POST.get("reason", "").strip()[:500]
    everything = request.POST.get("everything") == "1"
    if not reason or bool(run) == everything:
        return _retention(request, say("Say what is held, a run or everything, and why."), 422)
    try:
        holds.hold(house().runs().get(run) if run else None, reason, house().clock)
    except RetaguardaError as error:
        return _retention(request, _in_words(error), 422)
    return redirect("retention")


@page("administration/holds/<int:number>/lift", roles=CHANGERS, methods=("POST",), name="hold_lift")
def hold_lift(request: HttpRequest, number: int) -> HttpResponseBase:
    """Lift a hold, with the reason."""
    reason = request.POST.get("reason", "").strip()[:500]
    if not reason:
        return _retention(request, say("Say why the hold is lifted."), 422)
    try:
        holds.lift(number, reason, house().clock)
    except RetaguardaError as error:
        return _retention(request, _in_words(error), 409)
    return redirect("retention")


@page("administration/backup", roles=READERS, name="backup")
def backup(request: HttpRequest) -> HttpResponse:
    """The latest backup and restore, and the backups of the folder."""
    context = {"backups": queries.backups(house()), "milestones": queries.milestones(), "rules": house().settings.backup}
    return render(request, "administration/backup.html", context)


@page("administration/workers", roles=WATCHERS, name="workers")
def worker_list(request: HttpRequest) -> HttpResponse:
    """Processes that carry runs out or plan them, and whether they live."""
    context = {"workers": queries.workers(house()), "changes": may(person_of(request), CHANGERS)}
    return render(request, "administration/workers.html", context)


@page("administration/workers/drain", roles=CHANGERS, methods=("POST",), name="worker_drain")
def worker_drain(request: HttpRequest) -> HttpResponseBase:
    """Ask a worker to take nothing more and to end."""
    house().workers().drain(request.POST.get("name", ""))
    return redirect("workers")


@page("administration/settings", roles=READERS, name="settings")
def settings(request: HttpRequest) -> HttpResponse:
    """Every setting, and the file or variable that states it; they are changed there."""
    asked = request.GET.get("q", "").strip().lower()[:60]
    found = [one for one in queries.settings(house()) if not asked or asked in one.key.lower()]
    return render(request, "administration/settings.html", {"settings": found, "q": asked})


def _people(request: HttpRequest, *, link: str = "", whose: str = "", wrong: str = "", status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "people": house().register().everybody(),
        "roles": [role.value for role in Role],
        "changes": may(person_of(request), CHANGERS),
        "link": link,
        "whose": whose,
        "wrong": wrong,
        "hours": house().settings.console.link_hours,
    }
    return render(request, "administration/people.html", context, status=status)


def _alerts(request: HttpRequest, target: str = "", trouble: str = "", status: int = 200) -> HttpResponse:
    still, over, after = queries.alerts(request.GET.get("after", ""))
    context = {
        "still": still,
        "over": over,
        "after": after,
        "targets": house().settings.alerts.targets,
        "changes": may(person_of(request), CHANGERS),
        "tested": target,
        "trouble": retell(trouble),
    }
    return render(request, "administration/alerts.html", context, status=status)


def _retention(request: HttpRequest, wrong: str = "", status: int = 200) -> HttpResponse:
    about = {name: field.description or "" for name, field in type(house().settings.retention).model_fields.items()}
    plan = queries.retention_plan(house())
    context = {
        "plan": [(one, about.get(one.name, "")) for one in plan.found] if plan else None,
        "age": dt.timedelta(seconds=round(plan.age)) if plan else None,
        "trouble": queries.PLAN.trouble,
        "holds": queries.holds(),
        "changes": may(person_of(request), CHANGERS),
        "wrong": wrong,
    }
    return render(request, "administration/retention.html", context, status=status)


def link_of(person: Person) -> str:
    """The address of a new one-time link for a person; earlier ones end."""
    return address(house().settings.console, f"/link/{house().register().link(person)}")


def _person(name: str) -> Person:
    found = Person.objects.filter(name=name).first()
    if found is None:
        raise Http404
    return found


def _in_words(error: RetaguardaError) -> str:
    return " ".join(filter(None, (retell(error.text), retell(error.remedy))))
