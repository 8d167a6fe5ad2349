"""From what the ERP says is open to boletos at the bank, in one process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retaguarda.model.values import Month
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Charged:
    """The remessa that was handed in, and the ERP's invoices that it was made of."""

    remittance: Artifact | None
    titles: int
    receivables: Artifact


@task(composed=True)
def charge_customers(run: Run, month: Month, payers: Path, credential: str = "bank_ipe/robo") -> Charged:
    """Charge by boleto what is open of the ERP's invoices: exported from the ERP, handed in to the bank as one remessa."""
    erp = run.child("export_erp", month=month)
    issued = run.child("issue_boletos", receivables=erp.receivables, payers=payers, credential=credential)
    return Charged(issued.remittance, issued.titles, erp.receivables)
