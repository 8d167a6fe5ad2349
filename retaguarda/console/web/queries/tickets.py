"""Requests from other areas, as the pages show them."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from retaguarda.console.web.queries.cursor import page_by
from retaguarda.store.models import Ticket, TicketState

PAGE = 50
SHORT = 0.25
"""The last part of the time for an answer, in which little is left."""
Mark = Literal["good", "warn", "bad"]


def waiting() -> list[Ticket]:
    """What is not answered, the nearest deadline first."""
    unanswered = Ticket.objects.filter(state__in=(TicketState.OPEN, TicketState.IN_PROGRESS))
    return list(unanswered.select_related("run").order_by("due_at", "pk")[:PAGE])


def listed(state: str, after: str) -> tuple[list[Ticket], str]:
    """Every ticket of a state, or of any, the newest first."""
    rows = Ticket.objects.filter(state=state) if state in TicketState.values else Ticket.objects.all()
    return page_by(rows, "-id", after, PAGE)


def get(number: int) -> Ticket | None:
    """The ticket of that number."""
    return Ticket.objects.select_related("run").filter(pk=number).first()


def sla(asked: dt.datetime, due: dt.datetime, at: dt.datetime) -> Mark:
    """How an agreed time for an answer stands at a moment: in time, little left, over."""
    if at > due:
        return "bad"
    return "warn" if due - at < (due - asked) * SHORT else "good"
