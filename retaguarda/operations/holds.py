"""Legal holds: what must not be deleted, whatever its retention says, until a person lifts the hold."""

from __future__ import annotations

from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.operations.failures import root_of
from retaguarda.store.models import LegalHold, RunRecord

EVERYTHING = "everything"


def hold(run: RunRecord | None, reason: str, clock: Clock) -> LegalHold:
    """Hold a run with all its steps, or everything; it stands until it is lifted."""
    with transaction.atomic():
        held = LegalHold.objects.create(run=run, reason=reason, by=events.actor(), at=clock.now())
        events.record(
            "hold.added", run=run.pk if run else "", target=str(held.pk), data={"reason": reason, "of": run.pk if run else EVERYTHING}
        )
    return held


def lift(number: int, reason: str, clock: Clock) -> LegalHold:
    """Lift a hold; ConfigurationError when none of that number stands."""
    with transaction.atomic():
        held = LegalHold.objects.select_for_update().filter(pk=number, lifted_at=None).first()
        if held is None:
            raise ConfigurationError(f"no hold {number} stands", remedy="see: retaguarda hold list")
        held.lifted_at, held.lifted_by = clock.now(), events.actor()
        held.save()
        events.record("hold.lifted", run=held.run_id or "", target=str(number), data={"reason": reason})
    return held


def all_is_held() -> bool:
    """Whether a hold on everything stands."""
    return LegalHold.objects.filter(run=None, lifted_at=None).exists()


def held_runs() -> set[str]:
    """Every run that is held: those of the holds, and all runs of their trees."""
    found: set[str] = set()
    for held in LegalHold.objects.filter(lifted_at=None, run__isnull=False).select_related("run"):
        if held.run is not None:
            found |= tree_of(root_of(held.run).pk)
    return found


def tree_of(root: str) -> set[str]:
    """A run and all runs under it."""
    found, level = {root}, {root}
    while level := set(RunRecord.objects.filter(parent__in=level).values_list("pk", flat=True)):
        found |= level
    return found
