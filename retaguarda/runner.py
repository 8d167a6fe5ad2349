"""Executes runs: from PENDING to an end state that is true, whatever the task raises."""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import math
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import DatabaseError, transaction

from retaguarda.audit.log import AuditLog
from retaguarda.errors import (
    ConfigurationError,
    DeadlinePassed,
    Disposition,
    InfrastructureError,
    Killed,
    LeaseHeld,
    NeedsPerson,
    OutcomeUnknown,
    PortalUnavailable,
    RetaguardaError,
    StopRequested,
    StoreUnavailable,
    TimeLimitReached,
)
from retaguarda.jobs.journal import unresolved_of
from retaguarda.jobs.runs import ENDED, FINISHED, REFUSED_OUTCOMES, root_of
from retaguarda.process import Process, to_text
from retaguarda.run import Run, Services
from retaguarda.runlog import run_log
from retaguarda.settings import JobsSettings
from retaguarda.store.models import Item, ItemState, RunRecord, RunState

OPEN_ITEMS = [ItemState.UNCERTAIN, ItemState.DEFERRED, ItemState.IN_PROGRESS, ItemState.FAILED_APPLICATION]
ENDS = {RunState.SUCCESSFUL: 0, RunState.STOPPED: 130, RunState.TIMED_OUT: 124, RunState.SUSPENDED: 7}
"""States that tell the exit code by themselves."""
BREAKS = "breaks"
"""Key of a result that says how many breaks were found: they make a run PARTIAL."""


@dataclass
class Interrupts:
    """SIGINT and SIGTERM ask for a stop at the next safe point; a second one ends the process."""

    received: int = 0

    def asked(self) -> bool:
        return self.received > 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, self._note) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received:
            sys.exit(128 + number)
        self.received = number


class Delivered(enum.StrEnum):
    """What became of a delivery."""

    DONE = "done"
    STALE = "stale"  # that attempt was carried out before, or the run ended meanwhile
    HELD = "held"  # another process carries the run out at this moment


@dataclass(frozen=True)
class _End:
    """How a run ended."""

    state: RunState
    result: Any = None
    error: Mapping[str, Any] | None = None


