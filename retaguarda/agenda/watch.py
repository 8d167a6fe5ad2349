"""Watches obligations until a run has met them: each change for the worse, or to the good, is an audit event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import models, transaction

from retaguarda.agenda.entries import fire_of
from retaguarda.agenda.obligations import OVER, Level, Standing, Standings
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.store.models import FireState, PlannedFire, RunRecord, RunState
from retaguarda.triggers.trigger import Trigger

LOOK_SECONDS = 10
KEEP = dt.timedelta(days=8)
"""How long an obligation is watched after its deadline, for a run that still succeeds."""


class Watch:
    """The obligations whose rows are in the ledger."""

    def __init__(self, clock: Clock, standings: Standings) -> None:
        self._clock = clock
        self._standings = standings
        self._next = -float("inf")

    def look(self, planned: Mapping[str, Trigger], now: dt.datetime) -> None:
        """Write down what level each obligation has come to; several may look, each change is told once."""
        if self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + LOOK_SECONDS
        for row in watched(now).filter(trigger__in=list(planned)):
            standing = self._standings.of(planned[row.trigger], fire_of(row))
            run = meeting(row)
            level = standing.level(now, run)
            if level != row.level:
                _note(row, level, standing, run, now)


def watched(now: dt.datetime) -> models.QuerySet[PlannedFire]:
    """Rows of obligations that no run has met yet."""
    rows = PlannedFire.objects.filter(at__gt=now - KEEP, state__in=[FireState.PLANNED, FireState.RUN]).exclude(due=None)
    return rows.exclude(level__in=OVER).select_related("run")


def meeting(row: PlannedFire) -> RunRecord | None:
    """The run that is to meet an obligation: its own, or one with the same parameters that succeeded after it."""
    if row.run is None or row.run.state == RunState.SUCCESSFUL:
        return row.run
    later = RunRecord.objects.filter(trigger=row.trigger, state=RunState.SUCCESSFUL, created_at__gt=row.run.created_at).order_by(
        "created_at"
    )
    return next((run for run in later if run.params == row.run.params), row.run)


def _note(row: PlannedFire, level: Level, standing: Standing, run: RunRecord | None, now: dt.datetime) -> None:
    with transaction.atomic():
        if PlannedFire.objects.filter(pk=row.pk, level=row.level).update(level=level):
            left = round(standing.open_left(now).total_seconds())
            facts = {"due": standing.due.isoformat(), "safe_start": standing.safe_start.isoformat(), "seconds_left": left}
            events.record(f"obligation.{level}", run=run.pk if run else "", target=row.trigger, data=facts)
