"""The receipts of a month: what its statements say, matched by the same engine and kept in the same register as everything else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db import transaction

from retaguarda.accounts import book
from retaguarda.calendars.calendar import banks
from retaguarda.clock import Clock
from retaguarda.decisions import breaks, inputs, open_points, register
from retaguarda.jobs.bookings import booked, booked_batches
from retaguarda.model.receivables import Receivable, SettlementBatch
from retaguarda.model.reconciliation import ZERO, MatchKind, Reconciliation
from retaguarda.model.statements import ReturnFile, Statement
from retaguarda.model.values import Period
from retaguarda.planning import booking_batches, settlement_batches
from retaguarda.reconcile import caution, outcome
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.reconcile.canonical import account_rows, from_erp, partners, written
from retaguarda.reconcile.matching import tables
from retaguarda.reconcile.matching.model import Allocation, Decision, Difference, DifferenceKind, Evidence, Line, LineClass, Verdict
from retaguarda.reconcile.matching.result import Result
from retaguarda.reconcile.receipts import Receipts, movements
from retaguarda.store.models import Booking, BreakRecord, DecisionState, MatchAllocation, MatchDecision, RunRecord


@dataclass(frozen=True)
class MonthReceipts:
    """The reconciliation of a month's receipts, for a run."""

    period: Period
    run: RunRecord
    now: dt.datetime
    today: dt.date
    asked: Receipts

    @classmethod
    def of(
        cls,
        period: Period,
        run: RunRecord,
        clock: Clock,
        statements: Sequence[Statement],
        returns: Sequence[ReturnFile],
        invoices: Sequence[Receivable],
    ) -> MonthReceipts:
        """What the files of a run and the store say now."""
        names = book.accounts()

        def named(account: str) -> str:
            return book.known_as(account, names)

        ids = {movement.id for movement in movements(statements, named)}
        decided = _taken_elsewhere(ids), _decided_by_people(ids)
        return cls(period, run, clock.now(), clock.today(), Receipts(statements, returns, invoices, booked(), *decided, named))

    def files(self) -> dict[str, bytes]:
        """What it is made from, by canonical name; of invoices that were paid in the ERP itself, none."""
        asked = self.asked
        accounts = sorted({movement.account for movement in asked.movements})
        return {
            tables.ITEMS.name: self.items(),
            tables.PARTNERS.name: partners(from_erp(asked.invoices)),
            tables.ACCOUNTS.name: written(tables.ACCOUNTS, account_rows(accounts)),
            tables.LINES.name: written(tables.LINES, asked.line_rows()),
            tables.RETURNS.name: written(tables.RETURNS, asked.title_rows()),
            tables.HISTORY.name: inputs.history(without=asked.ids),
            **inputs.rules(self.period),
        }

    def items(self, also: Collection[str] = ()) -> bytes:
        """The open items; `also` are invoices that were paid in the ERP itself and that a movement or title names."""
        return written(tables.ITEMS, self.asked.open_rows(also))

    def paid_items(self) -> bytes:
        """The invoices that were paid in the ERP itself, as items; empty when there are none."""
        return written(tables.ITEMS, self.asked.paid_rows()) if self.asked.paid_elsewhere else b""

    def named(self, paid: Result) -> set[str]:
        """The invoices that were paid in the ERP itself and that a movement or title names (`paid` is of `paid_items`)."""
        return caution.named_by(self.asked, paid.decisions())

    def told(self, result: Result, paid: Result | None, *, keep: bool) -> Reconciliation:
        """Record the engine's decisions, unless nothing is to be kept (a dry run), and say where every cent is.

        Args:
            result: of the open items.
            paid: of the invoices that were paid in the ERP itself (`paid_items`).
            keep: whether the register takes the decisions.
        """
        decided = {one.line.line_id: one for one in caution.cautious(self.asked, result)}
        before = list(paid.decisions()) if paid else []
        known = caution.known_by(before, caution.named_by(self.asked, before))
        lines = {one.source for one in self.asked.booked}
        if keep:
            self._record(result, decided, lines)
        told = outcome.told(self.asked, result, decided, self._standing(decided, lines, keep=keep), known, lines)
        if keep:
            self._tell_breaks(told, result)
        return told

    def _record(self, result: Result, decided: Mapping[str, Decision], booked_lines: Collection[str]) -> None:
        with transaction.atomic():
            rows = _standing_rows(self.asked.ids)
            back = {one.line.line_id for one in result.classified() if one.line_class is LineClass.REVERSED and one.counterpart}
            register.overtake([row for line, row in rows.items() if line in back], self.now, "a later line takes this one back", self.run)
            inputs.remember(from_erp(self.asked.invoices), self.now)
            fresh = (line for line in decided if line in rows or line not in booked_lines)
            wanted = [one for line in fresh if (one := self._ours(decided[line])) and (line not in rows or rows[line].key == _key(one))]
            register.record(wanted, result.provenance.rules, self.now, self.run)

    def _tell_breaks(self, told: Reconciliation, result: Result) -> None:
        """What is left for people: told as `reconcile run` tells it, of this month's movements and invoices alone."""
        invoices, accounts = {one.number for one in self.asked.invoices}, {one.account for one in self.asked.movements}

        def seen(row: BreakRecord) -> bool:
            if row.kind == "overdue":
                return row.item in invoices
            if row.kind in {"statement-missing", *open_points.OF_LINES, *open_points.OF_MONTH}:
                return row.account in accounts and self.period.start <= row.date <= self.period.end
            return row.kind not in open_points.OF_CONTRACTS.values()

        lines = [*open_points.of_month(told), *open_points.of_decisions(), *open_points.overdue(result, self.today)]
        days = open_points.of_accounts(self.period, self.today)
        breaks.update([*lines, *days], read_break_rules(), self.now, self.today, banks().shifted, self.run, seen)

    def _ours(self, one: Decision) -> Decision | None:
        """A decision without the invoices that were paid in the ERP itself: of those nothing is to be decided."""
        parts = tuple(part for part in one.allocations if part.item_id not in self.asked.paid_elsewhere)
        if parts == one.allocations:
            return one
        rest = one.line.amount - sum((part.amount for part in parts), ZERO)
        differs = one.difference or Difference(DifferenceKind.RETURN_FILE, ZERO, "")
        return replace(one, allocations=parts, difference=replace(differs, amount=rest)) if parts else None

    def _standing(self, decided: Mapping[str, Decision], booked_lines: Collection[str], *, keep: bool) -> dict[str, Decision]:
        """What stands of each movement: as the register has it, and what is booked or settled without it."""
        rows = _standing_rows(self.asked.ids)
        found = {line: _decision(row) for line, row in rows.items()}
        mine = {line: self._ours(one) for line, one in decided.items()}
        declined = set() if keep else _known_keys(_key(one) for one in mine.values() if one)
        for line, one in decided.items():
            ours = mine[line]
            if line in rows:
                if ours and rows[line].key == _key(ours):
                    found[line] = one
            elif one.verdict is Verdict.AUTO and (ours is None or line in booked_lines or (not keep and _key(ours) not in declined)):
                found[line] = one
        return found

    def settled(self, found: Reconciliation) -> dict[str, Decimal]:
        """What these payments settle of each invoice and the ERP does not show yet."""
        done = {(one.source, one.receivable) for one in self.asked.booked}
        sums: dict[str, Decimal] = {}
        for match in found.matches:
            if match.kind is not MatchKind.SETTLED and (match.credit, match.receivable) not in done:
                sums[match.receivable] = sums.get(match.receivable, ZERO) + match.amount
        return sums

    def batches(self, found: Reconciliation) -> list[SettlementBatch]:
        """The payments to book: batches that stand booked as they were, whole, and one a bank account for the rest.

        What was booked once keeps its reference, so that it is found in the ERP and never booked with others again.
        """
        accounts = {movement.id: movement.account for movement in self.asked.movements}
        done = {(one.source, one.receivable) for one in self.asked.booked}
        fresh = [match for match in found.matches if (match.credit, match.receivable) not in done]
        return [*self._booked(accounts), *settlement_batches(fresh, self.asked.invoices, self.period)]

    def _booked(self, accounts: Mapping[str, str]) -> Iterator[SettlementBatch]:
        for reference, lines in booked_batches().items():
            if all(line.source in accounts for line in lines):
                [again] = booking_batches({accounts[lines[0].source]: lines}, self.period)
                yield replace(again, reference=reference)


