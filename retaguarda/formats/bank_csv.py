"""Statements as text tables: Bradesco's and Banco do Brasil's CSV, Caixa's TXT.

Bradesco: `Extrato de: Ag: 367 | Conta: 50883-7 | Entre …`, `Data;Histórico;Docto.;Crédito (R$);Débito (R$);Saldo (R$)`, debits
positive. Banco do Brasil: `"Data","Dependencia Origem","Histórico","Data do Balancete","Número do documento","Valor",`, decimal
point, tells no account. Caixa: `conta;AAAAMMDD;documento;histórico;valor;C/D`, quoted, with or without a header.
Source: files of a trader's monthly routine (domain notes 3.2). Balances and period as `running` finds them where none is stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import bank_table, delimited
from retaguarda.formats.bank_table import MAX_RAW, Preamble, Table
from retaguarda.formats.parts import Begin, Part
from retaguarda.formats.running import Ledger, entry
from retaguarda.formats.source import Source
from retaguarda.formats.text import day, is_blank_money, money
from retaguarda.model.statements import Entry, Quarantined

_BOM = rb"(?:\xef\xbb\xbf)?\s{0,99}"
_BRADESCO = re.compile(rb'(?:^|[\r\n]|\xef\xbb\xbf)"?Extrato de:\s{0,9}Ag[^\r\n]{0,20}?:', re.IGNORECASE)
_BRASIL = re.compile(_BOM + rb'"?Data"?,"?Depend', re.IGNORECASE)
_CAIXA_ROW = rb'"?[0-9./-]{4,25}"?;"?[0-9]{8}"?;"?[^";\r\n]{0,30}"?;"?[^";\r\n]{0,80}"?;"?[^";\r\n]{0,30}"?;"?[CD]"?\s*(?:[\r\n]|$)'
_CAIXA = re.compile(_BOM + rb'(?:"?Conta"?;"?Data_?Mov|' + _CAIXA_ROW + rb")", re.IGNORECASE)


def recognises(head: bytes) -> bool:
    """Whether a file begins as one of the three tables does."""
    return any((_BRADESCO.search(head[:2000]), _BRASIL.match(head), _CAIXA.match(head)))


def parts(source: Source) -> Iterator[Part]:
    """The file's statement; raises IncompleteDownload when its table is missing."""
    head = source.head
    if _CAIXA.match(head):
        return _caixa(source)
    if _BRADESCO.search(head[:2000]):
        return _table(source, ";", ",", wants_total=True)
    if _BRASIL.match(head):
        return _table(source, ",", ".")
    raise IncompleteDownload("The file is not a bank statement in CSV.", remedy="Check what the portal gave.")


def _table(source: Source, delimiter: str, mark: str, *, wants_total: bool = False) -> Iterator[Part]:
    above: list[list[str]] = []
    table: Table | None = None
    for number, text in source.lines():
        try:
            cells = delimited.cells(text, delimiter)
        except ValueError as error:
            if table:
                yield Quarantined(number, str(error), text[:MAX_RAW])
            cells = [] if table else [text[:MAX_RAW]]
        if table:
            yield from table.take(number, cells)
        elif places := bank_table.columns(cells):
            table = Table(places, Preamble.of(above), mark, exact=True, wants_total=wants_total)
            yield table.begin()
        elif len(above) == bank_table.HEADER_WITHIN:
            break
        else:
            above.append(cells)
    if table is None:
        raise IncompleteDownload("The header row of the statement's table is missing.", remedy="Download it again.")
    yield from table.over()


def _caixa(source: Source) -> Iterator[Part]:
    ledger, account = Ledger(), ""
    for number, text in source.lines():
        if not text.strip():
            continue
        try:
            cells = delimited.cells(text, ";")
            if number == 1 and cells[0].lower() == "conta":
                continue
            row = _caixa_entry(cells, number)
            if not account:
                account = cells[0]
                yield Begin("104", "", account, "BRL")
            if cells[0] != account:
                raise ValueError(f"the row is of account {cells[0][:40]}, the file of {account}")
            yield from ledger.take(row)
        except ValueError as error:
            if not account:
                raise IncompleteDownload(f"The first row of the statement cannot be read: {error}.", remedy="Download it again.") from error
            yield Quarantined(number, str(error), text[:MAX_RAW])
    if not account:
        raise IncompleteDownload("The statement holds no row.", remedy="Download it again.")
    yield from ledger.over()
    yield ledger.end()


def _caixa_entry(cells: list[str], line: int) -> Entry:
    if len(cells) < 6:
        raise ValueError("the line has fewer columns than the header")
    _, date, document, description, value, side = cells[:6]
    posted = day(date) if re.fullmatch("[0-9]{8}", date) else None
    if posted is None or not cells[0]:
        raise ValueError(f"not a date: {date[:40]!r}")
    return entry(posted, _caixa_amount(value, side.upper()), description, document=document, line=line)


def _caixa_amount(value: str, side: str) -> Decimal | None:
    if is_blank_money(value):
        return None
    unsigned = money(value)
    if unsigned < 0 or side not in {"C", "D"}:
        raise ValueError(f"neither credit nor debit: {side[:40]!r}")
    return -unsigned if side == "D" and unsigned else unsigned
