"""What a reconciliation decided and what it left: every cent and every MWh ends in a match, a class or a break."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from retaguarda.model.values import Month

ZERO = Decimal("0.00")


class MatchKind(enum.StrEnum):
    """How much of an invoice a payment settles."""

    FULL = "full"
    ROUNDED = "rounded"  # paid but for a few cents
    PARTIAL = "partial"  # the rest stays open
    SETTLED = "settled"  # the ERP already shows this invoice as paid: nothing to book


class BreakKind(enum.StrEnum):
    """Why money or a title was not matched, or what is left to do although it was."""

    AMOUNT_DIFFERS = "amount-differs"
    DUPLICATE_PAYMENT = "duplicate-payment"
    PAYER_DIFFERS = "payer-differs"
    AMBIGUOUS = "ambiguous"
    BATCH_DIFFERS = "batch-differs"
    BATCH_MISSING = "batch-missing"
    BATCH_UNEXPLAINED = "batch-unexplained"
    TITLE_UNKNOWN = "title-unknown"
    UNMATCHED = "unmatched"
    UNCLASSIFIED = "unclassified"
    PROPOSAL = "proposal"
    DIFFERENCE = "difference"
    TAKEN_BACK = "taken-back"


BREAK_TEXTS: Mapping[BreakKind, str] = {
    BreakKind.AMOUNT_DIFFERS: "The payment names an invoice but its amount differs.",
    BreakKind.DUPLICATE_PAYMENT: "The invoice was already paid; this payment came again.",
    BreakKind.PAYER_DIFFERS: "The payment names an invoice of another company than the payer.",
    BreakKind.AMBIGUOUS: "Several open invoices explain the payment equally well.",
    BreakKind.BATCH_DIFFERS: "The boleto credit differs from the titles of the return file.",
    BreakKind.BATCH_MISSING: "Titles of the return file have no credit on the statement.",
    BreakKind.BATCH_UNEXPLAINED: "No return file explains the boleto credit.",
    BreakKind.TITLE_UNKNOWN: "A paid title belongs to no known invoice.",
    BreakKind.UNMATCHED: "No invoice explains the credit.",
    BreakKind.UNCLASSIFIED: "No rule explains the debit.",
    BreakKind.PROPOSAL: "These invoices probably explain the payment; it is not sure enough to be booked without a person.",
    BreakKind.DIFFERENCE: "The payment was matched; what it differs by is to be posted.",
    BreakKind.TAKEN_BACK: "The payment was taken back after the ERP had booked it.",
}
"""What each kind of break tells people (English message ids)."""
BREAK_STEPS: Mapping[BreakKind, str] = {
    BreakKind.AMOUNT_DIFFERS: "Charge the difference, or book it to the proposed account.",
    BreakKind.DUPLICATE_PAYMENT: "Return it, keep it as an advance or match it by hand with another invoice, as the customer says.",
    BreakKind.PAYER_DIFFERS: "Ask the customer who paid, then confirm or reject the proposal.",
    BreakKind.AMBIGUOUS: "Ask the customer which invoice was paid, then confirm or reject the proposal.",
    BreakKind.BATCH_DIFFERS: "Compare the return file with the credit; ask the bank for what is missing.",
    BreakKind.BATCH_MISSING: "Ask the bank where the credit is.",
    BreakKind.BATCH_UNEXPLAINED: "Download the boleto return of that day again.",
    BreakKind.TITLE_UNKNOWN: "Find out whose boleto it is, then confirm or reject the proposal.",
    BreakKind.UNMATCHED: "Find out who paid: ask the bank for the payer, or the customer for the invoice numbers.",
    BreakKind.UNCLASSIFIED: "Find the order behind the debit; without one, ask the bank.",
    BreakKind.PROPOSAL: "Confirm or reject the proposal.",
    BreakKind.DIFFERENCE: "Post it in the ERP; until then the invoice keeps what is missing.",
    BreakKind.TAKEN_BACK: "Take the payment back in the ERP.",
}
"""What a person does next about each kind (English message ids)."""


@dataclass(frozen=True, slots=True)
class Match:
    """A payment found: bank money on one side, an invoice on the other.

    `credited` is the bank's money, `amount` what settles the invoice; they differ by the bank's fee or by surplus cents
    (`adjustment` = credited - amount). `difference` = amount - what was open.
    """

    rule: str
    kind: MatchKind
    credit: str  # id of the statement entry
    account: str
    date: dt.date
    receivable: str
    credited: Decimal
    amount: Decimal
    expected: Decimal  # open before this payment
    evidence: tuple[str, ...] = ()

    @property
    def adjustment(self) -> Decimal:
        return self.credited - self.amount

    @property
    def difference(self) -> Decimal:
        return self.amount - self.expected


@dataclass(frozen=True, slots=True)
class Break:
    """What did not match: `amount` is the bank money it holds, `found` what is shown of it where that is another amount.

    It holds none when a title is missing its credit, or when a match holds the money and something is left to do about it.
    """

    kind: BreakKind
    amount: Decimal
    account: str
    date: dt.date
    credit: str = ""
    description: str = ""
    receivable: str = ""
    expected: Decimal | None = None
    hint: str = ""
    evidence: tuple[str, ...] = ()
    found: Decimal | None = None

    @property
    def text(self) -> str:
        return BREAK_TEXTS[self.kind]

    @property
    def step(self) -> str:
        return BREAK_STEPS[self.kind]

    @property
    def shown(self) -> Decimal:
        return self.amount if self.found is None else self.found


@dataclass(frozen=True, slots=True)
class Classified:
    """A movement that is no customer's payment and is known by its words: a fee, a tax, an own transfer."""

    name: str
    amount: Decimal
    account: str
    date: dt.date
    credit: str
    description: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An invoice, or the rest of one, that no payment settled."""

    receivable: str
    partner: str
    due_date: dt.date
    open_amount: Decimal


@dataclass(frozen=True, slots=True)
class TieOut:
    """The movements of one side against what became of them; `difference` is zero or the result is worthless."""

    movements: Decimal
    matched: Decimal
    classified: Decimal
    breaks: Decimal

    @property
    def difference(self) -> Decimal:
        return self.movements - self.matched - self.classified - self.breaks


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Credits of statements against receivables, told completely."""

    matches: tuple[Match, ...]
    breaks: tuple[Break, ...]
    classified: tuple[Classified, ...]
    open_items: tuple[OpenItem, ...]
    credits: TieOut
    debits: TieOut

    def settled(self) -> dict[str, Decimal]:
        """What this reconciliation settles, by invoice; payments the ERP already shows are left out."""
        sums: dict[str, Decimal] = {}
        for match in self.matches:
            if match.kind is not MatchKind.SETTLED:
                sums[match.receivable] = sums.get(match.receivable, ZERO) + match.amount
        return sums


