"""Payments that stand booked in the ERP: what later reconciliations must not take for new ones."""

from __future__ import annotations

from django.db import transaction

from retaguarda.audit import events
from retaguarda.model.receivables import Settlement, SettlementBatch
from retaguarda.store.models import Booking, RunRecord

LONGEST_PARTNER = 200
"""Characters that the store keeps."""


def booked() -> list[Settlement]:
    """Every booked payment, oldest first."""
    return [Settlement(b.receivable, b.date, b.amount, b.partner, b.source) for b in Booking.objects.order_by("id")]


def booked_batches() -> dict[str, list[Settlement]]:
    """The payments of every batch that stands booked, by the batch's reference."""
    found: dict[str, list[Settlement]] = {}
    for one in Booking.objects.order_by("id"):
        found.setdefault(one.batch, []).append(Settlement(one.receivable, one.date, one.amount, one.partner, one.source))
    return found


def book(run: RunRecord, batch: SettlementBatch) -> None:
    """Remember that the payments of a batch stand booked; doing so twice changes nothing."""
    with transaction.atomic():
        made = [
            Booking.objects.get_or_create(
                source=line.source,
                receivable=line.receivable,
                defaults={
                    "date": line.date,
                    "amount": line.amount,
                    "partner": line.partner[:LONGEST_PARTNER],
                    "batch": batch.reference,
                    "run": run,
                },
            )[1]
            for line in batch.lines
        ]
        facts = {"payments": sum(made), "total": f"{batch.total:.2f}"}
        events.record("settlement.booked", run=run.pk, item=batch.reference, data=facts)
