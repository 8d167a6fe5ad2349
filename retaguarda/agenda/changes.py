"""What changes under the ledger: rules, triggers that come and go, clocks that are set back. What is past is never rewritten."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from retaguarda.agenda.entries import Batch, close, locked
from retaguarda.agenda.obligations import LEAD, Level
from retaguarda.agenda.stretches import Stretch, cut
from retaguarda.agenda.verdicts import REMOVED, RULE_CHANGED, SWITCHED_OFF_THERE, off_by
from retaguarda.audit import events
from retaguarda.errors import ConfigurationError
from retaguarda.store.models import FireState, PlannedFire, TriggerState
from retaguarda.triggers.trigger import Trigger


def lead_of(trigger: Trigger) -> dt.timedelta:
    """How far ahead of now the rows of a trigger reach: an obligation is begun before its moment, all others at it."""
    return LEAD if trigger.obligation else dt.timedelta()


def horizon(trigger: Trigger, now: dt.datetime) -> dt.datetime:
    """Up to when an obligation's deadlines get their rows: the lead, or the end of its calendar.

    ConfigurationError when the calendar has ended already.
    """
    trigger.between(now, now + dt.timedelta(days=1))
    return min(now + LEAD, trigger.known_until(now))


def adopt(trigger: Trigger, state: TriggerState, now: dt.datetime, agreed: str, batch: Batch) -> dt.datetime:
    """The moment from which on the trigger's fires are to be decided; a rule that is new is taken up.

    A trigger that was not there begins now; a changed rule begins where the old one's fires were last decided, so that
    fires of a time without a scheduler are told by the new rule. ConfigurationError when the rule that this scheduler and
    the store had `agreed` on was changed by another one: two would undo each other's plans for ever.
    """
    if state.covered_until is not None and state.rule == trigger.digest:
        return state.covered_until + lead_of(trigger)
    if agreed == trigger.digest:
        raise ConfigurationError(
            f"another scheduler follows another rule of {trigger.name}",
            remedy="give every scheduler the same config/triggers.toml, then restart them",
        )
    since = now
    if state.covered_until is not None and state.rule:
        since = min(now, state.covered_until)
        batch.acts.append(partial(close, trigger.name, _withdrawn(trigger, now), RULE_CHANGED, now))
    state.rule, state.ruled_since, state.covered_until = trigger.digest, since, since
    facts = {"rule": trigger.rule, "digest": trigger.digest, "since": since.isoformat()}
    batch.events.append(events.prepared("trigger.planned", target=trigger.name, data=facts))
    return since


def _withdrawn(trigger: Trigger, now: dt.datetime) -> QuerySet[PlannedFire]:
    """What an older rule planned of moments to come, and this one does not."""
    kept = [fire.at for fire in trigger.between(now, horizon(trigger, now))] if trigger.obligation else []
    return PlannedFire.objects.filter(trigger=trigger.name, at__gt=now).exclude(at__in=kept)


def retire(state: TriggerState, now: dt.datetime, *, removed: bool) -> None:
    """A trigger that the configuration no longer has, or has switched off, plans nothing more."""
    reason = REMOVED if removed else SWITCHED_OFF_THERE
    close(state.name, PlannedFire.objects.filter(trigger=state.name), reason, now)
    covered = state.covered_until.isoformat() if state.covered_until else ""
    events.record("trigger.withdrawn", target=state.name, data={"reason": reason, "covered_until": covered})
    state.rule = ""
    state.save()


def rewind(until: dt.datetime, now: dt.datetime) -> None:
    """The clock was set back, and all is decided up to `until` only.

    What was decided of moments that have not come yet is void, except runs, which stay what they are.
    """
    ahead = TriggerState.objects.filter(covered_until__gt=until).values_list("name", flat=True)
    for name in list(ahead):
        with transaction.atomic():
            for state in locked([name], wait=True).values():
                _rewind_one(state, until, now)


def _rewind_one(state: TriggerState, until: dt.datetime, now: dt.datetime) -> None:
    future = PlannedFire.objects.filter(trigger=state.name, at__gt=now)
    planned = future.filter(state=FireState.MISSED).exclude(due=None)
    again = planned.update(state=FireState.PLANNED, reason="", decided_at=None, level=Level.OK)
    void, _ = future.filter(due=None, state__in=[FireState.MISSED, FireState.SKIPPED]).delete()
    state.backlog = [stretch.as_json() for stretch in cut([Stretch.read(one) for one in state.backlog], until)]
    state.covered_until = until
    state.ruled_since = min(state.ruled_since or until, until)
    state.save()
    events.record("trigger.rewound", target=state.name, data={"until": until.isoformat(), "decisions": again + void})


def is_planned(trigger: Trigger, state: TriggerState | None) -> bool:
    """Whether a trigger's fires are planned: the configuration has it on, or a person switched it on."""
    return trigger.enabled or (state is not None and state.changed_at is not None and state.enabled)


def switched_off_by(state: TriggerState) -> str:
    """Why the fires of a trigger that a person switched off are skipped."""
    return off_by(state.changed_by, state.reason)
