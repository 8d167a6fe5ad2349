"""The way of a contract's money: ERP contract → invoice → bank line → release → CCEE receipt → ERP settlement, from any of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from retaguarda.errors import ConfigurationError
from retaguarda.store.models import Booking, DecisionState, Intent, Item, LedgerItem, MatchAllocation

STAGES = ("contract", "invoice", "bank line", "release", "receipt", "settlement")
"""The stations of the way, in their order."""
SHORTEST = 8
"""Letters that a line's name or the beginning of a decision's key has at least."""
MANY = 200
"""What one reference leads to, at most."""


@dataclass(frozen=True, slots=True)
class Station:
    """One station: what it is called, what is known of it, and the run that shows it."""

    stage: str
    reference: str
    facts: str = ""
    amount: Decimal | None = None
    day: dt.date | None = None
    run: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """All stations that hang together; `id` is the same from whichever of them one begins."""

    id: str
    stations: tuple[Station, ...]


def walk(reference: str) -> Lineage:
    """Everything that hangs together with a reference of any station: contract, invoice, line, decision, receipt or settlement.

    ConfigurationError when nothing is known of it.
    """
    items = _items(reference) if reference.strip() else []
    if not items:
        raise ConfigurationError(f"nothing is known of {reference}", remedy="give a contract, an invoice, a bank line or a receipt")
    contracts = sorted({item.contract for item in items if item.contract})
    if contracts:
        items = list(LedgerItem.objects.filter(contract__in=contracts).order_by("due_date", "item"))
    root = contracts or [item.item for item in items]
    found = [
        *(Station("contract", contract) for contract in contracts),
        *(_invoice(item) for item in items),
        *_lines({item.item for item in items}),
        *_acts(contracts),
        *_settlements({value for item in items for value in (item.item, item.document) if value}),
    ]
    name = hashlib.sha256("\n".join(root).encode()).hexdigest()[:12]
    return Lineage(name, tuple(sorted(found, key=lambda one: STAGES.index(one.stage))))


def _items(reference: str) -> list[LedgerItem]:
    """The open items that a reference leads to; each kind of reference is looked up by an index of its own."""
    booked, items = _booked(reference), _allocated(reference)
    contracts = [reference, *Item.objects.filter(protocol=reference).order_by().values_list("reference", flat=True).distinct()[:MANY]]
    named = Q(item__in=[reference, *items, *booked]) | Q(document__in=[reference, *booked]) | Q(contract__in=contracts)
    return list(LedgerItem.objects.filter(named).order_by("due_date", "item")[:500])


def _allocated(reference: str) -> list[str]:
    """The items of decisions on a line, or whose key begins so."""
    if len(reference) < SHORTEST:
        return []
    on_line = MatchAllocation.objects.filter(decision__line=reference)
    by_key = MatchAllocation.objects.filter(decision__key__startswith=reference)
    return [item for rows in (on_line, by_key) for item in rows.values_list("item", flat=True)[:MANY]]


def _booked(reference: str) -> list[str]:
    """What was booked by a batch, or from a source."""
    rows = (Booking.objects.filter(batch=reference), Booking.objects.filter(source=reference))
    return [name for some in rows for name in some.values_list("receivable", flat=True)[:MANY]]


def _invoice(item: LedgerItem) -> Station:
    facts = " · ".join(filter(None, [item.document, item.partner_name or item.partner, item.kind]))
    return Station("invoice", item.item, facts, item.open_amount, item.due_date)


def _lines(items: set[str]) -> Iterable[Station]:
    parts = MatchAllocation.objects.filter(item__in=items, decision__state=DecisionState.STANDS).select_related("decision")
    for part in parts.order_by("decision__date", "decision__line", "item"):
        one = part.decision
        facts = f"{part.item} · {one.rule} · {one.description}"
        yield Station("bank line", f"{one.account} {one.line}", facts, part.amount, one.date, one.run_id or "")


def _acts(contracts: list[str]) -> Iterable[Station]:
    """What was released, and what CCEE gave back for it."""
    for item in Item.objects.filter(reference__in=contracts).order_by("updated_at", "id")[:200]:
        yield Station("release", item.reference, " · ".join(filter(None, [item.state, item.outcome, item.reason])), run=item.run_id)
    for act in Intent.objects.filter(reference__in=contracts).exclude(protocol="").order_by("at")[:200]:
        facts = f"{act.portal} · {act.act} · {act.state}"
        yield Station("receipt", act.protocol, facts, day=act.at.date(), run=act.run_id)


def _settlements(receivables: set[str]) -> Iterable[Station]:
    for one in Booking.objects.filter(receivable__in=receivables).order_by("date", "id"):
        yield Station("settlement", one.batch, f"{one.receivable} · {one.source}", one.amount, one.date, one.run_id)
