"""What CCEE holds against what the ERP has, in MWh and MWmédio."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.formats import ccee_export
from retaguarda.intake import read_boletas
from retaguarda.model.acts import Errand
from retaguarda.model.contracts import HeldContract
from retaguarda.model.values import Month
from retaguarda.portal.capabilities import ExportsContracts
from retaguarda.reconcile.contracts import reconcile_contracts
from retaguarda.report.findings import of_contracts
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class CceeReconciliation:
    """CCEE's export and what differs from the ERP."""

    export: Artifact
    findings: Artifact
    breaks: int


@task
def reconcile_ccee(run: Run, month: Month, contracts: Artifact, credential: str = "ccee/robo") -> CceeReconciliation:
    """Download CCEE's own export of the month and reconcile it with the ERP's contracts."""
    run.stage("signing in")
    with run.robot(credential, ExportsContracts) as ccee:  # type: ignore[type-abstract]
        run.stage("export")
        with run.item(Errand(f"export {month}")):
            download = ccee.export(month)
    run.stage("comparison")
    held = ccee_export.read(download.read_bytes(), month)
    boletas = [b for b in read_boletas(run.path(contracts), contracts.name).items if b.month == month]
    found = reconcile_contracts(boletas, held.contracts)
    run.hand_over("comparison.json", found)
    findings = run.hand_over("findings.json", of_contracts(found, _siglas(held.contracts)))
    return CceeReconciliation(run.artifact(download), findings, len(found.breaks))


def _siglas(held: tuple[HeldContract, ...]) -> dict[int, str]:
    return {code: sigla for c in held for code, sigla in ((c.seller_profile, c.seller), (c.buyer_profile, c.buyer))}