class Runner:
    """Starts and resumes runs in this process."""

    def __init__(self, services: Services, processes: Mapping[str, Process], audit: AuditLog, report: Callable[[RunRecord], None]) -> None:
        self.interrupts = Interrupts()
        self._services = replace(services, start_child=self._child, interrupted=self.interrupts.asked)
        self._processes = processes
        self._audit = audit
        self._report = report
        self._retry_refused = False
        self._time_is_up = math.inf
        self._delivered = ""

    def process(self, name: str) -> Process:
        """The process of that name; ConfigurationError lists the known ones."""
        if name not in self._processes:
            raise ConfigurationError(f"no process {name!r}", remedy=f"known: {', '.join(sorted(self._processes))}")
        return self._processes[name]

    def start(self, name: str, given: Mapping[str, str], *, dry_run: bool = False, retry_refused: bool = False) -> RunRecord:
        """Launch a process on demand and execute it here."""
        self.bury_dead()
        process = self.process(name)
        process.bind(given)
        run = self._services.runs.create(name, given, dry_run=dry_run, retry_refused=retry_refused)
        if blocked := self._blocked(run):
            self._services.runs.end(run, RunState.FAULTED, error=_facts(blocked))
            raise blocked
        return self._whole(run, retry_refused=retry_refused)

    def deliver(self, run_id: str, attempt: int, begun: Callable[[float], None]) -> Delivered:
        """Carry out an attempt of a queued run that the engine delivered, unless it is carried out or was before.

        How it goes on is decided here: an end, a later attempt after an application error, or a wait for a person. `begun`
        is told the seconds that it may take.
        """
        try:
            with self._services.locks.hold(f"run/{run_id}"):
                run = RunRecord.objects.get(pk=run_id)
                if run.attempt != attempt or run.state not in {RunState.PENDING, RunState.RUNNING}:
                    return Delivered.STALE
                if run.state == RunState.RUNNING:
                    self._died(run)
                    return Delivered.DONE
                begun(self._set_limit(run))
                self._deliver(run)
                return Delivered.DONE
        except LeaseHeld:
            return Delivered.HELD

    def _deliver(self, run: RunRecord) -> None:
        if blocked := self._blocked(run):
            self._services.runs.end(run, RunState.FAULTED, error=_facts(blocked))
            return
        self._retry_refused, self._delivered = run.retry_refused, run.pk
        try:
            with self.interrupts.listening():
                self._execute(run)
        finally:
            self._delivered = ""
            self._services.desks.close()
            self._audit.seal()
        if run.state in ENDED:
            self._report(run)
            self._audit.seal()

    def _decide(self, run: RunRecord) -> None:
        """Whether a queued run that ended comes again: handed back by a worker that shuts down, or by its error's disposition."""
        if run.state == RunState.STOPPED and self.interrupts.received and not run.stop_requested:
            self._services.runs.back_to_queue(run, _facts(StopRequested("the worker shut down")))
            return
        doubtful = run.state == RunState.PARTIAL and unresolved_of([step.pk for step in self._services.runs.tree(run)])
        why = _facts(OutcomeUnknown()) if doubtful else run.error if run.state == RunState.FAULTED else None
        at = next_try(run, why, self._services.settings.jobs, self._services.clock.now()) if why else None
        if why and at:
            self._services.runs.back_to_queue(run, why, not_before=at, failed=not _waits(why))

    def _set_limit(self, run: RunRecord) -> float:
        """Begin to count the seconds that an attempt may take."""
        stated = run.time_limit or (self._processes[run.process].time_limit if run.process in self._processes else None)
        limit = float(stated or self._services.settings.jobs.time_limit)
        self._time_is_up = self._services.clock.monotonic() + limit
        return limit

    def _died(self, run: RunRecord) -> None:
        """The process that carried a queued run out died: it comes again while it has retries left, else it ends."""
        why = InfrastructureError("its process died", remedy=f"retaguarda run resume {run.pk}")
        for step in self._services.runs.tree(run)[1:]:
            if step.state == RunState.RUNNING:
                self._services.runs.end(step, RunState.FAULTED, error=_facts(why))
        if run.failures < self._services.settings.jobs.retries:
            self._services.runs.back_to_queue(run, _facts(why), failed=True)
        else:
            self._services.runs.end(run, RunState.FAULTED, error=_facts(why))

    def _blocked(self, run: RunRecord) -> ConfigurationError | None:
        """Why a new run must not begin: an earlier one of the same process left a press unresolved."""
        blocking = self._services.runs.unfinished_before(run) if run.started_at is None else None
        if blocking is None:
            return None
        return ConfigurationError(f"run {blocking.pk} left a press unresolved", remedy=f"retaguarda run resume {blocking.pk}")

    def resume(self, run: RunRecord, *, retry_refused: bool = False) -> RunRecord:
        """Go on with a run at the item where it stood; a finished run is left as it is.

        A step is gone on with as part of its whole run, which one process at a time carries out.
        """
        self.bury_dead()
        run = root_of(run)
        run.refresh_from_db()
        self._retry_refused = retry_refused
        if run.state in FINISHED and not self._has_work(run):
            return run
        return self._whole(run, retry_refused=retry_refused)

    def bury_dead(self) -> None:
        """Tell runs whose process died as what they are: a queued one comes again, any other ended."""
        for seen in RunRecord.objects.filter(parent=None, state=RunState.RUNNING):
            with contextlib.suppress(LeaseHeld), self._services.locks.hold(f"run/{seen.pk}"):
                run = RunRecord.objects.get(pk=seen.pk)
                if run.state == RunState.RUNNING and run.kill_requested:
                    self._close_tree(run, RunState.STOPPED, Killed())
                elif run.state == RunState.RUNNING and run.queue:
                    self._died(run)
                elif run.state == RunState.RUNNING:
                    why = InfrastructureError("its process died", remedy=f"retaguarda run resume {run.pk}")
                    self._close_tree(run, RunState.FAULTED, why)

    def end_killed(self, run_id: str, *, timed_out: bool) -> None:
        """Tell a run whose process was killed, for its time limit or by an operator, as what it is."""
        with contextlib.suppress(LeaseHeld), self._services.locks.hold(f"run/{run_id}"):
            run = RunRecord.objects.get(pk=run_id)
            if run.state == RunState.RUNNING:
                state, why = (
                    (RunState.TIMED_OUT, TimeLimitReached("killed at its time limit")) if timed_out else (RunState.STOPPED, Killed())
                )
                self._close_tree(run, state, why)

    def _close_tree(self, run: RunRecord, state: RunState, why: RetaguardaError) -> None:
        for step in reversed(self._services.runs.tree(RunRecord.objects.get(pk=run.pk))):
            if step.state == RunState.RUNNING:
                self._services.runs.end(step, state, error=_facts(why))

    def _has_work(self, run: RunRecord) -> bool:
        """Whether items are open: unfinished ones, and refused ones where the operator asks for them."""
        items = Item.objects.filter(run__in=self._services.runs.tree(run))
        refused = self._retry_refused and items.filter(outcome__in=REFUSED_OUTCOMES).exists()
        return refused or items.filter(state__in=OPEN_ITEMS).exists()

    def _whole(self, run: RunRecord, *, retry_refused: bool) -> RunRecord:
        self._retry_refused = retry_refused
        self._set_limit(run)
        try:
            with self._services.locks.hold(f"run/{run.pk}"), self.interrupts.listening():
                self._execute(run)
        except SystemExit:
            self._close_tree(run, RunState.STOPPED, StopRequested("a second signal ended it at once"))
            raise
        except DatabaseError as error:
            raise _store_failed(error) from error
        finally:
            self._services.desks.close()
            self._audit.seal()
        if run.state in ENDED:
            self._report(run)
            self._audit.seal()
        return run

    def _child(self, parent: Run, name: str, params: Mapping[str, Any]) -> Any:
        """A step of a composed run: taken from the store when an earlier attempt finished it, else executed."""
        process, texts = self.process(name), {key: to_text(value) for key, value in params.items()}
        step = (name, tuple(sorted(texts.items())))
        record = self._services.runs.child(parent.record, name, texts, turn=parent.steps[step])
        parent.steps[step] += 1
        if record is None:
            record = self._services.runs.create(name, texts, dry_run=parent.dry_run, parent=parent.record)
        if record.state not in FINISHED or self._has_work(record):
            self._execute(record)
        if record.state not in FINISHED:
            raise _as_error(record)
        return process.load(record.result)

    def _execute(self, record: RunRecord) -> None:
        self._services.runs.begin(record)
        try:
            with run_log(Path(record.folder) / "run.jsonl", root_of(record).pk) as log:
                run = Run(self._services, record, log, retry_refused=self._retry_refused, time_is_up=self._time_is_up)
                end = self._carried_out(run)
        except OSError as error:
            end = _End(RunState.FAULTED, error=_facts(StoreUnavailable(f"the run's folder cannot be written: {error}")))
        with transaction.atomic():  # an end and what follows from it: no crash comes between them
            self._close(record, end)
            if record.pk == self._delivered:
                self._decide(record)

    def _close(self, record: RunRecord, end: _End) -> None:
        if end.state == RunState.SUSPENDED:
            self._services.runs.suspend(record, end.error or {})
        else:
            self._services.runs.end(record, end.state, result=end.result, error=end.error)

    def _carried_out(self, run: Run) -> _End:
        """The worker loop's body: the one place of the machinery that catches everything."""
        try:
            process = self.process(run.record.process)
            result = process.function(run, **process.bind(run.record.params))
            return _End(self._end_state(run.record, result), process.dump(result))
        except StopRequested as stop:
            return _End(RunState.STOPPED, error=_facts(stop))
        except TimeLimitReached as late:
            return _End(RunState.TIMED_OUT, error=_facts(late))
        except NeedsPerson as question:
            return _End(RunState.SUSPENDED, error=_facts(question))
        except (RetaguardaError, DatabaseError) as raised:
            error = raised if isinstance(raised, RetaguardaError) else _store_failed(raised)
            run.log.error("{}: {}", error.code, error.text)  # noqa: TRY400  # an expected end, without a traceback
            return _End(RunState.FAULTED, error=_facts(error))
        except Exception as error:  # worker loop: a defect must end as a true state, with its traceback
            run.log.exception("defect")
            where = traceback.extract_tb(error.__traceback__)[-1]
            told = {"text": f"{type(error).__name__}: {error}", "where": f"{Path(where.filename).name}:{where.lineno}"}
            return _End(RunState.FAULTED, error={"code": "defect", **told})

    def _end_state(self, record: RunRecord, result: Any) -> RunState:
        breaks: int = getattr(result, BREAKS, 0)
        unsuccessful = record.items.exclude(state=ItemState.SUCCESSFUL).exists()
        partial_child = record.children.filter(state=RunState.PARTIAL).exists()
        return RunState.PARTIAL if unsuccessful or partial_child or breaks else RunState.SUCCESSFUL


