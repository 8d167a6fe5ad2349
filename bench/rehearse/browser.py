"""The level `browser`: the real robot of CCEE in a real Chromium at the sandbox's CCEE, which misbehaves; the browser is killed with -9.

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
from bench.rehearse.sandboxed import CceePortal, running_portal  # noqa: E402
from bench.rehearse.stores import sqlite_store  # noqa: E402
from bench.rehearse.tally import Tally  # noqa: E402
from retaguarda.clock import Clock  # noqa: E402
from retaguarda.desk import Desks  # noqa: E402
from retaguarda.model.contracts import Registration  # noqa: E402
from retaguarda.model.values import Month  # noqa: E402
from retaguarda.process import Process  # noqa: E402
from retaguarda.run import Run  # noqa: E402
from retaguarda.runner import Runner  # noqa: E402
from retaguarda.settings import LeaseSettings  # noqa: E402
from retaguarda.store.models import RunRecord  # noqa: E402
from robots.ccee import CceeRobot  # noqa: E402
from sandbox.month import build  # noqa: E402
from tests.house import House  # noqa: E402

LANES = 2
SUBMARKETS = ("NORTE", "NORDESTE", "SUL", "SUDESTE")
LOOK_FAULTS: tuple[dict[str, Any], ...] = (*proc.LOOK_FAULTS, {"kind": "popup", "value": "Pesquisa de satisfação"}, {"kind": "error-500"})
FAULTS = (
    "browser killed", "die-after-commit", "late-commit", "swallow", "error-500 before it is done", "error-500 after it was done", "slow",
    "drop-session", "stale-list", "maintenance", "rename-heading", "duplicate-rows", "popup", "error-500", "refused",
)  # fmt: skip
ROOM = 40
"""Schedules of a portal: it tells contracts apart by buyer and submarket, of which it has no more that are free."""


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


@dataclass
class BrowserLane(proc.Lane):
    """One installation, its portal and its browser."""

    def __post_init__(self) -> None:
        super().__post_init__()
        settings, services = self.house.services.settings, self.house.services
        evidence, clock, locks = services.evidence, services.clock, services.locks
        self.desks = LastingDesks(settings, lambda: self.house.vault, self.house.robots.__getitem__, locks, evidence, clock)
        self.wanted: dict[str, Registration] = {}
        self._keys = self._unused_keys()
        self._process = Process("register", self._register)
        self.runner = Runner(replace(services, desks=self.desks), {"register": self._process}, self.house.audit, lambda _run: None)

    def _unused_keys(self) -> Iterator[tuple[int, str]]:
        """Buyers and submarkets between which the portal holds nothing yet: by these it tells contracts apart."""
        month = build()
        held = {(contract.buyer, contract.submarket) for contract in month.ccee if contract.seller == self.seller}
        for submarket in SUBMARKETS:
            for company, profile in month.profiles():
                if company is not month.us and profile.active and (profile.code, submarket) not in held:
                    yield profile.code, submarket

    def want(self, reference: str, *, refused: bool) -> None:
        """Say what a reference stands for."""
        buyer, submarket = (self.inactive, "SUL") if refused else next(self._keys)
        self.wanted[reference] = Registration(reference, self.seller, buyer, submarket, Month(2026, 10), Decimal("1.25"), "Flat")

    def _register(self, run: Run, references: tuple[str, ...], turn: str) -> None:  # noqa: ARG002  # tells runs apart
        """Register the contracts of these references, once each."""
        with run.robot("ccee/robo", object) as robot:
            at: Any = robot
            for wanted in run.pending([self.wanted[reference] for reference in references]):
                with run.item(wanted):
                    run.ensure("register", wanted, find=at.find, draft=at.draft)

    def play(self, seed: int) -> None:
        BrowserSchedule(self, seed).play()


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
    tally = Tally("browser", FAULTS)
    for first in range(0, len(seeds), ROOM):
        with open_lane(folder / f"{first}") as lane:
            tally.merge(proc.play_in(lane, seeds[first : first + ROOM], until))
    return tally


def rehearse(seeds: range, seconds: float = math.inf, lanes: int = LANES) -> Tally:
    """Play the schedules in some lanes at a time, as many as begin within the seconds."""
    return proc.in_lanes(Tally("browser", FAULTS), play, seeds, seconds, lanes)
