"""Requests from other areas: asked here or by e-mail, taken, done by a run, answered, marked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from retaguarda.audit import events
from retaguarda.console.web.actions import is_upload, keep_upload
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import tickets as queries
from retaguarda.console.web.routes import may, page, person_of
from retaguarda.console.wiring import processes
from retaguarda.errors import RetaguardaError
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.report.retell import retell
from retaguarda.store.models import Ticket, TicketState
from retaguarda.tickets.tickets import FORM, MARKS, files_of

ASKERS = (Role.OPERATOR, Role.APPROVER, Role.ADMINISTRATOR)
"""Who asks for something; an auditor only reads."""
OPERATOR = (Role.OPERATOR,)
BOTH = ("GET", "HEAD", "POST")


@page("requests/tickets", roles=EVERYBODY, name="tickets")
def ticket_list(request: HttpRequest) -> HttpResponse:
    """Every request from another area, the newest first."""
    state = request.GET.get("state", "")
    rows, after = queries.listed(state, request.GET.get("after", ""))
    return render(request, "tickets/list.html", {"rows": marked(rows), "state": state, "states": TicketState.values, "next": after})


@page("requests/tickets/new", roles=ASKERS, methods=BOTH)
def ticket_new(request: HttpRequest) -> HttpResponseBase:
    """Ask the back office for something, with files where there are any."""
    if request.method != "POST":
        return render(request, "tickets/new.html")
    typed = {name: request.POST.get(name, "") for name in ("subject", "area", "text")}
    try:
        files = [keep_upload(given.name or "", given.file) for given in request.FILES.getlist("files") if given.file]
        made = house().tickets().ask(FORM, events.actor(), typed["subject"], typed["text"], area=typed["area"], files=files)
    except RetaguardaError as error:
        return render(request, "tickets/new.html", typed | {"wrong": _in_words(error)}, status=422)
    return redirect("ticket", ticket=made.pk)


@page("requests/tickets/<int:ticket>", roles=EVERYBODY, name="ticket")
def one_ticket(request: HttpRequest, ticket: int) -> HttpResponse:
    """A request from another area, everything that was written about it, and what can be done."""
    return _shown(request, _found(ticket))


@page("requests/tickets/<int:ticket>/take", roles=OPERATOR, methods=("POST",))
def ticket_take(request: HttpRequest, ticket: int) -> HttpResponseBase:
    """Make it mine."""
    return _done(request, ticket, lambda found: house().tickets().take(found, events.actor()))


@page("requests/tickets/<int:ticket>/add", roles=ASKERS, methods=("POST",))
def ticket_add(request: HttpRequest, ticket: int) -> HttpResponseBase:
    """Write something more; from its requester it opens an answered one again."""
    return _done(request, ticket, lambda found: house().tickets().add(found, events.actor(), request.POST.get("text", "")))


@page("requests/tickets/<int:ticket>/answer", roles=OPERATOR, methods=("POST",))
def ticket_answer(request: HttpRequest, ticket: int) -> HttpResponseBase:
    """Answer it; to whoever asked by e-mail the answer goes by e-mail."""
    return _done(request, ticket, lambda found: house().tickets().answer(found, events.actor(), request.POST.get("text", "")))


@page("requests/tickets/<int:ticket>/rate", roles=ASKERS, methods=("POST",))
def ticket_rate(request: HttpRequest, ticket: int) -> HttpResponseBase:
    """How content I am with the answer to what I asked."""
    return _done(
        request, ticket, lambda found: house().tickets().rate(found, events.actor(), _mark(request), request.POST.get("remark", ""))
    )


@page("requests/tickets/<int:ticket>/files/<int:number>", roles=EVERYBODY)
def ticket_file(request: HttpRequest, ticket: int, number: int) -> HttpResponseBase:  # noqa: ARG001
    """A file that came with it; it is only saved, never shown here."""
    files = files_of(_found(ticket))
    path = Path(files[number]["path"]) if number < len(files) else None
    if path is None or not is_upload(path):
        raise Http404
    answer = FileResponse(path.open("rb"), as_attachment=True, filename=path.name, content_type="application/octet-stream")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@page("ticket/<str:secret>", roles=None, methods=BOTH)
@never_cache
def ticket_mark(request: HttpRequest, secret: str) -> HttpResponseBase:
    """For whoever asked by e-mail: the answer, and how content he is with it."""
    found = house().tickets().by_secret(secret)
    if found is None:
        raise Http404
    wrong, status = "", 200
    if request.method == "POST":
        try:
            house().tickets().rate(found, found.requester, _mark(request), request.POST.get("remark", ""))
        except RetaguardaError as error:
            wrong, status = _in_words(error), 422
        found.refresh_from_db()
    messages = found.messages.filter(answers=True).order_by("pk")
    return render(request, "tickets/mark.html", {"ticket": found, "answers": messages, "marks": MARKS, "wrong": wrong}, status=status)


def marked(rows: list[Ticket]) -> list[tuple[Ticket, queries.Mark]]:
    """Tickets with how the time for their answer stands, or stood when they were answered."""
    now = house().clock.now()
    return [
        (row, queries.sla(row.asked_at, row.due_at, row.answered_at if row.state == TicketState.ANSWERED and row.answered_at else now))
        for row in rows
    ]


def _done(request: HttpRequest, number: int, work: Callable[[Ticket], object]) -> HttpResponseBase:
    """Do it and show the ticket; what is refused is told there."""
    found = _found(number)
    try:
        work(found)
    except RetaguardaError as error:
        return _shown(request, found, _in_words(error), 409)
    return redirect("ticket", ticket=number)


def _shown(request: HttpRequest, ticket: Ticket, wrong: str = "", status: int = 200) -> HttpResponse:
    person = person_of(request)
    [(_, mark)] = marked([ticket])
    unanswered = ticket.state != TicketState.ANSWERED
    mine = person is not None and person.name == ticket.requester
    context: dict[str, Any] = {
        "ticket": ticket,
        "mark": mark,
        "messages": ticket.messages.order_by("pk")[: queries.PAGE * 2],
        "files": files_of(ticket),
        "unanswered": unanswered,
        "works": unanswered and may(person, OPERATOR),
        "takes": unanswered and may(person, OPERATOR) and person is not None and ticket.owner != person.name,
        "adds": may(person, ASKERS) and (unanswered or mine),
        "rates": mine and not unanswered and may(person, ASKERS),
        "marks": MARKS,
        "processes": sorted(processes()) if unanswered and may(person, OPERATOR) else [],
        "wrong": wrong,
    }
    return render(request, "tickets/ticket.html", context, status=status)


def _mark(request: HttpRequest) -> int:
    text = request.POST.get("mark", "")
    return int(text) if text in {str(mark) for mark in MARKS} else 0


def _found(number: int) -> Ticket:
    found = queries.get(number)
    if found is None:
        raise Http404
    return found


def _in_words(error: RetaguardaError) -> str:
    return " ".join(filter(None, (retell(error.text), retell(error.remedy))))
