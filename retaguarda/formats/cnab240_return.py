"""CNAB 240, retorno de cobrança (service 01, segments T, U and Y): titles, part by part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_file import COLLECTION, Record, records
from retaguarda.formats.cnab240_layout import FILE_HEADER, SEGMENT_T, SEGMENT_T_BY_BANK, SEGMENT_U, SEGMENT_Y, Columns
from retaguarda.formats.parts import BeginReturn, EndReturn, ReturnPart
from retaguarda.formats.source import Source
from retaguarda.formats.text import day_dmy
from retaguarda.model.statements import Quarantined, Title

NO_MONEY = frozenset("ABSYZ")
"""Segments that tell more about a title (messages, PIX keys) and never carry a payment of their own."""
PIX_RECORDS = frozenset({"03", "04"})
TXID = re.compile(r"[A-Za-z0-9]{1,35}")
"""As the Banco Central allows it."""


def return_parts(source: Source) -> Iterator[ReturnPart]:
    """The retornos of a download of any size; raises IncompleteDownload when it holds none or is not whole."""
    titles, found = _Titles(""), False
    for record in records(source):
        if isinstance(record, Quarantined):
            yield record
        elif record.kind == "0":
            titles = _Titles(record.text[:3])
            yield _begin(record)
        elif record.kind == "9":
            yield from titles.rest()
            yield EndReturn()
        else:
            found = found or record.service == COLLECTION
            yield from titles.taken(record)
    if not found:
        raise IncompleteDownload("The CNAB 240 file holds no retorno de cobrança (service 01).")


def _begin(header: Record) -> BeginReturn:
    sequence = header.text[FILE_HEADER["sequence"]]
    known = int(sequence) if sequence.isascii() and sequence.isdigit() else 0
    return BeginReturn(header.text[:3], known, header.number(FILE_HEADER, "account"))


class _Titles:
    """Each T of a file with the U right behind it and the Y that follow; a half without the other is quarantined."""

    def __init__(self, bank: str) -> None:
        self._layout = SEGMENT_T_BY_BANK.get(bank, SEGMENT_T)
        self._waiting: Record | None = None
        self._told: Title | None = None

    def taken(self, record: Record) -> Iterator[ReturnPart]:
        """A record inside a lot, or a lot's header or trailer."""
        segment = record.segment if record.service == COLLECTION and record.kind == "3" else ""
        if segment == "U" and self._waiting is not None:
            paired = _paired(self._layout, self._waiting, record)
            self._waiting = None
            if isinstance(paired, Title):
                self._told = paired
            else:
                yield paired
        elif segment == "Y" and self._told is not None:
            self._told = _with_pix(self._told, record)
        elif segment not in NO_MONEY:
            yield from self.rest()
            if segment == "T":
                self._waiting = record
            elif record.is_detail:
                yield record.quarantined(
                    "a segment U without its segment T" if segment == "U" else f"segment {record.segment!r} is not read"
                )

    def rest(self) -> Iterator[ReturnPart]:
        """The title that no further record can tell more about, and a T that was left alone."""
        if self._told is not None:
            yield self._told
            self._told = None
        if self._waiting is not None:
            yield self._waiting.quarantined("a segment T without its segment U")
            self._waiting = None


def _with_pix(title: Title, y: Record) -> Title:
    """The title with the txid that a Y of the same movement tells; as it was when it tells none."""
    told = y.said(SEGMENT_Y, "txid")
    of_title = y.text[SEGMENT_Y["record"]] in PIX_RECORDS and y.text[SEGMENT_Y["movement"]] == title.movement
    return replace(title, txid=told) if of_title and TXID.fullmatch(told) else title


def _paired(layout: Columns, t: Record, u: Record) -> Title | Quarantined:
    try:
        return _title(layout, t, u)
    except ValueError as error:
        return Quarantined(t.line, str(error), f"{t.text.rstrip()}\n{u.text.rstrip()}")


def _title(layout: Columns, t: Record, u: Record) -> Title:
    if t.text[layout["movement"]] != u.text[SEGMENT_U["movement"]]:
        raise ValueError("segments T and U tell of different movements")
    occurrence, credit = day_dmy(u.text[SEGMENT_U["occurrence"]]), day_dmy(u.text[SEGMENT_U["credit"]])
    paid, payer = u.cents(SEGMENT_U, "paid"), t.said(layout, "payer")
    if paid and not (occurrence or credit):
        raise ValueError("a paid title without a date")
    return Title(
        movement=t.said(layout, "movement"),
        our_number=t.said(layout, "our_number"),
        document=t.said(layout, "document"),
        due_date=day_dmy(t.text[layout["due"]]),
        face_value=t.cents(layout, "face"),
        paid_value=paid,
        interest=u.cents(SEGMENT_U, "interest"),
        discount=u.cents(SEGMENT_U, "discount") + u.cents(SEGMENT_U, "rebate"),
        fee=t.cents(layout, "fee"),
        net_value=u.cents(SEGMENT_U, "net"),
        occurrence_date=occurrence,
        credit_date=credit,
        payer_document=payer[-11:] if t.said(layout, "payer_type") == "1" else payer[-14:],
        payer_name=t.said(layout, "payer_name"),
        line=t.line,
        reasons=_reasons(t.text[layout["reasons"]]),
    )


def _reasons(codes: str) -> tuple[str, ...]:
    """Two characters each; zeros and blanks are none."""
    pairs = (codes[at : at + 2].strip() for at in range(0, len(codes), 2))
    return tuple(pair for pair in pairs if pair.strip("0"))
