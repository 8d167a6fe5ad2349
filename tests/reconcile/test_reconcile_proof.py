"""A statement is complete when its balances say so, for the account and the days asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retaguarda.model.statements import Entry, Quarantined, Statement, same_account
from retaguarda.model.values import Period
from retaguarda.reconcile.proof import prove
from sandbox.month import PERIOD, build
from tests.reconcile.reconcile_month import bank_values

WHOLE = Period(*PERIOD)
JATOBA, CEDRO = bank_values(build())[0]


def entry(day: int, amount: str, text: str = "PIX", *, checkpoint: bool = False) -> Entry:
    return Entry(dt.date(2026, 11, day), Decimal(amount), text, checkpoint=checkpoint)


def statement(*entries: Entry, opening: str | None = "100.00", closing: str | None = "130.00") -> Statement:
    balances = [None if text is None else Decimal(text) for text in (opening, closing)]
    return Statement("773", "4417", "38215-6", "BRL", *PERIOD, balances[0], balances[1], entries)


TEN, TWENTY = entry(3, "10.00"), entry(4, "20.00")


@pytest.mark.parametrize("told", [JATOBA, CEDRO], ids=["ofx", "cnab240"])
def test_the_banks_files_prove_themselves(told: Statement) -> None:
    proof = prove(told, WHOLE, told.account)
    assert (proof.proven, proof.difference, proof.reasons) == (True, Decimal("0.00"), ())


@pytest.mark.parametrize("told", [JATOBA, CEDRO], ids=["ofx", "cnab240"])
def test_a_statement_that_lost_any_movement_is_not_proven(told: Statement) -> None:
    for index, lost in enumerate(told.entries):
        if not lost.checkpoint:
            less = replace(told, entries=told.entries[:index] + told.entries[index + 1 :])
            assert prove(less, WHOLE).difference == lost.amount


def test_the_first_day_that_does_not_fit_is_named() -> None:
    told = statement(TEN, entry(3, "110.00", "SALDO", checkpoint=True), entry(5, "130.00", "SALDO", checkpoint=True), entry(6, "1.00"))
    assert prove(told, WHOLE).gap == dt.date(2026, 11, 5)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (statement(TEN, opening=None), "no opening balance"),
        (statement(TEN, closing=None), "no closing balance"),
        (statement(TEN), "miss the closing balance by 20.00"),
        (replace(statement(TEN, TWENTY), quarantine=(Quarantined(1, "odd", "x"),)), "1 lines could not be read"),
        (replace(statement(TEN, TWENTY), partial=True), "provisional"),
        (replace(statement(TEN, TWENTY), start=None), "states no period"),
        (replace(statement(TEN, TWENTY), start=dt.date(2026, 11, 4)), "begins on 2026-11-04"),
        (replace(statement(TEN, TWENTY), end=dt.date(2026, 11, 9)), "ends on 2026-11-09"),
        (replace(statement(TEN, TWENTY), end=dt.date(2026, 10, 9)), "ends on 2026-10-09"),
        (statement(TEN, TWENTY, Entry(dt.date(2026, 12, 1), Decimal("0.01"), "X"), closing="130.01"), "outside the file's own period"),
        (replace(statement(TEN, TWENTY), account="11111-1"), "asked for was 38215-6"),
    ],
)
def test_what_is_missing_is_said(told: Statement, reason: str) -> None:
    proof = prove(told, WHOLE, "38215-6")
    assert not proof.proven
    assert any(reason in text for text in proof.reasons)


def test_weekends_and_holidays_at_the_ends_need_no_statement() -> None:
    """1 November 2026 is a Sunday, the 2nd a holiday that only the bank calendar knows."""
    monday, tuesday = (replace(statement(TEN, TWENTY), start=dt.date(2026, 11, day)) for day in (2, 3))
    assert prove(monday, WHOLE).proven
    assert not prove(tuesday, WHOLE).proven
    assert prove(tuesday, WHOLE, is_business_day=lambda day: day.weekday() < 5 and day != dt.date(2026, 11, 2)).proven


def test_the_previous_closing_balance_proves_a_file_without_an_opening_one() -> None:
    told = statement(TEN, TWENTY, opening=None)
    assert prove(told, WHOLE, opening=Decimal("100.00")).proven
    assert not prove(told, WHOLE, opening=Decimal("99.00")).proven
    assert "not the previous closing balance" in prove(statement(TEN, TWENTY), WHOLE, opening=Decimal("99.00")).reasons[0]


@given(st.lists(st.tuples(st.integers(1, 10), st.decimals(-1000, 1000, places=2)), max_size=20), st.decimals(-10, 10, places=2))
def test_exactly_the_right_closing_balance_proves(moves: list[tuple[int, Decimal]], wrong: Decimal) -> None:
    entries = [entry(day, str(amount)) for day, amount in moves]
    closing = Decimal("100.00") + sum((amount for _, amount in moves), Decimal())
    told = statement(*entries, closing=str(closing + wrong))
    assert prove(told, WHOLE).proven is (wrong == 0)


@pytest.mark.parametrize("spelling", ["38215-6", "0038215-6", "4417 / 38215-6", "4417 38.215-6", "773/4417/38215-6", "382156", "38215"])
def test_an_account_is_known_in_every_spelling(spelling: str) -> None:
    assert same_account(JATOBA.account_key, spelling) is same_account(spelling, JATOBA.account_key) is True


@pytest.mark.parametrize("spelling", ["", "/", "6", "38215-7", "99938215-6", "138215-6", "8215-6", "38215/6", "3821"])
def test_another_account_is_not_this_one(spelling: str) -> None:
    assert same_account(JATOBA.account_key, spelling) is same_account(spelling, JATOBA.account_key) is False
