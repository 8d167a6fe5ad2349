"""The watchdog: it speaks when something planned did not happen, names one cause, and is quiet when all is well."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from retaguarda.agenda.by_hand import ByHand
from retaguarda.clock import SAO_PAULO
from retaguarda.jobs.runs import Runs
from retaguarda.jobs.workers import Workers
from retaguarda.language import catalogue
from retaguarda.operations.findings import Finding
from retaguarda.operations.installation import Installation
from retaguarda.operations.watchdog import unkept_plan
from retaguarda.report.retell import retell
from retaguarda.settings import Settings, WatchdogSettings
from retaguarda.store.advisory import locks_for
from retaguarda.store.models import PlannedFire, RunRecord, RunState, TriggerState, Worker
from retaguarda.triggers.file import load_triggers
from tests.agenda.planned import end_runs, ledger_of
from tests.conftest import OpenStore
from tests.house import SetClock
from tests.jobs.workplace import workplace
from tests.sandbox_fixtures import ROOT

MINUTE, HOUR = 60, 3600
HOURLY = '[[trigger]]\nname = "hourly"\nprocess = "note"\nrule = "every hour"\n'
DAILY = '[[trigger]]\nname = "daily"\nprocess = "note"\nrule = "every day at 10:30"\n'
DUTY = '[[trigger]]\nname = "duty"\nprocess = "note"\nrule = "registered by MS+7du 18:00"\nexpected = "60m"\n'


class Place:
    """An installation with a configuration of its own, a clock to wind, and schedulers that live as long as their lock is held."""

    def __init__(self, home: Path, folder: Path, clock: SetClock) -> None:
        self.folder, self.clock = folder, clock
        self.locks, self.runs = locks_for(home / "locks"), Runs(home / "output", clock)
        settings = Settings.model_construct(home=home, output=home / "output", watchdog=WatchdogSettings())
        self.installation = Installation(settings, clock, self.locks, lambda: pytest.fail("the watchdog needs no vault"))
        self.workers, self.ledger = Workers(self.locks, clock), ledger_of(self.runs, clock)
        self.living = ExitStack()

    def write(self, *entries: str) -> None:
        """The triggers' file, changed at this moment."""
        (self.folder / "triggers.toml").write_text("\n".join(["schema = 1", *entries]), "utf-8")
        now = self.clock.now().timestamp()
        for path in self.folder.rglob("*"):
            os.utime(path, (now, now))

    def scheduler(self) -> str:
        name = self.living.enter_context(self.workers.slot("scheduler"))
        self.workers.register(name, "scheduler")
        return f"scheduler/{name}"

    def tick(self, after: float = 0, beats: str = "") -> None:
        self.clock.advance(after)
        self.ledger.tick(load_triggers(self.installation.settings))
        Worker.objects.filter(name__startswith=beats or "scheduler/").update(beat_at=self.clock.now())

    def found(self) -> dict[str, Finding]:
        """Findings by cause, each fit to be told in Portuguese."""
        findings = list(unkept_plan(self.installation))
        for one in findings:
            for sentence in (one.text, str(one.facts["remedy"])):
                assert sentence in catalogue() or retell(sentence) != sentence or sentence.startswith("retaguarda "), sentence
        assert len({one.cause for one in findings}) == len(findings)
        return {one.cause: one for one in findings}


