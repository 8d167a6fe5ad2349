"""What the matching engine says of a month's receipts, as matches, classes and breaks that hold every cent of the movements.

Only what stands (decided automatically, or by people) is a match. The rest is a break with its reason; money is never in two places.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.errors import RetaguardaError
from retaguarda.model.reconciliation import (
    ZERO,
    Break,
    BreakKind,
    Classified,
    Match,
    MatchKind,
    OpenItem,
    Reconciliation,
    TieOut,
)
from retaguarda.reconcile.canonical import net
from retaguarda.reconcile.caution import PAID_BEFORE, cash
from retaguarda.reconcile.matching import model as engine
from retaguarda.reconcile.matching.model import Decision, LineClass
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.matching.verdicts import DOUBTS
from retaguarda.reconcile.receipts import TOLERANCE, Movement, Paid, Receipts, credit_day

_PAYABLES = {"lot": "supplier", "tax": "tax"}
"""Debits that the words tell to be payments of ours; a month's receipts have no payables to hold them against."""
_UNKNOWN_DEPOSIT = "unidentified deposit"
_DAYS_APART = 4


def told(
    asked: Receipts,
    result: Result,
    decided: Mapping[str, Decision],
    standing: Mapping[str, Decision],
    known: Mapping[str, Decision] | None = None,
    booked: Iterable[str] = (),
) -> Reconciliation:
    """Every movement in its place.

    Args:
        asked: what is reconciled.
        result: what the engine says of it.
        decided: the engine's decisions by movement (`cautious`).
        standing: the decision that stands of a movement, the engine's own or a person's.
        known: movements that pay what was paid in the ERP itself (`known_by`).
        booked: movements that the ERP has booked.

    Raises:
        RetaguardaError: the result does not add up to the statements; then it is worthless.
    """
    result.tie_out()
    telling = _Telling(asked, result, decided, standing, known or {}, set(booked))
    for movement in asked.movements:
        telling.tell(movement)
    telling.missing_credits()
    return telling.reconciliation()


@dataclass(frozen=True, slots=True)
class _Share:
    """The part of a movement that is about one invoice: the bank's money, and what it settles."""

    invoice: str
    credited: Decimal
    amount: Decimal


