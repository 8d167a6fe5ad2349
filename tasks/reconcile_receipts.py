"""Which invoices were paid: statements and boleto returns against the ERP's receivables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retaguarda.accounts import book
from retaguarda.decisions.matching import matched, produced
from retaguarda.decisions.month import MonthReceipts
from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import read_return, read_statement
from retaguarda.intake import read_boletas, read_receivables
from retaguarda.model.acts import Errand
from retaguarda.model.contracts import Direction
from retaguarda.model.intake import Intake
from retaguarda.model.reconciliation import Reconciliation
from retaguarda.model.statements import Statement
from retaguarda.model.values import Month, Period
from retaguarda.planning import Release, registrations, released
from retaguarda.reconcile.matching.tables import ITEMS
from retaguarda.reconcile.proof import prove
from retaguarda.report.content import Findings
from retaguarda.report.findings import of_receipts, of_rejections
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Receipts:
    """What the payments decide: who is released, what is booked, and what people must look at."""

    releases: Artifact
    batches: Artifact
    findings: Artifact
    breaks: int
    held: int


@task
def reconcile_receipts(
    run: Run,
    month: Month,
    period: Period,
    contracts: Artifact,
    receivables: Artifact,
    statements: tuple[Artifact, ...],
    returns: tuple[Artifact, ...] = (),
) -> Receipts:
    """Match every credit with an invoice, release the contracts whose invoices are paid, and prepare what is to be booked."""
    run.stage("intake")
    boletas, invoices = read_boletas(run.path(contracts), contracts.name), read_receivables(run.path(receivables), receivables.name)
    _tell_intake(run, boletas)
    _tell_intake(run, invoices)
    bank = [_proved(run, artifact) for artifact in statements]
    run.stage("matching")
    titles = [read_return(run.bytes_of(artifact)) for artifact in returns]
    work = MonthReceipts.of(period, run.record, run.clock, bank, titles, invoices.items)
    found = _matched(run, work)
    run.stage("release")
    sales = registrations([b for b in boletas.items if b.month == month], Direction.SALE, boletas.incomplete)
    for odd in sales.rejected:
        run.reject(odd.boletas[0], ", ".join(odd.boletas), InvalidItem(odd.reason, remedy=odd.remedy))
    releases = tuple(released(sales.registrations, invoices.items, work.settled(found)))
    findings = of_receipts(found, invoices.items, {movement.id: movement.entry for movement in work.asked.movements})
    told = Findings(
        of_rejections((*boletas.rejections, *invoices.rejections)),
        findings.matches,
        findings.breaks,
        tie_out=findings.tie_out,
        notes=_notes(releases),
    )
    run.hand_over("reconciliation.json", found)
    return Receipts(
        releases=run.hand_over("releases.json", releases),
        batches=run.hand_over("batches.json", tuple(work.batches(found))),
        findings=run.hand_over("findings.json", told),
        breaks=len(found.breaks),
        held=sum(not release.released for release in releases),
    )


def _proved(run: Run, artifact: Artifact) -> Statement:
    """A statement that the book of accounts proved, or that proves itself; IncompleteDownload when it does neither."""
    statement = read_statement(run.bytes_of(artifact))
    if not book.proved(artifact.sha256):
        start, end = statement.start or statement.end, statement.end or statement.start
        reasons = prove(statement, Period(start, end)).reasons if start and end and start <= end else ("the file states no period",)
        if reasons:
            raise IncompleteDownload(f"{artifact.name}: {'; '.join(reasons)}", remedy="download it again; if it stays so, ask the bank")
    return statement


def _matched(run: Run, work: MonthReceipts) -> Reconciliation:
    """What the engine says, from files that are kept: `retaguarda reconcile reperform` makes the same of them."""
    files = {name: run.path(run.keep(name, data)) for name, data in work.files().items()}
    paid = None
    if items := work.paid_items():
        paid = matched({**files, ITEMS.name: run.path(run.keep("paid_items.csv", items))})
        files[ITEMS.name] = run.path(run.keep(ITEMS.name, work.items(work.named(paid))))
    result = matched(files)
    for name, data in produced(result).items():
        run.keep(name, data, kind="output")
    return work.told(result, paid, keep=not run.dry_run)


def _tell_intake(run: Run, intake: Intake[Any]) -> None:
    """Each rejected row becomes an item of the run, so that nobody overlooks it."""
    for rejection in intake.rejections:
        error = InvalidItem(f"{rejection.field}: {rejection.reason}", remedy=rejection.remedy)
        run.reject(f"{rejection.file}:{rejection.line}", next(iter(rejection.row.values()), ""), error, rejection.row)
    with run.item(Errand(intake.file, {"rows": str(intake.rows), "rejected": str(len(intake.rejections))})):
        run.tell("intake.read", intake.file, rows=intake.rows, items=len(intake.items), rejections=len(intake.rejections))


def _notes(releases: tuple[Release, ...]) -> tuple[str, ...]:
    return tuple(f"{r.registration.reference}: {r.reason} ({', '.join(r.waits_for)})" for r in releases if not r.released)
