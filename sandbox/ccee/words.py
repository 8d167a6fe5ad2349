"""How the portal writes and reads: Brazilian numbers, months and moments, and its own names of things."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from decimal import Decimal

SUBMARKETS = {"SUDESTE": "Sudeste / Centro-Oeste", "SUL": "Sul", "NORDESTE": "Nordeste", "NORTE": "Norte"}
"""Name in lists and files → name in the form (CliqCCEE XML v5.0, idSubMerEntrega 1..4)."""
MODULATIONS = ("Flat", "Carga", "Geração", "MRE")
STATES = {"NAO_VALIDADO": "Pendente de validação", "VALIDADO": "Validado"}


def decimal_br(value: Decimal | str, places: int) -> str:
    """1234.5 → `1.234,500000`."""
    text = f"{Decimal(value):,.{places}f}"
    return text.translate(str.maketrans(",.", ".,"))


def read_decimal(text: str) -> Decimal | None:
    """A number with a decimal comma and optional thousands points, at most six decimals; None for anything else."""
    if not re.fullmatch(r"\d{1,3}(\.\d{3})*(,\d{1,6})?|\d+(,\d{1,6})?", text.strip()):
        return None
    return Decimal(text.strip().replace(".", "").replace(",", "."))


def moment_br(moment: dt.datetime | str) -> str:
    """An aware or ISO moment → `11/11/2026 18:00`."""
    at = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{at:%d/%m/%Y %H:%M}"


def month_br(month: str) -> str:
    """2026-10 → `10/2026`."""
    return f"{month[5:]}/{month[:4]}"


def read_month(text: str) -> str:
    """`10/2026` → 2026-10; "" for anything else."""
    found = re.fullmatch(r"(0[1-9]|1[0-2])/(20\d\d)", text.strip())
    return f"{found[2]}-{found[1]}" if found else ""


def hours(month: str) -> int:
    """Hours of a month such as `2026-10`."""
    return 24 * calendar.monthrange(int(month[:4]), int(month[5:]))[1]


def validity(month: str) -> tuple[str, str]:
    """First and last hour of a month as the form writes them: `01/10/2026 00` and `31/10/2026 23`."""
    last = hours(month) // 24
    return f"01/{month_br(month)} 00", f"{last:02d}/{month_br(month)} 23"
