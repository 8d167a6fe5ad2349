"""The level `proc`: real processes at a sandbox portal, killed with -9, stopped, doubled, while the portal and the store misbehave.

Each lane is an installation of its own with its portal, and plays its share of the seeds one after the other: the even ones on
SQLite, the odd ones on a PostgreSQL server that is started anew under them. Which faults a seed orders, and when, follows from
it; what each process was doing at that moment does not.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connections
from loguru import logger

from retaguarda.store.connection import set_up

set_up()

from bench.rehearse.desks import JOBS, PROCESS, at_the_portal  # noqa: E402  # needs the tables
from bench.rehearse.sandboxed import CONCLUDE, LIST, CceePortal, running_portal  # noqa: E402
from bench.rehearse.stores import LaneStore, postgres_store, sqlite_store  # noqa: E402
from bench.rehearse.tally import Tally, Violation  # noqa: E402
from retaguarda.audit.verify import verify  # noqa: E402
from retaguarda.clock import Clock  # noqa: E402
from retaguarda.jobs.runs import ENDED, FINAL_ITEMS  # noqa: E402
from retaguarda.store.models import Intent, Item, RunRecord  # noqa: E402
from sandbox.month import build  # noqa: E402
from tests.house import House  # noqa: E402

QUIET = 3.0
"""Seconds; the portal works on a form for at most a third of it."""
LATE = (0.2, 1.0)
ATTEMPTS = 30
"""Deliveries within which a schedule must have come to its end; faults stop after the first five."""
FAULTY = 5
LANES = 6
PROCESSES = ("kill -9", "stopped a while", "same run twice", "second run", "portal killed", "store locked", "store restarted")
PRESS_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "die-after-commit"},
    {"kind": "late-commit"},
    {"kind": "swallow"},
    {"kind": "error-500"},
    {"kind": "error-500", "value": "after"},
    {"kind": "slow", "seconds": 0.4},
    {"kind": "drop-session"},
)
LOOK_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "stale-list", "seconds": 0.8},
    {"kind": "maintenance"},
    {"kind": "rename-heading", "value": "Outra tela"},
    {"kind": "duplicate-rows"},
    {"kind": "drop-session"},
)
FAULTS = (
    *PROCESSES, "die-after-commit", "late-commit", "swallow", "error-500 before it is done", "error-500 after it was done", "slow",
    "drop-session", "stale-list", "maintenance", "rename-heading", "duplicate-rows", "refused",
)  # fmt: skip


@dataclass
class Lane:
    """One installation and its portal."""

    house: House
    portal: CceePortal
    store: LaneStore
    tally: Tally
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        month = build()
        self.seller = month.us.profiles[0].code
        profiles = [profile for company, profile in month.profiles() if company is not month.us]
        self.buyer = next(profile.code for profile in profiles if profile.active)
        self.inactive = next(profile.code for profile in profiles if not profile.active)

    # --- processes --------------------------------------------------------------------------------------------------------

    def fork(self, work: Callable[[], object]) -> int:
        """A process that does this and ends; its pid."""

        connections.close_all()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # whatever it was, this copy of the process ends here
            with (self.house.home / "children.log").open("a") as log:
                traceback.print_exc(file=log)
        os._exit(code)

    def deliver(self, run: RunRecord, robot: dict[str, int]) -> int:
        """What a worker's child does with a run, in a process of its own."""
        run_id, attempt = run.pk, run.attempt

        def work() -> None:

            with at_the_portal(self.house, self.portal, self.seller, robot, QUIET) as runner:
                runner.deliver(run_id, attempt, lambda _limit: None)

        return self.fork(work)

    # --- a schedule -------------------------------------------------------------------------------------------------------

    def play(self, seed: int) -> None:
        """One schedule to its end; raises Violation."""
        Schedule(self, seed).play()


