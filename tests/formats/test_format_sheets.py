"""Sheets and the CCEE export: rows keep their line numbers, and archives that would burst are not opened."""

from __future__ import annotations

import io
import time
import zipfile
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from retaguarda.errors import IncompleteDownload, InvalidItem, RetaguardaError
from retaguarda.formats import Format, ccee_export, identify, sheet
from retaguarda.formats.numbers import decimal_mark, number
from retaguarda.model.contracts import ContractState
from retaguarda.model.values import Month

NAMES = {"NUMERO", "CLIENTE", "TOTAL", "VENCIMENTO"}


def workbook(*rows: list[object], title: str = "Plan1") -> bytes:
    book, out = Workbook(), io.BytesIO()
    assert book.active is not None
    book.active.append(["capa"])
    page = book.create_sheet(title)
    for row in rows:
        page.append(row)
    book.save(out)
    return out.getvalue()


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in members.items():
            book.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


CSV = 'Relatório;de;tudo\r\n\r\nNúmero;Cliente;Total;Vencimento\r\n4201;"Aurora; filial\r\nSul";"1.234,50";10/11/2026\r\n\r\n4202;B;2;\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_is_read_in_any_dress(encoding: str, delimiter: str) -> None:
    text = CSV.replace(";", delimiter).replace("Aurora" + delimiter, "Aurora;") if delimiter != ";" else CSV
    table = sheet.table(text.encode(encoding), "a.csv", NAMES)
    assert table.header.cells == ("Número", "Cliente", "Total", "Vencimento")
    assert [row.line for row in table.rows] == [4, 7]
    assert table.rows[0].cells == ("4201", "Aurora; filial\r\nSul", "1.234,50", "10/11/2026")


def test_a_workbook_is_read_wherever_its_table_stands() -> None:
    import datetime as dt

    rows: list[list[object]] = [
        ["WBC"],
        [],
        ["Número", "Cliente", "Total", "Vencimento"],
        ["4201", None, 1234.5, dt.date(2026, 11, 10)],
        [4202, "B", 0.1 + 0.2, None],
    ]
    table = sheet.table(workbook(*rows), "a.xlsx", NAMES)
    assert [(row.line, row.cells) for row in table.rows] == [(4, ("4201", "", "1234,5", "2026-11-10")), (5, ("4202", "B", "0,3", ""))]
    assert table.mark == ","


@pytest.mark.parametrize("data", [b"", b"so texto\n", b"a,b,c\n1,2,3\n", workbook(["x", "y"])])
def test_a_file_without_the_header_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(InvalidItem, match="column names"):
        sheet.table(data, "a.csv", NAMES)


def test_a_quote_left_open_does_not_swallow_the_rest() -> None:
    with pytest.raises(InvalidItem, match="readable CSV"):
        sheet.table(b'Numero,Cliente,Total\n1,"aberta,2\n3,b,4\n', "a.csv", NAMES)


def test_old_workbooks_and_other_archives_are_named() -> None:
    with pytest.raises(InvalidItem, match=r"old \.xls"):
        sheet.table(b"\xd0\xcf\x11\xe0" + b"\0" * 100, "a.xls", NAMES)
    with pytest.raises(InvalidItem, match=r"not an \.xlsx"):
        sheet.table(archive(leia_dot_txt=b"oi"), "a.zip", NAMES)


def bomb_of_zeros() -> bytes:
    return archive(xl__workbook_dot_xml=b"<workbook/>", xl__worksheets__sheet1_dot_xml=b" " * (60 * 2**20))


def bomb_of_space() -> bytes:
    """Two cells at opposite corners: a reader that allots the rectangle between them needs half a terabyte."""
    data, out = workbook(["Número", "Cliente", "Total"]), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "xl/worksheets/sheet2.xml":
                content = content.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
            new.writestr(info.filename, content)
    return out.getvalue()