class _Telling:
    """The state of one telling: what is left open of each invoice, and what was told."""

    def __init__(
        self,
        asked: Receipts,
        result: Result,
        decided: Mapping[str, Decision],
        standing: Mapping[str, Decision],
        known: Mapping[str, Decision],
        booked: set[str],
    ) -> None:
        self.asked, self.result, self.decided, self.standing, self.known, self.booked = asked, result, decided, standing, known, booked
        self.left = dict(asked.room)
        self.matches: list[Match] = []
        self.breaks: list[Break] = []
        self.classified: list[Classified] = []
        self.row = {line: row for row, line in enumerate(result.line_ids)}
        self.classed = {one.line.line_id: one for one in result.classified()}
        self.loose = {one.line.line_id: one for one in result.unmatched()}
        self.credits = self._unexplained_credits()
        self.paid = self._payments()

    def tell(self, movement: Movement) -> None:
        """Take a movement, and prove that all of its money has a place."""
        before = len(self.matches), len(self.breaks), len(self.classified)
        self._tell(movement)
        parts = [match.credited for match in self.matches[before[0] :]]
        parts += [one.amount for one in self.breaks[before[1] :]] + [one.amount for one in self.classified[before[2] :]]
        if sum(parts, ZERO) != movement.amount:
            raise RetaguardaError(f"What is told of {movement.id} explains {sum(parts, ZERO)} of {movement.amount}.")

    def _tell(self, movement: Movement) -> None:
        if one := self.standing.get(movement.id):
            self._stands(movement, one)
        elif one := self.decided.get(movement.id):
            self._waits(movement, one)
        elif classed := self.classed.get(movement.id):
            self._is_classed(movement, classed)
        elif one := self.known.get(movement.id):
            self._stands(movement, one)
        else:
            self._is_loose(movement)

    # what stands

    def _stands(self, movement: Movement, one: Decision) -> None:
        shares = self._shares(movement, one)
        for share in shares:
            self._settle(movement, one, share)
        if rest := movement.amount - sum((share.credited for share in shares), ZERO):
            self._break(BreakKind.TITLE_UNKNOWN, movement, rest, evidence=one.evidence.words)
        self._to_post(movement, one, shares)

    def _shares(self, movement: Movement, one: Decision) -> list[_Share]:
        parts = [part for part in one.allocations if part.kind == "AR"]
        if one.rule.startswith("return"):
            return [self._by_title(movement, part) for part in parts]
        differs = one.difference
        wanted = [part.amount for part in parts]
        amounts = cash(wanted, differs.amount if differs else ZERO, differs.kind if differs else "")
        credited = cash(wanted, movement.amount - sum(wanted, ZERO), "")
        if credited:
            credited[-1] += movement.amount - sum(credited, ZERO)
        return [_Share(part.item_id, money, amount) for part, money, amount in zip(parts, credited, amounts, strict=True)]

    def _by_title(self, movement: Movement, part: engine.Allocation) -> _Share:
        """A title of the credit: the bank keeps its fee, the customer may have paid interest or been granted a discount."""
        fitting = [paid for paid in self.asked.of_invoice(part.item_id) if self.asked.fits(paid, part.amount)]
        if not fitting:
            return _Share(part.item_id, part.amount, part.amount)
        title = min(fitting, key=lambda paid: abs((credit_day(paid.title) or movement.entry.date) - movement.entry.date))
        return _Share(part.item_id, net(title.title), min(part.amount, title.by_customer))

    def _settle(self, movement: Movement, one: Decision, share: _Share) -> None:
        paid, left = self.asked.paid_elsewhere.get(share.invoice), self.left.get(share.invoice)
        if paid is not None and abs(paid - share.amount) <= TOLERANCE:
            self._match(movement, one, share, MatchKind.SETTLED, paid)
        elif paid is not None or left is None:
            hint = "the invoice it names is already paid" if paid else "the ERP's export has no such invoice"
            self._break(BreakKind.UNMATCHED, movement, share.credited, receivable=share.invoice, hint=hint)
        elif share.amount > left:
            hint = "less is open of the invoice than the payment settles"
            self._break(BreakKind.AMOUNT_DIFFERS, movement, share.credited, receivable=share.invoice, expected=left, hint=hint)
        elif left - share.amount > TOLERANCE:
            self.left[share.invoice] -= share.amount
            self._match(movement, one, share, MatchKind.PARTIAL, left)
        else:
            self.left[share.invoice] = ZERO
            self._match(movement, one, share, MatchKind.FULL if left == share.amount else MatchKind.ROUNDED, left)

    def _match(self, movement: Movement, one: Decision, share: _Share, kind: MatchKind, expected: Decimal) -> None:
        where = (movement.id, movement.account, movement.entry.date)
        money = (share.credited, share.amount, expected)
        self.matches.append(Match(one.rule, kind, *where, share.invoice, *money, _why(one, share.invoice)))

    def _to_post(self, movement: Movement, one: Decision, shares: Sequence[_Share]) -> None:
        """What a movement differs by from its invoices, when a person has to post it; of a return file, only what customers did not pay."""
        differs, wanted = one.difference, sum((part.amount for part in one.allocations if part.kind == "AR"), ZERO)
        if differs is None:
            return
        amount = sum((share.amount for share in shares), ZERO) - wanted if one.rule.startswith("return") else differs.amount
        if abs(amount) <= TOLERANCE:
            return
        hint = f"post {amount} to {differs.account or '-'} ({differs.formula or differs.kind})"
        facts = {"receivable": _listed(one), "expected": wanted, "hint": hint, "found": wanted + amount}
        self._break(BreakKind.DIFFERENCE, movement, ZERO, **facts)

    # what waits

    def _waits(self, movement: Movement, one: Decision) -> None:
        wanted = sum((part.amount for part in one.allocations if part.kind == "AR"), ZERO)
        kind, hint = _doubt(one)
        odd = _titles(self._odd_titles(one)) if kind is BreakKind.TITLE_UNKNOWN else ()
        self._break(kind, movement, receivable=_listed(one), expected=wanted, hint=hint, evidence=(*odd, *_why(one)))

    def _odd_titles(self, one: Decision) -> list[Paid]:
        """The titles of a credit that pay no invoice, or not what is open of it."""
        items = {part.item_id for part in one.allocations}
        day = one.line.date
        of_file = (
            paid
            for paid in self.asked.titles
            if paid.account == one.line.account_id and _explains(one, paid, credit_day(paid.title) or day)
        )
        return [paid for paid in of_file if paid.invoice not in items]

    def _is_classed(self, movement: Movement, one: engine.Classified) -> None:
        if one.line_class is LineClass.DUPLICATE_PAYMENT:
            first = self.standing.get(one.counterpart) or self.decided.get(one.counterpart)
            evidence = (*self._day_of(one.counterpart), *map(str, one.candidates))
            hint = "an open invoice has this amount too: match it by hand when the customer says that it is paid" if one.candidates else ""
            self._break(BreakKind.DUPLICATE_PAYMENT, movement, receivable=_listed(first) if first else "", hint=hint, evidence=evidence)
        elif one.line_class in {LineClass.REVERSED, LineClass.REVERSAL} and one.counterpart:
            self._class("returned-payment", movement, one.reason)
            if movement.id in self.booked:
                self._break(BreakKind.TAKEN_BACK, movement, ZERO, found=movement.amount, evidence=self._day_of(one.counterpart))
        elif one.line_class is LineClass.TRANSFER:
            self._class("own-transfer", movement, one.reason)
        elif one.line_class is LineClass.NOISE and one.reason != _UNKNOWN_DEPOSIT:
            self._class(one.reason.replace(" ", "-"), movement, one.reason)
        else:
            hint = "a payment came back, and is not among these movements" if one.line_class is LineClass.REVERSAL else ""
            self._break(BreakKind.UNMATCHED if movement.amount > 0 else BreakKind.UNCLASSIFIED, movement, hint=hint)

    def _day_of(self, line: str) -> tuple[str, ...]:
        other = self.asked.by_id[line]
        return (f"{other.entry.date:%d/%m/%Y} {other.amount}",)

    def _is_loose(self, movement: Movement) -> None:
        row = self.row[movement.id]
        role, board = self.result.board.role[row], self.result.board
        if movement.amount < 0:
            if role in _PAYABLES:
                self._class(_PAYABLES[role], movement, movement.text)
            else:
                self._break(BreakKind.UNCLASSIFIED, movement)
        elif role == "boleto":
            self._loose_credit(movement)
        else:
            self._unmatched(movement, board.references.get(row, []))

    def _unmatched(self, movement: Movement, numbers: Sequence[int]) -> None:
        """A credit that no open invoice explains; one that repeats the payment of the invoice it names is told as such."""
        named = [invoice.number for number in numbers if (invoice := self.asked.invoice_of(str(number)))]
        paid = [payment for number in named for payment in self.paid.get(number, ()) if abs(payment[1] - movement.amount) <= TOLERANCE]
        listed = ", ".join(named)
        if paid and len(named) == 1:
            before = tuple(f"{day:%d/%m/%Y} {amount}" for day, amount in paid[:1])
            self._break(BreakKind.DUPLICATE_PAYMENT, movement, receivable=listed, evidence=before)
            return
        settled = bool(named) and not any(self.left[number] for number in named)
        hint = "names several invoices" if len(named) > 1 else "the invoice it names is already paid" if settled else ""
        near = tuple(map(str, self.loose[movement.id].candidates))
        self._break(BreakKind.UNMATCHED, movement, receivable=listed, hint=hint, evidence=near)

    def _payments(self) -> dict[str, list[tuple[dt.date, Decimal]]]:
        """The payments of each invoice that stand, of these movements and of earlier ones."""
        found: dict[str, list[tuple[dt.date, Decimal]]] = {}
        for one in self.standing.values():
            for part in one.allocations:
                found.setdefault(part.item_id, []).append((one.line.date, part.amount))
        for earlier in self.asked.booked:
            if earlier.source not in self.asked.ids:
                found.setdefault(earlier.receivable, []).append((earlier.date, earlier.amount))
        return found

    # boletos

    def _unexplained_credits(self) -> dict[tuple[str, dt.date], list[Paid]]:
        """The titles that no credit was found for, by account and day."""
        found: dict[tuple[str, dt.date], list[Paid]] = {}
        by_account: dict[str, list[Decision]] = {}
        for one in {**self.decided, **self.standing}.values():
            if one.rule.startswith(("return", "our_number", "lost_return")):
                by_account.setdefault(one.line.account_id, []).append(one)
        for paid in self.asked.titles:
            day = credit_day(paid.title)
            if day and not any(_explains(one, paid, day) for one in by_account.get(paid.account, ())):
                found.setdefault((paid.account, day), []).append(paid)
        return found

    def _loose_credit(self, movement: Movement) -> None:
        """The bank's credit of boletos that the engine does not explain: by no title, by other titles, or by titles that are odd."""
        titles = self.credits.pop((movement.account, movement.entry.date), [])
        total = sum((net(paid.title) for paid in titles), ZERO)
        if not titles:
            self._break(BreakKind.BATCH_UNEXPLAINED, movement)
        elif total != movement.amount:
            self._break(BreakKind.BATCH_DIFFERS, movement, expected=total, evidence=_titles(titles))
        else:
            for index, paid in enumerate(titles):
                again = paid.invoice in {other.invoice for other in titles[:index]} or paid.invoice in self.paid
                self._break(self._odd(paid, again=again), movement, net(paid.title), receivable=paid.invoice, evidence=_titles([paid]))

    def _odd(self, paid: Paid, *, again: bool) -> BreakKind:
        if not paid.invoice:
            return BreakKind.TITLE_UNKNOWN
        if again:
            return BreakKind.DUPLICATE_PAYMENT
        return BreakKind.PROPOSAL if self.asked.fits(paid, self.asked.open[paid.invoice]) else BreakKind.AMOUNT_DIFFERS

    def missing_credits(self) -> None:
        """Titles whose credit no statement shows, although one tells what happened that day."""
        for (account, day), titles in sorted(self.credits.items()):
            if self.asked.covers(account, day):
                total = sum((net(paid.title) for paid in titles), ZERO)
                text = f"{len(titles)} titles, {total}"
                self.breaks.append(
                    Break(BreakKind.BATCH_MISSING, ZERO, account, day, description=text, expected=total, evidence=_titles(titles))
                )

    # parts

    def _break(self, kind: BreakKind, movement: Movement, amount: Decimal | None = None, **facts: object) -> None:
        held = movement.amount if amount is None else amount
        where = (movement.account, movement.entry.date, movement.id, movement.text)
        self.breaks.append(Break(kind, held, *where, **facts))  # type: ignore[arg-type]

    def _class(self, name: str, movement: Movement, evidence: str) -> None:
        where = (movement.account, movement.entry.date, movement.id, movement.text)
        self.classified.append(Classified(name, movement.amount, *where, (evidence,)))

    def reconciliation(self) -> Reconciliation:
        """All of it, with the proof that it adds up."""
        received, spent = self._tie_out(1), self._tie_out(-1)
        if received.difference or spent.difference:
            raise RetaguardaError(f"The reconciliation does not add up: credits {received.difference}, debits {spent.difference}.")
        invoices = ((self.asked.by_number[number], amount) for number, amount in self.left.items() if amount)
        still_open = tuple(OpenItem(one.number, one.partner, one.due_date, amount) for one, amount in invoices)
        return Reconciliation(tuple(self.matches), tuple(self.breaks), tuple(self.classified), still_open, received, spent)

    def _tie_out(self, sign: int) -> TieOut:
        def total(amounts: Iterable[Decimal]) -> Decimal:
            return sum((amount for amount in amounts if amount * sign > 0), ZERO)

        return TieOut(
            movements=total(m.amount for m in self.asked.movements),
            matched=total(m.credited for m in self.matches),
            classified=total(c.amount for c in self.classified),
            breaks=total(b.amount for b in self.breaks),
        )


