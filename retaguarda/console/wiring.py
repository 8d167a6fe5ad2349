"""The only composition root: settings become a store, a vault, robots, processes and a runner."""

from __future__ import annotations

import datetime as dt
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from retaguarda.errors import ConfigurationError
from retaguarda.language import set_language

if TYPE_CHECKING:  # each command imports what it needs when it needs it: a list of runs wants no browser and no vault
    from retaguarda.agenda.by_hand import ByHand
    from retaguarda.agenda.ledger import Tally
    from retaguarda.agenda.scheduler import SchedulerLoop
    from retaguarda.audit.anchors import Anchors
    from retaguarda.audit.keeper import Keeper
    from retaguarda.audit.log import AuditLog
    from retaguarda.clock import Clock
    from retaguarda.jobs.certificates import Certificates
    from retaguarda.jobs.leases import Leases
    from retaguarda.jobs.requests import Requests
    from retaguarda.jobs.runs import Runs
    from retaguarda.jobs.sign_ins import SignIns
    from retaguarda.jobs.worker import WorkerLoop
    from retaguarda.jobs.workers import Workers
    from retaguarda.locks import Locks
    from retaguarda.operations.dossier import Dossiers
    from retaguarda.operations.installation import Installation
    from retaguarda.people.entrance import Entrance
    from retaguarda.people.provider import Provider
    from retaguarda.people.register import Register
    from retaguarda.people.tokens import Tokens
    from retaguarda.portal import Robot
    from retaguarda.process import Process
    from retaguarda.run import Progress
    from retaguarda.runner import Runner
    from retaguarda.settings import Settings
    from retaguarda.tickets.post import Post
    from retaguarda.tickets.tickets import Tickets
    from retaguarda.triggers.trigger import Trigger
    from retaguarda.uploads import Uploads
    from retaguarda.vault import Vault


