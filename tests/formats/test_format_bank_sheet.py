"""Workbooks of Itaú and Bradesco: counterparties are kept, a changed row is seen, hostile workbooks are refused."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from retaguarda.errors import IncompleteDownload
from retaguarda.formats import bank_sheet
from retaguarda.formats.parts import collected
from retaguarda.formats.source import Source
from tests.formats.streamed import CHANGES, adds_up, changed, read, survives

Cells = list[object]
ITAU: list[Cells] = [
    [],
    ["Atualização:", "10/04/2026 às 08h30"],
    ["Nome:", "COMERCIALIZADORA ALFA LTDA"],
    ["Agência:", 1234],
    ["Conta:", "99999-9"],
    [],
    ["Lançamentos"],
    ["Periodo: 01/04/2026 até 10/04/2026"],
    [],
    ["Data", "Lançamento", "Razão Social", "CPF/CNPJ", "Valor (R$)", "Saldo (R$)"],
]
ITAU_ROWS: list[Cells] = [
    ["31/03/2026", "SALDO ANTERIOR", "", "", None, 1000],
    ["01/04/2026", "PIX RECEBIDO ALFA", "GERADORA BETA SA", "11.222.333/0001-81", 1234.56, None],
    [dt.date(2026, 4, 1), "TED RECEBIDA", "VAREJISTA GAMA LTDA", 191, 0.1, None],
    ["01/04/2026", "SALDO TOTAL DISPONÍVEL DIA", "", "", None, 2234.66],
    [46116, "SISPAG FORNECEDORES", "", "", -234.66, None],
    ["05/04/2026", "TARIFA", "", "", 1.005, None],
    ["x", "TARIFA", "", "", 1, None],
    ["06/04/2026", "SALDO TOTAL DISPONÍVEL DIA", "", "", None, "2.000,00"],
    ["Lançamentos futuros"],
    ["20/04/2026", "BOLETO AGENDADO", "", "", -10, None],
]
BRADESCO: list[Cells] = [
    [],
    ["Bradesco Net Empresa"],
    [],
    [],
    [],
    [],
    ["Extrato de: Agência: 450  Conta: 25808-3"],
    [],
    ["Data", "Lançamento", "Dcto.", "Crédito (R$)", "Débito (R$)", "Saldo (R$)"],
]
BRADESCO_ROWS: list[Cells] = [
    ["01/04/2026", "SALDO ANTERIOR", "", "", "", "10.000,00"],
    ["01/04/2026", "TRANSFERENCIA PIX", "4201", "1.234,56", "", "11.234,56"],
    ["", "REM: GERADORA BETA 01/04", "", "", "", ""],
    ["02/04/2026", "PAGTO ELETRON COBRANCA", "78", "", "-1.234", "10.000,56"],
    ["", "", "Total", "1.234,56", "-1.234,00", "10.000,56"],
]


def workbook(*pages: list[Cells]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    assert book.active is not None
    book.remove(book.active)
    for number, rows in enumerate(pages):
        page = book.create_sheet("Lançamentos" if number == 0 else f"Plan{number}")
        for row in rows:
            page.append(row)
    book.save(out)
    return out.getvalue()


def test_itau_tells_the_counterparty_and_whatever_way_the_day_is_written() -> None:
    [statement] = read(bank_sheet, workbook(ITAU + ITAU_ROWS))
    assert statement.account_key == "341/1234/99999-9"
    moves = [e for e in statement.entries if not e.checkpoint]
    assert [(e.counterparty_name, e.counterparty_document) for e in moves[:2]] == [
        ("GERADORA BETA SA", "11222333000181"),
        ("VAREJISTA GAMA LTDA", "191"),
    ]
    assert [e.date.day for e in moves] == [1, 1, 4]
    assert [odd.line for odd in statement.quarantine] == [16, 17]
    assert (statement.opening_balance, statement.closing_balance) == (Decimal("1000.00"), Decimal("2000.00"))
    assert statement.entries[-1].blank


def test_bradesco_tells_debits_in_their_own_column() -> None:
    [statement] = read(bank_sheet, workbook(BRADESCO + BRADESCO_ROWS))
    assert statement.account_key == "237/450/25808-3"
    assert [e.amount for e in statement.entries if not e.checkpoint] == [Decimal("1234.56"), Decimal("-1234.00")]
    assert statement.entries[1].description == "TRANSFERENCIA PIX REM: GERADORA BETA 01/04"
    assert adds_up(statement)


def test_each_sheet_with_a_table_is_a_statement() -> None:
    found = read(bank_sheet, workbook([["capa"]], BRADESCO + BRADESCO_ROWS, ITAU + ITAU_ROWS))
    assert [s.bank for s in found] == ["237", "341"]


@settings(max_examples=40)
@given(st.lists(st.integers(-50_000_00, 50_000_00).filter(bool), min_size=3, max_size=6, unique=True), st.data())
def test_a_changed_row_is_seen(cents: list[int], data: st.DataObject) -> None:
    rows = [f"0{n + 1}/04/2026|PIX|||{value / 100}|" for n, value in enumerate(cents)]
    frame = ("31/03/2026|SALDO ANTERIOR||||0", f"30/04/2026|SALDO TOTAL DISPONÍVEL DIA||||{sum(cents) / 100}")

    def statement(middle: list[str]) -> bytes:
        table = [row.split("|") for row in (frame[0], *middle, frame[1])]
        return workbook(ITAU + [[*cells[:4], *(float(cell) if cell else None for cell in cells[4:])] for cells in table])

    assert adds_up(read(bank_sheet, statement(rows))[0])
    place = data.draw(st.integers(0, len(rows) - 1))
    other = changed(rows, place, data.draw(st.sampled_from(CHANGES)), "01/04/2026|PIX|||60000|")
    assert not adds_up(read(bank_sheet, statement(other))[0])


def packed(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no table"),
        (workbook([["Data", "Valor"], ["01/04/2026", 1]]), "no table"),
        (workbook(ITAU + ITAU_ROWS)[:3000], "not a readable ZIP"),
        (packed(xl__workbook_dot_xml=b"<x/>"), "cannot be read"),
        (packed(xl__other_dot_xml=b"<x/>"), "not an .xlsx"),
        (packed(xl__workbook_dot_xml=b" " * 50_000_000), "would unpack"),
        (b"PK[Content_Types].xml" + b" " * 65 * 2**20, "bytes"),
    ],
    ids=["empty", "other table", "cut", "damaged", "no workbook", "bomb", "huge"],
)
def test_what_is_no_statement_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(IncompleteDownload, match=says):
        collected(bank_sheet.parts(Source.of(data)))


@settings(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 6000))
def test_junk_raises_nothing_unknown(junk: bytes, place: int) -> None:
    whole = workbook(BRADESCO + BRADESCO_ROWS)
    survives(bank_sheet, junk)
    survives(bank_sheet, whole[:place])
    survives(bank_sheet, whole[:place] + junk + whole[place + len(junk) :])
