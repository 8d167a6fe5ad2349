"""The sandbox's month as the product's own values, through the sandbox's real files where it writes them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from retaguarda.formats import read_return, read_statement
from retaguarda.model.contracts import Boleta, ContractState, Direction, HeldContract
from retaguarda.model.receivables import Receivable
from retaguarda.model.statements import ReturnFile, Statement
from retaguarda.model.values import Cnpj
from retaguarda.model.values import Month as SupplyMonth
from sandbox.bank_cedro.statement import cnab240 as cedro_file
from sandbox.bank_jatoba.returns import files as return_files
from sandbox.bank_jatoba.statement import ofx
from sandbox.collection.retorno import cnab240 as return_file
from sandbox.companies import Profile
from sandbox.ledger import Account, Ledger
from sandbox.month import PERIOD, Month

NOW = dt.datetime(2026, 11, 11, 10, tzinfo=dt.UTC)
SUPPLY = SupplyMonth(2026, 10)


def account(month: Month, key: str) -> Account:
    number, bank = {"A": ("38215", 773), "B": ("9045512", 774)}[key]
    return Account(key, "Conta", bank, f"BANCO {key}", "4417", "0", number, "6", "123", month.us)


def bank_files(month: Month) -> tuple[bytes, bytes, list[bytes]]:
    """Statement of bank A (OFX), of bank B (CNAB 240) and bank A's retornos."""
    a, b = account(month, "A"), account(month, "B")
    extracts = [Ledger(x, month.entries, month.opening[x.key]).extract(*PERIOD, NOW) for x in (a, b)]
    return ofx(extracts[0], NOW), cedro_file(extracts[1], 7, NOW), [return_file(file, a) for file in return_files(month)]


def bank_values(month: Month) -> tuple[list[Statement], list[ReturnFile]]:
    jatoba, cedro, returns = bank_files(month)
    return [read_statement(jatoba), read_statement(cedro)], [read_return(file) for file in returns]


def receivables(month: Month) -> list[Receivable]:
    return [
        Receivable(
            str(i.number), i.company.name, Cnpj.parse(i.company.cnpj), i.boleta, i.issue_date, i.due_date, i.amount, i.amount, i.description
        )
        for i in month.invoices
    ]


def boletas(month: Month) -> list[Boleta]:
    def code(profile: Profile | None) -> int:
        return profile.code if profile else 0

    return [
        Boleta(
            c.number, Direction(c.direction), c.counterparty.name, Cnpj.parse(c.counterparty.cnpj), code(c.seller), code(c.buyer),
            c.submarket, c.energy, SUPPLY, c.mwh, c.modulation,
        )
        for c in month.contracts
        if c.seller and c.buyer
    ]  # fmt: skip


def held(month: Month) -> list[HeldContract]:
    siglas = {profile.code: profile.sigla for _, profile in month.profiles()}
    states = {"VALIDADO": ContractState.VALIDATED, "NAO_VALIDADO": ContractState.UNVALIDATED}
    return [
        HeldContract(
            str(c.code), c.reference, c.seller, c.buyer, siglas[c.seller], siglas[c.buyer], c.submarket, SUPPLY, c.mw_average,
            c.modulation, states[c.state],
        )
        for c in month.ccee
    ]  # fmt: skip


def total(amounts: list[Decimal]) -> Decimal:
    return sum(amounts, Decimal("0.00"))
