"""The indicators as the pages show them: counted in the tables, and kept for some minutes, since they are counted over months."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retaguarda.console.wiring import House
from retaguarda.operations.indicators import Figures, Grain, figures

KEEP_SECONDS = 300.0
"""How long figures are shown before they are counted again."""
PERIODS = 12
_kept: dict[Grain, Counted] = {}
_counting = threading.Lock()


@dataclass(frozen=True)
class Counted:
    """Figures, and when they were counted."""

    found: Sequence[Figures]
    at: float

    @property
    def age(self) -> float:
        """Seconds since."""
        return time.monotonic() - self.at


def counted(house: House, grain: Grain) -> Counted:
    """The latest periods; one request counts at a time."""
    kept = _kept.get(grain)
    if kept is not None and kept.age < KEEP_SECONDS:
        return kept
    with _counting:
        kept = _kept.get(grain)
        if kept is None or kept.age >= KEEP_SECONDS:
            found = figures(house.settings.indicators, house.clock.today(), grain, PERIODS)
            kept = _kept[grain] = Counted(found, time.monotonic())
    return kept


def lines(found: Sequence[Figures]) -> Iterator[tuple[str, str, str, object]]:
    """Every figure as a line of a table: period, figure, of what, value."""
    for one in found:
        start = f"{one.start}"
        yield start, "mean_seconds", "", one.mean_seconds
        yield start, "hours_saved", "", one.hours_saved
        yield start, "margin_hours", "", one.margin_hours
        yield start, "satisfaction", "", one.satisfaction
        for name in ("matched", "deadlines", "tickets"):
            share = getattr(one, name)
            yield from ((start, f"{name}.{part}", "", getattr(share, part)) for part in ("total", "good", "bad", "rate"))
        for name in ("runs", "items", "portals"):
            for key, share in getattr(one, name).items():
                yield from ((start, f"{name}.{part}", key, getattr(share, part)) for part in ("total", "good", "bad", "rate"))
        yield from ((start, "seconds", key, value) for key, value in one.seconds.items())
        yield from ((start, "reasons", key, count) for key, count in one.reasons.items())
        yield from ((start, "breaks", key, count) for key, count in one.breaks.items())
