"""The receipts of statements, returns and invoices as the engine and the telling decide them, without a store."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from retaguarda.calendars.calendar import banks
from retaguarda.model.receivables import Receivable, Settlement
from retaguarda.model.reconciliation import MatchKind, Reconciliation
from retaguarda.model.statements import ReturnFile, Statement
from retaguarda.reconcile import caution, outcome
from retaguarda.reconcile.canonical import Row, account_rows, from_erp, partners, written
from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.engine import reconcile
from retaguarda.reconcile.matching.loading import load
from retaguarda.reconcile.matching.model import Verdict
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.matching.rules import read_matching_rules
from retaguarda.reconcile.receipts import Receipts

RULES = read_matching_rules(Path("config/matching.toml"))
HOLIDAYS = sorted(day for year in (2025, 2026, 2027) for day in banks().holidays(year))


def told(
    statements: Sequence[Statement], returns: Sequence[ReturnFile], invoices: Sequence[Receivable], booked: Sequence[Settlement] = ()
) -> Reconciliation:
    """What is told when everything that the engine is sure of stands."""
    asked = Receipts(statements, returns, invoices, booked)
    also: set[str] = set()
    known = {}
    if asked.paid_elsewhere:
        paid = list(engine(asked, asked.paid_rows()).decisions())
        also = caution.named_by(asked, paid)
        known = caution.known_by(paid, also)
    result = engine(asked, asked.open_rows(also))
    decided = {one.line.line_id: one for one in caution.cautious(asked, result)}
    standing = {line: one for line, one in decided.items() if one.verdict is Verdict.AUTO}
    return outcome.told(asked, result, decided, standing, known, {one.source for one in booked})


def engine(asked: Receipts, items: Iterable[Row]) -> Result:
    """The engine's own result, from files as a run keeps them."""
    accounts = sorted({movement.account for movement in asked.movements})
    files = {
        tables.ITEMS.name: written(tables.ITEMS, items),
        tables.PARTNERS.name: partners(from_erp(asked.invoices)),
        tables.ACCOUNTS.name: written(tables.ACCOUNTS, account_rows(accounts)),
        tables.LINES.name: written(tables.LINES, asked.line_rows()),
        tables.RETURNS.name: written(tables.RETURNS, asked.title_rows()),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in files]
        for path in paths:
            path.write_bytes(files[path.name])
        open_items, register, ours, lines, titles = paths
        inputs = load(open_items, register, ours, [lines], [titles])
    assert inputs.rejections == []
    return reconcile(inputs, RULES, HOLIDAYS)


def settled(found: Reconciliation) -> dict[str, Decimal]:
    """What the payments settle of each invoice; those that the ERP shows already are left out."""
    sums: dict[str, Decimal] = {}
    for match in found.matches:
        if match.kind is not MatchKind.SETTLED:
            sums[match.receivable] = sums.get(match.receivable, Decimal("0.00")) + match.amount
    return sums


def after(invoices: Iterable[Receivable], paid: Mapping[str, Decimal]) -> list[Receivable]:
    """The invoices as the ERP shows them once payments are booked."""
    return [replace(one, open_amount=max(one.open_amount - paid.get(one.number, Decimal()), Decimal("0.00"))) for one in invoices]
