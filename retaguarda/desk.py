"""A desk: one robot at one portal, signed in under the lock of its credential."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import transaction

from retaguarda.audit import events, versions
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, CredentialRefused, RetaguardaError
from retaguarda.jobs.leases import Lease, Leases
from retaguarda.jobs.runs import root_of
from retaguarda.jobs.sign_ins import SignIns
from retaguarda.locks import Locks
from retaguarda.model.secrets import Credential
from retaguarda.portal.browser import open_browser, speaking
from retaguarda.portal.downloads import Download
from retaguarda.portal.mailbox import Person
from retaguarda.portal.manifest import Manifest
from retaguarda.portal.robot import Robot
from retaguarda.portal.session import PortalSite, Session, open_session
from retaguarda.settings import Settings
from retaguarda.store.models import RunRecord
from retaguarda.vault import Vault

if TYPE_CHECKING:
    from loguru import Logger
    from playwright.sync_api import Browser

C = TypeVar("C")


@dataclass
class Desk(Generic[C]):
    """A signed-in robot and what belongs to it."""

    portal: str
    robot: C
    session: Session
    credential: Credential
    lease: Lease
    quiet_seconds: float
    _sign_in: Callable[[], None]
    _renewed_for: set[str] = field(default_factory=set)

    def renew(self, reference: str) -> bool:
        """Sign in again after the session was lost, once an item; whether it was done."""
        if reference in self._renewed_for:
            return False
        self._renewed_for.add(reference)
        self._sign_in()
        return True

    def shot_of_failure(self, error: RetaguardaError) -> None:
        """A picture of what the robot saw when it failed, where the browser still lives."""
        _shot_if_possible(self.session, f"failure: {error.code}")


def _shot_if_possible(session: Session, label: str) -> None:
    """A picture of a failure; when there is none, the failure itself is what must be told."""
    try:
        session.shot(label)
    except RetaguardaError as error:
        session.log.debug("no picture of {}: {}", label, error.text)


def _note_robot(run: RunRecord, portal: str, robot: type[Robot]) -> None:
    """Tell which version of a robot works for a run from here on: its manifest and code, and what it builds on."""
    built_on = [one for one in robot.__mro__ if issubclass(one, Robot) and one is not Robot]
    version = versions.of_folders(dict.fromkeys(Path(inspect.getfile(one)).parent for one in built_on))
    versions.at_work(run.pk, portal, version)
    with transaction.atomic():
        events.record("robot.at_work", run=run.pk, target=portal, data={"sha256": version.digest, "files": dict(version.files)})


@contextmanager
def _naming(portal: str, credential: str) -> Iterator[None]:
    """An error that leaves a desk says at which portal, as whom: forty runs that fail at one have one cause."""
    try:
        yield
    except RetaguardaError as error:
        error.facts.setdefault("portal", portal)
        error.facts.setdefault("credential", credential)
        raise


class RunRecorder:
    """A session's pictures and downloads go to the run's evidence."""

    def __init__(self, run: RunRecord, evidence: EvidenceStore) -> None:
        self._run = run
        self._evidence = evidence

    def picture(self, label: str, data: bytes) -> str:
        return self._evidence.keep(self._run, "picture", label, data)

    def keep(self, download: Download) -> None:
        self._evidence.keep(self._run, "download", download.name, download.read_bytes())


class Desks:
    """Opens desks: finds the robot of a credential, its site and secrets, holds its lock and signs it in."""

    def __init__(
        self,
        settings: Settings,
        vault: Callable[[], Vault],
        robots: Callable[[str], type[Robot]],
        locks: Locks,
        evidence: EvidenceStore,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._vault = vault
        self._robots = robots
        self._leases = Leases(locks, clock)
        self._sign_ins = SignIns(clock, settings.leases.rest_minutes)
        self._evidence = evidence
        self._clock = clock
        self._exit = ExitStack()
        self._browser: Browser | None = None
        self._scratch: Path | None = None

    def manifest(self, credential: str) -> Manifest:
        """What the robot behind a credential says of its portal."""
        return self._robots(credential.partition("/")[0]).manifest()

    def close(self) -> None:
        """End the browser, if one was started."""
        self._exit.close()
        self._browser = None

    @contextmanager
    def open(
        self,
        run: RunRecord,
        credential_name: str,
        capability: type[C],
        log: Logger,
        meanwhile: Callable[[], None] = lambda: None,
        person: Person | None = None,
    ) -> Iterator[Desk[C]]:
        """A desk for the block; LeaseHeld when another run works with this credential.

        A queued run waits a while for it; `meanwhile` is called between its looks, and may raise. `person` is asked for codes
        that nothing else gives.
        """
        portal = credential_name.partition("/")[0]
        robot_class = self._robots(portal)
        if capability is not object and capability.__name__ not in robot_class.manifest().capabilities:
            raise ConfigurationError(f"robot {portal} does not declare {capability.__name__}", remedy="choose another credential")
        site = self._site(portal)
        wait = self._settings.leases.wait_seconds if root_of(run).queue else 0  # a person at a terminal wants to know at once
        with (
            self._leases.hold(credential_name, run, wait=wait, meanwhile=meanwhile) as lease,
            _naming(portal, credential_name),
            speaking(f"working at {portal}"),
        ):
            manifest = robot_class.manifest()
            self._sign_ins.must_be_allowed(credential_name, manifest.lockout_attempts)
            _note_robot(run, portal, robot_class)
            credential = self._credential(run, credential_name)
            with self._session(robot_class, run, site, credential, log) as session:
                session.person = person or session.person
                robot = robot_class(session)
                quiet = site.quiet_seconds if site.quiet_seconds is not None else manifest.quiet_seconds
                sign_in = self._signing_in(run, lease, robot, session, credential)
                desk = Desk[Any](portal, robot, session, credential, lease, quiet, sign_in)
                sign_in()
                try:
                    yield desk
                finally:
                    self._leave(desk)

    def _leave(self, desk: Desk[Any]) -> None:
        try:
            with speaking("signing out"):
                desk.robot.sign_out()
        except RetaguardaError as error:
            desk.session.log.warning("could not sign out: {}", error.text)

    def _site(self, portal: str) -> PortalSite:
        held = self._settings.portals.get(portal)
        if held is None:
            raise ConfigurationError(
                f"no portal {portal!r} is configured", remedy=f"add [portals.{portal}] with its url to config/portals.toml"
            )
        return PortalSite(held.url, held.mailbox, held.account, held.ca_file, held.quiet_seconds, held.challenge_seconds)

    def _credential(self, run: RunRecord, name: str) -> Credential:
        credential = self._vault().credential(name)
        with transaction.atomic():
            events.record("credential.used", run=run.pk, target=name)
        return credential

    def _signing_in(self, run: RunRecord, lease: Lease, robot: Robot, session: Session, credential: Credential) -> Callable[[], None]:
        patience = session.manifest.lockout_attempts

        def sign_in() -> None:
            try:
                with (
                    self._sign_ins.attempt(lease, run, patience) as begin,
                    speaking(f"signing in at {session.manifest.name}"),
                    session.gate.sending_once(),
                ):
                    robot.sign_in(credential.announced(begin))
            except CredentialRefused:
                _shot_if_possible(session, "sign-in refused")
                raise
            except RetaguardaError as error:
                session.log.warning("sign-in failed: {}", error.text)
                _shot_if_possible(session, f"sign-in failed: {error.code}")
                raise
            with transaction.atomic():
                events.record("portal.signed_in", run=run.pk, target=credential.name)

        return sign_in

    @contextmanager
    def _session(self, robot: type[Robot], run: RunRecord, site: PortalSite, credential: Credential, log: Logger) -> Iterator[Session]:
        manifest = robot.manifest()
        browser = self._running_browser()
        with tempfile.TemporaryDirectory(prefix="downloads-", dir=self._scratch) as downloads:
            trace = Path(run.folder) / f"trace-{manifest.name}.zip" if self._settings.browser.trace else None
            with open_session(
                browser,
                manifest,
                site,
                credential,
                clock=self._clock,
                log=log.bind(portal=manifest.name),
                recorder=RunRecorder(run, self._evidence),
                downloads=Path(downloads),
                trace=trace,
            ) as session:
                yield session

    def _running_browser(self) -> Browser:
        if self._browser is not None and not self._browser.is_connected():
            self.close()  # a dead browser's driver goes first: a thread has room for one
        if self._browser is None:
            self._scratch = Path(self._exit.enter_context(tempfile.TemporaryDirectory(prefix="retaguarda-")))
            self._browser = self._exit.enter_context(open_browser(self._settings.browser.path, self._ca_bundle(self._scratch)))
        return self._browser

    def _ca_bundle(self, folder: Path) -> Path | None:
        """The private authorities of all portals in one file, since the driver reads only one."""
        files = [portal.ca_file for portal in self._settings.portals.values() if portal.ca_file]
        if not files:
            return None
        bundle = folder / "authorities.pem"
        bundle.write_bytes(b"\n".join(path.read_bytes() for path in files))
        return bundle
