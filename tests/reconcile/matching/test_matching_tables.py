"""Readers and rules: what is wrong is told with file, line, field and remedy; the rest goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retaguarda.console.cli import app
from retaguarda.errors import ConfigurationError, InvalidItem
from retaguarda.reconcile.matching.loading import load
from retaguarda.reconcile.matching.model import Rejection
from retaguarda.reconcile.matching.rules import parse_matching_rules
from retaguarda.reconcile.matching.tables import LINES, read
from tests.reconcile.matching.ledger_cases import OURS, Case, two_customers
from tests.sandbox_fixtures import ROOT

HEADER = ",".join(LINES.columns)


def rows(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_bad_rows_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = rows(
        tmp_path / "statement_lines.csv",
        "L1,A1,F1,2026-03-10,10.00,,,,good",
        "L2,A1,F1,10/03/2026,10.00,,,,date",
        'L3,A1,F1,2026-03-10,"10,00",,,,comma',
        ",A1,F1,2026-03-10,10.00,,,,no id",
        "L1,A1,F1,2026-03-11,10.00,,,,same id",
        "L6,A1,F1,2026-03-10,1e3,,,,power",
        "L7,A1,F1,2026-03-10,0.10,,007,,zeros kept",
        "L8,A1,F1,2026-03-10,12680409026.31,,,,a large balance",
        "L9,A1,F1,2026-03-10,126804090263.10,,,,too large",
    )
    rejections: list[Rejection] = []
    found = read(path, LINES, rejections)
    assert found["line_id"].to_list() == ["L1", "L7", "L8"]
    assert found["amount"].to_list() == [1000, 10, 1268040902631]
    assert found["doc_number"].to_list() == ["", "007", ""]
    assert sorted((one.line, one.field, one.value) for one in rejections) == [
        (3, "date", "10/03/2026"),
        (4, "amount", "10,00"),
        (5, "line_id", ""),
        (6, "line_id", "L1"),
        (7, "amount", "1e3"),
        (10, "amount", "126804090263.10"),
    ]
    assert "eleven digits" in next(one.remedy for one in rejections if one.line == 10)
    assert all(one.file == str(path) and one.remedy for one in rejections)


def test_rows_of_the_wrong_length_and_old_encodings(tmp_path: Path) -> None:
    path = tmp_path / "statement_lines.csv"
    text = f"{HEADER}\nL1,A1,F1,2026-03-10,10.00,,,,Cerâmica\nL2,A1,F1,2026-03-10,10.00,,,,one, too many\n"
    path.write_bytes(text.encode("cp1252"))
    rejections: list[Rejection] = []
    assert read(path, LINES, rejections)["description"].to_list() == ["Cerâmica"]
    assert [(one.line, one.field) for one in rejections] == [(3, "")]


def test_missing_columns_and_files_are_clear(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("line_id,amount\nL1,1.00\n", encoding="utf-8")
    with pytest.raises(InvalidItem, match=r"columns account_id, file_id, date.* are missing"):
        read(path, LINES, [])
    with pytest.raises(InvalidItem, match="no such file"):
        read(tmp_path / "nothing.csv", LINES, [])


def test_rules_refuse_what_they_do_not_know() -> None:
    data = tomllib.loads((ROOT / "config" / "matching.toml").read_text(encoding="utf-8"))
    assert parse_matching_rules(data).version == data["version"]
    data["windows"]["latest"] = 3
    with pytest.raises(ConfigurationError, match=r"\[windows\].*latest"):
        parse_matching_rules(data)
    del data["windows"]["latest"], data["windows"]["late"]
    with pytest.raises(ConfigurationError, match=r"\[windows\]: `late` is missing"):
        parse_matching_rules(data)
    data["windows"]["late"] = 95
    del data["proposals"]
    assert parse_matching_rules(data).never_proposed == (), "the rules that older runs keep as evidence"
    data["windows"]["late"] = "95"
    with pytest.raises(ConfigurationError, match="`late` must be of the TOML type integer: '95'"):
        parse_matching_rules(data)


def test_an_unknown_pass_is_refused() -> None:
    from dataclasses import replace

    from retaguarda.reconcile.matching.engine import match
    from tests.reconcile.matching.ledger_cases import RULES

    with pytest.raises(ConfigurationError, match="there is no pass magic"):
        match(two_customers().inputs(), replace(RULES, passes=("magic",)))


def files(case: Case, folder: Path) -> dict[str, Path]:
    """The case as the canonical files."""
    inputs = {
        "open_items": (case.items, "open_items.csv"),
        "partners": (case.partners, "partners.csv"),
        "accounts": (case.accounts, "bank_accounts.csv"),
        "statement": (case.lines, "statement_lines.csv"),
        "returns": (case.returns, "retorno.csv"),
        "history": (case.history, "history.csv"),
    }
    from retaguarda.reconcile.matching import tables

    shapes = {shape.name: shape for shape in (tables.ITEMS, tables.PARTNERS, tables.ACCOUNTS, LINES, tables.RETURNS, tables.HISTORY)}
    made = {}
    for option, (table, name) in inputs.items():
        columns = list(shapes[name].columns)
        lines = [",".join(columns), *(",".join(row.get(column, "") for column in columns) for row in table)]
        made[option] = folder / name
        made[option].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return made


def command(made: dict[str, Path], out: Path, *more: str) -> list[str]:
    options = [part for option, path in made.items() for part in (f"--{option.replace('_', '-')}", str(path))]
    return ["reconcile", "receipts", *options, "--out", str(out), *more]


def test_the_command_writes_its_files(tmp_path: Path) -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "1000.00", "PIX RECEBIDO 12345678000195 10/03")
    case.line("L2", "17.00", "PIX RECEBIDO 12345678000195 10/03")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, command(files(case, tmp_path), out, "--json"))
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert told["tie_out"]["difference"] == "0.00"
    assert told["summary"]["matched"] == 1
    assert [one["line_id"] for one in told["unmatched"]] == ["L2"]
    assert (out / "matches.csv").read_text(encoding="utf-8").splitlines() == [
        "line_id,item_id,amount,decision,rule,confidence,difference,difference_type",
        'L1,I501,1000.00,auto,exact.doc,0.998,0.00,""',
    ]
    assert (out / "lines.csv").read_text(encoding="utf-8").splitlines() == ["line_id,class", "L1,match", "L2,unmatched"]


def test_rejected_rows_are_told_and_make_it_exit_1(tmp_path: Path) -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    case.line("L1", "1000.00", "PIX RECEBIDO 12345678000195 10/03")
    case.line("L2", "abc", "PIX RECEBIDO 12345678000195 10/03")
    done = CliRunner().invoke(app, command(files(case, tmp_path), tmp_path / "out"))
    assert done.exit_code == 1, done.output
    assert (tmp_path / "out" / "matches.csv").exists()


def test_the_process_ends_with_its_code_and_all_that_it_said(tmp_path: Path) -> None:
    """It leaves its objects to the system, and nothing else: what it wrote to a pipe is whole."""
    case = two_customers()
    for number in range(900):
        case.line(f"L{number}", f"{number + 1}.00", "PIX RECEBIDO 12345678000195 10/03")
    case.line("L900", "abc", "PIX RECEBIDO 12345678000195 10/03")
    out = tmp_path / "out"
    words = [sys.executable, "-m", "retaguarda", *command(files(case, tmp_path), out, "--json")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert len(json.loads(done.stdout)["unmatched"]) == 900
    assert sorted(path.name for path in out.iterdir()) == ["lines.csv", "matches.csv", "open_items_left.csv", "result.json"]


def test_a_result_cut_off_while_it_is_written_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = two_customers()
    case.line("L1", "1000.00", "PIX RECEBIDO 12345678000195 10/03")
    made, out = files(case, tmp_path), tmp_path / "out"
    assert CliRunner().invoke(app, command(made, out)).exit_code == 0
    whole, renamed = Path.replace, []

    def cut_off(path: Path, target: Path) -> Path:
        renamed.append(target.name)
        if len(renamed) == 2:
            raise OSError(28, "no space left")
        return whole(path, target)

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(OSError, match="no space"):
        CliRunner().invoke(app, command(made, out), catch_exceptions=False)
    monkeypatch.undo()
    assert renamed == ["matches.csv", "lines.csv"]
    assert not (out / "result.json").exists()
    assert CliRunner().invoke(app, command(made, out)).exit_code == 0
    assert (out / "result.json").exists()


OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102
ENCODING:USASCII
CHARSET:1252

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>BRL<BANKACCTFROM><BANKID>341<BRANCHID>1234<ACCTID>56789-0<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260301<DTEND>20260331
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260310<TRNAMT>1000.00<FITID>1<MEMO>PIX RECEBIDO 12345678000195 10/03</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1000.00<DTASOF>20260331</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def test_a_banks_own_file_is_a_statement_too(tmp_path: Path) -> None:
    case = two_customers()
    case.item("I501", "P1", "1000.00")
    made = files(case, tmp_path)
    made["statement"] = tmp_path / "extrato.ofx"
    made["statement"].write_text(OFX, encoding="ascii")
    inputs = load(made["open_items"], made["partners"], made["accounts"], [made["statement"]])
    assert inputs.lines.select("line_id", "account_id", "amount").rows() == [("extrato.ofx:1", OURS["account_id"], 100000)]


def test_a_file_of_an_account_nobody_registered_is_refused(tmp_path: Path) -> None:
    case = two_customers()
    case.accounts = [{**OURS, "account": "99999-9"}]
    case.item("I501", "P1", "1000.00")
    made = files(case, tmp_path)
    made["statement"] = tmp_path / "extrato.ofx"
    made["statement"].write_text(OFX, encoding="ascii")
    with pytest.raises(InvalidItem, match="has 0 accounts"):
        load(made["open_items"], made["partners"], made["accounts"], [made["statement"]])


def test_a_file_that_is_no_statement_is_refused_by_its_name(tmp_path: Path) -> None:
    made = files(two_customers(), tmp_path)
    odd = tmp_path / "notas.csv"
    odd.write_text("line_id,account_id\n1,2\n", encoding="ascii")
    with pytest.raises(InvalidItem, match=r"notas\.csv was not read: "):
        load(made["open_items"], made["partners"], made["accounts"], [made["statement"], odd])
