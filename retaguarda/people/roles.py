"""Roles of people. One person may have several; nobody approves what he launched, whatever his roles."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from retaguarda.errors import ConfigurationError


class Role(enum.StrEnum):
    """What a person may do."""

    OPERATOR = "operator"  # launches, stops, answers portals' questions, decides on uncertain items
    APPROVER = "approver"  # says yes or no to plans that somebody else launched
    AUDITOR = "auditor"  # reads everything, changes nothing; each read is an audit event
    ADMINISTRATOR = "administrator"  # people and their roles


EVERYBODY = frozenset(Role)
"""Whoever is signed in."""


def roles_of(names: Iterable[str]) -> list[Role]:
    """The roles of these names, each once, in the order of `Role`; ConfigurationError for none or an unknown one."""
    given = [name.strip().lower() for name in names if name.strip()]
    known = [role.value for role in Role]
    if unknown := [name for name in given if name not in known]:
        raise ConfigurationError(f"there is no role {unknown[0]!r}", remedy=f"known: {', '.join(known)}")
    if not given:
        raise ConfigurationError("a person needs a role", remedy=f"known: {', '.join(known)}")
    return [role for role in Role if role in given]
