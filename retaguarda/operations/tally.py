"""What indicators are made of, counted in the tables day by day: counts and sums that add up to those of any period."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from retaguarda.clock import SAO_PAULO
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.store.models import DecisionEvent, FireState, Intent, Item, ItemState, PlannedFire, RunRecord, RunState, Ticket

FAILED = (ItemState.FAILED_BUSINESS, ItemState.FAILED_APPLICATION, ItemState.UNCERTAIN, ItemState.ABANDONED)
SECONDS, TIMED, MATCHED, DEADLINES, MARGIN, TICKETS = "seconds", "timed", "matched", "deadlines", "margin", "tickets"
Line = tuple[dt.date, str, str, str, Any]
"""A day, what was counted, of what, in which state, and how much."""


class Tally(Counter[tuple[str, str, str]]):
    """How many of what, of which name, in which state; sums of seconds stand among them."""

    def by_name(self, kind: str) -> dict[str, Counter[str]]:
        """The counts of one kind by name, then by state."""
        found: dict[str, Counter[str]] = {}
        for (counted, name, state), count in sorted(self.items()):
            if counted == kind:
                found.setdefault(name, Counter())[state] += count
        return found


def together(some: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    total = Tally()
    for one in some:
        total.update(one)
    return total


def moment(day: dt.date) -> dt.datetime:
    """The first moment of a day in São Paulo."""
    return dt.datetime.combine(day, dt.time(), SAO_PAULO)


def tallies(start: dt.date, end: dt.date) -> dict[dt.date, Tally]:
    """What each day from `start` on and before `end` comes to; days on which nothing was counted are left out."""
    found: dict[dt.date, Tally] = defaultdict(Tally)
    for day, kind, name, state, much in _lines(moment(start), moment(end)):
        if much:
            amount: Any = much.total_seconds() if isinstance(much, dt.timedelta) else much
            found[day][kind, name, state] += amount
    return dict(found)


def _lines(since: dt.datetime, until: dt.datetime) -> Iterator[Line]:
    processes = list(RunRecord.objects.order_by().values_list("process", flat=True).distinct())  # by them the index finds a time
    runs = RunRecord.objects.filter(created_at__gte=since, created_at__lt=until, process__in=processes, dry_run=False)
    yield from _runs(runs)
    yield from _items(runs)
    acts = Intent.objects.filter(at__gte=since, at__lt=until)
    yield from (
        (day, "portals", name, state, count) for day, name, state, count in _by_day(acts, "at", "portal", "state").annotate(n=Count("pk"))
    )
    yield from _matches(since, until)
    yield from _deadlines(since, until)
    yield from _tickets(since, until)


def _runs(runs: QuerySet[RunRecord]) -> Iterator[Line]:
    for day, name, state, count in _by_day(runs, "created_at", "process", "state").annotate(n=Count("pk")):
        yield day, "runs", name, state, count
    length = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    done = runs.filter(state__in=(RunState.SUCCESSFUL, RunState.PARTIAL), started_at__isnull=False, ended_at__isnull=False)
    for day, name, total, count in _by_day(done, "created_at", "process").annotate(total=Sum(length), n=Count("pk")):
        yield day, SECONDS, name, "", total
        yield day, TIMED, name, "", count


def _items(runs: QuerySet[RunRecord]) -> Iterator[Line]:
    items = Item.objects.filter(run__in=runs.order_by().values("pk"))
    for day, name, state, count in _by_day(items, "run__created_at", "run__process", "state").annotate(n=Count("pk")):
        yield day, "items", name, state, count
    failed = items.filter(state__in=FAILED).exclude(code="")
    for day, code, count in _by_day(failed, "run__created_at", "code").annotate(n=Count("pk")):
        yield day, "reasons", code, "", count


def _matches(since: dt.datetime, until: dt.datetime) -> Iterator[Line]:
    """Lines that were decided, and those that the engine booked by itself and nobody took back."""
    made = DecisionEvent.objects.filter(action="made", at__gte=since, at__lt=until)
    decisions, auto = Count("decision", distinct=True), Q(reason=Verdict.AUTO)
    for day, total, booked in _by_day(made, "at").annotate(total=decisions, auto=Count("decision", distinct=True, filter=auto)):
        yield day, MATCHED, "total", "", total
        yield day, MATCHED, "auto", "", booked
    undone = DecisionEvent.objects.filter(action="undone").order_by().values("decision")
    for day, count in _by_day(made.filter(auto, decision__in=undone), "at").annotate(n=decisions):
        yield day, MATCHED, "auto", "", -count


def _deadlines(since: dt.datetime, until: dt.datetime) -> Iterator[Line]:
    rows = PlannedFire.objects.filter(at__gte=since, at__lt=until, due__isnull=False).exclude(state=FireState.SKIPPED)
    for day, level, count in _by_day(rows, "at", "level").annotate(n=Count("pk")):
        yield day, DEADLINES, level, "", count
    left = ExpressionWrapper(F("due") - F("run__ended_at"), output_field=DurationField())
    ended = rows.filter(level__in=("met", "late"), run__ended_at__isnull=False)
    for day, total, count in _by_day(ended, "at").annotate(total=Sum(left), n=Count("pk")):
        yield day, MARGIN, "seconds", "", total
        yield day, MARGIN, "ended", "", count


def _tickets(since: dt.datetime, until: dt.datetime) -> Iterator[Line]:
    answered = Ticket.objects.filter(answered_at__gte=since, answered_at__lt=until)
    late = Count("pk", filter=Q(answered_at__gt=F("due_at")))
    counts = {"answered": Count("pk"), "late": late, "marked": Count("satisfaction"), "marks": Sum("satisfaction")}
    for day, *found in _by_day(answered, "answered_at").annotate(**counts):
        yield from ((day, TICKETS, name, "", much) for name, much in zip(counts, found, strict=True))


def _by_day(rows: QuerySet[Any], at: str, *names: str) -> QuerySet[Any]:
    """Rows by the day of a moment in São Paulo, then by these columns."""
    found: QuerySet[Any] = rows.order_by().annotate(day=TruncDate(at, tzinfo=SAO_PAULO)).values_list("day", *names)
    return found
