"""Which invoices were paid: statements and boleto returns against the ERP's receivables."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.formats import read_return, read_statement
from retaguarda.intake import read_boletas, read_receivables
from retaguarda.jobs.bookings import booked
from retaguarda.model.acts import Errand
from retaguarda.model.contracts import Direction
from retaguarda.model.intake import Intake
from retaguarda.model.statements import Entry, Statement, entry_ids
from retaguarda.model.values import Month, Period
from retaguarda.planning import Release, registrations, released, settlement_batches
from retaguarda.reconcile.receipts import reconcile_receipts as match_receipts
from retaguarda.reconcile.rules import Rules, parse_rules
from retaguarda.report.content import Findings
from retaguarda.report.findings import of_receipts, of_rejections
from retaguarda.run import Artifact, Run, task

CLASSES = Path("config/classes.toml")


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
    bank = [read_statement(run.bytes_of(artifact)) for artifact in statements]
    run.stage("matching")
    found = match_receipts(bank, [read_return(run.bytes_of(a)) for a in returns], invoices.items, _rules(), booked=booked())
    run.stage("release")
    sales = registrations([b for b in boletas.items if b.month == month], Direction.SALE, boletas.incomplete)
    for odd in sales.rejected:
        run.reject(odd.boletas[0], ", ".join(odd.boletas), InvalidItem(odd.reason, remedy=odd.remedy))
    releases = tuple(released(sales.registrations, invoices.items, found.settled()))
    batches = tuple(settlement_batches(found.matches, invoices.items, period))
    findings = of_receipts(found, invoices.items, _entries(bank))
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
        batches=run.hand_over("batches.json", batches),
        findings=run.hand_over("findings.json", told),
        breaks=len(found.breaks),
        held=sum(not release.released for release in releases),
    )


def _tell_intake(run: Run, intake: Intake[Any]) -> None:
    """Each rejected row becomes an item of the run, so that nobody overlooks it."""
    for rejection in intake.rejections:
        error = InvalidItem(f"{rejection.field}: {rejection.reason}", remedy=rejection.remedy)
        run.reject(f"{rejection.file}:{rejection.line}", next(iter(rejection.row.values()), ""), error, rejection.row)
    with run.item(Errand(intake.file, {"rows": str(intake.rows), "rejected": str(len(intake.rejections))})):
        run.tell("intake.read", intake.file, rows=intake.rows, items=len(intake.items), rejections=len(intake.rejections))


def _rules() -> Rules:
    try:
        return parse_rules(tomllib.loads(CLASSES.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{CLASSES} cannot be read: {error}") from error


def _entries(statements: list[Statement]) -> dict[str, Entry]:
    """Entries of all statements by the stable id that matches refer to."""
    return {
        entry_id: entry
        for statement in statements
        for entry_id, entry in zip(entry_ids(statement.account_key, statement.entries), statement.entries, strict=True)
    }


def _notes(releases: tuple[Release, ...]) -> tuple[str, ...]:
    return tuple(f"{r.registration.reference}: {r.reason} ({', '.join(r.waits_for)})" for r in releases if not r.released)
