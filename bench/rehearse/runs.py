"""Schedules of whole runs: the product's runner, runs, items, leases, journal and act protocol, with workers and operators around."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from django.db import DatabaseError

from bench.rehearse.machine import Died, Rebooted, SimDesks, SimJournal, SimProcess
from bench.rehearse.portal import LAG, LONGEST
from bench.rehearse.schedule import PORTAL_FAULTS, QUIET, STATEMENT, Schedule
from retaguarda.jobs.requests import Requests
from retaguarda.jobs.runs import ENDED, FINAL_ITEMS, Runs
from retaguarda.process import Process
from retaguarda.run import MAX_CLOCK_STEP, Run, Services
from retaguarda.runner import Runner
from retaguarda.settings import JobsSettings, Settings
from retaguarda.store.models import Item, ItemState, RunRecord, RunState
from tests.house import Told

MOST_RUNS = 3
JOBS = JobsSettings(retries=4, retry_first=20, retry_most=120, time_limit=3600)


class NoSeal:
    """The audit log is another rehearsal's subject: its sealer is idle here."""

    def seal(self) -> None:
        """Nothing."""


class NoCertificates:
    """The credential has no certificate that could end."""

    def refusal(self, _names: object, _seconds: float) -> None:
        return None


@dataclass
class RunSchedule(Schedule):
    """Runs that want the same items, delivered until each has its end."""

    ITEMS = 2
    sessions = True
    MACHINE: ClassVar = {
        "kill": 0.02, "reboot": 0.005, "pause": 0.01, "hang": 0.006, "clock set": 0.008, "second runner": 0.02, "same run twice": 0.006,
        "lock lost": 0.03, "disk full": 0.006, "operator stops": 0.015,
    }  # fmt: skip
    FAULTS: ClassVar = (*MACHINE, *STATEMENT, *PORTAL_FAULTS, "session lost", "sign-in fails")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.runs = Runs(self.folder / "output", self.clock)
        self._numbers = itertools.count(1)
        self._process = Process("register", self._work())
        self._settings = Settings.model_construct(home=self.folder, output=self.folder / "output", portals={}, jobs=JOBS)

    def _work(self) -> Callable[..., None]:
        items = self.items

        def register(run: Run, credential: str, turn: int = 0) -> None:  # noqa: ARG001  # tells runs apart
            """Register the items of the schedule, once each."""
            with run.robot(credential, object) as robot:
                at: Any = robot
                for thing in run.pending(items):
                    with run.item(thing):
                        run.ensure("register", thing, find=at.find, draft=at.draft)

        return register

    def begin(self) -> None:
        self._new_run()

    def _new_run(self) -> RunRecord:
        number = RunRecord.objects.count()
        credential = "portal/robo" if number == 0 else self.rng.choice(["portal/robo", "portal/robo", "portal/other"])
        params = {"credential": credential} | ({} if self.rng.random() < 0.5 else {"turn": str(number)})
        return self.runs.create("register", params, queue="default")

    def turn(self) -> None:
        """What operators, workers and their supervisor do: look after every run once."""
        for run in RunRecord.objects.filter(parent=None).order_by("created_at"):
            self._look_after(run)

    def _look_after(self, run: RunRecord) -> None:
        if run.state == RunState.RUNNING:
            self._in_process(lambda runner: runner.bury_dead())
        elif run.state == RunState.PENDING and (run.not_before is None or run.not_before <= self.clock.now()):
            self._deliver(run)
        elif run.state in ENDED and not self._settled(run) and (not self.faulty or self.rng.random() < 0.5):
            self.runs.queue_up(run)

    def _deliver(self, run: RunRecord) -> None:
        self._in_process(lambda runner: runner.deliver(run.pk, run.attempt, lambda _limit: None))
        if not (self.processes or self.rng.random() < 0.5):  # a supervisor starts it again at once, or nobody does for a while
            self.clock.advance(self.rng.uniform(5, 300))

    def _in_process(self, work: Callable[[Runner], object]) -> None:
        """Do something in a process of its own, which may die of it."""
        process = SimProcess(f"machine:{next(self._numbers)}")
        self.processes.append(process)
        try:
            work(self._runner())
        except Rebooted:
            raise
        except (Died, DatabaseError):
            pass
        finally:
            self.processes.pop()

    def _runner(self) -> Runner:
        idle: Any = None
        certificates: Any = NoCertificates()
        audit: Any = NoSeal()
        services = Services(
            settings=self._settings,
            clock=self.clock,
            runs=self.runs,
            journal=SimJournal(self),
            locks=self.locks,
            evidence=idle,
            desks=SimDesks(self, QUIET),
            requests=Requests(self._settings.approvals, self.clock, self.runs, lambda: idle),
            progress=Told(),
            certificates=certificates,
        )
        return Runner(services, {"register": self._process}, audit, lambda _run: None)

    # --- what goes wrong --------------------------------------------------------------------------------------------------

    def happen(self, fault: str) -> None:
        if fault == "operator stops":
            self._stop_one()
        else:
            super().happen(fault)

    def _stop_one(self) -> None:
        with self.observing():
            running = RunRecord.objects.filter(state=RunState.RUNNING).order_by("created_at").first()
            if running is not None:
                self.runs.request_stop(running)

    def another(self, fault: str) -> None:
        """The same run, which was delivered twice; another run for the same items; or, while one hangs, all that are due."""
        with self.observing():
            at_work = list(RunRecord.objects.filter(state=RunState.RUNNING).order_by("created_at"))
            others = list(RunRecord.objects.filter(state=RunState.PENDING).order_by("created_at"))
            if fault == "second runner" and not others and RunRecord.objects.count() < MOST_RUNS:
                others = [self._new_run()]
        if fault == "hang":
            for run in [*at_work, *others]:
                self._look_after(run)
        elif fault == "same run twice":
            for run in at_work[:1]:  # unless somebody took it over meanwhile
                self._deliver(run)
        elif others:
            self._deliver(self.rng.choice(others))

    # --- what must hold ---------------------------------------------------------------------------------------------------

    def why_not(self) -> str:
        with self.observing():
            stopped = RunRecord.objects.filter(state=RunState.RUNNING, executor=self.present.name, stop_requested=True).exists()
        if stopped:
            return "the operator had asked it to stop"
        if self.present.offset is not None and abs(self.clock.offset() - self.present.offset) > MAX_CLOCK_STEP:
            return "the clock had been set"
        return "the disk was full" if self.disk_full else ""

    def intended(self) -> None:
        """An intent is only written by the newest session of its credential: nobody works with it twice at a time."""
        session = cast("Any", self.present.session)
        newest = self.portal.newest[session.credential]
        self.require(session.number == newest, f"intent by session {session.number} of {session.credential}, the newest is {newest}")

    def check(self) -> None:
        """Nothing twice, nothing told as done that is not, no defect."""
        for item in Item.objects.filter(state=ItemState.SUCCESSFUL):
            self.require(self.is_done(item.reference), f"{item.reference} told as done")
        for run in RunRecord.objects.filter(state=RunState.FAULTED):
            self.require((run.error or {}).get("code") != "defect", f"a defect: {run.error}")
        super().check()

    def _settled(self, run: RunRecord) -> bool:
        """Whether every item of a run has its end."""
        states = list(run.items.values_list("state", flat=True))
        return len(states) == self.ITEMS and all(state in FINAL_ITEMS for state in states)

    def at_rest(self) -> bool:
        return all(run.state in ENDED and self._settled(run) for run in RunRecord.objects.all())

    def finish(self) -> None:
        self.clock.advance(LONGEST + LAG)
        self.require(self.at_rest(), f"stuck: {[(run.pk, run.state, run.error) for run in RunRecord.objects.all()]}")
        self.check()
        for item in Item.objects.order_by("run", "reference"):
            self.ends.append("done" if item.state == ItemState.SUCCESSFUL else self.judged(item.reference, item.code, item.reason))
        before = self.portal.posts.copy()
        self._deliver(self.runs.create("register", {"credential": "portal/robo", "turn": "99"}, queue="default"))
        self.require(before == self.portal.posts, f"a later run pressed: {self.portal.posts - before}")
