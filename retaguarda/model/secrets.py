"""Secrets as a type that shows nothing unless asked by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from retaguarda.errors import ConfigurationError, InfrastructureError

STEP = 30
DIGITS = 6
PAUSES = 3
"""A pause may end a hair before the step does, and another process may be quicker."""


class Secret:
    """A secret text: prints `***`, cannot be pickled, and is read only by `reveal()`."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        return self.__value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return hash(self.__value)


class SpentCodes:
    """Which one-time codes were given, by the 30-second step they belong to; this one forgets with the process."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def take(self, name: str, now: int) -> int | None:
        """The step whose code may be given at step `now`, taken for good: this one or the next; None when both are spent."""
        step = next_step(self._last.get(name), now)
        if step is not None:
            self._last[name] = step
        return step


def next_step(last: int | None, now: int) -> int | None:
    """The first of the steps `now` and `now + 1` after `last`; a `last` further ahead was given by a clock that was wrong."""
    if last is None or last < now or last > now + 1:
        return now
    return now + 1 if last == now else None


@dataclass(frozen=True)
class Credential:
    """A user of a portal with its secrets, e.g. `ccee/robo`."""

    name: str
    user: str
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    spent: SpentCodes = field(default_factory=SpentCodes, repr=False, compare=False)

    def secret(self, name: str) -> Secret:
        """The secret of that name; ConfigurationError names the credential and the field, never a value."""
        self._must_have(name)
        return self.secrets[name]

    def _must_have(self, name: str) -> None:
        if name not in self.secrets:
            raise ConfigurationError(
                f"credential {self.name} has no field {name!r}", remedy=f"retaguarda vault set {self.name} --field {name}"
            )

    def announced(self, before: Callable[[], None]) -> Credential:
        """The same credential, which calls `before` each time that one of its secrets is taken."""
        return replace(self, secrets=_Announced(self.secrets, before))

    def totp(self, name: str = "totp", *, now: Callable[[], float] = time.time, pause: Callable[[float], None] | None = None) -> str:
        """A one-time code that was never given before: RFC 6238, SHA-1, 30 s, 6 digits.

        When the code of this moment was already spent, the next step's code is given: verifiers accept one step of drift.
        When that one is spent too, `pause` is given the seconds until another is free; InfrastructureError without it, and
        ConfigurationError when the seed is no base32. The seed is not taken before a code is free.
        """
        self._must_have(name)
        pauses = PAUSES
        while (step := self.spent.take(f"{self.name} {name}", int(now() // STEP))) is None:
            if pause is None or not pauses:
                raise InfrastructureError(f"the one-time codes of {self.name} are used up for {STEP} seconds", remedy="resume the run then")
            pause(STEP - now() % STEP)
            pauses -= 1
        try:
            return one_time_code(self.secret(name).reveal(), step)
        except ValueError as error:
            raise ConfigurationError(f"field {name} of {self.name} is no base32 seed", remedy="copy it again from the bank") from error


class _Announced(Mapping[str, Secret]):
    """Secrets that say when one is taken."""

    def __init__(self, held: Mapping[str, Secret], before: Callable[[], None]) -> None:
        self._held = held
        self._before = before

    def __getitem__(self, name: str) -> Secret:
        self._before()
        return self._held[name]

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)


def one_time_code(seed: str, counter: int) -> str:
    """RFC 4226 code of a base32 seed of any length (80-bit seeds are still issued)."""
    compact = seed.replace(" ", "").upper()
    key = base64.b32decode(compact + "=" * (-len(compact) % 8))
    mac = hmac.digest(key, struct.pack(">Q", counter), hashlib.sha1)
    offset = mac[-1] & 15
    number: int = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)
