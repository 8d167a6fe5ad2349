"""Leases: who works with a credential. One session each, and a number that every press needs.

The lock decides who may begin; it is freed by death alone. The number (`fence`) grows with each holder, so that a worker
that lost its lock without dying, e.g. behind a broken network, is told apart from the one that came after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from django.db import DatabaseError, transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import LeaseHeld, LeaseLost
from retaguarda.jobs.runs import executor
from retaguarda.locks import Locks
from retaguarda.store.models import Lease as LeaseRow
from retaguarda.store.models import RunRecord

LOOK_AGAIN = 0.5
"""Seconds between two looks at a credential that another run has."""


@dataclass(frozen=True)
class Lease:
    """A credential that is ours, as long as no later lease was given for it."""

    credential: str
    fence: int
    locks: Locks

    def must_be_ours(self) -> None:
        """LeaseLost unless it still is; inside a transaction, so that until its end nobody else can take the lease.

        The row keeps later holders out while it is looked at, the lock says that none came and went without our notice.
        """
        newest = LeaseRow.objects.select_for_update().values_list("fence", flat=True).get(pk=self.credential)
        if newest != self.fence or not self.locks.still_held(lock_of(self.credential)):
            raise LeaseLost(f"the lease of {self.credential} was lost: nothing was pressed", remedy="resume the run later")


def lock_of(credential: str) -> str:
    """The name of a credential's lock."""
    return f"credential/{credential}"


class Leases:
    """The leases of all credentials."""

    def __init__(self, locks: Locks, clock: Clock) -> None:
        self._locks = locks
        self._clock = clock

    @contextmanager
    def hold(self, credential: str, run: RunRecord, *, wait: float = 0, meanwhile: Callable[[], None] = lambda: None) -> Iterator[Lease]:
        """The lease of a credential for the block; LeaseHeld when another run still has it after `wait` seconds.

        `meanwhile` is called between the looks; what it raises ends the waiting.
        """
        with ExitStack() as stack:
            self._wait_for(credential, stack, self._clock.monotonic() + wait, meanwhile)
            lease = Lease(credential, self._begin(credential, run), self._locks)
            try:
                yield lease
            finally:
                with suppress(DatabaseError):  # the lock decides: a lease that was not closed is told as of a dead process
                    self._end(lease, run)

    def _wait_for(self, credential: str, stack: ExitStack, until: float, meanwhile: Callable[[], None]) -> None:
        while True:
            while not self._locks.is_free(lock_of(credential)) and self._clock.monotonic() < until:
                meanwhile()
                self._clock.pause(LOOK_AGAIN)
            try:
                stack.enter_context(self._locks.hold(lock_of(credential)))
            except LeaseHeld as error:
                if self._clock.monotonic() >= until:
                    raise self._held(credential) from error
            else:
                return

    def _held(self, credential: str) -> LeaseHeld:
        row = LeaseRow.objects.filter(pk=credential, released_at=None).first()
        if row is None:
            return LeaseHeld(f"another run works with {credential}", remedy="wait for the other run to end")
        return LeaseHeld(f"run {row.run} works with {credential} ({row.executor})", remedy="wait for the other run to end")

    def _begin(self, credential: str, run: RunRecord) -> int:
        """Write down who holds the lease from now on; returns its number."""
        with transaction.atomic():
            LeaseRow.objects.get_or_create(pk=credential)
            row = LeaseRow.objects.select_for_update().get(pk=credential)
            row.fence, row.run, row.executor, row.since, row.released_at = row.fence + 1, run.pk, executor(), self._clock.now(), None
            row.save()
            events.record("credential.leased", run=run.pk, target=credential, data={"fence": row.fence, "executor": row.executor})
        return row.fence

    def _end(self, lease: Lease, run: RunRecord) -> None:
        with transaction.atomic():
            held = LeaseRow.objects.filter(pk=lease.credential, fence=lease.fence)
            if held.update(released_at=self._clock.now()):
                events.record("credential.released", run=run.pk, target=lease.credential, data={"fence": lease.fence})

    def is_held(self, credential: str) -> bool:
        """Whether somebody works with the credential now, whatever its row says."""
        return not self._locks.is_free(lock_of(credential))
