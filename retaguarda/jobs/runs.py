"""Runs and items in the store: every change of state with its audit event in one transaction."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.db import transaction

from retaguarda import __version__
from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.journal import unresolved_of
from retaguarda.redaction import redactor
from retaguarda.store.models import Item, ItemState, RunRecord, RunState

ENDED = {RunState.SUCCESSFUL, RunState.PARTIAL, RunState.FAULTED, RunState.STOPPED, RunState.TIMED_OUT}
FINISHED = {RunState.SUCCESSFUL, RunState.PARTIAL}
"""Ends that a resumed parent does not repeat."""
REFUSED_OUTCOMES = {"refused", "refused_before"}
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
        now = self._clock.now()
        name = f"{now:%Y%m%d-%H%M%S}-{process.replace('_', '-')}-{secrets.token_hex(4)}"
        folder = Path(parent.folder) if parent else self._output / f"{now:%Y-%m-%d}" / name
        folder.mkdir(parents=True, exist_ok=True)
        with transaction.atomic():
            run = RunRecord.objects.create(
                id=name,
                parent=parent,
                process=process,
                params=dict(params),
                actor=events.actor(),
                dry_run=dry_run,
                created_at=now,
                folder=str(folder),
                version=__version__,
                queue=queue,
                priority=priority,
                not_before=not_before,
                time_limit=time_limit,
                trigger=trigger,
                retry_refused=retry_refused,
            )
            facts = {"params": dict(params), "dry_run": dry_run, "parent": parent.pk if parent else "", "queue": queue, "trigger": trigger}
            events.record("run.queued", run=run.pk, target=process, data=facts)
        return run

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
        with transaction.atomic():
            run.state, run.error, run.ended_at, run.stop_requested = RunState.RUNNING, None, None, False
            run.started_at = run.started_at or self._clock.now()
            run.save()
            events.record("run.started", run=run.pk, target=run.process)

    def end(self, run: RunRecord, state: RunState, *, result: Any = None, error: Mapping[str, Any] | None = None) -> None:
        """Close a run in an end state, with its result or its error; no item of it is left as being worked on."""
        with transaction.atomic():
            self._let_go(run, error or {})
            run.refresh_from_db(fields=["stop_requested"])
            run.state, run.result, run.error, run.ended_at = state, result, _clean(error), self._clock.now()
            run.save()
            events.record(f"run.{state.lower()}", run=run.pk, target=run.process, data=run.error or {})

    def _let_go(self, run: RunRecord, error: Mapping[str, Any]) -> None:
        """Say of items whose work broke off what is known of them: pressed and not proven, or not done."""
        pressed = {intent.reference for intent in unresolved_of([run.pk])}
        for item in run.items.filter(state=ItemState.IN_PROGRESS):
            state = ItemState.UNCERTAIN if item.reference in pressed else ItemState.FAILED_APPLICATION
            self.mark(item, state, **{fact: str(error.get(name, "")) for fact, name in _SAID.items()})

    def request_stop(self, run: RunRecord) -> None:
        """Ask a run and its children to stop at the next safe point."""
        with transaction.atomic():
            RunRecord.objects.filter(pk__in=[r.pk for r in self.tree(run)]).update(stop_requested=True)
            events.record("run.stop_requested", run=run.pk, target=run.process)

    def stop_requested(self, run: RunRecord) -> bool:
        return RunRecord.objects.filter(pk=run.pk, stop_requested=True).exists()

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
        """An earlier run of the same process and parameters that left a press unresolved: it must be resumed first."""
        earlier = RunRecord.objects.filter(process=run.process, parent=None, created_at__lt=run.created_at).order_by("-created_at")
        return next((r for r in earlier[:50] if r.params == run.params and unresolved_of([t.pk for t in self.tree(r)])), None)

    def item(self, run: RunRecord, reference: str, title: str, fields: Mapping[str, Any]) -> Item:
        """The run's item of that reference, made when it is new."""
        with transaction.atomic():
            item, made = Item.objects.get_or_create(
                run=run, reference=reference, defaults={"title": title, "fields": dict(fields), "updated_at": self._clock.now()}
            )
            if made:
                events.record("item.new", run=run.pk, item=reference, data={"fields": dict(fields)})
        return item

    def mark(self, item: Item, state: ItemState, **facts: str) -> None:
        """Move an item to a state; facts are outcome, code, reason, remedy and protocol."""
        with transaction.atomic():
            item.state, item.updated_at = state, self._clock.now()
            for name, value in facts.items():
                setattr(item, name, redactor.clean(value))
            item.save()
            events.record(f"item.{state.lower()}", run=item.run_id, item=item.reference, data=facts)


def _clean(error: Mapping[str, Any] | None) -> dict[str, str] | None:
    return {name: redactor.clean(str(value)) for name, value in error.items()} if error else None
