"""Triggers to test the ledger with, what it should say of them, and schedulers that die where they hurt most."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from retaguarda.agenda.by_hand import ENDED_WITHOUT
from retaguarda.agenda.entries import Batch
from retaguarda.agenda.ledger import Ledger
from retaguarda.agenda.obligations import Standings
from retaguarda.audit import events
from retaguarda.calendars.calendar import BANKS, Calendar, banks
from retaguarda.calendars.files import Years
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.settings import Settings
from retaguarda.store.models import FireState, OutboxEvent, PlannedFire, RunRecord, RunState
from retaguarda.triggers.file import parse_triggers
from retaguarda.triggers.rules import Interval
from retaguarda.triggers.trigger import Fire, Trigger

SETTINGS = Settings.model_construct()


@dataclass(frozen=True)
class Every(Trigger):
    """Fires every so many seconds, counted from 1970 on: nobody can write a rule so dense."""

    seconds: int = 1

    def between(self, after: dt.datetime, until: dt.datetime) -> list[Fire]:
        first, last = (math.floor(moment.timestamp() / self.seconds) for moment in (after, until))
        return [self._fire_at(count * self.seconds) for count in range(first + 1, last + 1)]

    def _fire_at(self, second: int) -> Fire:
        at = dt.datetime.fromtimestamp(second, dt.UTC)
        return Fire(at, at.astimezone(self.zone).isoformat())


def stated(rule: str, name: str = "toy", **more: Any) -> Trigger:
    """A trigger as the configuration states it."""
    return plan_of({"name": name, "rule": rule, **more})[name]


def plan_of(*entries: dict[str, Any]) -> dict[str, Trigger]:
    """Triggers as one file states them."""
    return parse_triggers({"schema": 1, "trigger": [{"process": "toy", **entry} for entry in entries]}, SETTINGS)


MONTH_OFF = {
    "every business day at 07:30": 150,
    "every day at 06:00": 20,
    "every hour": 5,
    "every monday at 09:00": 180,
    "MS+7du at 18:00": 145,
}
"""Five hundred triggers as an installation has them: rule → how many."""


def five_hundred() -> dict[str, Trigger]:
    """The triggers of MONTH_OFF by name."""
    rules = [rule for rule, count in MONTH_OFF.items() for _ in range(count)]
    return plan_of(*({"name": f"t-{number}", "rule": rule, "overlap": "allow"} for number, rule in enumerate(rules)))


def every(seconds: int, name: str = "toy", **more: Any) -> Trigger:
    """A trigger that fires every so many seconds."""
    plan = Interval(1)
    return Every(name=name, process="toy", rule=f"every {seconds} s", plan=plan, digest=f"every-{seconds}", seconds=seconds, **more)


def changed(trigger: Trigger, **more: Any) -> Trigger:
    """The same trigger with other policies."""
    return dataclasses.replace(trigger, **more)


def calendar_of_years(first: int, last: int) -> Calendar:
    """The banks' calendar, known for these years alone."""
    return dataclasses.replace(banks(), stated=BANKS.model_copy(update={"valid": Years(first=first, last=last)}), _years={})


def ledger_of(runs: Runs, clock: Clock) -> Ledger:
    """A ledger as a scheduler that has just started has it."""
    return Ledger(runs, clock, Standings(clock))


class Killed(BaseException):
    """What kill -9 is to a process: nothing after it happens."""


def kill() -> None:
    raise Killed


@contextmanager
def dies(at: int, die: Callable[[], None] = kill) -> Iterator[None]:
    """`die` is called at the so-manyth moment between a decision and its commit: each audit event, and each batch that is written."""
    prepared, write, left = events.prepared, Batch.write, [at]

    def moment() -> None:
        left[0] -= 1
        if not left[0]:
            die()

    def prepare(*args: Any, **facts: Any) -> OutboxEvent:
        moment()
        return prepared(*args, **facts)

    def write_all(batch: Batch) -> None:
        write(batch)
        moment()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "prepared", prepare)
        patch.setattr(Batch, "write", write_all)
        yield


def rows(trigger: str = "toy") -> list[tuple[str, str]]:
    """Every row of a trigger, oldest first: its wall time, and what became of it."""
    found = PlannedFire.objects.filter(trigger=trigger).order_by("at")
    return [(row.local[5:16].replace("T", " "), row.state) for row in found]


def reasons(trigger: str = "toy") -> list[str]:
    return list(PlannedFire.objects.filter(trigger=trigger).order_by("at").values_list("reason", flat=True))


def end_runs(clock: Clock, trigger: str = "toy", state: RunState = RunState.SUCCESSFUL) -> None:
    """Every run of a trigger ends."""
    open_ones = RunRecord.objects.filter(trigger=trigger, ended_at=None)
    open_ones.update(state=state, ended_at=clock.now(), started_at=clock.now())


def wrongs(trigger: Trigger, since: dt.datetime, until: dt.datetime) -> list[str]:
    """What is wrong with a trigger's part of the ledger, held against its rule: nothing, when it is whole."""
    expected = {fire.at for fire in trigger.between(since, until)}
    rows = PlannedFire.objects.filter(trigger=trigger.name, at__lte=until).values_list("at", "state", "reason", "run", "by")
    found = [row for row in rows if not row[4] or row[0] in expected]  # people fire beside the rule, and before it was
    times = Counter(row[0] for row in found)
    wrong = [f"lost: {at}" for at in sorted(expected - times.keys())]
    wrong += [f"not of the rule: {at}" for at in sorted(times.keys() - expected)]
    wrong += [f"twice: {at}" for at, count in times.items() if count > 1]
    wrong += [f"RUN without a run: {at}" for at, state, _, run, _ in found if state == FireState.RUN and run is None]
    wrong += [f"{state} without a reason: {at}" for at, state, reason, _, _ in found if state in ENDED_WITHOUT and not reason]
    made = RunRecord.objects.filter(trigger=trigger.name).count()
    told = PlannedFire.objects.filter(trigger=trigger.name, state=FireState.RUN).values("run").distinct().count()
    return wrong + ([f"{made} runs, {told} of them in the ledger"] if made != told else [])
