"""Statements as workbooks: Itaú PJ and Bradesco Net Empresa.

Itaú: `Agência:`, `Conta:` and `Periodo: … até …` above `Data, Lançamento, Razão Social, CPF/CNPJ, Valor (R$), Saldo (R$)`, numeric
cells, balance rows among the movements. Bradesco: `Extrato de: Agência: 450  Conta: 25808-3` above `Data, Lançamento, Dcto.,
Crédito (R$), Débito (R$), Saldo (R$)`, amounts as Brazilian text, debits negative.
Source: files of a trader's monthly routine (domain notes 3.2). The header may stand in any of a sheet's first rows.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from retaguarda.errors import IncompleteDownload, InvalidItem
from retaguarda.formats import bank_table, sheet
from retaguarda.formats.bank_table import Preamble, Table
from retaguarda.formats.parts import Part
from retaguarda.formats.source import Source

_SERIAL = re.compile(r"[34][0-9]{4}")
_SERIAL_ZERO = dt.date(1899, 12, 30)


def recognises(head: bytes) -> bool:
    """Whether a file is a workbook (.xlsx); what it holds only its sheets tell, which `parts` judges."""
    return head.startswith(b"PK") and (b"xl/" in head or b"[Content_Types].xml" in head)


def parts(source: Source) -> Iterator[Part]:
    """One statement for each sheet that holds a statement's table; sheets without one are left out.

    Raises IncompleteDownload when no sheet has one, and for what is damaged or larger than `sheet` reads.
    """
    try:
        data = source.read()
        found = False
        for rows in sheet.sheets(data, "The workbook") if recognises(source.head) else ():
            for part in _statement(rows):
                found = True
                yield part
    except (ValueError, InvalidItem) as error:
        raise IncompleteDownload(f"The workbook cannot be read: {error}", remedy="Download a shorter period.") from error
    if not found:
        raise IncompleteDownload("The workbook holds no table of a bank statement.", remedy="Check what the portal gave.")


def _statement(rows: list[sheet.Row]) -> Iterator[Part]:
    above = rows[: bank_table.HEADER_WITHIN]
    start, places = next(((n, found) for n, row in enumerate(above) if (found := bank_table.columns(row.cells))), (0, {}))
    if not places:
        return
    table = Table(places, Preamble.of([row.cells for row in rows[:start]]), mark=",", exact=False)
    yield table.begin()
    for row in rows[start + 1 :]:
        yield from table.take(row.line, _dated(row.cells, places["date"]))
    yield from table.over()


def _dated(cells: tuple[str, ...], place: int) -> tuple[str, ...]:
    """The row with its day in words, when the workbook shows a day as a plain number: 46296 is 2026-10-01."""
    if place >= len(cells) or not _SERIAL.fullmatch(cells[place]):
        return cells
    day = _SERIAL_ZERO + dt.timedelta(int(cells[place]))
    return (*cells[:place], day.isoformat(), *cells[place + 1 :])
