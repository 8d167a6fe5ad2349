"""What customers owe, charged by boleto: a remessa handed in to the bank, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.intake import read_charges
from retaguarda.jobs import boletos
from retaguarda.jobs.boletos import Office
from retaguarda.model.acts import Errand
from retaguarda.model.charges import RemittanceFile
from retaguarda.planning import Plan
from retaguarda.portal.capabilities import IssuesBoletos
from retaguarda.report.content import Findings
from retaguarda.report.findings import of_rejections
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Issued:
    """The remessa that was handed in; what the bank says to its titles, `confirm_boletos` reads on the next business day."""

    remittance: Artifact | None
    titles: int
    findings: Artifact


@task
def issue_boletos(run: Run, sheet: Path, credential: str = "bank_ipe/robo") -> Issued:
    """Hand the invoices of a sheet in to the bank as one remessa de cobrança, and prove that it came once.

    An invoice that has a boleto already is rejected; a run that is resumed hands in the very file that it made before.
    """
    run.stage("plan")
    office = Office.of(run.settings, credential)
    file, findings = _made_before(run, office) or _made(run, office, sheet)
    run.approve(Plan(f"issue boletos {office.account}", (file,) if file else ()))
    if file is None:
        return Issued(None, 0, run.hand_over("findings.json", findings))
    run.stage("signing in")
    with run.robot(credential, IssuesBoletos) as bank:  # type: ignore[type-abstract]
        run.stage("handing in")
        for remittance in run.pending((file,), title=lambda it: f"{it.name}: {it.titles}"):
            with run.item(remittance):
                done = run.ensure(boletos.ACT, remittance, find=bank.find_remittance, draft=bank.draft_remittance)
                if not run.dry_run:
                    boletos.sent(run.record, office, remittance, done.protocol, run.clock.today())
    return Issued(Artifact(file.sha256, file.name), file.titles, run.hand_over("findings.json", findings))


def _made_before(run: Run, office: Office) -> tuple[RemittanceFile | None, Findings] | None:
    held = boletos.remittance_of(run.record, office)
    return (boletos.file_of(held, run.bytes_of(Artifact(held.sha256, held.name))), Findings()) if held else None


def _made(run: Run, office: Office, sheet: Path) -> tuple[RemittanceFile | None, Findings]:
    """The remessa of the sheet's invoices; rows and invoices that cannot be charged become items with the reason."""
    intake = read_charges(run.path(run.take(sheet)), sheet.name)
    for rejection in intake.rejections:
        error = InvalidItem(f"{rejection.field}: {rejection.reason}", remedy=rejection.remedy)
        run.reject(f"{rejection.file}:{rejection.line}", next(iter(rejection.row.values()), ""), error, rejection.row)
    if not intake.rows:
        raise ConfigurationError(f"{sheet.name} holds no invoice", remedy="give the sheet of what is to be charged")
    with run.item(Errand(intake.file, {"rows": str(intake.rows), "rejected": str(len(intake.rejections))})):
        run.tell("intake.read", intake.file, rows=intake.rows, items=len(intake.items), rejections=len(intake.rejections))
    made = boletos.make(office, intake.items, run.clock.business_now())
    for charge, why in made.refused:
        run.reject(f"boleto {charge.document}", charge.payer.name, why, {"amount": f"{charge.face_value:.2f}"})
    file = made.file(office)
    if file and not run.dry_run:
        run.keep(file.name, file.content, kind="output")
        boletos.keep(run.record, office, made, run.clock.now())
    return file, Findings(of_rejections(intake.rejections))
