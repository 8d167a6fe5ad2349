"""Which certificates and passwords end, and when: a run that would cross the end of a certificate must not begin."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from retaguarda.calendars.calendar import is_business_day
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.errors import ConfigurationError, RetaguardaError
from retaguarda.portal.certificates import FIELD, expires_at
from retaguarda.process import Process, from_text
from retaguarda.vault import Vault

PARAMETERS = frozenset({"credential", "credentials"})
"""Parameters of a process that name the credentials it works with."""
REMEDY = "renew it: docs/runbook.md, section 5"
PASSWORD_UNTIL = "password_until"  # noqa: S105  # the name of a field
"""The field that says the last day on which the portal takes a password, as YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate or password of a credential: when it ends, or why that cannot be told."""

    credential: str
    ends: dt.datetime | None
    problem: str = ""

    def days_left(self, now: dt.datetime) -> int:
        """Whole business days from today to the day it ends, both left out; negative once it has ended."""
        if self.ends is None or self.ends <= now:
            return -1
        today, last = now.astimezone(SAO_PAULO).date(), self.ends.astimezone(SAO_PAULO).date()
        return sum(is_business_day(today + dt.timedelta(days=n)) for n in range(1, (last - today).days))


@dataclass
class Certificates:
    """The certificates in the vault; each is opened once, as long as it stays the same."""

    vault: Callable[[], Vault]
    clock: Clock
    _known: dict[str, Ending] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Ending]:
        for name in self.vault().names():
            if found := self.of(name):
                yield found

    def of(self, name: str) -> Ending | None:
        """The certificate of a credential; None when it has none, or when the vault has no such credential."""
        vault = self.vault()
        if name not in vault.names():
            return None
        credential = vault.credential(name)
        if FIELD not in credential.secrets:
            return None
        told = "".join(secret.reveal() for secret in credential.secrets.values())
        key = hashlib.sha256(f"{name} {told}".encode()).hexdigest()
        if key not in self._known:
            try:
                self._known[key] = Ending(name, expires_at(credential))
            except ConfigurationError as error:
                self._known[key] = Ending(name, None, error.text)
        return self._known[key]

    def passwords(self) -> Iterator[Ending]:
        """The passwords of which somebody told the last day."""
        for name in self.vault().names():
            if found := self.password_of(name):
                yield found

    def password_of(self, name: str) -> Ending | None:
        """The end of the last day of a credential's password; None when nobody told it."""
        day = self.vault().entry(name).get(PASSWORD_UNTIL, "")
        try:
            return Ending(name, dt.datetime.combine(dt.date.fromisoformat(day), dt.time.max, SAO_PAULO)) if day else None
        except ValueError:
            return Ending(name, None, f"password_until is no day: {day}")

    def refusal(self, names: Iterable[str], seconds: float) -> ConfigurationError | None:
        """Why a run with these credentials must not begin: a certificate ends before the seconds that it may take are over."""
        until = self.clock.now() + dt.timedelta(seconds=seconds)
        for name in names:
            held = self.of(name)
            if held and held.ends and held.ends <= until:
                ends = held.ends.astimezone(SAO_PAULO)
                text = f"certificate of {name} ends on {ends:%Y-%m-%d} at {ends:%H:%M}, before the run could end"
                return ConfigurationError(text, remedy=REMEDY)
        return None

    def reason(self, names: Iterable[str], seconds: float) -> str:
        """`refusal` in words; nothing where the vault does not open, which the run itself will tell."""
        try:
            refused = self.refusal(names, seconds)
        except RetaguardaError:
            return ""
        return refused.text if refused else ""


def credentials_of(name: str, params: Mapping[str, str], processes: Mapping[str, Process]) -> Iterator[str]:
    """The credentials that a run of the process will ask for, those of its steps included."""
    process = processes.get(name)
    if process is None:
        return
    given = {key: text for key, text in params.items() if key in PARAMETERS}
    for parameter in process.parameters:
        if parameter.name in PARAMETERS:
            value = from_text(given[parameter.name], parameter.annotation) if parameter.name in given else parameter.default
            yield from [value] if isinstance(value, str) else value if isinstance(value, tuple) else ()
    for step in process.steps:
        yield from credentials_of(step, {}, processes)
