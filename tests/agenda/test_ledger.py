"""The ledger on both stores: each planned fire one row and one end, whatever dies, changes or jumps."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter

import pytest
from django.db import connection

from retaguarda.agenda.by_hand import ByHand
from retaguarda.agenda.ledger import Tally
from retaguarda.jobs.runs import Runs
from retaguarda.store.models import FireState, OutboxEvent, PlannedFire, RunRecord, RunState, TriggerState
from retaguarda.triggers.rules import BusinessDays
from retaguarda.triggers.trigger import Fire, Trigger
from tests.agenda.planned import Every, Killed, calendar_of_years, changed, dies, end_runs, every, ledger_of, reasons, rows, stated, wrongs
from tests.conftest import OpenStore
from tests.house import SetClock

MINUTE, HOUR, DAY = 60, 3600, 86400


class Plan:
    """Triggers, one or more ledgers over one store, and a clock to wind."""

    def __init__(self, runs: Runs, clock: SetClock) -> None:
        self.runs, self.clock, self.began = runs, clock, clock.now()
        self.triggers: dict[str, Trigger] = {}
        self.ledger = ledger_of(runs, clock)
        self.by_hand = ByHand(runs, clock)

    def has(self, *triggers: Trigger) -> Trigger:
        self.triggers |= {trigger.name: trigger for trigger in triggers}
        self.tick()
        return triggers[0]

    def tick(self, after: float = 0) -> Tally:
        self.clock.advance(after)
        return self.ledger.tick(self.triggers)

    def restart(self) -> None:
        """The scheduler ends, and another one begins with nothing but the store."""
        self.ledger = ledger_of(self.runs, self.clock)

    def whole(self, name: str = "toy", since: dt.datetime | None = None) -> None:
        assert wrongs(self.triggers[name], since or self.began, self.clock.wall) == []


@pytest.fixture
def plan(any_store: OpenStore, clock: SetClock) -> Plan:
    return Plan(Runs(any_store.home / "output", clock), clock)


def told(action: str) -> list[dict[str, object]]:
    return [event.line["data"] for event in OutboxEvent.objects.order_by("id") if event.line["action"] == action]


def test_a_fire_runs_once_at_its_time_with_its_parameters(plan: Plan) -> None:
    plan.has(stated("every day at 07:30", params={"day": "{date}"}, queue="portals", priority=7, time_limit="2h"))
    assert plan.tick(21 * HOUR).decided == []
    (decided,) = plan.tick(HOUR).decided
    run = RunRecord.objects.get()
    assert (decided.run, run.state, run.trigger, run.queue, run.priority, run.time_limit) == (run.pk, "PENDING", "toy", "portals", 7, 7200)
    assert run.params == {"day": "2026-11-12"}
    assert rows() == [("11-12 07:30", "RUN")]
    assert plan.tick(1).decided == plan.tick(HOUR).decided == []
    assert told("fire.run") == [{"at": "2026-11-12T10:30:00+00:00", "local": "2026-11-12T07:30:00-03:00", "reason": ""}]


def test_a_new_trigger_has_no_past(plan: Plan) -> None:
    plan.has(every(MINUTE))
    assert rows() == []


def test_two_ledgers_decide_each_fire_once(plan: Plan) -> None:
    plan.has(every(MINUTE, overlap="allow"))
    other = ledger_of(plan.runs, plan.clock)
    for _ in range(10):
        plan.clock.advance(MINUTE)
        other.tick(plan.triggers)
        plan.tick()
    assert Counter(state for _, state in rows()) == {"RUN": 10}
    plan.whole()


def test_a_second_row_of_a_fire_is_refused_by_the_store(plan: Plan) -> None:
    """The last guard, should two schedulers ever decide alike: all of the second decision is undone, its run too."""
    plan.has(every(HOUR, overlap="allow"))
    plan.tick(HOUR)
    fire = plan.triggers["toy"].between(plan.began, plan.clock.wall)[0]
    assert plan.ledger.tick(plan.triggers).failed == {}
    PlannedFire.objects.update(at=fire.at)
    TriggerState.objects.update(covered_until=plan.began)
    from retaguarda.agenda import ledger

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "rows_after", lambda states, now: {})
        failed = plan.tick().failed
    assert "IntegrityError" in failed["toy"]
    assert RunRecord.objects.count() == PlannedFire.objects.count() == 1
    assert plan.tick().failed == {}
    plan.whole()


def test_thirty_days_off(plan: Plan) -> None:
    """By every policy each fire of a month has its row; how many runs there are is a matter of arithmetic."""
    policies = list(itertools.product(("all", "latest", "skip"), ("skip", "queue", "replace", "allow")))
    plan.has(*(stated("every hour", f"{missed}-{overlap}", missed=missed, overlap=overlap, look_back="6h") for missed, overlap in policies))
    plan.clock.advance(30 * DAY + 20 * MINUTE)
    plan.restart()
    plan.tick()
    at_once = {f"{missed}-{overlap}": missed != "skip" for missed, overlap in policies} | {"all-allow": 6}
    assert {name: RunRecord.objects.filter(trigger=name).count() for name in plan.triggers} == at_once
    assert PlannedFire.objects.count() == len(policies) * 30 * 24
    for name in plan.triggers:
        plan.whole(name)
    for _ in range(6):
        for name in plan.triggers:
            end_runs(plan.clock, name)
        plan.tick(1)
    assert {name: RunRecord.objects.filter(trigger=name).count() for name in plan.triggers} == at_once | {"all-queue": 6}
    assert not PlannedFire.objects.filter(state=FireState.PLANNED).exists()
    for name in plan.triggers:
        plan.whole(name)


def test_history_is_filled_in_the_ticks_that_follow(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due now is decided first; the months before it get their rows bit by bit, over restarts, none twice."""
    from retaguarda.agenda import ledger

    monkeypatch.setattr(ledger, "FILL_AT_ONCE", 50)
    monkeypatch.setattr(ledger, "FILL_SECONDS", -1)
    plan.has(stated("every hour"))
    plan.clock.advance(30 * DAY)
    plan.restart()
    assert [decided.state for decided in plan.tick().decided] == ["RUN"]
    assert rows()[-1][1] == "RUN"
    assert PlannedFire.objects.count() == 1
    monkeypatch.setattr(ledger, "FILL_SECONDS", 0.4)
    filled = plan.tick(1).filled
    assert (filled, PlannedFire.objects.count()) == (719, 720)
    assert told("fire.missed")[0]["count"] == 50
    assert TriggerState.objects.get().backlog == []
    plan.whole()


