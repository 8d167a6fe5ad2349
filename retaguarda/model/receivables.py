"""Open receivables of the ERP and what the reconciliation decides to settle."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from retaguarda.model.values import Cnpj


@dataclass(frozen=True, slots=True)
class Receivable:
    """A customer invoice with its open amount, as the ERP holds it."""

    number: str
    partner: str
    cnpj: Cnpj
    boleta: str
    issue_date: dt.date
    due_date: dt.date
    amount: Decimal
    open_amount: Decimal
    description: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """One payment to be booked on one receivable."""

    receivable: str
    date: dt.date
    amount: Decimal
    partner: str
    source: str


StatementState = Literal["validated", "posted"]
"""How far a statement is wanted: validated (the invoices are paid; it can be cancelled) or posted (for good)."""


@dataclass(frozen=True, slots=True)
class SettlementBatch:
    """The settlements of one bank account and day range, booked in the ERP as one statement.

    `reference` is the natural key: account, period and digest of its lines, so that the same payments are never booked twice.
    """

    reference: str
    account: str
    start: dt.date
    end: dt.date
    lines: tuple[Settlement, ...]
    state: StatementState = "posted"

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal())

    def fields(self) -> dict[str, str]:
        return {"reference": self.reference, "lines": str(len(self.lines)), "total": f"{self.total:.2f}", "state": self.state}
