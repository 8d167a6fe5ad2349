"""What keeps an installation healthy: alerts, notices, milestones, legal holds."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON
from retaguarda.store.models.runs import RunRecord


class Alert(models.Model):
    """A cause of trouble that people are told of once, and once more when it is over."""

    cause = models.CharField(max_length=200)  # e.g. `portal/ccee`: the root, not the symptom
    severity = models.CharField(max_length=10)  # info | warning | critical
    text = models.TextField()
    facts: models.JSONField = KeptJSON(default=dict)
    symptoms = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)  # not seen since: over once it has stayed away for a while
    recovered_at = models.DateTimeField(null=True)
    recovery_told_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cause"], condition=models.Q(recovered_at=None), name="alert_once_a_cause")
        ]


class Notice(models.Model):
    """A message that one target is to get, written with what it tells of: a target that is down gets it later."""

    alert = models.ForeignKey(Alert, null=True, on_delete=models.CASCADE, related_name="notices")  # none: the daily digest
    kind = models.CharField(max_length=10)  # opened | again | recovered | digest
    target = models.CharField(max_length=60)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["sent_at", "id"])]


class Milestone(models.Model):
    """The latest time that something happened to the whole installation: a backup, a restore, a digest."""

    name = models.CharField(primary_key=True, max_length=40)
    at = models.DateTimeField()
    by = models.CharField(max_length=120, default="")
    facts: models.JSONField = KeptJSON(default=dict)


class IndicatorDay(models.Model):
    """What a day comes to, as indicators add it up: derived from the other tables, and counted anew from them at any time."""

    day = models.DateField(primary_key=True)
    counts: models.JSONField = KeptJSON(default=list)  # what, of which name, in which state, how many
    counted_at = models.DateTimeField()


class LegalHold(models.Model):
    """What must not be deleted, whatever its retention says, until the hold is lifted."""

    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="holds")  # none: everything is held
    reason = models.TextField()
    by = models.CharField(max_length=120)
    at = models.DateTimeField()
    lifted_by = models.CharField(max_length=120, default="")
    lifted_at = models.DateTimeField(null=True)
