"""Business days of the banks: the table of MS+N dates of 2026 (ANBIMA), and the deadlines counted in them."""

from __future__ import annotations

import datetime as dt

import pytest

from retaguarda.calendars.calendar import business_day, deadline, is_business_day
from retaguarda.clock import SAO_PAULO
from retaguarda.model.values import Month

ORDINALS = (1, 5, 6, 7, 8, 9, 10, 15, 21, 26, 27)
TABLE = """
2026-01 02/01 08/01 09/01 12/01 13/01 14/01 15/01 22/01 30/01 06/02 09/02
2026-02 02/02 06/02 09/02 10/02 11/02 12/02 13/02 24/02 04/03 11/03 12/03
2026-03 02/03 06/03 09/03 10/03 11/03 12/03 13/03 20/03 30/03 07/04 08/04
2026-04 01/04 08/04 09/04 10/04 13/04 14/04 15/04 23/04 04/05 11/05 12/05
2026-05 04/05 08/05 11/05 12/05 13/05 14/05 15/05 22/05 01/06 09/06 10/06
2026-06 01/06 08/06 09/06 10/06 11/06 12/06 15/06 22/06 30/06 07/07 08/07
2026-07 01/07 07/07 08/07 09/07 10/07 13/07 14/07 21/07 29/07 05/08 06/08
2026-08 03/08 07/08 10/08 11/08 12/08 13/08 14/08 21/08 31/08 08/09 09/09
2026-09 01/09 08/09 09/09 10/09 11/09 14/09 15/09 22/09 30/09 07/10 08/10
2026-10 01/10 07/10 08/10 09/10 13/10 14/10 15/10 22/10 30/10 09/11 10/11
2026-11 03/11 09/11 10/11 11/11 12/11 13/11 16/11 24/11 02/12 09/12 10/12
2026-12 01/12 07/12 08/12 09/12 10/12 11/12 14/12 21/12 30/12 07/01 08/01
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_nth_business_day_of_every_month_of_2026(row: list[str]) -> None:
    month = Month.parse(row[0])
    counted = [f"{business_day(month, ordinal):%d/%m}" for ordinal in ORDINALS]
    assert counted == row[1:]


HOLIDAYS = {
    2026: "01/01 16/02 17/02 03/04 21/04 01/05 04/06 07/09 12/10 02/11 20/11 25/12",
    2027: "01/01 08/02 09/02 26/03 21/04 27/05 07/09 12/10 02/11 15/11",
    2028: "28/02 29/02 14/04 21/04 01/05 15/06 07/09 12/10 02/11 15/11 20/11 25/12",
}


@pytest.mark.parametrize("year", HOLIDAYS)
def test_the_holidays_of_the_banks_are_those_and_no_others(year: int) -> None:
    first = dt.date(year, 1, 1)
    weekdays = [first + dt.timedelta(days=n) for n in range(366) if (first + dt.timedelta(days=n)).weekday() < 5]
    closed = [day for day in weekdays if day.year == year and not is_business_day(day)]
    assert " ".join(f"{day:%d/%m}" for day in closed) == HOLIDAYS[year]


def test_ash_wednesday_new_years_eve_and_local_holidays_are_business_days() -> None:
    for day in (dt.date(2026, 2, 18), dt.date(2026, 12, 31), dt.date(2026, 12, 24), dt.date(2027, 1, 25), dt.date(2026, 7, 9)):
        assert is_business_day(day)


def test_a_deadline_is_counted_in_the_month_after_the_month_of_supply() -> None:
    register = deadline(Month(2026, 10), 7, "18:00")
    assert register == dt.datetime(2026, 11, 11, 18, tzinfo=SAO_PAULO)
    assert register.utcoffset() == dt.timedelta(hours=-3)
    assert deadline(Month(2026, 12), 1, "09:30") == dt.datetime(2027, 1, 4, 9, 30, tzinfo=SAO_PAULO)