def test_runs_that_wait_come_in_order_as_runs_end(plan: Plan) -> None:
    plan.has(stated("every hour", overlap="queue"))
    plan.tick(3 * HOUR)
    for state in ("RUN", "PLANNED", "PLANNED"):
        assert rows()[-1][1] == state
        plan.tick(HOUR)
    assert Counter(state for _, state in rows()) == {"MISSED": 2, "RUN": 1, "PLANNED": 3}
    assert reasons()[-1] == f"waits for run {RunRecord.objects.get().pk}"
    for count in (2, 3, 4):
        end_runs(plan.clock)
        plan.tick(1)
        plan.tick(1)
        assert [state for _, state in rows()].count("RUN") == count
        assert RunRecord.objects.filter(ended_at=None).count() == 1
    plan.whole()


def test_replace_asks_the_running_one_to_stop_and_comes_after_it(plan: Plan) -> None:
    plan.has(stated("every hour", overlap="replace"))
    plan.tick(HOUR)
    first = RunRecord.objects.get()
    RunRecord.objects.update(state=RunState.RUNNING)
    plan.tick(HOUR)
    first.refresh_from_db()
    assert (first.stop_requested, rows()[-1][1]) == (True, "PLANNED")
    plan.tick(HOUR)
    assert [state for _, state in rows()] == ["RUN", "SKIPPED", "PLANNED"]
    assert reasons()[1] == "replaced by the fire of 2026-11-11 13:00"
    end_runs(plan.clock, state=RunState.STOPPED)
    plan.tick(1)
    assert [state for _, state in rows()] == ["RUN", "SKIPPED", "RUN"]
    plan.whole()


