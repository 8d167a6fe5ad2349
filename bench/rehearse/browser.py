"""The level `browser`: the real robot of CCEE in a real Chromium at the sandbox's CCEE, which misbehaves; the browser is killed with -9.

After every third registration the real task `reconcile_ccee` downloads CCEE's own export, while the portal sends it in part.
A lane has one portal and one browser for all its schedules, with a fresh context each, and starts a new browser when its own died.
"""

from __future__ import annotations

import math
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from loguru import logger
from playwright.sync_api import Error

from retaguarda.store.connection import set_up

set_up()

from bench.rehearse import proc  # noqa: E402  # needs the tables
from bench.rehearse.desks import JOBS  # noqa: E402
from bench.rehearse.sandboxed import EXPORT, CceePortal, running_portal  # noqa: E402
from bench.rehearse.stores import sqlite_store  # noqa: E402
from bench.rehearse.tally import Tally  # noqa: E402
from retaguarda.clock import Clock  # noqa: E402
from retaguarda.desk import Desks  # noqa: E402
from retaguarda.formats import ccee_export  # noqa: E402
from retaguarda.model.contracts import Registration  # noqa: E402
from retaguarda.model.values import Month  # noqa: E402
from retaguarda.process import Artifact, Process  # noqa: E402
from retaguarda.run import Run  # noqa: E402
from retaguarda.runner import Runner  # noqa: E402
from retaguarda.settings import LeaseSettings  # noqa: E402
from retaguarda.store.models import RunRecord  # noqa: E402
from robots.ccee import CceeRobot  # noqa: E402
from sandbox.month import build  # noqa: E402
from tasks.reconcile_ccee import CceeReconciliation, reconcile_ccee  # noqa: E402
from tests.house import House  # noqa: E402

LANES = 2
SUBMARKETS = ("NORTE", "NORDESTE", "SUL", "SUDESTE")
LOOK_FAULTS: tuple[dict[str, Any], ...] = (*proc.LOOK_FAULTS, {"kind": "popup", "value": "Pesquisa de satisfação"}, {"kind": "error-500"})
FAULTS = (
    "browser killed", "die-after-commit", "late-commit", "swallow", "error-500 before it is done", "error-500 after it was done", "slow",
    "drop-session", "stale-list", "maintenance", "rename-heading", "duplicate-rows", "popup", "error-500", "refused", "truncate-download",
)  # fmt: skip
HOW = ("", "empty", "cut")
"""What comes instead of a file: its first half, no byte, its half and then the end of the connection."""
MONTH = Month(2026, 10)
BOLETAS = Path(__file__).parents[2] / "tests" / "data" / "tryton" / "contracts.csv"


class LastingDesks(Desks):
    """Desks whose browser outlives the run, as long as it lives."""

    def close(self) -> None:
        """The next run has the same browser."""

    def end(self) -> None:
        super().close()

    def _running_browser(self) -> Any:
        if self._browser is not None and not self._browser.is_connected():
            self.end()  # a thread has room for one driver
        return super()._running_browser()

    def browser_pid(self) -> int:
        """The process of the browser; 0 when there is none."""
        if self._browser is None or not self._browser.is_connected():
            return 0
        with suppress(Error):
            told = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
            return next((int(process["id"]) for process in told if process["type"] == "browser"), 0)
        return 0


def unused_keys() -> list[tuple[int, str]]:
    """Buyers and submarkets between which the portal holds nothing yet: by these it tells contracts apart, so it has room for so many."""
    month = build()
    seller = month.us.profiles[0].code
    held = {(contract.buyer, contract.submarket) for contract in month.ccee if contract.seller == seller}
    buyers = [profile.code for company, profile in month.profiles() if company is not month.us and profile.active]
    return [(buyer, submarket) for submarket in SUBMARKETS for buyer in buyers if (buyer, submarket) not in held]