def _taken_elsewhere(ids: Collection[str]) -> dict[str, Decimal]:
    """What decisions about other movements settle of each item and the ERP does not show yet."""
    standing = MatchAllocation.objects.filter(decision__state=DecisionState.STANDS)
    unbooked = standing.exclude(decision__line__in=Booking.objects.values("source"))
    taken: dict[str, Decimal] = {}
    for item, amount, line in unbooked.values_list("item", "amount", "decision__line"):
        if line not in ids:
            taken[item] = taken.get(item, ZERO) + amount
    return taken


def _decided_by_people(ids: Collection[str]) -> dict[str, dict[str, Decimal]]:
    """What people decided of these movements, by movement and item."""
    confirmed = MatchDecision.objects.filter(state=DecisionState.STANDS, events__action=register.CONFIRMED).distinct()
    rows = [row for row in confirmed.prefetch_related("allocations") if row.line in ids]
    return {row.line: {part.item: part.amount for part in row.allocations.all()} for row in rows}


def _standing_rows(ids: Collection[str]) -> dict[str, MatchDecision]:
    wanted, found = sorted(ids), dict[str, MatchDecision]()
    for start in range(0, len(wanted), register.BATCH):
        rows = MatchDecision.objects.filter(state=DecisionState.STANDS, line__in=wanted[start : start + register.BATCH])
        found |= {row.line: row for row in rows.prefetch_related("allocations")}
    return found


def _known_keys(of: Iterable[str]) -> set[str]:
    """Those of the keys that the register has, in whatever state."""
    keys, found = list(of), set[str]()
    for start in range(0, len(keys), register.BATCH):
        found |= set(MatchDecision.objects.filter(key__in=keys[start : start + register.BATCH]).values_list("key", flat=True))
    return found


def _key(one: Decision) -> str:
    return register.key_of(one.line.account_id, one.line.line_id, one.allocations, one.difference)


def _decision(row: MatchDecision) -> Decision:
    """A decision as the register has it."""
    differs = row.difference
    return Decision(
        line=Line(row.line, row.account, "", row.date, row.amount, "", "", "", row.description),
        allocations=tuple(Allocation(part.item, part.kind, part.amount) for part in row.allocations.all()),
        verdict=Verdict.AUTO,
        rule=row.rule,
        confidence=row.confidence,
        evidence=Evidence(tuple(row.evidence["words"]), tuple(row.evidence["numbers"])),
        difference=differs
        and Difference(DifferenceKind(differs["kind"]), Decimal(differs["amount"]), differs["account"], differs["formula"]),
    )
