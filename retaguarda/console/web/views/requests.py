"""Requests: plans to approve, codes to type, presses that nobody proved."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.audit import events
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import requests as queries
from retaguarda.console.web.queries import tickets as ticket_queries
from retaguarda.console.web.queries.tickets import sla
from retaguarda.console.web.routes import may, page, person_of
from retaguarda.console.web.views.tickets import ASKERS, marked
from retaguarda.errors import RetaguardaError
from retaguarda.jobs.requests import APPROVAL, CHALLENGE
from retaguarda.jobs.runs import root_of
from retaguarda.language import say
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.report.retell import retell
from retaguarda.store.models import Request, RequestState

LONGEST_CODE = 64


@page("requests", roles=EVERYBODY)
def requests(request: HttpRequest) -> HttpResponse:
    """What waits for people, by age."""
    now, agreed = house().clock.now(), dt.timedelta(hours=house().settings.alerts.request_hours)
    context = {
        "open": [(asked, asked.asked_at + agreed, sla(asked.asked_at, asked.asked_at + agreed, now)) for asked in queries.open_ones()],
        "closed": queries.closed_ones(),
        "doubts": queries.doubt_count(),
        "proposals": queries.proposal_count(),
        "tickets": marked(ticket_queries.waiting()),
        "asks": may(person_of(request), ASKERS),
    }
    return render(request, "requests/list.html", context)


@page("requests/uncertain", roles=EVERYBODY)
def uncertain(request: HttpRequest) -> HttpResponse:
    """Presses whose outcome nobody knows, each with its pictures side by side."""
    now, agreed = house().clock.now(), dt.timedelta(hours=house().settings.alerts.request_hours)
    doubts = [(one, one.intent.at + agreed, sla(one.intent.at, one.intent.at + agreed, now)) for one in queries.doubts()]
    return render(request, "requests/uncertain.html", {"doubts": doubts, "operates": may(person_of(request), (Role.OPERATOR,))})


@page("requests/<int:number>", roles=EVERYBODY, name="request")
def one_request(request: HttpRequest, number: int) -> HttpResponse:
    """A plan with its totals, or the question of a portal."""
    return _shown(request, _asked(number))


@page("requests/<int:number>/decide", roles=(Role.APPROVER,), methods=("POST",))
def request_decide(request: HttpRequest, number: int) -> HttpResponseBase:
    """Say yes or no to a plan that somebody else launched."""
    asked = _asked(number)
    yes, reason = request.POST.get("decision") == "approve", request.POST.get("reason", "").strip()[:1000]
    if not yes and request.POST.get("decision") != "refuse":
        return _shown(request, asked, say("Choose to approve or to refuse."), 422)
    if not yes and not reason:
        return _shown(request, asked, say("Say why you refuse."), 422)
    if request.POST.get("digest", "") != asked.digest:
        return _shown(request, asked, say("The plan is another one by now: look at it again."), 409)
    return _done(request, asked, lambda: house().requests().decide(asked, events.actor(), yes=yes, reason=reason))


@page("requests/<int:number>/answer", roles=(Role.OPERATOR,), methods=("POST",))
def request_answer(request: HttpRequest, number: int) -> HttpResponseBase:
    """Type the code that a portal asks for, or say that a new one may be sent."""
    asked, code = _asked(number), request.POST.get("code", "").strip()
    ready = request.POST.get("ready") == "1"
    if not ready and not 0 < len(code) <= LONGEST_CODE:
        return _shown(request, asked, say("Type the code."), 422)
    return _done(request, asked, lambda: house().requests().answer(asked, events.actor(), "" if ready else code))


def _done(request: HttpRequest, asked: Request, work: Any) -> HttpResponseBase:
    """Do it and go to the run; what is refused is told beside the question."""
    try:
        work()
    except RetaguardaError as error:
        asked.refresh_from_db()
        return _shown(request, asked, " ".join(filter(None, (retell(error.text), retell(error.remedy)))), 409)
    return redirect("run", run_id=root_of(asked.run).pk)


def _asked(number: int) -> Request:
    found = queries.get(number)
    if found is None:
        raise Http404
    return found


def _shown(request: HttpRequest, asked: Request, wrong: str = "", status: int = 200) -> HttpResponse:
    person, root = person_of(request), root_of(asked.run)
    own = person is not None and person.name == root.actor and not root.trigger
    is_open, references = asked.state == RequestState.OPEN, asked.facts.get("references") or []
    context: dict[str, Any] = {
        "asked": asked,
        "root": root,
        "own": own,
        "is_open": is_open,
        "references": references,
        "more": len(references) < int(asked.facts.get("items") or 0),
        "facts": {name: value for name, value in asked.facts.items() if name not in {"references", "question"}},
        "can_decide": is_open and asked.kind == APPROVAL and may(person, (Role.APPROVER,)) and not own,
        "can_answer": is_open and asked.kind == CHALLENGE and may(person, (Role.OPERATOR,)),
        "before": queries.decided_before(asked) if asked.kind == APPROVAL else None,
        "wrong": wrong,
    }
    return render(request, "requests/request.html", context, status=status)
