"""CNAB 240: the extrato para conciliação (segment E) as statements, the retorno de cobrança (segments T and U) as titles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import cnab240_file as envelope
from retaguarda.formats.cnab240_file import COLLECTION, STATEMENT, File, Lot, Record
from retaguarda.formats.cnab240_layout import (
    FILE_HEADER,
    SEGMENT_T,
    SEGMENT_T_BY_BANK,
    SEGMENT_U,
    STATEMENT_DETAIL,
    STATEMENT_HEADER,
    STATEMENT_TRAILER,
    Columns,
)
from retaguarda.formats.text import day_dmy
from retaguarda.model.statements import Entry, Quarantined, ReturnFile, Statement, Title

NO_MONEY = frozenset("ABSYZ")
"""Segments of a retorno that tell more about a title (messages, PIX keys) and never carry a payment of their own."""


def statements(data: bytes) -> list[Statement]:
    """The statements of an extrato; lots of one account that continue each other are one. Raises IncompleteDownload."""
    read = [_statement(file, lot) for file in envelope.read(data) for lot in file.lots if lot.service == STATEMENT]
    if not read:
        raise IncompleteDownload("The CNAB 240 file holds no extrato para conciliação (service 04).")
    joined = [read[0]]
    for statement in read[1:]:
        joined[-1:] = _joined(joined[-1], statement)
    return joined


def returns(data: bytes) -> list[ReturnFile]:
    """The retornos de cobrança of a download; raises IncompleteDownload when it holds none or is not whole."""
    found = [_return(file) for file in envelope.read(data) if any(lot.service == COLLECTION for lot in file.lots)]
    if not found:
        raise IncompleteDownload("The CNAB 240 file holds no retorno de cobrança (service 01).")
    return found


def cents(record: Record, layout: Columns, name: str) -> Decimal:
    """An amount with two implied decimals; blanks are zero; raises ValueError for anything but digits."""
    raw = record.text[layout[name]].strip()
    if not raw:
        return Decimal("0.00")
    if not (raw.isascii() and raw.isdigit()):
        raise ValueError(f"{name} is not an amount: {raw!r}")
    return Decimal(raw).scaleb(-2)


def _signed(record: Record, layout: Columns, name: str) -> Decimal:
    side, amount = record.text[layout["side"]], cents(record, layout, name)
    if amount and side not in {"C", "D"}:
        raise ValueError(f"neither credit nor debit: {side!r}")
    return -amount if side == "D" else amount


def _number(record: Record, layout: Columns, name: str) -> str:
    """An account or branch without leading zeros, its check digit after a dash."""
    digits, check = record.text[layout[name]].strip().lstrip("0"), record.text[layout[f"{name}_digit"]].strip()
    return f"{digits}-{check}" if digits and check else digits


def _statement(file: File, lot: Lot) -> Statement:
    header, trailer = lot.header, lot.closing
    try:
        opening, closing = _signed(header, STATEMENT_HEADER, "balance"), _signed(trailer, STATEMENT_TRAILER, "balance")
        start, end = day_dmy(header.text[STATEMENT_HEADER["day"]]), day_dmy(trailer.text[STATEMENT_TRAILER["day"]])
    except ValueError as error:
        raise IncompleteDownload(f"The balances of the lot of line {header.line} cannot be read: {error}.") from error
    entries, odd = _entries(lot)
    statement = Statement(
        bank=header.text[STATEMENT_HEADER["bank"]],
        branch=_number(header, STATEMENT_HEADER, "branch"),
        account=_number(header, STATEMENT_HEADER, "account"),
        currency=header.text[STATEMENT_HEADER["currency"]].strip() or "BRL",
        start=start,
        end=end,
        opening_balance=opening,
        closing_balance=closing,
        entries=entries,
        quarantine=_in_order([*odd, *(file.quarantine if lot is file.lots[0] else ())]),
        partial=trailer.text[STATEMENT_TRAILER["position"]] in {"P", "I"},
    )
    if not lot.unread:
        _judge_sums(statement, trailer)
    return statement


def _judge_sums(statement: Statement, trailer: Record) -> None:
    """The trailer's sums; with lines in quarantine the proof of the statement tells the story instead."""
    for name, sign in (("debits", -1), ("credits", 1)):
        raw = trailer.text[STATEMENT_TRAILER[name]].strip()
        stated = Decimal(raw).scaleb(-2) if raw.isascii() and raw.isdigit() else Decimal()
        summed = sum((abs(e.amount) for e in statement.entries if e.amount * sign > 0), Decimal())
        if stated and stated != summed and not statement.quarantine:
            raise IncompleteDownload(
                f"The trailer of line {trailer.line} states {name} of {stated}, the lines add up to {summed}.", remedy="Download it again."
            )


