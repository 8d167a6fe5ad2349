"""Every purchase that the ERP confirms validated at CCEE, once."""

from __future__ import annotations

from dataclasses import dataclass

from retaguarda.errors import InvalidItem
from retaguarda.intake import read_boletas
from retaguarda.model.contracts import Direction, Validation
from retaguarda.model.values import Month
from retaguarda.planning import Plan, registrations
from retaguarda.portal.capabilities import ValidatesContracts
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Validated:
    """The plan that was carried out."""

    plan: str


@task
def validate_contracts(run: Run, month: Month, contracts: Artifact, credential: str = "ccee/robo") -> Validated:
    """Validate, as the buyer, every contract of the month that CCEE shows exactly as the ERP has it; leave the others alone."""
    run.stage("plan")
    intake = read_boletas(run.path(contracts), contracts.name)
    purchases = registrations([b for b in intake.items if b.month == month], Direction.PURCHASE, intake.incomplete)
    for odd in purchases.rejected:
        run.reject(odd.boletas[0], ", ".join(odd.boletas), InvalidItem(odd.reason, remedy=odd.remedy))
    plan = Plan(f"validate {month}", tuple(map(Validation.of, purchases.registrations)))
    run.approve(plan)
    if plan.items:
        run.stage("signing in")
        with run.robot(credential, ValidatesContracts) as ccee:  # type: ignore[type-abstract]
            run.stage("validating")
            for validation in run.pending(plan.items, title=lambda v: ", ".join(v.boletas)):
                with run.item(validation):
                    run.ensure("validate", validation, find=ccee.find_validation, draft=ccee.draft_validation)
    return Validated(plan.digest)
