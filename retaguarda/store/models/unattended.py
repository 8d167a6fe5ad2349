"""What plans and carries out runs: sign-ins, workers, leases, planned fires, questions to people."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON
from retaguarda.store.models.runs import RunRecord


class SignInState(models.TextChoices):
    """What became of an attempt to sign in: OPEN from before the password is sent until the portal answered."""

    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"  # it broke off, or its process died: it may have been refused


class SignIn(models.Model):
    """An attempt to sign in: durable before the password is sent, since a refusal that is forgotten is tried again."""

    credential = models.CharField(max_length=120)
    at = models.DateTimeField()
    text = models.TextField(default="")
    cleared_at = models.DateTimeField(null=True)  # the credential was set anew, or a person let it be tried again
    state = models.CharField(max_length=8, choices=SignInState.choices, default=SignInState.OPEN)
    ended_at = models.DateTimeField(null=True)
    run = models.CharField(max_length=80, default="")
    executor = models.CharField(max_length=160, default="")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["credential", "cleared_at"])]


class Worker(models.Model):
    """A process that carries runs out or plans them; whether it lives is told by its lock `worker/<name>`, not by a clock."""

    name = models.CharField(primary_key=True, max_length=120)
    kind = models.CharField(max_length=12)  # worker | scheduler
    host = models.CharField(max_length=120)
    pid = models.PositiveIntegerField()
    queues: models.JSONField = KeptJSON(default=list)
    concurrency = models.PositiveIntegerField(default=1)
    version = models.CharField(max_length=120, default="")
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField()
    draining = models.BooleanField(default=False)
    stopped_at = models.DateTimeField(null=True)


class Lease(models.Model):
    """Who works with a credential. The lock decides; `fence` grows with each holder, and a press needs the newest."""

    credential = models.CharField(primary_key=True, max_length=120)
    fence = models.PositiveBigIntegerField(default=0)
    run = models.CharField(max_length=80, default="")
    executor = models.CharField(max_length=160, default="")
    since = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)


class FireState(models.TextChoices):
    """What became of a planned fire: it ends as exactly one of RUN, SKIPPED and MISSED."""

    PLANNED = "PLANNED"
    RUN = "RUN"
    SKIPPED = "SKIPPED"
    MISSED = "MISSED"


class PlannedFire(models.Model):
    """The ledger of expected runs: one row a moment at which a trigger is to fire."""

    trigger = models.CharField(max_length=80)
    at = models.DateTimeField()  # the moment in UTC
    local = models.CharField(max_length=40)  # the wall time that the rule meant, with its offset
    due = models.DateTimeField(null=True)  # the obligation's deadline, where the trigger states one
    state = models.CharField(max_length=8, choices=FireState.choices, default=FireState.PLANNED)
    reason = models.CharField(max_length=200, default="")
    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="fires")
    decided_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=120, default="")  # who asked for it, beside the rule or after it
    level = models.CharField(max_length=10, default="")  # of an obligation: ok | shrinking | critical | missed | late | met

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["trigger", "at"], name="fire_once")]
        indexes: ClassVar = [models.Index(fields=["state", "at"]), models.Index(fields=["at"], name="store_fire_latest")]


class TriggerState(models.Model):
    """What the store knows of a trigger of the configuration: switched off by a person, and how far its ledger reaches."""

    name = models.CharField(primary_key=True, max_length=80)
    enabled = models.BooleanField(default=True)
    rule = models.CharField(max_length=64, default="")  # digest of the rule that the ledger was written by
    ruled_since = models.DateTimeField(null=True)  # from here on that rule's fires are in the ledger
    covered_until = models.DateTimeField(null=True)  # every fire up to here has its row, or lies in the backlog
    backlog: models.JSONField = KeptJSON(default=list)  # stretches of time whose fires still get their rows: from, until, state, reason
    changed_by = models.CharField(max_length=120, default="")
    reason = models.CharField(max_length=200, default="")  # why it was switched off
    changed_at = models.DateTimeField(null=True)


class TriggerEntry(models.Model):
    """A trigger that a person wrote at the console, in the words of config/triggers.toml."""

    name = models.CharField(primary_key=True, max_length=80)
    table: models.JSONField = KeptJSON(default=dict)
    changed_by = models.CharField(max_length=120)
    changed_at = models.DateTimeField()


class RequestState(models.TextChoices):
    """Life of a question to a person."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    REFUSED = "REFUSED"
    EXPIRED = "EXPIRED"


class Request(models.Model):
    """A question to a person that a parked run waits for: the approval of a plan, or the answer to a portal's challenge."""

    run = models.ForeignKey(RunRecord, on_delete=models.PROTECT, related_name="requests")
    kind = models.CharField(max_length=12)  # approval | challenge
    subject = models.CharField(max_length=200)  # the plan's name, or the credential that is asked
    digest = models.CharField(max_length=64, default="")  # of the plan that is approved
    facts: models.JSONField = KeptJSON(default=dict)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.OPEN)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=120, default="")
    answered_at = models.DateTimeField(null=True)
    reason = models.TextField(default="")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "asked_at"])]
