"""What the first page counts: each by an index, none over more than a few days."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db.models import Case, Count, Value, When

from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries.runs import Row
from retaguarda.console.web.queries.runs import counted as with_counts
from retaguarda.jobs.journal import UNRESOLVED
from retaguarda.store.models import Alert, FireState, Intent, PlannedFire, Request, RequestState, RunRecord, RunState

SHOWN = 12
"""Rows of each short list."""
MANY = 1000
"""Counted at most: beyond, the exact number changes nothing."""
DAYS = 14
_FAILED = (RunState.FAULTED, RunState.TIMED_OUT)
_TONES = {
    RunState.SUCCESSFUL: "good",
    RunState.PARTIAL: "warn",
    RunState.STOPPED: "warn",
    RunState.FAULTED: "bad",
    RunState.TIMED_OUT: "bad",
}
TONES = ("good", "warn", "bad", "info")


@dataclass(frozen=True)
class Figures:
    """How many runs are in which state now, how many fires come and were missed, and how much waits for people."""

    running: int
    waiting: int
    parked: int
    failed: int
    planned: int
    missed: int
    questions: int
    uncertain: int


def figures(now: dt.datetime) -> Figures:
    """The figures of this moment; failures and missed fires are those of the last 24 hours, plans those of the next."""
    day = dt.timedelta(days=1)
    roots = RunRecord.objects.filter(parent=None)
    fires = PlannedFire.objects.filter(at__gte=now - day, at__lte=now + day)
    return Figures(
        running=_count(roots.filter(state=RunState.RUNNING)),
        waiting=_count(roots.filter(state=RunState.PENDING)),
        parked=_count(roots.filter(state=RunState.SUSPENDED)),
        failed=_count(roots.filter(state__in=_FAILED, created_at__gte=now - day)),
        planned=_count(fires.filter(state=FireState.PLANNED, at__gte=now)),
        missed=_count(fires.filter(state=FireState.MISSED, at__lte=now)),
        questions=_count(Request.objects.filter(state=RequestState.OPEN)),
        uncertain=_count(Intent.objects.filter(state__in=UNRESOLVED)),
    )


def _count(rows: object) -> int:
    return len(rows.order_by().values_list("state", flat=True)[:MANY])  # type: ignore[attr-defined]


def at_work() -> list[Row]:
    """Runs that work, wait in a queue or wait for a person, the oldest first."""
    states = (RunState.RUNNING, RunState.SUSPENDED, RunState.PENDING)
    return with_counts(list(RunRecord.objects.filter(parent=None, state__in=states).defer("result").order_by("created_at")[:SHOWN]))


def gone_wrong(now: dt.datetime) -> list[Row]:
    """Runs of the last day that failed, the newest first."""
    since = now - dt.timedelta(days=1)
    chosen = RunRecord.objects.filter(parent=None, state__in=(*_FAILED, RunState.PARTIAL), created_at__gte=since)
    return with_counts(list(chosen.defer("result").order_by("-created_at")[:SHOWN]))


def to_come(now: dt.datetime) -> list[PlannedFire]:
    """What is planned next."""
    return list(PlannedFire.objects.filter(state=FireState.PLANNED, at__gte=now - dt.timedelta(days=1)).order_by("at")[:SHOWN])


def alerts() -> list[Alert]:
    """What is wrong, the gravest first."""
    order = {"critical": 0, "warning": 1, "info": 2}
    found = list(Alert.objects.filter(recovered_at=None).order_by("-last_at")[:MANY])
    return sorted(found, key=lambda alert: order.get(alert.severity, 3))[:SHOWN]


@dataclass(frozen=True)
class Day:
    """How the runs of a day ended: counts by tone."""

    day: dt.date
    counts: Counter[str]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.counts.values())


def pulse(now: dt.datetime) -> list[Day]:
    """The last two weeks, day by day: one walk over an index, each moment compared with the days' first ones.

    Turning each row's moment into its day would cost more, and so would a question for each day.
    """
    today = now.astimezone(SAO_PAULO).date()
    starts = [dt.datetime.combine(today - dt.timedelta(days=back), dt.time(), SAO_PAULO) for back in range(DAYS)]  # the latest first
    runs = RunRecord.objects.filter(parent=None, created_at__gte=starts[-1], created_at__lt=starts[0] + dt.timedelta(days=1))
    back = Case(*(When(created_at__gte=start, then=Value(number)) for number, start in enumerate(starts)))
    counts = [Counter[str]() for _ in starts]
    for number, state, count in runs.order_by().annotate(back=back).values_list("back", "state").annotate(n=Count("pk")):
        counts[number][_TONES.get(RunState(state), "info")] += count
    return [Day(start.date(), counted) for start, counted in reversed(list(zip(starts, counts, strict=True)))]
