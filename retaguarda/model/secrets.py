"""Secrets as a type that shows nothing unless asked by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

STEP = 30
DIGITS = 6


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
        return isinstance(other, Secret) and hmac.compare_digest(self.__value, other.__value)

    def __hash__(self) -> int:
        return hash(self.__value)


@dataclass(frozen=True)
class Credential:
    """A user of a portal with its secrets, e.g. `ccee/robo`."""

    name: str
    user: str
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    _spent: set[str] = field(default_factory=set, repr=False, compare=False)

    def secret(self, name: str) -> Secret:
        """The secret of that name; KeyError names the credential and the field, never a value."""
        if name not in self.secrets:
            raise KeyError(f"credential {self.name} has no secret {name!r}")
        return self.secrets[name]

    def totp(self, name: str = "totp", at: float | None = None) -> str:
        """A one-time code never given before by this object: RFC 6238, SHA-1, 30 s, 6 digits.

        When the code of this moment was already spent, the next step's code is given: verifiers accept one step of drift.
        """
        counter = int((time.time() if at is None else at) // STEP)
        for step in (counter, counter + 1):
            code = one_time_code(self.secret(name).reveal(), step)
            if code not in self._spent:
                self._spent.add(code)
                return code
        raise RuntimeError(f"one-time codes of {self.name} spent; wait {STEP} s")


def one_time_code(seed: str, counter: int) -> str:
    """RFC 4226 code of a base32 seed of any length (80-bit seeds are still issued)."""
    compact = seed.replace(" ", "").upper()
    key = base64.b32decode(compact + "=" * (-len(compact) % 8))
    mac = hmac.digest(key, struct.pack(">Q", counter), hashlib.sha1)
    offset = mac[-1] & 15
    number: int = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)
