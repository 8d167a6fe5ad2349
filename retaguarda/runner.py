"""Executes runs: from PENDING to an end state that is true, whatever the task raises."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import DatabaseError

from retaguarda.audit.log import AuditLog
from retaguarda.errors import (
    ConfigurationError,
    DeadlinePassed,
    Disposition,
    InfrastructureError,
    LeaseHeld,
    NeedsPerson,
    PortalUnavailable,
    RetaguardaError,
    StopRequested,
    StoreUnavailable,
)
from retaguarda.jobs.journal import unresolved_of
from retaguarda.jobs.runs import ENDED, FINISHED, REFUSED_OUTCOMES
from retaguarda.process import Process, to_text
from retaguarda.run import Run, Services
from retaguarda.runlog import run_log
from retaguarda.store.models import Item, ItemState, RunRecord, RunState

OPEN_ITEMS = [ItemState.UNCERTAIN, ItemState.DEFERRED, ItemState.IN_PROGRESS, ItemState.FAILED_APPLICATION]
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
        run = self._services.runs.create(name, given, dry_run=dry_run)
        blocking = self._services.runs.unfinished_before(run)
        if blocking:
            error = ConfigurationError(f"run {blocking.pk} left a press unresolved", remedy=f"retaguarda run resume {blocking.pk}")
            self._services.runs.end(run, RunState.FAULTED, error=_facts(error))
            raise error
        return self._whole(run, retry_refused=retry_refused)

    def resume(self, run: RunRecord, *, retry_refused: bool = False) -> RunRecord:
        """Go on with a run at the item where it stood; a finished run is left as it is.

        A step is gone on with as part of its whole run, which one process at a time carries out.
        """
        self.bury_dead()
        run = _root(run)
        run.refresh_from_db()
        self._retry_refused = retry_refused
        if run.state in FINISHED and not self._has_work(run):
            return run
        return self._whole(run, retry_refused=retry_refused)

    def bury_dead(self) -> None:
        """End the runs whose process died: what nobody carries out must not be told as running."""
        for run in RunRecord.objects.filter(parent=None, state=RunState.RUNNING):
            with contextlib.suppress(LeaseHeld), self._services.locks.hold(f"run/{run.pk}"):
                self._close_tree(run, RunState.FAULTED, InfrastructureError("its process died", remedy=f"retaguarda run resume {run.pk}"))

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
        process = self.process(record.process)
        self._services.runs.begin(record)
        try:
            with run_log(Path(record.folder) / "run.jsonl", _root(record).pk) as log:
                end = self._carried_out(process, Run(self._services, record, log, retry_refused=self._retry_refused))
        except OSError as error:
            end = _End(RunState.FAULTED, error=_facts(StoreUnavailable(f"the run's folder cannot be written: {error}")))
        self._services.runs.end(record, end.state, result=end.result, error=end.error)

    def _carried_out(self, process: Process, run: Run) -> _End:
        """The worker loop's body: the one place of the machinery that catches everything."""
        try:
            result = process.function(run, **process.bind(run.record.params))
            return _End(self._end_state(run.record, result), process.dump(result))
        except StopRequested as stop:
            return _End(RunState.STOPPED, error=_facts(stop))
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
    if tree[0].state == RunState.STOPPED:
        return 130
    if tree[0].state == RunState.SUCCESSFUL:
        return 0
    found = int((tree[0].error or {}).get("exit", 1)) if tree[0].state == RunState.FAULTED else 1
    late = found == 1 and Item.objects.filter(run__in=tree, code=DeadlinePassed().code).exists()
    return 6 if late else found


def exit_of(error: RetaguardaError) -> int:
    """The exit code that an error ends a command with."""
    if isinstance(error, ChildFailed):
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


def _facts(error: RetaguardaError) -> dict[str, Any]:
    return {"code": error.code, "text": error.text, "remedy": error.remedy, "disposition": str(error.disposition), "exit": exit_of(error)}


def _store_failed(error: DatabaseError) -> StoreUnavailable:
    return StoreUnavailable(f"the store failed: {error}", remedy="check the disk, then resume the run")


def _as_error(record: RunRecord) -> RetaguardaError:
    """A child's end as the parent meets it."""
    if record.state == RunState.STOPPED:
        return StopRequested()
    facts = record.error or {}
    error = ChildFailed(f"{record.process}: {facts.get('text', record.state)}", remedy=facts.get("remedy", ""))
    error.exit = int(facts.get("exit", 1))
    return error


class ChildFailed(RetaguardaError):
    """A step of the process failed."""

    exit = 1


def _root(record: RunRecord) -> RunRecord:
    while record.parent is not None:
        record = record.parent
    return record