class Schedule:
    """A seed: what is to be registered, and what goes wrong meanwhile."""

    LOOK_FAULTS = LOOK_FAULTS

    def __init__(self, lane: Lane, seed: int) -> None:
        self.lane, self.seed, self.rng = lane, seed, random.Random(seed)
        self.fired: Counter[str] = Counter()
        refused = self.rng.random() < 0.08
        self.references = [f"P{seed:06d}-{n}" for n in range(self.rng.choice([1, 1, 2]))]
        self.robot = dict.fromkeys(self.references, lane.inactive if refused else lane.buyer)
        self.refused = refused
        self.pids: list[int] = []

    def play(self) -> None:
        """Deliver until every item has its end, with faults at first; then judge by what the portal holds."""
        lane = self.lane
        before = lane.portal.presses()
        lane.portal.order(*self._orders())
        runs = [self._new_run("first")]
        for attempt in range(ATTEMPTS):
            faulty = attempt < FAULTY
            if attempt == FAULTY:
                self._calm()
            self._go_on(runs, faulty=faulty)
            self._check(runs)
            if all(self._settled(run) for run in runs):
                break
        self._calm()
        self._judge(runs, before)
        self._nothing_later()

    def _orders(self) -> Iterator[dict[str, Any]]:
        """What the portal is to do wrong."""
        chosen = [(CONCLUDE, self.rng.choice(PRESS_FAULTS))] * (self.rng.random() < 0.75)
        chosen += [(LIST, self.rng.choice(self.LOOK_FAULTS))] * (self.rng.random() < 0.4)
        for at, fault in chosen:
            late = {"seconds": self.rng.uniform(*LATE)} if fault["kind"] == "late-commit" else {}
            yield {"portal": "ccee", "at": at, "times": self.rng.choice([1, 1, 2]), "skip": self.rng.choice([0, 0, 0, 1]), **fault, **late}

    def _calm(self) -> None:
        self.fired.update(self.lane.portal.fired())
        self.lane.portal.order()

    def _new_run(self, turn: str) -> str:
        params = {"references": ";".join(self.references), "turn": turn}
        return self.lane.house.services.runs.create("register", params, queue="default").pk

    def _run(self, pk: str) -> RunRecord:

        return RunRecord.objects.get(pk=pk)

    def _settled(self, pk: str) -> bool:

        run = self._run(pk)
        states = list(run.items.values_list("state", flat=True))
        return run.state in ENDED and len(states) == len(self.references) and all(state in FINAL_ITEMS for state in states)

    def _go_on(self, runs: list[str], *, faulty: bool) -> None:
        """Whatever workers, their supervisor and operators do next with these runs."""

        for pk in list(runs):
            run = self._run(pk)
            if run.state == "RUNNING":
                self.lane.house.runner(PROCESS).bury_dead()
            elif run.state in ENDED and not self._settled(pk):
                self.lane.house.services.runs.queue_up(run)
            elif run.state == "PENDING":
                while run.not_before and run.not_before > self.lane.clock.now():
                    self.lane.clock.pause(0.05)
                self._deliver(run, runs, faulty=faulty)

    def _deliver(self, run: RunRecord, runs: list[str], *, faulty: bool) -> None:
        lane, chosen = self.lane, ""
        if faulty:
            chosen = self.rng.choices(["", *PROCESSES], [3, 9, 2, 2, 2, 0.5, 1, 4])[0]
        self.pids = [lane.deliver(run, self.robot)]
        if chosen:
            lane.clock.pause(self.rng.uniform(0.02, 0.9))
            self.fired[chosen] += self._happen(chosen, run, runs)
        for pid in self.pids:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _happen(self, fault: str, run: RunRecord, runs: list[str]) -> bool:
        """Do it to the process at work; whether there was one."""
        lane, pid = self.lane, self.pids[0]
        if fault == "store restarted":
            return lane.store.restart()
        if fault == "portal killed":
            lane.portal.kill()
            lane.portal.start()
            return True
        if fault == "store locked":
            lane.store.hold(lambda: lane.clock.pause(self.rng.uniform(0.2, 1)))
            return True
        if fault == "second run":
            runs.append(self._new_run(f"second {len(runs)}"))
            self.pids.append(lane.deliver(self._run(runs[-1]), self.robot))
            return True
        if os.waitpid(pid, os.WNOHANG)[0]:
            self.pids.remove(pid)
            return False
        if fault == "kill -9":
            os.kill(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGSTOP)
            if fault == "same run twice":
                self.pids.append(lane.deliver(run, self.robot))
            lane.clock.pause(self.rng.uniform(0.2, 1.2))
            os.kill(pid, signal.SIGCONT)
        return True

    # --- what must hold ---------------------------------------------------------------------------------------------------

    def _require(self, holds: bool, text: str) -> None:
        if not holds:
            raise Violation(f"seed {self.seed}: {text}")

    def _check(self, runs: list[str]) -> None:
        """Nothing twice, nothing told as done that is not."""

        told = list(Item.objects.filter(run__in=runs, state="SUCCESSFUL").values_list("reference", flat=True))
        held = self.lane.portal.held(self.references)
        for reference, rows in held.items():
            self._require(len(rows) <= 1, f"{reference} registered {len(rows)} times")
            self._require(reference not in told or rows == [MW], f"{reference} told as done, the portal holds {rows}")

    def _judge(self, runs: list[str], before: int) -> None:

        left = [(run.pk, run.state, run.error, list(run.items.values_list("reference", "state", "reason"))) for run in map(self._run, runs)]
        self._require(all(self._settled(run) for run in runs), f"stuck: {left}")
        held, ends = self.lane.portal.held(self.references), []
        for item in Item.objects.filter(run__in=runs):
            rows = held[item.reference]
            late_list = item.code == "conflict" and "no longer shows it" in item.reason
            no = self.refused or "never showed it" in item.reason
            self._require(
                item.state == "SUCCESSFUL" or late_list or (item.code == "refused" and no and not rows),
                f"{item.reference} ended {item.code} {item.reason}: {rows}",
            )
            ends.append(
                "done"
                if item.state == "SUCCESSFUL"
                else "to a person: late list"
                if late_list
                else "refused"
                if self.refused
                else "to a person: swallowed"
            )
        presses = self.lane.portal.presses() - before
        intents = Intent.objects.filter(reference__in=self.references).exclude(state="NOT_SENT").count()
        self._require(presses <= intents, f"{presses} presses, {intents} intents")
        self.fired["refused"] += self.refused and presses > 0
        self.lane.tally.add(self.fired, ends, presses)

    def _nothing_later(self) -> None:
        """Every third schedule: another run for the same items presses nothing."""
        if self.seed % 3:
            return
        before = self.lane.portal.presses()
        self._deliver(self._run(self._new_run("later")), [], faulty=False)
        self._require(self.lane.portal.presses() == before, "a later run pressed")