def bomb_of_strings() -> bytes:
    """One long shared text in many cells."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 40_001))
    return archive(
        xl__workbook_dot_xml=b"<workbook/>",
        xl__sharedStrings_dot_xml=b"<sst><si><t>" + b"x" * 32_000 + b"</t></si></sst>",
        xl__worksheets__sheet1_dot_xml=f"<worksheet><sheetData>{cells}</sheetData></worksheet>".encode(),
    )


@pytest.mark.parametrize("bomb", [bomb_of_zeros, bomb_of_space, bomb_of_strings])
def test_bombs_are_refused_before_they_go_off(bomb: object) -> None:
    assert callable(bomb)
    data = bomb()
    before = time.monotonic()
    with pytest.raises(IncompleteDownload, match=r"not opened|more than is read"):
        sheet.table(data, "a.xlsx", NAMES)
    assert time.monotonic() - before < 5


def test_ten_thousand_members_are_refused() -> None:
    with pytest.raises(IncompleteDownload, match="not opened"):
        ccee_export.read(archive(**{f"a{n}_dot_csv": b"" for n in range(1500)}))


@pytest.mark.parametrize("cut", [10, 200, -1, -30])
def test_a_truncated_archive_is_refused(cut: int) -> None:
    with pytest.raises(IncompleteDownload):
        ccee_export.read(EXPORT[:cut])
    with pytest.raises(IncompleteDownload):
        sheet.table(workbook(["Número", "Cliente"])[:cut], "a.xlsx", NAMES)


@given(st.binary(max_size=300))
def test_junk_raises_nothing_unknown(junk: bytes) -> None:
    for data in (junk, b"PK\x03\x04" + junk, b"Numero,Cliente\n" + junk):
        identify(data)
        for read in (lambda d: sheet.table(d, "x", NAMES), ccee_export.read):
            try:
                read(data)
            except RetaguardaError:
                continue


HEADER = "CODIGO_CONTRATO\tREFERENCIA\tSIGLA_PERFIL_VENDEDOR\tCODIGO_PERFIL_VENDEDOR\tSIGLA_PERFIL_COMPRADOR\tCODIGO_PERFIL_COMPRADOR"
HEADER += "\tSUBMERCADO_ENTREGA\tMES_REFERENCIA\tMWmedio\tTIPO_MODULACAO\tSITUACAO_CONTRATO\tOBSERVACAO"
LINES = (
    "1692100\tBOL-1\tEXEMPLO COM\t86853\tAURORA CL\t70401\tSUDESTE\t10/2026\t2,431796\tFlat\tPendente de validação\tção",
    "1692107\t\tEXEMPLO  COM\t86853\tBOA VISTA CL\t70403\tSul\t10/2026\t1.002,5\tFlat\tValidado\t",
    "1692114\tBOL-3\tEXEMPLO COM\t86853\tAURORA CL\t70401\tNORTE\t10/2026\t1\tFlat\tRascunho\t",
    "1692121\tBOL-4\tEXEMPLO COM\t86853\tAURORA CL\t70401\tOESTE\t10/2026\t1\tFlat\tValidado\t",
    "1692128\tBOL-5\tEXEMPLO COM\t86853\tAURORA CL\t70401\tNORTE\t10/2026\t1\tFlat\tInventado\t",
    "1692100\tBOL-1\tEXEMPLO COM\t86853\tAURORA CL\t70401\tSUDESTE\t10/2026\t2,431796\tFlat\tPendente de validação\t",
    "curta\tdemais",
)
TEXT = "\r\n".join(("Relatório de Contratos - CCEAL Firme", HEADER, *LINES, ""))
EXPORT = archive(cceal_firme_dot_csv=TEXT.encode("latin-1"), cceal_PARCELA_dot_csv=b"x")


def test_the_ccee_export_loses_no_line() -> None:
    read = ccee_export.read(EXPORT)
    assert [c.code for c in read.contracts] == ["1692100", "1692107", "1692114"]
    assert [q.line for q in read.quarantine] == [6, 7, 8, 9]
    assert len(read.contracts) + len(read.quarantine) == len(LINES)
    assert read.files == ("cceal_firme.csv",)


def test_the_ccee_export_is_typed() -> None:
    first, second, third = ccee_export.read(EXPORT).contracts
    assert (first.mw_average, second.mw_average) == (Decimal("2.431796"), Decimal("1002.500000"))
    assert (first.seller_profile, first.buyer_profile, first.submarket, first.month) == (86853, 70401, "SUDESTE", Month(2026, 10))
    assert (first.state, second.state, third.state) == (ContractState.UNVALIDATED, ContractState.VALIDATED, ContractState.DRAFT)
    assert second.submarket == "SUL"


def test_columns_that_an_export_lacks_come_from_the_caller() -> None:
    text = "titulo\nCODIGO_CONTRATO\tSIGLA_PERFIL_VENDEDOR\tSIGLA_PERFIL_COMPRADOR\tSUBMERCADO_ENTREGA\tMWmedio\tSITUACAO_CONTRATO\n"
    text += "1\tExemplo Com\tAURORA CL\tSUL\t1,5\tValidado\n2\tESTRANHO\tAURORA CL\tSUL\t1,5\tValidado\n"
    data = archive(a_dot_csv=text.encode())
    read = ccee_export.read(data, Month(2026, 10), {"EXEMPLO COM": 86853, "AURORA CL": 70401})
    assert [(c.seller_profile, c.month) for c in read.contracts] == [(86853, Month(2026, 10))]
    assert "ESTRANHO" in read.quarantine[0].reason
    assert len(ccee_export.read(data).quarantine) == 2


def test_an_export_without_contracts_or_columns_is_refused() -> None:
    with pytest.raises(IncompleteDownload, match="no contract file"):
        ccee_export.read(archive(x_parcela_dot_csv=b"x"))
    with pytest.raises(IncompleteDownload, match="mandatory column"):
        ccee_export.read(archive(x_dot_csv=b"titulo\nCODIGO_CONTRATO\tSUBMERCADO\n"))
    assert identify(EXPORT) is Format.ZIP


@pytest.mark.parametrize(
    ("texts", "mark"),
    [
        (["293,478", "244,76"], ","),
        (["293.478", "244.76"], "."),
        (["1.234,5"], ","),
        (["293,478"], ""),
        (["1,5", "1.5"], ""),
        (["a", "7"], ""),
    ],
)
def test_a_table_has_one_decimal_mark(texts: list[str], mark: str) -> None:
    assert decimal_mark(texts) == mark


def test_numbers_are_read_by_the_mark_or_not_at_all() -> None:
    assert number("1.234", ",") == 1234
    assert number("1.234", ".") == Decimal("1.234")
    assert number("1.234,5", "") == Decimal("1234.5")
    for text, mark in (("1.234", ""), ("244.76", ","), ("1,5", "."), ("", ","), ("x", "")):
        with pytest.raises(ValueError, match="not a number"):
            number(text, mark)
