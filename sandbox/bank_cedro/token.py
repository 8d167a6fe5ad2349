"""The one-time code of the operator's token: RFC 6238, SHA-1, 30 seconds, 6 digits, each step good for one use only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct

STEP, DIGITS, DRIFT = 30, 6, 1


def new_seed() -> str:
    """160 random bits in base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code(seed: str, step: int) -> str:
    """The code of one 30-second step since 1970."""
    mac = hmac.digest(base64.b32decode(seed), struct.pack(">Q", step), hashlib.sha1)
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(seed: str, given: str, at: float) -> int | None:
    """The step whose code was given, within one step of the real time `at`; None when the code is wrong."""
    now = int(at // STEP)
    near = range(now - DRIFT, now + DRIFT + 1)
    return next((step for step in near if hmac.compare_digest(code(seed, step).encode(), given.encode())), None)
