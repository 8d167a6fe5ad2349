"""The reconciliation of a period from the store: inputs kept as evidence, matched, recorded, and what is left told as breaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from retaguarda.accounts import book, returns
from retaguarda.calendars.calendar import banks
from retaguarda.decisions import breaks, inputs, register
from retaguarda.decisions.breaks import Found, Updated
from retaguarda.decisions.matching import matched
from retaguarda.decisions.register import Recorded
from retaguarda.model.receivables import Settlement
from retaguarda.model.values import Period
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.reconcile.canonical import partners, written
from retaguarda.reconcile.caution import cash
from retaguarda.reconcile.coverage import DayState
from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.result import Result
from retaguarda.store.models import DecisionState, LedgerItem, MatchDecision, RunRecord, StatementEntry

LOOKBACK = dt.timedelta(days=30)
"""How far back a decided line is still held against a reversal that came later."""


@dataclass(frozen=True, slots=True)
class Given:
    """Files that people or the ERP give; what is missing is told from the store."""

    items: bytes
    partners: Path | None = None
    accounts: Path | None = None
    history: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reconciliation of a period did."""

    decisions: Recorded
    breaks: Updated
    overtaken: int


@dataclass(frozen=True, slots=True)
class PeriodReconciliation:
    """The reconciliation of a period, for a run."""

    period: Period
    run: RunRecord
    now: dt.datetime
    today: dt.date
    bytes_of: Callable[[str, str], bytes]

    def files(self, given: Given) -> dict[str, bytes]:
        """What it is made from, by canonical name: to be kept as evidence before anything is matched."""
        accounts = inputs.Accounts.read(given.accounts)
        return {
            tables.ITEMS.name: inputs.still_open(given.items),
            tables.PARTNERS.name: given.partners.read_bytes() if given.partners else partners(given.items),
            tables.ACCOUNTS.name: given.accounts.read_bytes() if given.accounts else written(tables.ACCOUNTS, accounts.rows),
            tables.LINES.name: inputs.lines(self.period, accounts, banks().is_business),
            tables.RETURNS.name: inputs.returns(accounts, self.bytes_of),
            tables.HISTORY.name: given.history.read_bytes() if given.history else inputs.history(),
            **inputs.rules(self.period),
        }

    def reopen(self, files: Mapping[str, Path], earlier: Callable[[bytes], Path]) -> int:
        """Reopen decisions whose line left the book, or was taken back by a later line; returns how many.

        `earlier` keeps a file and says where it lies.
        """
        recent = MatchDecision.objects.filter(state=DecisionState.STANDS, date__gte=self.period.start - LOOKBACK)
        rows = {row.line: row for row in recent}
        held = set(StatementEntry.objects.filter(entry__in=rows).values_list("entry", flat=True)) if rows else set()
        gone = [row for line, row in rows.items() if line not in held]
        register.overtake(gone, self.now, "the line is no longer on the statement", self.run)
        back = self._taken_back(files, {line: row for line, row in rows.items() if line in held}, earlier)
        register.overtake(back, self.now, "a later line takes this one back", self.run)
        return len(gone) + len(back)

    def _taken_back(
        self, files: Mapping[str, Path], rows: Mapping[str, MatchDecision], earlier: Callable[[bytes], Path]
    ) -> list[MatchDecision]:
        """Decided lines that pair with a reversal once all lines are looked at together, no item on the table."""
        if not rows:
            return []
        accounts = inputs.Accounts.read(files[tables.ACCOUNTS.name])
        decided = register.standing() - rows.keys()
        everything = inputs.lines(self.period, accounts, banks().is_business, decided)
        alone = {**files, tables.LINES.name: earlier(everything), tables.ITEMS.name: earlier(written(tables.ITEMS, []))}
        found = matched(alone)
        return [rows[one.line.line_id] for one in found.classified() if one.line_class is LineClass.REVERSED and one.line.line_id in rows]

    def record(self, result: Result, items: bytes, overtaken: int) -> Outcome:
        """Record the decisions and what is left, together or not at all."""
        with transaction.atomic():
            inputs.remember(items, self.now)
            decisions = register.record(result.decisions(), result.provenance.rules, self.now, self.run)
            found = [*self._of_result(result), *self._waiting(), *self._overdue(result), *self._of_accounts()]
            told = breaks.update(found, read_break_rules(), self.now, self.today, banks().shifted, self.run)
        return Outcome(decisions, told, overtaken)

    def to_book(self) -> dict[str, list[Settlement]]:
        """By account of the book: payments that stand and that the ERP has not booked, no more of each than was received."""
        rows = register.to_book()
        partners = dict(LedgerItem.objects.values_list("item", "partner_name"))
        accounts = dict(StatementEntry.objects.filter(entry__in=[row.line for row in rows]).values_list("entry", "account"))
        found: dict[str, list[Settlement]] = {}
        for row in rows:
            parts = [part for part in row.allocations.all() if part.kind == "AR" and row.line in accounts]
            differs = row.difference or {"amount": "0", "kind": ""}
            for part, amount in zip(parts, cash([p.amount for p in parts], Decimal(differs["amount"]), differs["kind"]), strict=True):
                if amount:
                    settled = Settlement(part.item, row.date, amount, partners.get(part.item, ""), row.line)
                    found.setdefault(accounts[row.line], []).append(settled)
        return found

    def _of_result(self, result: Result) -> Iterable[Found]:
        for one in result.unmatched():
            line, known = one.line, " · ".join(f"{c.item_id} ({c.open_amount})" for c in one.candidates)
            kind = "unmatched-credit" if line.amount > 0 else "unmatched-debit"
            yield Found(kind, line.date, line.amount, f"{line.description} {known}".strip(), line.account_id, line.line_id)
        for classed in result.classified():
            if classed.line_class is LineClass.DUPLICATE_PAYMENT:
                line = classed.line
                yield Found("duplicate-payment", line.date, line.amount, line.description, line.account_id, line.line_id)

    def _waiting(self) -> Iterable[Found]:
        for row in MatchDecision.objects.filter(state=DecisionState.PROPOSED).iterator():
            yield Found("proposal", row.date, row.amount, row.description, row.account, row.line, row.key)
        for row in MatchDecision.objects.filter(state=DecisionState.OVERTAKEN).iterator():
            yield Found("overtaken", row.date, row.amount, row.description, row.account, row.line, row.key)
        for row in MatchDecision.objects.filter(state=DecisionState.STANDS, difference__isnull=False).iterator():
            if row.difference and row.difference["kind"] in {"divergent", "overpayment"}:
                yield Found("amount-differs", row.date, Decimal(row.difference["amount"]), row.description, row.account, row.line)

    def _overdue(self, result: Result) -> Iterable[Found]:
        for item in result.open_items():
            if item.kind == "AR" and item.due_date < self.today:
                yield Found("overdue", item.due_date, item.open_amount, item.partner_id, item=item.item_id)

    def _of_accounts(self) -> Iterable[Found]:
        last = min(self.period.end, self.today - dt.timedelta(1))
        for account in book.accounts() if last >= self.period.start else ():
            for day, known in book.known(account, Period(self.period.start, last), banks().is_business).items():
                if known.state in {DayState.GAP, DayState.BROKEN}:
                    yield Found("statement-missing", day, Decimal(), known.why, account)
        for account, reasons in returns.findings().items():
            yield from (Found("return-missing", self.today, Decimal(), reason, account, reason[:80]) for reason in reasons)
