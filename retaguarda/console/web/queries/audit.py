"""What the pages of the audit read: the log by its index, in bounded pieces, and what auditors ask of a period."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from retaguarda.audit.index import Asked, AuditIndex, Hit
from retaguarda.audit.log import AuditLog
from retaguarda.console.web.queries.beside import Beside
from retaguarda.console.wiring import House
from retaguarda.operations.reviews import Access, Actor, accesses, actors
from retaguarda.operations.tally import moment
from retaguarda.store.models import AuditEntry

PAGE = 50
"""Rows of a list."""
STRIDE = 20_000
"""Events whose texts one request looks through: what stands in an index is not counted."""
CHANGES: Mapping[str, str] = {
    "trigger.": "Triggers",
    "triggers.": "Triggers",
    "calendar.": "Calendars",
    "person.": "People",
    "secret.": "Credentials",
    "credential.allowed": "Credentials",
    "hold.": "Legal holds",
    "retention.": "Retention",
    "backup.": "Backup",
    "month.": "Sign-off",
    "store.": "Database",
}
"""Beginnings of actions that change how the installation works, with what they are about."""


@dataclass(frozen=True)
class Review:
    """Who acted in a period, and which credentials there are."""

    actors: Sequence[Actor]
    accesses: Sequence[Access]


def _reviewed(house: House, days: tuple[dt.date, dt.date]) -> Review:
    first, last = days
    found = actors(moment(first), moment(last + dt.timedelta(days=1)))
    return Review(found, list(accesses(house.settings, house.vault())))


REVIEW: Beside[tuple[dt.date, dt.date], Review] = Beside("access review", _reviewed, seconds=60)
"""The review of the days from one to another: they have millions of events."""


@dataclass(frozen=True)
class Found:
    """A page of events, newest first; `after` leads on, `looked_down_to` says how far texts were looked through."""

    hits: list[Hit] = field(default_factory=list)
    after: str = ""
    looked_down_to: int | None = None


def search(log: AuditLog, asked: Asked, after: str = "") -> Found:
    """Events that fit, newest first. Texts are looked for in a stretch of the log at a time: a request stays short, nothing is left out."""
    index = AuditIndex(log)
    index.catch_up()
    rows = index.found(asked if not asked.words else replace(asked, words=()))
    if asked.until and not (asked.run or asked.actor or asked.action or asked.words):
        return _by_moment(index, rows, after)
    if after.isdecimal():
        rows = rows.filter(seq__lt=int(after))
    if not asked.words:
        return _page(index, rows.order_by("-seq"))
    stretch = list(rows.order_by("-seq").values_list("seq", flat=True)[:STRIDE])
    if not stretch:
        return Found()
    texts = index.found(asked).filter(seq__lte=stretch[0], seq__gte=stretch[-1])
    found = _page(index, texts.order_by("-seq"))
    whole = len(stretch) < STRIDE
    if found.after or whole:
        return found
    return Found(found.hits, str(stretch[-1]), stretch[-1])


def _by_moment(index: AuditIndex, rows: QuerySet[AuditEntry], after: str) -> Found:
    """The events before a day by their moments, whose index leads there; by their numbers the log would be walked from its end."""
    last = AuditEntry.objects.filter(seq=int(after)).values_list("at", flat=True).first() if after.isdecimal() else None
    if last is not None:
        rows = rows.filter(at__lte=last).exclude(at=last, seq__gte=int(after))
    return _page(index, rows.order_by("-at", "-seq"))


def changes(log: AuditLog, about: str = "", after: str = "") -> Found:
    """What changed how the installation works, newest first."""
    index = AuditIndex(log)
    index.catch_up()
    chosen = [begin for begin, name in CHANGES.items() if not about or name == about] or list(CHANGES)
    rows = AuditEntry.objects.filter(reduce(or_, (Q(action__startswith=begin) for begin in chosen)))
    if after.isdecimal():
        rows = rows.filter(seq__lt=int(after))
    return _page(index, rows.order_by("-seq"))


def event(log: AuditLog, seq: int) -> Hit | None:
    """One event of the log."""
    index = AuditIndex(log)
    index.catch_up()
    return next(index.read(AuditEntry.objects.filter(seq=seq)), None)


def _page(index: AuditIndex, rows: QuerySet[AuditEntry]) -> Found:
    hits = list(index.read(rows[: PAGE + 1]))
    return Found(hits[:PAGE], str(hits[PAGE - 1].seq) if len(hits) > PAGE else "")
