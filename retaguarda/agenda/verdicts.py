"""What becomes of a trigger's fires, by its policies for missed and overlapping ones; and every reason that the ledger gives. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from retaguarda.store.models import FireState
from retaguarda.triggers.trigger import Fire, Trigger

ON_TIME = dt.timedelta(seconds=60)
"""A fire that is decided within so long of its moment was not missed, whatever the policy for missed ones."""
AT_ONCE = 50
"""Runs that one tick makes of one trigger; more of them wait for the next ticks."""
REMOVED = "the trigger was removed from the configuration"
SWITCHED_OFF_THERE = "switched off in the configuration"
RULE_CHANGED = "the rule changed before it was due"
WITHDRAWN = (REMOVED, SWITCHED_OFF_THERE, RULE_CHANGED)
"""Reasons that hold until the rule plans the same moment again."""
AFTER_DEADLINE = "begun after its deadline"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a fire: RUN, SKIPPED and MISSED are ends; PLANNED waits for an earlier run to end."""

    fire: Fire
    state: FireState
    reason: str = ""


def judged(trigger: Trigger, fires: Sequence[Fire], now: dt.datetime, active: str = "") -> list[Verdict]:
    """A verdict for each fire, in their order; `active` is the trigger's run that has not ended, where there is one."""
    refused = [Verdict(fire, FireState.SKIPPED, fire.refusal) for fire in fires if fire.refusal]
    missed, wanted = made_up(trigger, [fire for fire in fires if not fire.refusal], now)
    return sorted([*refused, *missed, *in_turn(trigger, wanted, active)], key=lambda verdict: verdict.fire.at)


def replaced_by(trigger: Trigger, fire: Fire) -> str:
    """Why a fire is skipped that a later one makes superfluous."""
    return f"replaced by the fire of {_day(trigger, fire.at)}"


def off_by(who: str, why: str) -> str:
    """Why the fires of a trigger that a person switched off are skipped."""
    return f"switched off by {who}" + (f": {why}" if why else "")


def off_before(who: str) -> str:
    """Why a fire that was missed is not made up for any more."""
    return f"switched off by {who} before it was made up for"


def switched_off(fires: Sequence[Fire], reason: str) -> list[Verdict]:
    """The verdicts while a person has the trigger switched off."""
    return [Verdict(fire, FireState.SKIPPED, fire.refusal or reason) for fire in fires]


def made_up(trigger: Trigger, fires: Sequence[Fire], now: dt.datetime) -> tuple[list[Verdict], list[Fire]]:
    """The fires that came too late to be made up for, and those that are to run: on time, or by the policy for missed ones."""
    reasons = {fire: missed_reason(trigger, fire.at, fires[-1].at, now) for fire in fires}
    missed = [Verdict(fire, FireState.MISSED, reason) for fire, reason in reasons.items() if reason]
    return missed, [fire for fire, reason in reasons.items() if not reason]


def missed_reason(trigger: Trigger, at: dt.datetime, latest: dt.datetime, now: dt.datetime) -> str:
    """Why a fire that is decided now is not made up for; nothing when it is on time or its policy makes up for it."""
    if at > now - ON_TIME:
        return ""
    if at <= now - trigger.look_back:
        return f"older than the look-back of {trigger.look_back / dt.timedelta(hours=1):g} h"
    if trigger.missed == "skip":
        return "its trigger makes up for no missed fire"
    if trigger.missed == "latest" and at < latest:
        return f"a later fire stood for it: {_day(trigger, latest)}"
    return ""


def in_turn(trigger: Trigger, fires: Sequence[Fire], active: str, *, patient: bool = False) -> list[Verdict]:
    """Which of these fires run now, by the policy for overlaps; with `patient`, what would be skipped waits for its turn instead.

    An obligation is always patient: an earlier run is no reason to miss a deadline.
    """
    if not fires:
        return []
    if trigger.overlap == "allow":
        rest = [Verdict(fire, FireState.PLANNED, "waits for its turn") for fire in fires[AT_ONCE:]]
        return [Verdict(fire, FireState.RUN) for fire in fires[:AT_ONCE]] + rest
    patient = patient or trigger.obligation or trigger.overlap == "queue"
    if trigger.overlap == "replace" and not patient:
        return _replaced(trigger, fires, active)
    first = [] if active else [Verdict(fires[0], FireState.RUN)]
    return first + _behind(fires[len(first) :], active or _day(trigger, fires[0].at), patient=patient)


def _replaced(trigger: Trigger, fires: Sequence[Fire], active: str) -> list[Verdict]:
    """The last of them runs, once the run before it has stopped; the others would only be begun to be stopped."""
    *earlier, last = fires
    reason = replaced_by(trigger, last)
    kept = Verdict(last, FireState.PLANNED, f"waits for run {active} to stop") if active else Verdict(last, FireState.RUN)
    return [*(Verdict(fire, FireState.SKIPPED, reason) for fire in earlier), kept]


def _behind(fires: Sequence[Fire], run: str, *, patient: bool) -> list[Verdict]:
    if patient:
        return [Verdict(fire, FireState.PLANNED, f"waits for run {run}") for fire in fires]
    return [Verdict(fire, FireState.SKIPPED, f"the run before it had not ended: {run}") for fire in fires]


def _day(trigger: Trigger, at: dt.datetime) -> str:
    return f"{at.astimezone(trigger.zone):%Y-%m-%d %H:%M}"
