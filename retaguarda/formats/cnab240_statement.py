"""CNAB 240, extrato para conciliação bancária (service 04, segment E): lots as statements, part by part."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats.cnab240_file import STATEMENT, Record, records, signed
from retaguarda.formats.cnab240_layout import STATEMENT_DETAIL, STATEMENT_HEADER, STATEMENT_TRAILER, Columns, cutter
from retaguarda.formats.parts import Begin, End, Part
from retaguarda.formats.source import Line, Source
from retaguarda.formats.text import day_dmy
from retaguarda.model.statements import Entry, Quarantined

_CUT = cutter(STATEMENT_DETAIL, "accounting_day", "day", "amount", "side", "category", "text", "document")


def parts(source: Source) -> Iterator[Part]:
    """The statements of an extrato of any size; lots of one account that continue each other are one.

    Raises IncompleteDownload when it is no extrato or not whole.
    """
    lots = _Lots()
    for record in records(source):
        if isinstance(record, tuple):
            yield from lots.detail(record)
        elif isinstance(record, Quarantined):
            yield from lots.odd(record)
        else:
            yield from lots.framed(record)
    yield from lots.ended()


class _Lots:
    """The statement that is open; it ends when a lot comes that does not continue it, or with the file."""

    def __init__(self) -> None:
        self._begin: Begin | None = None
        self._end = End(None, None, None, None)
        self._early: list[Quarantined] = []  # lines before the first lot
        self._all_read = True  # every line of the statement
        self._header = 0
        self._inside = False  # a lot of an extrato
        self._credits = self._debits = Decimal()  # of the lot

    def odd(self, line: Quarantined) -> Sequence[Part]:
        """A line that could not be read."""
        self._all_read = False
        if self._begin is None:
            self._early.append(line)
            return ()
        return (line,)

    def framed(self, record: Record) -> Iterator[Part]:
        """A header or trailer of the file or of a lot."""
        self._inside = record.kind == "1" and record.service == STATEMENT
        if self._inside:
            yield from self._opened(record)
        elif record.kind == "5" and record.service == STATEMENT:
            self._closed(record)

    def detail(self, line: Line) -> Sequence[Part]:
        """A record inside a lot; those of other lots than an extrato's are not ours."""
        if not self._inside:
            return ()
        try:
            entry = _entry(*line)
        except ValueError as error:
            return self.odd(Quarantined(line[0], str(error), line[1].rstrip()))
        if entry.amount > 0:
            self._credits += entry.amount
        else:
            self._debits -= entry.amount
        return (entry,)

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


def _judge_sum(trailer: Record, name: str, summed: Decimal) -> None:
    raw = trailer.text[STATEMENT_TRAILER[name]].strip()
    stated = Decimal(raw).scaleb(-2) if raw.isascii() and raw.isdigit() else Decimal()
    if stated and stated != summed:
        raise IncompleteDownload(
            f"The trailer of line {trailer.line} states {name} of {stated}, the lines add up to {summed}.", remedy="Download it again."
        )


def _entry(line: int, text: str) -> Entry:
    if text[7] != "3" or text[13] != "E":
        raise ValueError(f"segment {text[13]!r} does not belong in an extrato")
    accounting_day, day, amount, side, category, said, document = _CUT(text)
    posted = day_dmy(day) or day_dmy(accounting_day)
    if posted is None:
        raise ValueError("the movement has no date")
    moved = signed(amount, side, "amount")
    still = not moved
    return Entry(
        posted,
        moved,
        " ".join(said.split()),
        " ".join(document.split()),
        "",
        " ".join(category.split()),
        checkpoint=still,
        blank=still,
        line=line,
    )
