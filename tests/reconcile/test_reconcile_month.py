"""The sandbox's month: its planted slips are found, every cent ends somewhere, and a second run decides as the first."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from retaguarda.model.reconciliation import BreakKind, MatchKind, as_dict
from retaguarda.model.values import Period
from retaguarda.planning import settlement_batches
from retaguarda.reconcile.receipts import movements
from sandbox.month import PERIOD, build
from tests.reconcile.receipts_told import after, settled, told
from tests.reconcile.reconcile_month import bank_values, receivables


@pytest.mark.parametrize("seed", [42, 1, 7, 2026])
def test_the_planted_slips_of_a_month_are_found_and_nothing_else_breaks(seed: int) -> None:
    month = build(seed)
    statements, returns = bank_values(month)
    found = told(statements, returns, receivables(month))
    assert {(b.kind, b.receivable) for b in found.breaks} == {
        (BreakKind.DUPLICATE_PAYMENT, month.planted["duplicated_payment"]),
        (BreakKind.DIFFERENCE, month.planted["withheld_tax"]),
    }
    assert "5,85" in next(b.hint for b in found.breaks if b.kind is BreakKind.DIFFERENCE)
    odd = {m.receivable: m.kind for m in found.matches if m.kind is not MatchKind.FULL}
    assert odd == {
        month.planted["partial_payment"]: MatchKind.PARTIAL,
        month.planted["withheld_tax"]: MatchKind.PARTIAL,
        month.planted["rounded_payment"]: MatchKind.ROUNDED,
    }
    paid = {t.document for t in month.titles} | {e.text.split("NF")[1][:4] for e in month.entries if "NF" in e.text}
    assert paid <= {m.receivable for m in found.matches}
    assert len([m for m in found.matches if m.rule == "return.file"]) == len(month.titles)


def test_the_month_ties_out_to_the_cent() -> None:
    month = build()
    statements, returns = bank_values(month)
    found = told(statements, returns, receivables(month))
    assert found.credits.movements == sum((e.amount for e in month.entries if e.amount > 0), Decimal())
    assert found.debits.movements == sum((e.amount for e in month.entries if e.amount < 0), Decimal())
    assert found.credits.difference == found.debits.difference == 0
    owed = sum((i.amount for i in month.invoices), Decimal())
    open_amount = sum((item.open_amount for item in found.open_items), Decimal())
    assert owed - sum(settled(found).values(), Decimal()) - open_amount == Decimal("0.02")  # the rounding that closes its invoice


def test_a_second_run_decides_as_the_first() -> None:
    """The ERP shows the payments as booked; with the bookings of the first run, everything is decided as before."""
    month, period = build(), Period(*PERIOD)
    statements, returns = bank_values(month)
    first = told(statements, returns, receivables(month))
    batches = settlement_batches(first.matches, receivables(month), period)
    booked = [line for batch in batches for line in batch.lines]
    second = told(statements, returns, after(receivables(month), settled(first)), booked)
    assert second == first


def test_without_the_earlier_bookings_nothing_that_was_paid_in_full_is_booked_twice() -> None:
    """As when people book in the ERP themselves: what they paid is known as such, and a part payment of theirs is asked about."""
    month = build()
    statements, returns = bank_values(month)
    first = told(statements, returns, receivables(month))
    second = told(statements, returns, after(receivables(month), settled(first)))
    assert {m.receivable for m in second.matches if m.kind is not MatchKind.SETTLED} == set()
    partly = {m.receivable for m in first.matches if m.kind in {MatchKind.PARTIAL, MatchKind.ROUNDED}}
    assert {b.receivable for b in second.breaks} - partly == {month.planted["duplicated_payment"]}
    whole = {m.receivable for m in second.matches}
    assert whole == {m.receivable for m in first.matches if m.kind is MatchKind.FULL}


def test_overlapping_statements_count_a_movement_once() -> None:
    statements, _ = bank_values(build())
    spans = (Period(PERIOD[0], dt.date(2026, 11, 6)), Period(dt.date(2026, 11, 5), PERIOD[1]))
    cut = [replace(statements[0], entries=tuple(e for e in statements[0].entries if e.date in span)) for span in spans]
    assert [m.id for m in movements(cut)] == [m.id for m in movements(statements[:1])]


def test_the_order_of_files_changes_nothing() -> None:
    month = build()
    statements, returns = bank_values(month)
    assert told(statements[::-1], returns[::-1], receivables(month)[::-1]).matches == told(statements, returns, receivables(month)).matches


def test_the_result_is_plain_json() -> None:
    month = build()
    statements, returns = bank_values(month)
    found = as_dict(told(statements, returns, receivables(month)))
    again = json.loads(json.dumps(found))
    assert again == found
    assert found["credits"]["difference"] == "0.00"
    assert {"rule", "evidence", "difference", "expected"} <= found["matches"][0].keys()
    assert found["breaks"][0]["text"]
    assert found["breaks"][0]["step"]
