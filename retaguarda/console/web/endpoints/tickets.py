"""The API of requests from other areas."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Schema

from retaguarda.audit import events
from retaguarda.console.commands_ticket import described, told
from retaguarda.console.web.api import TROUBLES, NothingThere, Number, endpoint
from retaguarda.console.web.place import house
from retaguarda.console.web.queries import tickets as queries
from retaguarda.console.web.views.tickets import ASKERS
from retaguarda.people.roles import EVERYBODY, Role
from retaguarda.store.models import Ticket
from retaguarda.tickets.tickets import API

ANY = dict[str, Any]


class TicketIn(Schema):
    """What is asked for; files are given by page and e-mail."""

    subject: str
    text: str
    area: str = ""


class TextIn(Schema):
    """What is written."""

    text: str


class MarkIn(Schema):
    """How content the requester is, from 1 to 5, and why."""

    mark: int
    remark: str = ""


class TicketsOut(Schema):
    """A page of requests; `after` leads to the next one."""

    tickets: list[ANY]
    after: str


@endpoint("GET", "/tickets", roles=EVERYBODY, response={200: TicketsOut, **TROUBLES})
def list_tickets(request: HttpRequest, state: str = "", after: str = "") -> Any:  # noqa: ARG001
    """Requests from other areas, the newest first."""
    rows, following = queries.listed(state, after)
    return {"tickets": [described(row) for row in rows], "after": following}


@endpoint("POST", "/tickets", roles=ASKERS, response={201: ANY, **TROUBLES})
def ask_ticket(request: HttpRequest, wanted: TicketIn) -> Any:  # noqa: ARG001
    """Ask the back office for something."""
    return 201, told(house().tickets().ask(API, events.actor(), wanted.subject, wanted.text, area=wanted.area))


@endpoint("GET", "/tickets/{number}", roles=EVERYBODY, response={200: ANY, **TROUBLES})
def get_ticket(request: HttpRequest, number: Number) -> Any:  # noqa: ARG001
    """One request with everything that was written about it."""
    return told(_found(number))


@endpoint("POST", "/tickets/{number}/take", roles=(Role.OPERATOR,), response={200: ANY, **TROUBLES})
def take_ticket(request: HttpRequest, number: Number) -> Any:  # noqa: ARG001
    """Make a request mine."""
    house().tickets().take(_found(number), events.actor())
    return told(_found(number))


@endpoint("POST", "/tickets/{number}/add", roles=ASKERS, response={200: ANY, **TROUBLES})
def add_to_ticket(request: HttpRequest, number: Number, body: TextIn) -> Any:  # noqa: ARG001
    """Write something more; from its requester it opens an answered one again."""
    house().tickets().add(_found(number), events.actor(), body.text)
    return told(_found(number))


@endpoint("POST", "/tickets/{number}/answer", roles=(Role.OPERATOR,), response={200: ANY, **TROUBLES})
def answer_ticket(request: HttpRequest, number: Number, body: TextIn) -> Any:  # noqa: ARG001
    """Answer a request."""
    house().tickets().answer(_found(number), events.actor(), body.text)
    return told(_found(number))


@endpoint("POST", "/tickets/{number}/rate", roles=ASKERS, response={200: ANY, **TROUBLES})
def rate_ticket(request: HttpRequest, number: Number, body: MarkIn) -> Any:  # noqa: ARG001
    """How content I am with the answer to what I asked."""
    house().tickets().rate(_found(number), events.actor(), body.mark, body.remark)
    return told(_found(number))


def _found(number: int) -> Ticket:
    found = queries.get(number)
    if found is None:
        raise NothingThere
    return found
