"""The month in one process."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.model.values import Month, Period
from retaguarda.run import Run, task


@dataclass(frozen=True)
class MonthClosed:
    """How many differences are left for people, of receipts and of contracts."""

    receipt_breaks: int
    contract_breaks: int

    @property
    def breaks(self) -> int:
        return self.receipt_breaks + self.contract_breaks


@task(composed=True)
def close_month(run: Run, month: Month, period: Period) -> MonthClosed:
    """Close a month of supply: ERP, banks, receipts, CCEE registration and validation, reconciliation, settlement."""
    erp = run.child("export_erp", month=month)
    banks = run.child("download_statements", period=period)
    receipts = run.child(
        "reconcile_receipts",
        month=month,
        period=period,
        contracts=erp.contracts,
        receivables=erp.receivables,
        statements=banks.statements,
        returns=banks.returns,
    )
    run.child("register_contracts", month=month, releases=receipts.releases)
    run.child("validate_contracts", month=month, contracts=erp.contracts)
    ccee = run.child("reconcile_ccee", month=month, contracts=erp.contracts, releases=receipts.releases)
    run.child("settle_receivables", batches=receipts.batches)
    return MonthClosed(receipts.breaks, ccee.breaks)
