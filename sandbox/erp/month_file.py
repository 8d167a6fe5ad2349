"""What the seeder of the ERP reads: the month as plain JSON, amounts as text."""

from __future__ import annotations

import json
from typing import Any

from sandbox.companies import Company, Profile, cnpj
from sandbox.month import SUPPLY_MONTH, TODAY, ErpContract, Invoice, Month

ACCOUNTS = (
    {"bank": "Banco Jatobá S.A.", "cnpj": cnpj("901234560001"), "number": "38215-6", "name": "Banco Jatobá c/c 38215-6"},
    {"bank": "Banco Cedro S.A.", "cnpj": cnpj("907654320001"), "number": "9045512-0", "name": "Banco Cedro c/c 9045512-0"},
)
"""Our two bank accounts, as the ERP's statement journals name them."""


def month_file(month: Month) -> str:
    """The month as the JSON text that `inside/seed.py` reads."""
    told = {
        "today": TODAY.isoformat(),
        "us": _company(month.us),
        "companies": [_company(company) for company in month.companies],
        "contracts": [_contract(contract) for contract in month.contracts],
        "invoices": [_invoice(invoice) for invoice in month.invoices],
        "accounts": ACCOUNTS,
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def _company(company: Company) -> dict[str, Any]:
    return {"name": company.name, "cnpj": company.cnpj}


def _contract(contract: ErpContract) -> dict[str, Any]:
    return {
        "number": contract.number,
        "direction": contract.direction,
        "cnpj": contract.counterparty.cnpj,
        "seller_profile": _code(contract.seller),
        "buyer_profile": _code(contract.buyer),
        "submarket": contract.submarket,
        "energy": contract.energy,
        "month": SUPPLY_MONTH.isoformat(),
        "mwh": str(contract.mwh),
        "price": str(contract.price),
        "modulation": contract.modulation,
    }


def _code(profile: Profile | None) -> str | None:
    return str(profile.code) if profile else None


def _invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "cnpj": invoice.company.cnpj,
        "boleta": invoice.boleta,
        "issue_date": invoice.issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "quantity": str(invoice.quantity),
        "unit_price": str(invoice.unit_price),
        "amount": str(invoice.amount),
        "description": invoice.description,
    }
