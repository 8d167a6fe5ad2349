"""The accountants' workbook: every cent of the statements on one sheet, sums that recompute, texts that stay texts, answers read back."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import typer
from typer.testing import CliRunner

from bench.reconciliation.generate import generate
from retaguarda.console.commands_reconcile_ccee import register
from retaguarda.errors import ConfigurationError, IncompleteDownload
from retaguarda.language import set_language
from retaguarda.reconcile.answers import Answer, read_answers
from retaguarda.reconcile.register_files import read_ccee, read_erp, write
from retaguarda.reconcile.registers import compare
from retaguarda.report.receipts_tables import Sources, load, settled
from retaguarda.report.receipts_workbook import write_receipts_workbook

HOSTILE = '=HYPERLINK("http://x","<a> & b")'
NOT_DECIDED = 17


@pytest.fixture(autouse=True)
def portuguese() -> Iterator[None]:
    set_language("pt-BR")
    yield
    set_language("pt-BR")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """A reconciliation whose decisions are the labels: nine in ten without a person, some proposed, some not found at all."""
    data, out = tmp_path_factory.mktemp("books") / "data", tmp_path_factory.mktemp("out")
    generate(600, 41, data)
    lines = list(rows(data / "labels_lines.csv"))
    decision = {r["line_id"]: "auto" if n % 10 else "proposal" for n, r in enumerate(lines) if r["class"] == "match" and n % NOT_DECIDED}
    with (out / "matches.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("line_id", "item_id", "amount", "decision", "rule", "confidence", "difference", "difference_type"))
        kinds = {r["line_id"]: r for r in lines}
        for edge in rows(data / "labels.csv"):
            if edge["line_id"] in decision:
                told, line = kinds[edge["line_id"]], edge["line_id"]
                table.writerow(
                    (line, edge["item_id"], edge["amount"], decision[line], "reference", "0.995", told["diff"], told["diff_type"])
                )  # fmt: skip
    with (out / "lines.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("line_id", "class"))
        table.writerows(
            (r["line_id"], "unmatched" if r["class"] == "match" and r["line_id"] not in decision else r["class"]) for r in lines
        )
    (out / "result.json").write_text(
        json.dumps({"provenance": {"inputs": "a" * 64, "rules": "b" * 64, "rules_version": 4}}), encoding="utf-8"
    )
    write(out / "contracts.csv", compare(read_erp(data / "erp_contracts.csv").items, read_ccee(data / "ccee_contracts.csv").items))
    hostile(data / "statement_lines.csv")
    return Sources(out, data / "open_items.csv", (data / "statement_lines.csv",), data / "bank_accounts.csv", out / "contracts.csv")


def hostile(path: Path) -> None:
    """Put a formula, markup and a control character where the bank's text stands."""
    held = list(rows(path))
    held[0]["description"], held[1]["description"] = HOSTILE, "+55 \x07 <b>&amp;</b> _x0041_"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(held[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(held)


def opened(path: Path, **more: bool) -> Any:
    return openpyxl.load_workbook(path, **more)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def workbook(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    set_language("pt-BR")
    path = tmp_path_factory.mktemp("workbook") / "conciliacao.xlsx"
    write_receipts_workbook(sources, path, "Comercializadora S.A.")
    return path


def column(sheet: Any, heading: str) -> list[Any]:
    place = next(cell.column for cell in sheet[4] if cell.value == heading)
    return [sheet.cell(row, place).value for row in range(5, sheet.max_row + 1)]


def test_the_sheets_that_accountants_ask_for(workbook: Path) -> None:
    names = opened(workbook, read_only=True).sheetnames
    assert names == [
        "Resumo", "Conciliados", "Propostas", "Quebras", "Títulos em aberto", "A lançar", "Classificados", "Por banco e conta",
        "Por contrato (MWh)", "Comprovação", "Gráficos",
    ]  # fmt: skip


def test_every_cent_of_the_statements_stands_on_one_sheet(workbook: Path, sources: Sources) -> None:
    book = opened(workbook, data_only=True)
    lines, classes = rows(sources.statements[0]), {r["line_id"]: r["class"] for r in rows(sources.folder / "lines.csv")}
    moved = {r["line_id"]: round(float(r["amount"]) * 100) for r in lines if classes[r["line_id"]] not in {"balance", "duplicate_import"}}
    told: dict[str, int] = {}
    for sheet, heading in (
        ("Conciliados", "Valor no banco"),
        ("Propostas", "Valor no banco"),
        ("Quebras", "Valor no banco"),
        ("Classificados", "Movimento"),
    ):
        for line, amount in zip(column(book[sheet], "Linha"), column(book[sheet], heading), strict=True):
            if amount is not None:
                assert line not in told, f"{line} stands twice"
                told[line] = round(amount * 100)
    assert told == moved


def test_the_tie_out_recomputes_from_the_other_sheets(workbook: Path) -> None:
    values, formulas = opened(workbook, data_only=True), opened(workbook)
    summary, said = formulas["Resumo"], values["Resumo"]
    checked = 0
    for row in summary.iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("="):
                assert evaluated(values, said, cell.value) == pytest.approx(said[cell.coordinate].value, abs=0.005), cell.value
                checked += 1
    assert checked == 22
    zeros = [said.cell(r, c).value for r in range(1, 30) for c in (4, 5, 6) if said.cell(r, 2).value == "Diferença (deve ser zero)"]
    assert [z for z in zeros if z is not None] == [0, 0, 0, 0]


def evaluated(values: Any, here: Any, formula: str) -> float:
    """What a formula of the summary gives, worked out by other means than Excel's."""
    body = formula.removeprefix("=")
    if body.startswith("SUMIF("):
        cells, _, rest = body.removeprefix("SUMIF(").partition(",")
        return sum(v for v in ranged(values, cells) if (v > 0) == (">" in rest))
    if body.startswith("SUM("):
        return float(sum(ranged(values, body[4:-1])))
    if body.startswith("ROUND("):
        first, _, rest = body.removeprefix("ROUND(").removesuffix(",2)").partition("-")
        less = [row[0].value for row in here[rest[4:-1]]] if rest.startswith("SUM(") else [here[name].value for name in rest.split("-")]
        return float(round(here[first].value - sum(less), 2))
    return float(sum(here[name].value for name in body.split("+")))


def ranged(values: Any, cells: str) -> list[float]:
    sheet, _, place = cells.partition("!")
    return [cell.value for row in values[sheet.strip("'")][place.replace("$", "")] for cell in row if isinstance(cell.value, int | float)]


def test_texts_stay_texts(workbook: Path) -> None:
    book = opened(workbook)
    found = {}
    for sheet in ("Conciliados", "Propostas", "Quebras", "Classificados"):
        place = next(cell.column for cell in book[sheet][4] if cell.value == "Histórico do banco")
        for row in range(5, book[sheet].max_row + 1):
            cell = book[sheet].cell(row, place)
            found[str(cell.value)] = cell
    cell = found[HOSTILE]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    assert any(text.startswith("+55") and "<b>&amp;</b>" in text and "\x07" not in text for text in found)
    with zipfile.ZipFile(workbook) as held:
        sheets = [held.read(name).decode() for name in held.namelist() if name.startswith("xl/worksheets/sheet")]
    assert not any("<f>HYPERLINK" in xml for xml in sheets)


def test_numbers_that_must_keep_their_zeros_are_texts(workbook: Path) -> None:
    sheet = opened(workbook)["Conciliados"]
    assert all(isinstance(doc, str) and len(doc) in {11, 14} for doc in column(sheet, "CNPJ/CPF"))


def test_answers_are_read_back(workbook: Path, tmp_path: Path) -> None:
    book = opened(workbook)
    sheet = book["Propostas"]
    place = {cell.value: cell.column for cell in sheet[4]}
    choices = {str(rule.sqref).split(":")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert '"S,N"' in choices.values()
    for row, answer in ((5, ("S", None)), (6, ("N", "Outro título")), (7, ("N", None)), (8, ("talvez", None))):
        sheet.cell(row, place["Aprovar (S/N)"]).value, sheet.cell(row, place["Motivo"]).value = answer
    book.save(tmp_path / "answered.xlsx")
    read = read_answers(tmp_path / "answered.xlsx")
    lines = column(sheet, "Linha")
    assert read.items[:2] == (Answer(lines[0], True, ""), Answer(lines[1], False, "Outro título"))
    assert [(r.line, r.value, bool(r.remedy)) for r in read.rejections] == [(7, "", True), (8, "talvez", True)]
    assert {a.approved for a in read.items[2:]} == {None}


def test_the_same_decisions_give_the_same_bytes(sources: Sources, workbook: Path, tmp_path: Path) -> None:
    write_receipts_workbook(sources, tmp_path / "again.xlsx", "Comercializadora S.A.")
    assert (tmp_path / "again.xlsx").read_bytes() == workbook.read_bytes()


def test_what_the_workbook_says_of_a_line_is_what_was_decided(sources: Sources) -> None:
    held = settled(load(sources), "auto")
    sums = held.group_by("line_id").agg(pl_sum("signed"), pl_sum("moved"), pl_sum("rest"))
    assert (sums["moved"] == sums["signed"] + sums["rest"]).all()


def pl_sum(name: str) -> Any:
    import polars as pl

    return pl.col(name).sum()


def test_the_charts_have_figures(workbook: Path) -> None:
    with zipfile.ZipFile(workbook) as held:
        assert sum(name.startswith("xl/charts/chart") for name in held.namelist()) == 4
    sheet = opened(workbook, data_only=True)["Gráficos"]
    heads = {cell.value: cell.column for cell in sheet[2] if cell.value}
    assert {"Semana", "Idade", "Mês", "MWh na CCEE"} <= set(heads)
    shares = [sheet.cell(row, heads["Sem intervenção"]).value for row in range(3, 20)]
    assert all(0 < share <= 1 for share in shares if share is not None)


def test_the_command(sources: Sources, tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    given = ["report", str(sources.folder), "--open-items", str(sources.open_items), "--statement", str(sources.statements[0])]
    told = CliRunner().invoke(app, [*given, "--out", str(tmp_path / "w.xlsx"), "--json"])
    assert (told.exit_code, json.loads(told.stdout)["workbook"]) == (0, str(tmp_path / "w.xlsx"))
    assert "Por contrato (MWh)" not in opened(tmp_path / "w.xlsx", read_only=True).sheetnames


def test_a_file_that_is_not_there_is_named(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"matches\.csv"):
        write_receipts_workbook(Sources(tmp_path, sources.open_items, sources.statements), tmp_path / "w.xlsx")


@pytest.mark.parametrize("change", [("amount", "0.01"), ("item_id", "I99999999"), ("difference", "12.00")])
def test_decisions_that_do_not_add_up_are_refused(sources: Sources, tmp_path: Path, change: tuple[str, str]) -> None:
    held = rows(sources.folder / "matches.csv")
    held[3][change[0]] = change[1]
    for name in ("lines.csv", "result.json"):
        (tmp_path / name).write_bytes((sources.folder / name).read_bytes())
    with (tmp_path / "matches.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(held[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(held)
    with pytest.raises(IncompleteDownload, match=held[3]["line_id"]):
        load(replace(sources, folder=tmp_path))
