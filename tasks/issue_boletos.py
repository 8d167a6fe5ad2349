"""What customers owe, charged by boleto: a remessa handed in to the bank, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.intake import Intake, read_charges, read_payers, read_receivables
from retaguarda.jobs import boletos
from retaguarda.jobs.boletos import Office
from retaguarda.model.acts import Errand
from retaguarda.model.charges import Charge, RemittanceFile
from retaguarda.planning import Plan, charges
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
def issue_boletos(
    run: Run, sheet: Path | None = None, receivables: Artifact | None = None, payers: Path | None = None, credential: str = "bank_ipe/robo"
) -> Issued:
    """Hand invoices in to the bank as one remessa de cobrança, and prove that it came once.

    The invoices are those of a sheet, or what is open of the ERP's receivables, with a sheet of the payers' addresses, which also
    tells who pays otherwise and is not charged. An invoice that has a boleto already is rejected; a run that is resumed hands in
    the very file that it made before.
    """
    run.stage("plan")
    office = Office.of(run.settings, credential)
    file, findings = _made_before(run, office) or _made(run, office, *_wanted(run, sheet, receivables, payers))
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


def _wanted(run: Run, sheet: Path | None, receivables: Artifact | None, payers: Path | None) -> tuple[list[Charge], Findings]:
    """What is to be charged; rows that cannot be used become items with the reason."""
    if sheet is not None:
        intake = read_charges(run.path(run.take(sheet)), sheet.name)
        return list(intake.items), _told(run, intake)
    if receivables is None or payers is None:
        remedy = "give --param sheet=FILE, or --param receivables=… and --param payers=FILE"
        raise ConfigurationError("issue_boletos needs what to charge", remedy=remedy)
    invoices, places = read_receivables(run.path(receivables), receivables.name), read_payers(run.path(run.take(payers)), payers.name)
    found = charges(invoices.items, places.items)
    for one, why in found.missing:
        run.reject(f"boleto {one.number}", one.partner, why, {"amount": f"{one.open_amount:.2f}"})
    if found.otherwise:
        amount = sum(one.open_amount for one in found.otherwise)
        run.tell("boletos.otherwise", receivables.name, invoices=len(found.otherwise), amount=f"{amount:.2f}")
    told = [_told(run, invoices), _told(run, places)]
    return found.boletos, Findings(tuple(line for findings in told for line in findings.rejections))


def _told(run: Run, intake: Intake[Any]) -> Findings:
    for rejection in intake.rejections:
        error = InvalidItem(f"{rejection.field}: {rejection.reason}", remedy=rejection.remedy)
        run.reject(f"{rejection.file}:{rejection.line}", next(iter(rejection.row.values()), ""), error, rejection.row)
    with run.item(Errand(intake.file, {"rows": str(intake.rows), "rejected": str(len(intake.rejections))})):
        run.tell("intake.read", intake.file, rows=intake.rows, items=len(intake.items), rejections=len(intake.rejections))
    return Findings(of_rejections(intake.rejections))


def _made(run: Run, office: Office, wanted: list[Charge], findings: Findings) -> tuple[RemittanceFile | None, Findings]:
    """The remessa of what can be charged, its numbers given away for good; a rehearsal gives none away."""
    made = boletos.make(office, wanted, run.clock.business_now())
    for charge, why in made.refused:
        run.reject(f"boleto {charge.document}", charge.payer.name, why, {"amount": f"{charge.face_value:.2f}"})
    file = made.file(office)
    if file and not run.dry_run:
        run.keep(file.name, file.content, kind="output")
        boletos.keep(run.record, office, made, run.clock.now())
    return file, findings
