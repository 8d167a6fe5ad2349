"""The areas of the console, in the order of the menu. An area is shown once its first page is registered, to those who may open it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from retaguarda.console.web.routes import ROUTES, may
from retaguarda.language import say
from retaguarda.store.models import Person, Request, RequestState, Ticket, TicketState

AREAS = {
    "today": "Today",
    "runs": "Runs",
    "processes": "Processes",
    "requests": "Requests",
    "reconciliation": "Reconciliation",
    "schedule": "Schedule",
    "portals": "Portals and robots",
    "indicators": "Indicators",
    "audit": "Audit",
    "administration": "Administration",
}
"""Name of an area's first page, which its path begins with, and what the menu calls it."""
SHOWN_AT_MOST = 100
"""Open requests are counted up to this: a menu must not cost a long count."""


@dataclass(frozen=True)
class Entry:
    """A line of the menu."""

    name: str
    text: str
    address: str
    here: bool
    count: int = 0


def entries(person: Person | None, path: str) -> list[Entry]:
    """The areas that a person may open."""
    if person is None:
        return []
    open_to = {route.name for route in ROUTES if route.name in AREAS and may(person, route.roles)}
    shown = [name for name in AREAS if name in open_to]
    return [Entry(name, say(AREAS[name]), reverse(name), _is_here(reverse(name), path), _waiting(name)) for name in shown]


def _is_here(address: str, path: str) -> bool:
    return path == address or (address != "/" and path.startswith(f"{address}/"))


def _waiting(name: str) -> int:
    """How many questions and requests wait for people."""
    if name != "requests":
        return 0
    asked = Request.objects.filter(state=RequestState.OPEN).order_by("asked_at")[:SHOWN_AT_MOST].count()
    return asked + Ticket.objects.filter(state__in=(TicketState.OPEN, TicketState.IN_PROGRESS)).order_by("due_at")[:SHOWN_AT_MOST].count()


def signs(person: Person | None) -> list[str]:
    """A person's roles in words."""
    return [say(role) for role in person.roles] if person else []
