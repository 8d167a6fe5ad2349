"""A sheet of invoices to charge by boleto, as an operator would export it."""

from __future__ import annotations

import csv
from pathlib import Path

from sandbox.companies import CUSTOMERS

COLUMNS = ("Número", "Pagador", "CNPJ", "Endereço", "Bairro", "CEP", "Cidade", "UF", "Emissão", "Vencimento", "Valor", "Multa (%)")


def write_invoices(path: Path, numbers: list[str], **changed: str) -> None:
    """One row an invoice, due from 17/11/2026 on; `changed` replaces cells of the last row by column name."""
    rows = [_row(n, number) for n, number in enumerate(numbers)]
    rows[-1].update({name.replace("_", " "): value for name, value in changed.items()})
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.DictWriter(file, COLUMNS)
        sheet.writeheader()
        sheet.writerows(rows)


def _row(n: int, number: str) -> dict[str, str]:
    company = CUSTOMERS[n % len(CUSTOMERS)]
    place = ("Rua das Flores, 100", "Centro", "01310-100", "São Paulo", "SP")
    dates = ("11/11/2026", f"{17 + n % 3}/11/2026")
    values = (number, company.name, company.cnpj, *place, *dates, f"{1234 + 10 * n},56", "2,00" if n % 2 else "")
    return dict(zip(COLUMNS, values, strict=True))
