"""The content of a run's report as plain values: what is shown, before how it looks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step of the run (a child run) with what became of its items."""

    process: str
    state: str  # RunState
    started: dt.datetime | None
    ended: dt.datetime | None
    counts: Mapping[str, int]  # outcome → items: done, already, planned, refused, refused_before, rejected, uncertain, failed, open
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One work item."""

    step: str
    reference: str
    title: str
    state: str  # ItemState
    outcome: str
    code: str
    reason: str
    remedy: str
    protocol: str
    fields: Mapping[str, str]
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class RejectionLine:
    """One row that intake refused, with where it stands and how to mend it."""

    file: str
    line: int
    field: str
    value: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class MatchLine:
    """One booked payment: a statement credit or a boleto title against a receivable."""

    account: str
    date: dt.date
    text: str
    document: str
    credit: Decimal
    receivable: str
    partner: str
    due_date: dt.date | None
    open_before: Decimal
    booked: Decimal
    difference: Decimal
    rule: str
    evidence: str
    full: bool


@dataclass(frozen=True, slots=True)
class BreakLine:
    """One thing that did not match: area is `receipts` or `ccee`."""

    area: str
    kind: str
    reference: str
    date: dt.date | None
    found: Decimal | None
    expected: Decimal | None
    unit: str  # R$ | MWh
    partner: str
    detail: str


@dataclass(frozen=True, slots=True)
class ContractLine:
    """One contract of the ERP against CCEE's own export."""

    reference: str
    code: str
    seller: str
    buyer: str
    submarket: str
    month: str
    erp_mwh: Decimal | None
    ccee_mwh: Decimal | None
    erp_mw: Decimal | None
    ccee_mw: Decimal | None
    outcome: str
    state: str
    detail: str = ""

    @property
    def difference(self) -> Decimal | None:
        return self.ccee_mwh - self.erp_mwh if self.ccee_mwh is not None and self.erp_mwh is not None else None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """The completeness proof of one statement file."""

    file: str
    account: str
    period: str
    entries: int
    opening: Decimal | None
    movement: Decimal
    closing: Decimal | None
    proven: bool
    detail: str


@dataclass(frozen=True, slots=True)
class TieLine:
    """One line of the tie-out: credits received = booked + classified + breaks. `kind` is received | part | difference."""

    kind: str
    label: str
    count: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    """One file kept by its hash; `path` is where the bytes lie on this machine."""

    at: dt.datetime
    step: str
    kind: str  # picture | download | input | output
    label: str
    sha256: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the run's log, for the timeline."""

    at: dt.datetime
    level: str
    step: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class AuditLine:
    """State of the audit log when the report was made."""

    events: int
    root: str
    holds: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline of the month with its margin at the end of the run."""

    name: str  # register | validate
    at: dt.datetime
    source: str
    confidence: str
    met: bool


@dataclass(frozen=True, slots=True)
class Findings:
    """What one step of a run found: the lines that it adds to the report, kept with the run as one artifact."""

    rejections: tuple[RejectionLine, ...] = ()
    matches: tuple[MatchLine, ...] = ()
    breaks: tuple[BreakLine, ...] = ()
    contracts: tuple[ContractLine, ...] = ()
    statements: tuple[StatementLine, ...] = ()
    tie_out: tuple[TieLine, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """Everything the workbook and the page show of one run."""

    company: str
    run_id: str
    process: str
    params: Mapping[str, str]
    state: str
    dry_run: bool
    actor: str
    version: str
    started: dt.datetime | None
    ended: dt.datetime | None
    business_date: dt.date
    rehearsal: bool
    judged_at: dt.datetime | None = None  # the moment that deadlines are held against
    steps: tuple[StepLine, ...] = ()
    items: tuple[ItemLine, ...] = ()
    rejections: tuple[RejectionLine, ...] = ()
    matches: tuple[MatchLine, ...] = ()
    breaks: tuple[BreakLine, ...] = ()
    contracts: tuple[ContractLine, ...] = ()
    statements: tuple[StatementLine, ...] = ()
    tie_out: tuple[TieLine, ...] = ()
    deadlines: tuple[Deadline, ...] = ()
    evidence: tuple[EvidenceLine, ...] = ()
    log: tuple[LogLine, ...] = ()
    audit: AuditLine | None = None
    error: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)
