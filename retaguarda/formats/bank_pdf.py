"""Statements printed as PDF: Caixa's and Itaú's. The last resort: a PDF is a picture of a statement, OFX is one.

Caixa: `01/04/2026 310326 COB COMPE 3.046,64 C`, lines `Saldo 37.540,91 C` between. Itaú: `02/04 SISPAG FORNECEDORES 300,00-`, the year
taken from the line of the period; a second amount is the running balance. Source: domain notes 3.2.
A row begins with a day and ends with an amount. Between the first and the last row of a page every other line counts: without
an amount it goes on with the row above, with one it is quarantined; outside lie the page's own header and footer. What begins
with a day below the first row and is no row is quarantined, wherever it stands.
Line numbers run through all pages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import pdf_text
from retaguarda.formats.bank_table import amount, section
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger, entry
from retaguarda.formats.source import Source
from retaguarda.formats.text import day_br
from retaguarda.model.statements import Entry, Quarantined
from retaguarda.model.values import plain

MAX_RAW = 2000
_MONEY = r"(-?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]{1,15}),[0-9]{2} ?[-CD]?)"
_DAY = re.compile(r"([0-9]{2}/[0-9]{2}(?:/[0-9]{4})?)(?= (?![0-9]{2}:[0-9]{2}|(?:a|até|e|-) ?[0-9]{2}/))", re.IGNORECASE)
_ROW = re.compile(rf"([0-9/]{{5,10}}) (?:([0-9]{{6}}) )?(.{{1,400}}?) {_MONEY}(?: {_MONEY})?")
_SALDO = re.compile(rf"Saldo:? {_MONEY}", re.IGNORECASE)
_ENDS_IN_MONEY = re.compile(rf"(?:.* )?{_MONEY}")
_PERIOD = re.compile(r"([0-9]{2}/[0-9]{2}/[0-9]{4}) ?(?:A|ATE|E|-) ?([0-9]{2}/[0-9]{2}/[0-9]{4})")
_CAIXA_ACCOUNT = re.compile(r"CONTA[A-Z ]{0,20}:? ?([0-9]{4}) ?[/|.-] ?([0-9]{3,4}) ?[/|.-] ?([0-9]{3,12}-?[0-9X]?)")
_ITAU_ACCOUNT = re.compile(r"AG(?:ENCIA)?[.:]? ?([0-9]{4})\b.{0,30}?\b(?:CONTA|C/?C)(?: CORRENTE)?[.:]? ?([0-9.]{4,12}-[0-9X])")


def recognises(head: bytes) -> bool:
    """Whether a file is a PDF; whose statement it is only its text tells, which `parts` judges."""
    return b"%PDF-" in head[:1024]


def parts(source: Source) -> Iterator[Part]:
    """The statement of a PDF; raises IncompleteDownload when its text cannot be read or is no statement of these banks."""
    if not recognises(source.head):
        raise IncompleteDownload("The file is not a PDF.", remedy="Check what the portal gave.")
    return told(pdf_text.pages(source))


def told(pages: Iterable[list[str]]) -> Iterator[Part]:
    """The statement that the lines of these pages print."""
    reading: _Reading | None = None
    above: list[str] = []
    number = 0
    for page in pages:
        first, last = _extent(page, begun=reading is not None)
        if last >= 0 and reading is None:
            reading = _Reading.of([*above, *page[:first]], page[last])
            yield reading.begin()
        elif reading is None:
            above = [*above, *page][:MAX_RAW]
        for place, line in enumerate(page[first:] if reading else [], first):
            yield from reading.take(number + place + 1, line, inside=place <= last) if reading else ()
        number += len(page)
    if reading is None:
        raise IncompleteDownload("The PDF holds no statement of Caixa or Itaú that can be read.", remedy=pdf_text.ASK)
    yield from reading.over()


def _extent(page: list[str], *, begun: bool) -> tuple[int, int]:
    """The places of the first and the last row of a page; the last is -1 when it has none.

    What begins with a day counts as a row from the second page on, and on the first one when it touches a whole row.
    """
    dated = {place for place, line in enumerate(page) if _DAY.match(line)}
    rows = [place for place, line in enumerate(page) if (place in dated and _ENDS_IN_MONEY.fullmatch(line)) or _SALDO.fullmatch(line)]
    first = min((place for place in rows if place in dated), default=len(page))
    while first - 1 in dated:
        first -= 1
    if begun:
        first = min(dated | set(rows), default=0)
    return first, max((place for place in rows if place >= first), default=-1)


@dataclass(slots=True)
class _Reading:
    """The lines of a statement as they come in."""

    bank: str
    branch: str
    account: str
    start: dt.date | None
    end: dt.date | None
    _ledger: Ledger = field(default_factory=Ledger)
    _held: tuple[Entry, Decimal | None] | None = None
    _pending: bool = False

    @classmethod
    def of(cls, above: list[str], row: str) -> _Reading:
        """Whose statement it is, by what stands above its first row and by how that row is printed."""
        text = plain(" ".join(above))[:50_000]
        caixa = "CAIXA" in text or (re.search(r"[CD]$", row) is not None and "ITAU" not in text)
        found = (_CAIXA_ACCOUNT if caixa else _ITAU_ACCOUNT).search(text)
        period = _PERIOD.search(text)
        start, end = (_known(period[1]), _known(period[2])) if period else (None, None)
        bank = "104" if caixa else "341" if "ITAU" in text else ""
        return cls(bank, found[1] if found else "", found[found.re.groups].replace(".", "") if found else "", start, end)

    def begin(self) -> Begin:
        return Begin(self.bank, self.branch, self.account, "BRL")

    def take(self, line: int, text: str, *, inside: bool) -> Iterator[Part]:
        """The parts that this line settles; `inside` the table or below it."""
        if self.bank == "104" and (saldo := _SALDO.fullmatch(text)):
            yield from self._saldo(line, saldo[1])
        elif section([text]):
            yield from self._flush()
            self._pending = True
        elif _DAY.match(text):
            yield from self._row(line, text)
        elif inside and ("\ufffd" in text or _ENDS_IN_MONEY.fullmatch(text)):
            yield from self._flush()
            yield Quarantined(line, "the letters of the line cannot be read" if "\ufffd" in text else "the row has no date", text[:MAX_RAW])
        elif inside and self._held:
            self._held = (self._held[0]._replace(description=f"{self._held[0].description} {text}"[:MAX_RAW]), self._held[1])

    def over(self) -> Iterator[Part]:
        """What is left, and the end."""
        yield from self._flush()
        yield from self._ledger.over()
        yield self._ledger.end(self.start, self.end)

    def _row(self, line: int, text: str) -> Iterator[Part]:
        yield from self._flush()
        try:
            self._held = self._entry(line, text)
        except ValueError as error:
            yield Quarantined(line, str(error), text[:MAX_RAW])

    def _entry(self, line: int, text: str) -> tuple[Entry, Decimal | None]:
        if "\ufffd" in text:
            raise ValueError("the letters of the line cannot be read")
        fits = _ROW.fullmatch(text)
        if not fits:
            raise ValueError("the row has no amount")
        date, document, description, moved, left = fits.groups()
        value, balance = self._money(moved), self._money(left) if left else None
        row = entry(self._date(date), value, description, balance, document=document or "", line=line)
        if self.bank == "104" and row.checkpoint and balance is None and not row.amount:
            row = row._replace(blank=True)  # `SALDO DIA 0,00 C`: the balance itself stands in another line
        return row, balance

    def _money(self, text: str) -> Decimal:
        sided = text[-1] in "CD"
        if sided is not (self.bank == "104"):
            raise ValueError(f"neither credit nor debit: {text!r}" if self.bank == "104" else f"not an amount: {text!r}")
        return amount(text, ",", exact=True) or Decimal("0.00")

    def _date(self, text: str) -> dt.date:
        """The day, its year the one that lies in the period, else the nearest to it."""
        if len(text) == 10:
            return day_br(text)
        if self.start is None or self.end is None:
            raise ValueError("the day has no year, and the file states no period")
        start, end = self.start, self.end
        days = [found for year in range(start.year - 1, end.year + 2) if (found := _known(f"{text}/{year}"))]
        inside = [found for found in days if start <= found <= end]
        if not days or len(inside) > 1:
            raise ValueError(f"not a date: {text!r}")
        return inside[0] if inside else min(days, key=lambda found: min(abs(found - start), abs(found - end)))

    def _saldo(self, line: int, text: str) -> Iterator[Part]:
        """A line that prints the balance after the row above it."""
        try:
            balance = self._money(text)
        except ValueError as error:
            yield from self._flush()
            yield Quarantined(line, str(error), text[:MAX_RAW])
            return
        if self._held and self._held[1] is None:
            row = self._held[0]
            self._held = (row._replace(amount=balance, blank=False) if row.checkpoint and row.blank else row, balance)

    def _flush(self) -> Iterator[Part]:
        if self._held is None:
            return
        (row, balance), self._held = self._held, None
        if self._pending:
            yield row._replace(checkpoint=True, blank=True)
        else:
            yield from self._ledger.take(row, balance)


def _known(text: str) -> dt.date | None:
    try:
        return day_br(text)
    except ValueError:
        return None
