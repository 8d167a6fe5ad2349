"""Obligations: begun in time by their deadline, told louder as the time shrinks, missed in full view."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from retaguarda.agenda.by_hand import ByHand
from retaguarda.agenda.ledger import Tally
from retaguarda.clock import SAO_PAULO
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import OutboxEvent, PlannedFire, RunRecord, RunState
from tests.agenda.planned import changed, ledger_of, stated
from tests.conftest import OpenStore
from tests.house import SetClock

DUE = dt.datetime(2026, 11, 11, 18, tzinfo=SAO_PAULO)  # MS+7du of November 2026
START = DUE - dt.timedelta(hours=3, minutes=31)  # two runs of 90 minutes, a minute between them, half an hour in reserve
LATEST = DUE - dt.timedelta(minutes=90)


class Duty:
    """One obligation, its ledger, and a clock that goes where it is told."""

    def __init__(self, runs: Runs, clock: SetClock, **more: Any) -> None:
        self.runs, self.clock = runs, clock
        self.duty = stated("registered by MS+7du 18:00", expected="90m", params={"month": "{supply}"}, **more)
        self.ledger = ledger_of(runs, clock)
        self.at(dt.datetime(2026, 11, 9, 10, tzinfo=SAO_PAULO))

    def at(self, moment: dt.datetime, minutes: float = 0) -> Tally:
        self.clock.uptime += 3600
        self.clock.wall = moment + dt.timedelta(minutes=minutes)
        self.ledger._seen = None  # the clock is wound, not set
        self.ledger.tick({"toy": self.duty})
        self.clock.uptime += 60
        return self.ledger.tick({"toy": self.duty})

    @property
    def row(self) -> PlannedFire:
        return PlannedFire.objects.select_related("run").get(at=DUE)

    def stands(self) -> tuple[str, str]:
        return self.row.state, self.row.level

    def run_is(self, state: RunState, ended: dt.datetime | None = None) -> None:
        RunRecord.objects.update(state=state, started_at=START, ended_at=ended)


@pytest.fixture
def duty(store: Path, clock: SetClock) -> Duty:
    return Duty(Runs(store.parent / "output", clock), clock)


@pytest.fixture
def any_duty(any_store: OpenStore, clock: SetClock) -> Duty:
    """On both kinds of store."""
    return Duty(Runs(any_store.home / "output", clock), clock)


def told() -> list[str]:
    actions = [event.line["action"] for event in OutboxEvent.objects.order_by("id")]
    return [action.removeprefix("obligation.") for action in actions if action.startswith("obligation.")]


def test_deadlines_have_their_rows_long_before(duty: Duty) -> None:
    found = PlannedFire.objects.order_by("at")
    assert [(row.local[:16], row.state, row.level, row.due == row.at) for row in found] == [
        ("2026-11-11T18:00", "PLANNED", "ok", True),
        ("2026-12-09T18:00", "PLANNED", "ok", True),
    ]


def test_it_is_begun_at_the_latest_safe_start_and_met(duty: Duty) -> None:
    duty.at(START, -1)
    assert duty.stands() == ("PLANNED", "ok")
    duty.at(START)
    assert duty.stands() == ("RUN", "ok")
    assert RunRecord.objects.get().params == {"month": "2026-10"}
    duty.run_is(RunState.RUNNING)
    duty.at(START, 80)
    assert duty.stands() == ("RUN", "ok"), "it takes what runs take"
    duty.run_is(RunState.SUCCESSFUL, ended=START + dt.timedelta(minutes=85))
    duty.at(START, 90)
    assert duty.stands() == ("RUN", "met")
    assert told() == ["met"]
    duty.at(DUE, 60)
    assert RunRecord.objects.count() == 1


def test_it_gets_louder_as_the_time_shrinks(any_duty: Duty) -> None:
    any_duty.at(START)
    any_duty.run_is(RunState.FAULTED, ended=START + dt.timedelta(minutes=10))
    any_duty.at(START, 10)
    assert any_duty.stands() == ("RUN", "shrinking")
    any_duty.at(LATEST, -59)
    assert any_duty.stands() == ("RUN", "critical")
    any_duty.at(DUE, 1)
    assert any_duty.stands() == ("RUN", "missed")
    any_duty.run_is(RunState.SUCCESSFUL, ended=DUE + dt.timedelta(hours=2))
    any_duty.at(DUE, 130)
    assert any_duty.stands() == ("RUN", "late")
    assert told() == ["shrinking", "critical", "missed", "late"]


def test_nobody_takes_its_run(duty: Duty) -> None:
    """A run that waits in its queue is no run."""
    duty.at(START)
    duty.at(START, 5)
    assert duty.stands() == ("RUN", "shrinking")


def test_another_run_for_the_same_meets_it(duty: Duty) -> None:
    duty.at(START)
    duty.run_is(RunState.FAULTED, ended=duty.clock.now())
    ByHand(duty.runs, duty.clock).fire_now(duty.duty, who="Ana")
    by_hand = RunRecord.objects.exclude(pk=duty.row.run_id).get()
    assert by_hand.params == {"month": "2026-10"}, "of the deadline that comes next"
    RunRecord.objects.filter(pk=by_hand.pk).update(state=RunState.SUCCESSFUL, ended_at=duty.clock.now())
    duty.at(START, 60)
    assert duty.stands() == ("RUN", "met")


def test_an_earlier_run_is_no_reason_to_skip_it(duty: Duty) -> None:
    duty.runs.create("toy", {}, queue="default", trigger="toy")
    duty.at(START, 30)
    assert duty.stands() == ("PLANNED", "shrinking")
    RunRecord.objects.update(state=RunState.SUCCESSFUL, ended_at=duty.clock.now())
    duty.at(START, 35)
    assert duty.row.state == "RUN"


@pytest.mark.parametrize(
    ("missed", "hours", "state", "reason"),
    [
        ("latest", 2, "RUN", "begun after its deadline"),
        ("latest", 30, "MISSED", "older than the look-back of 24 h"),
        ("skip", 2, "MISSED", "its trigger makes up for no missed fire"),
    ],
)
def test_no_scheduler_until_the_deadline_has_passed(duty: Duty, missed: str, hours: int, state: str, reason: str) -> None:
    duty.duty = changed(duty.duty, missed=missed)
    duty.at(DUE, 60 * hours)
    assert (duty.row.state, duty.row.reason, duty.row.level) == (state, reason, "missed")


def test_switched_off_until_the_deadline_has_passed(duty: Duty) -> None:
    by_hand = ByHand(duty.runs, duty.clock)
    by_hand.switch(duty.duty, on=False, who="Ana", reason="done by hand")
    duty.at(START, 60)
    assert duty.row.state == "PLANNED"
    duty.at(DUE, 10)
    assert (duty.row.state, duty.row.reason) == ("SKIPPED", "switched off by Ana: done by hand")


def test_switched_on_again_it_is_begun_in_time(duty: Duty) -> None:
    by_hand = ByHand(duty.runs, duty.clock)
    by_hand.switch(duty.duty, on=False, who="Ana")
    duty.at(START, 60)
    by_hand.switch(duty.duty, on=True, who="Ana")
    duty.at(START, 61)
    assert duty.row.state == "RUN"


def test_a_deadline_that_moves_is_planned_anew(any_duty: Duty) -> None:
    any_duty.duty = stated("registered by MS+8du 18:00", expected="90m")
    any_duty.at(dt.datetime(2026, 11, 9, 12, tzinfo=SAO_PAULO))
    found = PlannedFire.objects.order_by("at").values_list("local", "state", "reason")
    assert [(local[5:10], state, reason) for local, state, reason in found] == [
        ("11-11", "SKIPPED", "the rule changed before it was due"),
        ("11-12", "PLANNED", ""),
        ("12-09", "SKIPPED", "the rule changed before it was due"),
        ("12-10", "PLANNED", ""),
    ]
    any_duty.duty = stated("registered by MS+7du 18:00", expected="90m")
    any_duty.at(dt.datetime(2026, 11, 9, 13, tzinfo=SAO_PAULO))
    assert any_duty.stands() == ("PLANNED", "ok"), "the same deadline is planned again"


def test_a_clock_that_was_ahead_takes_no_deadline_away(duty: Duty) -> None:
    duty.duty = changed(duty.duty, missed="skip")
    duty.at(DUE, 600)
    assert duty.row.state == "MISSED"
    duty.at(DUE, -24 * 60)
    assert duty.stands() == ("PLANNED", "ok")
