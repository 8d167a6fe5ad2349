"""What to do, before anything is done: contracts added up by CCEE's key, released by payment, fixed as a plan with a digest."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from retaguarda.errors import InvalidItem
from retaguarda.model.acts import Wanted
from retaguarda.model.charges import Charge, Customer, Species
from retaguarda.model.contracts import Boleta, ContractKey, Direction, Registration
from retaguarda.model.receivables import Receivable, Settlement, SettlementBatch
from retaguarda.model.reconciliation import Match, MatchKind
from retaguarda.model.values import Period, megawatt_hours, mw_average

W = TypeVar("W", bound=Wanted)
WRITE_OFF = Decimal("0.05")
"""An invoice with no more than this left open counts as paid."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Boletas of one CCEE contract that cannot be added up."""

    boletas: tuple[str, ...]
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Grouping:
    """The registrations that boletas add up to, in the order of their references, and the groups that do not add up."""

    registrations: tuple[Registration, ...]
    rejected: tuple[Disagreement, ...] = ()


def registrations(boletas: Iterable[Boleta], direction: Direction, incomplete: Collection[ContractKey] = ()) -> Grouping:
    """One registration for each CCEE key: the sum of its boletas as MWmédio, the lowest boleta number as reference.

    Keys in `incomplete` lack a boleta that intake rejected (`Intake.incomplete`): their sum would be wrong, so they are rejected.
    """
    groups: dict[tuple[object, ...], list[Boleta]] = {}
    for boleta in boletas:
        if boleta.direction is direction:
            groups.setdefault(boleta.key, []).append(boleta)
    sorted_groups = sorted((sorted(group, key=_by_number) for group in groups.values()), key=lambda group: _by_number(group[0]))
    judged = [(group, _disagreement(group, incomplete)) for group in sorted_groups]
    return Grouping(tuple(_registration(g) for g, why in judged if why is None), tuple(why for _, why in judged if why is not None))


def _registration(group: Sequence[Boleta]) -> Registration:
    first = group[0]
    return Registration(
        reference=first.number,
        seller_profile=first.seller_profile,
        buyer_profile=first.buyer_profile,
        submarket=first.submarket,
        month=first.month,
        mw_average=mw_average(sum((b.mwh for b in group), Decimal()), first.month),
        modulation=first.modulation,
        boletas=tuple(b.number for b in group),
    )


def _disagreement(group: Sequence[Boleta], incomplete: Collection[ContractKey]) -> Disagreement | None:
    numbers = tuple(b.number for b in group)
    if group[0].key in incomplete:
        reason = "Another boleta of the same CCEE contract was rejected at intake: the sum would be too small."
        return Disagreement(numbers, reason, "Mend the rejected row, or take it out of the file.")
    if len({b.modulation for b in group}) > 1:
        reason = "The boletas of one CCEE contract have different modulations."
        return Disagreement(numbers, reason, "Give them one modulation in the ERP, or other profiles or submarkets.")
    return None