def exit_code(tree: list[RunRecord]) -> int:
    """The documented exit of a run: 0 done, 1 items failed or breaks, 3 configuration or credential, 5 uncertain, 6 deadline missed,
    7 a person, 75 later. 5 outranks all; 6 outranks 1, and no other: what stopped the run is told first.
    """
    doubtful = Item.objects.filter(run__in=tree, state__in=[ItemState.UNCERTAIN, ItemState.DEFERRED])
    if doubtful.exists() or unresolved_of([run.pk for run in tree]):
        return 5
    if tree[0].state in ENDS:
        return ENDS[RunState(tree[0].state)]
    found = int((tree[0].error or {}).get("exit", 1)) if tree[0].state == RunState.FAULTED else 1
    late = found == 1 and Item.objects.filter(run__in=tree, code=DeadlinePassed().code).exists()
    return 6 if late else found


def exit_of(error: RetaguardaError) -> int:
    """The exit code that an error ends a command with."""
    if isinstance(error, StepFailed):
        return error.exit
    if isinstance(error, ConfigurationError) or error.code in {"credential-refused", "vault-unavailable"}:
        return 3
    if isinstance(error, NeedsPerson):
        return 7
    if isinstance(error, DeadlinePassed):
        return 6
    if isinstance(error, PortalUnavailable) or error.disposition is Disposition.RETRY:
        return 75
    return 5 if error.disposition is Disposition.RECHECK else 1


