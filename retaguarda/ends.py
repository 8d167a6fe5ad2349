"""How runs end: exit codes, what is kept of an error, and when a queued run comes again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError

from retaguarda.errors import (
    ConfigurationError,
    DeadlinePassed,
    Disposition,
    LeaseHeld,
    NeedsPerson,
    PortalUnavailable,
    RetaguardaError,
    StopRequested,
    StoreUnavailable,
    TimeLimitReached,
)
from retaguarda.jobs.journal import unresolved_of
from retaguarda.settings import JobsSettings
from retaguarda.store.models import Item, ItemState, RunRecord, RunState

ENDS = {RunState.SUCCESSFUL: 0, RunState.STOPPED: 130, RunState.TIMED_OUT: 124, RunState.SUSPENDED: 7}
"""States that tell the exit code by themselves."""
WHERE = ("portal", "credential")
"""Facts of an error that go up with it: forty runs that fail at one portal have one cause."""


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
    if waits(error):
        return now + dt.timedelta(seconds=settings.retry_first / 4)
    if run.failures >= settings.retries:
        return None
    pause = min(settings.retry_first * 2**run.failures, settings.retry_most)
    told = error.get("retry_at") or ""
    return max(now + dt.timedelta(seconds=pause), dt.datetime.fromisoformat(told)) if told else now + dt.timedelta(seconds=pause)


def waits(error: Mapping[str, Any]) -> bool:
    """Whether a run failed only because another one works with its credential."""
    return error.get("code") == LeaseHeld().code


def facts_of(error: RetaguardaError) -> dict[str, Any]:
    """An error as a run keeps it: what, what to do, what follows, and at which portal, as whom."""
    at = getattr(error, "retry_at", None)
    facts = {"code": error.code, "text": error.text, "remedy": error.remedy, "disposition": str(error.disposition), "exit": exit_of(error)}
    where = {name: str(error.facts[name]) for name in WHERE if name in error.facts}
    return facts | ({"retry_at": at.isoformat()} if at else {}) | where


def store_failed(error: DatabaseError) -> StoreUnavailable:
    """A database's own error in our words."""
    return StoreUnavailable(f"the store failed: {error}", remedy="check the disk, then resume the run")


def error_of(record: RunRecord) -> RetaguardaError:
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
        where = {name: facts[name] for name in WHERE if name in facts}
        super().__init__(f"{process}: {facts.get('text', state)}", remedy=facts.get("remedy", ""), **where)
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