def _entries(lot: Lot) -> tuple[tuple[Entry, ...], tuple[Quarantined, ...]]:
    entries: list[Entry] = []
    odd: list[Quarantined] = []
    for record in lot.details:
        try:
            entries.append(_entry(record))
        except ValueError as error:
            odd.append(record.quarantined(str(error)))
    return tuple(entries), tuple(odd)


def _entry(record: Record) -> Entry:
    if record.kind != "3" or record.segment != "E":
        raise ValueError(f"segment {record.segment!r} does not belong in an extrato")
    text, at = record.text, STATEMENT_DETAIL
    posted = day_dmy(text[at["day"]]) or day_dmy(text[at["accounting_day"]])
    if posted is None:
        raise ValueError("the movement has no date")
    amount = _signed(record, at, "amount")
    return Entry(
        date=posted,
        amount=amount,
        description=" ".join(text[at["text"]].split()),
        document=" ".join(text[at["document"]].split()),
        type=text[at["category"]].strip(),
        checkpoint=amount == 0,
        blank=amount == 0,
        line=record.line,
    )


def _in_order(odd: list[Quarantined]) -> tuple[Quarantined, ...]:
    return tuple(sorted(odd, key=lambda quarantined: quarantined.line))


def _joined(first: Statement, then: Statement) -> list[Statement]:
    if first.account_key != then.account_key or first.closing_balance != then.opening_balance:
        return [first, then]
    return [
        replace(
            first,
            end=then.end,
            closing_balance=then.closing_balance,
            entries=first.entries + then.entries,
            quarantine=first.quarantine + then.quarantine,
            partial=then.partial,
        )
    ]


def _return(file: File) -> ReturnFile:
    read = [item for lot in file.lots for item in _titles(file.bank, lot)]
    odd = [*file.quarantine, *(item for item in read if isinstance(item, Quarantined))]
    sequence = file.header.text[FILE_HEADER["sequence"]]
    return ReturnFile(
        bank=file.bank,
        file_sequence=int(sequence) if sequence.isascii() and sequence.isdigit() else 0,
        account=_number(file.header, FILE_HEADER, "account"),
        titles=tuple(item for item in read if isinstance(item, Title)),
        quarantine=_in_order(odd),
    )


def _titles(bank: str, lot: Lot) -> Iterator[Title | Quarantined]:
    """Each T with the U right behind it; a half without the other is quarantined."""
    waiting: Record | None = None
    for record in lot.details:
        segment = record.segment if lot.service == COLLECTION and record.kind == "3" else ""
        if segment == "U" and waiting is not None:
            yield _paired(bank, waiting, record)
            waiting = None
            continue
        if waiting is not None and segment not in NO_MONEY:
            yield waiting.quarantined("a segment T without its segment U")
            waiting = None
        if segment == "T":
            waiting = record
        elif segment not in NO_MONEY:
            yield record.quarantined("a segment U without its segment T" if segment == "U" else f"segment {record.segment!r} is not read")
    if waiting is not None:
        yield waiting.quarantined("a segment T without its segment U")


def _paired(bank: str, t: Record, u: Record) -> Title | Quarantined:
    try:
        return _title(SEGMENT_T_BY_BANK.get(bank, SEGMENT_T), t, u)
    except ValueError as error:
        return Quarantined(t.line, str(error), f"{t.text.rstrip()}\n{u.text.rstrip()}")


def _title(layout: Columns, t: Record, u: Record) -> Title:
    def said(name: str) -> str:
        return " ".join(t.text[layout[name]].split())

    if t.text[layout["movement"]] != u.text[SEGMENT_U["movement"]]:
        raise ValueError("segments T and U tell of different movements")
    occurrence, credit = day_dmy(u.text[SEGMENT_U["occurrence"]]), day_dmy(u.text[SEGMENT_U["credit"]])
    if cents(u, SEGMENT_U, "paid") and not (occurrence or credit):
        raise ValueError("a paid title without a date")
    return Title(
        movement=said("movement"),
        our_number=said("our_number"),
        document=said("document"),
        due_date=day_dmy(t.text[layout["due"]]),
        face_value=cents(t, layout, "face"),
        paid_value=cents(u, SEGMENT_U, "paid"),
        interest=cents(u, SEGMENT_U, "interest"),
        discount=cents(u, SEGMENT_U, "discount") + cents(u, SEGMENT_U, "rebate"),
        fee=cents(t, layout, "fee"),
        net_value=cents(u, SEGMENT_U, "net"),
        occurrence_date=occurrence,
        credit_date=credit,
        payer_document=said("payer")[-11:] if said("payer_type") == "1" else said("payer")[-14:],
        payer_name=said("payer_name"),
        line=t.line,
        reasons=_reasons(t.text[layout["reasons"]]),
    )


def _reasons(codes: str) -> tuple[str, ...]:
    """Two characters each; zeros and blanks are none."""
    pairs = (codes[at : at + 2].strip() for at in range(0, len(codes), 2))
    return tuple(pair for pair in pairs if pair.strip("0"))
