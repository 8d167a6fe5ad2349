"""The virtual keyboard: ten digits shuffled into five keys of two, anew at every page."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence

_random = random.SystemRandom()


def shuffled() -> dict[str, object]:
    """A keyboard of one page: its id and its keys, e.g. `["71", "04", "93", "58", "62"]`."""
    digits = _random.sample("0123456789", 10)
    return {"id": secrets.token_urlsafe(9), "keys": [a + b for a, b in zip(digits[::2], digits[1::2], strict=True)]}


def spells(keys: Sequence[str], pressed: str, password: str) -> bool:
    """Whether the pressed keys (their places, `3,0,2`) can mean the password: each key holds two digits."""
    places = [int(place) for place in pressed.split(",") if place.isdigit() and int(place) < len(keys)]
    return len(places) == len(password) and all(digit in keys[place] for digit, place in zip(password, places, strict=True))
