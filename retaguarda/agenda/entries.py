"""Verdicts become rows of the ledger, each in one transaction with its run and its audit event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from itertools import groupby
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from retaguarda.agenda.obligations import Level
from retaguarda.agenda.verdicts import AFTER_DEADLINE, Verdict, replaced_by
from retaguarda.audit import events
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import FireState, OutboxEvent, PlannedFire, RunRecord, RunState, TriggerState
from retaguarda.triggers.trigger import Fire, Trigger

ACTIVE = (RunState.PENDING, RunState.RUNNING, RunState.SUSPENDED)
"""States of a run that has not ended."""
_WAITS = FireState.PLANNED
Refusal = Callable[[Trigger], str]
"""Why a run of a trigger must not be made now, e.g. because a certificate ends; nothing when it may."""
Told = Callable[[Trigger, Verdict, str], None]
"""Told of each verdict once it is committed, with its run's id where it has one."""


def locked(names: Iterable[str], *, wait: bool = False) -> dict[str, TriggerState]:
    """The states of these triggers, each this transaction's own: on SQLite with the whole store, on PostgreSQL row by row.

    Without `wait`, those that another scheduler works on are left to it.
    """
    chosen = TriggerState.objects.select_for_update(skip_locked=not wait).filter(name__in=list(names)).order_by("name")
    return {state.name: state for state in chosen}


def active_runs(names: Iterable[str]) -> dict[str, RunRecord]:
    """The run of each of these triggers that has not ended; the latest where there are several."""
    found = RunRecord.objects.filter(trigger__in=list(names), state__in=ACTIVE, parent=None).order_by("created_at")
    return {run.trigger: run for run in found}


def rows_after(states: Iterable[TriggerState], now: dt.datetime) -> dict[str, set[dt.datetime]]:
    """The moments, of each of these triggers, that have a row although they lie after what is decided: people fire, clocks are set back."""
    after = [Q(trigger=state.name, at__gt=state.covered_until or now) for state in states]
    held: dict[str, set[dt.datetime]] = {}
    for name, at in PlannedFire.objects.filter(reduce(or_, after)).values_list("trigger", "at") if after else ():
        held.setdefault(name, set()).add(at)
    return held


def without_row(trigger: Trigger, fires: Sequence[Fire]) -> list[Fire]:
    """Those of the fires that the ledger does not have."""
    if not fires:
        return []
    rows = PlannedFire.objects.filter(trigger=trigger.name, at__gte=fires[0].at, at__lte=fires[-1].at)
    held = set(rows.values_list("at", flat=True))
    return [fire for fire in fires if fire.at not in held]


def close(trigger: str, fires: QuerySet[PlannedFire], reason: str, now: dt.datetime) -> None:
    """Let go of those of the rows that wait, with the reason."""
    count = fires.filter(state=FireState.PLANNED).update(state=FireState.SKIPPED, reason=reason[:200], decided_at=now)
    if count:
        events.record("fire.skipped", target=trigger, data={"count": count, "reason": reason})


def fire_of(row: PlannedFire) -> Fire:
    """The fire that a row is of."""
    return Fire(row.at, row.local, row.due)


@dataclass
class Batch:
    """What one transaction does in the end, all at once: five hundred triggers that come due together are a few statements."""

    acts: list[Callable[[], object]] = field(default_factory=list)  # changes of what is there, before anything new is written
    runs: list[RunRecord] = field(default_factory=list)
    events: list[OutboxEvent] = field(default_factory=list)
    fires: list[PlannedFire] = field(default_factory=list)
    settled: list[PlannedFire] = field(default_factory=list)
    states: list[TriggerState] = field(default_factory=list)
    told: list[Callable[[], object]] = field(default_factory=list)  # once it is committed

    def write(self) -> None:
        """Do and write all of it, in the transaction that is open."""
        for act in self.acts:
            act()
        RunRecord.objects.bulk_create(self.runs)
        OutboxEvent.objects.bulk_create(self.events)
        PlannedFire.objects.bulk_create(self.fires)
        for row in self.settled:
            row.save()
        kept = ["rule", "ruled_since", "covered_until", "backlog"]
        TriggerState.objects.bulk_create(self.states, update_conflicts=True, unique_fields=["name"], update_fields=kept)
        for tell in self.told:
            transaction.on_commit(tell)

    @contextmanager
    def part(self) -> Iterator[None]:
        """What the block put in is taken out again when it fails."""
        lists: tuple[list[Any], ...] = (self.acts, self.runs, self.events, self.fires, self.settled, self.states, self.told)
        lengths, whole = [len(one) for one in lists], False
        try:
            yield
            whole = True
        finally:
            for one, length in zip(lists, lengths, strict=True):
                del one[len(one) if whole else length :]