def _explains(one: Decision, paid: Paid, day: dt.date) -> bool:
    items = {part.item_id for part in one.allocations}
    return abs((one.line.date - day).days) <= _DAYS_APART and (paid.invoice in items or f"NSA {paid.sequence}" in one.evidence.words)


def _titles(titles: Iterable[Paid]) -> tuple[str, ...]:
    return tuple(f"{paid.title.our_number.strip()} {paid.title.document.strip()}: {net(paid.title)}" for paid in titles)


def _listed(one: Decision) -> str:
    return ", ".join(part.item_id for part in one.allocations[:12])


def _why(one: Decision, invoice: str = "") -> tuple[str, ...]:
    """The words and numbers of a decision, without the movement's own text; of an invoice, the numbers that are about it."""
    words = [word for word in one.evidence.words if word not in {one.line.description, *DOUBTS.values()}]
    of_invoice = [number for number in one.evidence.numbers if not invoice or number.startswith(f"{invoice}: ") or ": " not in number]
    return (*words, *(() if invoice else of_invoice))


def _doubt(one: Decision) -> tuple[BreakKind, str]:
    """Why a decision waits for a person."""
    families = set(one.rule.split("."))
    over = one.difference is not None and one.difference.amount > 0
    reasons = (
        (any(word.startswith(PAID_BEFORE) for word in one.evidence.words), BreakKind.AMOUNT_DIFFERS, PAID_BEFORE),
        (one.alternatives, BreakKind.AMBIGUOUS, ""),
        *((doubt in families, BreakKind.PROPOSAL, reason) for doubt, reason in DOUBTS.items()),
        (families & {"stranger", "group"}, BreakKind.PAYER_DIFFERS, ""),
        ("unknown_title" in families, BreakKind.TITLE_UNKNOWN, ""),
        ("divergent" in families, BreakKind.AMOUNT_DIFFERS, "paid more than is open" if over else ""),
    )
    return next(((kind, hint) for holds, kind, hint in reasons if holds), (BreakKind.PROPOSAL, ""))
