"""Questions to people, as the pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.jobs.journal import UNRESOLVED
from retaguarda.store.models import DecisionState, Evidence, Intent, Item, MatchDecision, Request, RequestState, RunRecord

PAGE = 50
MANY = 1000
"""Counted at most: beyond, the exact number changes nothing."""


def open_ones() -> list[Request]:
    """What waits for a person, the oldest first."""
    return list(Request.objects.filter(state=RequestState.OPEN).select_related("run__parent").order_by("asked_at")[:PAGE])


def closed_ones() -> list[Request]:
    """What was answered last."""
    closed = Request.objects.filter(state__in=(RequestState.ANSWERED, RequestState.REFUSED, RequestState.EXPIRED))
    return list(closed.select_related("run").order_by("-asked_at")[:PAGE])


def doubt_count() -> int:
    """Presses whose outcome nobody knows, counted up to MANY."""
    return len(Intent.objects.filter(state__in=UNRESOLVED).order_by().values_list("pk", flat=True)[:MANY])


def proposal_count() -> int:
    """Matches that wait for a person's yes or no, counted up to MANY."""
    return len(MatchDecision.objects.filter(state=DecisionState.PROPOSED).order_by().values_list("pk", flat=True)[:MANY])


def get(number: int) -> Request | None:
    """The request of that number."""
    return Request.objects.select_related("run__parent").filter(pk=number).first()


def decided_before(request: Request) -> Request | None:
    """The last plan of that name that somebody decided on: what differs from it is what to look at."""
    earlier = Request.objects.filter(run__process=request.run.process, kind=request.kind, subject=request.subject, pk__lt=request.pk)
    return earlier.filter(state__in=(RequestState.ANSWERED, RequestState.REFUSED)).order_by("-pk").first()


@dataclass
class Doubt:
    """A press that is not proven, with what was seen: the form before the button, and the last look."""

    intent: Intent
    root: RunRecord
    item: Item | None
    before: Evidence | None
    after: list[Evidence]


def doubts() -> list[Doubt]:
    """Presses whose outcome nobody knows, the oldest first."""
    found = Intent.objects.filter(state__in=UNRESOLVED).select_related("run__parent").order_by("pk")[:PAGE]
    return [_doubt(intent) for intent in found]


def _doubt(intent: Intent) -> Doubt:
    run = intent.run
    kept = Evidence.objects.filter(run=run, kind="picture", removed_at=None)
    before = kept.filter(sha256=intent.picture).first()
    later = kept.filter(pk__gt=before.pk) if before else kept
    after = [one for one in later.order_by("pk")[:PAGE] if intent.reference in one.label]
    item = Item.objects.filter(run=run, reference=intent.reference).first()
    return Doubt(intent, run.parent or run, item, before, after[-2:])
