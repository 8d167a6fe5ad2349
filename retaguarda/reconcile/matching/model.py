"""What the matching engine says: decisions with their evidence, classes of lines, what stays open, and sums that tie out.

Inside the engine money is whole cents; here, at its edge, it is Decimal. Every object is frozen and can be stored as it is.
"""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass, field
from decimal import Decimal


class Verdict(enum.StrEnum):
    """Who may book a match."""

    AUTO = "auto"
    """May be booked: confidence above the rule's threshold, whose error is measured, and one solution only."""
    PROPOSAL = "proposal"
    """Waits for a person."""


class LineClass(enum.StrEnum):
    """What a line of a statement is."""

    MATCH = "match"
    UNMATCHED = "unmatched"
    NOISE = "noise"
    BALANCE = "balance"
    TRANSFER = "transfer"
    REVERSED = "reversed"
    REVERSAL = "reversal"
    DUPLICATE_PAYMENT = "duplicate_payment"
    DUPLICATE_IMPORT = "duplicate_import"


class DifferenceKind(enum.StrEnum):
    """Why a line and its items differ."""

    INTEREST = "interest"
    DISCOUNT = "discount"
    WITHHOLDING = "withholding"
    BANK_FEE = "bank_fee"
    ROUNDING = "rounding"
    RETURN_FILE = "retorno"
    """Interest, discounts and fees of a batch of boletos, as the return file tells them title by title."""
    OVERPAYMENT = "overpayment"
    DIVERGENT = "divergent"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement as it was read; `amount` is signed, credits positive."""

    line_id: str
    account_id: str
    file_id: str
    date: dt.date
    amount: Decimal
    hist_code: str
    doc_number: str
    fitid: str
    description: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of an open item that a line settles; always positive, `kind` (AR, AP) tells its side."""

    item_id: str
    kind: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    """Money of a line that settles no item: its reason, the formula that gives it to the cent, and the account to post it to."""

    kind: DifferenceKind
    amount: Decimal
    account: str
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision rests on: `words` are text of the line and of the items, `numbers` are amounts and days."""

    words: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """One line settles these items: line = Σ receivables - Σ payables + difference, to the cent."""

    line: Line
    allocations: tuple[Allocation, ...]
    verdict: Verdict
    rule: str
    confidence: float
    evidence: Evidence
    difference: Difference | None = None
    alternatives: int = 0
    """How many other readings of the line were as good; above zero it is never booked without a person."""


@dataclass(frozen=True, slots=True)
class Classified:
    """A line that settles no item, what it is, and the line it belongs to (reversal, repeated payment, repeated import)."""

    line: Line
    line_class: LineClass
    reason: str
    counterpart: str = ""
    candidates: tuple[Candidate, ...] = ()
    """Of a payment made twice: the open items of the same amount, one of which it may pay after all."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An open item that an unmatched line may be about, best first."""

    item_id: str
    open_amount: Decimal
    reason: str

    def __str__(self) -> str:
        return f"{self.item_id} ({self.open_amount})"


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A line that nothing explains, with whatever is known about it."""

    line: Line
    payers: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An item carried over to the next period with what is still open of it."""

    item_id: str
    kind: str
    partner_id: str
    due_date: dt.date
    open_amount: Decimal


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that could not be used: told, left out, and the rest goes on."""

    file: str
    line: int
    field: str
    value: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Tie:
    """Lines of one side against what was made of them; `difference` is zero or the result is worthless."""

    lines: Decimal
    receivables: Decimal
    payables: Decimal
    differences: Decimal
    classified: Decimal
    unmatched: Decimal

    @property
    def difference(self) -> Decimal:
        return self.lines - (self.receivables - self.payables + self.differences + self.classified + self.unmatched)


@dataclass(frozen=True, slots=True)
class TieOut:
    """The proof that every cent of the statements is told once, and every cent of the items is settled or open."""

    credits: Tie
    debits: Tie
    items: Decimal
    settled: Decimal
    open: Decimal

    @property
    def difference(self) -> Decimal:
        return abs(self.credits.difference) + abs(self.debits.difference) + abs(self.items - self.settled - self.open)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result was made from: the same hashes give the same result."""

    inputs: str
    rules: str
    rules_version: int


@dataclass(frozen=True, slots=True)
class Count:
    """So many lines decided by a rule."""

    rule: str
    verdict: Verdict
    lines: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a result."""

    lines: int
    matched: int
    auto: int
    proposals: int
    unmatched: int
    classes: dict[str, int] = field(default_factory=dict)
    counts: tuple[Count, ...] = ()
    searches_cut: int = 0
    """Subset searches that reached their bound: their lines are told, never guessed."""
