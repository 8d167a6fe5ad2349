"""Bank accounts of the month: who holds them, what was posted when, and the balance of any day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from sandbox.companies import Company
from sandbox.month import BankEntry, Month

OPENS, HOURS_OPEN = dt.time(8), 10


@dataclass(frozen=True)
class Account:
    """An account as its bank prints it; `key` is its name in `sandbox.month` ("" for one without movement)."""

    key: str
    kind: str
    bank: int
    bank_name: str
    branch: str
    branch_digit: str
    number: str
    digit: str
    agreement: str  # convênio
    holder: Company

    @property
    def label(self) -> str:
        return f"{self.branch} / {self.number}-{self.digit}"


@dataclass(frozen=True)
class Posted:
    """An entry with its place in its day's list, as the bank numbers it at the moment of asking."""

    entry: BankEntry
    sequence: int
    balance: Decimal  # after this entry


@dataclass(frozen=True)
class Extract:
    """What an account shows for a period: `provisional` when the period reaches the bank's today."""

    account: Account
    start: dt.date
    end: dt.date
    opening: Decimal
    posted: tuple[Posted, ...]
    provisional: bool

    @property
    def closing(self) -> Decimal:
        return self.posted[-1].balance if self.posted else self.opening

    def total(self, sign: int) -> Decimal:
        """Sum of the credits (sign 1) or of the debits (sign -1), as a signed amount."""
        return sum((p.entry.amount for p in self.posted if p.entry.amount * sign > 0), Decimal("0.00"))


More = Callable[[], Iterable[BankEntry]]


def _nothing() -> tuple[BankEntry, ...]:
    return ()


class Ledger:
    """All movements of one account, and the part of them that is visible at a given moment; `more` tells what has come since the start."""

    def __init__(self, account: Account, entries: Iterable[BankEntry], opening: Decimal, more: More = _nothing) -> None:
        self.account = account
        self._fixed, self._more = tuple(entries), more
        self._opening = opening

    @property
    def _entries(self) -> list[BankEntry]:
        return sorted((e for e in (*self._fixed, *self._more()) if e.account == self.account.key), key=lambda entry: entry.date)

    def extract(self, start: dt.date, end: dt.date, now: dt.datetime) -> Extract:
        """The period's movements as the bank knows them at `now`; entries of today appear one by one through the day."""
        seen = self._visible(now)
        balance = self._opening + sum((e.amount for e in seen if e.date < start), Decimal())
        opening, posted = balance, []
        for _, day in groupby((e for e in seen if start <= e.date <= end), key=lambda e: e.date):
            for sequence, entry in enumerate(day, 1):
                balance += entry.amount
                posted.append(Posted(entry, sequence, balance))
        return Extract(self.account, start, end, opening, tuple(posted), provisional=end >= now.date())

    def _visible(self, now: dt.datetime) -> list[BankEntry]:
        """Entries before today, and those of today whose time has come (so the numbering of today changes until it is over)."""
        entries = self._entries
        today = [e for e in entries if e.date == now.date()]
        passed = (now.replace(tzinfo=None) - dt.datetime.combine(now.date(), OPENS)) / dt.timedelta(hours=HOURS_OPEN)
        late = {id(e) for e in sorted(today, key=lambda e: (e.document, e.text))[max(0, round(passed * len(today))) :]}
        return [e for e in entries if e.date <= now.date() and id(e) not in late]


def of_month(accounts: Iterable[Account], month: Month, more: More = _nothing) -> tuple[Ledger, ...]:
    """The accounts with the month's movements and what comes after it."""
    return tuple(Ledger(account, month.entries, month.opening.get(account.key, Decimal()), more) for account in accounts)


def brl(value: Decimal) -> str:
    """An amount as Brazilian screens and sheets print it: 1234.5 is `1.234,50`."""
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
