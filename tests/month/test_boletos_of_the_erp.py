"""Boletos for what the ERP says is open: exported from a real Tryton, handed in at a bank in a real Chromium, answered the next day."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox.companies import CUSTOMERS
from sandbox.month import DUE, build
from tests.month.installation import Installation
from tests.sandbox_fixtures import Factory

pytestmark = [pytest.mark.erp, pytest.mark.browser, pytest.mark.thorough, pytest.mark.timeout(600)]
TODAY, TOMORROW = "2026-11-04", "2026-11-05"
STRANGER = CUSTOMERS[-1]
"""A customer whose address nobody has written down."""
OTHERWISE = CUSTOMERS[-2]
"""A customer who pays by transfer."""


def test_from_the_erps_open_invoices_to_the_banks_answer(tmp_path: Path, sandbox_factory: Factory) -> None:
    """No workbook of invoices: what `export_erp` brings is what is charged, each invoice for what is open of it."""
    sandbox = sandbox_factory("erp,bank_jatoba")
    sandbox.set_clock("bank_jatoba", f"{TODAY}T10:00:00-03:00")
    house = Installation(tmp_path / "house", sandbox, settings={"RETAGUARDA_CLOCK__BUSINESS_DATE": TODAY})
    payers, credential = str(addresses(tmp_path / "enderecos.csv")), "bank_jatoba/robo"
    first = house.run("charge_customers", month="2026-10", payers=payers, credential=credential)

    invoices = build().invoices
    charged = {f"{one.number}": one.amount for one in invoices if one.due_date == DUE and one.company not in {STRANGER, OTHERWISE}}
    assert any(one.company == OTHERWISE for one in invoices)
    [remessa] = sandbox.truth("bank_jatoba")["remessas"]
    titles = sandbox.truth("bank_jatoba")["titles"]
    assert {title["document"]: Decimal(title["face"]) for title in titles} == charged
    assert (remessa["titles"], Decimal(remessa["total"])) == (len(charged), sum(charged.values()))
    why = Counter(item["reason"].split(" of ")[0] for item in first.items("issue_boletos").values() if item["reason"])
    strangers = sum(one.company == STRANGER for one in invoices)
    late = sum(one.company not in {STRANGER, OTHERWISE} and one.due_date < DUE for one in invoices)
    assert why == {"no address": strangers, "the due date has passed": late}
    assert first.exit_code == 1

    kept = "sha256:{sha256}/{name}".format(**first.root["result"]["receivables"])
    again = house.run("issue_boletos", receivables=kept, payers=payers, credential=credential)
    assert again.items("issue_boletos")[f"boleto {next(iter(charged))}"]["code"] == "conflict"
    assert len(sandbox.truth("bank_jatoba")["remessas"]) == 1

    sandbox.set_clock("bank_jatoba", f"{TOMORROW}T08:00:00-03:00")
    house.settings["RETAGUARDA_CLOCK__BUSINESS_DATE"] = TOMORROW
    answered = house.run("confirm_boletos", credential=credential).root["result"]
    assert (answered["confirmed"], answered["rejected"], answered["waiting"]) == (len(charged), 0, 0)


def addresses(path: Path) -> Path:
    """The sheet of the payers' addresses, which the ERP's invoices do not tell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow(("CNPJ", "Cliente", "Endereço", "Bairro", "CEP", "Cidade", "UF", "Boleto"))
        for n, one in enumerate(CUSTOMERS):
            if one == OTHERWISE:
                sheet.writerow((one.cnpj, one.name, "", "", "", "", "", "N"))
            elif one != STRANGER:
                sheet.writerow((one.cnpj, one.name, f"Rua das Flores, {n + 1}", "Centro", "01310-100", "São Paulo", "SP", "S"))
    return path
