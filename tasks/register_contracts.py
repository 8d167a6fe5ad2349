"""Every released sale registered at CCEE, once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.intake import read_boletas
from retaguarda.model.contracts import Direction, Registration
from retaguarda.model.values import Month
from retaguarda.planning import Plan, Release, registrations
from retaguarda.portal.capabilities import RegistersContracts
from retaguarda.report.content import Findings
from retaguarda.report.findings import of_rejections
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class Registered:
    """The plan that was carried out."""

    plan: str
    findings: Artifact


@task
def register_contracts(
    run: Run, month: Month, releases: Artifact | None = None, sheet: Path | None = None, credential: str = "ccee/robo"
) -> Registered:
    """Leave every released sale of the month registered at CCEE, once each, and prove it.

    The sales are those that a reconciliation released, or those of a sheet that an operator gives.
    """
    run.stage("plan")
    wanted, findings = _from_releases(run, releases) if releases else _from_sheet(run, sheet)
    plan = Plan(f"register {month}", tuple(w for w in wanted if w.month == month))
    run.approve(plan)
    if plan.items:
        run.stage("signing in")
        with run.robot(credential, RegistersContracts) as ccee:  # type: ignore[type-abstract]
            run.stage("registering")
            for registration in run.pending(plan.items, title=lambda r: ", ".join(r.boletas)):
                with run.item(registration):
                    run.ensure("register", registration, find=ccee.find, draft=ccee.draft)
    return Registered(plan.digest, run.hand_over("findings.json", findings))


def _from_releases(run: Run, releases: Artifact) -> tuple[list[Registration], Findings]:
    judged = run.receive(releases, tuple[Release, ...])
    return [release.registration for release in judged if release.released], Findings()


def _from_sheet(run: Run, sheet: Path | None) -> tuple[list[Registration], Findings]:
    if sheet is None:
        raise ConfigurationError("register_contracts needs what to register", remedy="give --param sheet=FILE or --param releases=…")
    intake = read_boletas(run.path(run.take(sheet)), sheet.name)
    sales = registrations(intake.items, Direction.SALE, intake.incomplete)
    for odd in sales.rejected:
        run.reject(odd.boletas[0], ", ".join(odd.boletas), InvalidItem(odd.reason, remedy=odd.remedy))
    return list(sales.registrations), Findings(of_rejections(intake.rejections))
