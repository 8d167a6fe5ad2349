"""A match that a person makes of a line in the book of accounts and items that the ERP told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from retaguarda.decisions.register import propose
from retaguarda.errors import InvalidItem
from retaguarda.reconcile.matching.model import Allocation, Decision, Difference, DifferenceKind, Evidence, Line, Verdict
from retaguarda.store.models import LedgerItem, MatchDecision, StatementEntry

RULE = "person"


def matched(line: str, parts: Sequence[tuple[str, Decimal]], by: str, at: dt.datetime) -> MatchDecision:
    """The proposal that this line settles these items; what is over or missing is told as a divergence.

    InvalidItem when the line or an item is not known, two accounts have such a line, or an amount is not above zero.
    """
    entry = _line(line)
    kinds = dict(LedgerItem.objects.filter(item__in=[item for item, _ in parts]).values_list("item", "kind"))
    for item, amount in parts:
        if item not in kinds:
            raise InvalidItem(f"the ERP told no open item {item}", remedy="write it as the last reconciliation's items have it")
        if amount <= 0:
            raise InvalidItem(f"{item}: {amount:.2f} settles nothing", remedy="give the amount that the line settles of it")
    allocations = tuple(Allocation(item, kinds[item], amount) for item, amount in parts)
    net = sum((one.amount if one.kind == "AR" else -one.amount for one in allocations), Decimal())
    differs = entry.amount - net
    said = Line(entry.entry, entry.account, "", entry.date, entry.amount, entry.type, entry.document, entry.fitid, entry.description)
    difference = Difference(DifferenceKind.DIVERGENT, differs, "") if differs else None
    words = Evidence((f"matched by {by}",), ())
    return propose(entry.account, Decision(said, allocations, Verdict.PROPOSAL, RULE, 0.0, words, difference), by, at)


def _line(name: str) -> StatementEntry:
    """The line of that name, by its index; two accounts may have one of the same name, as unlikely as that is."""
    found = list(StatementEntry.objects.filter(entry=name)[:2])
    if not found:
        raise InvalidItem(f"no line {name} in the book of accounts", remedy="see: retaguarda reconcile breaks")
    if len(found) > 1:
        accounts = " and ".join(sorted(one.account for one in found))
        raise InvalidItem(f"line {name} stands in {accounts}", remedy="decide it by the breaks of its account")
    return found[0]
