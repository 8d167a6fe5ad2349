"""Personal data: whose work needs to see it, what counts as it, and how it is masked. Every page, list and paper asks here.

CPFs keep their middle six digits, as the federal government publishes them; accounts of others keep their last ones. A CNPJ is no
personal data. Pictures are not read: a paper that must show none leaves them out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from stdnum.br import cpf

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, NotEntitled
from retaguarda.people.roles import Role
from retaguarda.redaction import unpacked
from retaguarda.settings import Settings
from retaguarda.store.models import Person

NEEDS = frozenset({Role.OPERATOR})
"""Roles whose work it is to tell payers apart."""
MAY_UNMASK = frozenset({Role.AUDITOR})
"""Roles that see personal data for a while, when they say why; that they did is an event."""
MINUTES = 15
"""How long the console shows it then."""
_WRITTEN = r"(?<![\w.,/-])\d{3}\.(\d{3}\.\d{3})-\d{2}(?![\w/])"
_BARE = r"(?<![\w.,/+=-])(\d{11})(?![\w/+=-]|[.,]\d)"
_CPF = re.compile(f"{_WRITTEN}|{_BARE}")
_ACCOUNT = re.compile(
    r"(?i)\b(?P<name>c\s?/\s?c|cta|conta(?:[ -]corrente|[ -]poupan[cç]a)?|poupan[cç]a)"
    r"(?P<between>[ .:nº°]{1,4})(?P<a>\d[\d.]{2,13}\d(?:-[\dx])?)(?![\w-])"
    r"|(?<![\w./-])(?P<branch>\d{3,4}(?:-[\dx])?)(?P<slash> ?/ ?)(?P<b>\d{4,12}-[\dx])(?![\w/])"
)
_NO_DIGIT = re.compile(r"[^0-9xX]")


@dataclass(frozen=True, slots=True)
class Mask:
    """Takes personal data out of texts; the company's `own` accounts, as digits, are not somebody else's."""

    own: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> Mask:
        """The mask of an installation, which knows its own accounts."""
        numbers = (portal.account.rpartition("/")[2] for portal in settings.portals.values() if portal.account)
        return cls(frozenset(_NO_DIGIT.sub("", number) for number in numbers))

    def text(self, text: str) -> str:
        """The text with every CPF and every account of others masked."""
        return _ACCOUNT.sub(self._account, _CPF.sub(_cpf, text)) if any(c.isdigit() for c in text) else text

    def value(self, value: Any) -> Any:
        """The same for every text inside a value, names of members included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(inner) for key, inner in value.items()}
        return [self.value(inner) for inner in value] if isinstance(value, list | tuple) else value

    def found_in(self, data: bytes) -> bool:
        """Whether personal data stands in a file, packed ones included; of pictures nothing is known."""
        return any(self.text(text) != text for part in unpacked(data) for text in _texts(part))

    def _account(self, found: re.Match[str]) -> str:
        number = found["a"] or found["b"]
        if _NO_DIGIT.sub("", number) in self.own:
            return found[0]
        before = f"{found['name']}{found['between']}" if found["a"] else f"{found['branch']}{found['slash']}"
        return f"{before}***{number[-3:]}"


def _cpf(found: re.Match[str]) -> str:
    if found[1]:
        return f"***.{found[1]}-**"
    digits = found[2]
    return f"***.{digits[3:6]}.{digits[6:9]}-**" if cpf.is_valid(digits) else digits


def _texts(part: bytes) -> Iterable[str]:
    """Bytes as the texts that they may be: what is no UTF-8 is read as Latin-1, in which no digit differs."""
    yield part.decode("utf-8", "replace") if part.isascii() else part.decode("latin-1")
    if part[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        yield part.decode("utf-16", "replace")


def sees(roles: Collection[str]) -> bool:
    """Whether a person with these roles sees personal data without asking."""
    return bool(NEEDS & set(roles))


def may_unmask(roles: Collection[str]) -> bool:
    """Whether a person with these roles may ask to see it."""
    return bool((MAY_UNMASK | NEEDS) & set(roles))


def unmask(reason: str, what: str, person: Person | None = None) -> None:
    """Let whoever acts see personal data, and tell the log who did, what, and why.

    Raises NotEntitled for somebody of the register whose roles do not allow it, ConfigurationError when no reason is given. Who is not in
    the register works on the machine itself, where he could read the files: for him the event is what counts.
    """
    known = person or Person.objects.filter(name=events.actor()).first()
    if known is not None and not (known.active and may_unmask(known.roles)):
        raise NotEntitled("personal data is not shown to these roles", remedy="ask an auditor")
    if not reason.strip():
        raise ConfigurationError("personal data is shown only for a reason", remedy="say why it must be seen")
    with transaction.atomic():
        events.record("personal.unmasked", target=what, data={"reason": reason.strip()[:400]})
