"""Matching by hand: what a line of a statement settles, as a person says it; another person confirms."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from retaguarda.audit import events
from retaguarda.console.web import decide
from retaguarda.console.web.queries import reconciliation as queries
from retaguarda.console.web.routes import page
from retaguarda.console.web.views.reconciliation import DECIDERS
from retaguarda.errors import RetaguardaError
from retaguarda.language import say
from retaguarda.report.retell import retell
from retaguarda.store.models import MatchDecision, StatementEntry

OF_ITEM = "amount."
"""Beginning of the name of an item's amount in the form."""


@page("reconciliation/match/<str:line>", roles=DECIDERS)
def match(request: HttpRequest, line: str) -> HttpResponse:
    """A line of a statement, and the open items that it may settle."""
    return _shown(request, _entry(line))


@page("reconciliation/match/<str:line>/propose", roles=DECIDERS, methods=("POST",))
def match_propose(request: HttpRequest, line: str) -> HttpResponseBase:
    """Propose that the line settles what was filled in."""
    entry = _entry(line)
    given = {name.removeprefix(OF_ITEM): str(value).strip() for name, value in request.POST.items() if name.startswith(OF_ITEM)}
    typed = {item: value for item, value in given.items() if value}
    try:
        parts = [(item, amount_of(value)) for item, value in typed.items()]
    except ValueError as error:
        return _shown(request, entry, say("{value} is no amount.", value=str(error)), typed, 422)
    try:
        made = decide.match(entry.entry, parts, events.actor())
    except RetaguardaError as error:
        return _shown(request, entry, " ".join(filter(None, (retell(error.text), retell(error.remedy)))), typed, 409)
    return redirect("decision", key=made.key)


def amount_of(text: str) -> Decimal:
    """An amount as people write it, 1.234,56 or 1234.56; ValueError with the text when it is none."""
    plain = text.replace(".", "").replace(",", ".") if "," in text else text
    try:
        found = Decimal(plain)
    except InvalidOperation:
        raise ValueError(text) from None
    if not found.is_finite() or found != found.quantize(Decimal("0.01")):
        raise ValueError(text)
    return found


def _shown(
    request: HttpRequest, entry: StatementEntry, wrong: str = "", typed: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    asked = (request.POST if request.method == "POST" else request.GET).get("q", "").strip()[:80]
    kind = "AR" if entry.amount > 0 else "AP"
    rows = queries.open_items(asked, kind)
    context = {
        "entry": entry,
        "q": asked,
        "rows": [(row, (typed or {}).get(row.item, "")) for row in rows],
        "earlier": MatchDecision.objects.filter(line=entry.entry, account=entry.account).order_by("-pk")[:10],
        "absolute": abs(entry.amount),
        "wrong": wrong,
    }
    return render(request, "reconciliation/match.html", context, status=status)


def _entry(line: str) -> StatementEntry:
    found = queries.line_of(line)
    if found is None:
        raise Http404
    return found
