"""One schedule of the simulation: a seed, a machine, a portal, items to register, and the faults that fired.

One thread. The runner, runs, items, leases, locks, journal and act protocol are the product's, over a real SQLite; clock, portal,
pictures and random numbers are injected. What is judged is what the portal holds, never what our own log says.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast
from unittest import mock

from django.db import DatabaseError, OperationalError, connection

from bench.rehearse.machine import Died, Rebooted, SimClock, SimDesks, SimJournal, SimProcess
from bench.rehearse.portal import LAG, LONGEST, SimForm, SimPortal
from bench.rehearse.tally import Violation
from retaguarda.act import MAX_SWALLOWED
from retaguarda.jobs import runs as runs_module
from retaguarda.jobs.requests import Requests
from retaguarda.jobs.runs import ENDED, FINAL_ITEMS, Runs
from retaguarda.locks import Locks
from retaguarda.process import Process
from retaguarda.run import MAX_CLOCK_STEP, Run, Services
from retaguarda.runner import Runner
from retaguarda.settings import JobsSettings, Settings
from retaguarda.store.models import Intent, IntentState, Item, ItemState, RunRecord, RunState
from tests.house import Thing, Told

QUIET = 150.0
ITEMS = 2
FAULTY_ROUNDS = 8
CALM_ROUNDS = 60
MOST_RUNS = 3
JOBS = JobsSettings(retries=4, retry_first=20, retry_most=120, time_limit=3600)

MACHINE = {
    "kill": 0.02, "reboot": 0.005, "pause": 0.01, "hang": 0.006, "clock set": 0.008, "second runner": 0.02, "same run twice": 0.006,
    "lock lost": 0.012, "disk full": 0.006, "operator stops": 0.006,
}  # fmt: skip
"""Faults of the machine, and how likely each is at a step."""
STATEMENT = {"kill at a statement": 0.0015, "store fails": 0.0015}
"""The same at each SQL statement."""
FAULTS = (
    *MACHINE, *STATEMENT, "no answer, not done", "no answer, done", "done late", "swallowed", "said to be there", "refused", "list behind",
    "garbage page", "session lost", "sign-in fails", "another hand", "form shows otherwise",
)  # fmt: skip
TABLES = ("outboxevent", "intent", "item", "lease", "request", "runrecord")


class NoSeal:
    """The audit log is another rehearsal's subject: its sealer is idle here."""

    def seal(self) -> None:
        """Nothing."""


class NoCertificates:
    """The credential has no certificate that could end."""

    def refusal(self, _names: object, _seconds: float) -> None:
        return None