@contextmanager
def placed(home: Path, clock: SetClock, folder: Path) -> Iterator[Place]:
    shutil.copytree(ROOT / "config", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
        place = Place(home, folder, clock)
        place.write(HOURLY, DAILY, DUTY)
        with place.living:
            yield place


@pytest.fixture
def place(store: Path, clock: SetClock, tmp_path: Path) -> Iterator[Place]:
    with placed(store.parent, clock, tmp_path / "config") as place:
        yield place


@pytest.fixture
def any_place(any_store: OpenStore, clock: SetClock, tmp_path: Path) -> Iterator[Place]:
    """On both kinds of store: locks are not alike there."""
    with placed(any_store.home, clock, tmp_path / "config") as place:
        yield place


def test_quiet_when_all_is_well(any_place: Place) -> None:
    any_place.scheduler()
    any_place.tick()
    for _ in range(9):
        any_place.tick(3 * HOUR)
        end_runs(any_place.clock, "hourly")
        end_runs(any_place.clock, "daily")
        end_runs(any_place.clock, "duty")
        assert any_place.found() == {}
    assert RunRecord.objects.count() >= 10


def test_without_triggers_nobody_misses_a_scheduler(place: Place) -> None:
    place.write()
    assert place.found() == {}


def test_no_scheduler_at_all_is_one_cause(any_place: Place) -> None:
    any_place.scheduler()
    any_place.tick()
    any_place.living.close()  # as kill -9 does: its row says that it works, its lock is free
    last = any_place.clock.now()
    any_place.clock.advance(26 * HOUR)
    found = any_place.found()
    assert set(found) == {"scheduler", "obligation/duty/2026-11-11"}, "the deadline passed meanwhile"
    finding = found["scheduler"]
    assert (finding.severity, finding.facts["symptoms"]) == ("critical", 2), "two triggers whose fires nobody decided"
    assert dt.datetime.fromisoformat(finding.facts["since"]) <= last
    any_place.scheduler()
    any_place.tick()
    assert set(any_place.found()) == {"obligation/duty/2026-11-11"}


def test_a_scheduler_that_hangs_holds_its_lock_and_is_told(any_place: Place) -> None:
    name = any_place.scheduler()
    any_place.tick()
    any_place.clock.advance(2 * MINUTE)
    assert any_place.found() == {}
    any_place.clock.advance(2 * MINUTE)
    (finding,) = any_place.found().values()
    assert (finding.cause, finding.severity) == (name, "critical")
    other = any_place.scheduler()
    any_place.tick(MINUTE, beats=other)
    (finding,) = any_place.found().values()
    assert (finding.cause, finding.severity) == (name, "warning"), "another one decides meanwhile"


def test_a_fire_that_was_silently_lost(place: Place) -> None:
    """A scheduler that says it decided everything, and did not: the rule is the witness."""
    place.scheduler()
    place.tick()
    place.tick(3 * HOUR)
    assert place.found() == {}
    lost = PlannedFire.objects.filter(trigger="hourly").order_by("at")[1]
    PlannedFire.objects.filter(pk=lost.pk).delete()
    (finding,) = place.found().values()
    assert (finding.cause, finding.severity, finding.facts["symptoms"]) == ("trigger/hourly", "critical", 1)
    assert dt.datetime.fromisoformat(finding.facts["since"]) == lost.at


def test_what_lies_in_the_backlog_is_not_lost(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.scheduler()
    place.tick()
    monkeypatch.setattr("retaguarda.agenda.ledger.FILL_SECONDS", -1)
    place.tick(9 * HOUR)
    assert PlannedFire.objects.filter(trigger="hourly").count() == 1
    assert "trigger/hourly" not in place.found()
    TriggerState.objects.filter(name="hourly").update(backlog=[])
    assert place.found()["trigger/hourly"].facts["symptoms"] == 8


def test_a_deadline_without_its_row(place: Place) -> None:
    place.scheduler()
    place.tick()
    assert PlannedFire.objects.filter(trigger="duty").delete()[0] == 2
    assert place.found()["trigger/duty"].text == "fires of trigger duty were never decided"


def test_a_rule_that_no_scheduler_follows(place: Place) -> None:
    place.scheduler()
    place.tick()
    place.write(HOURLY.replace("every hour", "every 2 hours"), DAILY, DUTY)
    assert place.found() == {}, "it was written just now"
    place.clock.advance(6 * MINUTE)
    Worker.objects.update(beat_at=place.clock.now())
    (finding,) = place.found().values()
    assert finding.text == "no scheduler follows the rule of trigger hourly"
    place.tick()
    assert place.found() == {}


def test_a_trigger_that_was_switched_on_and_not_taken_up(place: Place) -> None:
    place.write(HOURLY + "enabled = false\n")
    place.scheduler()
    place.tick(HOUR)
    assert place.found() == {}
    ByHand(place.runs, place.clock).switch(load_triggers(place.installation.settings)["hourly"], on=True, who="Ana")
    assert place.found() == {}
    place.clock.advance(6 * MINUTE)
    Worker.objects.update(beat_at=place.clock.now())
    assert set(place.found()) == {"trigger/hourly"}


def test_a_fire_that_waits_for_nothing(place: Place) -> None:
    place.write(HOURLY + 'overlap = "queue"\n')
    place.scheduler()
    place.tick()
    place.tick(HOUR)
    place.tick(HOUR)
    assert place.found() == {}, "it waits for its turn"
    end_runs(place.clock, "hourly")
    place.clock.advance(6 * MINUTE)
    Worker.objects.update(beat_at=place.clock.now())
    assert set(place.found()) == {"trigger/hourly"}
    place.tick()
    assert place.found() == {}


def test_deadlines_near_and_past(place: Place) -> None:
    """The rows' own level is not believed: how they stand is computed anew."""
    place.write(DUTY)
    place.scheduler()
    place.tick()
    place.tick(5.5 * HOUR)  # 15:30, after the latest safe start: two runs of an hour and half an hour in reserve
    RunRecord.objects.update(state=RunState.FAULTED, started_at=place.clock.now(), ended_at=place.clock.now())
    PlannedFire.objects.update(level="ok")
    seen = []
    for hours in (0, 1, 2):
        place.clock.advance(hours * HOUR)
        Worker.objects.update(beat_at=place.clock.now())
        ((cause, finding),) = place.found().items()
        seen.append((cause, finding.severity, finding.text, len(finding.facts["runs"])))
    near = "a deadline of duty is near, and it is not met"
    past = "a deadline of duty has passed, and it is not met"
    cause = "obligation/duty/2026-11-11"
    assert seen == [(cause, "warning", near, 1), (cause, "critical", near, 1), (cause, "critical", past, 1)]
    RunRecord.objects.update(state=RunState.SUCCESSFUL, ended_at=place.clock.now())
    assert place.found() == {}, "late, and done"


def test_a_calendar_that_ends(place: Place) -> None:
    (place.folder / "calendars" / "short.toml").write_text(
        'schema = 1\ntitle = "Curto"\nversion = 1\nsource = "teste"\nconfidence = "high"\nextends = ["anbima"]\n'
        "valid = { from = 2020, until = 2026 }\n",
        "utf-8",
    )
    place.write(DAILY.replace("every day", "every business day") + 'calendar = "short"\n')
    place.scheduler()
    place.tick()
    seen = []
    for day in (dt.date(2026, 11, 16), dt.date(2026, 11, 18), dt.date(2026, 12, 24), dt.date(2027, 1, 5)):
        place.clock.advance((dt.datetime.combine(day, dt.time(), SAO_PAULO) - place.clock.wall).total_seconds())
        place.tick()
        seen.append([(one.cause, one.severity) for one in place.found().values()])
    assert seen == [
        [],
        [("calendar/short", "warning")],
        [("calendar/short", "critical")],
        [("trigger/daily", "critical"), ("calendar/short", "critical")],
    ]


def test_triggers_that_cannot_be_read(place: Place) -> None:
    place.write("nonsense")
    (finding,) = place.found().values()
    assert (finding.cause, finding.severity) == ("triggers", "critical")


def test_a_scheduler_that_is_stopped_dead(any_place: Place, any_store: OpenStore) -> None:
    """A real process that stands still: its lock is held, and it says nothing any more."""
    with workplace(any_store.url, any_store.home, any_place.runs) as work:
        scheduler = work.start("scheduler", "start")
        work.until(lambda: TriggerState.objects.filter(covered_until__isnull=False).count() == 3, 30)
        scheduler.send_signal(signal.SIGSTOP)
        any_place.clock.wall = Worker.objects.get().beat_at + dt.timedelta(minutes=4)
        assert set(any_place.found()) == {Worker.objects.get().name}
        scheduler.kill()
        scheduler.wait()
        assert set(any_place.found()) == {"scheduler"}


def test_as_a_command(place: Place, store: Path) -> None:
    """For a timer: what is wrong as JSON, and an exit code."""
    with workplace(f"sqlite://{store}", store.parent, place.runs) as work:

        def watchdog() -> tuple[int, list[str]]:
            command = [sys.executable, "-m", "retaguarda", "watchdog", "--quiet", "--json"]
            done = subprocess.run(command, cwd=ROOT, env=work.environment(), capture_output=True, text=True, check=False)
            assert done.stderr == ""
            return done.returncode, [one["cause"] for one in json.loads(done.stdout)]

        assert watchdog() == (1, ["scheduler"])
        place.write()
        assert watchdog() == (0, [])