class ContractOutcome(enum.StrEnum):
    """What the comparison of a contract says."""

    OK = "ok"
    NOT_VALIDATED = "not-validated"  # equal, the buyer has not validated yet
    HELD_BACK = "held-back"  # not at CCEE because we chose not to register it yet
    ERP_LARGER = "erp-larger"
    CCEE_LARGER = "ccee-larger"
    MISSING_AT_CCEE = "missing-at-ccee"
    MISSING_IN_ERP = "missing-in-erp"
    WRONG_SUBMARKET = "wrong-submarket"
    REGISTERED_TWICE = "registered-twice"
    WRONG_PROFILE = "wrong-profile"  # another profile of a party, or another party, than the ERP says
    WRONG_ENERGY = "wrong-energy"  # Incentivada where the ERP says Convencional, or the like
    CUT_AT_GUARANTEE = "cut-at-guarantee"  # registered in full, put into effect for less

    @property
    def is_break(self) -> bool:
        return self not in {ContractOutcome.OK, ContractOutcome.NOT_VALIDATED, ContractOutcome.HELD_BACK}


@dataclass(frozen=True, slots=True)
class ContractComparison:
    """One CCEE key: what the ERP's boletas add up to and what CCEE holds, in MWh and MWmédio."""

    outcome: ContractOutcome
    seller_profile: int
    buyer_profile: int
    submarket: str
    month: Month
    erp_mwh: Decimal
    ccee_mwh: Decimal
    erp_mw: Decimal
    ccee_mw: Decimal
    validated: bool
    boletas: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    note: str = ""

    @property
    def mwh_difference(self) -> Decimal:
        """CCEE minus ERP."""
        return self.ccee_mwh - self.erp_mwh

    @property
    def mw_difference(self) -> Decimal:
        """CCEE minus ERP."""
        return self.ccee_mw - self.erp_mw


@dataclass(frozen=True, slots=True)
class ContractReconciliation:
    """Every key of either side once; drafts and cancelled contracts of CCEE are set aside by code."""

    comparisons: tuple[ContractComparison, ...]
    set_aside: tuple[str, ...] = ()

    @property
    def breaks(self) -> tuple[ContractComparison, ...]:
        return tuple(c for c in self.comparisons if c.outcome.is_break)

    def counts(self) -> dict[ContractOutcome, int]:
        """How many comparisons have each outcome."""
        return {kind: sum(c.outcome is kind for c in self.comparisons) for kind in ContractOutcome}


def as_dict(value: Any) -> Any:
    """`value` as JSON knows it: dataclasses and named tuples with properties as objects, Decimal and days as text, others as lists."""
    if isinstance(value, Mapping):
        return {str(key): as_dict(held) for key, held in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return _object(value, value._fields)
    if isinstance(value, (list, tuple)):
        return [as_dict(held) for held in value]
    if isinstance(value, (set, frozenset)):
        return [as_dict(held) for held in sorted(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, (Month, type)):
        return _object(value, [f.name for f in dataclasses.fields(value)])
    return _scalar(value)


def _object(value: Any, fields: Iterable[str]) -> dict[str, Any]:
    properties = [name for name, held in vars(type(value)).items() if isinstance(held, property)]
    return {name: as_dict(getattr(value, name)) for name in (*fields, *properties)}


def _scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Month):
        return str(value)
    return value.isoformat() if isinstance(value, dt.date) else value