class Entries:
    """Makes verdicts part of a batch; only inside a transaction that holds the trigger's state."""

    def __init__(self, runs: Runs, told: Told | None = None, refusal: Refusal = lambda _: "") -> None:
        self._runs = runs
        self._told = told
        self._refusal = refusal

    def enter(
        self,
        batch: Batch,
        trigger: Trigger,
        verdicts: Sequence[Verdict],
        now: dt.datetime,
        active: RunRecord | None = None,
        *,
        by: str = "",
    ) -> None:
        """Give each of these fires its row; the store refuses a second row of a fire, and all is undone."""
        verdicts = self._allowed(trigger, verdicts)
        made = [(verdict, self._run(batch, trigger, verdict)) for verdict in verdicts]
        batch.fires += [_row(trigger, verdict, run, now, by) for verdict, run in made]
        self._tell(batch, trigger, made)
        if trigger.overlap == "replace" and not trigger.obligation:
            self._make_room(batch, trigger, verdicts, now, active)

    def settle(
        self, batch: Batch, trigger: Trigger, rows: Sequence[PlannedFire], verdicts: Sequence[Verdict], now: dt.datetime, *, by: str = ""
    ) -> None:
        """Decide rows that the ledger has: those that waited, and, `by` a person, those that had no run."""
        verdicts, by_moment = self._allowed(trigger, verdicts), {row.at: row for row in rows}
        changed = [verdict for verdict in verdicts if (verdict.state, by_moment[verdict.fire.at].state) != (_WAITS, _WAITS)]
        made = [(verdict, self._run(batch, trigger, verdict)) for verdict in changed]
        for verdict, run in made:
            row = by_moment[verdict.fire.at]
            row.state, row.run, row.by = verdict.state, run, by or row.by
            row.decided_at = None if verdict.state == _WAITS else now
            row.reason = (verdict.reason or (AFTER_DEADLINE if row.due and now > row.due else ""))[:200]
            row.level = Level.MISSED if row.due and verdict.state == FireState.MISSED else row.level
            batch.settled.append(row)
        self._tell(batch, trigger, made)

    def _allowed(self, trigger: Trigger, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The verdicts, those that would make a run which could not end well turned into SKIPPED with the reason."""
        runs = any(verdict.state == FireState.RUN for verdict in verdicts)
        why = self._refusal(trigger) if runs else ""
        return [replace(one, state=FireState.SKIPPED, reason=why) if why and one.state == FireState.RUN else one for one in verdicts]

    def _run(self, batch: Batch, trigger: Trigger, verdict: Verdict) -> RunRecord | None:
        if verdict.state != FireState.RUN:
            return None
        run, event = self._runs.prepared(
            trigger.process,
            trigger.inputs(verdict.fire),
            queue=trigger.queue,
            priority=trigger.priority,
            time_limit=trigger.time_limit,
            trigger=trigger.name,
        )
        batch.runs.append(run)
        batch.events.append(event)
        return run

    def _make_room(self, batch: Batch, trigger: Trigger, verdicts: Sequence[Verdict], now: dt.datetime, active: RunRecord | None) -> None:
        """The run that is to be replaced is asked to stop, and what waited for the same is let go."""
        newest = max((verdict for verdict in verdicts if verdict.state in {FireState.RUN, FireState.PLANNED}), key=_moment, default=None)
        if newest is None:
            return
        older = PlannedFire.objects.filter(trigger=trigger.name, at__lt=newest.fire.at)
        batch.acts.append(partial(close, trigger.name, older, replaced_by(trigger, newest.fire), now))
        if active is not None and not active.stop_requested:
            batch.acts.append(partial(self._runs.request_stop, active))

    def _tell(self, batch: Batch, trigger: Trigger, made: Sequence[tuple[Verdict, RunRecord | None]]) -> None:
        """An audit event for each run, and one for all others that ended alike for the same reason."""
        for verdict, run in made:
            told = run.pk if run else ""
            if run is not None:
                facts = {"at": verdict.fire.at.isoformat(), "local": verdict.fire.local, "reason": verdict.reason}
                batch.events.append(events.prepared("fire.run", run=run.pk, target=trigger.name, data=facts))
            if self._told is not None:
                batch.told.append(partial(self._told, trigger, verdict, told))
        others = sorted((verdict for verdict, run in made if run is None), key=lambda verdict: (verdict.state, verdict.reason))
        for (state, reason), alike in groupby(others, key=lambda verdict: (verdict.state, verdict.reason)):
            batch.events.append(_ended_alike(trigger.name, state, reason, [verdict.fire.at for verdict in alike]))


def _ended_alike(trigger: str, state: str, reason: str, moments: Sequence[dt.datetime]) -> OutboxEvent:
    """One audit event for fires that ended alike."""
    facts = {"count": len(moments), "first": min(moments).isoformat(), "last": max(moments).isoformat(), "reason": reason}
    return events.prepared(f"fire.{state.lower()}", target=trigger, data=facts)


def _moment(verdict: Verdict) -> dt.datetime:
    return verdict.fire.at


def _row(trigger: Trigger, verdict: Verdict, run: RunRecord | None, now: dt.datetime, by: str) -> PlannedFire:
    fire = verdict.fire
    return PlannedFire(
        trigger=trigger.name,
        at=fire.at,
        local=fire.local,
        due=fire.due,
        state=verdict.state,
        reason=verdict.reason[:200],
        run=run,
        by=by,
        decided_at=None if verdict.state == FireState.PLANNED else now,
        level=Level.OK if fire.due and verdict.state in {FireState.RUN, FireState.PLANNED} else "",
    )
