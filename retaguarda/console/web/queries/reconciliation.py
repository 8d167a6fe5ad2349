"""What the pages of the reconciliation read: accounts by day, decisions, breaks, CCEE beside the ERP."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from django.db.models import Count, Min, Q, QuerySet, Sum
from pydantic import TypeAdapter, ValidationError

from retaguarda.accounts import book, returns
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.calendars.calendar import banks
from retaguarda.clock import Clock
from retaguarda.console.web.queries.cursor import page_by
from retaguarda.errors import RetaguardaError
from retaguarda.model.values import Month, Period
from retaguarda.reconcile.coverage import DayState, Known
from retaguarda.report.content import ContractLine, Findings
from retaguarda.store.models import (
    BreakRecord,
    DecisionState,
    Evidence,
    LedgerItem,
    MatchAllocation,
    MatchDecision,
    RunRecord,
    StatementEntry,
)

MANY = 1000
PAGE = 50
"""Rows of a list."""
ACCOUNTS = 40
"""Accounts of a calendar."""
CONTRACTS = 200
"""Contracts of a page."""
LATEST = 50
"""Latest reconciliations with CCEE among which the one of a month is looked for."""
FINDINGS = "findings.json"


@dataclass(frozen=True)
class Stretch:
    """Days in a row that are not proved for one reason."""

    first: dt.date
    last: dt.date
    why: str
    state: DayState


@dataclass
class Account:
    """An account and its month."""

    name: str
    days: Mapping[dt.date, Known]
    stretches: list[Stretch] = field(default_factory=list)
    returns: list[str] = field(default_factory=list)
    """What is odd about its boleto returns."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Days by state."""
        return {state: sum(known.state is state for known in self.days.values()) for state in DayState}


def accounts_of(month: Month, today: dt.date, after: str = "") -> tuple[list[Account], str]:
    """The accounts by day up to today, and the name that the next page begins after."""
    period = Period(month.first, min(month.last, today))
    if period.end < period.start:
        return [], ""
    names = [name for name in book.accounts() if name > after]
    odd = returns.findings()
    names = sorted({*names, *(name for name in odd if name > after)})
    known = book.known_of(names[:ACCOUNTS], period, banks().is_business)
    found = [_account(name, days, odd.get(name, [])) for name, days in known.items()]
    return found, names[ACCOUNTS - 1] if len(names) > ACCOUNTS else ""


def _account(name: str, days: Mapping[dt.date, Known], odd: list[str]) -> Account:
    stretches = []
    for (state, why), alike in groupby(days.items(), key=lambda one: (one[1].state, one[1].why)):
        first, *_, last = [day for day, _ in alike] * 2
        if why or state in {DayState.GAP, DayState.BROKEN}:
            stretches.append(Stretch(first, last, why, state))
    return Account(name, days, stretches, odd)


def decisions(state: str, account: str = "", q: str = "", after: str = "", page: int = PAGE) -> tuple[list[MatchDecision], str]:
    """Decisions of a state, the latest lines first, and where the next page begins."""
    rows = MatchDecision.objects.filter(state=state if state in DecisionState.values else DecisionState.PROPOSED)
    if account:
        rows = rows.filter(account=account)
    if q:
        rows = rows.filter(pk__in=_about(q))
    return page_by(rows.prefetch_related("allocations"), "-date", after, page)


def _about(q: str) -> list[int]:
    """Decisions on a line, with an item, or whose key begins so: each by an index of its own, which one condition for all has not."""
    by_item = MatchAllocation.objects.filter(item=q).values_list("decision_id", flat=True)[:MANY]
    by_line = MatchDecision.objects.filter(line=q).values_list("pk", flat=True)[:MANY]
    by_key = MatchDecision.objects.filter(key__startswith=q).values_list("pk", flat=True)[:MANY]
    return [*by_item, *by_line, *by_key]


def decision_counts() -> Mapping[str, str]:
    """How many decisions there are of each state, counted up to MANY: beyond, the exact number changes nothing."""
    counts = {
        state: len(MatchDecision.objects.filter(state=state).values_list("state", flat=True)[: MANY + 1]) for state in DecisionState.values
    }
    return {state: f"{MANY}+" if count > MANY else f"{count}" for state, count in counts.items()}


def known_accounts() -> list[str]:
    """The accounts of the book."""
    return book.accounts()[:200]


@dataclass(frozen=True)
class Kind:
    """The open breaks of one kind and owner."""

    kind: str
    owner: str
    count: int
    amount: Decimal
    oldest: dt.datetime
    overdue: int


def kinds(today: dt.date) -> list[Kind]:
    """Open breaks by kind and owner, the most urgent first."""
    overdue = Count("pk", filter=Q(due_on__lt=today))
    rows = BreakRecord.objects.filter(closed_at=None).values("kind", "owner")
    found = rows.annotate(count=Count("pk"), amount=Sum("amount"), oldest=Min("opened_at"), overdue=overdue)
    return [Kind(**row) for row in found.order_by("-overdue", "oldest")[:PAGE]]


def breaks(kind: str = "", owner: str = "", after: str = "", page: int = PAGE) -> tuple[list[BreakRecord], str]:
    """Open breaks, the most urgent first, and where the next page begins."""
    rows: QuerySet[BreakRecord] = BreakRecord.objects.filter(closed_at=None).select_related("work")
    if kind:
        rows = rows.filter(kind=kind)
    if owner:
        rows = rows.filter(owner=owner)
    return page_by(rows, "due_on", after, page)


def open_items(q: str, kind: str = "") -> list[LedgerItem]:
    """Items that the ERP told as open: those whose number, document, contract or partner begins so; the next due when nothing is asked."""
    rows = LedgerItem.objects.filter(open_amount__gt=0)
    if kind:
        rows = rows.filter(kind=kind)
    if q.strip():
        text = q.strip()[:80]
        begins = Q(item__startswith=text) | Q(document__startswith=text) | Q(contract__startswith=text) | Q(partner__startswith=text)
        rows = rows.filter(begins | Q(partner_name__icontains=text))
    return list(rows.order_by("due_date", "item")[:PAGE])


def line_of(line: str) -> StatementEntry | None:
    """A line of the book of accounts."""
    return StatementEntry.objects.filter(entry=line).first() if line else None


@dataclass(frozen=True)
class Comparison:
    """CCEE beside the ERP, as the latest reconciliation of a month found it."""

    run: RunRecord
    lines: Sequence[ContractLine]
    counts: Mapping[str, int]
    """Contracts by outcome."""

    def of(self, outcome: str, start: int) -> Sequence[ContractLine]:
        """A page of the contracts with an outcome, or of all."""
        found = [line for line in self.lines if not outcome or line.outcome == outcome]
        return found[start : start + CONTRACTS]


def comparison(folder: Path, clock: Clock, month: str = "") -> Comparison | None:
    """The latest comparison, of a month when one is asked for; None when there is none, or its file was let go."""
    runs = RunRecord.objects.filter(process="reconcile_ccee").order_by("-created_at")[:LATEST]
    latest = {run.pk: run for run in runs if not month or run.params.get("month") == month}
    kept = Evidence.objects.filter(run__in=list(latest), label=FINDINGS, kind="output", removed_at=None)
    row = kept.order_by("-run__created_at", "-pk").first()
    if row is None:
        return None
    try:
        read = EvidenceStore(folder, clock).unchanged(row.sha256).read_bytes()
        lines = TypeAdapter(Findings).validate_json(read).contracts
    except (RetaguardaError, OSError, ValidationError):
        return None
    return Comparison(latest[row.run_id], lines, Counter(line.outcome for line in lines))