def test_a_run_that_waits_in_the_queue_is_replaced_at_once(plan: Plan) -> None:
    plan.has(stated("every hour", overlap="replace"))
    plan.tick(HOUR)
    plan.tick(HOUR)
    plan.tick(1)
    assert [run.state for run in RunRecord.objects.order_by("created_at")] == ["STOPPED", "PENDING"]


def test_a_person_switches_off(plan: Plan) -> None:
    toy = plan.has(stated("every hour"))
    plan.tick(HOUR)
    assert plan.by_hand.switch(toy, on=False, who="Ana", reason="portal in mourning")
    assert not plan.by_hand.switch(toy, on=False, who="Rui")
    plan.tick(2 * HOUR)
    assert reasons()[1:] == ["switched off by Ana: portal in mourning"] * 2
    plan.restart()
    plan.clock.advance(3 * HOUR)  # no scheduler runs: what passed is told by what the trigger was then
    assert plan.by_hand.switch(toy, on=True, who="Ana")
    plan.tick(HOUR)
    assert [state for _, state in rows()] == ["RUN", *["SKIPPED"] * 6]
    end_runs(plan.clock)
    plan.tick(HOUR)
    assert rows()[-1][1] == "RUN"
    assert [event["reason"] for event in told("trigger.disabled")] == ["portal in mourning"]
    plan.whole()


def test_switching_off_lets_go_of_what_waited(plan: Plan) -> None:
    toy = plan.has(stated("every hour", overlap="queue"))
    plan.tick(HOUR)
    plan.tick(HOUR)
    plan.clock.advance(2 * HOUR)
    plan.by_hand.switch(toy, on=False, who="Ana")
    plan.tick()
    assert [state for _, state in rows()] == ["RUN", "SKIPPED", "MISSED", "MISSED"]
    assert reasons()[-1] == "switched off by Ana before it was made up for"
    plan.whole()


def test_fired_by_hand_it_has_its_own_row(plan: Plan) -> None:
    toy = plan.has(stated("every hour"))
    row = plan.by_hand.fire_now(toy, who="Ana")
    assert (row.by, row.state, row.run.state if row.run else "") == ("Ana", "RUN", "PENDING")
    with pytest.raises(Exception, match="has not ended"):
        plan.by_hand.fire_now(toy, who="Ana")
    plan.tick(HOUR)
    assert reasons()[-1] == f"the run before it had not ended: {row.run_id}"
    plan.whole()
    assert plan.by_hand.fire_now(changed(toy, overlap="queue"), who="Rui").state == "PLANNED"
    end_runs(plan.clock)
    plan.tick(1)
    assert [(row.by, row.state) for row in PlannedFire.objects.exclude(by="").order_by("at")] == [("Ana", "RUN"), ("Rui", "RUN")]


def test_fires_without_a_run_are_made_up_for_by_hand(plan: Plan) -> None:
    toy = plan.has(stated("every hour", missed="skip", overlap="skip"))
    plan.tick(5 * HOUR + 10 * MINUTE)
    assert [state for _, state in rows()] == ["MISSED"] * 5
    before = plan.began - dt.timedelta(hours=2)
    found = plan.by_hand.without_run(toy, before, plan.clock.wall)
    assert [one.state for one in found] == ["", "", *["MISSED"] * 5]
    assert plan.by_hand.backfill(toy, before, plan.clock.wall, who="Ana") == found
    assert Counter(state for _, state in rows()) == {"RUN": 1, "PLANNED": 6}
    for _ in range(7):
        end_runs(plan.clock)
        plan.tick(1)
    assert Counter(state for _, state in rows()) == {"RUN": 7}
    assert set(PlannedFire.objects.values_list("by", flat=True)) == {"Ana"}
    assert plan.by_hand.without_run(toy, before, plan.clock.wall) == []


