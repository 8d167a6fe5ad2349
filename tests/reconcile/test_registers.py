"""The ERP's contracts against CCEE's register, from files: on labelled data of seeds nobody tuned for, and each outcome by itself."""

from __future__ import annotations

import csv
import datetime as dt
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import typer
import xlsxwriter
from typer.testing import CliRunner

from bench.reconciliation.book import Book
from bench.reconciliation.contracts import Contracts
from bench.reconciliation.draw import Draw
from retaguarda.console.commands_reconcile_ccee import register
from retaguarda.errors import InvalidItem
from retaguarda.formats import ccee_settlement
from retaguarda.model.reconciliation import ContractOutcome
from retaguarda.model.statements import Entry
from retaguarda.model.values import Month, mw_average
from retaguarda.reconcile.register_files import STATUS, read_ccee, read_erp, write
from retaguarda.reconcile.registers import CceeContract, ErpContract, compare
from retaguarda.reconcile.settlement import SettlementOutcome, compare_settlement

MONTH = Month(2026, 10)
OURS = ErpContract("E1", "CT-1", "1700001", "SELL", "Cervejaria Buriti Ltda", "11222333", "SUL", "I5", MONTH, Decimal("2089.896"))
MWH = Decimal("2089.896")
HELD = CceeContract(
    "C1", "1700001", "SELL", "CERVEJARIA BURITI", "11222333", "SUL", "I5", MONTH, MWH, mw_average(MWH, MONTH), validated=True
)
app = typer.Typer()
register(app)


def resized(held: CceeContract, mwh: str) -> CceeContract:
    return replace(held, mwh=Decimal(mwh), mw=mw_average(Decimal(mwh), held.month))


def outcomes(ours: list[ErpContract], held: list[CceeContract]) -> list[str]:
    return [c.outcome.value for c in compare(ours, held)]


@pytest.mark.parametrize(("seed", "months"), [(101, 6), (102, 6), (103, 1), (104, 2)])
def test_labelled_registers_are_told_right(tmp_path: Path, seed: int, months: int) -> None:
    Contracts(Book(Draw(seed), 20_000, months, dt.date(2026, 3, 1))).write(tmp_path, 300)
    found = compare(read_erp(tmp_path / "erp_contracts.csv").items, read_ccee(tmp_path / "ccee_contracts.csv").items)
    told = {(i, c.ccee_id, STATUS[c.outcome]) for c in found for i in (c.erp_ids or ("",))}
    with (tmp_path / "labels_ccee.csv").open(encoding="utf-8", newline="") as file:
        true = {(r["erp_id"], r["ccee_id"], r["status"]) for r in csv.DictReader(file)}
    assert 2 * len(told & true) / (len(told) + len(true)) >= 0.995
    assert not {row for row in true - told if row[2] in {"missing", "not_validated"}}


def test_the_order_of_rows_changes_nothing(tmp_path: Path) -> None:
    Contracts(Book(Draw(5), 10_000, 3, dt.date(2026, 1, 1))).write(tmp_path, 80)
    ours, held = list(read_erp(tmp_path / "erp_contracts.csv").items), list(read_ccee(tmp_path / "ccee_contracts.csv").items)
    first = compare(ours, held)
    random.Random(1).shuffle(ours)
    random.Random(2).shuffle(held)
    assert compare(ours, held) == first


@pytest.mark.parametrize(
    ("held", "outcome"),
    [
        (HELD, ContractOutcome.OK),
        (resized(HELD, "2089.898"), ContractOutcome.OK),
        (resized(HELD, "2089.900"), ContractOutcome.OK),
        (resized(HELD, "2090.000"), ContractOutcome.CCEE_LARGER),
        (resized(HELD, "2000.000"), ContractOutcome.ERP_LARGER),
        (replace(HELD, validated=False), ContractOutcome.NOT_VALIDATED),
        (replace(HELD, submarket="NORTE"), ContractOutcome.WRONG_SUBMARKET),
        (replace(HELD, energy="CONV"), ContractOutcome.WRONG_ENERGY),
        (replace(HELD, root="99888777"), ContractOutcome.WRONG_PROFILE),
        (replace(HELD, effective_mw=Decimal("1.500000")), ContractOutcome.CUT_AT_GUARANTEE),
    ],
)
def test_one_contract(held: CceeContract, outcome: ContractOutcome) -> None:
    assert outcomes([OURS], [held]) == [outcome.value]


