"""The audit outbox and the log that it is sealed into."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON


class AuditFolder(models.Model):
    """The one log that this store's events are sealed into, told by its public key: other machines leave them to it."""

    key = models.CharField(max_length=200)
    host = models.CharField(max_length=120)
    path = models.CharField(max_length=400)
    size = models.PositiveBigIntegerField(default=0)  # events that were sealed: a log that holds fewer is another one, or an old copy
    at = models.DateTimeField()


class OutboxEvent(models.Model):
    """An audit event, written in the transaction of the state it tells of; the sealer moves it to the log."""

    at = models.DateTimeField()
    line: models.JSONField = KeptJSON()
    sealed = models.BooleanField(default=False, db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"])]


class AuditEntry(models.Model):
    """Where an event of the log lies, and what it is searched by: derived from the segments, and made anew from them at any time."""

    seq = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(null=True)
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=80)
    run = models.CharField(max_length=80)
    item = models.CharField(max_length=200)
    target = models.CharField(max_length=200)
    text = models.TextField()  # every value of the event, folded: without capitals, accents, and punctuation of numbers
    segment = models.CharField(max_length=40)
    offset = models.PositiveBigIntegerField()
    length = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["at"], name="store_audit_at"),
            models.Index(fields=["run", "seq"], name="store_audit_run"),
            models.Index(fields=["actor", "seq"], name="store_audit_actor"),
            models.Index(fields=["action", "seq"], name="store_audit_action"),
        ]


class QuarantinedFile(models.Model):
    """A file in which a secret was found, and who asked to open it, why, and who let him."""

    sha256 = models.CharField(max_length=64, unique=True)
    run = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    label = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    asked_by = models.CharField(max_length=120, default="")
    asked_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")
    approved_by = models.CharField(max_length=120, default="")
    approved_at = models.DateTimeField(null=True)
