"""The balances of a statement that its rows print: running ones in a column, or rows that are balances.

Opening: the row called so, when no movement is older; else the first printed balance less the movements up to it.
Closing: the last printed balance, when no movement follows it. A list whose days fall is read the other way round.
Whoever has no opening row cannot miss a first row that was lost: only the previous statement's closing balance tells.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from retaguarda.formats.parts import End
from retaguarda.model.statements import Entry
from retaguarda.model.values import plain

_BALANCE = re.compile(
    r"S A L D O\b|SALDO(?:$| (?:ANTERIOR|INICIAL|FINAL|ATUAL|DIA|DO DIA|TOTAL|PARCIAL|DISPONIVEL|BLOQUEADO|EM CONTA|CONTA|DE ABERTURA)\b)"
)
_OPENING = re.compile(r"(?:S A L D O|SALDO) (?:A N T E R I O R|ANTERIOR|INICIAL|DE ABERTURA)\b")
_OTHER = re.compile(r"SALDO (?:PARCIAL|BLOQUEADO)\b")
BALANCE_INITIALS = {"S", "s"}
"""What a text begins with that may be a balance's."""
ONE_DAY = dt.timedelta(1)
RUNNING = "SALDO"
"""How a checkpoint is called that a column printed, not a row."""


def is_balance(description: str) -> bool:
    """Whether a row of this text is a balance and no movement: `SALDO ANTERIOR`, `S A L D O`; not `SALDO DEVEDOR COBRADO`."""
    return description[:1] in BALANCE_INITIALS and bool(_BALANCE.match(plain(description)))


def is_opening(description: str) -> bool:
    """Whether a balance row tells the balance before all movements."""
    return bool(_OPENING.match(plain(description)))


def entry(day: dt.date, amount: Decimal | None, description: str, balance: Decimal | None = None, **more: Any) -> Entry:
    """A row as movement or checkpoint, by its text; what moves nothing is a blank one. Raises ValueError when it tells no amount."""
    if is_balance(description):
        printed = balance if balance is not None else amount
        blank = printed is None or bool(_OTHER.match(plain(description)))
        return Entry(day, printed or Decimal("0.00"), description, checkpoint=True, blank=blank, **more)
    if amount is None:
        raise ValueError("the row has no amount")
    return Entry(day, amount, description, checkpoint=not amount, blank=not amount, **more)


@dataclass(slots=True)
class _Printed:
    """A balance with the line and day that print it, and the movements: before it (its own with them), and after its row began."""

    day: dt.date
    balance: Decimal
    line: int
    before: Decimal
    after: Decimal


@dataclass(slots=True)
class Ledger:
    """Takes the rows of one account in the file's order and tells the day balances and, in the end, period and balances."""

    _moved: Decimal = field(default_factory=Decimal)
    _opening: Entry | None = None
    _first: _Printed | None = None
    _last: _Printed | None = None
    _days: list[dt.date] = field(default_factory=list)  # earliest and latest
    _begun: dt.date | None = None
    _now: dt.date | None = None
    _owed: tuple[_Printed, _Printed] | None = None  # the first and the last of the day
    _followed: bool = False  # a movement came after the last balance

    def take(self, row: Entry, balance: Decimal | None = None) -> Sequence[Entry]:
        """The row, before it the balance of a day that is over; `balance` is what the row's balance column prints."""
        if balance is None and not row.checkpoint:
            settled = self._settle(row.date) if self._owed else ()
            self._move(row.date, row.amount)
            return (*settled, row) if settled else (row,)
        balance = None if balance is None or is_balance(row.description) else balance
        if row.blank and balance is None:
            return (row,)
        if not row.checkpoint or row.blank:
            settled = self._settle(row.date)
            self._move(row.date, row.amount, balance, row.line)
            return (*settled, row)
        if _OPENING.match(plain(row.description)):
            self._opening = self._opening or row
            return (row,)
        settled = self._settle(None)
        self._print(_Printed(row.date, row.amount, row.line, self._moved, Decimal()))
        self._see(row.date)
        return (*settled, row)

    def over(self) -> Sequence[Entry]:
        """The balance of the last day, once every row was taken."""
        return self._settle(None)

    def end(self, start: dt.date | None = None, end: dt.date | None = None) -> End:
        """Period and balances; without a period that the file states it is that of the rows."""
        earliest, latest = self._days or (None, None)
        if self._opening and earliest and self._opening.date < earliest:
            earliest = self._opening.date + ONE_DAY
        return End(start or earliest, end or latest, self._opening_balance(), self._closing_balance())

    def _move(self, day: dt.date, amount: Decimal, balance: Decimal | None = None, line: int = 0) -> None:
        if day != self._now:
            if not self._days or not self._days[0] <= day <= self._days[1]:
                self._see(day)
            self._begun, self._now = self._begun or day, day
        self._moved += amount
        if balance is None:
            self._followed = True
            if self._last:
                self._last.after += amount
            return
        printed = _Printed(day, balance, line, self._moved, amount)
        self._print(printed)
        self._owed = (self._owed[0] if self._owed else printed, printed)

    def _print(self, printed: _Printed) -> None:
        self._first = self._first or printed
        self._last, self._followed = printed, False

    def _settle(self, day: dt.date | None) -> Sequence[Entry]:
        if not self._owed or self._owed[1].day == day:
            return ()
        owed = self._owed[0 if self._falls(day or self._now) else 1]
        self._owed = None
        return (Entry(owed.day, owed.balance, RUNNING, checkpoint=True, line=owed.line),)

    def _see(self, day: dt.date) -> None:
        if not self._days:
            self._days = [day, day]
        elif not self._days[0] <= day <= self._days[1]:
            self._days = [min(day, self._days[0]), max(day, self._days[1])]

    def _falls(self, day: dt.date | None) -> bool:
        return bool(self._begun and day and day < self._begun)

    def _opening_balance(self) -> Decimal | None:
        if self._opening and (not self._days or self._opening.date <= self._days[0]):
            return self._opening.amount
        if self._falls(self._now):
            return self._last.balance - self._last.after if self._last else None
        return self._first.balance - self._first.before if self._first else None

    def _closing_balance(self) -> Decimal | None:
        if self._falls(self._now):
            return self._first.balance if self._first and self._first.before == self._first.after else None
        return self._last.balance if self._last and not self._followed else None
