"""The working state of a reconciliation: movements not yet decided, what is open of each invoice, and every decision taken.

A decision takes a movement off the table and must explain it to the cent; so the tie-out holds whatever the passes do.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.errors import RetaguardaError
from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import ZERO, Break, BreakKind, Classified, Match, MatchKind
from retaguarda.model.statements import Entry, ReturnFile, Statement, entry_ids, same_account
from retaguarda.model.values import Cnpj, Period, plain
from retaguarda.reconcile.rules import ClassRule, Rules

TOLERANCE = Decimal("0.05")
"""Cents that a payer's rounding may cost or give."""

_REFERENCE = re.compile(
    r"(?<![0-9A-Z])(?:NFS?-?E?|NOTA(?: FISCAL)?|FATURA|FAT|DUPLICATA|DUP)[ .:#]{0,3}(?:N[O°]?[ .:]{0,3})?"
    r"([0-9]{1,3}(?:\.[0-9]{3}){1,3}|[0-9]{1,9})(?![0-9])"
)
_CNPJ = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}(?![0-9A-Z])")


@dataclass(frozen=True, slots=True)
class Movement:
    """A movement with its stable id and what its words say: invoice numbers and payers."""

    id: str
    account: str
    entry: Entry
    references: tuple[str, ...] = ()
    cnpjs: tuple[str, ...] = ()

    @property
    def amount(self) -> Decimal:
        return self.entry.amount

    @property
    def text(self) -> str:
        return f"{self.entry.description} {self.entry.document}".strip()


def movements(statements: Iterable[Statement]) -> list[Movement]:
    """Every movement once, in the order of day, account and line; files that overlap give the same ids."""
    found: dict[str, Movement] = {}
    for statement in statements:
        account = statement.account_key
        for key, entry in zip(entry_ids(account, statement.entries), statement.entries, strict=True):
            if not entry.checkpoint and entry.amount and key not in found:
                found[key] = _movement(key, account, entry)
    return sorted(found.values(), key=lambda m: (m.entry.date, m.account, m.entry.line, m.id))


def _movement(key: str, account: str, entry: Entry) -> Movement:
    if entry.amount < 0:
        return Movement(key, account, entry)
    text = plain(f"{entry.description} {entry.document}")
    references = (found.replace(".", "").lstrip("0") for found in _REFERENCE.findall(text))
    payers = [*_payers(text), *_payers(entry.counterparty_document)]
    return Movement(key, account, entry, tuple(dict.fromkeys(filter(None, references))), tuple(dict.fromkeys(payers)))


def _payers(text: str) -> Iterable[str]:
    for found in _CNPJ.findall(text):
        try:
            yield Cnpj.parse(found)
        except ValueError:
            continue


def invoice_key(number: str) -> str:
    """What banks print of an invoice number: its longest run of digits, the last one of several (`2026/4203` is 4203)."""
    runs = re.findall(r"[0-9]+", number)
    return max(reversed(runs), key=len).lstrip("0") if runs else plain(number)


def _near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= TOLERANCE