@dataclass
class World:
    """One schedule."""

    seed: int
    folder: Path
    fired: Counter[str] = field(default_factory=Counter)
    ends: list[str] = field(default_factory=list)
    violation: str = ""
    processes: list[SimProcess] = field(default_factory=list)
    faulty: bool = True
    disk_full_until: float = -1.0

    PORTAL: ClassVar = "portal"

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.clock = SimClock(self.rng)
        self.locks = Locks(self.folder / "locks")
        self.portal = SimPortal(self)
        self.items = [Thing(f"S{self.seed}-{n}") for n in range(ITEMS)]
        self.portal.refusing = {item.reference for item in self.items if self.rng.random() < 0.1}
        self.runs = Runs(self.folder / "output", self.clock)
        self._numbers = itertools.count(1)
        self._watching = False
        self._process = Process("register", self._work())
        self._settings = Settings.model_construct(home=self.folder, output=self.folder / "output", portals={}, jobs=JOBS)

    # --- what is played ---------------------------------------------------------------------------------------------------

    def play(self) -> World:
        """Run the schedule to its end and check the promises; returns itself, for the counts."""
        with self._injected():
            if self.rng.random() < 0.02:
                self.fired["another hand"] += 1
                self.portal.other_hand(self.items[0])
            self._new_run()
            for round_ in range(FAULTY_ROUNDS + CALM_ROUNDS):
                self.faulty = round_ < FAULTY_ROUNDS
                self._turn()
                if self._at_rest():
                    break
                most = 120 if self.faulty else 600
                self.clock.advance(self.rng.choice([self.rng.uniform(1, 10), self.rng.uniform(10, most)]))
            self._finish()
        return self

    def _work(self) -> Callable[..., None]:
        items = self.items

        def register(run: Run, credential: str, turn: int = 0) -> None:
            """Register the items of the schedule, once each."""
            with run.robot(credential, object) as robot:
                at: Any = robot
                for thing in run.pending(items):
                    with run.item(thing):
                        run.ensure("register", thing, find=at.find, draft=at.draft)

        return register

    def _new_run(self) -> RunRecord:
        number = RunRecord.objects.count()
        credential = "portal/robo" if number == 0 else self.rng.choice(["portal/robo", "portal/other"])
        params = {"credential": credential} | ({} if self.rng.random() < 0.5 else {"turn": str(number)})
        return self.runs.create("register", params, queue="default")

    def _turn(self) -> None:
        """What operators, workers and their supervisor do: look after every run once."""
        try:
            for run in RunRecord.objects.filter(parent=None).order_by("created_at"):
                self._look_after(run)
        except Rebooted:
            self.clock.reboot()
            self.clock.advance(self.rng.uniform(20, 600))
        self._check()

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
            self.processes.remove(process)

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

    @property
    def present(self) -> SimProcess:
        """The process that is at work."""
        return self.processes[-1]

    def fires(self, fault: str, chance: float) -> bool:
        """Whether a fault happens now; it is counted when it does."""
        happens = self.faulty and self.rng.random() < chance
        self.fired[fault] += happens
        return happens

    def step(self, _where: str) -> None:
        """A boundary between two steps: a little time passes, and anything may happen to the machine."""
        self.clock.advance(self.rng.uniform(0.01, 2))
        alone = len(self.processes) == 1 and not connection.in_atomic_block
        for fault, chance in MACHINE.items():
            if (alone or fault not in {"second runner", "same run twice", "hang"}) and self.fires(fault, chance):
                self._happen(fault)

    def _happen(self, fault: str) -> None:
        if fault == "kill":
            self._die()
        elif fault == "reboot":
            self._die(Rebooted)
        elif fault == "pause":
            self.clock.advance(self.rng.uniform(30, 400))
        elif fault == "clock set":
            self.clock.set_wall(self.rng.choice([-3600, -600, 600, 3600]))
        elif fault == "lock lost":
            self._lose_locks(all_of_them=False)
        elif fault == "disk full":
            self.disk_full_until = self.clock.true + self.rng.uniform(1, 300)
        elif fault == "operator stops":
            self._stop_one()
        elif fault == "hang":
            self._hang()
        else:
            self._second(same=fault == "same run twice")

    def _die(self, how: type[Died] = Died) -> None:
        for process in self.processes if how is Rebooted else self.processes[-1:]:
            process.dead = True
        raise how

    def _lose_locks(self, *, all_of_them: bool) -> None:
        """Somebody clears the folder of the locks, or the server of the locks lets go of a session."""
        for path in sorted((self.folder / "locks").glob("*.lock")):
            if all_of_them or self.rng.random() < 0.5:
                path.unlink()

    def _stop_one(self) -> None:
        running = RunRecord.objects.filter(state=RunState.RUNNING).order_by("created_at").first()
        if running is not None and not connection.in_atomic_block:
            with self._as_observer():
                self.runs.request_stop(running)

    def _second(self, *, same: bool) -> None:
        """Another process comes while the first stands where it is: with the same run, which was delivered twice, or with another one."""
        with self._as_observer():
            at_work = RunRecord.objects.filter(state=RunState.RUNNING).order_by("created_at").first()
            others = list(RunRecord.objects.filter(state=RunState.PENDING).order_by("created_at"))
            if not same and not others and RunRecord.objects.count() < MOST_RUNS:
                others = [self._new_run()]
        if same and at_work is not None:
            self._deliver(at_work)
        elif others:
            self._deliver(self.rng.choice(others))

    def _hang(self) -> None:
        """The process stands still for minutes and loses all it held, while others go on."""
        self._lose_locks(all_of_them=True)
        for _ in range(self.rng.randint(2, 4)):
            self.clock.advance(self.rng.uniform(20, 160))
            with self._as_observer():
                runs = list(RunRecord.objects.filter(state__in=(RunState.PENDING, RunState.RUNNING)).order_by("created_at"))
            for run in runs:
                self._look_after(run)

    def _statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001  # Django's hook
        """Every statement of the product goes through here: a dead process writes nothing more, and any of them may be the last."""
        if self.processes and not self._watching:
            if self.present.dead:
                raise OperationalError("the process is dead")
            if self.fires("kill at a statement", STATEMENT["kill at a statement"]):
                self._die()
            if self.fires("store fails", STATEMENT["store fails"]):
                raise OperationalError("disk I/O error")
        return execute(sql, params, many, context)

    def _disk(self, _folder: object) -> Any:
        return mock.Mock(free=0 if self.clock.true < self.disk_full_until and self.faulty else 10**12)

    @contextmanager
    def _as_observer(self) -> Iterator[None]:
        """What is asked of the store within the block is nothing that a process of the product does."""
        before, self._watching = self._watching, True
        try:
            yield
        finally:
            self._watching = before

    @contextmanager
    def _injected(self) -> Iterator[None]:
        """The store empty, and everything that the product asks the machine for, asked here."""
        with connection.cursor() as cursor:
            for table in TABLES:
                cursor.execute(f"DELETE FROM store_{table}")  # noqa: S608  # our own names
        names = (f"{number:08x}" for number in itertools.count())
        with ExitStack() as stack:
            stack.enter_context(connection.execute_wrapper(self._statement))
            stack.enter_context(mock.patch.object(shutil, "disk_usage", self._disk))
            stack.enter_context(mock.patch.object(runs_module, "executor", lambda: self.present.name if self.processes else "machine:0"))
            stack.enter_context(mock.patch.object(runs_module.secrets, "token_hex", lambda _bytes: next(names)))
            yield

    # --- what must hold ---------------------------------------------------------------------------------------------------

    def require(self, holds: bool, text: str) -> None:
        """Note the first promise that is broken, and end everything."""
        if not holds:
            self.violation = self.violation or f"seed {self.seed}: {text}: {self.portal.held} {self.portal.coming}"
            if self.processes:
                self._die(Rebooted)

    def why_not(self) -> str:
        """Why nothing may be pressed from now on by the process at work; nothing when it may."""
        with self._as_observer():
            stopped = RunRecord.objects.filter(state=RunState.RUNNING, executor=self.present.name, stop_requested=True).exists()
        if stopped:
            return "the operator had asked it to stop"
        if self.present.offset is not None and abs(self.clock.offset() - self.present.offset) > MAX_CLOCK_STEP:
            return "the clock had been set"
        return "the disk was full" if self._disk("").free == 0 else ""

    def intended(self) -> None:
        """An intent was written: by the only session of its credential that the portal still counts."""
        session = cast("Any", self.present.session)
        newest = self.portal.newest[session.credential]
        self.require(session.number == newest, f"intent by session {session.number} of {session.credential}, the newest is {newest}")

    def pressed(self, form: SimForm) -> None:
        """A form arrived: it was announced by an intent of its own, and nothing spoke against it before it was read."""
        reference = form.wanted.reference
        self.require(not form.why_not, f"{reference} pressed although {form.why_not}")
        with self._as_observer():
            intents = Intent.objects.filter(reference=reference).exclude(state=IntentState.NOT_SENT).count()
        self.require(intents >= self.portal.posts[reference], f"{reference} pressed without an intent")

    def _check(self) -> None:
        """Nothing of ours twice or otherwise than wanted, nothing told as done that is not."""
        for wanted in self.items:
            ours = [row for row in self.portal.rows(wanted.reference) if row.ours]
            self.require(len(ours) <= 1, f"{wanted.reference} registered twice")
            self.require(all(row.fields == wanted.fields() for row in ours), f"{wanted.reference} registered otherwise than wanted")
        for item in Item.objects.filter(state=ItemState.SUCCESSFUL):
            self.require(self._is_done(item.reference), f"{item.reference} told as done")
        for run in RunRecord.objects.filter(state=RunState.FAULTED):
            self.require((run.error or {}).get("code") != "defect", f"a defect: {run.error}")
        if self.violation:
            raise Violation(self.violation)

    def _is_done(self, reference: str) -> bool:
        wanted = next(item for item in self.items if item.reference == reference)
        return [row.fields for row in self.portal.rows(reference)] == [wanted.fields()]

    def _settled(self, run: RunRecord) -> bool:
        """Whether every item of a run has its end."""
        states = list(run.items.values_list("state", flat=True))
        return len(states) == ITEMS and all(state in FINAL_ITEMS for state in states)

    def _at_rest(self) -> bool:
        return all(run.state in ENDED and self._settled(run) for run in RunRecord.objects.all())

    def _finish(self) -> None:
        """All late work lands; every item has an end, and the end is the truth; another run presses nothing."""
        self.faulty = False
        self.clock.advance(LONGEST + LAG)
        self.require(self._at_rest(), f"stuck: {[(run.pk, run.state, run.error) for run in RunRecord.objects.all()]}")
        self._check()
        for item in Item.objects.order_by("run", "reference"):
            self.ends.append(self._end_of(item))
        before = self.portal.posts.copy()
        again = self.runs.create("register", {"credential": "portal/robo", "turn": "99"}, queue="default")
        self._deliver(again)
        self._check()
        self.require(before == self.portal.posts, f"a later run pressed: {self.portal.posts - before}")
        self._check()

    def _end_of(self, item: Item) -> str:
        """How an item ended, once it was found to be true."""
        ours = [row for row in self.portal.rows(item.reference) if row.ours]
        if item.state == ItemState.SUCCESSFUL:
            return "done"
        if item.code == "conflict":
            hidden = "no longer shows it" in item.reason
            self.require(hidden or not self._is_done(item.reference), f"{item.reference} told as a conflict")
            return "to a person: late list" if hidden else "conflict with another hand"
        given_up = Intent.objects.filter(reference=item.reference, state=IntentState.ABSENT).count() >= MAX_SWALLOWED
        self.require(item.code == "refused" and not ours, f"{item.reference} ended {item.code} {item.reason}")
        self.require(given_up or item.reference in self.portal.refusing, f"{item.reference} was not refused")
        return "refused" if item.reference in self.portal.refusing else "to a person: swallowed"
