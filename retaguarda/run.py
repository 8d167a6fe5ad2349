"""A run and its verbs: read, plan, robot, item, ensure, keep, child. What a task is written with."""

from __future__ import annotations

import datetime as dt
import math
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from django.db import transaction
from pydantic import TypeAdapter

from retaguarda.accounts import book, returns
from retaguarda.accounts.book import Origin, Taken
from retaguarda.accounts.returns import TakenReturn
from retaguarda.act import ActProtocol, Outcome, OutcomeKind, QuietPeriod
from retaguarda.audit import events
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.calendars.calendar import is_business_day
from retaguarda.clock import Clock
from retaguarda.desk import Desk, Desks
from retaguarda.errors import (
    BusinessError,
    ConfigurationError,
    Disposition,
    InfrastructureError,
    NeedsPerson,
    PortalChanged,
    RetaguardaError,
    SessionLost,
    StopRequested,
    TimeLimitReached,
)
from retaguarda.formats import identify
from retaguarda.jobs.journal import Journal
from retaguarda.jobs.requests import PersonAtHand, Requests
from retaguarda.jobs.runs import FINAL_ITEMS, REFUSED_OUTCOMES, Runs
from retaguarda.locks import Locks
from retaguarda.model.acts import Draft, Found, Wanted
from retaguarda.model.statements import ReturnFile, Statement
from retaguarda.model.values import Period
from retaguarda.planning import Plan
from retaguarda.portal import Download
from retaguarda.portal.browser import speaking
from retaguarda.portal.manifest import Manifest
from retaguarda.process import Artifact, task
from retaguarda.reconcile.coverage import Known
from retaguarda.settings import Settings
from retaguarda.store.models import Item, ItemState, RunRecord

if TYPE_CHECKING:
    from loguru import Logger

__all__ = ["Artifact", "Run", "Services", "task"]

C = TypeVar("C")
V = TypeVar("V")
W = TypeVar("W", bound=Wanted)
T = TypeVar("T", bound=Wanted)
SHOWN = 200
"""References of a plan that a request for its approval names."""
MIN_FREE_BYTES = 50 * 1024 * 1024
MAX_CLOCK_STEP = 5.0
"""Seconds: a clock that jumps further within a run is not trusted with an intent."""


class Progress(Protocol):
    """Who is told how a run goes: the terminal, or nobody."""

    def stage(self, run: RunRecord, text: str) -> None: ...
    def total(self, run: RunRecord, items: int) -> None: ...
    def item(self, run: RunRecord, item: Item) -> None: ...


def _no_child(run: Run, process: str, _params: Mapping[str, Any]) -> Any:
    raise ConfigurationError(f"{run.record.process} cannot start {process}: no runner is wired")


@dataclass
class Services:
    """Everything a run works with, wired once in `retaguarda.console.wiring`."""

    settings: Settings
    clock: Clock
    runs: Runs
    journal: Journal
    locks: Locks
    evidence: EvidenceStore
    desks: Desks
    requests: Requests
    progress: Progress
    start_child: Callable[[Run, str, Mapping[str, Any]], Any] = field(default=_no_child)
    interrupted: Callable[[], bool] = field(default=lambda: False)


