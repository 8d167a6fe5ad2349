"""Two schedulers over one ledger, in any order of ticks, deaths, switches and clocks that are set: each planned fire one row, one end."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from retaguarda.agenda.by_hand import ByHand
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.runs import Runs
from retaguarda.store.connection import point_at
from retaguarda.store.models import RunRecord, RunState, TriggerState
from tests.agenda.planned import Killed, changed, dies, every, ledger_of, stated, wrongs
from tests.house import SetClock

TRIGGERS = (
    every(600, "dense", look_back=dt.timedelta(hours=2)),
    stated("every hour", "hourly", look_back="6h", windows=["Mon-Sun 08:00-18:00"], closed="skip"),
    stated("every business day at 07:30", "daily", look_back="3d"),
)
SPANS = st.sampled_from([1, 61, 600, 3600, 7 * 3600, 26 * 3600])
NAMES = st.sampled_from([trigger.name for trigger in TRIGGERS])


class Schedulers(RuleBasedStateMachine):
    """Whatever happens to them, the ledger is whole whenever a tick has come to its end."""

    template: Path

    @initialize(missed=st.sampled_from(["all", "latest", "skip"]), overlap=st.sampled_from(["skip", "queue", "replace", "allow"]))
    def begins(self, missed: str, overlap: str) -> None:
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(self.template, self.folder / "store.db")
        point_at(f"sqlite://{self.folder / 'store.db'}")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")  # processes die here, machines do not
        self.clock = SetClock()
        self.runs = Runs(self.folder, self.clock)
        self.triggers = {trigger.name: changed(trigger, missed=missed, overlap=overlap) for trigger in TRIGGERS}
        self.ledgers = [ledger_of(self.runs, self.clock) for _ in range(2)]
        self.began = self.clock.now() + dt.timedelta(seconds=1)
        self.tick(0)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            for turn in (0, 1, 0):
                self.tick(turn)
            point_at("sqlite://:memory:")
            shutil.rmtree(self.folder)

    @rule(which=st.integers(0, 1), span=SPANS)
    def time_passes(self, which: int, span: int) -> None:
        self.clock.advance(span)
        self.tick(which)

    def tick(self, which: int) -> None:
        tally = self.ledgers[which].tick(self.triggers)
        assert tally.failed == {}
        now = self.clock.wall.astimezone(dt.UTC)
        for state in TriggerState.objects.all():
            assert state.ruled_since is not None
            assert state.ruled_since <= self.began, "a clock that was set back makes the ledger longer, and nothing makes it shorter"
            assert wrongs(self.triggers[state.name], state.ruled_since, now) == [], state.name
        assert not [name for name, backlog in TriggerState.objects.values_list("name", "backlog") if backlog]
        self.no_two_runs_where_none_may_be()

    def no_two_runs_where_none_may_be(self) -> None:
        for trigger in self.triggers.values():
            if trigger.overlap != "allow":
                assert RunRecord.objects.filter(trigger=trigger.name, ended_at=None).count() <= 1

    @rule(which=st.integers(0, 1), span=SPANS, at=st.integers(1, 12))
    def dies(self, which: int, span: int, at: int) -> None:
        """Killed between a decision and its commit; another takes its place."""
        self.clock.advance(span)
        try:
            with dies(at):
                self.ledgers[which].tick(self.triggers)
        except Killed:
            self.ledgers[which] = ledger_of(self.runs, self.clock)

    @rule(seconds=st.sampled_from([-20 * 3600, -3600, -5, 5, 3600, 20 * 3600]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.clock.set_wall(seconds)

    @rule(name=NAMES)
    def runs_end(self, name: str) -> None:
        open_ones = RunRecord.objects.filter(trigger=name, ended_at=None)
        open_ones.update(state=RunState.SUCCESSFUL, ended_at=self.clock.now())

    @rule(name=NAMES, missed=st.sampled_from(["all", "latest", "skip"]))
    def policy_changes(self, name: str, missed: str) -> None:
        self.triggers[name] = changed(self.triggers[name], missed=missed)

    @rule(name=NAMES, on=st.booleans())
    def switched(self, name: str, on: bool) -> None:
        self.by_hand.switch(self.triggers[name], on=on, who="Ana")

    @rule(name=NAMES)
    def fired_by_hand(self, name: str) -> None:
        busy = RunRecord.objects.filter(trigger=name, ended_at=None).exists()
        refused = busy and self.triggers[name].overlap == "skip"
        with pytest.raises(ConfigurationError, match="has not ended") if refused else nullcontext():
            self.by_hand.fire_now(self.triggers[name], who="Ana")

    @precondition(lambda self: hasattr(self, "clock"))
    @rule(name=NAMES, hours=st.integers(1, 30))
    def backfilled(self, name: str, hours: int) -> None:
        now = self.clock.now()
        self.by_hand.backfill(self.triggers[name], now - dt.timedelta(hours=hours), now, who="Ana")

    @property
    def by_hand(self) -> ByHand:
        return ByHand(self.runs, self.clock)


def histories(template: Path, examples: int) -> None:
    """Play so many histories, each over a copy of the store `template`; the first that breaks the ledger raises."""
    Schedulers.template = template
    tried = settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    run_state_machine_as_test(Schedulers, settings=tried)


def test_any_history_leaves_each_fire_one_row_and_one_end(migrated: Path) -> None:
    histories(migrated, 8)