class Ledger:
    """What the passes share. They take movements through `decide` and read the rest."""

    def __init__(
        self,
        moved: Sequence[Movement],
        receivables: Sequence[Receivable],
        returns: Sequence[ReturnFile] = (),
        rules: Rules | None = None,
        booked: Iterable[Settlement] | None = None,
        periods: Sequence[tuple[str, Period]] = (),
    ) -> None:
        self.rules = rules or Rules()
        self.returns = returns
        self._periods = periods
        self.receivables = {receivable.number: receivable for receivable in receivables}
        self.open = {movement.id: movement for movement in moved}
        self.matches: list[Match] = []
        self.breaks: list[Break] = []
        self.classified: list[Classified] = []
        self.paid: dict[str, list[Match]] = {}
        self._by_key: dict[str, list[Receivable]] = {}
        for receivable in self.receivables.values():
            self._by_key.setdefault(invoice_key(receivable.number), []).append(receivable)
        back: dict[str, Decimal] = {}
        for settlement in booked or ():
            if settlement.source in self.open:
                back[settlement.receivable] = back.get(settlement.receivable, ZERO) + settlement.amount
        self.room = {r.number: min(r.open_amount + back.get(r.number, ZERO), r.amount) for r in receivables}
        shown = {r.number: r.amount - self.room[r.number] for r in receivables}
        # whose payment the ERP shows: of an invoice paid in full surely one of these; of a part only where nobody tells better
        self.known = {number: paid for number, paid in shown.items() if paid and (booked is None or not self.room[number])}

    def covers(self, account: str, day: dt.date) -> bool:
        """Whether a statement tells what happened on this account that day."""
        return any(day in period and same_account(known, account) for known, period in self._periods)

    def credits(self) -> list[Movement]:
        """The credits that no pass has decided, in the order of their days."""
        return [movement for movement in self.open.values() if movement.amount > 0]

    def named(self, reference: str) -> Receivable | None:
        """The one invoice of this number; None when no invoice or several have it."""
        found = self._by_key.get(invoice_key(reference), [])
        return found[0] if len(found) == 1 else None

    def invoices(self, movement: Movement) -> list[Receivable]:
        """The known invoices that a movement names."""
        found = {r.number: r for reference in movement.references if (r := self.named(reference))}
        return list(found.values())

    def class_of(self, movement: Movement) -> tuple[ClassRule, str] | None:
        """The class that the movement's words give it, with the words."""
        return self.rules.classify(1 if movement.amount > 0 else -1, movement.entry.type, movement.entry.description)

    def is_batch(self, movement: Movement) -> bool:
        """Whether the credit is the bank's daily sum of paid boletos."""
        found = self.class_of(movement)
        return bool(found and found[0].batch)

    def settle(
        self, rule: str, movement: Movement, receivable: Receivable, gross: Decimal, credited: Decimal, *evidence: str
    ) -> Match | None:
        """The match by which `gross` settles what is open, or what the ERP already shows as paid.

        None when it does neither, or when both fit: then it may have been booked before, and a person decides.
        """
        open_, known = self.room[receivable.number], self.known.get(receivable.number, ZERO)
        fits = [(amount, kind) for amount, kind in ((open_, MatchKind.FULL), (known, MatchKind.SETTLED)) if amount and _near(amount, gross)]
        if len(fits) != 1:
            return None
        expected, kind = fits[0]
        if kind is MatchKind.FULL and gross != expected:
            kind = MatchKind.ROUNDED
        return self.match(rule, kind, movement, receivable, min(gross, expected), credited, *evidence)

    def match(
        self, rule: str, kind: MatchKind, movement: Movement, receivable: Receivable, amount: Decimal, credited: Decimal, *evidence: str
    ) -> Match:
        """A match on what is open of the invoice now; it counts once it is decided."""
        expected = self.room[receivable.number] if kind is not MatchKind.SETTLED else self.known[receivable.number]
        where = (movement.id, movement.account, movement.entry.date)
        return Match(rule, kind, *where, receivable.number, credited, amount, expected, tuple(evidence))

    def broken(self, kind: BreakKind, movement: Movement, amount: Decimal | None = None, **facts: object) -> Break:
        """A break that holds `amount` of a movement, all of it when none is given."""
        held = movement.amount if amount is None else amount
        return Break(kind, held, movement.account, movement.entry.date, movement.id, movement.text, **facts)  # type: ignore[arg-type]

    def decide(self, movement: Movement, *parts: Match | Break | Classified) -> None:
        """Take a movement off the table; its parts must hold all of its money, and settle no more than is open."""
        total = sum((part.credited if isinstance(part, Match) else part.amount for part in parts), ZERO)
        if total != movement.amount or movement.id not in self.open:
            raise RetaguardaError(f"A decision about {movement.id} explains {total} of {movement.amount}.")
        for part in parts:
            if isinstance(part, Match):
                self._book(part)
            elif isinstance(part, Break):
                self.breaks.append(part)
            else:
                self.classified.append(part)
        del self.open[movement.id]

    def _book(self, match: Match) -> None:
        rooms = self.known if match.kind is MatchKind.SETTLED else self.room
        if match.amount > rooms[match.receivable]:
            raise RetaguardaError(f"A match settles {match.amount} of {match.receivable}, {rooms[match.receivable]} is open.")
        closes = match.kind is not MatchKind.PARTIAL
        rooms[match.receivable] = ZERO if closes else rooms[match.receivable] - match.amount
        self.matches.append(match)
        self.paid.setdefault(match.receivable, []).append(match)
