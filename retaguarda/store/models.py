"""The tables: runs, items, intents, evidence, bookings, what plans and carries out runs, and the audit outbox."""

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
        indexes: ClassVar = [models.Index(fields=["state", "outcome"])]


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
    text = models.TextField(default="")
    protocol = models.CharField(max_length=120, default="")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["portal", "act", "reference", "attempt"], name="intent_once_an_attempt")]
        indexes: ClassVar = [models.Index(fields=["state"])]


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
        indexes: ClassVar = [models.Index(fields=["state", "at"])]


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


class LegalHold(models.Model):
    """What must not be deleted, whatever its retention says, until the hold is lifted."""

    run = models.ForeignKey(RunRecord, null=True, on_delete=models.PROTECT, related_name="holds")  # none: everything is held
    reason = models.TextField()
    by = models.CharField(max_length=120)
    at = models.DateTimeField()
    lifted_by = models.CharField(max_length=120, default="")
    lifted_at = models.DateTimeField(null=True)


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
