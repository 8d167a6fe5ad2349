"""What the ERP holds: the month's contracts and the customers' invoices."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.model.values import Month
from retaguarda.portal.capabilities import ExportsErp
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class ErpExport:
    """The two exports, as the ERP gave them."""

    contracts: Artifact
    receivables: Artifact


@task
def export_erp(run: Run, month: Month, credential: str = "tryton/robo") -> ErpExport:
    """Download the contracts of a month of supply and the customers' invoices from the ERP."""
    run.stage("signing in")
    with run.robot(credential, ExportsErp) as erp:  # type: ignore[type-abstract]
        run.stage("contracts of the month")
        contracts = run.artifact(erp.contracts(month))
        run.stage("invoices")
        receivables = run.artifact(erp.receivables(month))
    return ErpExport(contracts, receivables)
