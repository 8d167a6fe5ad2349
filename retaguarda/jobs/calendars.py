"""Business days of the banks (ANBIMA) and the deadlines that are counted in them."""

from __future__ import annotations

import datetime as dt
import functools

import holidays

from retaguarda.clock import SAO_PAULO
from retaguarda.model.values import Month


@functools.cache
def _bank_holidays() -> holidays.HolidayBase:
    return holidays.financial_holidays("BVMF")


def is_business_day(day: dt.date) -> bool:
    """Whether banks settle on `day`: Monday to Friday, minus the national bank holidays of ANBIMA."""
    return day.weekday() < 5 and day not in _bank_holidays()


def business_day(month: Month, ordinal: int) -> dt.date:
    """The n-th business day counted from the first of `month`; it may fall in the month after (MS+26 does)."""
    day = month.first - dt.timedelta(days=1)
    for _ in range(ordinal):
        day += dt.timedelta(days=1)
        while not is_business_day(day):
            day += dt.timedelta(days=1)
    return day


def deadline(supply: Month, ordinal: int, hour: str) -> dt.datetime:
    """MS+N du at `hour` (HH:MM, São Paulo): the n-th business day of the month after the month of supply."""
    return dt.datetime.combine(business_day(supply.next, ordinal), dt.time.fromisoformat(hour), SAO_PAULO)