@dataclass
class BrowserLane(proc.Lane):
    """One installation, its portal and its browser."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings, services = self.house.services.settings, self.house.services
        evidence, clock, locks = services.evidence, services.clock, services.locks
        self.desks = LastingDesks(settings, lambda: self.house.vault, self.house.robots.__getitem__, locks, evidence, clock)
        self.wanted: dict[str, Registration] = {}
        self._keys = iter(unused_keys())
        processes = {"register": Process("register", self._register), reconcile_ccee.name: reconcile_ccee}
        self.runner = Runner(replace(services, desks=self.desks), processes, self.house.audit, lambda _run: None)

    def want(self, reference: str, *, refused: bool) -> None:
        """Say what a reference stands for."""
        buyer, submarket = (self.inactive, "SUL") if refused else next(self._keys)
        self.wanted[reference] = Registration(reference, self.seller, buyer, submarket, MONTH, Decimal("1.25"), "Flat")

    def _register(self, run: Run, references: tuple[str, ...], turn: str) -> None:  # noqa: ARG002  # tells runs apart
        """Register the contracts of these references, once each."""
        with run.robot("ccee/robo", object) as robot:
            at: Any = robot
            for wanted in run.pending([self.wanted[reference] for reference in references]):
                with run.item(wanted):
                    run.ensure("register", wanted, find=at.find, draft=at.draft)

    def play(self, seed: int) -> None:
        BrowserSchedule(self, seed).play()
        if seed % 3 == 0:
            DownloadSchedule(self, seed).play()


class BrowserSchedule(proc.Schedule):
    """A seed, played in the browser of its lane."""

    lane: BrowserLane
    LOOK_FAULTS = LOOK_FAULTS

    def __init__(self, lane: BrowserLane, seed: int) -> None:
        self.lane, self.seed, self.rng = lane, seed, random.Random(seed)
        self.fired: Counter[str] = Counter()
        self.refused = self.rng.random() < 0.06
        self.references = [f"B{seed:06d}"]
        lane.want(self.references[0], refused=self.refused)

    def _deliver(self, run: RunRecord, runs: list[str], *, faulty: bool) -> None:  # noqa: ARG002  # no other run comes in here
        killer = self._killer() if faulty and self.rng.random() < 0.25 else None
        try:
            self.lane.runner.deliver(run.pk, run.attempt, lambda _limit: None)
        finally:
            if killer:
                killer.cancel()

    def _killer(self) -> threading.Timer | None:
        """Kills the browser of the lane after a while, unless it is called off."""
        pid = self.lane.desks.browser_pid()

        def kill() -> None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.fired["browser killed"] += 1

        timer = threading.Timer(self.rng.uniform(0.5, 8), kill) if pid else None
        if timer:
            timer.start()
        return timer


class DownloadSchedule(BrowserSchedule):
    """A seed's download: what is told as the export holds each contract that the portal holds, and no other; else there is no result."""

    def __init__(self, lane: BrowserLane, seed: int) -> None:
        self.lane, self.seed, self.rng = lane, seed, random.Random(f"download {seed}")
        self.fired = Counter()
        self.references = [f"export {MONTH}"]

    def _orders(self) -> Iterator[dict[str, Any]]:
        times = self.rng.choice([1, 1, 2, 3])
        yield {"portal": "ccee", "at": EXPORT, "kind": "truncate-download", "value": self.rng.choice(HOW), "times": times}

    def _new_run(self, turn: str) -> str:  # noqa: ARG002  # nothing is done twice that could not be
        run = self.lane.house.services.runs.create(reconcile_ccee.name, {}, queue="default")
        boletas = self.lane.house.services.evidence.keep(run, "input", BOLETAS.name, BOLETAS.read_bytes())
        run.params = {"month": str(MONTH), "contracts": str(Artifact(boletas, BOLETAS.name))}
        run.save()
        return run.pk

    def _check(self, runs: list[str]) -> None:
        """Whatever is told is whole."""
        for run in map(self._run, runs):
            done = run.items.filter(state="SUCCESSFUL").exists()
            self._require(bool(run.result) <= done, f"{run.state} with a result, and an item that is not done: {run.result}")
            if run.result:
                told: CceeReconciliation = reconcile_ccee.load(run.result)
                export = ccee_export.read(self.lane.house.services.evidence.unchanged(told.export.sha256).read_bytes(), MONTH)
                read = {(int(c.code), c.reference, f"{c.mw_average:.6f}") for c in export.contracts}
                held = self.lane.portal.contracts(str(MONTH))
                self._require(read == held, f"the export told as whole differs from what the portal holds: {read ^ held}")

    def _judge(self, runs: list[str], before: int) -> None:
        left = [(run.state, run.error, list(run.items.values_list("state", "code", "reason"))) for run in map(self._run, runs)]
        self._require(all(self._run(run).result for run in runs), f"no export in the end: {left}")
        self._require(self.lane.portal.presses() == before, "a download pressed")
        self.lane.tally.fired.update(self.fired)
        self.lane.tally.ends["export whole"] += 1

    def _nothing_later(self) -> None:
        """There is nothing to do twice."""


@contextmanager
def open_lane(folder: Path) -> Iterator[BrowserLane]:
    """An installation and a portal in a folder."""
    home = folder / "home"
    logger.remove()
    with sqlite_store(home) as store, running_portal(folder / "portal") as portal, House.over(home, Clock()) as house:
        changes = {"jobs": JOBS, "leases": LeaseSettings(rest_minutes=0.01)}
        house.services.settings = house.services.settings.model_copy(update=changes)
        house.portal("ccee", CceeRobot, portal.url, portal.credential(), mailbox=mailbox_of(portal), quiet_seconds=proc.QUIET)
        lane = BrowserLane(house, portal, store, Tally("browser", FAULTS))
        try:
            yield lane
        finally:
            lane.desks.end()


def mailbox_of(portal: CceePortal) -> str:
    """Where the portal's codes arrive."""
    return f"maildir:{portal.state / 'mail' / 'robo'}"


def play(seeds: range, folder: Path, until: float = math.inf) -> Tally:
    """Play these schedules one after the other, as many as begin before a moment; a portal has room for so many."""
    tally, room = Tally("browser", FAULTS), len(unused_keys())
    for first in range(0, len(seeds), room):
        with open_lane(folder / f"{first}") as lane:
            tally.merge(proc.play_in(lane, seeds[first : first + room], until))
    return tally


def rehearse(seeds: range, seconds: float = math.inf, lanes: int = LANES) -> Tally:
    """Play the schedules in some lanes at a time, as many as begin within the seconds."""
    return proc.in_lanes(Tally("browser", FAULTS), play, seeds, seconds, lanes)