def test_a_changed_rule_holds_from_where_the_old_one_ended(plan: Plan) -> None:
    plan.has(stated("every day at 12:00"))
    plan.tick(4 * HOUR)
    end_runs(plan.clock)
    plan.has(stated("every day at 13:00"))
    assert rows() == [("11-11 12:00", "RUN")], "13:00 of today is past, and was never planned"
    plan.tick(DAY)
    assert [when for when, _ in rows()] == ["11-11 12:00", "11-12 13:00"]
    assert len(told("trigger.planned")) == 2


def test_a_rule_that_changed_while_nothing_ran_tells_the_time_since(plan: Plan) -> None:
    plan.has(stated("every day at 12:00"))
    plan.tick(4 * HOUR)
    plan.restart()
    plan.clock.advance(2 * DAY)
    plan.has(stated("every day at 13:00"))
    assert [when for when, _ in rows()] == ["11-11 12:00", "11-12 13:00", "11-13 13:00"]


def test_a_quiet_time_is_over_once_it_has_passed(plan: Plan) -> None:
    """A rule that is written after a scheduler saw minutes pass without a fire has nothing to make up for in them."""
    plan.has(stated("every day at 10:05"))
    for _ in range(10):
        plan.tick(61)
    plan.restart()
    plan.has(stated("every day at 10:08"))
    assert [when for when, _ in rows()] == ["11-11 10:05"]


def test_another_scheduler_with_another_rule_is_told_and_not_fought(plan: Plan) -> None:
    plan.has(stated("every hour"))
    plan.tick(HOUR)
    other = ledger_of(plan.runs, plan.clock)
    other.tick({"toy": stated("every day at 07:30")})
    for _ in range(3):
        assert "another scheduler follows another rule of toy" in plan.tick(MINUTE).failed["toy"]
        assert other.tick({"toy": stated("every day at 07:30")}).failed == {}
    assert len(told("trigger.failed")) == 1
    assert len(told("trigger.planned")) == 2


def test_a_trigger_that_goes_and_comes_back(plan: Plan) -> None:
    toy = plan.has(stated("every hour", overlap="queue"), every(HOUR, "other", overlap="allow"))
    plan.tick(HOUR)
    plan.tick(HOUR)
    del plan.triggers["toy"]
    plan.tick(5 * HOUR)
    assert [state for _, state in rows()] == ["RUN", "SKIPPED"]
    assert reasons()[-1] == "the trigger was removed from the configuration"
    end_runs(plan.clock)
    plan.has(toy)
    plan.tick(HOUR)
    assert rows() == [("11-11 11:00", "RUN"), ("11-11 12:00", "SKIPPED"), ("11-11 18:00", "RUN")]
    plan.whole("other")


def test_switched_off_in_the_configuration_until_a_person_switches_it_on(plan: Plan) -> None:
    toy = plan.has(changed(stated("every hour"), enabled=False))
    plan.tick(5 * HOUR)
    assert rows() == []
    assert not plan.by_hand.switch(toy, on=False, who="Ana"), "it is off"
    assert plan.by_hand.switch(toy, on=True, who="Ana")
    plan.tick(1)
    plan.tick(HOUR)
    assert [state for _, state in rows()] == ["RUN"]
    assert plan.by_hand.switch(toy, on=False, who="Rui")
    plan.tick(HOUR)
    assert [state for _, state in rows()] == ["RUN"]


