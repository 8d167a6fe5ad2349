"""The register of people: added, changed, shut out and let in again; every change with its audit event in one transaction."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.people.roles import Role, roles_of
from retaguarda.settings import ConsoleSettings
from retaguarda.store.models import OneTimeLink, Person
from retaguarda.vault import Vault

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
SEED_BYTES = 20
"""RFC 4226 recommends 160 bits."""


@dataclass(frozen=True)
class Register:
    """The people of this installation."""

    settings: ConsoleSettings
    clock: Clock
    vault: Callable[[], Vault]

    def everybody(self) -> list[Person]:
        """All people, by name, those who were shut out included."""
        return list(Person.objects.order_by("name"))

    def get(self, name: str) -> Person:
        """The person of that name; ConfigurationError when there is none."""
        found = Person.objects.filter(name=name).first()
        if found is None:
            raise ConfigurationError(f"there is no person {name!r}", remedy="see: retaguarda user list")
        return found

    def add(self, name: str, roles: Iterable[str], full_name: str = "") -> Person:
        """A new person, who chooses a password and a second factor by a one-time link."""
        if not NAME.fullmatch(name):
            raise ConfigurationError(
                f"{name!r} is no name to sign in with", remedy="use two to sixty of a-z, 0-9, dot, hyphen, underscore; begin with a letter"
            )
        wanted = roles_of(roles)
        with transaction.atomic():
            if Person.objects.filter(name=name).exists():
                raise ConfigurationError(f"there is a person {name!r} already", remedy="choose another name")
            person = Person.objects.create(
                name=name, full_name=full_name[:120], roles=wanted, created_at=self.clock.now(), created_by=events.actor()
            )
            events.record("person.added", target=name, data={"roles": wanted, "full_name": person.full_name})
        return person

    def give_roles(self, person: Person, roles: Iterable[str]) -> None:
        """Let a person have these roles and no others, from the next click on."""
        wanted = roles_of(roles)
        with transaction.atomic():
            held = self._locked(person)
            if Role.ADMINISTRATOR not in wanted:
                self._leave_an_administrator(held)
            events.record("person.roles_changed", target=held.name, data={"before": held.roles, "after": wanted})
            held.roles = wanted
            held.save(update_fields=["roles"])
        person.roles = wanted

    def disable(self, person: Person) -> None:
        """Shut a person out: sessions, links and tokens end at once."""
        with transaction.atomic():
            held = self._locked(person)
            self._leave_an_administrator(held)
            held.active = False
            held.save(update_fields=["active"])
            ended, _ = held.sessions.all().delete()
            held.links.filter(used_at=None).delete()
            tokens = revoke_all(held, self.clock)
            events.record("person.disabled", target=held.name, data={"sessions": ended, "tokens": tokens})
        person.active = False

    def enable(self, person: Person) -> None:
        """Let a person in again who was shut out; password and second factor are the old ones."""
        with transaction.atomic():
            held = self._locked(person)
            held.active = True
            held.save(update_fields=["active"])
            events.record("person.enabled", target=held.name)
        person.active = True

    def link(self, person: Person) -> str:
        """The secret of a new one-time link, shown once; earlier links of this person end."""
        if not person.active:
            raise ConfigurationError(f"{person.name} is shut out", remedy=f"retaguarda user enable {person.name}")
        secret = secrets.token_urlsafe(32)
        now = self.clock.now()
        with transaction.atomic():
            person.links.filter(used_at=None).delete()
            made = OneTimeLink.objects.create(
                person=person,
                sha256=hash_of(secret),
                made_at=now,
                made_by=events.actor(),
                expires_at=now + dt.timedelta(hours=self.settings.link_hours),
            )
            events.record("person.link_made", target=person.name, data={"expires_at": made.expires_at.isoformat()})
        return secret

    def first_link(self) -> str | None:
        """On the first start, the link that creates the administrator; None when somebody can sign in already."""
        if Person.objects.exclude(password="", subject=None).exists():
            return None
        with transaction.atomic():
            person = Person.objects.filter(name="admin").first() or self.add("admin", [Role.ADMINISTRATOR])
            return self.link(person)

    def _locked(self, person: Person) -> Person:
        """The person's row, kept from others until the transaction ends."""
        return Person.objects.select_for_update().get(pk=person.pk)

    def _leave_an_administrator(self, person: Person) -> None:
        others = Person.objects.select_for_update().filter(active=True).exclude(pk=person.pk).exclude(password="", subject=None)
        if Role.ADMINISTRATOR in person.roles and not any(Role.ADMINISTRATOR in other.roles for other in others):
            raise ConfigurationError(f"{person.name} is the only administrator", remedy="make another person administrator first")


def hash_of(secret: str) -> str:
    """What is kept of the secret of a link or a token."""
    return hashlib.sha256(secret.encode()).hexdigest()


def revoke_all(person: Person, clock: Clock) -> int:
    """End every token of a person, in the transaction of whatever made that necessary; how many there were."""
    return person.tokens.filter(revoked_at=None, expires_at__gt=clock.now()).update(revoked_at=clock.now())
