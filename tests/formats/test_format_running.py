"""Balances that rows print: what is opening, what closing, and when neither can be told."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from retaguarda.formats.parts import End
from retaguarda.formats.running import Ledger, entry, is_balance
from retaguarda.model.statements import Entry

Row = tuple[int, str, str | None, str | None]
"""Day, text, amount, running balance."""


def taken(*rows: Row) -> tuple[list[Entry], End]:
    ledger, found = Ledger(), list[Entry]()
    for day, text, moved, left in rows:
        amount, balance = (Decimal(value) if value is not None else None for value in (moved, left))
        found += ledger.take(entry(dt.date(2026, 4, day), amount, text, balance), balance)
    return [*found, *ledger.over()], ledger.end()


@pytest.mark.parametrize(
    ("rows", "opening", "closing"),
    [
        ([(1, "PIX", "5", "15"), (2, "PIX", "5", "20")], "10", "20"),
        ([(2, "PIX", "5", "20"), (1, "PIX", "5", "15")], "10", "20"),
        ([(1, "SALDO ANTERIOR", "10", None), (1, "PIX", "5", None), (2, "S A L D O", "15", None)], "10", "15"),
        ([(1, "PIX", "5", None), (1, "SALDO DIA", None, "15"), (2, "PIX", "5", None)], "10", None),
        ([(1, "PIX", "5", None), (2, "SALDO ANTERIOR", "9", None)], None, None),
        ([(1, "PIX", "5", "15"), (1, "COD. LANC. 0", "0", "15")], "10", "15"),
        ([(1, "PIX", "5", "15"), (1, "SALDO BLOQUEADO", "3", None)], "10", "15"),
        ([(1, "SALDO ANTERIOR", "10", None)], "10", None),
        ([], None, None),
    ],
)
def test_opening_and_closing(rows: list[Row], opening: str | None, closing: str | None) -> None:
    _, end = taken(*rows)
    assert (end.opening_balance, end.closing_balance) == tuple(Decimal(value) if value else None for value in (opening, closing))


@pytest.mark.parametrize("order", [1, -1])
def test_every_day_prints_its_last_balance_once(order: int) -> None:
    rows: list[Row] = [(1, "PIX", "1", "1"), (1, "PIX", "1", "2"), (2, "PIX", "1", "3"), (3, "PIX", "1", "4"), (3, "PIX", "1", "5")]
    found, _ = taken(*rows[::order])
    assert {e.date.day: int(e.amount) for e in found if e.checkpoint} == {1: 2, 2: 3, 3: 5}
    assert sum(e.checkpoint for e in found) == 3


def test_the_period_is_that_of_the_rows_and_begins_after_the_opening_balance() -> None:
    _, end = taken((1, "SALDO ANTERIOR", "10", None), (4, "PIX", "5", None), (9, "S A L D O", "15", None))
    assert (end.start, end.end) == (dt.date(2026, 4, 2), dt.date(2026, 4, 9))


def test_what_is_called_a_balance_and_is_none() -> None:
    assert not is_balance("SALDO DEVEDOR COBRADO")
    assert is_balance("Saldo  do dia")
    with pytest.raises(ValueError, match="no amount"):
        entry(dt.date(2026, 4, 1), None, "PIX")
