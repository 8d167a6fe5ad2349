"""What differs between the ERP's contracts and CCEE's, as breaks with an age, an owner and a next step."""

from __future__ import annotations

from retaguarda.calendars.calendar import banks
from retaguarda.clock import Clock
from retaguarda.decisions import breaks
from retaguarda.decisions.breaks import Updated
from retaguarda.decisions.open_points import OF_CONTRACTS, of_contracts
from retaguarda.model.reconciliation import ContractReconciliation
from retaguarda.model.values import Month
from retaguarda.reconcile.break_rules import read_break_rules
from retaguarda.store.models import BreakRecord, RunRecord


def tell_contract_breaks(found: ContractReconciliation, month: Month, run: RunRecord, clock: Clock) -> Updated:
    """Open and close the breaks of the month's contracts; those of other months and kinds stay as they are."""

    def seen(row: BreakRecord) -> bool:
        return row.kind in OF_CONTRACTS.values() and row.date == month.first

    today = clock.today()
    return breaks.update(of_contracts(found.comparisons, month), read_break_rules(), clock.now(), today, banks().shifted, run, seen)
