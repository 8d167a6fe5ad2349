"""People who come by the company's identity provider: who they are here, and which roles the provider gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from retaguarda.audit import events
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, NotEntitled
from retaguarda.people.register import NAME, Register
from retaguarda.people.roles import Role, roles_of
from retaguarda.settings import OidcSettings
from retaguarda.store.models import Person

BY = "oidc"
"""Who gives roles that come from the provider, as the audit log calls it."""
ASK = "ask an administrator"


@dataclass(frozen=True)
class Provider:
    """The identity provider, as the register of people knows it. Claims are those of an ID token that was verified already."""

    settings: OidcSettings
    register: Register
    clock: Clock

    def sign_in(self, claims: Mapping[str, Any], address: str) -> Person:
        """The person of these claims, new or known, with the roles that they give now.

        Raises NotEntitled, and tells the audit log, for whom the provider gives no role here, who is shut out, and whose name
        somebody else has already: a name that a provider says does not open another person's account.
        """
        try:
            roles = self.roles(claims)
            person = self._known(claims) or self._added(claims, roles)
            if not person.active:
                raise NotEntitled(f"{person.name} is shut out", remedy=ASK)
            if person.roles != roles:
                with events.acting(BY):
                    self.register.give_roles(person, roles)
        except (NotEntitled, ConfigurationError) as error:
            self._refused(claims, address, error.text)
            raise
        with transaction.atomic():
            Person.objects.filter(pk=person.pk).update(signed_in_at=self.clock.now())
            events.record("person.signed_in", target=person.name, who=person.name, data={"address": address, "by": BY})
        return person

    def link(self, person: Person, claims: Mapping[str, Any]) -> None:
        """Let somebody who is signed in come by the provider from here on; NotEntitled when those claims are another person's."""
        subject = subject_of(claims)
        with transaction.atomic():
            if Person.objects.filter(subject=subject).exclude(pk=person.pk).exists():
                raise NotEntitled("the provider's account belongs to another person here", remedy=ASK)
            Person.objects.filter(pk=person.pk).update(subject=subject)
            events.record("person.linked", target=person.name, data={"subject": subject})

    def roles(self, claims: Mapping[str, Any]) -> list[Role]:
        """The roles that the claim gives; NotEntitled when it gives none."""
        held = claims.get(self.settings.claim)
        values = [held] if isinstance(held, str) else held if isinstance(held, list) else []
        names = [role for value in values for role in self.settings.roles.get(str(value), ())]
        if not names:
            raise NotEntitled("the provider gives you no role here", remedy=f"{ASK}: see oidc.roles")
        return roles_of(names)

    def _known(self, claims: Mapping[str, Any]) -> Person | None:
        return Person.objects.filter(subject=subject_of(claims)).first()

    def _added(self, claims: Mapping[str, Any], roles: list[Role]) -> Person:
        name = str(claims.get(self.settings.name_claim, "")).strip().lower().partition("@")[0]
        if not NAME.fullmatch(name):
            raise NotEntitled("the provider gives you no name that one can have here", remedy=f"{ASK}: see oidc.name_claim")
        if Person.objects.filter(name=name).exists():
            raise NotEntitled(f"there is a person {name!r} already", remedy="sign in by password, and link the provider under My access")
        with transaction.atomic(), events.acting(BY):
            person = self.register.add(name, roles, str(claims.get("name", "")))
            Person.objects.filter(pk=person.pk).update(subject=subject_of(claims))
        return person

    def _refused(self, claims: Mapping[str, Any], address: str, why: str) -> None:
        with transaction.atomic():
            told = {"address": address, "by": BY, "subject": subject_of(claims), "reason": why}
            events.record("sign_in.provider_refused", target=subject_of(claims)[:60], who="?", data=told)


def subject_of(claims: Mapping[str, Any]) -> str:
    """What the provider calls a person, for good: its own address, and its name for him."""
    issuer, subject = str(claims.get("iss", "")), str(claims.get("sub", ""))
    if not issuer or not subject or len(issuer) + len(subject) > 299:
        raise NotEntitled("the provider does not say who you are", remedy=ASK)
    return f"{issuer} {subject}"
