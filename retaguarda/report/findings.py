"""Results of intake and reconciliation as the lines that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from retaguarda.language import say
from retaguarda.model.charges import Charge
from retaguarda.model.intake import Rejection
from retaguarda.model.receivables import Receivable
from retaguarda.model.reconciliation import (
    Break,
    ContractComparison,
    ContractOutcome,
    ContractReconciliation,
    Match,
    MatchKind,
    Reconciliation,
)
from retaguarda.model.statements import Entry, Title
from retaguarda.reconcile.boletos import Answers
from retaguarda.report.content import BreakLine, ContractLine, Findings, MatchLine, RejectionLine, TieLine
from retaguarda.report.retell import retell
from retaguarda.report.show import amounts
from retaguarda.report.vocabulary import rule_of

_SHOWN = 6
"""Pieces of evidence that a break shows."""


def of_rejections(rejections: Iterable[Rejection]) -> tuple[RejectionLine, ...]:
    """One line for each row that intake refused."""
    return tuple(RejectionLine(r.file, r.line, r.field, r.value, say(r.reason), say(r.remedy)) for r in rejections)


def of_receipts(found: Reconciliation, receivables: Iterable[Receivable], entries: Mapping[str, Entry]) -> Findings:
    """Matches, breaks and tie-out of the receipts; `entries` are the statement entries by their id."""
    invoices = {receivable.number: receivable for receivable in receivables}
    return Findings(
        matches=tuple(_match(match, invoices.get(match.receivable), entries.get(match.credit)) for match in found.matches),
        breaks=tuple(_break(broken, invoices.get(broken.receivable.partition(", ")[0])) for broken in found.breaks),
        tie_out=_tie_out(found),
    )


def _match(match: Match, invoice: Receivable | None, entry: Entry | None) -> MatchLine:
    return MatchLine(
        account=match.account,
        date=match.date,
        text=entry.description if entry else "",
        document=entry.document if entry else "",
        credit=match.credited,
        receivable=match.receivable,
        partner=invoice.partner if invoice else "",
        due_date=invoice.due_date if invoice else None,
        open_before=match.expected,
        booked=match.amount,
        difference=match.difference,
        rule="settled" if match.kind is MatchKind.SETTLED else rule_of(match.rule),
        evidence="; ".join(match.evidence),
        full=match.kind is not MatchKind.PARTIAL,
    )


def _break(broken: Break, invoice: Receivable | None) -> BreakLine:
    told = (say(broken.text), retell(broken.hint), broken.description, *map(amounts, broken.evidence[:_SHOWN]), f"→ {say(broken.step)}")
    return BreakLine(
        area="receipts",
        kind=broken.kind.value,
        reference=broken.receivable,
        date=broken.date,
        found=broken.shown,
        expected=broken.expected,
        unit="R$",
        partner=invoice.partner if invoice else "",
        detail=" · ".join(filter(None, told)),
    )


def _tie_out(found: Reconciliation) -> tuple[TieLine, ...]:
    """Credits received against what became of them; each class of its own, so that the sum can be followed."""
    classes: dict[str, list[Decimal]] = {}
    for classified in found.classified:
        if classified.amount > 0:
            classes.setdefault(classified.name, []).append(classified.amount)
    received = TieLine("received", "credits received", _count(found), found.credits.movements)
    parts = [TieLine("part", "matched with invoices", len({m.credit for m in found.matches}), found.credits.matched)]
    parts += [TieLine("part", name, len(amounts), sum(amounts, Decimal())) for name, amounts in sorted(classes.items())]
    broken = [b for b in found.breaks if b.amount > 0]
    parts.append(TieLine("part", "breaks", len(broken), found.credits.breaks))
    return (received, *parts, TieLine("difference", "difference", 0, found.credits.difference))


def _count(found: Reconciliation) -> int:
    counted = {m.credit for m in found.matches} | {b.credit for b in found.breaks if b.amount > 0}
    return len(counted | {c.credit for c in found.classified if c.amount > 0})


def of_contracts(found: ContractReconciliation, names: Mapping[int, str]) -> Findings:
    """One line for each contract of either side, and one break for each that differs; `names` are siglas by profile."""
    lines = tuple(_contract(comparison, names) for comparison in found.comparisons)
    counted = Counter(c.outcome for c in found.comparisons)
    notes = tuple(f"{outcome.value}: {counted[outcome]}" for outcome in ContractOutcome if counted[outcome])
    return Findings(contracts=lines, breaks=tuple(_contract_break(c, names) for c in found.breaks), notes=notes)


def _contract(c: ContractComparison, names: Mapping[int, str]) -> ContractLine:
    in_erp, at_ccee = c.outcome is not ContractOutcome.MISSING_IN_ERP, c.outcome is not ContractOutcome.MISSING_AT_CCEE
    return ContractLine(
        reference=", ".join(c.boletas or c.references),
        code=", ".join(c.codes),
        seller=_profile(c.seller_profile, names),
        buyer=_profile(c.buyer_profile, names),
        submarket=c.submarket,
        month=str(c.month),
        erp_mwh=c.erp_mwh if in_erp else None,
        ccee_mwh=c.ccee_mwh if at_ccee else None,
        erp_mw=c.erp_mw if in_erp else None,
        ccee_mw=c.ccee_mw if at_ccee else None,
        outcome=c.outcome.value,
        state="validated" if c.validated else ("unvalidated" if at_ccee else ""),
        detail=c.note,
    )


def _contract_break(c: ContractComparison, names: Mapping[int, str]) -> BreakLine:
    parties = f"{_profile(c.seller_profile, names)} → {_profile(c.buyer_profile, names)} · {c.submarket}"
    return BreakLine("ccee", c.outcome.value, ", ".join(c.boletas or c.codes), None, c.ccee_mwh, c.erp_mwh, "MWh", parties, c.note)


def _profile(code: int, names: Mapping[int, str]) -> str:
    return f"{code} {names[code]}" if code in names else str(code)


def of_boletos(found: Answers, sequence: str, *, late: bool) -> Iterator[BreakLine]:
    """Titles of a remessa that were rejected, are registered otherwise than sent or, once it is late, were not answered."""
    for no in found.rejected:
        yield _boleto("boleto_rejected", no.charge, None, "; ".join(no.reasons) or say("the bank gives no reason"))
    for one in found.confirmed:
        if one.differs:
            held = one.title.face_value or one.charge.face_value
            due = f"{one.title.due_date:%d/%m/%Y}" if one.title.due_date else ""
            yield _boleto("boleto_differs", one.charge, held, say("the bank registered it with due date {date}", date=due))
    for charge in found.silent if late else ():
        yield _boleto("boleto_unconfirmed", charge, None, say("remessa {sequence} has no answer to it yet", sequence=sequence))


def of_unknown_boletos(titles: Iterable[Title]) -> Iterator[BreakLine]:
    """Entries that the bank answered and that no remessa of ours holds."""
    for title in titles:
        detail = say("nosso número {number}", number=title.our_number.strip())
        yield BreakLine(
            "boletos", "boleto_unknown", title.document, title.occurrence_date, title.face_value, None, "R$", title.payer_name, detail
        )


def _boleto(kind: str, charge: Charge, found: Decimal | None, detail: str) -> BreakLine:
    return BreakLine("boletos", kind, charge.document, charge.due_date, found, charge.face_value, "R$", charge.payer.name, detail)
