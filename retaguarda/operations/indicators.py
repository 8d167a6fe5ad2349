"""Indicators by week or month, counted in the tables alone: whoever counts again finds the same.

A run belongs to the period in which it was created, an item to its run's, a press to the one in which it was made, a match to the one
in which it was decided first, a deadline to the one in which it was due, a request from another area to the one of its answer. Breaks
are told as they stood at the end of each period.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Q

from retaguarda.clock import SAO_PAULO
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.settings import IndicatorSettings
from retaguarda.store.models import (
    BreakRecord,
    DecisionEvent,
    FireState,
    Intent,
    IntentState,
    Item,
    ItemState,
    PlannedFire,
    RunRecord,
    RunState,
    Ticket,
)

Grain = Literal["week", "month"]
AGES = ((2, "up to 2 days"), (7, "3 to 7 days"), (30, "8 to 30 days"), (10**6, "more than 30 days"))
"""Ages of open breaks: the last day of each class, and what it is called."""
REASONS = 12
"""Reasons that are told, the most frequent ones."""
FAILED = (ItemState.FAILED_BUSINESS, ItemState.FAILED_APPLICATION, ItemState.UNCERTAIN, ItemState.ABANDONED)


@dataclass(frozen=True, slots=True)
class Share:
    """How many went well of how many, and how many failed."""

    total: int
    good: int
    bad: int

    @property
    def rate(self) -> float | None:
        """The share that went well; None of nothing."""
        return self.good / self.total if self.total else None


@dataclass(frozen=True)
class Figures:
    """The figures of one period."""

    start: dt.date
    end: dt.date
    """The day after its last."""
    runs: Mapping[str, Share]
    """By process, steps included: completed, and failed, stopped or timed out."""
    seconds: Mapping[str, float]
    """Mean time from start to end of the runs that completed, by process."""
    items: Mapping[str, Share]
    """By process."""
    portals: Mapping[str, Share]
    """Presses by portal: proven, and refused or uncertain."""
    reasons: Mapping[str, int]
    """Items that did not go well, by the code of their reason."""
    matched: Share
    """Lines that the engine booked by itself, of all that were decided or proposed."""
    hours_saved: float
    deadlines: Share
    """Obligations that were due: met, and missed or late."""
    margin_hours: float | None
    """Mean time between the end of the run that met an obligation and its deadline."""
    breaks: Mapping[str, int] = field(default_factory=dict)
    """Breaks that were open at its end, by age."""
    tickets: Share = Share(0, 0, 0)
    """Requests from other areas that were answered: in the agreed time, and later."""
    satisfaction: float | None = None
    """Mean of the marks, from 1 to 5, that were given to those answers."""

    @property
    def handled(self) -> Share:
        """All items together."""
        return _together(self.items.values())

    @property
    def mean_seconds(self) -> float | None:
        """The mean handling time of all runs that completed."""
        counted = [(self.runs[name].good, seconds) for name, seconds in self.seconds.items() if name in self.runs]
        total = sum(count for count, _ in counted)
        return sum(count * seconds for count, seconds in counted) / total if total else None


def figures(settings: IndicatorSettings, today: dt.date, grain: Grain, count: int) -> list[Figures]:
    """The figures of the latest periods, the oldest first; the last one is not over."""
    processes = list(RunRecord.objects.order_by().values_list("process", flat=True).distinct())  # by them the index finds a time
    return [_of(settings, processes, start, end) for start, end in periods(today, grain, count)]


def periods(today: dt.date, grain: Grain, count: int) -> list[tuple[dt.date, dt.date]]:
    """The first day of each of the latest weeks or months, and of the one after it."""
    start = today - dt.timedelta(days=today.weekday()) if grain == "week" else today.replace(day=1)
    starts = [start]
    while len(starts) < count:
        before = starts[-1] - dt.timedelta(days=1)
        starts.append(starts[-1] - dt.timedelta(days=7) if grain == "week" else before.replace(day=1))
    after = start + dt.timedelta(days=7) if grain == "week" else (start + dt.timedelta(days=32)).replace(day=1)
    return list(zip(reversed(starts), [*list(reversed(starts))[1:], after], strict=True))


def as_values(found: Sequence[Figures]) -> list[dict[str, Any]]:
    """Figures for programs."""
    return [_plain(one) for one in found]


def _plain(one: Figures) -> dict[str, Any]:
    told = asdict(one) | {"start": f"{one.start}", "end": f"{one.end}", "mean_seconds": one.mean_seconds}
    for name in ("runs", "items", "portals"):
        told[name] = {key: asdict(share) | {"rate": share.rate} for key, share in getattr(one, name).items()}
    for name in ("matched", "deadlines", "tickets"):
        told[name] = asdict(getattr(one, name)) | {"rate": getattr(one, name).rate}
    return told


def _of(settings: IndicatorSettings, processes: list[str], start: dt.date, end: dt.date) -> Figures:
    since, until = _moment(start), _moment(end)
    runs = RunRecord.objects.filter(created_at__gte=since, created_at__lt=until, process__in=processes, dry_run=False)
    items = _items(runs)
    return Figures(
        start=start,
        end=end,
        runs=_runs(runs),
        seconds=_seconds(runs),
        items={name: _share(states, (ItemState.SUCCESSFUL,), FAILED) for name, states in items.items()},
        portals=_portals(since, until),
        reasons=_reasons(runs),
        matched=_matched(since, until),
        hours_saved=_hours_saved(settings, items),
        **_deadlines(since, until),
        breaks=_breaks(until),
        **_tickets(since, until),
    )


def _runs(runs: Any) -> dict[str, Share]:
    counted = _by_first(runs.order_by().values_list("process", "state").annotate(n=Count("pk")))
    bad = (RunState.FAULTED, RunState.STOPPED, RunState.TIMED_OUT)
    return {name: _share(states, (RunState.SUCCESSFUL, RunState.PARTIAL), bad) for name, states in counted.items()}


def _seconds(runs: Any) -> dict[str, float]:
    length = ExpressionWrapper(F("ended_at") - F("started_at"), output_field=DurationField())
    done = runs.filter(state__in=(RunState.SUCCESSFUL, RunState.PARTIAL), started_at__isnull=False, ended_at__isnull=False)
    rows = done.order_by().values_list("process").annotate(mean=Avg(length))
    return {name: mean.total_seconds() for name, mean in rows if mean is not None}


def _items(runs: Any) -> dict[str, Counter[str]]:
    rows = Item.objects.filter(run__in=runs.order_by().values("pk")).order_by().values_list("run__process", "state").annotate(n=Count("pk"))
    return _by_first(rows)


def _reasons(runs: Any) -> dict[str, int]:
    rows = Item.objects.filter(run__in=runs.order_by().values("pk"), state__in=FAILED).exclude(code="")
    counted = rows.order_by().values_list("code").annotate(n=Count("pk"))
    return dict(counted.order_by("-n", "code")[:REASONS])


def _portals(since: dt.datetime, until: dt.datetime) -> dict[str, Share]:
    rows = Intent.objects.filter(at__gte=since, at__lt=until).order_by().values_list("portal", "state").annotate(n=Count("pk"))
    bad = (IntentState.REFUSED, IntentState.UNCERTAIN, IntentState.CONFLICT, IntentState.NOT_SENT)
    return {name: _share(states, (IntentState.DONE,), bad) for name, states in _by_first(rows).items()}


def _matched(since: dt.datetime, until: dt.datetime) -> Share:
    made = DecisionEvent.objects.filter(action="made", at__gte=since, at__lt=until)
    found = made.aggregate(total=Count("decision", distinct=True), auto=Count("decision", distinct=True, filter=Q(reason=Verdict.AUTO)))
    undone = DecisionEvent.objects.filter(action="undone", decision__events__in=made.filter(reason=Verdict.AUTO))
    taken_back = undone.values("decision").distinct().count()
    return Share(found["total"], found["auto"] - taken_back, found["total"] - found["auto"] + taken_back)


def _hours_saved(settings: IndicatorSettings, items: Mapping[str, Counter[str]]) -> float:
    """Items that went well, by the minutes that a person is assumed to take for one."""
    minutes = (counts[ItemState.SUCCESSFUL] * settings.minutes.get(name, settings.minutes_by_hand) for name, counts in items.items())
    return round(sum(minutes) / 60, 2)


def _deadlines(since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    rows = PlannedFire.objects.filter(at__gte=since, at__lt=until, due__isnull=False).exclude(state=FireState.SKIPPED)
    levels = Counter(dict(rows.order_by().values_list("level").annotate(n=Count("pk"))))
    left = ExpressionWrapper(F("due") - F("run__ended_at"), output_field=DurationField())
    mean = rows.filter(level__in=("met", "late"), run__ended_at__isnull=False).aggregate(mean=Avg(left))["mean"]
    bad = levels["missed"] + levels["late"]
    margin = None if mean is None else round(mean.total_seconds() / 3600, 2)
    return {"deadlines": Share(levels["met"] + bad, levels["met"], bad), "margin_hours": margin}


def _breaks(until: dt.datetime) -> dict[str, int]:
    """How old the breaks were that were open at that moment, or are now when it has not come."""
    until = min(until, dt.datetime.now(SAO_PAULO))
    rows = BreakRecord.objects.filter(opened_at__lt=until).filter(Q(closed_at=None) | Q(closed_at__gte=until))
    found, newest = {}, until
    for last, name in AGES:
        oldest = until - dt.timedelta(days=last + 1) if last < AGES[-1][0] else None
        some = rows.filter(opened_at__lt=newest) if newest is not until else rows
        found[name] = some.filter(opened_at__gte=oldest).count() if oldest else some.count()
        newest = oldest or newest
    return found


def _tickets(since: dt.datetime, until: dt.datetime) -> dict[str, Any]:
    answered = Ticket.objects.filter(answered_at__gte=since, answered_at__lt=until)
    late = Count("pk", filter=Q(answered_at__gt=F("due_at")))
    found = answered.aggregate(total=Count("pk"), late=late, mean=Avg("satisfaction"))
    mean = None if found["mean"] is None else round(float(found["mean"]), 2)
    return {"tickets": Share(found["total"], found["total"] - found["late"], found["late"]), "satisfaction": mean}


def _by_first(rows: Iterable[tuple[str, str, int]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for name, state, count in rows:
        found.setdefault(name, Counter())[state] += count
    return dict(sorted(found.items()))


def _share(states: Counter[str], good: Iterable[str], bad: Iterable[str]) -> Share:
    return Share(states.total(), sum(states[state] for state in good), sum(states[state] for state in bad))


def _together(shares: Iterable[Share]) -> Share:
    total = list(shares)
    return Share(sum(one.total for one in total), sum(one.good for one in total), sum(one.bad for one in total))


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), SAO_PAULO)
