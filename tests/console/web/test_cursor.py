"""Lists by cursor: every row once, in both directions, whatever an address says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from retaguarda.clock import SAO_PAULO
from retaguarda.console.web.queries.cursor import page_by
from retaguarda.store.models import BreakRecord, PlannedFire
from tests.house import House

AT = dt.datetime(2026, 11, 1, 7, tzinfo=SAO_PAULO)


@pytest.mark.parametrize("by", ["due_on", "-due_on"])
def test_every_row_stands_on_one_page_though_many_have_one_value(any_house: House, by: str) -> None:
    for number in range(23):
        day = AT.date() + dt.timedelta(number % 3)
        facts = {"kind": "overdue", "date": day, "amount": Decimal(1), "owner": "x", "opened_at": AT, "due_on": day}
        BreakRecord.objects.create(key=f"{number:064}", **facts)
    seen, after = list[BreakRecord](), ""
    while True:
        rows, after = page_by(BreakRecord.objects.all(), by, after, 5)
        seen += rows
        if not after:
            break
    assert seen == list(BreakRecord.objects.order_by(by, "-pk" if by.startswith("-") else "pk"))
    assert len(seen) == 23


@pytest.mark.parametrize(
    "after", ["x", "~", "2026-11-01~7", "2026-11-01T07:00:00~7", "2026-11-01T07:00:00-03:00~x", f"{AT.isoformat()}~{10**40}"]
)
def test_what_is_no_cursor_is_the_first_page(any_house: House, after: str) -> None:
    fire = PlannedFire.objects.create(trigger="t", at=AT, local="x")
    assert page_by(PlannedFire.objects.all(), "-at", after, 5) == ([fire], "")
