"""What was decided about bank lines and open items: decisions with their events, and breaks."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON
from retaguarda.store.models.runs import RunRecord


class DecisionState(models.TextChoices):
    """What has become of a decision; its events tell how."""

    PROPOSED = "PROPOSED"
    STANDS = "STANDS"  # booked by the engine above its threshold, or confirmed by a person
    REJECTED = "REJECTED"
    UNDONE = "UNDONE"
    OVERTAKEN = "OVERTAKEN"  # a later statement or correction took away what it rests on


class MatchDecision(models.Model):
    """One line of a statement and the items that it settles; all but the state never changes."""

    key = models.CharField(max_length=64, unique=True)
    account = models.CharField(max_length=80)
    line = models.CharField(max_length=80)
    date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)  # credits positive
    description = models.TextField(default="")
    rule = models.CharField(max_length=80)
    rules = models.CharField(max_length=64)  # SHA-256 of the rules it was made by
    confidence = models.FloatField()
    alternatives = models.PositiveIntegerField(default=0)
    evidence: models.JSONField = KeptJSON(default=dict)
    difference: models.JSONField = KeptJSON(null=True)
    state = models.CharField(max_length=10, choices=DecisionState.choices)
    maker = models.CharField(max_length=120)
    made_at = models.DateTimeField()
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "line"], condition=models.Q(state="STANDS"), name="line_decided_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "date"]),
            models.Index(fields=["account", "line"]),
            models.Index(fields=["line"], name="store_decision_line"),
        ]


class MatchAllocation(models.Model):
    """The part of an open item that a decision settles; always positive."""

    decision = models.ForeignKey(MatchDecision, on_delete=models.PROTECT, related_name="allocations")
    item = models.CharField(max_length=80)
    kind = models.CharField(max_length=2)  # AR | AP
    amount = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["item"])]


class DecisionEvent(models.Model):
    """Something that happened to a decision: who, when, why. Never changed, never deleted."""

    decision = models.ForeignKey(MatchDecision, on_delete=models.PROTECT, related_name="events")
    action = models.CharField(max_length=12)  # made | confirmed | rejected | undone | overtaken
    by = models.CharField(max_length=120)
    at = models.DateTimeField()
    reason = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="store_decision_event_at")]


class LedgerItem(models.Model):
    """A receivable or payable as the ERP last told it."""

    item = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=2)
    document = models.CharField(max_length=80, default="")  # number of the invoice
    contract = models.CharField(max_length=120, default="")
    partner = models.CharField(max_length=80)
    partner_name = models.CharField(max_length=200, default="")
    due_date = models.DateField()
    open_amount = models.DecimalField(max_digits=18, decimal_places=2)
    seen_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["document"]),
            models.Index(fields=["contract"]),
            models.Index(fields=["kind", "due_date"], condition=models.Q(open_amount__gt=0), name="store_ledger_open"),
        ]


class BreakRecord(models.Model):
    """Something that does not match, from when it was first seen until new evidence or a person closes it."""

    key = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=40)
    account = models.CharField(max_length=80, default="")
    line = models.CharField(max_length=80, default="")
    item = models.CharField(max_length=80, default="")
    date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    text = models.TextField(default="")
    owner = models.CharField(max_length=60)
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=120, default="")
    closed_because = models.TextField(default="")
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="breaks")
    work = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="started_by_breaks")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["closed_at", "kind"]),
            models.Index(fields=["closed_at", "due_on"], name="store_break_due"),
        ]


class SignOff(models.Model):
    """A month that people signed as it stood; the digest tells whether it still stands so."""

    month = models.CharField(max_length=7)
    digest = models.CharField(max_length=64)
    facts: models.JSONField = KeptJSON(default=dict)
    reason = models.TextField(default="")  # why it is signed although points are open
    signed_by = models.CharField(max_length=120)
    signed_at = models.DateTimeField()
    countersigned_by = models.CharField(max_length=120, default="")
    countersigned_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["month", "digest"], name="signed_once")]
