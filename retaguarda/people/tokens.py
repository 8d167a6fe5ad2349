"""Secrets by which programs ask the API as a person: own, named, for a time, and never with more roles than the person has now."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.people.register import hash_of, revoke_all
from retaguarda.people.roles import Role, roles_of
from retaguarda.settings import ConsoleSettings
from retaguarda.store.models import ApiToken, Person

BEGIN = "rtg_"
"""What every secret begins with, so that scanners of repositories and logs find one that was lost."""
NOTED_EVERY = dt.timedelta(minutes=1)
"""A use is noted so often: a request must not cost a write."""
MOST = 20
"""Tokens of a person that hold at a time."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of this installation."""

    settings: ConsoleSettings
    clock: Clock

    def of(self, person: Person) -> list[ApiToken]:
        """A person's tokens that hold or held, the newest first."""
        return list(person.tokens.order_by("-pk")[: MOST * 3])

    def make(self, person: Person, name: str, roles: Iterable[str], days: int) -> str:
        """The secret of a new token, shown once. InvalidItem for a name that is none, for a role that the person has not, for too long."""
        name, wanted, now = " ".join(name.split())[:60], roles_of(roles), self.clock.now()
        if not name:
            raise InvalidItem("A token needs a name.", remedy="say which program it is for")
        if missing := [role for role in wanted if role not in person.roles]:
            raise InvalidItem(f"you have not the role {missing[0].value}", remedy="choose among your own roles")
        if not 1 <= days <= self.settings.token_days:
            raise InvalidItem(f"A token holds for 1 to {self.settings.token_days} days.", remedy="make a new one before it ends")
        if self._holding(person).count() >= MOST:
            raise InvalidItem(f"A person has at most {MOST} tokens.", remedy="revoke those that no program uses")
        secret = BEGIN + secrets.token_urlsafe(32)
        with transaction.atomic():
            made = ApiToken.objects.create(
                person=person, name=name, sha256=hash_of(secret), roles=wanted, made_at=now, expires_at=now + dt.timedelta(days=days)
            )
            facts = {"token": made.pk, "name": name, "roles": wanted, "expires_at": made.expires_at.isoformat()}
            events.record("token.made", target=person.name, data=facts)
        return secret

    def revoke(self, token: ApiToken) -> None:
        """End a token at once."""
        with transaction.atomic():
            ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=self.clock.now())
            if not ended:
                raise ConfigurationError(f"token {token.pk} was revoked already", remedy="see: retaguarda token list")
            events.record("token.revoked", target=token.person.name, data={"token": token.pk, "name": token.name})

    def revoke_every(self, person: Person) -> None:
        """End every token of a person at once."""
        with transaction.atomic():
            events.record("token.revoked", target=person.name, data={"tokens": revoke_all(person, self.clock)})

    def holder(self, secret: str) -> Person | None:
        """Whose token this is, with the roles that it may use now; None when it holds no more, or never did.

        The person is for this request alone: its roles are the token's, and it must not be saved.
        """
        now = self.clock.now()
        found = self._holding().select_related("person").filter(sha256=hash_of(secret), person__active=True).first()
        if found is None:
            return None
        if found.used_at is None or now - found.used_at > NOTED_EVERY:
            ApiToken.objects.filter(pk=found.pk).update(used_at=now)
        found.person.roles = [role for role in Role if role in found.roles and role in found.person.roles]
        return found.person

    def _holding(self, person: Person | None = None) -> QuerySet[ApiToken]:
        rows = ApiToken.objects.filter(revoked_at=None, expires_at__gt=self.clock.now())
        return rows.filter(person=person) if person else rows
