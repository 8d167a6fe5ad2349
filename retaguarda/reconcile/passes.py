"""The passes of the receipts reconciliation, from certain to plausible; each takes what it is sure of and leaves the rest.

A pass is a function of the ledger. To add one, write it and put it into `PASSES` at its place; the ledger guards the sums.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal

from retaguarda.model.receivables import Receivable
from retaguarda.model.reconciliation import ZERO, Break, BreakKind, Classified, Match, MatchKind
from retaguarda.model.statements import ReturnFile, Title, same_account
from retaguarda.reconcile.ledger import TOLERANCE, Ledger, Movement

Pass = Callable[[Ledger], None]
PARTIAL_BELOW = Decimal("0.90")
"""A payment below this share of what is open is a part payment; from here up it is a difference that a person explains."""


def by_return_file(ledger: Ledger) -> None:
    """Boletos: the titles credited on a day against the bank's one credit of that day, by invoice number."""
    days: dict[tuple[str, dt.date], list[Movement]] = {}
    for credit in ledger.credits():
        days.setdefault((credit.account, credit.entry.date), []).append(credit)
    accounts = {account for account, _ in days}
    for (told, day), titles in sorted(_credited(ledger.returns).items()):
        account = next((known for known in accounts if same_account(known, told)), told)
        _batch(ledger, account, day, titles, days.get((account, day), []))


def _batch(ledger: Ledger, account: str, day: dt.date, titles: list[Title], there: list[Movement]) -> None:
    """Explain the day's boleto credit by its titles; a difference, or titles without a credit, is a break."""
    net = sum(map(_net, titles), ZERO)
    batches = [movement for movement in there if ledger.is_batch(movement)]
    exact = [movement for movement in batches or there if movement.amount == net and movement.id in ledger.open]
    evidence = tuple(f"{title.our_number}: {_net(title)}" for title in titles)
    if exact:
        ledger.decide(exact[0], *_explained(ledger, exact[0], titles))
    elif batches:
        hint = f"{len(batches)} credits, {sum((m.amount for m in batches), ZERO)}" if len(batches) > 1 else ""
        for batch in batches:
            ledger.decide(batch, ledger.broken(BreakKind.BATCH_DIFFERS, batch, expected=net, hint=hint, evidence=evidence))
    elif ledger.covers(account, day):
        text = f"{len(titles)} titles, {net}"
        ledger.breaks.append(Break(BreakKind.BATCH_MISSING, ZERO, account, day, description=text, expected=net, evidence=evidence))


def _credited(returns: Sequence[ReturnFile]) -> dict[tuple[str, dt.date], list[Title]]:
    """Paid titles by account and day of credit; a return file that came twice counts once."""
    seen: set[ReturnFile] = set()
    days: dict[tuple[str, dt.date], list[Title]] = {}
    for file in returns:
        for title in () if file in seen else file.titles:
            if title.settles and (day := title.credit_date or title.occurrence_date):
                days.setdefault((file.account, day), []).append(title)
        seen.add(file)
    return days


def _net(title: Title) -> Decimal:
    return title.net_value or title.paid_value


def _explained(ledger: Ledger, batch: Movement, titles: list[Title]) -> list[Match | Break]:
    parts: list[Match | Break] = []
    taken: set[str] = set()
    for title in titles:
        receivable = ledger.named(title.document)
        again = receivable is not None and (receivable.number in taken or receivable.number in ledger.paid)
        parts.append(_title(ledger, batch, title, receivable, again=again))
        if receivable is not None:
            taken.add(receivable.number)
    return parts


def _title(ledger: Ledger, batch: Movement, title: Title, receivable: Receivable | None, *, again: bool) -> Match | Break:
    net, words = _net(title), (f"NF{title.document}", f"nosso número {title.our_number}")
    if receivable is None:
        return ledger.broken(BreakKind.TITLE_UNKNOWN, batch, net, evidence=words)
    if again:
        return ledger.broken(BreakKind.DUPLICATE_PAYMENT, batch, net, receivable=receivable.number, evidence=words)
    match = ledger.settle("retorno", batch, receivable, title.paid_value - title.interest, net, *words)
    if match is None:
        expected = ledger.room[receivable.number]
        return ledger.broken(BreakKind.AMOUNT_DIFFERS, batch, net, receivable=receivable.number, expected=expected, evidence=words)
    return match


def by_reference(ledger: Ledger) -> None:
    """Credits that name invoices and pay exactly what is open of them, give or take a rounding."""
    for credit in ledger.credits():
        invoices = ledger.invoices(credit)
        if not invoices or _stranger(credit, invoices[0]):
            continue
        if len(invoices) > 1:
            _several(ledger, credit, invoices)
        elif match := ledger.settle("reference", credit, invoices[0], credit.amount, credit.amount, *_words(credit)):
            ledger.decide(credit, match)


def _several(ledger: Ledger, credit: Movement, invoices: list[Receivable]) -> None:
    """One transfer that names several invoices and is their exact sum."""
    rooms = [ledger.room[invoice.number] for invoice in invoices]
    if all(rooms) and sum(rooms, ZERO) == credit.amount:
        pairs = zip(invoices, rooms, strict=True)
        ledger.decide(
            credit, *(ledger.match("references", MatchKind.FULL, credit, invoice, room, room, *_words(credit)) for invoice, room in pairs)
        )


def _words(credit: Movement) -> tuple[str, ...]:
    return (*(f"NF{reference}" for reference in credit.references), *credit.cnpjs)


def _stranger(credit: Movement, invoice: Receivable) -> bool:
    """Whether the credit names a payer, and none of the invoice's company (branches share the first eight characters)."""
    return bool(credit.cnpjs) and all(cnpj[:8] != invoice.cnpj.root for cnpj in credit.cnpjs)


