"""Statements that banks print as a table under a preamble, in CSV and in workbooks: rows of cells to parts.

Columns are found by name. Sections under the table: `Total` is compared; movements under `Últimos Lançamentos` or
`Lançamentos futuros`, which no balance counts yet, are told as blank checkpoints; what follows `Saldos Invest Fácil` is of
another product and left out. A row without a date that only has text goes on with the description of the row before.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from retaguarda.formats.numbers import number
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger, entry
from retaguarda.formats.text import day_br
from retaguarda.model.statements import Entry, Quarantined
from retaguarda.model.values import Cnpj, plain

HEADER_WITHIN = 60
"""The header row is looked for in this many first rows."""
MAX_RAW = 2000
_COLUMNS = {
    "DATA": "date", "LANCAMENTO": "description", "HISTORICO": "description", "RAZAO SOCIAL": "name", "CPF/CNPJ": "payer",
    "DCTO.": "document", "DOCTO.": "document", "NUMERO DO DOCUMENTO": "document", "VALOR (R$)": "amount", "VALOR": "amount",
    "CREDITO (R$)": "credit", "DEBITO (R$)": "debit", "SALDO (R$)": "balance", "DATA DO BALANCETE": "booked",
}  # fmt: skip
_USUAL = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{3}){0,4}|[0-9]{1,15}),[0-9]{2}")
_MONEY = ("amount", "credit", "debit", "balance")
_PENDING = re.compile(r"ULTIMOS LANCAMENTOS|LANCAMENTOS FUTUROS")
_FOREIGN = re.compile(r"SALDOS? INVEST")
_BRANCH = re.compile(r"\bAG(?:ENCIA)?\s*[.:]+\s*([0-9]{1,5}(?:-[0-9X])?)\b")
_ACCOUNT = re.compile(r"\bCONTA(?: CORRENTE)?\s*:\s*([0-9][0-9.]{0,18}(?:-[0-9X])?)")
_PERIOD = re.compile(r"([0-9]{2}/[0-9]{2}/[0-9]{4})\s*(?:A|ATE|E|-)\s*([0-9]{2}/[0-9]{2}/[0-9]{4})")


def columns(cells: Sequence[str]) -> dict[str, int]:
    """Where the columns of a header row stand; empty when it is none."""
    found: dict[str, int] = {}
    for place, cell in enumerate(cells):
        if name := _COLUMNS.get(plain(cell)) if len(cell) < 40 else None:
            found.setdefault(name, place)
    return found if {"date", "description"} <= found.keys() and ("amount" in found or {"credit", "debit"} <= found.keys()) else {}


def bank(places: Mapping[str, int]) -> str:
    """The bank that prints these columns: Bradesco has two for amounts, Banco do Brasil a booking day, Itaú the payer's name."""
    return "237" if "credit" in places else "001" if "booked" in places else "341" if "name" in places else ""


@dataclass(frozen=True, slots=True)
class Preamble:
    """What stands above a table: whose it is and of which days."""

    branch: str
    account: str
    start: dt.date | None
    end: dt.date | None

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]]) -> Preamble:
        """Read from the rows above a header; what they do not tell is "" or None."""
        text = plain(" ".join(cell for row in rows for cell in row))[:20_000]
        branch, account, period = _BRANCH.search(text), _ACCOUNT.search(text), _PERIOD.search(text)
        start, end = _period(period[1], period[2]) if period else (None, None)
        return cls(branch[1] if branch else "", account[1].replace(".", "") if account else "", start, end)


def _period(start: str, end: str) -> tuple[dt.date | None, dt.date | None]:
    try:
        return day_br(start), day_br(end)
    except ValueError:
        return None, None


def amount(text: str, mark: str, *, exact: bool) -> Decimal | None:
    """An amount by the table's decimal mark, None for a blank; `exact` wants both decimals, as text files print them.

    `1.234,56`, `-1,00`, `1,00-`, `(1,00)`, `1,00 D`, `R$ 1,00 C`. Raises ValueError for anything else.
    """
    if mark == "," and _USUAL.fullmatch(text):
        return Decimal(text.replace(".", "").replace(",", "."))
    raw = re.sub(r"R\$|\s", "", text.upper())
    if not re.search(r"[0-9A-Z]", raw):
        return None
    negative = raw.startswith(("-", "(")) or raw.endswith(("-", ")", "D"))
    body = re.sub(r"^[(+-]|[CD)+-]$", "", raw)
    decimals = len(body.rpartition(mark)[2]) if mark in body else 0
    if decimals > 2 or (exact and decimals != 2) or body.startswith("-"):
        raise ValueError(f"not an amount: {text[:40]!r}")
    try:
        value = number(body, mark).quantize(Decimal("0.01"))
    except ValueError as error:
        raise ValueError(f"not an amount: {text[:40]!r}") from error
    return -value if negative and value else value


def section(filled: Sequence[str]) -> str:
    """The section whose heading a row is: rows after it are pending, or foreign to the account; "" for any other row."""
    title = plain(filled[0]) if len(filled) == 1 else ""
    return "pending" if _PENDING.match(title) else "foreign" if _FOREIGN.match(title) else ""


