"""An installation to test with: everything real except the clock, which moves only when it is told or waited on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loguru import logger
from playwright.sync_api import Browser

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.log import AuditLog
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.desk import Desks
from retaguarda.jobs.certificates import Certificates
from retaguarda.jobs.journal import Journal
from retaguarda.jobs.requests import Requests
from retaguarda.jobs.runs import Runs
from retaguarda.model.acts import Found, Permit, Receipt
from retaguarda.portal import Robot
from retaguarda.process import Process
from retaguarda.run import Run, Services
from retaguarda.runner import Runner
from retaguarda.settings import PortalSettings, Settings
from retaguarda.store.advisory import locks_for
from retaguarda.store.models import Item, RunRecord
from retaguarda.vault import Vault

KEY = bytes(range(32))


class SetClock(Clock):
    """A clock of a machine that has been up for eleven days; waiting on it costs no time."""

    def __init__(self, business_date: dt.date | None = None) -> None:
        self.wall = dt.datetime(2026, 11, 11, 10, tzinfo=SAO_PAULO)
        self.uptime = 1_000_000.0
        self.boot = "boot-1"
        super().__init__(business_date)

    def now(self) -> dt.datetime:
        self.wall += dt.timedelta(microseconds=1)  # no two moments are the same
        return self.wall

    def monotonic(self) -> float:
        return self.uptime

    def boot_id(self) -> str:
        return self.boot

    def pause(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Time passes."""
        assert seconds >= 0
        self.wall += dt.timedelta(seconds=seconds)
        self.uptime += seconds

    def set_wall(self, seconds: float) -> None:
        """Somebody sets the clock: wall time jumps, monotonic time does not."""
        self.wall += dt.timedelta(seconds=seconds)

    def reboot(self) -> None:
        """The machine starts anew: monotonic time begins again under another boot id."""
        self.boot = f"boot-{int(self.boot.removeprefix('boot-')) + 1}"
        self.uptime = 20.0


@dataclass
class Told:
    """A progress display that remembers."""

    stages: list[str] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    items: list[tuple[str, str]] = field(default_factory=list)

    def stage(self, run: RunRecord, text: str) -> None:
        self.stages.append(text)

    def total(self, run: RunRecord, items: int) -> None:
        self.totals.append(items)

    def item(self, run: RunRecord, item: Item) -> None:
        self.items.append((item.reference, item.state))


class SharedBrowserDesks(Desks):
    """Desks that take a browser which is there instead of starting one a run, where a test has one."""

    shared: Browser | None = None

    def _running_browser(self) -> Browser:
        return self.shared or super()._running_browser()


@dataclass
class House:
    """An installation in a folder: its services, and runners over them."""

    home: Path
    services: Services
    audit: AuditLog
    vault: Vault
    told: Told
    robots: dict[str, type[Robot]]
    reported: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def over(cls, home: Path, clock: Clock, browser: Browser | None = None) -> Iterator[House]:
        """An installation in `home`, over the store that is open; with `browser`, its desks share that one."""
        settings = Settings.model_construct(home=home, output=home / "output", portals={})
        locks, evidence = locks_for(home / "locks"), EvidenceStore(home / "evidence", clock)
        vault, robots, told = Vault(home / "vault.json", KEY), dict[str, type[Robot]](), Told()
        desks = SharedBrowserDesks(settings, lambda: vault, robots.__getitem__, locks, evidence, clock)
        desks.shared = browser
        runs = Runs(settings.output, clock)
        services = Services(
            settings=settings,
            clock=clock,
            runs=runs,
            journal=Journal(clock),
            locks=locks,
            evidence=evidence,
            desks=desks,
            requests=Requests(settings.approvals, clock, runs, lambda: vault),
            certificates=Certificates(lambda: vault, clock),
            progress=told,
        )
        try:
            yield cls(home, services, AuditLog(home / "audit"), vault, told, robots)
        finally:
            desks.close()

    def portal(self, name: str, robot: type[Robot], url: str, secrets: Mapping[str, str], **settings: Any) -> None:
        """Configure a portal with its robot, and a credential `<name>/robo` for it."""
        self.robots[name] = robot
        self.services.settings.portals[name] = PortalSettings(url=url, **settings)
        self.vault.put(f"{name}/robo", secrets)

    def runner(self, *processes: Process) -> Runner:
        def report(run: RunRecord) -> None:
            self.reported.append(run.pk)

        return Runner(self.services, {process.name: process for process in processes}, self.audit, report)

    def record(self, process: str = "registering") -> RunRecord:
        """A run that exists in the store and is not executed."""
        return self.services.runs.create(process, {})

    def run(self, process: str = "registering") -> Run:
        """A run to call verbs on outside of a runner."""
        return Run(self.services, self.record(process), logger.bind())


@dataclass(frozen=True)
class Thing:
    """Something wanted: a reference and a value."""

    reference: str
    value: str = "10"

    def fields(self) -> dict[str, str]:
        return {"reference": self.reference, "value": self.value}


def found(thing: Thing, protocol: str = "", count: int = 1) -> Found:
    """The portal's answer that it holds a thing."""
    return Found(thing.reference, thing.fields(), protocol, count)


@dataclass
class Form:
    """A filled form; `press` is what happens once the button is pressed."""

    fields: dict[str, str]
    press: Callable[[], Receipt] = lambda: Receipt("P-1")
    spends: bool = True
    presses: int = 0

    def shown(self) -> dict[str, str]:
        return self.fields

    def submit(self, permit: Permit) -> Receipt:
        if self.spends:
            permit.use()
            self.presses += 1
        return self.press()
