"""What CCEE holds against what the ERP has, in MWh and MWmédio."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.decisions.contracts import tell_contract_breaks
from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import ccee_export
from retaguarda.intake import read_boletas
from retaguarda.model.acts import Errand
from retaguarda.model.contracts import HeldContract
from retaguarda.model.values import Month
from retaguarda.planning import Release
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
def reconcile_ccee(
    run: Run, month: Month, contracts: Artifact, releases: Artifact | None = None, credential: str = "ccee/robo"
) -> CceeReconciliation:
    """Download CCEE's own export of the month and reconcile it with the ERP's contracts.

    With the releases of a reconciliation, a sale that waits for its payment is told as held back, not as missing.
    """
    run.stage("signing in")
    exported: list[Artifact] = []
    with run.robot(credential, ExportsContracts) as ccee:  # type: ignore[type-abstract]
        run.stage("export")
        with run.item(Errand(f"export {month}")):
            exported.append(run.artifact(ccee.export(month)))
    if not exported:
        raise IncompleteDownload(f"CCEE refused the export of {month}", remedy="see in the run's items what the portal said")
    [export] = exported
    run.stage("comparison")
    held = ccee_export.read(run.bytes_of(export), month)
    for odd in held.quarantine:
        run.reject(f"{export.name}:{odd.line}", odd.raw[:80], InvalidItem(odd.reason, remedy="ask CCEE for the export again"))
    boletas = [b for b in read_boletas(run.path(contracts), contracts.name).items if b.month == month]
    judged = run.receive(releases, tuple[Release, ...]) if releases else ()
    found = reconcile_contracts(boletas, held.contracts, {r.registration.key: r.reason for r in judged if not r.released})
    run.hand_over("comparison.json", found)
    if not run.dry_run:
        tell_contract_breaks(found, month, run.record, run.clock)
    findings = run.hand_over("findings.json", of_contracts(found, _siglas(held.contracts)))
    return CceeReconciliation(export, findings, len(found.breaks))


def _siglas(held: tuple[HeldContract, ...]) -> dict[int, str]:
    return {code: sigla for c in held for code, sigla in ((c.seller_profile, c.seller), (c.buyer_profile, c.buyer))}
