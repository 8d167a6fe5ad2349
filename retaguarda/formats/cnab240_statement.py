"""CNAB 240, extrato para conciliação bancária (service 04, segment E): lots as statements, part by part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_file import STATEMENT, Record, records
from retaguarda.formats.cnab240_layout import STATEMENT_DETAIL, STATEMENT_HEADER, STATEMENT_TRAILER, Columns
from retaguarda.formats.parts import Begin, End, Part
from retaguarda.formats.source import Source
from retaguarda.formats.text import day_dmy
from retaguarda.model.statements import Entry, Quarantined


def parts(source: Source) -> Iterator[Part]:
    """The statements of an extrato of any size; lots of one account that continue each other are one.

    Raises IncompleteDownload when it is no extrato or not whole.
    """
    lots = _Lots()
    for record in records(source):
        if isinstance(record, Quarantined):
            yield from lots.odd(record)
        elif record.service == STATEMENT:
            yield from lots.taken(record)
    yield from lots.ended()


class _Lots:
    """The statement that is open; it ends when a lot comes that does not continue it, or with the file."""

    def __init__(self) -> None:
        self._begin: Begin | None = None
        self._end = End(None, None, None, None)
        self._early: list[Quarantined] = []  # lines before the first lot
        self._all_read = True  # every line of the statement
        self._header = 0
        self._credits = self._debits = Decimal()  # of the lot

    def odd(self, line: Quarantined) -> Iterator[Part]:
        """A line that could not be read."""
        self._all_read = False
        if self._begin is None:
            self._early.append(line)
        else:
            yield line

    def taken(self, record: Record) -> Iterator[Part]:
        """A record of an extrato's lot."""
        if record.kind == "1":
            yield from self._opened(record)
        elif record.kind == "5":
            self._closed(record)
        else:
            yield from self._detail(record)

    def ended(self) -> Iterator[Part]:
        """The file is over."""
        if self._begin is None:
            raise IncompleteDownload("The CNAB 240 file holds no extrato para conciliação (service 04).")
        yield self._end

    def _opened(self, header: Record) -> Iterator[Part]:
        begin = Begin(
            bank=header.text[STATEMENT_HEADER["bank"]],
            branch=header.number(STATEMENT_HEADER, "branch"),
            account=header.number(STATEMENT_HEADER, "account"),
            currency=header.said(STATEMENT_HEADER, "currency") or "BRL",
        )
        self._header, self._credits, self._debits = header.line, Decimal(), Decimal()
        day, opening = self._balance(header, STATEMENT_HEADER)
        if begin == self._begin and opening == self._end.closing_balance:
            return
        if self._begin:
            yield self._end
            self._all_read = True
        self._begin, self._end = begin, End(day, None, opening, None)
        yield begin
        yield from self._early
        self._early = []

    def _closed(self, trailer: Record) -> None:
        day, closing = self._balance(trailer, STATEMENT_TRAILER)
        partial = trailer.text[STATEMENT_TRAILER["position"]] in {"P", "I"}
        self._end = replace(self._end, end=day, closing_balance=closing, partial=partial)
        if self._all_read:  # with lines in quarantine the proof of the statement tells the story instead
            _judge_sum(trailer, "debits", self._debits)
            _judge_sum(trailer, "credits", self._credits)

    def _balance(self, record: Record, layout: Columns) -> tuple[dt.date | None, Decimal]:
        try:
            return day_dmy(record.text[layout["day"]]), record.signed(layout, "balance")
        except ValueError as error:
            raise IncompleteDownload(f"The balances of the lot of line {self._header} cannot be read: {error}.") from error

    def _detail(self, record: Record) -> Iterator[Part]:
        try:
            entry = _entry(record)
        except ValueError as error:
            yield from self.odd(record.quarantined(str(error)))
            return
        if entry.amount > 0:
            self._credits += entry.amount
        else:
            self._debits -= entry.amount
        yield entry


def _judge_sum(trailer: Record, name: str, summed: Decimal) -> None:
    raw = trailer.text[STATEMENT_TRAILER[name]].strip()
    stated = Decimal(raw).scaleb(-2) if raw.isascii() and raw.isdigit() else Decimal()
    if stated and stated != summed:
        raise IncompleteDownload(
            f"The trailer of line {trailer.line} states {name} of {stated}, the lines add up to {summed}.", remedy="Download it again."
        )


def _entry(record: Record) -> Entry:
    if record.kind != "3" or record.segment != "E":
        raise ValueError(f"segment {record.segment!r} does not belong in an extrato")
    text, at = record.text, STATEMENT_DETAIL
    posted = day_dmy(text[at["day"]]) or day_dmy(text[at["accounting_day"]])
    if posted is None:
        raise ValueError("the movement has no date")
    amount = record.signed(at, "amount")
    return Entry(
        date=posted,
        amount=amount,
        description=record.said(at, "text"),
        document=record.said(at, "document"),
        type=record.said(at, "category"),
        checkpoint=amount == 0,
        blank=amount == 0,
        line=record.line,
    )
