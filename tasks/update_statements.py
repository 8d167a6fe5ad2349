"""What the book of accounts lacks, fetched from the banks: gaps, provisional days, broken ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from retaguarda.errors import ConfigurationError, IncompleteDownload, InvalidItem
from retaguarda.formats import read_statement
from retaguarda.model.acts import Errand
from retaguarda.model.values import Period
from retaguarda.portal.capabilities import ListsStatements
from retaguarda.reconcile.download_plan import plan_downloads
from retaguarda.run import Run, task


@dataclass(frozen=True)
class Updated:
    """Movements that are new, and provisional ones that gave way."""

    added: int
    replaced: int


@task
def update_statements(run: Run, days: int = 10, credentials: tuple[str, ...] = ("bank_jatoba/robo", "bank_cedro/robo")) -> Updated:
    """Fetch those of the latest days that are not proved yet, in pieces that each bank accepts."""
    if days < 1:
        raise ConfigurationError(f"days={days} asks for nothing", remedy="give one day or more")
    today = run.clock.today()
    added = replaced = 0
    for credential in credentials:
        account = run.account(credential)
        limits = run.manifest(credential)
        known = run.known_days(account, Period(today - dt.timedelta(days), today))
        plan = plan_downloads(known, today, limits.statement_days, limits.history_days)
        for day in plan.out_of_reach:
            remedy = "ask the bank for the file, and give it to import_statements"
            run.reject(f"{account} {day}", account, InvalidItem(f"the bank no longer gives {day} on line", remedy=remedy))
        if not plan.pieces:
            continue
        run.stage("signing in")
        with run.robot(credential, ListsStatements) as bank:  # type: ignore[type-abstract]
            run.stage("statement")
            for errand in run.pending([Errand(f"{account} {piece}", {"period": str(piece)}) for piece in plan.pieces]):
                with run.item(errand):
                    download = bank.statement(account, Period.parse(errand.fields()["period"]))
                    taken = run.enter_statement(run.artifact(download), read_statement(download.read_bytes()), asked=account)
                    if taken.reasons:
                        raise IncompleteDownload(
                            f"{taken.name}: {'; '.join(taken.reasons)}", remedy="download it again; if it stays so, ask the bank"
                        )
                    added, replaced = added + taken.added, replaced + taken.replaced
    return Updated(added, replaced)
