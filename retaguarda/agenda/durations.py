"""How long runs of a process take, measured on those that were carried out; waiting for a person is no work."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.db.models import Count

from retaguarda.store.models import Item, Request, RunRecord, RunState

ENOUGH = 8
"""Runs from which on the measurement is believed; below, the configured expectation holds unless a run took longer."""
LATEST = 60
"""Runs that are looked at, the latest first: a portal of last year says little."""
QUANTILE = 0.95
Stretch = tuple[dt.datetime, dt.datetime]
_DONE = (RunState.SUCCESSFUL, RunState.PARTIAL)


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a run may take: the seconds, from how many runs, and whether they were measured or configured."""

    seconds: float
    samples: int
    basis: Literal["measured", "configured"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One run that was carried out."""

    seconds: float
    items: int


def estimated(process: str, prior: dt.timedelta, items_left: int | None = None) -> Estimate:
    """How long the next run of a process may take (P95); with few runs `prior`, or the longest of them if that is more.

    Where it is known how many items are left to do, by the time an item took, but never less than the shortest run.
    """
    samples = samples_of(process)
    if len(samples) < ENOUGH:
        longest = max((sample.seconds for sample in samples), default=0.0)
        return Estimate(max(prior.total_seconds(), longest), len(samples), "configured")
    return Estimate(_expected(samples, items_left), len(samples), "measured")


def measured_p95(process: str, items_left: int | None = None) -> float | None:
    """The P95 of the seconds that runs of a process took; None while fewer than ENOUGH were measured."""
    samples = samples_of(process)
    return _expected(samples, items_left) if len(samples) >= ENOUGH else None


def samples_of(process: str) -> list[Sample]:
    """The latest runs of a process that were carried out to their end at the first try, without simulations."""
    done = RunRecord.objects.filter(process=process, state__in=_DONE, dry_run=False, failures=0, started_at__isnull=False)
    runs = list(done.filter(ended_at__isnull=False).only("started_at", "ended_at").order_by("-created_at")[:LATEST])
    keys = {run.pk for run in runs}
    waits, counts = _waits(keys), dict(Item.objects.filter(run__in=keys).values_list("run").annotate(n=Count("pk")))
    return [Sample(_worked(run, waits[run.pk]), counts.get(run.pk, 0)) for run in runs]


def _worked(run: RunRecord, waits: Sequence[Stretch]) -> float:
    """Seconds from a run's start to its end, without those in which it waited for a person."""
    if run.started_at is None or run.ended_at is None:
        return 0.0
    begun, ended = run.started_at, run.ended_at
    waited = _covered((max(start, begun), min(end, ended)) for start, end in waits)
    return max(0.0, (ended - begun).total_seconds() - waited)


def _waits(runs: set[str]) -> dict[str, list[Stretch]]:
    """When these runs, or a step of them, waited for a person's answer."""
    found: dict[str, list[Stretch]] = {run: [] for run in runs}
    steps = dict(RunRecord.objects.filter(parent__in=runs).values_list("pk", "parent_id"))
    asked = Request.objects.filter(run__in=[*runs, *steps], answered_at__isnull=False)
    for key, start, end in asked.values_list("run_id", "asked_at", "answered_at"):
        for run in runs & {key, steps.get(key) or ""}:
            if end is not None:
                found[run].append((start, end))
    return found


def quantile(values: Sequence[float], share: float = QUANTILE) -> float:
    """The smallest value that so large a share of them does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _expected(samples: Sequence[Sample], items_left: int | None) -> float:
    with_items = [sample for sample in samples if sample.items]
    if items_left is None or len(with_items) < ENOUGH:
        return quantile([sample.seconds for sample in samples])
    an_item = quantile([sample.seconds / sample.items for sample in with_items])
    return max(an_item * items_left, min(sample.seconds for sample in with_items))


def _covered(stretches: Iterable[Stretch]) -> float:
    """Seconds that at least one of these stretches covers."""
    total, reached = 0.0, dt.datetime.min.replace(tzinfo=dt.UTC)
    for start, end in sorted(stretches):
        begin = max(start, reached)
        if end > begin:
            total, reached = total + (end - begin).total_seconds(), end
    return total
