"""The workbook, read back by two other libraries: types, formats, formulas, hostile text, size."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from python_calamine import CalamineWorkbook

from retaguarda.report.content import AuditLine, BreakLine, ContractLine, RunReport, TieLine
from retaguarda.report.workbook import write_workbook
from tests.report.hostile import FORMULAS, MARKUP, ODD, poisoned
from tests.report.report_sample import ZERO, empty_report

SHEETS = ["Resumo", "Itens", "Rejeições", "Conciliados", "Quebras", "CCEE × ERP", "Evidências"]
LISTS = SHEETS[1:]
HEAD, FIRST = 4, 5
TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def path(report: RunReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "mês.xlsx"
    write_workbook(report, path)
    return path


@pytest.fixture(scope="module")
def shown(path: Path) -> Any:
    """The workbook with the values that a reader sees."""
    return openpyxl.load_workbook(path, data_only=True)


@pytest.fixture(scope="module")
def written(path: Path) -> Any:
    """The workbook with its formulas."""
    return openpyxl.load_workbook(path)


def column(sheet: Any, heading: str) -> list[Any]:
    """The cells under a heading."""
    found = next(cell.column for cell in sheet[HEAD] if cell.value == heading)
    return [sheet.cell(row, found) for row in range(FIRST, sheet.max_row + 1)]


def cells(book: Any) -> Iterator[Any]:
    for sheet in book:
        for row in sheet.iter_rows():
            yield from row


def found_cell(sheet: Any, text: str) -> Any:
    return next(cell for row in sheet.iter_rows() for cell in row if cell.value == text)


def test_the_sheets_are_these_in_this_order(shown: Any) -> None:
    assert shown.sheetnames == SHEETS
    assert shown.active.title == "Resumo"


@pytest.mark.parametrize(
    ("sheet", "heading", "kind", "number_format"),
    [
        ("Itens", "Quando", dt.datetime, "dd/mm/yyyy hh:mm:ss"),
        ("Itens", "MWmédio", float, "#,##0.000000;[Red]-#,##0.000000"),
        ("Itens", "Perfil vendedor", str, "@"),
        ("Conciliados", "Data", dt.datetime, "dd/mm/yyyy"),
        ("Conciliados", "Crédito", float, "#,##0.00;[Red]-#,##0.00"),
        ("Conciliados", "Documento", str, "@"),
        ("Quebras", "Data", dt.datetime, "dd/mm/yyyy"),
        ("CCEE × ERP", "MWh no ERP", float, "#,##0.000;[Red]-#,##0.000"),
        ("CCEE × ERP", "MWmédio na CCEE", float, "#,##0.000000;[Red]-#,##0.000000"),
        ("CCEE × ERP", "Código CCEE", str, "@"),
        ("CCEE × ERP", "Mês de suprimento", dt.datetime, "mm/yyyy"),
        ("Evidências", "Bytes", int, "#,##0;[Red]-#,##0"),
        ("Evidências", "SHA-256", str, "@"),
        ("Rejeições", "Linha", int, "#,##0;[Red]-#,##0"),
    ],
)
def test_values_have_their_real_type_and_a_format(shown: Any, sheet: str, heading: str, kind: type, number_format: str) -> None:
    filled = [cell for cell in column(shown[sheet], heading) if cell.value is not None]
    assert filled
    assert {cell.number_format for cell in filled} == {number_format}
    assert all(isinstance(cell.value, (int, float) if kind is float else kind) for cell in filled)


def test_calamine_reads_the_same_numbers(path: Path, report: RunReport) -> None:
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Conciliados").to_python(skip_empty_area=False)
    head, lines = rows[HEAD - 1], rows[FIRST - 1 :]
    assert len(lines) == len(report.matches)
    for line, match in zip(lines, report.matches, strict=True):
        cell = dict(zip(head, line, strict=True))
        assert Decimal(str(cell["Crédito"])) == match.credit
        assert cell["Data"] == match.date
        assert cell["Fatura"] == match.receivable


def test_a_break_is_shown_in_its_own_unit(shown: Any) -> None:
    kinds = {
        unit.value: found.number_format
        for unit, found in zip(column(shown["Quebras"], "Unidade"), column(shown["Quebras"], "Diferença"), strict=True)
    }
    assert kinds == {"R$": "#,##0.00;[Red]-#,##0.00", "MWh": "#,##0.000;[Red]-#,##0.000"}


@pytest.mark.parametrize("name", LISTS)
def test_every_list_is_frozen_filtered_and_printable(written: Any, name: str) -> None:
    sheet = written[name]
    assert sheet.freeze_panes == f"B{FIRST}"
    assert sheet.auto_filter.ref == f"A{HEAD}:{get_column_letter(sheet.max_column)}{sheet.max_row}"
    assert sheet.print_title_rows == f"${HEAD}:${HEAD}"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize, sheet.page_setup.fitToHeight) == ("landscape", 9, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet["A3"].hyperlink.location == "'Resumo'!A1"


@pytest.mark.parametrize("name", LISTS)
def test_columns_are_wide_enough_for_numbers_and_headings(shown: Any, name: str) -> None:
    sheet = shown[name]
    for cell in sheet[HEAD]:
        width = sheet.column_dimensions[cell.column_letter].width
        assert max(map(len, cell.value.split())) + 2 <= width <= 80, cell.value
        for below in column(sheet, cell.value):
            if isinstance(below.value, float | int):
                decimals = re.match(r"#,##0\.?(0*)", below.number_format)
                assert decimals
                assert len(f"{below.value:,.{len(decimals[1])}f}") < width, f"{cell.value} would show ####"


def test_states_have_a_colour_and_keep_it_when_edited(written: Any) -> None:
    sheet = written["Itens"]
    fills = {cell.value: cell.fill.fgColor.rgb for cell in column(sheet, "Resultado")}
    assert len({fills["Feito"], fills["Recusado pelo portal"], fills["Incerto"]}) == 3
    rules = [rule.formula for entry in sheet.conditional_formatting for rule in entry.rules]
    assert ['"Incerto"'] in rules


# --- formulas ----------------------------------------------------------------------------------------------------------


def values_in(book: Any, sheet: Any, reference: str) -> list[float]:
    """The numbers of `A1`, `A1:B9`, `$H:$H` or `'Quebras'!$H:$H`; what is no number counts as nothing."""
    name, _, area = reference.rpartition("!")
    there = book[name.strip("'")] if name else sheet
    start, _, end = area.replace("$", "").partition(":")
    if start.isalpha():
        start, end = f"{start}1", f"{end}{there.max_row}"
    return [cell.value for row in there[f"{start}:{end or start}"] for cell in row]


def numbers(values: list[float]) -> list[float]:
    return [value if isinstance(value, int | float) else 0.0 for value in values]


def calculated(book: Any, sheet: Any, formula: str) -> float:
    """What a spreadsheet program makes of the few functions that the workbook uses."""
    inner = re.fullmatch(r"=(?P<name>[A-Z]+)\((?P<rest>.*)\)", formula)
    if inner is None:
        left, sign, right = re.fullmatch(r"=([A-Z]+\d+)([-+])([A-Z]+\d+)", formula).groups()  # type: ignore[union-attr]
        first, second = (numbers(values_in(book, sheet, one))[0] for one in (left, right))
        return first + second if sign == "+" else first - second
    name, parts = inner["name"], inner["rest"].split(",")
    if name == "SUM":
        return sum(numbers(values_in(book, sheet, parts[0])))
    if name == "SUBTOTAL":
        assert parts[0] == "109"
        return sum(numbers(values_in(book, sheet, parts[1])))
    if name == "ROUND":
        return round(calculated(book, sheet, f"={parts[0]}"), int(parts[1]))
    pairs = parts[1:] if name == "SUMIFS" else parts
    criteria = [
        (values_in(book, sheet, area), values_in(book, sheet, wanted)[0]) for area, wanted in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    fits = [all(area[row] == wanted for area, wanted in criteria) for row in range(len(criteria[0][0]))]
    assert name in {"SUMIFS", "COUNTIFS"}, formula
    summed = numbers(values_in(book, sheet, parts[0])) if name == "SUMIFS" else [1.0] * len(fits)
    return sum(value for value, fit in zip(summed, fits, strict=True) if fit)


def test_every_formula_recomputes_to_the_value_that_is_stored_beside_it(written: Any, shown: Any) -> None:
    seen = set()
    for cell in cells(written):
        if cell.data_type == "f":
            sheet = shown[cell.parent.title]
            stored = sheet[cell.coordinate].value
            assert calculated(shown, sheet, cell.value) == pytest.approx(stored, abs=TOLERANCE), (
                f"{sheet.title}!{cell.coordinate} {cell.value}"
            )
            seen.add(re.sub(r"[^A-Z(].*", "", cell.value[1:]).split("(")[0])
    assert {"SUM", "SUBTOTAL", "ROUND", "COUNTIFS", "SUMIFS"} <= seen


def difference_cell(book: Any) -> Any:
    sheet = book["Resumo"]
    return sheet.cell(next(c.row for c in sheet["B"] if c.value == "Diferença"), 5)


def test_the_tie_out_shows_zero_when_it_ties_out(shown: Any, written: Any) -> None:
    assert difference_cell(shown).value == 0
    assert str(difference_cell(written).value).startswith("=ROUND(")
    assert found_cell(shown["Resumo"], "Confere")


def test_a_cent_that_is_missing_is_seen(report: RunReport, tmp_path: Path) -> None:
    short = tuple(
        replace(line, amount=line.amount - Decimal("0.01")) if line.kind == "part" and line.label == "breaks" else line
        for line in report.tie_out
    )
    write_workbook(replace(report, tie_out=short), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)
    assert difference_cell(book).value == pytest.approx(0.01)
    formula = difference_cell(openpyxl.load_workbook(tmp_path / "r.xlsx")).value
    assert calculated(book, book["Resumo"], formula) == pytest.approx(0.01)
    assert found_cell(book["Resumo"], "Não confere")


def test_a_difference_that_only_the_reconciliation_states_is_shown(report: RunReport, tmp_path: Path) -> None:
    lines = (*[line for line in report.tie_out if line.kind != "difference"], TieLine("difference", "difference", 0, Decimal("7.00")))
    write_workbook(replace(report, tie_out=lines), tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)["Resumo"]
    stated = found_cell(sheet, "Diferença informada pela conciliação")
    assert sheet.cell(stated.row, 5).value == 7
    assert found_cell(sheet, "Não confere")


def test_a_statement_that_does_not_close_shows_its_gap(report: RunReport, tmp_path: Path) -> None:
    first = report.statements[0]
    assert first.closing is not None
    broken = replace(first, closing=first.closing + Decimal("12.34"), proven=False, detail="the file states no period")
    unknown = replace(first, file="sem-saldo.ofx", opening=None, closing=None, proven=False)
    write_workbook(replace(report, statements=(broken, unknown)), tmp_path / "r.xlsx")
    sheet: Any = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)["Resumo"]
    row = found_cell(sheet, first.file).row
    assert sheet.cell(row, 3).value == "Não comprovado"
    assert sheet.cell(row, 9).value == pytest.approx(-12.34)
    assert "o arquivo não informa o período" in sheet.cell(row + 1, 2).value
    assert sheet.cell(found_cell(sheet, "sem-saldo.ofx").row, 9).value is None


def test_the_margin_of_a_deadline_is_in_hours_and_negative_when_it_was_missed(report: RunReport, tmp_path: Path) -> None:
    assert report.ended is not None
    real = replace(
        report,
        rehearsal=False,
        judged_at=None,
        deadlines=(replace(report.deadlines[0], at=report.ended - dt.timedelta(hours=6), met=False),),
    )
    write_workbook(real, tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)["Resumo"]
    row = found_cell(sheet, "Registro na CCEE").row
    assert sheet.cell(row, 5).value == -6
    assert sheet.cell(row, 3).value == "Perdido"


def test_a_step_with_many_outcomes_widens_the_summary(report: RunReport, tmp_path: Path) -> None:
    counts = dict.fromkeys(
        ("done", "already", "planned", "refused", "refused_before", "rejected", "uncertain", "failed", "open", "odd-one"), 3
    )
    write_workbook(replace(report, steps=(replace(report.steps[0], counts=counts),)), tmp_path / "r.xlsx")
    sheet: Any = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)["Resumo"]
    row = found_cell(sheet, "Exportar contratos e faturas").row
    assert [sheet.cell(row, place).value for place in range(6, 16)] == [3] * 10
    assert [sheet.cell(row - 1, place).value for place in (6, 14, 15)] == ["Feito", "Em aberto", "odd-one"]
    assert sheet.print_area.endswith(f"$O${sheet.max_row}")


def test_a_broken_audit_log_is_told_first(report: RunReport, tmp_path: Path) -> None:
    write_workbook(replace(report, audit=AuditLine(9, "00", holds=False, problems=("event 7 changed",))), tmp_path / "r.xlsx")
    sheet: Any = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)["Resumo"]
    assert found_cell(sheet, "A trilha de auditoria não confere: veja os problemas abaixo antes de confiar neste relatório.").row == 4
    assert found_cell(sheet, "9 eventos, CADEIA ROMPIDA: event 7 changed")


def test_a_break_leads_to_the_line_it_is_about(written: Any) -> None:
    linked = [cell for cell in column(written["Quebras"], "Referência") if cell.hyperlink]
    assert linked
    for cell in linked:
        name, _, place = cell.hyperlink.location.rpartition("!")
        assert written[name.strip("'")][place].value == cell.value


# --- hostile and odd text ----------------------------------------------------------------------------------------------


def test_no_text_becomes_a_formula_or_a_link(report: RunReport, tmp_path: Path, written: Any) -> None:
    write_workbook(poisoned(report, FORMULAS + MARKUP), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    texts = {cell.value for cell in cells(book) if cell.data_type == "s"}
    assert set(FORMULAS) <= texts, "hostile text is kept, as text"
    formulas = [cell.value for cell in cells(book) if cell.data_type == "f"]
    assert all(re.match(r"=(SUM|SUBTOTAL|ROUND|COUNTIFS|SUMIFS)\(|=[A-Z]\d+[-+][A-Z]\d+$", formula) for formula in formulas)
    assert not [cell for cell in cells(book) if cell.hyperlink and cell.hyperlink.target]
    guarded = [cell for cell in cells(book) if cell.data_type == "s" and str(cell.value).startswith(("=", "+", "-", "@", "\t"))]
    assert guarded
    assert all(cell.quotePrefix for cell in guarded)


def test_odd_text_does_not_spoil_the_file(report: RunReport, tmp_path: Path) -> None:
    write_workbook(poisoned(report, ODD), tmp_path / "r.xlsx")
    texts = {cell.value for cell in cells(openpyxl.load_workbook(tmp_path / "r.xlsx")) if cell.data_type == "s"}
    assert "&amp; & é 漢字" in texts
    assert max(map(len, texts)) < 32_767
    assert CalamineWorkbook.from_path(tmp_path / "r.xlsx").get_sheet_by_name("Itens").to_python()


def test_unknown_codes_are_readable(report: RunReport, tmp_path: Path) -> None:
    strange = replace(
        report,
        state="HIBERNATING",
        breaks=(BreakLine("weather", "solar-flare_x9", "A1", None, Decimal(1), None, "GWh", "", ""),),
        contracts=(ContractLine("A1", "", "", "", "", "someday", None, None, None, None, "half_there", "melted"),),
    )
    write_workbook(strange, tmp_path / "r.xlsx")
    texts = {cell.value for cell in cells(openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True))}
    assert {"HIBERNATING", "weather", "solar-flare x9", "half there", "melted", "someday", "GWh"} <= texts


# --- the whole ---------------------------------------------------------------------------------------------------------


def test_a_run_that_did_nothing_says_so_on_every_sheet(tmp_path: Path) -> None:
    write_workbook(empty_report(), tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)
    for name in LISTS:
        assert book[name].cell(FIRST, 1).value == "Nada a mostrar"
    texts = [str(cell.value) for cell in cells(book)]
    assert "Simulação: nenhum botão foi acionado e nada foi lançado." in texts
    assert "A execução terminou com erro: O cofre não pode ser aberto." in texts
    assert "O que fazer: confira o caminho" in texts


def test_the_same_report_gives_the_same_bytes(report: RunReport, path: Path, tmp_path: Path) -> None:
    write_workbook(report, tmp_path / "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == path.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == ["again.xlsx"], "nothing half written is left"


@pytest.mark.usefixtures("english")
def test_english_when_asked(report: RunReport, tmp_path: Path) -> None:
    write_workbook(report, tmp_path / "r.xlsx")
    book = openpyxl.load_workbook(tmp_path / "r.xlsx", data_only=True)
    assert book.sheetnames == ["Summary", "Items", "Rejections", "Matches", "Breaks", "CCEE × ERP", "Evidence"]
    assert "Completed with open points" in {cell.value for cell in cells(book)}


def test_nothing_of_this_machine_leaves_with_the_workbook(report: RunReport, path: Path) -> None:
    folder = str(report.evidence[0].path.parent.parent).encode()
    with zipfile.ZipFile(path) as archive:
        assert not [name for name in archive.namelist() if folder in archive.read(name)]


LARGE = """
import pathlib, resource, sys, time
from tests.report.report_sample import long_report, month_report
from retaguarda.report.page import write_page
from retaguarda.report.workbook import write_workbook
folder = pathlib.Path(sys.argv[1])
report = long_report(month_report(folder), 10_000)
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
{"xlsx": write_workbook, "html": write_page}[sys.argv[2]](report, folder / "large")
print(time.process_time() - began, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.parametrize(("sort", "megabytes"), [("xlsx", 40), ("html", 120)])
def test_ten_thousand_items_take_seconds_and_little_memory(tmp_path: Path, sort: str, megabytes: int) -> None:
    """Measured on two busy cores: workbook 3.8 s of CPU and no memory to speak of, page 3.3 s and 45 MB."""
    told = subprocess.run([sys.executable, "-c", LARGE, str(tmp_path), sort], check=True, capture_output=True, text=True)
    seconds, grown = map(float, told.stdout.split())
    assert seconds < 20
    assert grown < megabytes
    if sort == "xlsx":
        sheet = CalamineWorkbook.from_path(tmp_path / "large").get_sheet_by_name("Itens")
        assert len(sheet.to_python(skip_empty_area=False)) == FIRST - 1 + 10_000


def test_money_is_not_lost_on_the_way(shown: Any, report: RunReport) -> None:
    booked = sum((Decimal(str(cell.value)) for cell in column(shown["Conciliados"], "Baixado")), ZERO)
    assert booked == sum((match.booked for match in report.matches), ZERO)