MW = "1.250000"


OpenStore = Callable[[Path], AbstractContextManager[LaneStore]]
"""Opens the store of an installation for a block."""


@contextmanager
def open_lane(folder: Path, open_store: OpenStore) -> Iterator[Lane]:
    """An installation and a portal in a folder."""
    home = folder / "home"
    logger.remove()
    with open_store(home) as store, running_portal(folder / "portal") as portal, House.over(home, Clock()) as house:
        house.services.settings = house.services.settings.model_copy(update={"jobs": JOBS})
        yield Lane(house, portal, store, Tally("proc", FAULTS))


def play_in(lane: Lane, seeds: Sequence[int], until: float) -> Tally:
    """Play these schedules in a lane, as many as begin before a moment.

    In the end its audit log must verify, and no secret of the portal's may stand in any file of the installation, the store included.
    """
    for number, seed in enumerate(seeds, 1):
        if lane.clock.monotonic() > until:
            break
        try:
            lane.play(seed)
        except Violation as violation:
            lane.tally.broken.append(str(violation))
            print(f"BROKEN {violation}", file=sys.stderr, flush=True)
        if number % 20 == 0:
            print(f"{lane.tally.level}: {number} of {len(seeds)}, {len(lane.tally.broken)} broken", file=sys.stderr, flush=True)
    lane.house.audit.seal()
    if not verify(lane.house.home / "audit").holds:
        lane.tally.broken.append("the audit log does not verify")
    lane.tally.broken += [f"a secret stands in {place}" for place in lane.portal.betrayed(lane.house.home, lane.store.texts())]
    return lane.tally


def play(seeds: range, folder: Path, until: float = math.inf) -> Tally:
    """Play these schedules, as many as begin before a moment."""
    tally = Tally("proc", FAULTS)
    stores: tuple[OpenStore, ...] = (sqlite_store, postgres_store)
    for number, open_store in enumerate(stores):
        if share := [seed for seed in seeds if seed % len(stores) == number]:
            with open_lane(folder / f"{number}", open_store) as lane:
                tally.merge(play_in(lane, share, until))
    return tally


def rehearse(seeds: range, seconds: float = math.inf, lanes: int = LANES) -> Tally:
    """Play the schedules in some lanes at a time, as many as begin within the seconds."""
    return in_lanes(Tally("proc", FAULTS), play, seeds, seconds, lanes)


Play = Callable[[range, Path, float], Tally]
"""Plays schedules in a folder of its own, as many as begin before a moment."""


def _lane(play_: Play, level: str, seeds: range, until: float) -> Tally:
    with tempfile.TemporaryDirectory(prefix=f"retaguarda-{level}-", ignore_cleanup_errors=True) as folder:
        return play_(seeds, Path(folder), until)


def in_lanes(tally: Tally, play_: Play, seeds: range, seconds: float, lanes: int) -> Tally:
    """Count what some processes play side by side."""
    lanes, clock = max(1, min(lanes, len(seeds))), Clock()
    began = clock.monotonic()
    one = partial(_lane, play_, tally.level)
    with ProcessPoolExecutor(lanes, mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(one, [seeds[lane::lanes] for lane in range(lanes)], [began + seconds] * lanes):
            tally.merge(part)
    tally.seconds = clock.monotonic() - began
    tally.fired = +tally.fired
    return tally