@dataclass(frozen=True)
class House:
    """An installation: its settings and the few things that commands ask for."""

    settings: Settings
    clock: Clock

    @property
    def audit_folder(self) -> Path:
        return self.settings.home / "audit"

    @property
    def evidence_folder(self) -> Path:
        return self.settings.home / "evidence"

    @property
    def store_url(self) -> str:
        """The store's address, with the password that the vault keeps for it."""
        from retaguarda.store.databases import with_password

        url, kept = self.settings.store_url, self.settings.store.credential
        return with_password(url, self.vault().credential(kept).secret("password").reveal()) if kept else url

    def vault(self) -> Vault:
        from retaguarda.vault import open_vault

        return open_vault(self.settings.home / "vault.json", self.settings.vault)

    def audit(self) -> AuditLog:
        from retaguarda.audit.log import AuditLog

        return AuditLog(self.audit_folder)

    def anchors(self) -> Anchors:
        """What binds the audit log from outside of this machine."""
        from retaguarda.audit.anchors import Anchors
        from retaguarda.operations.targets import send

        return Anchors(self.audit(), self.settings.audit, self.clock, lambda *mail: send(self.installation(), *mail))

    def keeper(self) -> Keeper:
        """Seals and anchors the audit log, beside what this process does."""
        from retaguarda.audit.keeper import Keeper

        log, anchors = self.audit(), self.anchors()
        return Keeper(log.seal, anchors.make, self.settings.audit.seal_seconds / 2)

    def dossiers(self) -> Dossiers:
        """Makes dossiers of runs."""
        from retaguarda.audit.evidence import EvidenceStore
        from retaguarda.operations.dossier import Dossiers
        from retaguarda.reporting import Reporter

        evidence, runs = EvidenceStore(self.evidence_folder, self.clock), self.runs()
        return Dossiers(self.audit(), evidence, runs, Reporter(self.settings, self.clock, runs, evidence, self.audit_folder))

    def runs(self) -> Runs:
        from retaguarda.jobs.runs import Runs

        return Runs(self.settings.output, self.clock)

    def locks(self) -> Locks:
        from retaguarda.store.advisory import locks_for

        return locks_for(self.settings.home / "locks")

    def installation(self) -> Installation:
        """The installation as its keepers see it: alerts, metrics, retention, backup."""
        from retaguarda.operations.installation import Installation

        return Installation(self.settings, self.clock, self.locks(), self.vault)

    def requests(self) -> Requests:
        from retaguarda.jobs.requests import Requests

        return Requests(self.settings.approvals, self.clock, self.runs(), self.vault)

    def uploads(self) -> Uploads:
        """The files that people gave to this installation."""
        from retaguarda.uploads import Uploads

        return Uploads(self.settings.home, self.settings.console.upload_mb)

    def provider(self) -> Provider:
        """People who come by the identity provider."""
        from retaguarda.people.provider import Provider

        return Provider(self.settings.oidc, self.register(), self.clock)

    def tokens(self) -> Tokens:
        """Secrets by which programs ask the API."""
        from retaguarda.people.tokens import Tokens

        return Tokens(self.settings.console, self.clock)

    def tickets(self) -> Tickets:
        """What other areas ask for."""
        from retaguarda.tickets.tickets import Tickets

        return Tickets(self.settings.tickets, self.clock, self.vault)

    def post(self) -> Post:
        """The mailbox of the tickets."""
        from retaguarda.console.web.server import address
        from retaguarda.tickets.post import Post

        return Post(self.tickets(), self.uploads(), lambda path: address(self.settings.console, path))

    def register(self) -> Register:
        """The people of the console."""
        from retaguarda.people.register import Register

        return Register(self.settings.console, self.clock, self.vault)

    def entrance(self) -> Entrance:
        """How the people of the console prove who they are."""
        from retaguarda.people.entrance import Entrance

        return Entrance(self.settings.console, self.clock, self.vault)

    def leases(self) -> Leases:
        from retaguarda.jobs.leases import Leases

        return Leases(self.locks(), self.clock)

    def sign_ins(self) -> SignIns:
        from retaguarda.jobs.sign_ins import SignIns

        return SignIns(self.clock, self.settings.leases.rest_minutes)

    def certificates(self) -> Certificates:
        from retaguarda.jobs.certificates import Certificates

        return Certificates(self.vault, self.clock)

    def workers(self) -> Workers:
        from retaguarda.jobs.workers import Workers

        return Workers(self.locks(), self.clock)

    def triggers(self) -> dict[str, Trigger]:
        """The triggers of config/triggers.toml, and those that people wrote at the console, by name."""
        from retaguarda.agenda.written import all_triggers

        return all_triggers(self.settings)

    def by_hand(self) -> ByHand:
        from retaguarda.agenda.by_hand import ByHand

        return ByHand(self.runs(), self.clock)

    def scheduler_loop(self, told: Callable[[Tally], None]) -> SchedulerLoop:
        """A scheduler that follows the configuration, and the clock on the wall: a rehearsed date moves no trigger."""
        from retaguarda.agenda.ledger import Ledger
        from retaguarda.agenda.obligations import Standings
        from retaguarda.agenda.scheduler import Rulebook, SchedulerLoop
        from retaguarda.agenda.written import version
        from retaguarda.configuration import configuration_folder
        from retaguarda.jobs.certificates import credentials_of
        from retaguarda.jobs.workers import Workers

        certificates, limit = self.certificates(), self.settings.jobs.time_limit

        def refusal(trigger: Trigger) -> str:
            names = list(credentials_of(trigger.process, trigger.params, processes()))
            return certificates.reason(names, trigger.time_limit or limit)

        ledger, locks = Ledger(self.runs(), self.clock, Standings(self.clock), refusal), self.locks()
        rulebook = Rulebook(configuration_folder(), self.triggers, version)
        return SchedulerLoop(rulebook, ledger, Workers(locks, self.clock), locks, self.clock, told)

    def worker_loop(self, queues: list[str], concurrency: int, command: list[str]) -> WorkerLoop:
        """A worker that has its runs carried out by children that `command` starts."""
        from retaguarda.jobs.pool import Pool
        from retaguarda.jobs.worker import WorkerLoop

        jobs = self.settings.jobs
        pool = Pool(command, concurrency, self.clock, recycle_after=jobs.recycle_after, kill_grace=jobs.kill_grace)
        return WorkerLoop(
            self.store_url,
            jobs,
            queues,
            concurrency,
            self.clock,
            self.locks(),
            self.runs(),
            self.workers(),
            self.requests(),
            pool,
            dt.timedelta(days=self.settings.retention.engine),
        )

    def bury_dead(self) -> None:
        """Tell runs whose process died as what they are, before runs are shown; a runner is made only when there is one."""
        from retaguarda.console.silent import SilentProgress
        from retaguarda.store.models import RunRecord, RunState

        locks = self.locks()
        running = RunRecord.objects.filter(parent=None, state=RunState.RUNNING)
        if any(locks.is_free(f"run/{run.pk}") for run in running):
            with self.runner(SilentProgress()) as runner:
                runner.bury_dead()

    @contextmanager
    def runner(self, progress: Progress) -> Iterator[Runner]:
        """A runner with every process and robot of this installation."""
        from retaguarda.audit.evidence import Budget, EvidenceStore
        from retaguarda.desk import Desks
        from retaguarda.jobs.journal import Journal
        from retaguarda.reporting import Reporter
        from retaguarda.run import Services
        from retaguarda.runner import Runner

        limits = self.settings.evidence
        budget = Budget(int(limits.run_mb * 1_000_000), int(limits.day_mb * 1_000_000))
        evidence = EvidenceStore(self.evidence_folder, self.clock, lambda name, data: self.vault().lock_up(name, data), budget)
        locks, runs = self.locks(), self.runs()
        desks = Desks(self.settings, self.vault, robot_class, locks, evidence, self.clock)
        services = Services(
            settings=self.settings,
            clock=self.clock,
            runs=runs,
            journal=Journal(self.clock),
            locks=locks,
            evidence=evidence,
            desks=desks,
            requests=self.requests(),
            certificates=self.certificates(),
            progress=progress,
        )
        reporter = Reporter(self.settings, self.clock, runs, evidence, self.audit_folder)
        try:
            with self.keeper().running():
                yield Runner(services, processes(), self.audit(), reporter.write)
        finally:
            desks.close()


