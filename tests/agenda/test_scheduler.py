"""Schedulers as real processes on both stores: each fire once, with two of them, and with any of them killed at any moment."""

from __future__ import annotations

import datetime as dt
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import schedule

from retaguarda.agenda.scheduler import Rulebook, SchedulerLoop, _arm
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.jobs.runs import Runs
from retaguarda.jobs.workers import Workers
from retaguarda.locks import Locks
from retaguarda.store.models import FireState, OutboxEvent, PlannedFire, RunRecord, TriggerState, Worker
from retaguarda.triggers.trigger import Trigger
from tests.agenda import mortal
from tests.agenda.planned import five_hundred, ledger_of, wrongs
from tests.conftest import OpenStore
from tests.house import SetClock
from tests.jobs.workplace import workplace
from tests.sandbox_fixtures import ROOT, eventually

CI_MARGIN = 3
"""The machines of CI are slow and shared: what must take 5 s there may take so many times as long."""


def start(store: OpenStore, seed: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.agenda.mortal", store.url, str(store.home), str(seed), str(seconds)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def whole() -> None:
    """Every trigger's ledger agrees with its rule, from its beginning to where it reaches."""
    for trigger in mortal.triggers().values():
        state = TriggerState.objects.get(name=trigger.name)
        assert state.ruled_since is not None
        assert state.covered_until is not None
        assert wrongs(trigger, state.ruled_since, state.covered_until) == []


@pytest.mark.one_store
def test_two_schedulers_fire_each_second_once(any_store: OpenStore) -> None:
    two = [start(any_store, 0, 60) for _ in range(2)]
    eventually(lambda: Worker.objects.filter(kind="scheduler").count() == 2, 30)
    eventually(lambda: PlannedFire.objects.filter(trigger="second-0").count() >= 3, 30)
    for one in two:
        one.send_signal(signal.SIGTERM)
    for one in two:
        _, errors = one.communicate(timeout=30)
        assert (one.returncode, errors) == (0, "")
    whole()
    ends = Counter(PlannedFire.objects.filter(trigger__startswith="second").values_list("state", flat=True))
    assert set(ends) == {FireState.RUN}
    assert RunRecord.objects.filter(trigger="skips").count() == 1
    assert not Worker.objects.filter(stopped_at=None).exists()


@pytest.mark.one_store
def test_killed_at_any_decision_nothing_is_lost_and_nothing_doubled(any_store: OpenStore, clock: SetClock) -> None:
    """Two slots in which one scheduler after another dies between a decision and its commit; another one ends what they left."""
    slots = [start(any_store, seed, 4) for seed in (100, 200)]
    died = [int(slot.communicate(timeout=60)[0].split()[-1]) for slot in slots]
    assert sum(died) >= 3, "the test must kill, or it proves nothing"
    real = Clock()
    tally = ledger_of(Runs(any_store.home / "output", real), real).tick(mortal.triggers())
    assert tally.failed == {}
    whole()
    assert PlannedFire.objects.filter(trigger="second-0").count() >= 2
    queued = {event.line["run"] for event in OutboxEvent.objects.all() if event.line["action"] == "run.queued"}
    assert queued == set(RunRecord.objects.values_list("pk", flat=True)), "a run and its audit event go together"


TRIGGERS = """schema = 1
[[trigger]]
name = "toy"
process = "note"
rule = "{rule}"
"""


@pytest.mark.parametrize("any_store", ["sqlite"], indirect=True)
def test_it_follows_its_file_and_ends_when_asked(any_store: OpenStore, clock: SetClock, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    shutil.copytree(ROOT / "config", folder)
    file = folder / "triggers.toml"
    file.write_text(TRIGGERS.format(rule="every hour"), "utf-8")
    runs = Runs(any_store.home / "output", clock)
    with workplace(any_store.url, any_store.home, runs, RETAGUARDA_CONFIG_DIR=str(folder)) as place:
        process = place.start("scheduler", "start")
        place.until(lambda: TriggerState.objects.filter(covered_until__isnull=False).exists(), 30)
        first = TriggerState.objects.get().rule
        file.write_text("schema = 1\nnonsense", "utf-8")
        place.until(lambda: actions("triggers.refused") == 1, 10)
        assert TriggerState.objects.get().rule == first, "the old rules hold"
        file.write_text(TRIGGERS.format(rule="every 2 hours"), "utf-8")
        place.until(lambda: TriggerState.objects.get().rule != first, 10)
        row = Worker.objects.get()
        assert (row.name.startswith("scheduler/"), row.kind, row.stopped_at) == (True, "scheduler", None)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    row.refresh_from_db()
    assert row.stopped_at is not None
    assert actions("scheduler.started") == 1


def actions(name: str) -> int:
    return sum(event.line["action"] == name for event in OutboxEvent.objects.all())


def test_the_first_start_refuses_what_cannot_be_read(tmp_path: Path) -> None:
    def unreadable() -> dict[str, Trigger]:
        raise ConfigurationError("triggers.toml: trigger toy: no rule")

    with pytest.raises(ConfigurationError, match="no rule"):
        Rulebook(tmp_path, unreadable).read()


def test_the_ticker_survives_a_clock_that_is_set_back() -> None:
    """`schedule` waits for a wall time: an hour back would be an hour without a tick."""
    ticker = schedule.Scheduler()
    _arm(ticker, lambda: None)
    (job,) = ticker.jobs
    assert 0 < (ticker.idle_seconds or 0) <= 1
    _arm(ticker, lambda: None)
    assert ticker.jobs == [job], "it is left alone while it is right"
    assert job.next_run is not None
    job.next_run += dt.timedelta(hours=1)
    _arm(ticker, lambda: None)
    assert 0 < (ticker.idle_seconds or 0) <= 1
    assert len(ticker.jobs) == 1


def test_a_scheduler_whose_lock_was_lost_ends(store: Path, clock: SetClock, tmp_path: Path) -> None:
    """Somebody may have taken its name: what nobody can tell apart from a dead one must not go on."""
    locks = Locks(tmp_path / "locks")
    loop = SchedulerLoop(
        Rulebook(tmp_path, dict), ledger_of(Runs(tmp_path, clock), clock), Workers(locks, clock), locks, clock, lambda tally: None
    )

    def lock_goes() -> bool:
        clock.advance(11)
        shutil.rmtree(tmp_path / "locks", ignore_errors=True)
        return False

    with loop.workers.slot("scheduler") as name, pytest.raises(StoreUnavailable, match="was lost"):
        loop.run(name, lock_goes)
    assert Worker.objects.get().stopped_at is not None


def test_thirty_days_off_with_five_hundred_triggers(store: Path, clock: SetClock, tmp_path: Path) -> None:
    """What is due now is decided within seconds; then the month's history gets its rows: not one too few, not one too many."""
    named = five_hundred()
    ledger_of(Runs(tmp_path, clock), clock).tick(named)
    began = clock.now()
    clock.advance(30 * 86400)
    now = clock.now()
    ledger = ledger_of(Runs(tmp_path, clock), clock)
    patience = time.perf_counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retaguarda.agenda.ledger.FILL_SECONDS", -1)  # of this tick nothing is for history
        tally = ledger.tick(named)
    assert time.perf_counter() - patience < 5 * CI_MARGIN
    latest = {name: fires[-1] for name, trigger in named.items() if (fires := trigger.between(now - dt.timedelta(days=1), now))}
    assert {one.trigger: one.fire for one in tally.decided if one.run} == latest
    ledger.tick(named)
    expected = sum(len(trigger.between(began, now)) for trigger in named.values())
    assert PlannedFire.objects.count() == expected > 7_500
    assert not PlannedFire.objects.filter(state=FireState.PLANNED).exists()
    for name in ("t-0", "t-172", "t-499"):
        assert wrongs(named[name], began, now) == []
