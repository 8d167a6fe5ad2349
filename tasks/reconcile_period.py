"""What the book of accounts holds against the open items: matched, recorded for good, and what is left told as breaks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from retaguarda.decisions.matching import matched, produced
from retaguarda.decisions.period import Given
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.intake import read_receivables
from retaguarda.model.values import Period
from retaguarda.planning import booking_batches
from retaguarda.reconcile.canonical import from_erp
from retaguarda.run import Artifact, Run, task


@dataclass(frozen=True)
class PeriodReconciled:
    """What stands, what waits for a person, what is open, and the payments that the ERP is still to book."""

    stands: int
    proposed: int
    overtaken: int
    breaks: int
    result: Artifact
    matches: Artifact
    batches: Artifact


@task
def reconcile_period(
    run: Run,
    period: Period,
    open_items: Path | None = None,
    receivables: Artifact | None = None,
    partners: Path | None = None,
    accounts: Path | None = None,
    history: Path | None = None,
) -> PeriodReconciled:
    """Match what the proved statements of a period, and what was left of earlier ones, say with the open items.

    The items come from a canonical file, or from the ERP's own export; partners, accounts and earlier matches from canonical
    files, or from what the store knows.
    """
    run.stage("intake")
    work = run.reconciliation(period)
    items = _items(run, open_items, receivables)
    kept = {name: run.keep(name, data) for name, data in work.files(Given(items, partners, accounts, history)).items()}
    paths = {name: run.path(artifact) for name, artifact in kept.items()}
    run.stage("matching")
    overtaken = work.reopen(paths, lambda data: run.path(run.keep("earlier.csv", data)))
    if overtaken:  # their lines and items are open again
        kept |= {name: run.keep(name, data) for name, data in work.files(Given(items, partners, accounts, history)).items()}
        paths = {name: run.path(artifact) for name, artifact in kept.items()}
    result = matched(paths)
    for odd in result.rejections:
        error = InvalidItem(f"{odd.field}: {odd.value}", remedy=odd.remedy)
        run.reject(f"{odd.file}:{odd.line}", odd.value, error)
    outputs = {name: run.keep(name, data, kind="output") for name, data in produced(result).items()}
    run.stage("decisions")
    told = work.record(result, items, overtaken)
    batches = run.hand_over("batches.json", tuple(booking_batches(work.to_book(), period)))
    return PeriodReconciled(
        told.decisions.stands,
        told.decisions.proposed,
        overtaken,
        told.breaks.open,
        outputs["result.json"],
        outputs["matches.csv"],
        batches,
    )


def _items(run: Run, open_items: Path | None, receivables: Artifact | None) -> bytes:
    """The open items of whichever of the two is given."""
    if open_items is not None and receivables is None:
        return run.bytes_of(run.take(open_items))
    if receivables is None or open_items is not None:
        remedy = "give open_items (a file) or receivables (the ERP's export)"
        raise ConfigurationError("the open items are to come from one place", remedy=remedy)
    read = read_receivables(run.path(receivables), receivables.name)
    for odd in read.rejections:
        run.reject(f"{odd.file}:{odd.line}", odd.field, InvalidItem(f"{odd.field}: {odd.reason}", remedy=odd.remedy), odd.row)
    return from_erp(read.items)