def open_house(**flags: object) -> House:
    """The installation of this folder: settings read, language chosen, store open and up to date."""
    from retaguarda.store.connection import connect

    house = unopened_house(**flags)
    connect(house.store_url)
    return house


def unopened_house(**flags: object) -> House:
    """The installation of this folder, whose store nobody opened yet."""
    from retaguarda.clock import Clock
    from retaguarda.settings import load_settings

    settings = load_settings(**flags)
    set_language(settings.language)
    return House(settings, Clock(settings.clock.business_date))


@cache
def processes() -> dict[str, Process]:
    """Every process under tasks/, by name."""
    from retaguarda.process import processes_of
    from retaguarda.store.connection import set_up

    set_up()  # tasks import the tables
    return processes_of(_modules("tasks"))


def process_named(name: str) -> Process:
    """The process of that name; ConfigurationError lists the known ones."""
    if name not in processes():
        raise ConfigurationError(f"no process {name!r}", remedy=f"known: {', '.join(sorted(processes()))}")
    return processes()[name]


def robot_class(portal: str) -> type[Robot]:
    """The robot of a portal: the class that robots/<portal>/robot.toml names."""
    from retaguarda.portal import Robot
    from retaguarda.portal.manifest import load_manifest

    try:
        package = importlib.import_module(f"robots.{portal}")
    except ModuleNotFoundError as error:
        if error.name and not f"robots.{portal}".startswith(error.name):
            raise
        raise ConfigurationError(f"there is no robot {portal!r}", remedy=f"known: {', '.join(robot_names())}") from None
    manifest = load_manifest(Path(next(iter(package.__path__))) / "robot.toml")
    found = getattr(importlib.import_module(f"robots.{portal}.robot"), manifest.robot, None)
    if not (isinstance(found, type) and issubclass(found, Robot)):
        raise ConfigurationError(f"robots/{portal}/robot.toml names {manifest.robot}, which robot.py does not define")
    return found


def robot_names() -> list[str]:
    """Folders under robots/ that hold a manifest."""
    import robots

    folders = (Path(path) for path in robots.__path__)
    return sorted(p.parent.name for folder in folders for p in folder.glob("[!_]*/robot.toml"))


def _modules(package_name: str) -> Iterator[ModuleType]:
    package = importlib.import_module(package_name)
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package_name}.{found.name}")
