"""The tallies of days, kept in a table: a day is counted again when the log tells that something of it changed, and all of them at will.

The last days are always counted again. Of older ones a change shows in the log since the last count: an event of a run that was created
then, a match that was undone, an answer that was marked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import Max

from retaguarda.clock import SAO_PAULO
from retaguarda.operations.tally import Tally, moment, tallies
from retaguarda.store.advisory import one_at_a_time
from retaguarda.store.models import DecisionEvent, IndicatorDay, OutboxEvent, RunRecord, Ticket

LOCK = "indicators"
DAY = dt.timedelta(days=1)
FRESH = 10 * DAY
"""Days that are always counted again: an obligation's level changes for eight days after its deadline."""
OVERLAP = dt.timedelta(minutes=15)
"""The log is looked through from so long before the last count: an event has the moment of its making, not that of its commit."""
FORGOTTEN = 7 * DAY
"""After so long without a count every day is counted again."""
STRIDE = 31 * DAY
"""Days that are counted at once."""
BATCH = 500
Told = Callable[[dt.date], object]


def catch_up(first: dt.date, last: dt.date, now: dt.datetime, told: Told = lambda _day: None) -> None:
    """Bring the table up to date for every day from `first` to `last`, in pieces that each hold; `told` gets the day reached."""
    fresh = min(now.astimezone(SAO_PAULO).date() - FRESH, last)
    latest = IndicatorDay.objects.aggregate(at=Max("counted_at"))["at"]
    if latest is None or now - latest > FORGOTTEN:
        IndicatorDay.objects.all().delete()
    else:
        _again(_changed(latest - OVERLAP, moment(fresh)), fresh, last, now)
    known = set(IndicatorDay.objects.filter(day__gte=first).values_list("day", flat=True))
    for start, end in _stretches([day for day in _days(first, last) if day not in known]):
        _count(start, end, now)
        told(end)


def kept(start: dt.date, end: dt.date) -> list[Tally]:
    """The tallies of the days from `start` on and before `end` that are in the table."""
    rows = IndicatorDay.objects.filter(day__gte=start, day__lt=end).order_by("day").values_list("counts", flat=True)
    return [Tally({(kind, name, state): much for kind, name, state, much in counts}) for counts in rows]


def _again(changed: Iterable[dt.date], fresh: dt.date, last: dt.date, now: dt.datetime) -> None:
    """Count the days anew that changed, and the last ones, all of them or none: the moment of the count speaks for all."""
    with transaction.atomic():
        _count(fresh, last + DAY, now)
        held = IndicatorDay.objects.filter(day__in=list(changed), day__lt=fresh).values_list("day", flat=True)
        for day in list(held):
            _count(day, day + DAY, now)


def _count(start: dt.date, end: dt.date, now: dt.datetime) -> None:
    with transaction.atomic():
        one_at_a_time(LOCK)
        found = tallies(start, end)
        IndicatorDay.objects.filter(day__gte=start, day__lt=end).delete()
        rows = ((day, found.get(day, Tally())) for day in _days(start, end - DAY))
        IndicatorDay.objects.bulk_create(
            IndicatorDay(day=day, counts=[[*key, much] for key, much in sorted(tally.items())], counted_at=now) for day, tally in rows
        )


def _changed(since: dt.datetime, before: dt.datetime) -> set[dt.date]:
    """The days before a moment of which the log tells something new."""
    names = OutboxEvent.objects.filter(at__gte=since).values_list("line__run", flat=True)
    moments: list[dt.datetime] = []
    for some in _batches({name for name in names.iterator() if name}):
        moments += RunRecord.objects.filter(pk__in=some, created_at__lt=before).values_list("created_at", flat=True)
    undone = DecisionEvent.objects.filter(action="undone", at__gte=since).values_list("decision", flat=True)
    for some in _batches(set(undone)):
        moments += DecisionEvent.objects.filter(action="made", decision__in=some, at__lt=before).values_list("at", flat=True)
    marked = Ticket.objects.filter(rated_at__gte=since, answered_at__lt=before).values_list("answered_at", flat=True)
    return {at.astimezone(SAO_PAULO).date() for at in [*moments, *(at for at in marked if at)]}


def _batches(some: Iterable[Any]) -> Iterator[list[Any]]:
    ordered = list(some)
    return (ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH))


def _stretches(days: list[dt.date]) -> Iterator[tuple[dt.date, dt.date]]:
    """Days in a row as their first one and the day after their last, none longer than a stride."""
    start, wanted = None, set(days)
    for day in days:
        start = start or day
        if day + DAY - start >= STRIDE or day + DAY not in wanted:
            yield start, day + DAY
            start = None


def _days(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    return (first + number * DAY for number in range((last - first).days + 1))