def _by_number(boleta: Boleta) -> tuple[tuple[int, str], ...]:
    """Natural order: BOL-9 before BOL-10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", boleta.number))


@dataclass(frozen=True, slots=True)
class Release:
    """Whether a sale may be registered, and if not, what it waits for."""

    registration: Registration
    released: bool
    reason: str
    waits_for: tuple[str, ...] = ()  # invoices with an open amount, or boletas without an invoice
    open_amount: Decimal = Decimal("0.00")


def released(
    wanted: Iterable[Registration],
    receivables: Iterable[Receivable],
    settled: Mapping[str, Decimal] | None = None,
    write_off: Decimal = WRITE_OFF,
) -> list[Release]:
    """Judge each sale: it is released when every boleta has an invoice and every invoice of them is paid.

    Args:
        wanted: registrations of sales.
        receivables: the ERP's invoices, paid ones included (their open amount is zero).
        settled: amounts of this run's payments by invoice number, not yet booked in the ERP (`Reconciliation.settled()`).
        write_off: what may be left open of an invoice.
    """
    by_boleta: dict[str, list[Receivable]] = {}
    for receivable in receivables:
        by_boleta.setdefault(receivable.boleta, []).append(receivable)
    return [_judged(registration, by_boleta, settled or {}, write_off) for registration in wanted]


def _judged(
    registration: Registration, by_boleta: Mapping[str, list[Receivable]], settled: Mapping[str, Decimal], write_off: Decimal
) -> Release:
    without = tuple(number for number in registration.boletas if number not in by_boleta)
    if without:
        return Release(registration, False, "A boleta has no invoice.", without)
    invoices = [invoice for number in registration.boletas for invoice in by_boleta[number]]
    left = {i.number: i.open_amount - settled.get(i.number, Decimal()) for i in invoices}
    unpaid = {number: amount for number, amount in left.items() if amount > write_off}
    if unpaid:
        return Release(registration, False, "An invoice is not fully paid.", tuple(unpaid), sum(unpaid.values(), Decimal()))
    return Release(registration, True, "All invoices are paid.")


@dataclass(frozen=True, slots=True)
class Plan(Generic[W]):
    """What a run will want, in a fixed order; its digest is what a second person approves.

    Raises InvalidItem when two items have one reference.
    """

    name: str
    items: tuple[W, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for item in self.items:
            if item.reference in seen:
                raise InvalidItem(f"The reference {item.reference} stands in the plan twice.", reference=item.reference)
            seen.add(item.reference)

    @property
    def digest(self) -> str:
        """SHA-256 of the plan's name and of every item's fields in order, as canonical JSON."""
        told = {"plan": self.name, "items": [{"reference": i.reference, "fields": i.fields()} for i in self.items]}
        canonical = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def count(self) -> int:
        return len(self.items)

    @property
    def mwh(self) -> Decimal:
        """The energy of the registrations in the plan, in MWh; zero when it holds none."""
        found = (item for item in self.items if isinstance(item, Registration))
        return sum((megawatt_hours(r.mw_average, r.month) for r in found), Decimal("0.000"))


def settlement_batches(matches: Iterable[Match], receivables: Iterable[Receivable], period: Period) -> list[SettlementBatch]:
    """The payments to book in the ERP, one batch for each bank account, in the order of account, day and invoice.

    Payments that the ERP already knows (`MatchKind.SETTLED`) are left out. The reference names account, period and lines.
    """
    partners = {receivable.number: receivable.partner for receivable in receivables}
    accounts: dict[str, list[Settlement]] = {}
    for match in matches:
        if match.kind is not MatchKind.SETTLED:
            line = Settlement(match.receivable, match.date, match.amount, partners.get(match.receivable, ""), match.credit)
            accounts.setdefault(match.account, []).append(line)
    return booking_batches(accounts, period)


def booking_batches(accounts: Mapping[str, list[Settlement]], period: Period) -> list[SettlementBatch]:
    """The payments of each bank account as one batch, its lines in the order of day and invoice."""
    return [_batch(account, lines, period) for account, lines in sorted(accounts.items())]


def _batch(account: str, lines: list[Settlement], period: Period) -> SettlementBatch:
    ordered = tuple(sorted(lines, key=lambda line: (line.date, line.receivable, line.source)))
    told = [[line.receivable, line.date.isoformat(), f"{line.amount:.2f}", line.source] for line in ordered]
    digest = hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()[:12]
    return SettlementBatch(f"{account} {period} {digest}", account, period.start, period.end, ordered)


@dataclass(frozen=True, slots=True)
class Charges:
    """What becomes of the ERP's open invoices: a boleto, nothing because the customer pays otherwise, or nothing for the reason told."""

    boletos: list[Charge]
    otherwise: list[Receivable]
    missing: list[tuple[Receivable, InvalidItem]]


def charges(receivables: Iterable[Receivable], customers: Iterable[Customer]) -> Charges:
    """A boleto for what is open of each of the ERP's invoices; what may be written off is not charged."""
    known = {customer.place.document: customer for customer in customers}
    found = Charges([], [], [])
    for one in (receivable for receivable in receivables if receivable.open_amount > WRITE_OFF):
        customer = known.get(one.cnpj)
        if customer is None:
            why = InvalidItem(f"no address of {one.cnpj.masked} was given", remedy="add the customer to the sheet of payers")
            found.missing.append((one, why))
        elif customer.by_boleto:
            dates = (one.issue_date, one.due_date)
            found.boletos.append(Charge("", one.number, *dates, one.open_amount, customer.place, species=Species.SERVICE))
        else:
            found.otherwise.append(one)
    return found
