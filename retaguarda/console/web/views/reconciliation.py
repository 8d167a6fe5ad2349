"""The reconciliation: accounts by day, matches and who decided them, breaks, CCEE beside the ERP, sign-off of months."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from retaguarda.audit import events
from retaguarda.console.web import decide
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import reconciliation as queries
from retaguarda.console.web.routes import may, may_reach, page, person_of
from retaguarda.console.web.views.tickets import marked
from retaguarda.decisions import breaks as break_book
from retaguarda.decisions import lineage, register, sign_off
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.model.values import Month
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.reconcile.coverage import DayState
from retaguarda.report.retell import retell
from retaguarda.store.models import BreakRecord, DecisionState, MatchDecision, SignOff, Ticket

DECIDERS = (Role.OPERATOR, Role.APPROVER)
"""Who may decide on matches and breaks; nobody confirms what he made himself."""
SIGNERS = (Role.APPROVER,)


@page("reconciliation", roles=EVERYBODY)
def reconciliation(request: HttpRequest) -> HttpResponse:
    """Account by day: proved, provisional, missing or broken, and boleto returns that are missing."""
    today = house().clock.today()
    month = _month(request.GET.get("month", ""), today)
    found, after = queries.accounts_of(month, today, request.GET.get("after", ""))
    days = [month.first + dt.timedelta(days=n) for n in range(month.last.day)]
    context = {"month": month, "days": days, "accounts": found, "after": after, "states": list(DayState), "today": today}
    return render(request, "reconciliation/statements.html", context | _beside(month, today))


@page("reconciliation/decisions", roles=EVERYBODY, name="decisions")
def decision_list(request: HttpRequest) -> HttpResponse:
    """Matches with what they rest on; those that wait are confirmed or rejected here, many at a time."""
    return _decisions(request)


@page("reconciliation/decide", roles=DECIDERS, methods=("POST",), name="decide")
def decide_many(request: HttpRequest) -> HttpResponseBase:
    """Confirm or reject the matches that were chosen; what cannot be decided is told, and the rest goes on."""
    told = decide.many(request.POST.getlist("key"), request.POST.get("verdict", ""), request.POST.get("reason", "").strip(), events.actor())
    return _decisions(request, told, 200 if not told.refused else 409)


@page("reconciliation/decisions/<str:key>", roles=EVERYBODY)
def decision(request: HttpRequest, key: str) -> HttpResponse:
    """One match: its line, its items, what it rests on, and everything that happened to it."""
    return _decision(request, _found(key))


@page("reconciliation/decisions/<str:key>/decide", roles=DECIDERS, methods=("POST",))
def decision_decide(request: HttpRequest, key: str) -> HttpResponseBase:
    """Confirm, reject or undo one match."""
    row = _found(key)
    told = decide.many([row.key], request.POST.get("verdict", ""), request.POST.get("reason", "").strip(), events.actor())
    if told.refused:
        return _decision(request, row, told.refused[0][1], 409)
    return redirect("decision", key=row.key)


@page("reconciliation/breaks", roles=EVERYBODY, name="breaks")
def break_list(request: HttpRequest) -> HttpResponse:
    """What does not match, by kind, owner and age, with what is done next."""
    asked = {name: request.GET.get(name, "") for name in ("kind", "owner", "after")}
    rows, after = queries.breaks(asked["kind"], asked["owner"], asked["after"])
    today = house().clock.today()
    rules = read_break_rules()
    context = asked | {
        "rows": [(row, rules.get(row.kind), (today - row.opened_at.date()).days) for row in rows],
        "kinds": [(one, rules.get(one.kind), (today - one.oldest.date()).days) for one in queries.kinds(today)],
        "next": after,
        "today": today,
        "decides": may(person_of(request), DECIDERS),
    }
    return render(request, "reconciliation/breaks.html", context)


@page("reconciliation/breaks/<str:key>", roles=EVERYBODY, methods=("GET", "HEAD"), name="break")
def one_break(request: HttpRequest, key: str) -> HttpResponse:
    """One break: what it is about, who looks at it until when, and what is done next."""
    return _break(request, _broken(key))


@page("reconciliation/breaks/<str:key>/close", roles=DECIDERS, methods=("POST",))
def break_close(request: HttpRequest, key: str) -> HttpResponseBase:
    """Close a break, with the reason."""
    row, reason = _broken(key), request.POST.get("reason", "").strip()[:1000]
    if not reason:
        return _break(request, row, say("Say why it is closed."), 422)
    return _done(request, row, lambda: break_book.close(row, events.actor(), house().clock.now(), reason))


@page("reconciliation/breaks/<str:key>/work", roles=(Role.OPERATOR,), methods=("POST",))
def break_work(request: HttpRequest, key: str) -> HttpResponseBase:
    """Start what is done about a break of this kind."""
    row = _broken(key)
    return _done(request, row, lambda: decide.start_work(row, events.actor()))


@page("reconciliation/breaks/<str:key>/ask", roles=(Role.OPERATOR,), methods=("POST",))
def break_ask(request: HttpRequest, key: str) -> HttpResponseBase:
    """Ask whoever a break belongs to: a request that is answered in time."""
    row = _broken(key)
    return _done(request, row, lambda: decide.ask_owner(row, request.POST.get("question", "")[:4000], events.actor()))


@page("reconciliation/lineage", roles=EVERYBODY, name="lineage")
def lineage_of(request: HttpRequest) -> HttpResponse:
    """The way of a contract's money, from any of its stations."""
    asked = request.GET.get("q", "").strip()[:120]
    context: dict[str, Any] = {"q": asked, "stages": lineage.STAGES}
    if asked:
        try:
            context["way"] = lineage.walk(asked)
        except RetaguardaError as error:
            context["wrong"] = " ".join(filter(None, (retell(error.text), retell(error.remedy))))
    return render(request, "reconciliation/lineage.html", context)


