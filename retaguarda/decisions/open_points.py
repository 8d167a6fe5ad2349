"""The breaks that a reconciliation finds in what it made and in what the store holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal

from retaguarda.accounts import book, returns
from retaguarda.calendars.calendar import banks
from retaguarda.decisions.breaks import Found
from retaguarda.model.reconciliation import BreakKind, ContractComparison, ContractOutcome, Reconciliation
from retaguarda.model.values import Month, Period
from retaguarda.reconcile.coverage import DayState
from retaguarda.reconcile.matching.model import Candidate, Line
from retaguarda.reconcile.matching.result import Result
from retaguarda.store.models import DecisionState, LedgerItem, MatchDecision

OF_LINES = frozenset({"unmatched-credit", "unmatched-debit", "duplicate-payment"})
OF_MONTH = frozenset({"taken-back", "difference-to-post"})
"""What the month alone finds: of payments that the ERP has booked, or is to book."""
_IN_A_MONTH = {
    BreakKind.UNMATCHED: "unmatched-credit",
    BreakKind.BATCH_UNEXPLAINED: "unmatched-credit",
    BreakKind.UNCLASSIFIED: "unmatched-debit",
    BreakKind.DUPLICATE_PAYMENT: "duplicate-payment",
    BreakKind.AMOUNT_DIFFERS: "amount-differs",
    BreakKind.BATCH_DIFFERS: "amount-differs",
    BreakKind.BATCH_MISSING: "statement-missing",
    BreakKind.DIFFERENCE: "difference-to-post",
    BreakKind.TAKEN_BACK: "taken-back",
}
"""What a month tells, without what the register holds as proposals."""
OF_CONTRACTS = {outcome: f"contract-{outcome}" for outcome in ContractOutcome if outcome.is_break}


def of_lines(result: Result) -> Iterable[Found]:
    """Lines that nothing explains, and payments made twice."""
    for one in result.unmatched():
        yield _of_line("unmatched-credit" if one.line.amount > 0 else "unmatched-debit", one.line, one.candidates)
    for again in result.repeated():
        yield _of_line("duplicate-payment", again.line, again.candidates)


def _of_line(kind: str, line: Line, candidates: Iterable[Candidate]) -> Found:
    known = " · ".join(map(str, candidates))
    return Found(kind, line.date, line.amount, f"{line.description} {known}".strip(), line.account_id, line.line_id)


def of_month(told: Reconciliation) -> Iterable[Found]:
    """What a month's receipts left for people, of its lines and of return files; a line that a proposal waits for has that."""
    waiting = set(MatchDecision.objects.filter(state=DecisionState.PROPOSED).values_list("line", flat=True))
    for one in told.breaks:
        if (kind := _IN_A_MONTH.get(one.kind)) and one.credit not in waiting:
            item = one.description[:80] if not one.credit else one.receivable if kind in OF_MONTH else ""
            yield Found(kind, one.date, one.shown, "; ".join(filter(None, (one.description, one.hint))), one.account, one.credit, item)


def of_decisions() -> Iterable[Found]:
    """What the register holds that a person must look at."""
    for row in MatchDecision.objects.filter(state=DecisionState.PROPOSED).iterator():
        yield Found("proposal", row.date, row.amount, row.description, row.account, row.line, row.key)
    for row in MatchDecision.objects.filter(state=DecisionState.OVERTAKEN).iterator():
        yield Found("overtaken", row.date, row.amount, row.description, row.account, row.line, row.key)
    for row in MatchDecision.objects.filter(state=DecisionState.STANDS, difference__isnull=False).iterator():
        if row.difference and row.difference["kind"] in {"divergent", "overpayment"}:
            yield Found("amount-differs", row.date, Decimal(row.difference["amount"]), row.description, row.account, row.line)


def overdue(result: Result, today: dt.date) -> Iterable[Found]:
    """Receivables that are due and not paid."""
    names = dict(LedgerItem.objects.values_list("item", "partner_name"))
    for item in result.open_items():
        if item.kind == "AR" and item.due_date < today:
            who = f"{names.get(item.item_id, '')} {item.partner_id}".strip()
            yield Found("overdue", item.due_date, item.open_amount, who, item=item.item_id)


def of_accounts(period: Period, today: dt.date) -> Iterable[Found]:
    """Days of the period without a proved statement, and return files whose numbers tell of a gap."""
    last = min(period.end, today - dt.timedelta(1))
    for account in book.accounts() if last >= period.start else ():
        for day, known in book.known(account, Period(period.start, last), banks().is_business).items():
            if known.state in {DayState.GAP, DayState.BROKEN}:
                yield Found("statement-missing", day, Decimal(), known.why, account)
    for account, reasons in returns.findings().items():
        yield from (Found("return-missing", today, Decimal(), reason, account, reason[:80]) for reason in reasons)


def of_contracts(compared: Iterable[ContractComparison], month: Month) -> Iterable[Found]:
    """Contracts of a month that differ between the ERP and CCEE; the date is the month's first day, no amount is told."""
    for one in compared:
        if kind := OF_CONTRACTS.get(one.outcome):
            parties = f"{one.seller_profile} → {one.buyer_profile}, {one.submarket}"
            numbers, volumes = (
                ", ".join((*one.boletas, *one.codes)),
                (f"in the ERP {one.erp_mwh:.3f} MWh", f"at CCEE {one.ccee_mwh:.3f} MWh"),
            )
            yield Found(kind, month.first, Decimal(), "; ".join(filter(None, (numbers, *volumes, one.note))), item=parties)
