"""Requests from other areas, and everything that was written about each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON
from retaguarda.store.models.runs import RunRecord


class TicketState(models.TextChoices):
    """Life of a request from another area."""

    OPEN = "OPEN"
    IN_PROGRESS = "IN_PROGRESS"
    ANSWERED = "ANSWERED"


class Ticket(models.Model):
    """What another area asks for: answered by a person, with or without a run that does it."""

    subject = models.CharField(max_length=200)
    area = models.CharField(max_length=80, default="")
    requester = models.CharField(max_length=254)  # a person of the console, or the address of an e-mail
    source = models.CharField(max_length=8)  # form | mail | api
    state = models.CharField(max_length=12, choices=TicketState.choices, default=TicketState.OPEN)
    owner = models.CharField(max_length=120, default="")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    about = models.CharField(max_length=120, default="")  # what it was asked about, e.g. `break/<key>`
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="tickets")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=120, default="")
    satisfaction = models.PositiveSmallIntegerField(null=True)  # 1 to 5
    remark = models.TextField(default="")  # why the mark
    rated_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="store_ticket_due"),
            models.Index(fields=["answered_at"], name="store_ticket_answered"),
            models.Index(fields=["about"], condition=~models.Q(about=""), name="store_ticket_about"),
        ]


class TicketMessage(models.Model):
    """Something that was written about a ticket: the request itself, what was added, the answer."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    at = models.DateTimeField()
    by = models.CharField(max_length=254)
    text = models.TextField()
    files: models.JSONField = KeptJSON(default=list)  # name, path and sha256 of what came with it
    message_id = models.CharField(max_length=400, default="")  # of the e-mail; none is taken in twice
    answers = models.BooleanField(default=False)
    send_to = models.CharField(max_length=254, default="")  # an answer that goes out by e-mail
    sent_at = models.DateTimeField(null=True)
    trouble = models.TextField(default="")  # why it could not be sent

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message_id"], condition=~models.Q(message_id=""), name="mail_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["at"], condition=models.Q(sent_at=None) & ~models.Q(send_to=""), name="store_ticket_unsent"),
        ]
