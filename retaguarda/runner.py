"""Executes runs: from PENDING to an end state that is true, whatever the task raises."""

from __future__ import annotations

import contextlib
import enum
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction

from retaguarda.audit import versions
from retaguarda.audit.log import AuditLog
from retaguarda.ends import error_of, facts_of, next_try, store_failed, waits
from retaguarda.errors import (
    ConfigurationError,
    InfrastructureError,
    Killed,
    LeaseHeld,
    LeaseLost,
    NeedsPerson,
    OutcomeUnknown,
    RetaguardaError,
    StopRequested,
    StoreUnavailable,
    TimeLimitReached,
)
from retaguarda.interrupts import Interrupts
from retaguarda.jobs.certificates import credentials_of
from retaguarda.jobs.journal import unresolved_of
from retaguarda.jobs.runs import ENDED, FINISHED, REFUSED_OUTCOMES, root_of
from retaguarda.process import Process, to_text
from retaguarda.run import Run, Services
from retaguarda.runlog import run_log
from retaguarda.store.models import Item, ItemState, RunRecord, RunState

OPEN_ITEMS = [ItemState.UNCERTAIN, ItemState.DEFERRED, ItemState.IN_PROGRESS, ItemState.FAILED_APPLICATION]
BREAKS = "breaks"
"""Key of a result that says how many breaks were found: they make a run PARTIAL."""


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
            self._services.runs.end(run, RunState.FAULTED, error=facts_of(blocked))
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
        except (LeaseHeld, LeaseLost):
            return Delivered.HELD

    def _deliver(self, run: RunRecord) -> None:
        if blocked := self._blocked(run):
            why = facts_of(blocked)
            at = next_try(run, why, self._services.settings.jobs, self._services.clock.now())
            if at:
                self._services.runs.back_to_queue(run, why, not_before=at)
            else:
                self._services.runs.end(run, RunState.FAULTED, error=why)
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
            self._services.runs.back_to_queue(run, facts_of(StopRequested("the worker shut down")))
            return
        doubtful = run.state == RunState.PARTIAL and unresolved_of([step.pk for step in self._services.runs.tree(run)])
        why = facts_of(OutcomeUnknown()) if doubtful else run.error if run.state == RunState.FAULTED else None
        at = next_try(run, why, self._services.settings.jobs, self._services.clock.now()) if why else None
        if why and at:
            self._services.runs.back_to_queue(run, why, not_before=at, failed=not waits(why))

    def _set_limit(self, run: RunRecord) -> float:
        """Begin to count the seconds that an attempt may take."""
        limit = self._limit_of(run)
        self._time_is_up = self._services.clock.monotonic() + limit
        return limit

    def _limit_of(self, run: RunRecord) -> float:
        stated = run.time_limit or (self._processes[run.process].time_limit if run.process in self._processes else None)
        return float(stated or self._services.settings.jobs.time_limit)

    def _died(self, run: RunRecord) -> None:
        """The process that carried a queued run out died: it comes again while it has retries left, else it ends."""
        why = InfrastructureError("its process died", remedy=f"retaguarda run resume {run.pk}")
        for step in self._services.runs.tree(run)[1:]:
            if step.state == RunState.RUNNING:
                self._services.runs.end(step, RunState.FAULTED, error=facts_of(why))
        if run.failures < self._services.settings.jobs.retries:
            self._services.runs.back_to_queue(run, facts_of(why), failed=True)
        else:
            self._services.runs.end(run, RunState.FAULTED, error=facts_of(why))

    def _blocked(self, run: RunRecord) -> RetaguardaError | None:
        """Why a new run must not begin: an earlier one of the same process and parameters has a press that is not resolved, or
        a certificate that it needs ends before it could.

        One that is at work, or comes again, is waited for; one that ended is an operator's to resume.
        """
        if run.started_at is not None:
            return None
        blocking = self._services.runs.unfinished_before(run)
        if blocking is None:
            return self._services.certificates.refusal(credentials_of(run.process, run.params, self._processes), self._limit_of(run))
        if blocking.state not in ENDED:
            return LeaseHeld(f"run {blocking.pk} of the same process is not over", remedy="wait for the other run to end")
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
                self._services.runs.end(step, state, error=facts_of(why))

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
            raise store_failed(error) from error
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
            raise error_of(record)
        return process.load(record.result)

    def _execute(self, record: RunRecord) -> None:
        with versions.carrying_out(record.pk):
            self._attempt(record)

    def _attempt(self, record: RunRecord) -> None:
        began = self._services.clock.now()
        self._services.runs.begin(record)
        try:
            with run_log(Path(record.folder) / "run.jsonl", root_of(record).pk) as log:
                run = Run(self._services, record, log, retry_refused=self._retry_refused, time_is_up=self._time_is_up)
                end = self._carried_out(run)
        except OSError as error:
            end = _End(RunState.FAULTED, error=facts_of(StoreUnavailable(f"the run's folder cannot be written: {error}")))
        with transaction.atomic():  # an end and what follows from it: no crash comes between them
            self._close(record, end)
            if record.pk == self._delivered:
                self._decide(record)
            if record.state == RunState.SUSPENDED and record.parent is None and self._services.requests.decided_since(record, began):
                self._services.runs.queue_up(record)  # the answer came while the run was about to be parked

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
            return _End(RunState.STOPPED, error=facts_of(stop))
        except TimeLimitReached as late:
            return _End(RunState.TIMED_OUT, error=facts_of(late))
        except NeedsPerson as question:
            return _End(RunState.SUSPENDED, error=facts_of(question))
        except (RetaguardaError, DatabaseError) as raised:
            error = raised if isinstance(raised, RetaguardaError) else store_failed(raised)
            run.log.error("{}: {}", error.code, error.text)  # noqa: TRY400  # an expected end, without a traceback
            return _End(RunState.FAULTED, error=facts_of(error))
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
