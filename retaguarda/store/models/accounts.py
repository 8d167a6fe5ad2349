"""Bank accounts: statements and their movements."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON
from retaguarda.store.models.runs import RunRecord


class StatementFile(models.Model):
    """A statement of one account as one file told it, and whether it proves itself; the file itself is evidence by its SHA-256."""

    account = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=40)
    start = models.DateField(null=True)
    end = models.DateField(null=True)
    opening = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    closing = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    provisional_from = models.DateField(null=True)  # days from here on may still change
    proved = models.BooleanField()
    reasons: models.JSONField = KeptJSON(default=list)  # why it is not
    source = models.CharField(max_length=200, default="")
    at = models.DateTimeField()
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "sha256"], name="statement_once")]


class BoletoReturn(models.Model):
    """A return file (retorno de cobrança) that came; the file itself is evidence by its SHA-256."""

    account = models.CharField(max_length=80)
    sha256 = models.CharField(max_length=64)
    bank = models.CharField(max_length=3)
    sequence = models.PositiveIntegerField(default=0)  # the bank's number of the file (NSA); 0: it gives none
    name = models.CharField(max_length=200)
    format = models.CharField(max_length=40)
    titles = models.PositiveIntegerField()
    credited = models.DecimalField(max_digits=18, decimal_places=2)  # net value of what was settled
    unread = models.PositiveIntegerField(default=0)  # lines in quarantine
    at = models.DateTimeField()
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "sha256", "sequence"], name="return_once")]


class StatementEntry(models.Model):
    """A movement of an account, once, however many files tell it; told apart by date, amount, text and its turn within the day."""

    account = models.CharField(max_length=80)
    entry = models.CharField(max_length=16)
    date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    description = models.TextField(default="")
    document = models.CharField(max_length=80, default="")
    fitid = models.CharField(max_length=255, default="")
    type = models.CharField(max_length=40, default="")
    counterparty_document = models.CharField(max_length=20, default="")
    counterparty_name = models.CharField(max_length=200, default="")
    file = models.ForeignKey(StatementFile, on_delete=models.PROTECT, related_name="entries")
    line = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["account", "entry"], name="movement_once")]
        indexes: ClassVar = [
            models.Index(fields=["account", "date", "amount"], name="store_movement_sums"),
            models.Index(fields=["entry"], name="store_movement_name"),
        ]


class RemittanceState(models.TextChoices):
    """Life of a remessa: made, then handed in to the bank, or given up before the bank had it."""

    MADE = "MADE"
    SENT = "SENT"
    VOID = "VOID"


class TitleState(models.TextChoices):
    """What the bank said to a title that we issue."""

    WAITING = "WAITING"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    VOID = "VOID"


class Remittance(models.Model):
    """A remessa de cobrança of an account: numbered once (NSA), handed in at most once; the file is evidence by its SHA-256."""

    portal = models.CharField(max_length=40)
    account = models.CharField(max_length=80)
    sequence = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    total = models.DecimalField(max_digits=18, decimal_places=2)
    state = models.CharField(max_length=4, choices=RemittanceState.choices, default=RemittanceState.MADE)
    protocol = models.CharField(max_length=120, default="")
    made_at = models.DateTimeField()
    sent_on = models.DateField(null=True)  # business date
    run = models.CharField(max_length=80)  # that made it: titles outlive runs

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["portal", "account", "sequence"], name="remittance_once")]


class IssuedTitle(models.Model):
    """A boleto that we ask a bank to register; a document has one at a time that is not rejected or void."""

    remittance = models.ForeignKey(Remittance, on_delete=models.PROTECT, related_name="titles")
    account = models.CharField(max_length=80)
    ordinal = models.PositiveBigIntegerField()
    our_number = models.CharField(max_length=20)
    document = models.CharField(max_length=20)
    payer = models.CharField(max_length=200)
    due = models.DateField()
    face = models.DecimalField(max_digits=18, decimal_places=2)
    state = models.CharField(max_length=9, choices=TitleState.choices, default=TitleState.WAITING)
    reasons: models.JSONField = KeptJSON(default=list)
    answered_on = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "our_number"], name="our_number_once"),
            models.UniqueConstraint(
                fields=["account", "document"],
                condition=models.Q(state__in=[TitleState.WAITING, TitleState.CONFIRMED]),
                name="document_issued_once",
            ),
        ]
