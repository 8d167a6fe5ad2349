"""The indicators as the pages show them: the tallies of days are brought up to date beside the pages, and no page waits for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from retaguarda.console.web.queries.beside import Beside, Kept
from retaguarda.console.wiring import House
from retaguarda.operations.indicators import Figures, Grain, figures_of, periods
from retaguarda.operations.tally import together
from retaguarda.operations.tally_days import DAY, catch_up, kept

KEEP_SECONDS = 300.0
"""How long figures are shown before they are counted again."""
PERIODS = 12
_reached: list[dt.date] = []
"""The day that the count under way has come to."""


def _count(house: House, _of_all: None) -> Mapping[Grain, Sequence[Figures]]:
    """The latest periods of each length."""
    now, today = house.clock.now(), house.clock.today()
    spans = {grain: periods(today, grain, PERIODS) for grain in get_args(Grain)}
    first, after = min(span[0][0] for span in spans.values()), max(span[-1][1] for span in spans.values())
    catch_up(first, after - DAY, now, lambda day: _reached.__setitem__(slice(None), [day]))
    return {grain: [figures_of(house.settings.indicators, together(kept(*one)), *one) for one in span] for grain, span in spans.items()}


FIGURES: Beside[None, Mapping[Grain, Sequence[Figures]]] = Beside("indicators", _count, KEEP_SECONDS)


def counted(house: House, grain: Grain) -> Kept[Sequence[Figures]] | None:
    """The latest periods as they were counted last; None before the first count is done."""
    found = FIGURES.get(house, None)
    return Kept(found.found[grain], found.at) if found else None


def surely_counted(house: House, grain: Grain) -> Kept[Sequence[Figures]]:
    """As `counted`, for programs, which may wait; StoreUnavailable when it takes too long."""
    found = FIGURES.surely(house, None)
    return Kept(found.found[grain], found.at)


def counting() -> tuple[dt.date | None, str]:
    """The day that the first count has reached, and why the last one failed, if it did."""
    return (_reached[0] if _reached else None), FIGURES.trouble


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
