"""The receipts of a month as the matching engine is asked about them: movements, titles, and what is open of each invoice.

What earlier runs booked of these very movements is open again, so that a repeated run decides as the first. An invoice that
somebody paid in the ERP itself is on the table only where a movement or a title names it: its payment is then known as such,
and no other takes its place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import ZERO
from retaguarda.model.statements import Entry, ReturnFile, Statement, Title, entry_ids, same_account
from retaguarda.reconcile.canonical import Row, invoice_key, invoice_row, line_row, title_row

TOLERANCE = Decimal("0.05")
"""Cents that a payer's rounding may cost or give."""


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement with its stable id, which is the one that the book of accounts has."""

    id: str
    account: str
    entry: Entry

    @property
    def amount(self) -> Decimal:
        return self.entry.amount

    @property
    def text(self) -> str:
        return f"{self.entry.description} {self.entry.document}".strip()


@dataclass(frozen=True, slots=True)
class Paid:
    """A title that brought money, and the account and file that tell it; `invoice` is the one it names, "" when no one has it."""

    account: str
    sequence: int
    title: Title
    invoice: str = ""

    @property
    def by_customer(self) -> Decimal:
        """What the customer paid of the invoice, interest apart; the bank's fee is ours."""
        return self.title.paid_value - self.title.interest


def movements(statements: Iterable[Statement], named: Callable[[str], str] = str) -> list[Movement]:
    """Every movement once, in the order of day, account and line; files that overlap give the same ids."""
    found: dict[str, Movement] = {}
    for statement in statements:
        account = named(statement.account_key)
        entries = tuple(entry for entry in statement.entries if not entry.checkpoint)
        for key, entry in zip(entry_ids(account, entries), entries, strict=True):
            if entry.amount and key not in found:
                found[key] = Movement(key, account, entry)
    return sorted(found.values(), key=lambda m: (m.entry.date, m.account, m.entry.line, m.id))


