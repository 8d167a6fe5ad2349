"""What the engine's decisions let a month do: what of a payment is the payer's own money, and which decisions a person should see.

The engine is sure of the payer; a month releases contracts, so it also asks which of his invoices was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from retaguarda.model.receivables import Receivable
from retaguarda.model.reconciliation import ZERO
from retaguarda.reconcile.matching.model import Decision, DifferenceKind, Verdict
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.receipts import Receipts

_WITHOUT_NUMBER = {"exact", "explained", "run", "subset", "instalment", "netting", "again"}
"""Rules that know the payer and not the invoice."""
_NAMING = ("reference", "return", "our_number")
"""Rules of movements and titles that name their invoices."""
_WHOLE = {DifferenceKind.RETURN_FILE, DifferenceKind.BANK_FEE}
"""Differences that are ours, not the customer's: he paid all of the invoice."""
PAID_BEFORE = "the ERP already shows a payment of this amount"


def cash(parts: Sequence[Decimal], difference: Decimal, kind: str) -> list[Decimal]:
    """What the payer's own money covers of each settled amount: a shortage (taxes, discount, rounding) is taken off the last ones.

    Only that may be booked as received; what is missing is posted to its account by a person.
    """
    left, short = list(parts), ZERO if kind in _WHOLE else max(-difference, ZERO)
    for index in reversed(range(len(left))):
        cut = min(left[index], short)
        left[index], short = left[index] - cut, short - cut
    return left


def cautious(asked: Receipts, result: Result) -> list[Decision]:
    """The engine's decisions; one that could as well be about another contract's invoice, or that the ERP may show already, waits for a person."""
    left = {item.item_id: item.open_amount for item in result.open_items()}
    return [_doubted(asked, left, one) for one in result.decisions()]


def _doubted(asked: Receipts, left: Mapping[str, Decimal], one: Decision) -> Decision:
    if one.verdict is not Verdict.AUTO:
        return one
    parts = [(asked.by_number[part.item_id], part.amount) for part in one.allocations]
    shown = {mine.number for mine, amount in parts if asked.open[mine.number] and asked.paid_by_others.get(mine.number) == amount}
    rivals = _rivals(asked, left, parts) if one.rule.partition(".")[0] in _WITHOUT_NUMBER else set()
    if not shown and not rivals:
        return one
    words = (
        *one.evidence.words,
        *(f"or: {number}" for number in sorted(rivals)),
        *(f"{PAID_BEFORE}: {number}" for number in sorted(shown)),
    )
    return replace(one, verdict=Verdict.PROPOSAL, alternatives=len(shown | rivals), evidence=replace(one.evidence, words=words))


def _rivals(asked: Receipts, left: Mapping[str, Decimal], parts: Iterable[tuple[Receivable, Decimal]]) -> set[str]:
    """Invoices of the same customer and amount that stay open and release another contract."""
    return {
        other.number
        for mine, settled in parts
        for number, amount in left.items()
        if settled == amount and (other := asked.by_number[number]).cnpj == mine.cnpj and other.boleta != mine.boleta
    }


def named_by(asked: Receipts, decided: Iterable[Decision]) -> set[str]:
    """Of the invoices that were paid in the ERP itself, those that a movement or a title names and pays in full."""
    parts = (part for one in decided if one.rule.startswith(_NAMING) for part in one.allocations)
    return {part.item_id for part in parts if part.amount == asked.paid_elsewhere.get(part.item_id)}


def known_by(decided: Iterable[Decision], named: set[str]) -> dict[str, Decision]:
    """Movements that are surely the payment of an invoice that was paid in the ERP itself, though they do not name it."""
    return {
        one.line.line_id: one
        for one in decided
        if one.verdict is Verdict.AUTO and not one.difference and not named & {part.item_id for part in one.allocations}
    }
