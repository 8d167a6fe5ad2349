"""Questions to people that a parked run waits for: the approval of a plan, the answer to a portal's challenge.

A parked run holds no thread, browser or lock. The answer puts it back into its queue; it signs in again, works out its plan
again and looks again, so that a yes to what has changed meanwhile is no yes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ApprovalRequired, ConfigurationError, InfrastructureError, NotEntitled, Refused
from retaguarda.jobs.runs import Runs, root_of
from retaguarda.settings import ApprovalSettings
from retaguarda.store.models import Request, RequestState, RunRecord, RunState
from retaguarda.vault import Vault

APPROVAL, CHALLENGE = "approval", "challenge"
URGENT = 1
"""Priority of a run that a person just answered: a code grows old."""


@dataclass(frozen=True)
class Requests:
    """The questions of this installation."""

    settings: ApprovalSettings
    clock: Clock
    runs: Runs
    vault: Callable[[], Vault]

    def open(self) -> list[Request]:
        """What waits for a person, oldest first."""
        return list(Request.objects.filter(state=RequestState.OPEN).select_related("run").order_by("asked_at"))

    def get(self, number: int) -> Request:
        """The request of that number; ConfigurationError when there is none."""
        found = Request.objects.select_related("run").filter(pk=number).first()
        if found is None:
            raise ConfigurationError(f"no request {number}", remedy="see: retaguarda request list")
        return found

    def ask(self, run: RunRecord, kind: str, subject: str, *, digest: str = "", facts: Mapping[str, Any] | None = None) -> Request:
        """Put a question, once: asking again what is still open is the same question."""
        with transaction.atomic():
            asked = Request.objects.filter(run=run, kind=kind, subject=subject, digest=digest, state=RequestState.OPEN).first()
            if asked is None:
                expires = self.clock.now() + dt.timedelta(hours=self.settings.expires_hours)
                asked = Request.objects.create(
                    run=run,
                    kind=kind,
                    subject=subject,
                    digest=digest,
                    facts=dict(facts or {}),
                    asked_at=self.clock.now(),
                    expires_at=expires,
                )
                told = {"request": asked.pk, "kind": kind, "digest": digest, **dict(facts or {})}
                events.record("request.asked", run=run.pk, target=subject, data=told)
        return asked

    def must_be_approved(self, run: RunRecord, subject: str, digest: str, facts: Mapping[str, Any]) -> None:
        """Go on only with a second person's yes to exactly this plan.

        Raises ApprovalRequired, after asking, when nobody decided; Refused when somebody said no.
        """
        decided = Request.objects.filter(run=run, kind=APPROVAL, subject=subject, digest=digest).exclude(state=RequestState.OPEN)
        last = decided.exclude(state=RequestState.EXPIRED).order_by("-answered_at").first()
        if last is None:
            asked = self.ask(run, APPROVAL, subject, digest=digest, facts=facts)
            raise ApprovalRequired(f"{subject} waits for the approval of a second person", remedy=f"retaguarda request approve {asked.pk}")
        if last.state == RequestState.REFUSED:
            raise Refused(f"{subject} was not approved by {last.answered_by}: {last.reason}", remedy="correct the plan and launch it again")
        with transaction.atomic():
            events.record("approval.used", run=run.pk, target=subject, data={"request": last.pk, "by": last.answered_by, "digest": digest})

    def decide(self, request: Request, who: str, *, yes: bool, reason: str = "") -> None:
        """Approve or refuse a plan, and let its run go on.

        Raises NotEntitled when the person launched the run; ConfigurationError when it is decided already or no plan.
        """
        self._must_be_open(request, APPROVAL)
        root = root_of(request.run)
        if who == root.actor and not root.trigger:
            raise NotEntitled(f"{who} launched the run and cannot decide on its plan", remedy="ask a second person")
        with transaction.atomic():
            self._close(request, RequestState.ANSWERED if yes else RequestState.REFUSED, who, reason)
            self._go_on(root, who)

    def answer(self, request: Request, who: str, code: str = "") -> None:
        """Give the code that a portal asks for, or say by an empty one that a person is ready for a new one; its run goes on.

        The code is kept in the vault until it is used, never in the store.
        """
        self._must_be_open(request, CHALLENGE)
        if code:
            self.vault().put(_entry(request), {"code": code})
        with transaction.atomic():
            self._close(request, RequestState.ANSWERED, who, "")
            self._go_on(root_of(request.run), who)

    def withdraw(self, request: Request, reason: str) -> None:
        """A question that needs no answer any more."""
        with suppress(ConfigurationError):  # somebody answered it meanwhile
            self._close(request, RequestState.EXPIRED, "", reason)

    def typed_code(self, run: RunRecord, credential: str, since: dt.datetime | None = None) -> str | None:
        """The code that a person typed for this credential and run, lately or since a moment; given once."""
        earliest = since or self.clock.now() - dt.timedelta(seconds=self.settings.code_life_seconds)
        fresh = Request.objects.filter(kind=CHALLENGE, subject=credential, state=RequestState.ANSWERED, answered_at__gte=earliest)
        for request in fresh.select_related("run").order_by("-answered_at"):
            if root_of(request.run) == root_of(run) and (code := self.vault().take(_entry(request))):
                return code["code"]
        return None

    def expire(self) -> int:
        """Close what nobody answered in time, and end the runs that waited for it; returns how many."""
        late = list(Request.objects.filter(state=RequestState.OPEN, expires_at__lte=self.clock.now()).select_related("run"))
        for request in late:
            with suppress(ConfigurationError), transaction.atomic():  # another worker may close it, or a person in the last moment
                self._close(request, RequestState.EXPIRED, "", "nobody answered in time")
                self._give_up(_locked(root_of(request.run)), request.subject)
        return len(late)

    def _give_up(self, root: RunRecord, subject: str) -> None:
        if root.state == RunState.SUSPENDED:
            why = InfrastructureError(f"nobody answered in time: {subject}", remedy=f"retaguarda run retry {root.pk}")
            self.runs.end(root, RunState.FAULTED, error={"code": "not-answered", "text": why.text, "remedy": why.remedy, "exit": 7})

    def decided_since(self, run: RunRecord, moment: dt.datetime) -> bool:
        """Whether all that a run asks was decided, the last of it since a moment: it must not wait for an answer that is there."""
        asked = Request.objects.filter(run__in=self.runs.tree(run))
        decided = asked.filter(state__in=(RequestState.ANSWERED, RequestState.REFUSED), answered_at__gte=moment)
        return decided.exists() and not asked.filter(state=RequestState.OPEN).exists()

    def _must_be_open(self, request: Request, kind: str) -> None:
        if request.state != RequestState.OPEN:
            raise ConfigurationError(f"request {request.pk} is closed: {request.state.lower()} {request.answered_by}".rstrip())
        if request.kind != kind:
            other = f"retaguarda request {'approve' if request.kind == APPROVAL else 'answer'} {request.pk}"
            raise ConfigurationError(f"request {request.pk} is another kind of question", remedy=other)

    def _close(self, request: Request, state: RequestState, who: str, reason: str) -> None:
        with transaction.atomic():
            request.refresh_from_db(from_queryset=Request.objects.select_for_update())
            self._must_be_open(request, request.kind)
            request.state, request.answered_by, request.answered_at, request.reason = state, who, self.clock.now(), reason
            request.save()
            facts = {"request": request.pk, "kind": request.kind, "digest": request.digest, "reason": reason}
            events.record(f"request.{state.lower()}", run=request.run_id, target=request.subject, who=who, data=facts)

    def _go_on(self, root: RunRecord, who: str) -> None:
        """Queue a parked run; one that is still at work meets the answer by itself, at the latest when it is to be parked."""
        root = _locked(root)
        if root.state == RunState.SUSPENDED:
            self.runs.queue_up(root, who=who, priority=URGENT)


@dataclass
class PersonAtHand:
    """A person who may be asked, while a robot waits, for a code that nothing else gives."""

    requests: Requests
    run: RunRecord
    credential: str
    _asked: list[Request] = field(default_factory=list)

    def ask(self, question: str) -> None:
        """Show the question in the list of requests, once for this sign-in."""
        if not self._asked:
            self._asked.append(self.requests.ask(self.run, CHALLENGE, self.credential, facts={"question": question}))

    def code(self, since: dt.datetime | None = None) -> str | None:
        """What the person typed lately, or since a moment, if anything; given once."""
        return self.requests.typed_code(self.run, self.credential, since)

    def not_needed(self) -> None:
        """The code came by itself."""
        for request in self._asked:
            self.requests.withdraw(request, "the code arrived by itself")


def _locked(run: RunRecord) -> RunRecord:
    """The run as it is now, kept from others until the transaction ends."""
    return RunRecord.objects.select_for_update().get(pk=run.pk)


def _entry(request: Request) -> str:
    return f"challenge/{request.pk}"
