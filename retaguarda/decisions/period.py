"""The reconciliation of a period from the store: inputs kept as evidence, matched, recorded, and what is left told as breaks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from retaguarda.calendars.calendar import banks
from retaguarda.decisions import breaks, inputs, open_points, register
from retaguarda.decisions.breaks import Updated
from retaguarda.decisions.matching import matched
from retaguarda.decisions.register import Recorded
from retaguarda.model.receivables import Settlement
from retaguarda.model.values import Period
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.reconcile.canonical import partners, written
from retaguarda.reconcile.caution import cash
from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.model import LineClass
from retaguarda.reconcile.matching.result import Result
from retaguarda.store.models import BreakRecord, DecisionState, LedgerItem, MatchDecision, RunRecord, StatementEntry

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
            lines = [*open_points.of_lines(result), *open_points.of_decisions(), *open_points.overdue(result, self.today)]
            accounts = open_points.of_accounts(self.period, self.today)
            told = breaks.update(
                [*lines, *accounts], read_break_rules(), self.now, self.today, banks().shifted, self.run, self._would_be_seen
            )
        return Outcome(decisions, told, overtaken)

    def _would_be_seen(self, row: BreakRecord) -> bool:
        """Whether this reconciliation would find a break: it knows the lines up to its period's end, and no contracts."""
        if row.kind in open_points.OF_LINES:
            return row.date <= self.period.end
        if row.kind == "statement-missing":
            return not row.item and self.period.start <= row.date <= self.period.end
        return row.kind not in {*open_points.OF_MONTH, *open_points.OF_CONTRACTS.values()}

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