def next_try(run: RunRecord, error: Mapping[str, Any], settings: JobsSettings, now: dt.datetime) -> dt.datetime | None:
    """When a queued run that failed is tried again; None when it is not: a business error never, others while retries are left.

    A run that only waits for a credential another run works with spends no retry.
    """
    if error.get("disposition") not in {str(Disposition.RETRY), str(Disposition.RECHECK)}:
        return None
    if _waits(error):
        return now + dt.timedelta(seconds=settings.retry_first / 4)
    if run.failures >= settings.retries:
        return None
    pause = min(settings.retry_first * 2**run.failures, settings.retry_most)
    told = error.get("retry_at") or ""
    return max(now + dt.timedelta(seconds=pause), dt.datetime.fromisoformat(told)) if told else now + dt.timedelta(seconds=pause)


def _waits(error: Mapping[str, Any]) -> bool:
    return error.get("code") == LeaseHeld().code


def _facts(error: RetaguardaError) -> dict[str, Any]:
    at = getattr(error, "retry_at", None)
    facts = {"code": error.code, "text": error.text, "remedy": error.remedy, "disposition": str(error.disposition), "exit": exit_of(error)}
    where = {name: str(error.facts[name]) for name in ("portal", "credential") if name in error.facts}
    return facts | ({"retry_at": at.isoformat()} if at else {}) | where


def _store_failed(error: DatabaseError) -> StoreUnavailable:
    return StoreUnavailable(f"the store failed: {error}", remedy="check the disk, then resume the run")


def _as_error(record: RunRecord) -> RetaguardaError:
    """A child's end as the parent meets it."""
    if record.state == RunState.STOPPED:
        return StopRequested()
    facts = record.error or {}
    if record.state == RunState.TIMED_OUT:
        return TimeLimitReached()
    return StepFailed(record.process, record.state, facts) if record.state != RunState.SUSPENDED else StepWaits(record.process, facts)


class StepFailed(RetaguardaError):
    """A step of the process failed."""

    def __init__(self, process: str, state: str, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{process}: {facts.get('text', state)}", remedy=facts.get("remedy", ""))
        self.exit = int(facts.get("exit", 1))
        self.disposition = Disposition(facts.get("disposition", Disposition.HALT))  # type: ignore[misc]  # its step's own
        self.retry_at = dt.datetime.fromisoformat(facts["retry_at"]) if facts.get("retry_at") else None
        self.cause = facts.get("code", "")

    @property
    def code(self) -> str:
        return self.cause if self.cause == LeaseHeld().code else super().code


class StepWaits(NeedsPerson):
    """A step of the process waits for a person."""

    def __init__(self, process: str, facts: Mapping[str, Any]) -> None:
        super().__init__(f"{process}: {facts.get('text', '')}", remedy=facts.get("remedy", ""))