def test_one_bad_trigger_stops_no_other(plan: Plan) -> None:
    bad = changed(every(HOUR, "bad"), params={"day": "{nonsense}"})
    short = calendar_of_years(2001, 2025)
    ended = changed(stated("every business day at 10:30", "ended"), calendar=short, plan=BusinessDays(short, (dt.time(10, 30),)))
    plan.has(every(HOUR), bad, ended)
    tally = plan.tick(HOUR)
    assert set(tally.failed) == {"bad", "ended"}
    assert [decided.trigger for decided in tally.decided] == ["toy"]
    for _ in range(5):
        plan.tick(1)
    assert len(told("trigger.failed")) == 2, "told once, not each second"
    assert not PlannedFire.objects.filter(trigger="bad").exists()
    plan.triggers["bad"] = changed(bad, params={})
    end_runs(plan.clock)
    plan.tick(1)
    assert rows("bad") == [("11-11 11:00", "RUN")], "nothing of it was lost"


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7])
def test_dead_between_decision_and_commit(plan: Plan, count: int) -> None:
    plan.has(every(HOUR, overlap="allow", missed="all"))
    plan.clock.advance(3 * HOUR)
    with dies(count), pytest.raises(Killed):
        plan.tick()
    assert not connection.in_atomic_block
    assert RunRecord.objects.count() == PlannedFire.objects.count() == 0
    plan.restart()
    plan.tick()
    assert Counter(state for _, state in rows()) == {"RUN": 3}
    plan.whole()


@pytest.mark.parametrize("seconds", [-5 * HOUR, -2, 90, 5 * HOUR])
def test_the_clock_is_set(plan: Plan, seconds: int) -> None:
    """Forwards and back again, or back and forwards: each fire of the time that really came has one row, and none has two runs."""
    plan.has(every(30 * MINUTE, overlap="allow"))
    plan.tick(70 * MINUTE)
    since = plan.began
    for step in (seconds, -seconds):
        plan.clock.set_wall(step)
        since = min(since, plan.clock.now())
        for _ in range(3):
            plan.tick(30 * MINUTE)
    for _ in range(11):
        plan.tick(30 * MINUTE)
    plan.whole(since=since)
    assert len(told("clock.jump")) == 2


def test_a_clock_that_was_years_ahead_loses_nothing(plan: Plan) -> None:
    """A machine that starts without a clock battery in another year: what it decided of the future is void, its runs are not."""
    plan.has(stated("every day at 07:30"))
    plan.restart()
    plan.clock.set_wall(100 * DAY)
    plan.tick()
    runs = set(RunRecord.objects.values_list("pk", flat=True))
    plan.clock.set_wall(-100 * DAY)
    plan.restart()
    plan.tick()
    end_runs(plan.clock)
    for _ in range(3):
        plan.tick(DAY)
        end_runs(plan.clock)
    assert [when for when, _ in rows()][:3] == ["11-12 07:30", "11-13 07:30", "11-14 07:30"]
    assert [state for _, state in rows()] == ["RUN"] * 4
    assert runs <= set(RunRecord.objects.values_list("pk", flat=True))
    assert len(told("trigger.rewound")) == 1


class Fragile(Every):
    """Half of its fires have no parameters."""

    def inputs(self, fire: Fire) -> dict[str, str]:
        if not fire.at.minute:
            raise ValueError("no parameters")
        return {}


def test_what_fails_halfway_leaves_nothing_behind(plan: Plan) -> None:
    """The run of its first fire is made, that of the second is not: neither is written, and the other trigger is."""
    fragile = Fragile(**{name: getattr(every(30 * MINUTE, "bad", overlap="allow"), name) for name in Every.__dataclass_fields__})
    plan.has(fragile, every(HOUR))
    plan.clock.advance(HOUR + 20)
    plan.triggers["bad"] = changed(fragile, missed="all")
    assert set(plan.tick().failed) == {"bad"}
    assert list(RunRecord.objects.values_list("trigger", flat=True)) == ["toy"]
    assert rows("bad") == []
    queued = [event.line["run"] for event in OutboxEvent.objects.all() if event.line["action"] == "run.queued"]
    assert queued == [RunRecord.objects.get().pk]


def test_what_the_rule_refuses_is_in_the_ledger(plan: Plan) -> None:
    plan.has(stated("every hour", windows=["Mon-Fri 08:00-18:00"], closed="skip", overlap="allow"))
    plan.tick(12 * HOUR)
    assert Counter(state for _, state in rows())["SKIPPED"] == 5
    plan.whole()
