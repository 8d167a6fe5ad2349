"""Attempts to sign in, counted before the password is sent: portals lock an account after a few wrong ones.

What counts against the portal's patience (`lockout_attempts` of the manifest) is every attempt since the last one that the
portal accepted, and since the credential was last set: those it refused, and those whose end nobody saw, because they broke
off or their process died. Refused ones stay until a person looks. Of the others nobody knows, so they must not block an
installation for ever: when one more could be one too many, the credential rests first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, transaction

from retaguarda.audit import events
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.errors import CredentialRefused, CredentialResting, NeedsPerson, RetaguardaError, StoreUnavailable
from retaguarda.jobs.leases import Lease
from retaguarda.jobs.runs import executor
from retaguarda.redaction import redactor
from retaguarda.store.models import RunRecord, SignIn, SignInState

LONGEST_REST = 4
"""Times the first rest: each try whose end nobody saw doubles it up to here."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a credential since it was last set or accepted."""

    refused: int
    unseen: int
    proven: bool
    """Whether the portal accepted it since it was last set: then one try whose end nobody saw is no reason to rest."""
    last: dt.datetime | None

    @classmethod
    def of(cls, credential: str) -> Standing:
        attempts = SignIn.objects.filter(credential=credential, cleared_at=None).order_by("id")
        accepted = attempts.filter(state=SignInState.ACCEPTED).last()
        since = attempts.filter(pk__gt=accepted.pk) if accepted else attempts
        refused = since.filter(state=SignInState.REFUSED)
        last = since.last()
        return cls(refused.count(), since.count() - refused.count(), accepted is not None, last.at if last else None)

    def rest(self, patience: int, first: dt.timedelta) -> dt.timedelta:
        """How long after the last attempt the next one may come."""
        surplus = self.refused + self.unseen - patience - self.proven
        return first * min(1 << surplus, LONGEST_REST) if surplus >= 0 else dt.timedelta()


class SignIns:
    """The attempts of all credentials."""

    def __init__(self, clock: Clock, rest_minutes: float) -> None:
        self._clock = clock
        self._rest = dt.timedelta(minutes=rest_minutes)

    def must_be_allowed(self, credential: str, patience: int) -> None:
        """CredentialRefused when a person must look first, CredentialResting when another try must wait."""
        found = Standing.of(credential)
        if found.last is None:
            return
        day = found.last.astimezone(SAO_PAULO)
        if found.refused >= patience:
            raise CredentialRefused(
                f"{credential} was refused by the portal on {day:%Y-%m-%d %H:%M} and is not tried again",
                remedy=f"correct it, then: retaguarda vault set {credential}",
            )
        if not found.proven and found.refused + found.unseen > patience:
            raise CredentialRefused(
                f"{found.unseen} sign-ins with {credential} broke off, and it was never accepted: it is not tried again",
                remedy=f"sign in by hand; when it works: retaguarda credential allow {credential}",
            )
        until = found.last + found.rest(patience, self._rest)
        if until > self._clock.now():
            raise CredentialResting(
                f"a sign-in with {credential} broke off on {day:%Y-%m-%d %H:%M}: it rests until {until.astimezone(SAO_PAULO):%H:%M}",
                retry_at=until,
                remedy=f"wait; or sign in by hand, and when it works: retaguarda credential allow {credential}",
            )

    @contextmanager
    def attempt(self, lease: Lease, run: RunRecord, patience: int) -> Iterator[Callable[[], None]]:
        """An attempt for the block; yields what must be called before a secret is sent, any number of times.

        How the block ends is how the attempt ended. A defect of the program leaves it open, as the death of the process does.
        """
        attempt = _Attempt(self._clock, lease, run)

        def begin() -> None:
            attempt.begin(lambda: self.must_be_allowed(lease.credential, patience))

        try:
            yield begin
        except CredentialRefused as error:
            attempt.end(SignInState.REFUSED, error.text)
            raise
        except NeedsPerson:  # the portal took the password, and asks for more
            attempt.end(SignInState.ACCEPTED)
            raise
        except RetaguardaError as error:
            attempt.end(SignInState.UNKNOWN, error.text)
            raise
        attempt.end(SignInState.ACCEPTED)

    def allow(self, credential: str) -> int:
        """Let a credential be tried again as it stands, because a person looked; returns how many attempts are forgiven."""
        with transaction.atomic():
            open_ones = SignIn.objects.filter(credential=credential, cleared_at=None).exclude(state=SignInState.ACCEPTED)
            forgiven = open_ones.update(cleared_at=self._clock.now())
            events.record("credential.allowed", target=credential, data={"attempts": forgiven})
        return forgiven


class _Attempt:
    """One attempt: not there until the first secret is asked for."""

    def __init__(self, clock: Clock, lease: Lease, run: RunRecord) -> None:
        self._clock = clock
        self._lease = lease
        self._run = run
        self._row: SignIn | None = None
        self._denied = False

    def begin(self, must_be_allowed: Callable[[], None]) -> None:
        """Make the attempt durable; what is raised here is raised before anything was sent."""
        if self._row is not None:
            return
        self._denied = True
        try:
            with transaction.atomic(durable=True):
                self._lease.must_be_ours()
                must_be_allowed()
                row = self._written(SignInState.OPEN)
        except DatabaseError as error:
            raise StoreUnavailable(
                f"the attempt to sign in cannot be written, so nothing is sent: {error}", remedy="check the store, then resume"
            ) from error
        self._row, self._denied = row, False

    def end(self, state: SignInState, text: str = "") -> None:
        """Write down how it ended. A robot may be refused before it asked for any secret, e.g. for its certificate."""
        if self._denied or (self._row is None and state != SignInState.REFUSED):
            return
        with transaction.atomic():
            row = self._row or self._written(state)
            row.state, row.text, row.ended_at = state, redactor.clean(text), self._clock.now()
            row.save()
            if state == SignInState.REFUSED:
                events.record("credential.refused", run=self._run.pk, target=self._lease.credential, data={"text": text})

    def _written(self, state: SignInState) -> SignIn:
        at = self._clock.now()
        events.record("credential.tried", run=self._run.pk, target=self._lease.credential, data={"fence": self._lease.fence})
        return SignIn.objects.create(credential=self._lease.credential, state=state, at=at, run=self._run.pk, executor=executor())
