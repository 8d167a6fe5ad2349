"""Chance by seed, and business days."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

HOLIDAYS = frozenset({(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (11, 20), (12, 25)})


class Draw(random.Random):
    """A seeded source of chance with the few verbs that the generator uses."""

    def chance(self, share: float) -> bool:
        """True in `share` of the cases."""
        return self.random() < share

    def pick(self, held: Sequence[T]) -> T:
        """One of them, each as likely."""
        return held[int(self.random() * len(held))]

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self.random() * (high - low + 1))

    def cents(self, median: int, spread: float, low: int = 3000) -> int:
        """An amount, lognormal around `median`."""
        return max(low, round(median * math.exp(self.gauss(0.0, spread))))

    def digits(self, count: int) -> str:
        return f"{self.between(0, 10**count - 1):0{count}d}"


def business_days(first: dt.date, months: int) -> list[dt.date]:
    """Weekdays without the national holidays of fixed date."""
    days, day = [], first
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    end = dt.date(year, month + 1, 1)
    while day < end:
        if day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS:
            days.append(day)
        day += dt.timedelta(1)
    return days


def share(cents: int, rate: int) -> int:
    """`rate` hundredths of a percent of an amount, half cents away from zero."""
    return (cents * rate * 2 + 10_000) // 20_000


def interest(cents: int, days: int) -> int:
    """Fine of 2 % and 1 % a month by the day, each rounded by itself."""
    return share(cents, 200) + (cents * days * 2 + 3_000) // 6_000
