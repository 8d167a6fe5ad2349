"""The installation that this process serves: `serve` puts it here, views take it from here."""

from __future__ import annotations

from retaguarda.console.wiring import House
from retaguarda.errors import ConfigurationError

_houses: list[House] = []


def serve_house(house: House) -> None:
    """From here on, pages are about this installation."""
    _houses[:] = [house]


def house() -> House:
    """The installation that pages are about."""
    if not _houses:
        raise ConfigurationError("no installation is served: a defect of the program")
    return _houses[0]
