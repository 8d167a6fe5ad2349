"""How people prove who they are: password, then a one-time code; wrong ones are counted, and lock out.

The seed of the one-time codes lies in the vault (`person/<name>`), the password as argon2id in the store.
"""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.model.secrets import STEP, one_time_code
from retaguarda.people.register import SEED_BYTES, hash_of, revoke_all
from retaguarda.people.tokens import Tokens
from retaguarda.settings import ConsoleSettings
from retaguarda.store.models import FailedAttempt, OneTimeLink, Person
from retaguarda.vault import Vault

BETTER = "take four words that belong together for nobody else"
SHORTEST = 12
LONGEST = 256
"""Characters of a password: argon2 must not be fed megabytes."""
ADDRESS_FACTOR = 4
"""An address may fail so many times more often than a person: an office shares one."""
KEPT = dt.timedelta(days=30)
"""Failed attempts older than this are let go; the audit log keeps them."""


@dataclass(frozen=True)
class Entrance:
    """The door of the console."""

    settings: ConsoleSettings
    clock: Clock
    vault: Callable[[], Vault]

    def locked_out(self, name: str, address: str) -> bool:
        """Whether this person, or this address, failed too often lately; the right password is not even looked at."""
        since = self.clock.now() - dt.timedelta(minutes=self.settings.lock_minutes)
        recent = FailedAttempt.objects.filter(at__gte=since)
        by_name = recent.filter(name=name).count() if name else 0
        return by_name >= self.settings.attempts or recent.filter(address=address).count() >= self.settings.attempts * ADDRESS_FACTOR

    def check_password(self, name: str, password: str, address: str) -> Person | None:
        """The person whose password this is; None, and counted, when it is wrong, or the person unknown, shut out or locked out.

        An unknown name takes as long as a known one.
        """
        if self.locked_out(name, address):
            self._failed("sign_in.locked_out", name, address)
            return None
        person = Person.objects.filter(name=name, active=True).exclude(password="").first()
        right = _matches(person.password if person else _decoy(), password)
        if person is None or not right:
            self._failed("sign_in.refused", name, address)
            return None
        return person

    def check_code(self, person: Person, code: str, address: str) -> bool:
        """Whether this is the person's one-time code of now, one step of drift allowed, never used before; counted when it is not."""
        if self.locked_out(person.name, address):
            self._failed("sign_in.locked_out", person.name, address)
            return False
        step = self._step_of(self.vault().entry(_entry(person))["totp"], code)
        with transaction.atomic():
            fresh = step is not None and Person.objects.filter(pk=person.pk, active=True, last_step__lt=step).update(last_step=step)
            if fresh:
                FailedAttempt.objects.filter(name=person.name).delete()
                Person.objects.filter(pk=person.pk).update(signed_in_at=self.clock.now())
                events.record("person.signed_in", target=person.name, who=person.name, data={"address": address})
                return True
        self._failed("sign_in.code_refused", person.name, address)
        return False

    def link(self, secret: str, address: str) -> OneTimeLink | None:
        """The link of that secret while it is good; None, and counted, when it is not."""
        if self.locked_out("", address):
            return None
        found = OneTimeLink.objects.select_related("person").filter(sha256=hash_of(secret), used_at=None).first()
        if found is None or found.expires_at <= self.clock.now() or not found.person.active:
            self._failed("sign_in.link_refused", "", address)
            return None
        return found

    def token(self, secret: str, address: str) -> Person | None:
        """Who asks by a token, with the roles that it may use; None, and counted, when it is not good."""
        if self.locked_out("", address):
            return None
        found = Tokens(self.settings, self.clock).holder(secret)
        if found is None:
            self._failed("token.refused", "", address)
        return found

    def seed(self, link: OneTimeLink) -> str:
        """The seed of the second factor that goes with a link; the same however often the page is opened."""
        name = f"link/{link.pk}"
        if name not in self.vault().names():
            self.vault().put(name, {"totp": base64.b32encode(secrets.token_bytes(SEED_BYTES)).decode()})
        return self.vault().entry(name)["totp"]

    def accept(self, link: OneTimeLink, password: str, code: str) -> Person:
        """Take over the password and the second factor of a link, which is used up; sessions and tokens of the person end.

        Raises InvalidItem when the password is weak or the code is not the one that the new second factor shows.
        """
        person, seed = link.person, self.seed(link)
        require_strong(password, person.name)
        step = self._step_of(seed, code)
        if step is None:
            raise InvalidItem("The code is not the one that the application shows now.", remedy="check the clock of the phone")
        with transaction.atomic():
            if not OneTimeLink.objects.filter(pk=link.pk, used_at=None).update(used_at=self.clock.now()):
                raise ConfigurationError("the link was used already", remedy="ask an administrator for a new one")
            person.sessions.all().delete()
            person.password, person.last_step = _hasher().hash(password), step
            person.save(update_fields=["password", "last_step"])
            FailedAttempt.objects.filter(name=person.name).delete()
            told = {"link_made_by": link.made_by, "tokens": revoke_all(person, self.clock)}
            events.record("person.enrolled", target=person.name, who=person.name, data=told)
            self.vault().put(_entry(person), {"totp": seed})
        self.vault().take(f"link/{link.pk}")
        return person

    def unlock(self, person: Person) -> None:
        """Forget a person's failed attempts."""
        with transaction.atomic():
            forgotten, _ = FailedAttempt.objects.filter(name=person.name).delete()
            events.record("person.unlocked", target=person.name, data={"attempts": forgotten})

    def _step_of(self, seed: str, code: str) -> int | None:
        """The step whose code this is: the present one, or one before or after."""
        typed, now = "".join(code.split()).encode(), int(self.clock.now().timestamp() // STEP)
        return next((step for step in (now, now - 1, now + 1) if hmac.compare_digest(one_time_code(seed, step).encode(), typed)), None)

    def _failed(self, what: str, name: str, address: str) -> None:
        with transaction.atomic():
            now = self.clock.now()
            FailedAttempt.objects.filter(at__lt=now - KEPT).delete()
            if what != "sign_in.locked_out":  # else nobody who is attacked would ever come in again
                FailedAttempt.objects.create(name=name[:60], address=address[:60], at=now)
            events.record(what, target=name[:60], who=name[:60] or "?", data={"address": address})


def require_strong(password: str, name: str) -> None:
    """Raises InvalidItem for a password that is short, common, or holds the person's name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidItem(f"A password has {SHORTEST} to {LONGEST} characters.", remedy=BETTER)
    if name.lower() in password.lower():
        raise InvalidItem("The password holds your name.", remedy=BETTER)
    try:
        CommonPasswordValidator().validate(password)
    except ValidationError:
        raise InvalidItem("This password is on lists of common passwords.", remedy=BETTER) from None


def otpauth(person: Person, seed: str, company: str) -> str:
    """The address that authenticator applications read as a QR code."""
    issuer = quote(company or "Retaguarda")
    return f"otpauth://totp/{issuer}:{quote(person.name)}?secret={seed}&issuer={issuer}"


def _entry(person: Person) -> str:
    return f"person/{person.name}"


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # argon2id with the library's present parameters (RFC 9106, low memory)


@cache
def _decoy() -> str:
    return _hasher().hash(secrets.token_hex(16))


def _matches(kept: str, password: str) -> bool:
    try:
        return len(password) <= LONGEST and _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
