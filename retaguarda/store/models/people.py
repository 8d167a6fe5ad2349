"""People who use the console: their roles, sessions, one-time links, tokens and failed attempts to sign in."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from retaguarda.store.fields import KeptJSON


class Person(models.Model):
    """Somebody who may sign in at the console, by the name that the audit log calls them by; never deleted."""

    name = models.CharField(max_length=60, unique=True)
    full_name = models.CharField(max_length=120, default="")
    roles: models.JSONField = KeptJSON(default=list)
    password = models.CharField(max_length=200, default="")  # argon2id; empty: not yet chosen
    last_step = models.BigIntegerField(default=0)  # step of the last one-time code that was used: none is taken twice
    language = models.CharField(max_length=8, default="")
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=120)
    signed_in_at = models.DateTimeField(null=True)
    subject = models.CharField(max_length=300, null=True, unique=True)  # issuer and its name for the person (OIDC)


class ConsoleSession(models.Model):
    """A session of the console; its person stands beside the sealed contents, so that it can be ended from outside."""

    session_key = models.CharField(max_length=40, primary_key=True)
    session_data = models.TextField()
    expire_date = models.DateTimeField(db_index=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.CASCADE, related_name="sessions")


class OneTimeLink(models.Model):
    """A link by which a person chooses a password and a second factor, once; only the hash of its secret is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="links")
    sha256 = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=120)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class FailedAttempt(models.Model):
    """A password, code or link that was wrong: what lock-outs are counted from."""

    name = models.CharField(max_length=60)  # as it was typed; empty for a link
    address = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["name", "at"]), models.Index(fields=["address", "at"])]


class ApiToken(models.Model):
    """A secret by which a program asks the API as a person; only its hash is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64, unique=True)
    roles: models.JSONField = KeptJSON(default=list)  # of the person's, those that it may use
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
