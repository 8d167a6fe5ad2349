"""Which periods of an account to ask a bank for: what is not proved yet, with a day's overlap, in pieces that the bank accepts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from retaguarda.model.values import Period
from retaguarda.reconcile.coverage import DAY, DayState, Known

WANTED = frozenset({DayState.GAP, DayState.PROVISIONAL, DayState.BROKEN})


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """Periods to ask for, oldest first, and days that the bank no longer gives on line: they are to be asked for elsewhere."""

    pieces: tuple[Period, ...]
    out_of_reach: tuple[dt.date, ...] = ()


def plan_downloads(known: Mapping[dt.date, Known], today: dt.date, longest: int, history: int) -> DownloadPlan:
    """What to ask for.

    Args:
        known: every day that is wanted, with its state; days after `today` are not asked for.
        today: the business date.
        longest: days that one request may span.
        history: days back from today that the bank keeps on line.

    Days on which banks are closed are asked for only between wanted ones. Each stretch begins a day before its first wanted day, and
    each piece of it on the last day of the piece before, so that balances can be held against each other.
    """
    wanted = [day for day, told in sorted(known.items()) if told.state in WANTED and day <= today]
    first = today - history * DAY
    reachable = [day for day in wanted if day >= first]
    stretches = (Period(max(first, stretch.start - DAY), stretch.end) for stretch in _stretches(reachable, known))
    asked = [piece for stretch in stretches for piece in pieces(stretch, longest)]
    return DownloadPlan(tuple(asked), tuple(day for day in wanted if day < first))


def pieces(period: Period, longest: int) -> Iterator[Period]:
    """The period in pieces of at most `longest` days, each beginning on the last day of the one before."""
    start = period.start
    while (period.end - start).days >= longest:
        end = start + (longest - 1) * DAY
        yield Period(start, end)
        start = end
    yield Period(start, period.end)


def _stretches(days: list[dt.date], known: Mapping[dt.date, Known]) -> Iterator[Period]:
    """Wanted days that only closed or wanted days part, as one."""
    if not days:
        return
    start = before = days[0]
    for day in days[1:]:
        if any(known[before + n * DAY].state is DayState.PROVED for n in range(1, (day - before).days)):
            yield Period(start, before)
            start = day
        before = day
    yield Period(start, before)
