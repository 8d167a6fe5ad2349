"""What people do with triggers: switch them off and on, fire them now, and make up for fires that had no run."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction

from retaguarda.agenda.changes import horizon, is_planned, switched_off_by
from retaguarda.agenda.entries import Batch, Entries, active_runs, close, locked
from retaguarda.agenda.stretches import Stretch, oldest
from retaguarda.agenda.verdicts import in_turn, off_before
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import FireState, PlannedFire, TriggerState
from retaguarda.triggers.trigger import Fire, Trigger

MOST = 10_000
"""Fires that are made up for in one go."""

ENDED_WITHOUT = (FireState.MISSED, FireState.SKIPPED)


@dataclass(frozen=True, slots=True)
class WithoutRun:
    """A fire that no run was made for, and what the ledger says of it; nothing when it is older than the ledger."""

    fire: Fire
    state: str
    reason: str


class ByHand:
    """Acts of a named person; each is one transaction with its audit event, as the decisions of a scheduler are."""

    def __init__(self, runs: Runs, clock: Clock) -> None:
        self._clock = clock
        self._entries = Entries(runs)

    def switch(self, trigger: Trigger, *, on: bool, who: str, reason: str = "") -> bool:
        """Switch a trigger on or off, whatever the configuration says; whether that changed anything.

        While it is off its fires are skipped, with who and why; what waited for an earlier run is let go. An obligation
        keeps its rows: one that is switched on again before its deadline is begun in time.
        """
        with transaction.atomic():
            state = _state(trigger)
            if (state.enabled and is_planned(trigger, state)) == on:
                return False
            now = self._clock.now().astimezone(dt.UTC)
            self._close_past(trigger, state, now, who)
            state.enabled, state.changed_by, state.changed_at, state.reason = on, who[:120], now, reason[:150]
            state.save()
            if not on:
                waiting = PlannedFire.objects.filter(trigger=trigger.name, due=None)
                close(trigger.name, waiting, switched_off_by(state), now)
            events.record(f"trigger.{'enabled' if on else 'disabled'}", target=trigger.name, who=who, data={"reason": reason})
            return True

    def fire_now(self, trigger: Trigger, who: str) -> PlannedFire:
        """Fire a trigger at this moment, beside its rule; an obligation's with the parameters of its next deadline.

        ConfigurationError when its earlier run has not ended and the trigger skips such fires.
        """
        with transaction.atomic():
            _state(trigger)
            now = self._clock.now().astimezone(dt.UTC)
            active = active_runs([trigger.name]).get(trigger.name)
            fire = Fire(now, _next_deadline(trigger, now) or now.astimezone(trigger.zone).isoformat(timespec="seconds"))
            verdict = in_turn(trigger, [fire], active.pk if active else "")[0]
            if active is not None and verdict.state == FireState.SKIPPED:
                raise ConfigurationError(
                    f"run {active.pk} of {trigger.name} has not ended", remedy=f"wait for it, or: retaguarda run stop {active.pk}"
                )
            batch = Batch()
            self._entries.enter(batch, trigger, [verdict], now, active, by=who)
            batch.write()
            events.record("trigger.fired", target=trigger.name, who=who, data={"at": now.isoformat()})
            return PlannedFire.objects.select_related("run").get(trigger=trigger.name, at=now)

    def without_run(self, trigger: Trigger, after: dt.datetime, until: dt.datetime) -> list[WithoutRun]:
        """The fires of a past stretch that no run was made for, and that their rule does not refuse.

        ConfigurationError when they are too many for one go.
        """
        fires = [fire for fire in oldest(trigger, after, min(until, self._clock.now().astimezone(dt.UTC)), MOST + 1) if not fire.refusal]
        if len(fires) > MOST:
            raise ConfigurationError(f"more than {MOST} fires lie between these moments", remedy="choose a shorter stretch")
        rows = {row.at: row for row in PlannedFire.objects.filter(trigger=trigger.name, at__gt=after, at__lte=until)}
        open_ones = [fire for fire in fires if fire.at not in rows or rows[fire.at].state in ENDED_WITHOUT]
        return [_told(fire, rows.get(fire.at)) for fire in open_ones]

    def backfill(self, trigger: Trigger, after: dt.datetime, until: dt.datetime, who: str) -> list[WithoutRun]:
        """Make up for these fires: they run one after the other, as runs end, except where the trigger allows overlaps."""
        with transaction.atomic():
            _state(trigger)
            now, found = self._clock.now().astimezone(dt.UTC), self.without_run(trigger, after, until)
            active = active_runs([trigger.name]).get(trigger.name)
            verdicts = in_turn(trigger, [one.fire for one in found], active.pk if active else "", patient=True)
            known = {one.fire.at for one in found if one.state}
            rows = list(PlannedFire.objects.filter(trigger=trigger.name, at__in=known))
            batch = Batch()
            self._entries.settle(batch, trigger, rows, [one for one in verdicts if one.fire.at in known], now, by=who)
            self._entries.enter(batch, trigger, [one for one in verdicts if one.fire.at not in known], now, by=who)
            batch.write()
            facts = {"count": len(found), "after": after.isoformat(), "until": until.isoformat()}
            events.record("trigger.backfilled", target=trigger.name, who=who, data=facts)
        return found

    def _close_past(self, trigger: Trigger, state: TriggerState, now: dt.datetime, who: str) -> None:
        """Fires that nobody decided yet end by what the trigger was until now."""
        covered = state.covered_until
        if trigger.obligation or covered is None or covered >= now or state.rule != trigger.digest:
            return
        if oldest(trigger, covered, now, 1):
            end = FireState.MISSED if state.enabled else FireState.SKIPPED
            reason = off_before(who) if state.enabled else switched_off_by(state)
            state.backlog = [*state.backlog, Stretch(covered, now, end, reason).as_json()]
        state.covered_until = now


def _told(fire: Fire, row: PlannedFire | None) -> WithoutRun:
    return WithoutRun(fire, row.state, row.reason) if row else WithoutRun(fire, "", "")


def _state(trigger: Trigger) -> TriggerState:
    """The trigger's state, this transaction's own."""
    TriggerState.objects.bulk_create([TriggerState(name=trigger.name)], ignore_conflicts=True)
    return locked([trigger.name], wait=True)[trigger.name]


def _next_deadline(trigger: Trigger, now: dt.datetime) -> str:
    """The wall time of an obligation's next deadline; nothing for other triggers."""
    fires = trigger.between(now, horizon(trigger, now)) if trigger.obligation else []
    return fires[0].local if fires else ""
