"""Every payment that was matched booked in the ERP, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from retaguarda.jobs.bookings import book
from retaguarda.model.receivables import SettlementBatch, StatementState
from retaguarda.planning import Plan
from retaguarda.portal.capabilities import PostsSettlements
from retaguarda.run import Artifact, Run, task

ACTS: Mapping[str, StatementState] = {"settle": "validated", "post": "posted"}
"""Act → what it makes of a statement, in order: settling pays the invoices and can be cancelled, posting is for good."""


@dataclass(frozen=True)
class Settled:
    """How much was booked."""

    payments: int
    total: Decimal


@task
def settle_receivables(run: Run, batches: Artifact, credential: str = "tryton/robo") -> Settled:
    """Book the payments of a reconciliation on their receivables in the ERP, one statement a bank account."""
    run.stage("plan")
    wanted = run.receive(batches, tuple[SettlementBatch, ...])
    run.approve(Plan("settle receivables", wanted))
    if wanted:
        run.stage("signing in")
        with run.robot(credential, PostsSettlements) as erp:  # type: ignore[type-abstract]
            run.stage("booking")
            for batch in run.pending(wanted, title=lambda b: f"{b.account}: {len(b.lines)}"):
                with run.item(batch):
                    for act, state in ACTS.items():
                        run.ensure(act, replace(batch, state=state), find=erp.find_settlement, draft=erp.draft_settlement)
                    if not run.dry_run:
                        book(run.record, batch)
    return Settled(sum(len(batch.lines) for batch in wanted), sum((batch.total for batch in wanted), Decimal()))