@page("reconciliation/contracts", roles=EVERYBODY, name="contracts")
def contract_list(request: HttpRequest) -> HttpResponse:
    """CCEE beside the ERP, contract by contract, as the latest reconciliation found them."""
    asked, start = request.GET.get("outcome", ""), request.GET.get("start", "")
    today = house().clock.today()
    wanted = request.GET.get("month", "")
    found = queries.comparison(house().evidence_folder, house().clock, str(_month(wanted, today)) if wanted else "")
    first = int(start) if start.isdecimal() and len(start) < 7 else 0
    context: dict[str, Any] = {"outcome": asked, "wanted": wanted, "found": found}
    if found:
        context["launches"] = may_reach(person_of(request), "launch")
        context |= {"rows": found.of(asked, first), "more": first + queries.CONTRACTS if found.of(asked, first + queries.CONTRACTS) else 0}
    return render(request, "reconciliation/contracts.html", context)


@page("reconciliation/months", roles=EVERYBODY, methods=("GET", "HEAD"), name="months")
def month_list(request: HttpRequest) -> HttpResponse:
    """How a month stands, by its digest, and who signed it."""
    return _signing(request, _month(request.GET.get("month", ""), house().clock.today()))


@page("reconciliation/months/<str:month>/sign", roles=SIGNERS, methods=("POST",))
def month_sign(request: HttpRequest, month: str) -> HttpResponseBase:
    """Sign a month as it was seen, or countersign it."""
    try:
        asked = Month.parse(month)
    except ValueError:
        raise Http404 from None
    digest, who, now = request.POST.get("digest", ""), events.actor(), house().clock.now()
    row = SignOff.objects.filter(month=str(asked), digest=digest).first()
    try:
        if row is not None:
            sign_off.countersign(row, who, now)
        else:
            sign_off.sign(asked, digest, who, now, request.POST.get("reason", "").strip()[:1000])
    except RetaguardaError as error:
        return _signing(request, asked, " ".join(filter(None, (retell(error.text), retell(error.remedy)))), 409)
    return redirect(f"{reverse('months')}?month={asked}")


