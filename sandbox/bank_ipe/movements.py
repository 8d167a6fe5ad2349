"""What moves on the company's account at Banco Ipê besides its boletos: a few lines a day, made from the seed."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from functools import cache

from sandbox.month import BUSINESS_DAYS, BankEntry

OPENING = Decimal("96340.12")
KINDS = (
    ("PIX RECEBIDO", "213", 120_00, 9_800_00), ("TED RECEBIDA", "209", 900_00, 31_000_00),
    ("PAGAMENTO DE TITULO", "112", -7_400_00, -90_00),
    ("TARIFA MANUTENCAO CONVENIO", "105", -49_90, -9_90), ("PIX ENVIADO", "117", -3_100_00, -50_00),
)  # fmt: skip


@cache
def movements(seed: int = 42) -> tuple[BankEntry, ...]:
    """The entries of account C in the order of the statement; twins (same day, text and amount) are among them."""
    rnd = random.Random(f"ipe {seed}")
    made = [_entry(rnd, day, number) for number, day in enumerate(day for day in BUSINESS_DAYS for _ in range(6))]
    return tuple(sorted([*made, made[7]], key=lambda e: (e.date, -e.amount, e.text, e.document)))


def _entry(rnd: random.Random, day: dt.date, number: int) -> BankEntry:
    text, category, low, high = KINDS[number % len(KINDS)]
    return BankEntry("C", day, Decimal(rnd.randint(low, high)) / 100, text, f"{rnd.randint(10_000, 99_999)}", category)
