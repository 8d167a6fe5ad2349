"""Titles to be charged: synthetic companies, one beneficiary a bank. Run as a script, it writes the golden files of tests/formats/data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from retaguarda.clock import SAO_PAULO
from retaguarda.formats.cnab240_remessa import write
from retaguarda.model.charges import (
    Beneficiary,
    Charge,
    Discount,
    Instruction,
    Late,
    Payer,
    Protest,
    Rate,
    Remittance,
    Species,
)
from retaguarda.model.our_numbers import our_number
from retaguarda.model.values import Cnpj

DATA = Path(__file__).parent / "data"
CREATED = dt.datetime(2026, 11, 26, 14, 30, 5, tzinfo=SAO_PAULO)
ISSUED, DUE = dt.date(2026, 11, 25), dt.date(2026, 12, 10)
US = Cnpj.parse("11222333000181")


def _owner(bank: str, **more: str) -> Beneficiary:
    return Beneficiary(bank, "COMERCIALIZADORA ALFA LTDA", US, **more)


BENEFICIARIES = {
    "febraban": _owner("773", branch="4417", branch_digit="0", account="38215", account_digit="6", agreement="ALFA-0001", wallet="1"),
    "itau": _owner("341", branch="1248", account="2124", account_digit="6", wallet="109"),
    "bradesco": _owner("237", branch="1172", branch_digit="3", account="403005", account_digit="2", agreement="4812345", wallet="09"),
    "bb": _owner(
        "001", branch="4042", branch_digit="8", account="61900", account_digit="0", agreement="1238798", wallet="17", variation="019"
    ),
    "santander": _owner("033", branch="0059", branch_digit="1", account="13000123", account_digit="4", agreement="1899775", wallet="101"),
    "caixa": _owner("104", branch="1825", branch_digit="2", agreement="245274"),
}
BETA = Payer("12ABC34501DE35", "COMERCIALIZADORA BETA LTDA", "AV DAS ARAUCARIAS 1500 CJ 12", "CENTRO", "80010000", "CURITIBA", "PR")
GAMA = Payer("11444777000161", "INDUSTRIA GAMA S.A.", "ROD BR 116 KM 12", "", "06800123", "EMBU", "SP")


def charges(owner: Beneficiary) -> tuple[Charge, ...]:
    """One plain title, one with every option that the bank takes, a write-off and a new due date."""
    daily, percent = owner.bank == "341", owner.bank != "341"
    rich = Charge(
        our_number(owner, 2), "NF 1002/A", ISSUED, DUE, Decimal("152340.07"), BETA, species=Species.SERVICE, accepted=True,
        reference="FAT-2026-11-1002", interest=Late(Rate.AMOUNT, Decimal("50.78")) if daily else Late(Rate.PERCENT, Decimal("1.00")),
        fine=Late(Rate.PERCENT, Decimal("2.00")),
        discounts=(
            Discount(dt.date(2026, 12, 1), Rate.PERCENT if percent else Rate.AMOUNT, Decimal("3.50")),
            Discount(dt.date(2026, 12, 5), Rate.AMOUNT, Decimal("100.00")),
        ),
        rebate=Decimal("10.01"), protest=Protest(15, business=owner.bank not in {"001", "104"}), cancel_after=60,
    )  # fmt: skip
    return (
        Charge(our_number(owner, 1), "NF 1001", ISSUED, DUE, Decimal("1000.00"), GAMA),
        rich,
        Charge(our_number(owner, 3), "NF 0903", ISSUED, DUE, Decimal("77.10"), GAMA, instruction=Instruction.CANCEL),
        Charge(our_number(owner, 4), "NF 0904", ISSUED, dt.date(2027, 1, 8), Decimal("88.20"), BETA, instruction=Instruction.NEW_DUE),
    )


def remittance(bank: str, *titles: Charge) -> Remittance:
    """A remessa of a beneficiary of BENEFICIARIES; Santander's file has no time of day."""
    owner = BENEFICIARIES[bank]
    created = CREATED.replace(hour=0, minute=0, second=0) if bank == "santander" else CREATED
    return Remittance(owner, 42, created, titles or charges(owner))


if __name__ == "__main__":
    for sample in BENEFICIARIES:
        (DATA / f"remessa_{sample}.rem").write_bytes(write(remittance(sample)))