def _decisions(request: HttpRequest, told: decide.Told | None = None, status: int = 200) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    asked = {name: str(given.get(name, ""))[:120] for name in ("state", "account", "q", "after")}
    asked["state"] = asked["state"] if asked["state"] in DecisionState.values else DecisionState.PROPOSED
    rows, after = queries.decisions(asked["state"], asked["account"], asked["q"], asked["after"])
    person = person_of(request)
    context = asked | {
        "rows": rows,
        "next": after,
        "counts": queries.decision_counts(),
        "states": DecisionState.values,
        "accounts": queries.known_accounts(),
        "told": told,
        "decides": may(person, DECIDERS) and asked["state"] == DecisionState.PROPOSED,
    }
    return render(request, "reconciliation/decisions.html", context, status=status)


def _decision(request: HttpRequest, row: MatchDecision, wrong: str = "", status: int = 200) -> HttpResponse:
    person = person_of(request)
    context = {
        "row": row,
        "parts": row.allocations.order_by("item")[: queries.PAGE],
        "events": row.events.order_by("id")[: queries.PAGE],
        "decides": may(person, DECIDERS),
        "own": person is not None and person.name == row.maker,
        "wrong": wrong,
    }
    return render(request, "reconciliation/decision.html", context, status=status)


def _break(request: HttpRequest, row: BreakRecord, wrong: str = "", status: int = 200) -> HttpResponse:
    today = house().clock.today()
    context = {
        "row": row,
        "rule": read_break_rules().get(row.kind),
        "age": (today - row.opened_at.date()).days,
        "today": today,
        "proposals": MatchDecision.objects.filter(line=row.line, account=row.account).order_by("-pk")[:10] if row.line else [],
        "asked": marked(list(Ticket.objects.filter(about=f"break/{row.key}").order_by("-pk")[:10])),
        "matches": bool(row.line) and not row.closed_at and may(person_of(request), DECIDERS),
        "decides": may(person_of(request), DECIDERS),
        "works": may(person_of(request), (Role.OPERATOR,)),
        "wrong": wrong,
    }
    return render(request, "reconciliation/break.html", context, status=status)


def _done(request: HttpRequest, row: BreakRecord, work: Callable[[], object]) -> HttpResponseBase:
    """Do it and show the break; what is refused is told there."""
    try:
        work()
    except RetaguardaError as error:
        return _break(request, row, " ".join(filter(None, (retell(error.text), retell(error.remedy)))), 409)
    return redirect("break", key=row.key)


def _signing(request: HttpRequest, month: Month, wrong: str = "", status: int = 200) -> HttpResponse:
    person, state = person_of(request), sign_off.state_of(month)
    rows = list(SignOff.objects.filter(month=str(month)).order_by("-signed_at")[: queries.PAGE])
    mine = next((row for row in rows if row.digest == state.digest), None)
    context = {
        "state": state,
        "rows": rows,
        "mine": mine,
        "may_sign": may(person, SIGNERS),
        "own": mine is not None and person is not None and mine.signed_by == person.name,
        "wrong": wrong,
        "month": month,
    }
    return render(request, "reconciliation/months.html", context | _beside(month, house().clock.today()), status=status)


def _beside(month: Month, today: dt.date) -> dict[str, Any]:
    """The months before and after, as far as they have begun."""
    later = month.next if month.next.first <= today else None
    return {"before": Month(month.year - (month.month == 1), (month.month - 2) % 12 + 1), "later": later}


def _month(text: str, today: dt.date) -> Month:
    """The month that is asked for, if it is one that has begun; else this one."""
    this = Month(today.year, today.month)
    try:
        found = Month.parse(text) if text else this
    except ValueError:
        return this
    return found if found.first <= today else this


def _found(key: str) -> MatchDecision:
    try:
        return register.find(key)
    except RetaguardaError:
        raise Http404 from None


def _broken(key: str) -> BreakRecord:
    try:
        return break_book.find(key)
    except RetaguardaError:
        raise Http404 from None
