"""What the engine's decisions let a month do: what of a payment is the payer's own money, and which decisions a person should see.

The engine is sure of the payer; a month releases contracts, so it also asks which of his invoices was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from retaguarda.model.receivables import Receivable
from retaguarda.model.reconciliation import ZERO
from retaguarda.model.values import Cnpj, plain
from retaguarda.reconcile.matching.model import Decision, DifferenceKind, Verdict
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.receipts import Receipts

_WITHOUT_NUMBER = {"exact", "explained", "run", "subset", "instalment", "netting", "again"}
"""Rules that know the payer and not the invoice."""
_NAMING = ("reference", "return", "our_number")
"""Rules of movements and titles that name their invoices."""
_WHOLE = {DifferenceKind.RETURN_FILE, DifferenceKind.BANK_FEE}
"""Differences that are ours, not the customer's: he paid all of the invoice."""
_CNPJ = re.compile(r"(?<![0-9A-Z])[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/?[0-9A-Z]{4}-?[0-9]{2}(?![0-9A-Z])")
Left = dict[tuple[Cnpj, Decimal], list[Receivable]]
"""What stays open, by customer and amount."""
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
    """The engine's decisions; those that a month should not act upon by itself wait for a person, with the reason among their words.

    These are payments that could as well be about another contract's invoice, that the ERP may show already, that a company pays
    which is nobody's we know, or that pay less than the several invoices which they name.
    """
    left: Left = {}
    for item in result.open_items():
        invoice = asked.by_number[item.item_id]
        left.setdefault((invoice.cnpj, item.open_amount), []).append(invoice)
    return [_doubted(asked, left, one) if one.verdict is Verdict.AUTO else one for one in result.decisions()]


def _doubted(asked: Receipts, left: Left, one: Decision) -> Decision:
    parts = [(asked.by_number[part.item_id], part.amount) for part in one.allocations]
    family, _, rest = one.rule.partition(".")
    shown = sorted(mine.number for mine, amount in parts if asked.open[mine.number] and asked.paid_by_others.get(mine.number) == amount)
    rivals = sorted(_rivals(left, parts)) if family in _WITHOUT_NUMBER else []
    stranger = family == "reference" and rest.endswith("unknown") and _is_stranger(one.line.description, parts)
    if not (shown or rivals or stranger or (rest.startswith("part") and len(parts) > 1)):
        return one
    words = (*one.evidence.words, *(f"or: {number}" for number in rivals), *(f"{PAID_BEFORE}: {number}" for number in shown))
    return replace(
        one,
        verdict=Verdict.PROPOSAL,
        rule=one.rule.removesuffix("unknown") + "stranger" if stranger else one.rule,
        alternatives=len(shown) + len(rivals),
        evidence=replace(one.evidence, words=words),
    )


def _is_stranger(text: str, parts: Iterable[tuple[Receivable, Decimal]]) -> bool:
    """Whether a text names a company, and none of the invoices' (branches share the first eight characters)."""
    named = [cnpj for found in _CNPJ.findall(plain(text)) if (cnpj := _cnpj(found))]
    roots = {mine.cnpj.root for mine, _ in parts}
    return bool(named) and not any(cnpj.root in roots for cnpj in named)


def _cnpj(text: str) -> Cnpj | None:
    try:
        return Cnpj.parse(text)
    except ValueError:
        return None


def _rivals(left: Left, parts: Iterable[tuple[Receivable, Decimal]]) -> set[str]:
    """Invoices of the same customer and amount that stay open and release another contract."""
    return {other.number for mine, settled in parts for other in left.get((mine.cnpj, settled), ()) if other.boleta != mine.boleta}


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