def test_several_contracts_of_the_erp_are_one_at_ccee() -> None:
    half = replace(OURS, mwh=Decimal("1044.948"))
    found = compare([half, replace(half, erp_id="E2", contract="CT-2")], [HELD])
    assert [(c.outcome, c.erp_ids, c.mwh_difference) for c in found] == [(ContractOutcome.OK, ("E1", "E2"), Decimal("0.000"))]


def test_a_code_is_learnt_from_another_month_and_a_copy_is_told() -> None:
    november = Month(2026, 11)
    later = replace(HELD, ccee_id="C2", month=november, mw=mw_average(MWH, november))
    found = compare([OURS, replace(OURS, erp_id="E2", ccee_code="", month=november)], [HELD, later, replace(later, ccee_id="C3")])
    assert [(c.outcome.value, c.ccee_id) for c in found] == [("ok", "C1"), ("ok", "C2"), ("registered-twice", "C3")]
    nowhere = [replace(OURS, ccee_code=""), replace(OURS, erp_id="E2", ccee_code="", month=november)]
    assert [c.how for c in compare(nowhere, [HELD, later])] == ["learnt", "learnt"]


def test_two_contracts_that_fit_equally_well_are_not_guessed() -> None:
    found = outcomes([replace(OURS, ccee_code="")], [HELD, replace(HELD, ccee_id="C2", code="1700002")])
    assert sorted(found) == ["missing-at-ccee", "missing-in-erp", "missing-in-erp"]


def test_either_side_alone() -> None:
    assert outcomes([OURS], []) == ["missing-at-ccee"]
    assert outcomes([], [HELD]) == ["missing-in-erp"]


ERP = "erp_id,contract,ccee_code,side,counterparty,counterparty_doc,submarket,source_type,month,mwh\n"
CCEE = "ccee_id,ccee_code,side,counterparty_short,counterparty_root,submarket,source_type,month,mwh,mwm,status,effective_mwh\n"


def files(folder: Path, erp: str, ccee: str) -> list[str]:
    (folder / "erp.csv").write_text(ERP + erp, encoding="utf-8")
    (folder / "ccee.csv").write_text(CCEE + ccee, encoding="utf-8")
    return ["ccee", "--erp", str(folder / "erp.csv"), "--ccee", str(folder / "ccee.csv"), "--out", str(folder / "out"), "--json"]


def test_the_command_writes_and_says_what_it_found(tmp_path: Path) -> None:
    good = "E1,CT-1,1700001,SELL,Buriti,11222333000181,S,I5,2026-10,2089.896\n"
    bad = "E2,CT-2,1700002,SELL,Buriti,11222333000181,XX,I5,2026-10,12.5\n"
    told = CliRunner().invoke(
        app, files(tmp_path, good + bad, "C1,1700001,SELL,BURITI,11222333,S,I5,2026-10,2089.896,2.809000,VALIDADO,1000.000\n")
    )
    assert told.exit_code == 1
    assert '"cut-at-guarantee": 1' in told.stdout
    assert '"field": "submarket"' in told.stdout
    assert '"line": 3' in told.stdout
    rows = list(csv.DictReader((tmp_path / "out" / "contracts.csv").read_text(encoding="utf-8").splitlines()))
    assert [(r["erp_id"], r["ccee_id"], r["status"], r["difference_mwh"]) for r in rows] == [("E1", "C1", "cut", "0.000")]