class Run:
    """One execution of a task."""

    def __init__(
        self, services: Services, record: RunRecord, log: Logger, *, retry_refused: bool = False, time_is_up: float = math.inf
    ) -> None:
        self._services = services
        self.record = record
        self.log = log.bind(run=record.pk)
        self.retry_refused = retry_refused
        self.folder = Path(record.folder)
        self.steps: Counter[object] = Counter()  # how often this attempt asked for each step
        self._clock_offset = services.clock.offset()
        self._time_is_up = time_is_up
        self._desk: Desk[Any] | None = None
        self._deferred: dict[str, float] = {}
        self._coming_again: set[str] = set()
        self._current: Item | None = None
        self._outcome: Outcome | None = None

    @property
    def settings(self) -> Settings:
        return self._services.settings

    @property
    def clock(self) -> Clock:
        return self._services.clock

    @property
    def dry_run(self) -> bool:
        return self.record.dry_run

    # --- stages and safe points -------------------------------------------------------------------------------------

    def stage(self, text: str) -> None:
        """Say which part of the work begins; also a safe point to stop at."""
        self.check_stop()
        self.log.info("stage: {}", text)
        with transaction.atomic():
            events.record("run.stage", run=self.record.pk, target=text)
        self._services.progress.stage(self.record, text)

    def check_stop(self) -> None:
        """Stop here when an operator asked for it or time is up: nothing is half done at this point."""
        if self._services.interrupted() or self._services.runs.stop_requested(self.record):
            raise StopRequested()
        if self.clock.monotonic() >= self._time_is_up:
            raise TimeLimitReached()

    # --- files --------------------------------------------------------------------------------------------------------

    def keep(self, name: str, data: bytes, kind: str = "input") -> Artifact:
        """Keep bytes as evidence of this run and hand them on by their hash."""
        return Artifact(self._services.evidence.keep(self.record, kind, name, data), name)

    def take(self, path: Path) -> Artifact:
        """Keep a file that a person gave; ConfigurationError when it cannot be read."""
        try:
            return self.keep(path.name, path.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}", remedy="check the path") from error

    def path(self, artifact: Artifact) -> Path:
        """Where an artifact's bytes lie, unchanged."""
        if not self._services.evidence.path(artifact.sha256).exists():
            raise ConfigurationError(f"no evidence {artifact}", remedy="give the run that made it, or the file itself")
        return self._services.evidence.unchanged(artifact.sha256)

    def bytes_of(self, artifact: Artifact) -> bytes:
        return self.path(artifact).read_bytes()

    def hand_over(self, name: str, value: object) -> Artifact:
        """Keep a value as JSON, for the next step and for the auditor."""
        return self.keep(name, TypeAdapter(type(value)).dump_json(value, indent=1), kind="output")

    def receive(self, artifact: Artifact, kind: type[V]) -> V:
        """The value that an earlier step handed over."""
        return TypeAdapter(kind).validate_json(self.bytes_of(artifact))

    def artifact(self, download: Download) -> Artifact:
        """A download, already kept by its session, as an artifact to hand on."""
        return Artifact(download.sha256, download.name)

    def enter_statement(self, artifact: Artifact, statement: Statement, asked: str = "", opening: Decimal | None = None) -> Taken:
        """Enter a statement in the book of accounts: each movement once, however often its days are downloaded.

        `asked` is the account that was asked for, `opening` the balance that a person states for when nothing else tells it.
        """
        return book.take_in(statement, self._origin(artifact, asked), is_business_day, opening)

    def enter_returns(self, read: Iterable[tuple[Artifact, ReturnFile]], asked: str = "") -> list[TakenReturn]:
        """Keep boleto return files in the book of accounts, and say what their numbers tell of the files around them."""
        return returns.take_in([(told, self._origin(artifact, asked)) for artifact, told in read])

    def _origin(self, artifact: Artifact, asked: str) -> Origin:
        format_ = identify(self.bytes_of(artifact)[:8192])
        return Origin(artifact.sha256, artifact.name, format_, self.clock.now(), self.clock.today(), asked, self.record)

    def known_days(self, account: str, period: Period) -> dict[dt.date, Known]:
        """How far the book knows an account, day by day."""
        return book.known(book.named(account), period, is_business_day)

    def tell(self, action: str, target: str = "", **data: Any) -> None:
        """Write an audit event of this run that changes no other state."""
        with transaction.atomic():
            events.record(action, run=self.record.pk, target=target, data=data)

    # --- robots -------------------------------------------------------------------------------------------------------

    @contextmanager
    def robot(self, credential: str, capability: type[C]) -> Iterator[C]:
        """The robot behind a credential, signed in, for the block; one session a credential at a time.

        Callers ask for a capability, never for a site: ConfigurationError when the robot does not have it.
        """
        if self._desk is not None:
            raise ConfigurationError(f"{credential} inside {self._desk.credential.name}: acts need one robot at a time")
        person = PersonAtHand(self._services.requests, self.record, credential)
        with self._services.desks.open(self.record, credential, capability, self.log, self.check_stop, person) as desk:
            self._desk = desk
            try:
                with speaking(f"working with {credential}"):
                    yield desk.robot
            except RetaguardaError as error:
                if not isinstance(error, StopRequested | TimeLimitReached):
                    desk.shot_of_failure(error)
                raise
            finally:
                self._desk = None

    def manifest(self, credential: str) -> Manifest:
        """What the robot behind a credential says of its portal."""
        return self._services.desks.manifest(credential)

    def account(self, credential: str) -> str:
        """The account number that a bank's configuration names for a credential's portal."""
        portal = credential.partition("/")[0]
        site = self.settings.portals.get(portal)
        if site is None or not site.account:
            raise ConfigurationError(f"portals.{portal}.account is not set", remedy="write the account number as the bank shows it")
        return site.account

    def approve(self, plan: Plan[Any]) -> None:
        """Go on only with a second person's yes to exactly this plan, where the installation wants one; else the run is parked.

        A run that comes back from the wait works its plan out anew: a yes to another digest is none.
        """
        self.tell("plan.made", plan.name, digest=plan.digest, items=plan.count, mwh=str(plan.mwh))
        if plan.items and self.record.process in self.settings.approvals.processes and not self.dry_run:
            facts = {"items": plan.count, "mwh": str(plan.mwh), "references": [item.reference for item in plan.items][:SHOWN]}
            self._services.requests.must_be_approved(self.record, plan.name, plan.digest, facts)

    # --- items and acts -----------------------------------------------------------------------------------------------

    def pending(
        self, wanted: Sequence[T], title: Callable[[T], str] = str, fields: Callable[[T], Mapping[str, Any]] | None = None
    ) -> Iterator[T]:
        """The items that still have work in them, in order; deferred ones come again after their quiet period.

        What an earlier attempt of this run finished is not given again.
        """
        self._services.progress.total(self.record, len(wanted))
        by_reference = {one.reference: one for one in wanted}
        self._coming_again |= by_reference.keys()
        for one in wanted:
            item = self._services.runs.item(self.record, one.reference, title(one), fields(one) if fields else one.fields())
            if item.state in FINAL_ITEMS and not (self.retry_refused and item.outcome in REFUSED_OUTCOMES):
                self._services.progress.item(self.record, item)
                continue
            self.check_stop()
            yield one
        while waiting := self._deferred.keys() & by_reference.keys():
            reference = min(waiting, key=self._deferred.__getitem__)
            self._wait_quiet(self._deferred.pop(reference))
            yield by_reference[reference]

    def _wait_quiet(self, until: float) -> None:
        while (left := until - self.clock.monotonic()) > 0:
            self.check_stop()
            self.clock.pause(min(left, 1.0))

    @contextmanager
    def item(self, wanted: Wanted) -> Iterator[Item]:
        """Work on one item: its state follows from how the block ends; only what stops the run goes further up."""
        item = self._services.runs.item(self.record, wanted.reference, wanted.reference, wanted.fields())
        self._services.runs.mark(item, ItemState.IN_PROGRESS)
        self._current, self._outcome = item, None
        try:
            with speaking(f"working on {wanted.reference}"):
                yield item
        except RetaguardaError as error:
            if self._close_failed(item, error):
                raise
        else:
            outcome = cast("Outcome | None", self._outcome)
            facts = {"outcome": str(outcome.kind), "protocol": outcome.protocol} if outcome else {"outcome": "done"}
            self._services.runs.mark(item, ItemState.SUCCESSFUL, code="", reason="", remedy="", **facts)
        finally:
            self._current = None
            self._services.progress.item(self.record, item)

    def _close_failed(self, item: Item, error: RetaguardaError) -> bool:
        """Record an error on the item; whether it must stop the run."""
        facts = {"code": error.code, "reason": error.text, "remedy": error.remedy}
        self.log.bind(item=item.reference).warning("{}: {}", error.code, error.text)
        if isinstance(error, QuietPeriod):
            self._come_again(item, ItemState.DEFERRED, error.seconds_left, facts)
        elif isinstance(error, SessionLost) and self._renewed(item):
            self._come_again(item, ItemState.NEW, 0, facts)
        elif isinstance(error, BusinessError):
            outcome = "refused_before" if error.facts.get("earlier") else "refused"
            self._services.runs.mark(item, ItemState.FAILED_BUSINESS, outcome=outcome, **facts)
        elif error.disposition is Disposition.RECHECK:
            self._services.runs.mark(item, ItemState.UNCERTAIN, **facts)
        else:
            # a stop or a question comes before the button: the item is as untouched as a new one
            state = ItemState.NEW if isinstance(error, StopRequested | TimeLimitReached | NeedsPerson) else ItemState.FAILED_APPLICATION
            self._services.runs.mark(item, state, **facts)
            return True
        return False

    def _renewed(self, item: Item) -> bool:
        """Whether the lost session was replaced and the item comes again; when the sign-in fails, that failure goes up."""
        try:
            return self._desk is not None and item.reference in self._coming_again and self._desk.renew(item.reference)
        except RetaguardaError as error:
            self._services.runs.mark(item, ItemState.FAILED_APPLICATION, code=error.code, reason=error.text, remedy=error.remedy)
            raise

    def _come_again(self, item: Item, state: ItemState, seconds: float, facts: Mapping[str, str]) -> None:
        self._deferred[item.reference] = self.clock.monotonic() + seconds
        self._services.runs.mark(item, state, **facts)

    def reject(self, reference: str, title: str, error: RetaguardaError, fields: Mapping[str, Any] | None = None) -> None:
        """Record an item that never came to work, e.g. rejected at intake."""
        item = self._services.runs.item(self.record, reference, title, fields or {})
        self._services.runs.mark(
            item, ItemState.FAILED_BUSINESS, outcome="rejected", code=error.code, reason=error.text, remedy=error.remedy
        )

    def ensure(self, act: str, wanted: W, find: Callable[[W], Found | None], draft: Callable[[W], Draft]) -> Outcome:
        """Leave `wanted` true at the portal, once, and prove it: the act protocol, with the robot of this block."""
        desk = self._desk
        if desk is None:
            raise PortalChanged("no robot is at work: ensure belongs inside `with run.robot(...)`")
        protocol = ActProtocol(
            run=self.record,
            portal=desk.portal,
            quiet_seconds=desk.quiet_seconds,
            journal=self._services.journal,
            locks=self._services.locks,
            clock=self.clock,
            shot=desk.session.shot,
            may_press=self._may_press,
            must_be_ours=desk.lease.must_be_ours,
            dry_run=self.dry_run,
            retry_refused=self.retry_refused,
            doing=speaking,
        )
        outcome = protocol.ensure(act, wanted, find, draft)
        self.log.bind(item=wanted.reference).info("{} {}: {}", act, wanted.reference, outcome.kind)
        if self._outcome is None or outcome.kind is not OutcomeKind.ALREADY:
            self._outcome = outcome  # of an item with several acts: what was there already hides none that was done
        return outcome

    def _may_press(self) -> None:
        """The last look before an intent: no stop asked for, a clock that can be trusted, and room for evidence on the disk."""
        self.check_stop()
        if abs(self.clock.offset() - self._clock_offset) > MAX_CLOCK_STEP:
            raise InfrastructureError(
                "the machine's clock was set during the run: nothing is pressed", remedy="check the clock, then resume"
            )
        if any(shutil.disk_usage(folder).free < MIN_FREE_BYTES for folder in (self.folder, self.settings.home)):
            raise ConfigurationError(
                "the disk is nearly full: nothing is pressed without room for evidence", remedy="free the disk, then resume"
            )

    # --- composed processes --------------------------------------------------------------------------------------------

    def child(self, process: str, **params: Any) -> Any:
        """Run another process as a step of this one, or take its result when an earlier attempt finished it."""
        self.check_stop()
        return self._services.start_child(self, process, params)