def by_payer(ledger: Ledger) -> None:
    """Credits that name only their payer, when exactly one open invoice of that payer has this amount."""
    candidates = _by_payer(ledger, ledger.room)
    known = _by_payer(ledger, ledger.known)
    for credit in ledger.credits():
        if ledger.invoices(credit):
            continue
        keys = [(cnpj, credit.amount) for cnpj in credit.cnpjs]
        found = [r for key in keys for r in candidates.get(key, ()) if ledger.room[r.number] == credit.amount]
        if not found:
            found = [r for key in keys for r in known.get(key, ()) if ledger.known.get(r.number) == credit.amount]
        match = ledger.settle("payer", credit, found[0], credit.amount, credit.amount, *credit.cnpjs) if len(found) == 1 else None
        if match:
            ledger.decide(credit, match)


def _by_payer(ledger: Ledger, amounts: dict[str, Decimal]) -> dict[tuple[str, Decimal], list[Receivable]]:
    found: dict[tuple[str, Decimal], list[Receivable]] = {}
    for number, amount in amounts.items():
        if amount:
            receivable = ledger.receivables[number]
            found.setdefault((receivable.cnpj, amount), []).append(receivable)
    return found


def part_payments(ledger: Ledger) -> None:
    """Credits that name one invoice and pay less, or more: part payments are booked, differences are shown."""
    for credit in ledger.credits():
        invoices = ledger.invoices(credit)
        if len(invoices) == 1 and _stranger(credit, invoices[0]):
            ledger.decide(credit, ledger.broken(BreakKind.PAYER_DIFFERS, credit, receivable=invoices[0].number, evidence=_words(credit)))
        elif len(invoices) == 1 and ledger.room[invoices[0].number]:
            ledger.decide(credit, _part(ledger, credit, invoices[0]))


def _part(ledger: Ledger, credit: Movement, invoice: Receivable) -> Match | Break:
    room = ledger.room[invoice.number]
    exact = ledger.settle("reference-rest", credit, invoice, credit.amount, credit.amount, *_words(credit))
    if exact:
        return exact
    if credit.amount < room * PARTIAL_BELOW:
        return ledger.match("part", MatchKind.PARTIAL, credit, invoice, credit.amount, credit.amount, *_words(credit))
    hint = _hint(ledger, invoice, room, credit.amount)
    return ledger.broken(BreakKind.AMOUNT_DIFFERS, credit, receivable=invoice.number, expected=room, hint=hint, evidence=_words(credit))


def _hint(ledger: Ledger, invoice: Receivable, room: Decimal, paid: Decimal) -> str:
    if abs(paid - room) <= TOLERANCE:
        return "the ERP already shows a payment of this amount"
    if paid > room:
        return "paid more than is open"
    table = ledger.rules.withheld(invoice.amount, room - paid)
    return f"withholding {table}" if table else ""


def duplicates(ledger: Ledger) -> None:
    """Credits that repeat a payment already matched: same invoice and amount, or same payer and amount."""
    payers = {(ledger.receivables[match.receivable].cnpj, match.credited): match for match in ledger.matches if match.rule == "payer"}
    for credit in ledger.credits():
        invoices = ledger.invoices(credit)
        if len(invoices) == 1:
            earlier = next((m for m in ledger.paid.get(invoices[0].number, ()) if abs(m.amount - credit.amount) <= TOLERANCE), None)
        else:
            earlier = next((payers[key] for cnpj in credit.cnpjs if (key := (cnpj, credit.amount)) in payers and not invoices), None)
        if earlier:
            words = (*_words(credit), f"{earlier.date:%d/%m/%Y} {earlier.credited}")
            ledger.decide(credit, ledger.broken(BreakKind.DUPLICATE_PAYMENT, credit, receivable=earlier.receivable, evidence=words))


def known_words(ledger: Ledger) -> None:
    """Movements of both sides that are no customer's payment and are known by category or words."""
    for movement in list(ledger.open.values()):
        found = ledger.class_of(movement)
        if found and not found[0].batch and not ledger.invoices(movement):
            where = (movement.account, movement.entry.date, movement.id, movement.text)
            ledger.decide(movement, Classified(found[0].name, movement.amount, *where, (found[1],)))


def leftovers(ledger: Ledger) -> None:
    """What nothing explains, told with whatever is known about it."""
    same_payer = _by_payer(ledger, ledger.room)
    for movement in list(ledger.open.values()):
        candidates = [r.number for cnpj in movement.cnpjs for r in same_payer.get((cnpj, movement.amount), ())]
        invoices = ledger.invoices(movement)
        if movement.amount < 0:
            part = ledger.broken(BreakKind.UNCLASSIFIED, movement)
        elif ledger.is_batch(movement):
            part = ledger.broken(BreakKind.BATCH_UNEXPLAINED, movement)
        elif candidates:
            part = ledger.broken(BreakKind.AMBIGUOUS, movement, evidence=(*_words(movement), *candidates))
        else:
            hint = "names several invoices" if len(invoices) > 1 else "the invoice it names is already paid" if invoices else ""
            numbers = ", ".join(invoice.number for invoice in invoices)
            part = ledger.broken(BreakKind.UNMATCHED, movement, receivable=numbers, hint=hint, evidence=_words(movement))
        ledger.decide(movement, part)


PASSES: tuple[Pass, ...] = (by_return_file, by_reference, by_payer, part_payments, duplicates, known_words, leftovers)
"""The order is part of the result: certain first, and what is left is told by the last."""
