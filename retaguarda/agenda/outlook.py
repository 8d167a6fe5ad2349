"""What people see of triggers: what comes next, how the last fire ended, and what time obligations have."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Count

from retaguarda.agenda.changes import is_planned, switched_off_by
from retaguarda.agenda.entries import fire_of
from retaguarda.agenda.obligations import Level, Standing, Standings
from retaguarda.agenda.stretches import next_fire, oldest
from retaguarda.agenda.verdicts import SWITCHED_OFF_THERE
from retaguarda.agenda.watch import meeting, watched
from retaguarda.clock import Clock
from retaguarda.store.models import FireState, PlannedFire, TriggerState
from retaguarda.triggers.trigger import Fire, Trigger

FARTHEST = dt.timedelta(days=731)
"""How far ahead the next fires of one trigger are looked for."""


@dataclass(frozen=True, slots=True)
class Duty:
    """The obligation of a trigger that is to be met next, or was not met."""

    fire: Fire
    standing: Standing
    level: Level


@dataclass(frozen=True, slots=True)
class Outlook:
    """A trigger as it stands now; `off` says why it plans nothing."""

    trigger: Trigger
    off: str
    following: Fire | None
    last: PlannedFire | None
    waiting: int
    duty: Duty | None


@dataclass(frozen=True, slots=True)
class Preview:
    """A fire to come."""

    trigger: Trigger
    fire: Fire
    standing: Standing | None
    off: str


def outlooks(triggers: Mapping[str, Trigger], clock: Clock) -> list[Outlook]:
    """Every trigger of the configuration, by name."""
    now, standings = clock.now().astimezone(dt.UTC), Standings(clock)
    states = {state.name: state for state in TriggerState.objects.filter(name__in=list(triggers))}
    waiting = _waiting(triggers)
    return [_outlook(triggers[name], states.get(name), waiting.get(name, 0), standings, now) for name in sorted(triggers)]


def _waiting(names: Collection[str]) -> dict[str, int]:
    """How many planned fires each of these triggers has, obligations left out."""
    rows = PlannedFire.objects.filter(trigger__in=list(names), state=FireState.PLANNED, due=None)
    return dict(rows.order_by().values_list("trigger").annotate(n=Count("pk")))


def _outlook(trigger: Trigger, state: TriggerState | None, waiting: int, standings: Standings, now: dt.datetime) -> Outlook:
    rows = PlannedFire.objects.filter(trigger=trigger.name)
    off = _off(trigger, state)
    return Outlook(
        trigger=trigger,
        off=off,
        following=None if off else next_fire(trigger, now),
        last=rows.exclude(state=FireState.PLANNED).select_related("run").order_by("-at").first(),
        waiting=waiting,
        duty=_duty(trigger, standings, now) if trigger.obligation else None,
    )


def _off(trigger: Trigger, state: TriggerState | None) -> str:
    if state is not None and not state.enabled:
        return switched_off_by(state)
    return "" if is_planned(trigger, state) else SWITCHED_OFF_THERE


def _duty(trigger: Trigger, standings: Standings, now: dt.datetime) -> Duty | None:
    """The oldest obligation that no run has met, or the next one where the ledger has none yet."""
    row = watched(now).filter(trigger=trigger.name).order_by("at").first()
    fire = fire_of(row) if row else next_fire(trigger, now)
    if fire is None:
        return None
    standing = standings.of(trigger, fire)
    return Duty(fire, standing, standing.level(now, meeting(row) if row else None))


def only_planned(triggers: Mapping[str, Trigger]) -> tuple[list[Trigger], list[str]]:
    """The triggers that are planned, and the names of those that the configuration has switched off."""
    states = {state.name: state for state in TriggerState.objects.filter(name__in=list(triggers))}
    chosen = [trigger for name, trigger in triggers.items() if is_planned(trigger, states.get(name))]
    return chosen, sorted(triggers.keys() - {trigger.name for trigger in chosen})


def preview(triggers: Sequence[Trigger], clock: Clock, until: dt.datetime) -> list[Preview]:
    """Every fire up to a moment, in order, those included that the rule refuses or that a switched-off trigger will not make."""
    now, standings = clock.now().astimezone(dt.UTC), Standings(clock)
    states = {state.name: state for state in TriggerState.objects.filter(name__in=[trigger.name for trigger in triggers])}
    found = [one for trigger in triggers for one in _to_come(trigger, states.get(trigger.name), standings, now, until)]
    return sorted(found, key=lambda one: (one.fire.at, one.trigger.name))


def next_fires(trigger: Trigger, clock: Clock, count: int = 10) -> list[Preview]:
    """The next fires of a trigger that may be in no file yet, those that its rule refuses included."""
    now, standings = clock.now().astimezone(dt.UTC), Standings(clock)
    end = min(now + FARTHEST, trigger.known_until(now))
    found = oldest(trigger, now, end, count, dt.timedelta(hours=1))
    return [Preview(trigger, fire, standings.of(trigger, fire) if fire.due else None, "") for fire in found]


def _to_come(trigger: Trigger, state: TriggerState | None, standings: Standings, now: dt.datetime, until: dt.datetime) -> Iterator[Preview]:
    off = _off(trigger, state)
    for fire in trigger.between(now, min(until, trigger.known_until(now))):
        yield Preview(trigger, fire, standings.of(trigger, fire) if fire.due else None, off)
