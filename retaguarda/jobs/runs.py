"""Runs and items in the store: every change of state with its audit event in one transaction."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import models, transaction

from retaguarda import __version__
from retaguarda.audit import events, versions
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, LeaseHeld, LeaseLost
from retaguarda.jobs.journal import LONGEST_PROTOCOL, unresolved_of, unresolved_presses
from retaguarda.redaction import redactor
from retaguarda.store.models import Item, ItemState, OutboxEvent, RunRecord, RunState

ENDED = {RunState.SUCCESSFUL, RunState.PARTIAL, RunState.FAULTED, RunState.STOPPED, RunState.TIMED_OUT}
FINISHED = {RunState.SUCCESSFUL, RunState.PARTIAL}
"""Ends that a resumed parent does not repeat."""
REFUSED_OUTCOMES = {"refused", "refused_before"}
WAITING = (RunState.PENDING, RunState.SUSPENDED)
"""States in which nothing is at work."""
DEFAULT_QUEUE = "default"
LONGEST_TITLE = 200
"""Characters that the store keeps; PostgreSQL refuses a row that has more."""
GIVEN_BACK = dt.timedelta(seconds=2)
"""How long a run rests that was delivered while another process had it."""
ASKED_BY_OTHERS = ("stop_requested", "kill_requested", "handed_over", "priority")
"""What is written to a run while it is carried out, by operators and workers."""
_SAID = {"code": "code", "reason": "text", "remedy": "remedy"}
FINAL_ITEMS = {ItemState.SUCCESSFUL, ItemState.FAILED_BUSINESS, ItemState.ABANDONED}


class Runs:
    """The runs of this installation."""

    def __init__(self, output: Path, clock: Clock) -> None:
        self._output = output
        self._clock = clock

    def create(
        self,
        process: str,
        params: Mapping[str, str],
        *,
        dry_run: bool = False,
        parent: RunRecord | None = None,
        queue: str = "",
        priority: int = 100,
        not_before: dt.datetime | None = None,
        time_limit: int | None = None,
        trigger: str = "",
        retry_refused: bool = False,
    ) -> RunRecord:
        """A new run in state PENDING with its folder under output/<date>/<run-id>/.

        With a `queue` workers carry it out, lower `priority` first, not before `not_before`; an attempt may take
        `time_limit` seconds. Without one, whoever made it does.
        """
        with transaction.atomic():
            run, event = self.prepared(
                process,
                params,
                dry_run=dry_run,
                parent=parent,
                queue=queue,
                priority=priority,
                not_before=not_before,
                time_limit=time_limit,
                trigger=trigger,
                retry_refused=retry_refused,
            )
            run.save(force_insert=True)
            event.save()
        return run

    def prepared(
        self, process: str, params: Mapping[str, str], *, parent: RunRecord | None = None, **given: Any
    ) -> tuple[RunRecord, OutboxEvent]:
        """A new run and its audit event for whoever writes many at once; its folder is there already."""
        now = self._clock.now()
        name = f"{now:%Y%m%d-%H%M%S}-{process.replace('_', '-')}-{secrets.token_hex(4)}"
        folder = Path(parent.folder) if parent else self._output / f"{now:%Y-%m-%d}" / name
        folder.mkdir(parents=True, exist_ok=True)
        run = RunRecord(
            id=name,
            parent=parent,
            process=process,
            params=dict(params),
            actor=events.actor(),
            created_at=now,
            folder=str(folder),
            version=__version__,
            **given,
        )
        facts = {"params": run.params, "dry_run": run.dry_run, "parent": parent.pk if parent else ""}
        facts |= {"queue": run.queue, "trigger": run.trigger}
        return run, events.prepared("run.queued", run=run.pk, target=process, data=facts)

    def get(self, run_id: str) -> RunRecord:
        """The run of that id, or the only one whose id ends with it; ConfigurationError otherwise."""
        found = list(RunRecord.objects.filter(id__endswith=run_id)[:2])
        if len(found) != 1:
            raise ConfigurationError(f"{'no' if not found else 'more than one'} run {run_id!r}", remedy="see: retaguarda run list")
        return found[0]

    def latest(self, count: int = 20, process: str = "") -> list[RunRecord]:
        """Root runs, newest first."""
        chosen = RunRecord.objects.filter(parent=None).order_by("-created_at")
        return list((chosen.filter(process=process) if process else chosen)[:count])

    def begin(self, run: RunRecord) -> None:
        """An attempt begins in this process, which holds the run's lock; LeaseHeld when somebody changed the run meanwhile."""
        with transaction.atomic():
            if self._kept(run).state != run.state:
                raise LeaseHeld(f"run {run.pk} was changed by another process", remedy=f"see: retaguarda run show {run.pk}")
            run.state, run.error, run.ended_at, run.stop_requested, run.kill_requested = RunState.RUNNING, None, None, False, False
            run.started_at = run.started_at or self._clock.now()
            run.executor = executor()
            run.save()
            facts = {"attempt": run.attempt, "executor": run.executor, "versions": versions.whole()}
            events.record("run.started", run=run.pk, target=run.process, data=facts)

    def suspend(self, run: RunRecord, error: Mapping[str, Any]) -> None:
        """Park a run until a person answers: nothing holds a thread, a browser or a lock for it."""
        with transaction.atomic():
            self._kept(run)
            self._let_go(run, error)
            run.state, run.error, run.executor = RunState.SUSPENDED, _clean(error), ""
            run.save()
            events.record("run.suspended", run=run.pk, target=run.process, data=run.error or {})

    def back_to_queue(self, run: RunRecord, why: Mapping[str, Any], *, not_before: dt.datetime | None = None, failed: bool = False) -> None:
        """Queue a run again, for its next attempt, not before a moment; `failed` spends one of its retries."""
        with transaction.atomic():
            self._kept(run)
            self._let_go(run, why)
            run.state, run.error, run.ended_at, run.executor = RunState.PENDING, _clean(why), None, ""
            run.attempt, run.not_before, run.failures = run.attempt + 1, not_before, run.failures + failed
            run.save()
            facts = {"attempt": run.attempt, "failures": run.failures, "not_before": not_before.isoformat() if not_before else ""}
            events.record("run.queued_again", run=run.pk, target=run.process, data={**facts, "why": (run.error or {}).get("text", "")})

    def due(self, queues: Sequence[str], limit: int = 100) -> list[RunRecord]:
        """Queued runs that the engine was not given yet, the most urgent first."""
        waiting = RunRecord.objects.filter(state=RunState.PENDING, queue__in=queues, handed_over__lt=models.F("attempt"))
        ready = waiting.filter(models.Q(not_before=None) | models.Q(not_before__lte=self._clock.now()))
        return list(ready.order_by("priority", "created_at")[:limit])

    def note_handed_over(self, run: RunRecord) -> None:
        """The engine has this attempt; a crash before this note only hands it over again, which the engine knows."""
        RunRecord.objects.filter(pk=run.pk, handed_over__lt=run.attempt).update(handed_over=run.attempt)

    def give_back(self, run_id: str, attempt: int) -> None:
        """Queue an attempt anew that was delivered and not begun."""
        with transaction.atomic():
            waiting = RunRecord.objects.filter(pk=run_id, attempt=attempt, state=RunState.PENDING)
            if waiting.update(attempt=attempt + 1, not_before=self._clock.now() + GIVEN_BACK):
                events.record("run.given_back", run=run_id, data={"attempt": attempt + 1})

    def could_not_begin(self, run_id: str, attempt: int, retries: int) -> None:
        """Count a delivery whose process died before it could begin; when too many did, the run ends and says so."""
        why = {"code": "process-died", "text": "its process died before it could begin", "remedy": "retaguarda doctor", "exit": 75}
        with transaction.atomic():
            run = RunRecord.objects.select_for_update().filter(pk=run_id, attempt=attempt, state=RunState.PENDING).first()
            if run is not None and run.failures < retries:
                self.back_to_queue(run, why, not_before=self._clock.now() + GIVEN_BACK * 2**run.failures, failed=True)
            elif run is not None:
                self.end(run, RunState.FAULTED, error=why)

    def queue_up(self, run: RunRecord, queue: str = "", who: str = "", *, priority: int = 0, retry_refused: bool = False) -> None:
        """Put a run that ended, or is parked, back into a queue: an operator or an answer asks for it; its retries are counted anew.

        ConfigurationError when it is at work or queued already.
        """
        with transaction.atomic():
            run.refresh_from_db(from_queryset=RunRecord.objects.select_for_update())
            if run.state not in ENDED | {RunState.SUSPENDED}:
                raise ConfigurationError(f"run {run.pk} has not ended", remedy=f"see: retaguarda run show {run.pk}")
            run.retry_refused, run.priority = retry_refused, priority or run.priority
            run.queue = queue or run.queue or DEFAULT_QUEUE
            run.state, run.ended_at, run.not_before = RunState.PENDING, None, None
            run.attempt, run.failures, run.stop_requested, run.kill_requested = run.attempt + 1, 0, False, False
            run.save()
            events.record("run.resumed", run=run.pk, target=run.process, who=who, data={"queue": run.queue, "attempt": run.attempt})

    def end(self, run: RunRecord, state: RunState, *, result: Any = None, error: Mapping[str, Any] | None = None) -> None:
        """Close a run in an end state, with its result or its error; no item of it is left as being worked on."""
        with transaction.atomic():
            self._kept(run)
            self._let_go(run, error or {})
            run.state, run.result, run.error, run.ended_at = state, result, _clean(error), self._clock.now()
            run.save()
            events.record(f"run.{state.lower()}", run=run.pk, target=run.process, data=run.error or {})

    def _kept(self, run: RunRecord) -> RunRecord:
        """The run's row, kept from others until the transaction ends, with what others may have asked of the run meanwhile.

        LeaseLost when another process carries the run out by now: this one lost its lock without dying, and must change nothing.
        """
        row = RunRecord.objects.select_for_update().get(pk=run.pk)
        if (row.executor, row.attempt) != (run.executor, run.attempt):
            raise LeaseLost(f"run {run.pk} was taken over by another process", remedy=f"see: retaguarda run show {run.pk}")
        for name in ASKED_BY_OTHERS:
            setattr(run, name, getattr(row, name))
        return row

    def _let_go(self, run: RunRecord, error: Mapping[str, Any]) -> None:
        """Say of items whose work broke off what is known of them: pressed and not proven, or not done."""
        pressed = {intent.reference for intent in unresolved_of([run.pk])}
        for item in run.items.filter(state=ItemState.IN_PROGRESS):
            state = ItemState.UNCERTAIN if item.reference in pressed else ItemState.FAILED_APPLICATION
            self.mark(item, state, **{fact: str(error.get(name, "")) for fact, name in _SAID.items()})

    def request_stop(self, run: RunRecord, *, kill: bool = False) -> None:
        """Ask a run and its children to stop at the next safe point, or, with `kill`, to be ended at once; one that waits has ended."""
        asked = {"stop_requested": True} | ({"kill_requested": True} if kill else {})
        with transaction.atomic():
            RunRecord.objects.filter(pk__in=[r.pk for r in self.tree(run)]).update(**asked)
            events.record("run.kill_requested" if kill else "run.stop_requested", run=run.pk, target=run.process)
            waiting = RunRecord.objects.filter(pk=run.pk, state__in=WAITING).exclude(queue="", state=RunState.PENDING)
            if waiting.update(state=RunState.STOPPED, ended_at=self._clock.now()):
                events.record("run.stopped", run=run.pk, target=run.process, data={"code": "stop-requested"})
        run.refresh_from_db()

    def stop_requested(self, run: RunRecord) -> bool:
        """Whether it was asked to stop; a step also when its whole was, in the moment in which the step was made."""
        asked = models.Q(pk=run.pk) | models.Q(children=run.pk)
        return RunRecord.objects.filter(asked, stop_requested=True).exists()

    def child(self, parent: RunRecord, process: str, params: Mapping[str, str], turn: int = 0) -> RunRecord | None:
        """The child that an earlier attempt of this parent made for the same step, if any.

        `turn` tells steps apart that a parent takes several times with the same parameters.
        """
        made = parent.children.filter(process=process).order_by("created_at", "pk")
        return next(iter([child for child in made if child.params == dict(params)][turn:]), None)

    def tree(self, run: RunRecord) -> list[RunRecord]:
        """The run and all runs under it, in the order they were made."""
        found = [run]
        for child in run.children.order_by("created_at"):
            found += self.tree(child)
        return found

    def unfinished_before(self, run: RunRecord) -> RunRecord | None:
        """The newest earlier run of the same process and parameters that left a press unresolved: it must be resumed first."""
        left = {root.pk: root for root in (root_of(intent.run) for intent in unresolved_presses())}
        same = [r for r in left.values() if (r.process, r.params) == (run.process, run.params) and r.created_at < run.created_at]
        return max(same, key=lambda earlier: earlier.created_at, default=None)

    def item(self, run: RunRecord, reference: str, title: str, fields: Mapping[str, Any]) -> Item:
        """The run's item of that reference, made when it is new."""
        with transaction.atomic():
            clean = {name: redactor.clean(value) if isinstance(value, str) else value for name, value in fields.items()}
            defaults = {"title": redactor.clean(title)[:LONGEST_TITLE], "fields": clean, "updated_at": self._clock.now()}
            item, made = Item.objects.get_or_create(run=run, reference=reference, defaults=defaults)
            item.run = run  # as this process knows it: whoever marks the item must still carry the run out
            if made:
                events.record("item.new", run=run.pk, item=reference, data={"fields": dict(fields)})
        return item

    def mark(self, item: Item, state: ItemState, **facts: str) -> None:
        """Move an item to a state; facts are outcome, code, reason, remedy and protocol. LeaseLost when the run is another's by now."""
        with transaction.atomic():
            self._kept(item.run)
            item.state, item.updated_at = state, self._clock.now()
            for name, value in facts.items():
                setattr(item, name, redactor.clean(value)[: LONGEST_PROTOCOL if name == "protocol" else None])
            item.save()
            events.record(f"item.{state.lower()}", run=item.run_id, item=item.reference, data=facts)


def root_of(run: RunRecord) -> RunRecord:
    """The run that was launched, of which this one is a step, or the run itself."""
    while run.parent is not None:
        run = run.parent
    return run


def executor() -> str:
    """This process, as people find it: host:pid."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _clean(error: Mapping[str, Any] | None) -> dict[str, str] | None:
    return {name: redactor.clean(str(value)) for name, value in error.items()} if error else None
