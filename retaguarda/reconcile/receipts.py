"""Credits of bank statements and boleto returns against open receivables: matches, breaks and leftovers that tie out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from retaguarda.errors import RetaguardaError
from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import ZERO, OpenItem, Reconciliation, TieOut
from retaguarda.model.statements import ReturnFile, Statement
from retaguarda.model.values import Period
from retaguarda.reconcile.ledger import Ledger, Movement, movements
from retaguarda.reconcile.passes import PASSES, Pass, leftovers
from retaguarda.reconcile.rules import Rules


def reconcile_receipts(
    statements: Sequence[Statement],
    returns: Sequence[ReturnFile],
    receivables: Sequence[Receivable],
    rules: Rules,
    booked: Iterable[Settlement] | None = None,
    passes: Sequence[Pass] = PASSES,
) -> Reconciliation:
    """Decide every movement of the statements; linear in their number.

    Args:
        statements: of any accounts; overlapping ones of one account are told apart by stable ids.
        returns: boleto return files of those accounts.
        receivables: the ERP's invoices, those already paid included: their payments are then known as such.
        rules: classes and withholding tables (`rules.parse_rules`).
        booked: settlements that earlier runs booked in the ERP (none: an empty list). With them a repeated run gives the same
            result as the first; without (None) a payment that the ERP seems to show already is not booked again.
        passes: what to try, in order; what they leave is told as breaks.

    Raises:
        RetaguardaError: the result does not add up to the statements; then it is worthless.
    """
    moved = movements(statements)
    ledger = Ledger(moved, receivables, returns, rules, booked, list(_periods(statements)))
    for step in (*passes, leftovers):
        step(ledger)
    return _told(ledger, moved)


def _periods(statements: Sequence[Statement]) -> Iterator[tuple[str, Period]]:
    for statement in statements:
        days = [entry.date for entry in statement.entries]
        start, end = statement.start or min(days, default=None), statement.end or max(days, default=None)
        if start and end and start <= end:
            yield statement.account_key, Period(start, end)


def _told(ledger: Ledger, moved: Sequence[Movement]) -> Reconciliation:
    received, spent = _tie_out(ledger, moved, 1), _tie_out(ledger, moved, -1)
    if received.difference or spent.difference or ledger.open:
        raise RetaguardaError(f"The reconciliation does not add up: credits {received.difference}, debits {spent.difference}.")
    return Reconciliation(
        matches=tuple(ledger.matches),
        breaks=tuple(ledger.breaks),
        classified=tuple(ledger.classified),
        open_items=tuple(
            OpenItem(r.number, r.partner, r.due_date, ledger.room[r.number]) for r in ledger.receivables.values() if ledger.room[r.number]
        ),
        credits=received,
        debits=spent,
    )


def _tie_out(ledger: Ledger, moved: Sequence[Movement], sign: int) -> TieOut:
    def total(amounts: Iterable[Decimal]) -> Decimal:
        return sum((amount for amount in amounts if amount * sign > 0), ZERO)

    return TieOut(
        movements=total(m.amount for m in moved),
        matched=total(m.credited for m in ledger.matches),
        classified=total(c.amount for c in ledger.classified),
        breaks=total(b.amount for b in ledger.breaks),
    )