@dataclass(frozen=True)
class Receipts:
    """What is reconciled.

    Args:
        statements: proved ones, of any accounts.
        returns: boleto return files of those accounts; one that came twice counts once.
        invoices: the ERP's, paid ones included.
        booked: the payments that stand booked in the ERP, of whatever run.
        taken: what decisions about other movements settle of an invoice and the ERP does not show yet.
        by_hand: what people decided of these movements, by movement and invoice; the engine is not asked about them.
        named: what the book of accounts calls an account.
    """

    statements: Sequence[Statement]
    returns: Sequence[ReturnFile]
    invoices: Sequence[Receivable]
    booked: Sequence[Settlement] = ()
    taken: Mapping[str, Decimal] = field(default_factory=dict)
    by_hand: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    named: Callable[[str], str] = str

    @cached_property
    def movements(self) -> list[Movement]:
        return movements(self.statements, self.named)

    @cached_property
    def by_id(self) -> dict[str, Movement]:
        return {movement.id: movement for movement in self.movements}

    @property
    def ids(self) -> Collection[str]:
        return self.by_id.keys()

    @cached_property
    def by_number(self) -> dict[str, Receivable]:
        return {invoice.number: invoice for invoice in self.invoices}

    @cached_property
    def room(self) -> dict[str, Decimal]:
        """What these movements may settle of each invoice."""
        back = _sums(one for one in self.booked if one.source in self.ids)
        return {
            one.number: max(min(one.open_amount + back.get(one.number, ZERO), one.amount) - self.taken.get(one.number, ZERO), ZERO)
            for one in self.invoices
        }

    @cached_property
    def open(self) -> dict[str, Decimal]:
        """The same, without what people decided: what the engine may settle."""
        left = dict(self.room)
        for parts in self.by_hand.values():
            for number, amount in parts.items():
                left[number] = max(left.get(number, ZERO) - amount, ZERO)
        return left

    @cached_property
    def paid_by_others(self) -> dict[str, Decimal]:
        """What the ERP shows as paid of each invoice and no run of ours booked."""
        ours = _sums(self.booked)
        left = {one.number: one.amount - one.open_amount - ours.get(one.number, ZERO) for one in self.invoices}
        return {number: paid for number, paid in left.items() if paid > TOLERANCE}

    @cached_property
    def paid_elsewhere(self) -> dict[str, Decimal]:
        """The same, of the invoices of which nothing is open."""
        return {number: paid for number, paid in self.paid_by_others.items() if not self.room[number] and number not in self.taken}

    def invoice_of(self, number: str) -> Receivable | None:
        """The one invoice of a number as banks print it; None when no invoice or several have it."""
        found = self._by_key.get(invoice_key(number), [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _by_key(self) -> dict[str, list[Receivable]]:
        found: dict[str, list[Receivable]] = {}
        for invoice in self.invoices:
            found.setdefault(invoice_key(invoice.number), []).append(invoice)
        return found

    @cached_property
    def titles(self) -> list[Paid]:
        """The titles that brought money, each with the invoice whose number it bears."""
        found, seen = [], set[ReturnFile]()
        for file in self.returns:
            account = self._account_of(file)
            for title in () if file in seen else file.titles:
                if title.settles:
                    invoice = self.invoice_of(title.document)
                    found.append(Paid(account, file.file_sequence, title, invoice.number if invoice else ""))
            seen.add(file)
        return found

    def _account_of(self, file: ReturnFile) -> str:
        told = self.named(f"{file.bank}/{file.account}" if file.bank else file.account)
        known = sorted({movement.account for movement in self.movements})
        mine = [name for name in known if same_account(name, told) and name.partition("/")[0] == file.bank]
        return next(iter(mine), next((name for name in known if same_account(name, told)), told))

    def of_invoice(self, number: str) -> list[Paid]:
        """The titles that pay an invoice."""
        return self._titles_of.get(number, [])

    @cached_property
    def _titles_of(self) -> dict[str, list[Paid]]:
        found: dict[str, list[Paid]] = {}
        for paid in self.titles:
            found.setdefault(paid.invoice, []).append(paid)
        return found

    def covers(self, account: str, day: dt.date) -> bool:
        """Whether a statement tells what happened on the account that day."""
        for statement in self.statements:
            days = [entry.date for entry in statement.entries]
            start, end = statement.start or min(days, default=None), statement.end or max(days, default=None)
            if start and end and start <= day <= end and self.named(statement.account_key) == account:
                return True
        return False

    # what the engine is asked

    def line_rows(self) -> Iterable[Row]:
        """The movements that no person decided. Each stands here once already: to the engine they are of one file."""
        return (line_row(m.id, m.account, "", m.entry) for m in self.movements if m.id not in self.by_hand)

    def title_rows(self) -> Iterable[Row]:
        return (title_row(paid.title, paid.account, paid.sequence) for paid in self.titles)

    def open_rows(self, also: Collection[str] = ()) -> Iterable[Row]:
        """The invoices that are open, and those that are `also` on the table: paid in the ERP, and named by a movement or title."""
        amounts = {number: amount for number, amount in self.open.items() if amount and number in self.by_number}
        return self._rows(amounts | {number: self.paid_elsewhere[number] for number in also})

    def paid_rows(self) -> Iterable[Row]:
        """The invoices that were paid in the ERP itself."""
        return self._rows(self.paid_elsewhere)

    def _rows(self, amounts: Mapping[str, Decimal]) -> Iterable[Row]:
        for number, amount in amounts.items():
            row = invoice_row(self.by_number[number], amount)
            if paid := self._bearer(number, amount):
                row |= {"nosso_numero": paid.title.our_number, "account_id": paid.account}
            yield row

    def _bearer(self, number: str, amount: Decimal) -> Paid | None:
        """A title that gives an invoice its nosso número: all that bear the number, or name the invoice, pay what is open of it."""
        titles = self.of_invoice(number)
        numbers = {(paid.account, paid.title.our_number) for paid in titles}
        same = [paid for one in numbers for paid in self._titles_of_number[one]]
        return titles[0] if len(numbers) == 1 and all(paid.invoice == number and self.fits(paid, amount) for paid in same) else None

    @cached_property
    def _titles_of_number(self) -> dict[tuple[str, str], list[Paid]]:
        found: dict[tuple[str, str], list[Paid]] = {}
        for paid in self.titles:
            found.setdefault((paid.account, paid.title.our_number), []).append(paid)
        return found

    def fits(self, paid: Paid, amount: Decimal) -> bool:
        """Whether a title pays what is open of its invoice, but for interest, the discount it grants, and a rounding.

        One that does not is none of the engine's titles: its whole credit then waits for a person.
        """
        return abs(paid.by_customer + paid.title.discount - amount) <= TOLERANCE


def credit_day(title: Title) -> dt.date | None:
    """The day on which the bank credits a title."""
    return title.credit_date or title.occurrence_date


def _sums(settlements: Iterable[Settlement]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for one in settlements:
        found[one.receivable] = found.get(one.receivable, ZERO) + one.amount
    return found
