"""The versions that events happened under, as people read them: each combination once, numbered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retaguarda.language import say

NAMES = {"config": "configuration", "calendars": "calendars", "code": "code"}
"""Words for the digests that an event carries."""


def versions_text(event: Mapping[str, Any]) -> str:
    """Suite, configuration, calendars, code and robots of an event; empty where it belongs to no run."""
    held = event.get("versions") or {}
    if not held:
        return ""
    told = [f"Retaguarda {event.get('version', '')}", *(f"{say(word)} {held[name]}" for name, word in NAMES.items() if name in held)]
    told += [f"{say('robot')} {name} {digest}" for name, digest in sorted((held.get("robots") or {}).items())]
    return " · ".join(told)


class Legend:
    """Gives each combination of versions a number, in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, event: Mapping[str, Any]) -> str:
        """The number of an event's versions; empty where it has none."""
        text = versions_text(event)
        return str(self._numbers.setdefault(text, len(self._numbers) + 1)) if text else ""

    def lines(self) -> list[tuple[str, str]]:
        """Each number with what it stands for."""
        return [(str(number), text) for text, number in self._numbers.items()]
