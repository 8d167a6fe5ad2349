"""The whole month on real browsers, a real Tryton and real files: run once, run again, verified from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sandbox.month import PERIOD, Month, build, groups
from tests.month.installation import Installation, Told
from tests.sandbox_fixtures import ROOT, SandboxProcess, running_sandbox

pytestmark = [pytest.mark.month, pytest.mark.erp, pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def month() -> Month:
    return build()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), "ccee,bank_jatoba,bank_cedro,erp") as process:
        yield process


@pytest.fixture(scope="module")
def house(sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("house"), sandbox)


@pytest.fixture(scope="module")
def first(house: Installation) -> Told:
    return house.run("close_month", month="2026-10", period=f"{PERIOD[0]}..{PERIOD[1]}")


@pytest.fixture(scope="module")
def held(sandbox: SandboxProcess, first: Told) -> dict[str, Any]:
    """What the portals hold after the first run."""
    assert first.root["state"] == "PARTIAL"
    return truth(sandbox)


def truth(sandbox: SandboxProcess) -> dict[str, Any]:
    """What every portal holds, read from its own files by the sandbox's command."""
    command = [sys.executable, "-m", "sandbox", "truth", "--state", str(sandbox.state)]
    told: dict[str, Any] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    return told


def test_every_step_ends(first: Told) -> None:
    assert first.exit_code == 1, "breaks were planted, so the month closes with pending matters"
    assert [(run["process"], run["state"]) for run in first.runs[1:]] == [
        ("export_erp", "SUCCESSFUL"),
        ("download_statements", "SUCCESSFUL"),
        ("reconcile_receipts", "PARTIAL"),
        ("register_contracts", "PARTIAL"),
        ("validate_contracts", "PARTIAL"),
        ("reconcile_ccee", "PARTIAL"),
        ("settle_receivables", "SUCCESSFUL"),
    ]


def test_released_sales_are_registered_once(first: Told, held: dict[str, Any], month: Month) -> None:
    """Each reference stands at CCEE once, with the sum of its boletas; held and refused ones do not."""
    items = first.items("register_contracts")
    wanted = {reference for reference, item in items.items() if item["state"] == "SUCCESSFUL"}
    ours = {p.code for p in month.us.profiles}
    at_ccee = {c["reference"]: c for c in held["ccee"]["contracts"] if c["seller"] in ours}
    assert Counter(c["reference"] for c in held["ccee"]["contracts"]).most_common(1)[0][1] == 1
    assert at_ccee.keys() == wanted
    for boletas in groups(month.contracts, "sale").values():
        contract = at_ccee.get(boletas[0].number)
        if contract:
            mwh = sum((b.mwh for b in boletas), Decimal())
            assert abs(Decimal(contract["mw"]) * 744 - mwh) < Decimal("0.001")


def test_planted_slips_are_found(first: Told, month: Month) -> None:
    planted = month.planted
    register, validate = first.items("register_contracts"), first.items("validate_contracts")
    [rejected] = [i for i in first.items("reconcile_receipts").values() if i["outcome"] == "rejected"]
    assert rejected["title"] == planted["incomplete_register"]
    assert register[planted["already_registered"]]["outcome"] == "already"
    assert register[planted["refused_by_ccee"]]["outcome"] == "refused"
    assert "não está ativo na CCEE" in register[planted["refused_by_ccee"]]["reason"]
    assert validate[planted["already_validated"]]["outcome"] == "already"
    assert validate[planted["wrong_mwh"]]["code"] == "conflict"
    assert validate[planted["missing_at_ccee"]]["code"] == "invalid-item"


