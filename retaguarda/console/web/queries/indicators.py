"""The indicators as the pages show them: the tallies of days are brought up to date beside the pages, and no page waits for them."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from django.db import DatabaseError, connections

from retaguarda.console.wiring import House
from retaguarda.errors import RetaguardaError, StoreUnavailable
from retaguarda.operations.indicators import Figures, Grain, figures_of, periods
from retaguarda.operations.tally import together
from retaguarda.operations.tally_days import DAY, catch_up, kept

KEEP_SECONDS = 300.0
"""How long figures are shown before they are counted again."""
PERIODS = 12
FIRST_SECONDS = 0.05
"""How long a page waits for the first count of all: over few runs it is done by then."""
PROGRAM_SECONDS = 60.0
"""How long a file or an answer to a program waits for it."""


@dataclass(frozen=True)
class Counted:
    """Figures, and when they were counted."""

    found: Sequence[Figures]
    at: float

    @property
    def age(self) -> float:
        """Seconds since."""
        return time.monotonic() - self.at


@dataclass
class _Count:
    """The counting of this process: one thread at a time, and what it came to."""

    kept: dict[Grain, Counted] = field(default_factory=dict)
    thread: threading.Thread | None = None
    reached: dt.date | None = None
    trouble: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, house: House) -> None:
        """Count beside whoever asks, unless that is done already."""
        with self.lock:
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._work, args=(house,), name="indicators", daemon=True)
                self.thread.start()

    def _work(self, house: House) -> None:
        try:
            self._count(house)
            self.trouble = ""
        except RetaguardaError as error:
            self.trouble = error.text
        except DatabaseError as error:
            self.trouble = str(error)
        finally:
            connections.close_all()

    def _count(self, house: House) -> None:
        now, today = house.clock.now(), house.clock.today()
        spans = {grain: periods(today, grain, PERIODS) for grain in get_args(Grain)}
        first, after = min(span[0][0] for span in spans.values()), max(span[-1][1] for span in spans.values())
        catch_up(first, after - DAY, now, self._reach)
        for grain, span in spans.items():
            found = [figures_of(house.settings.indicators, together(kept(*one)), *one) for one in span]
            self.kept[grain] = Counted(found, time.monotonic())

    def _reach(self, day: dt.date) -> None:
        self.reached = day


_count = _Count()


def counted(house: House, grain: Grain, patience: float = FIRST_SECONDS) -> Counted | None:
    """The latest periods as they were counted last, while a new count begins when that is long ago; None before the first is done."""
    found = _count.kept.get(grain)
    if found is None or found.age >= KEEP_SECONDS:
        _count.begin(house)
    if found is None and _count.thread is not None:
        _count.thread.join(patience)
    return _count.kept.get(grain)


def surely_counted(house: House, grain: Grain) -> Counted:
    """As `counted`, for programs, which may wait; StoreUnavailable when it takes too long."""
    found = counted(house, grain, PROGRAM_SECONDS)
    if found is None:
        raise StoreUnavailable("the figures are being counted for the first time", remedy="ask again in a minute")
    return found


def counting() -> tuple[dt.date | None, str]:
    """The day that the first count has reached, and why the last one failed, if it did."""
    return _count.reached, _count.trouble


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