@dataclass(slots=True)
class Table:
    """Takes the rows under a header in their order and tells the parts of one statement."""

    places: Mapping[str, int]
    preamble: Preamble
    mark: str
    exact: bool
    wants_total: bool = False
    _ledger: Ledger = field(default_factory=Ledger)
    _held: tuple[Entry, Decimal | None] | None = None
    _section: str = ""
    _day: dt.date | None = None
    _line: int = 1
    _odd: bool = False
    _sums: dict[str, Decimal] = field(default_factory=lambda: {"credit": Decimal(), "debit": Decimal()})

    def begin(self) -> Begin:
        """Whose statement it is."""
        return Begin(bank(self.places), self.preamble.branch, self.preamble.account, "BRL")

    def take(self, line: int, cells: Sequence[str]) -> Iterator[Part]:
        """The parts that this row settles; a row that cannot be understood comes back as Quarantined."""
        self._line = line
        filled = [cell for cell in cells if cell]
        if begun := section(filled):
            yield from self._flush()
            self._section = begun
        if not filled or begun or self._section == "foreign" or (self._cell(cells, "date")[:1].isalpha() and columns(cells)):
            return
        try:
            yield from self._row(line, cells, filled)
        except ValueError as error:
            yield from self._flush()
            self._odd = True
            yield Quarantined(line, str(error), " ; ".join(cells)[:MAX_RAW])

    def over(self) -> Iterator[Part]:
        """What is left once every row was taken, and the end."""
        yield from self._flush()
        yield from self._ledger.over()
        if self.wants_total and not self._section:
            yield Quarantined(self._line, "the table ends without its total: the file may be cut off", "")
        yield self._ledger.end(self.preamble.start, self.preamble.end)

    def _row(self, line: int, cells: Sequence[str], filled: Sequence[str]) -> Iterator[Part]:
        if not self._cell(cells, "date"):
            yield from self._undated(line, cells, filled)
        elif not (self._section and len(filled) == 1):  # a footnote
            yield from self._flush()
            self._held = self._entry(line, cells)

    def _undated(self, line: int, cells: Sequence[str], filled: Sequence[str]) -> Iterator[Part]:
        text = filled[0]
        if "TOTAL" in map(plain, filled):
            yield from self._flush()
            yield from self._total(line, cells)
        elif len(filled) == 1 and self._held and text == self._cell(cells, "description"):
            self._held = (self._held[0]._replace(description=f"{self._held[0].description} {text}"[:MAX_RAW]), self._held[1])
        elif not (len(filled) == 1 and self._section):
            raise ValueError("the row has no date")

    def _entry(self, line: int, cells: Sequence[str]) -> tuple[Entry, Decimal | None]:
        if len(cells) <= max(self.places[name] for name in _MONEY if name in self.places):
            raise ValueError("the line has fewer columns than the header")
        day, description = day_br(self._cell(cells, "date")), " ".join(self._cell(cells, "description").split())
        balance = self._money(cells, "balance")
        moved = entry(
            day,
            self._signed(cells),
            description,
            balance,
            document=self._cell(cells, "document"),
            counterparty_name=" ".join(self._cell(cells, "name").split()),
            counterparty_document=_payer(payer) if (payer := self._cell(cells, "payer")) else "",
            line=line,
        )
        return moved, balance

    def _signed(self, cells: Sequence[str]) -> Decimal | None:
        if "amount" in self.places:
            return self._money(cells, "amount")
        credit, debit = self._money(cells, "credit"), self._money(cells, "debit")
        if credit and debit:
            raise ValueError("the row has a credit and a debit")
        return -abs(debit) if debit else credit if credit is not None else debit

    def _flush(self) -> Iterator[Part]:
        if self._held is None:
            return
        (row, balance), self._held = self._held, None
        if self._section:
            yield row._replace(checkpoint=True, blank=True)
            return
        self._day = max(self._day or row.date, row.date)
        if not row.checkpoint:
            self._sums["credit" if row.amount > 0 else "debit"] += abs(row.amount)
        yield from self._ledger.take(row, balance)

    def _total(self, line: int, cells: Sequence[str]) -> Iterator[Part]:
        """The table's own sums, held against the rows unless some are in quarantine; its balance is one more checkpoint."""
        if self._section:
            return
        stated = {name: self._money(cells, name) for name in self._sums}
        balance = self._money(cells, "balance")
        self._section = "total"
        day = self._day or self.preamble.end
        if balance is not None and day:
            yield from self._ledger.take(Entry(day, balance, "Total", checkpoint=True, line=line))
        for name, value in stated.items():
            if value is not None and abs(value) != self._sums[name] and not self._odd:
                raise ValueError(f"the total states {name} of {abs(value)}, the rows add up to {self._sums[name]}")

    def _money(self, cells: Sequence[str], name: str) -> Decimal | None:
        text = self._cell(cells, name)
        return amount(text, self.mark, exact=self.exact) if text else None

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self.places.get(name, len(cells))
        return cells[place] if place < len(cells) else ""


def _payer(text: str) -> str:
    try:
        return Cnpj.parse(text)
    except ValueError:
        return re.sub(r"[\s./-]", "", text)[:40]