def test_the_erp_was_settled(held: dict[str, Any], month: Month) -> None:
    """Invoices are paid or keep exactly their rest; nothing was booked twice."""
    left = {int(i["number"]): Decimal(i["open"]) for i in held["erp"]["invoices"]}
    partial = next(i for i in month.invoices if str(i.number) == month.planted["partial_payment"])
    paid = next(e for e in month.entries if f"NF{partial.number} " in f"{e.text} {e.document} ")
    assert left[partial.number] == partial.amount - paid.amount
    assert left[int(month.planted["duplicated_payment"])] == 0
    assert left[int(month.planted["withheld_tax"])] > 0
    assert all(s["state"] == "posted" for s in held["erp"]["statements"])
    assert len(held["erp"]["statements"]) == 2


def test_what_is_left_stands_among_the_breaks(house: Installation, first: Told, month: Month) -> None:
    """Each with who looks at it and what is done next; contracts and receipts alike."""
    assert first.root["state"] == "PARTIAL"
    told = json.loads(house.command("reconcile", "breaks", "--limit", "500", "--json").stdout)
    texts = {
        kind: " ".join(f"{one['text']} {one['item']}" for one in told if one["kind"] == kind) for kind in {one["kind"] for one in told}
    }
    for slip, kind in (
        ("duplicated_payment", "duplicate-payment"),
        ("withheld_tax", "difference-to-post"),
        ("missing_at_ccee", "contract-missing-at-ccee"),
        ("missing_in_erp", "contract-missing-in-erp"),
    ):
        assert month.planted[slip] in texts[kind], (slip, texts)
    assert all(one["next"] and one["owner"] for one in told)


def test_the_report_can_be_sent(first: Told, month: Month) -> None:
    """The workbook opens, ties out, and shows each planted slip; the page stands alone."""
    folder = Path(first.root["folder"])
    book = openpyxl.load_workbook(folder / "close_month.xlsx", data_only=True)
    assert book.sheetnames == ["Resumo", "Itens", "Rejeições", "Conciliados", "Quebras", "CCEE × ERP", "Evidências"]
    breaks = {str(cell.value) for row in book["Quebras"].iter_rows() for cell in row if cell.value is not None}
    for slip in ("duplicated_payment", "withheld_tax", "wrong_mwh", "missing_at_ccee"):
        assert any(month.planted[slip] in text for text in breaks), slip
    assert any(month.planted["missing_in_erp"] in text for text in breaks)
    page = (folder / "log.html").read_text("utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert month.planted["refused_by_ccee"] in page


def test_secrets_are_nowhere(house: Installation, sandbox: SandboxProcess, first: Told) -> None:
    """No password, seed or passphrase stands in any file that the run left: store, logs, audit, evidence, reports."""
    secrets = [
        value
        for fields in json.loads((sandbox.state / "credentials.json").read_text("utf-8")).values()
        for name, value in fields.items()
        if name not in {"user", "certificate"} and len(value) >= 6
    ]
    assert len(secrets) >= 4
    assert first.runs
    files = [path for root in ("state", "output") for path in (house.folder / root).rglob("*") if path.is_file()]
    assert len(files) > 100
    for path in files:
        data = path.read_bytes()
        assert not [s for s in secrets if s.encode() in data or s.encode("utf-16-le") in data], path.name


def test_the_log_verifies(house: Installation, first: Told) -> None:
    assert first.runs
    done = house.command("audit", "verify", "--json")
    assert done.returncode == 0, done.stdout


@pytest.mark.thorough
def test_the_second_run_presses_nothing(house: Installation, sandbox: SandboxProcess, held: dict[str, Any]) -> None:
    before = house.query("select count(*) from store_intent")
    second = house.run("close_month", month="2026-10", period=f"{PERIOD[0]}..{PERIOD[1]}")
    assert house.query("select count(*) from store_intent") == before
    outcomes = Counter(item["outcome"] for run in second.runs for item in run["items"] if run["process"] != "download_statements")
    assert outcomes["already"] == 1 + 22 + 13 + 2
    assert outcomes["refused_before"] == 1
    after = truth(sandbox)
    assert after["ccee"]["contracts"] == held["ccee"]["contracts"]
    assert after["erp"] == held["erp"]
