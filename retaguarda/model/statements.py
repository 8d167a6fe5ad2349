"""Bank statements and boleto return files as typed values.

Entries and titles are named tuples: files hold millions of them, and a frozen dataclass takes five times as long to make.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from retaguarda.model.values import plain


class Entry(NamedTuple):
    """One movement of an account; `amount` is signed (credits positive), `line` is the number of its line in the file."""

    date: dt.date
    amount: Decimal
    description: str
    document: str = ""
    fitid: str = ""
    type: str = ""
    counterparty_document: str = ""
    counterparty_name: str = ""
    checkpoint: bool = False  # a balance printed among the movements, not a movement
    blank: bool = False  # a balance row that prints no number, or a row that moves nothing
    line: int = 0


_EntryValues = tuple[dt.date, Decimal, str, str, str, str, str, str, bool, bool, int]
entry_of: Callable[[_EntryValues], Entry] = partial(tuple.__new__, Entry)
"""Makes an entry of all its values in their order, in half the time."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A line that could not be understood: kept and shown, never dropped."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Statement:
    """The movements of one account in one period, as one file tells them."""

    bank: str
    branch: str
    account: str
    currency: str
    start: dt.date | None
    end: dt.date | None
    opening_balance: Decimal | None
    closing_balance: Decimal | None
    entries: tuple[Entry, ...]
    quarantine: tuple[Quarantined, ...] = ()
    partial: bool = False  # the bank itself says that the day is not over (CNAB 240 position P or I)

    @property
    def account_key(self) -> str:
        """The account as one text, the same from every file of it: `341/1234/99999-9`."""
        return "/".join(part for part in (self.bank, self.branch, self.account) if part)

    @property
    def movement(self) -> Decimal:
        """The sum of the movements, balance rows left out."""
        return sum((e.amount for e in self.entries if not e.checkpoint), Decimal())


class Title(NamedTuple):
    """One title of a boleto return file (CNAB segments T, U and Y)."""

    movement: str
    our_number: str
    document: str
    due_date: dt.date | None
    face_value: Decimal
    paid_value: Decimal
    interest: Decimal
    discount: Decimal
    fee: Decimal
    net_value: Decimal
    occurrence_date: dt.date | None
    credit_date: dt.date | None
    payer_document: str = ""
    payer_name: str = ""
    line: int = 0
    reasons: tuple[str, ...] = ()  # codes of the bank's table, e.g. why an entry was rejected
    txid: str = ""  # of the boleto's own PIX, when the bank tells it

    @property
    def settles(self) -> bool:
        """Whether money moved: FEBRABAN table C044, movements 06 and 17."""
        return self.movement in {"06", "17"}


_Day = dt.date | None
_Money = Decimal
_TitleValues = tuple[
    str, str, str, _Day, _Money, _Money, _Money, _Money, _Money, _Money, _Day, _Day, str, str, int, tuple[str, ...], str
]  # fmt: skip
title_of: Callable[[_TitleValues], Title] = partial(tuple.__new__, Title)
"""Makes a title of all its values in their order, in half the time."""


@dataclass(frozen=True, slots=True)
class ReturnFile:
    """A retorno de cobrança; `file_sequence` (NSA) tells gaps and repeats."""

    bank: str
    file_sequence: int
    account: str
    titles: tuple[Title, ...]
    quarantine: tuple[Quarantined, ...] = ()


def same_account(one: str, other: str) -> bool:
    """Whether two spellings name one account: `773/4417/38215-6`, `1234 / 0038215-6`, `382156` and `38215` do.

    What stands before a slash or blank (bank, branch) is not compared; a check digit that only one tells is not either.
    """
    (a, a_check), (b, b_check) = _account_number(one), _account_number(other)
    if not (a and b):
        return False
    if bool(a_check) == bool(b_check):
        return (a, a_check) == (b, b_check)
    whole, bare = (a + a_check, b) if a_check else (b + b_check, a)
    return bare in {whole, whole[:-1]}


def _account_number(text: str) -> tuple[str, str]:
    number, _, check = re.split(r"[\s/]+", text.strip().upper())[-1].replace(".", "").partition("-")
    return number.lstrip("0"), check


def entry_ids(account: str, entries: tuple[Entry, ...]) -> list[str]:
    """Stable identities: account, date, amount, normalised text and ordinal within the day.

    FITID is no identity (banks repeat it). Overlapping files give the same ids; genuine twins keep two.
    """
    seen: dict[tuple[str, ...], int] = {}
    made = []
    for entry in entries:
        key = (account, entry.date.isoformat(), f"{entry.amount:.2f}", plain(entry.description), plain(entry.document))
        seen[key] = ordinal = seen.get(key, 0) + 1
        made.append(hashlib.sha256("|".join((*key, str(ordinal))).encode()).hexdigest()[:16])
    return made