def test_a_missing_column_is_told_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "erp.csv").write_text("erp_id,side,month\nE1,SELL,2026-10\n", encoding="utf-8")
    with pytest.raises(InvalidItem, match="mwh"):
        read_erp(tmp_path / "erp.csv")


def test_the_same_comparison_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, compare([OURS], [HELD]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def lfn004(path: Path, *rows: tuple[object, ...]) -> Path:
    """A sheet as CCEE gives it: thirty lines of preamble, the name cut by Excel."""
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("LFN004 - Liquidação Financeira ")
        sheet.write(0, 0, "CCEE")
        header = ("Agente", "Débito/Crédito", "Valor a Liquidar (R$)", "Valor Liquidado (R$)", "Inadimplência (R$)")
        for number, row in enumerate((header, *rows, ("Total",)), 30):
            sheet.write_row(number, 0, row)
    return path


def moved(day: int, amount: str, text: str = "LIQ FINANCEIRA CCEE MCP 10") -> Entry:
    return Entry(dt.date(2026, 12, day), Decimal(amount), text, line=day)


def test_the_settlement_of_ccee_against_the_custody_account(tmp_path: Path) -> None:
    rows = [
        ("BURITI  COM", "Débito", 1500.25, 1500.25, 0), ("BURITI I5", "Crédito", 900, 850.1, 49.9), ("JATOBA", "Crédito", 10, 10, 0),
        ("BURITI L", "Débito", "1.000,00", "1.000,00", "0,00"), ("BURITI CL", "Talvez", 1, 1, 0),
    ]  # fmt: skip
    listed = ccee_settlement.read(lfn004(tmp_path / "lfn.xlsx", *rows))
    assert [(q.line, "Talvez" in q.reason) for q in listed.quarantine] == [(36, True)]
    entries = [
        moved(9, "-1500.25"),
        moved(10, "850.10"),
        moved(10, "33.00"),
        moved(10, "-7.00", "TARIFA"),
        moved(10, "10.00", "PIX RECEBIDO"),
    ]
    found = compare_settlement(listed.agents, entries, ["buriti com", "BURITI I5", "BURITI L"], MONTH)
    assert {(c.agent, c.outcome) for c in found} == {
        ("BURITI COM", SettlementOutcome.SETTLED),
        ("BURITI I5", SettlementOutcome.IN_DEFAULT),
        ("BURITI L", SettlementOutcome.MISSING_AT_BANK),
        ("", SettlementOutcome.MISSING_IN_LIST),
    }
    differing = compare_settlement(listed.agents, [moved(9, "-999.00")], ["BURITI L"], MONTH)
    assert [(c.outcome, c.difference) for c in differing] == [(SettlementOutcome.DIFFERS, Decimal("1.00"))]
    too_late = moved(9, "-1000.00")._replace(date=dt.date(2027, 2, 1))
    assert [c.outcome for c in compare_settlement(listed.agents, [too_late], ["BURITI L"], MONTH)] == [SettlementOutcome.MISSING_AT_BANK]


def test_lfn_from_the_command_line(tmp_path: Path) -> None:
    sheet = lfn004(tmp_path / "lfn.xlsx", ("BURITI COM", "Débito", 1500.25, 1500.25, 0))
    statement = tmp_path / "statement_lines.csv"
    statement.write_text(
        "line_id,account_id,file_id,date,amount,hist_code,doc_number,fitid,description\n"
        "L1,237/1/2,F,2026-12-09,-1500.25,910,1,1,LIQ FINANCEIRA CCEE MCP 10\n",
        encoding="utf-8",
    )
    given = ["lfn", "--lfn", str(sheet), "--agent", "BURITI COM", "--month", "2026-10", "--statement", str(statement)]
    told = CliRunner().invoke(app, [*given, "--json"])
    assert (told.exit_code, '"outcome": "settled"' in told.stdout) == (0, True), told.stdout
    assert CliRunner().invoke(app, [*given[:4], "JATOBA", *given[5:]]).exit_code == 1
