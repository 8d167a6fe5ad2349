"""Runs, their items, intents and evidence, and the payments that they booked."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON


class RunState(models.TextChoices):
    """Life of a run (design: PENDING → RUNNING ⇄ SUSPENDED → one of the ends)."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    SUCCESSFUL = "SUCCESSFUL"
    PARTIAL = "PARTIAL"
    FAULTED = "FAULTED"
    STOPPED = "STOPPED"
    TIMED_OUT = "TIMED_OUT"


class ItemState(models.TextChoices):
    """Life of a work item."""

    NEW = "NEW"
    DEFERRED = "DEFERRED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESSFUL = "SUCCESSFUL"
    FAILED_BUSINESS = "FAILED_BUSINESS"
    FAILED_APPLICATION = "FAILED_APPLICATION"
    UNCERTAIN = "UNCERTAIN"
    ABANDONED = "ABANDONED"


class IntentState(models.TextChoices):
    """What became of a press: OPEN from before the button until proof."""

    OPEN = "OPEN"
    DONE = "DONE"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"
    ABSENT = "ABSENT"  # proven absent after the quiet period: a new attempt may press
    UNCERTAIN = "UNCERTAIN"
    CONFLICT = "CONFLICT"  # the portal holds the reference, but not once and as wanted: a person corrects it


class RunRecord(models.Model):
    """One execution of a process; children are the steps of a composed one."""

    id = models.CharField(primary_key=True, max_length=80)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    process = models.CharField(max_length=80)
    params: models.JSONField = KeptJSON(default=dict)
    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.PENDING)
    actor = models.CharField(max_length=120)
    dry_run = models.BooleanField(default=False)
    stop_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    folder = models.CharField(max_length=400)
    version = models.CharField(max_length=120, default="")
    result: models.JSONField = KeptJSON(null=True)
    error: models.JSONField = KeptJSON(null=True)
    retry_refused = models.BooleanField(default=False)
    queue = models.CharField(max_length=60, default="")  # empty: the command that launched it carries it out
    priority = models.PositiveIntegerField(default=100)  # lower numbers first
    not_before = models.DateTimeField(null=True)
    attempt = models.PositiveIntegerField(default=1)  # each attempt of a queued run is handed to the engine once
    handed_over = models.PositiveIntegerField(default=0)  # the last attempt that the engine was given
    failures = models.PositiveIntegerField(default=0)  # retries that were spent
    time_limit = models.PositiveIntegerField(null=True)  # seconds an attempt may take
    kill_requested = models.BooleanField(default=False)
    executor = models.CharField(max_length=160, default="")  # host:pid of the process that carries it out
    trigger = models.CharField(max_length=80, default="")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["process", "created_at"]),
            models.Index(fields=["state", "process"]),
            models.Index(fields=["-created_at"], condition=models.Q(parent=None), name="store_run_latest"),
            models.Index(fields=["trigger", "state"]),
            models.Index(fields=["-created_at", "state"], condition=models.Q(parent=None), name="store_run_pulse"),
            models.Index(fields=["parent", "created_at"], condition=models.Q(parent__isnull=False), name="store_run_steps"),
            models.Index(fields=["actor", "-created_at"], condition=models.Q(parent=None), name="store_run_by"),
            models.Index(fields=["-created_at"], condition=models.Q(error__isnull=False), name="store_run_wrong"),
            models.Index(
                fields=["created_at", "state"],
                condition=models.Q(parent=None, state__in=[RunState.PENDING, RunState.RUNNING, RunState.SUSPENDED]),
                name="store_run_at_work",
            ),
        ]


class Item(models.Model):
    """One work item of a run, told by its business reference."""

    run = models.ForeignKey(RunRecord, on_delete=models.PROTECT, related_name="items")
    reference = models.CharField(max_length=120)
    title = models.CharField(max_length=200, default="")
    state = models.CharField(max_length=20, choices=ItemState.choices, default=ItemState.NEW)
    outcome = models.CharField(max_length=20, default="")
    code = models.CharField(max_length=40, default="")
    reason = models.TextField(default="")
    remedy = models.TextField(default="")
    protocol = models.CharField(max_length=120, default="")
    fields: models.JSONField = KeptJSON(default=dict)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "reference"], name="item_once_a_run")]
        indexes: ClassVar = [
            models.Index(fields=["state", "outcome"]),
            models.Index(fields=["reference"], name="store_item_reference"),
            models.Index(fields=["protocol"], name="store_item_protocol"),
        ]


class Intent(models.Model):
    """One attempt to press: durable before the button is touched."""

    portal = models.CharField(max_length=60)
    act = models.CharField(max_length=40)
    reference = models.CharField(max_length=120)
    attempt = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=IntentState.choices, default=IntentState.OPEN)
    run = models.ForeignKey(RunRecord, on_delete=models.PROTECT, related_name="intents")
    at = models.DateTimeField()
    boot = models.CharField(max_length=60)
    monotonic = models.FloatField()
    picture = models.CharField(max_length=64)
    seen_boot = models.CharField(max_length=60, default="")
    seen_monotonic = models.FloatField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    no = models.TextField(default="")  # what the portal answered that is a refusal only if it does not hold the reference itself
    text = models.TextField(default="")
    protocol = models.CharField(max_length=120, default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["portal", "act", "reference", "attempt"], name="intent_once_an_attempt")]
        indexes: ClassVar = [models.Index(fields=["state"]), models.Index(fields=["reference"], name="store_intent_reference")]


class Evidence(models.Model):
    """A file kept by its SHA-256 for a run."""

    run = models.ForeignKey(RunRecord, on_delete=models.PROTECT, related_name="evidence")
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=20)  # picture | download | input | output
    label = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)  # retention let its bytes go; the hash stays

    class Meta:
        indexes: ClassVar = [models.Index(fields=["sha256"]), models.Index(fields=["kind", "at"])]


class Booking(models.Model):
    """A payment that stands booked on a receivable in the ERP, by its source on the statement or return."""

    source = models.CharField(max_length=120)
    receivable = models.CharField(max_length=60)
    date = models.DateField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    partner = models.CharField(max_length=200, default="")
    batch = models.CharField(max_length=120)
    run = models.ForeignKey(RunRecord, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "receivable"], name="booked_once")]
        indexes: ClassVar = [
            models.Index(fields=["batch"], name="store_booking_batch"),
            models.Index(fields=["receivable"], name="store_booking_receivable"),
        ]
