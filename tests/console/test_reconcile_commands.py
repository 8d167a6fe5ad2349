"""`retaguarda reconcile` over the store, and `lineage show`, as people call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import openpyxl

from retaguarda.store.models import BreakRecord, MatchDecision, RunRecord
from tests.accounts.test_book import statement, take
from tests.decisions.test_period import HEADER, ITEMS, MOVES
from tests.house import House
from tests.sandbox_fixtures import ROOT


def answered(workbook: Path, answer: str, reason: str) -> int:
    """Write an answer beside every proposal; returns how many there are."""
    book = openpyxl.load_workbook(workbook)
    sheet = next(sheet for sheet in book.worksheets if sheet.title in {"Propostas", "Proposals"})
    head = next(row for row in sheet.iter_rows() if any(cell.value == "Aprovar (S/N)" for cell in row))
    named = {cell.value: (cell.column or 0) - 1 for cell in head}
    rows = [row for row in sheet.iter_rows(min_row=(head[0].row or 0) + 1) if row[named["Linha"]].value]
    for row in rows:
        row[named["Aprovar (S/N)"]].value, row[named["Motivo"]].value = answer, reason
    book.save(workbook)
    return len(rows)


def test_a_period_from_the_command_line(store: Path, house: House, tmp_path: Path) -> None:
    def command(*arguments: str, actor: str = "ana", language: str = "pt-BR") -> subprocess.CompletedProcess[str]:
        own = {"RETAGUARDA_STORE__URL": f"sqlite://{store}", "RETAGUARDA_HOME": str(house.home), "RETAGUARDA_LANGUAGE": language}
        own |= {"RETAGUARDA_OUTPUT": str(house.home / "output"), "RETAGUARDA_CLOCK__BUSINESS_DATE": "2026-11-13", "RETAGUARDA_ACTOR": actor}
        called = [sys.executable, "-m", "retaguarda", *arguments]
        return subprocess.run(called, cwd=ROOT, env=os.environ | own | {"COLUMNS": "200"}, capture_output=True, text=True, check=False)

    take(statement(1, 10, MOVES))
    items = tmp_path / "open_items.csv"
    items.write_text(HEADER + ITEMS, encoding="utf-8")
    done = command("reconcile", "run", "2026-11-01..2026-11-10", "--open-items", str(items), "--json")
    assert done.returncode == 1, done.stderr  # breaks
    [run] = json.loads(done.stdout)
    assert run["state"] == "PARTIAL"
    assert command("reconcile", "run", "2026-11").returncode == 3, "the ERP was never exported"

    book = tmp_path / "month.xlsx"
    written = command("reconcile", "report", "--run", run["run"], "--company", "Energia Teste", "--out", str(book))
    assert written.returncode == 0, written.stderr
    assert answered(book, "N", "") == 1
    told = command("reconcile", "answer", str(book))
    assert (told.returncode, "month.xlsx:" in told.stderr) == (1, True), "a refusal needs a reason"
    answered(book, "S", "conferido")
    tried = json.loads(command("reconcile", "answer", str(book), "--dry-run", "--json").stdout)
    assert (tried["dry_run"], tried["done"]["confirmed"], MatchDecision.objects.filter(state="PROPOSED").count()) == (True, 1, 1)

    waiting = json.loads(command("reconcile", "proposals", "--json").stdout)
    keys = [one["key"][:12] for one in waiting]
    assert len(keys) == MatchDecision.objects.filter(state="PROPOSED").count() > 0
    refused = command("reconcile", "confirm", keys[0], "zz", "--reason", "conferido")
    assert (refused.returncode, "não há a decisão zz" in refused.stderr) == (1, True)
    shown = command("reconcile", "show", keys[0]).stdout
    assert "confirmada · ana · conferido" in shown
    assert command("reconcile", "undo", keys[0], "--reason", "engano").returncode == 0
    assert json.loads(command("reconcile", "show", keys[0], "--json").stdout)["state"] == "UNDONE"

    lost = BreakRecord.objects.get(kind="unmatched-credit", amount=Decimal("777.77"))
    made = command("reconcile", "match", lost.line, "R-4204=777,77")
    assert made.returncode == 0, made.stderr
    key = made.stdout.split()[2]
    own = command("reconcile", "confirm", key)
    assert (own.returncode, "não pode confirmá-la" in own.stderr) == (1, True)
    assert command("reconcile", "confirm", key, actor="rui").returncode == 0
    way = command("lineage", "show", lost.line).stdout
    assert "linhagem" in way
    assert "R-4204" in way
    assert [one["stage"] for one in json.loads(command("lineage", "show", "BOL-2", "--json").stdout)["stations"]] == [
        "contract",
        "invoice",
        "bank line",
    ]

    told = command("reconcile", "breaks")
    assert told.returncode == 1
    assert "Crédito sem título" in told.stdout
    gap = BreakRecord.objects.filter(kind="overdue").first() or lost
    assert command("reconcile", "close", gap.key[:12], "--reason", "acordo").returncode == 0
    nothing = command("reconcile", "work", lost.key[:12])
    assert (nothing.returncode, "nada se inicia" in nothing.stderr) == (3, True)

    again = json.loads(command("reconcile", "reperform", run["run"], "--json").stdout)
    assert [one["same"] for one in again] == [True] * 4
    assert RunRecord.objects.filter(process="reconcile_period").count() == 1
