"""Business days of the sandbox's banks: no weekends, no national bank holidays of 2026 and January 2027."""

from __future__ import annotations

import datetime as dt

DAY = dt.timedelta(days=1)
HOLIDAYS = frozenset(
    dt.date.fromisoformat(day)
    for day in (
        "2026-01-01", "2026-02-16", "2026-02-17", "2026-04-03", "2026-04-21", "2026-05-01", "2026-06-04", "2026-09-07",
        "2026-10-12", "2026-11-02", "2026-11-15", "2026-11-20", "2026-12-25", "2027-01-01",
    )
)  # fmt: skip


def is_business_day(day: dt.date) -> bool:
    """Whether banks work on `day`."""
    return day.weekday() < 5 and day not in HOLIDAYS


def next_business_day(day: dt.date) -> dt.date:
    """The first business day after `day`."""
    after = day + DAY
    while not is_business_day(after):
        after += DAY
    return after
