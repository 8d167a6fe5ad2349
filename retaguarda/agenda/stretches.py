"""Fires of long stretches of time, a few at a time, however far apart they lie; and stretches whose fires still lack their rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retaguarda.store.models import FireState
from retaguarda.triggers.trigger import Fire, Trigger

_GROWTH = 4
_MINUTES = dt.timedelta(minutes=15)
_AHEAD = dt.timedelta(days=800)
"""How far the next fire of a trigger is looked for: the rarest rule fires once a year."""
_AHEAD_COUNT = 100


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time (after `since`, up to `until`) whose fires all end alike, where they have no row of their own."""

    since: dt.datetime
    until: dt.datetime
    state: FireState
    reason: str

    def as_json(self) -> dict[str, str]:
        return {"from": self.since.isoformat(), "until": self.until.isoformat(), "state": str(self.state), "reason": self.reason}

    @classmethod
    def read(cls, stored: dict[str, Any]) -> Stretch:
        since, until = (dt.datetime.fromisoformat(stored[name]) for name in ("from", "until"))
        return cls(since, until, FireState(stored["state"]), stored["reason"])


def cut(stretches: Sequence[Stretch], until: dt.datetime) -> list[Stretch]:
    """These stretches without what lies after a moment."""
    return [Stretch(one.since, min(one.until, until), one.state, one.reason) for one in stretches if one.since < until]


def newest(trigger: Trigger, after: dt.datetime, until: dt.datetime) -> tuple[list[Fire], dt.datetime]:
    """The latest fires of a stretch, in order, with one that its rule does not refuse; and from when on they are all of them."""
    found: list[Fire] = []
    upper, span = until, _MINUTES
    while upper > after and all(fire.refusal for fire in found):
        lower = max(after, upper - span)
        found = trigger.between(lower, upper) + found
        upper, span = lower, span * _GROWTH
    return found, upper


def oldest(trigger: Trigger, after: dt.datetime, until: dt.datetime, limit: int, span: dt.timedelta = _MINUTES) -> list[Fire]:
    """The first fires of a stretch, in order, at most `limit`."""
    found: list[Fire] = []
    lower = after
    while lower < until and len(found) < limit:
        upper = min(until, lower + span)
        found += trigger.between(lower, upper)
        lower, span = upper, span * _GROWTH
    return found[:limit]


def next_moment(trigger: Trigger, after: dt.datetime) -> dt.datetime:
    """When the trigger is to be looked at next: at its first fire after a moment, or where its rule or calendar ends."""
    end = min(after + _AHEAD, trigger.known_until(after))
    first = oldest(trigger, after, end, 1, dt.timedelta(minutes=1))
    if first:
        return first[0].at
    return max(end, after + dt.timedelta(hours=1)) if trigger.obligation else end


def next_fire(trigger: Trigger, after: dt.datetime) -> Fire | None:
    """The first fire after a moment that the rule does not refuse; nothing when none of the next ones is such."""
    end = min(after + _AHEAD, trigger.known_until(after))
    return next((fire for fire in oldest(trigger, after, end, _AHEAD_COUNT, dt.timedelta(minutes=1)) if not fire.refusal), None)
