"""What is charged by boleto: a sheet, or the ERP's receivables with a sheet of addresses; each row an item or a rejection that helps."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError
from retaguarda.intake import read_charges, read_payers
from retaguarda.jobs import boletos
from retaguarda.jobs.boletos import Office
from retaguarda.model.charges import Late, Rate
from retaguarda.settings import BoletoSettings
from retaguarda.store.models import OutboxEvent
from sandbox.bank_ipe.portal import account_of
from sandbox.collection import portfolio
from sandbox.companies import CUSTOMERS, US
from tasks.issue_boletos import _wanted
from tests.house import House
from tests.month.boleto_sheet import write_invoices

PAYERS = "CNPJ;Razão social;Endereço;Bairro;CEP;Cidade;UF\n"
INVOICES = "Número;Cliente;CNPJ;Emissão;Vencimento;Total;Valor a pagar\n"


def test_a_row_becomes_a_charge(tmp_path: Path) -> None:
    write_invoices(tmp_path / "f.csv", ["F-1", "F-2"])
    first, second = read_charges(tmp_path / "f.csv").items
    assert (first.document, first.face_value, first.our_number, first.fine) == ("F-1", Decimal("1234.56"), "", None)
    assert second.fine == Late(Rate.PERCENT, Decimal("2.00"))
    payer = first.payer
    assert (payer.document, payer.postcode, payer.state) == (CUSTOMERS[0].cnpj, "01310100", "SP")


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("Número", "X" * 16, "longer than the 15 characters"),
        ("CNPJ", "11.111.111/1111-11", "CNPJ or CPF is not valid"),
        ("CEP", "1310", "eight digits"),
        ("Cidade", "", "address is missing"),
        ("Vencimento", "10/11/2026", "before the date of issue"),
        ("Vencimento", "amanhã", "cannot be read"),
        ("Valor", "0,00", "above zero"),
        ("Valor", "12,345", "above zero"),
        ("Multa_(%)", "200", "0 to 100"),
    ],
)
def test_a_row_that_cannot_be_charged_is_rejected_with_its_field(tmp_path: Path, column: str, cell: str, reason: str) -> None:
    write_invoices(tmp_path / "f.csv", ["F-1", "F-2"], **{column: cell})
    intake = read_charges(tmp_path / "f.csv")
    [rejection] = intake.rejections
    assert (rejection.file, rejection.line, rejection.field) == ("f.csv", 3, column.replace("_", " "))
    assert reason in rejection.reason
    assert rejection.remedy
    assert [charge.document for charge in intake.items] == ["F-1"]


def test_an_invoice_that_stands_twice_is_charged_once(tmp_path: Path) -> None:
    write_invoices(tmp_path / "f.csv", ["F-1", "F-1"])
    intake = read_charges(tmp_path / "f.csv")
    assert (len(intake.items), len(intake.rejections)) == (1, 1)


def test_receivables_are_charged_with_the_addresses_of_another_sheet(any_house: House, tmp_path: Path) -> None:
    known, other = CUSTOMERS[0], CUSTOMERS[1]
    payers = tmp_path / "pagadores.csv"
    payers.write_text(f"{PAYERS}{known.cnpj};{known.name};Rua A, 1;Centro;01310100;São Paulo;sp\n", "utf-8")
    assert read_payers(payers).items[0].place.state == "SP"
    rows = [
        f"NF-1;{known.name};{known.cnpj};03/11/2026;20/11/2026;100,00;60,00",
        f"NF-2;{known.name};{known.cnpj};03/11/2026;20/11/2026;50,00;0,00",  # paid
        f"NF-3;{other.name};{other.cnpj};03/11/2026;20/11/2026;70,00;70,00",  # no address
        f"NF-4;{known.name};{known.cnpj};03/11/2026;20/11/2026;90,00;0,05",  # written off, not charged
    ]
    run = any_house.run()
    invoices = run.keep("faturas.csv", (INVOICES + "\n".join(rows)).encode())
    wanted, _ = _wanted(run, None, invoices, payers)
    assert [(charge.document, charge.face_value, charge.payer.city) for charge in wanted] == [("NF-1", Decimal("60.00"), "São Paulo")]
    [missing] = run.record.items.filter(reference="boleto NF-3")
    assert missing.reason.startswith("no address of ")


def test_a_customer_who_pays_otherwise_is_not_charged_and_that_is_told(any_house: House, tmp_path: Path) -> None:
    known, other, third = CUSTOMERS[:3]
    payers = tmp_path / "pagadores.csv"
    payers.write_text(
        PAYERS.replace("UF\n", "UF;Boleto\n")
        + f"{known.cnpj};{known.name};Rua A, 1;Centro;01310100;São Paulo;SP;S\n"
        + f"{other.cnpj};{other.name};;;;;;não\n"  # needs no address
        + f"{third.cnpj};{third.name};Rua C, 3;Centro;01310100;São Paulo;SP;talvez\n",
        "utf-8",
    )
    customers = read_payers(payers)
    assert [customer.by_boleto for customer in customers.items] == [True, False]
    [doubtful] = customers.rejections
    assert (doubtful.line, doubtful.field) == (4, "Boleto")
    rows = [
        f"NF-1;{known.name};{known.cnpj};03/11/2026;20/11/2026;100,00;60,00",
        f"NF-2;{other.name};{other.cnpj};03/11/2026;20/11/2026;70,00;70,00",
        f"NF-3;{other.name};{other.cnpj};03/11/2026;20/11/2026;30,50;30,50",
    ]
    run = any_house.run()
    invoices = run.keep("faturas.csv", (INVOICES + "\n".join(rows)).encode())
    wanted, _ = _wanted(run, None, invoices, payers)
    assert [charge.document for charge in wanted] == ["NF-1"]
    assert not run.record.items.filter(reference="boleto NF-2").exists()
    [told] = [event.line for event in OutboxEvent.objects.all() if event.line["action"] == "boletos.otherwise"]
    assert (told["data"]["invoices"], told["data"]["amount"]) == (2, "100.50")


def test_an_address_is_needed_only_for_a_boleto(tmp_path: Path) -> None:
    payers = tmp_path / "pagadores.csv"
    payers.write_text(PAYERS.replace("UF\n", "UF;Boleto\n") + f"{CUSTOMERS[0].cnpj};{CUSTOMERS[0].name};;;;;;\n", "utf-8")
    read = read_payers(payers)
    assert not read.items
    assert read.rejections[0].field == "Endereço"


def test_what_is_overdue_is_told_before_the_bank_rejects_it(any_house: House, tmp_path: Path) -> None:
    write_invoices(tmp_path / "f.csv", ["F-1", "F-2"], Emissão="01/11/2026", Vencimento="10/11/2026")
    told = portfolio.agreement(account_of(US), 1, 1)
    office = Office("bank_ipe", "0158 / 60417-8", BoletoSettings.model_validate(told))
    made = boletos.make(office, read_charges(tmp_path / "f.csv").items, dt.datetime(2026, 11, 11, 10, tzinfo=SAO_PAULO))
    assert [charge.document for charge in made.remittance.charges] == ["F-1"]
    assert [(charge.document, why.text) for charge, why in made.refused] == [("F-2", "the due date has passed")]


def test_something_must_be_given(any_house: House) -> None:
    with pytest.raises(ConfigurationError, match="needs what to charge"):
        _wanted(any_house.run(), None, None, None)
