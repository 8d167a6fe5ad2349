"""Boleto and arrecadação: the bar code's 44 digits, the line that people type, and what both say.

Sources: FEBRABAN and Banco Central, specification of the boleto de pagamento (44 and 47 digits, fator de vencimento and its
restart on 22/02/2025); FEBRABAN, "Layout padrão de arrecadação/recebimento com utilização do código de barras" (48 digits).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from retaguarda.model.values import CENT

FACTOR_BASE = dt.date(1997, 10, 7)
"""Day 0 of the fator de vencimento; 1000 was 03/07/2000, 9999 was 21/02/2025, and 22/02/2025 is 1000 again."""
_FIRST, _CYCLE = 1000, 9000
_PAST, _AHEAD = 3000, 5500
"""FEBRABAN's window: a factor means the one day at most 3000 days before and 5500 after the day it is read on."""
_MOST = Decimal("99999999.99")


def mod10(digits: str) -> int:
    """Check digit with weights 2, 1, 2 … from the right, the digits of each product added up."""
    products = (int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits)))
    return -sum(product // 10 + product % 10 for product in products) % 10


def remainder11(digits: str, top: int = 9) -> int:
    """The sum of the digits weighted 2 to `top` from the right, over and over, modulo 11; each user has its own rule for it."""
    return sum(int(digit) * (2 + at % (top - 1)) for at, digit in enumerate(reversed(digits))) % 11


def due_factor(due: dt.date | None) -> str:
    """The four digits of a due date, "0000" for none; raises ValueError before 03/07/2000, where the factor begins."""
    if due is None:
        return "0000"
    days = (due - FACTOR_BASE).days
    if days < _FIRST:
        raise ValueError(f"no boleto can be due on {due:%Y-%m-%d}, before 2000-07-03")
    return f"{(days - _FIRST) % _CYCLE + _FIRST}"


def due_date(factor: str, reference: dt.date) -> dt.date | None:
    """The due date that a factor means on the day `reference`; None for "0000". Raises ValueError when it can mean none.

    Between the two ends of FEBRABAN's window lie 500 days that no factor may name: they are refused, not guessed.
    """
    if factor == "0000":
        return None
    read = (reference - FACTOR_BASE).days
    if int(factor) >= _FIRST:
        rounds = range(int(factor), read + _AHEAD + 1, _CYCLE)
        found = [FACTOR_BASE + dt.timedelta(days) for days in rounds if read - _PAST <= days]
        if found:
            return found[0]
    raise ValueError(f"the due factor {factor} names no day around {reference:%Y-%m-%d}")


@dataclass(frozen=True, slots=True)
class Boleto:
    """What the bar code of a boleto says: bank (3 digits), due factor (4), amount and the bank's free field (25 digits).

    An amount of 0 is open: payer or bank fill it in. Raises ValueError when a part does not fit.
    """

    bank: str
    factor: str
    amount: Decimal
    free: str
    currency: str = "9"

    def __post_init__(self) -> None:
        for name, width in (("bank", 3), ("factor", 4), ("free", 25), ("currency", 1)):
            if not _is_digits(getattr(self, name), width):
                raise ValueError(f"the boleto's {name} must have {width} digits")
        if not self.amount.is_finite() or not 0 <= self.amount <= _MOST or self.amount != self.amount.quantize(CENT):
            raise ValueError(f"a boleto holds 0.00 to {_MOST} with two decimals, not {self.amount}")

    @classmethod
    def issued(cls, bank: str, due: dt.date | None, amount: Decimal, free: str) -> Self:
        """The boleto of a charge in reais; without a due date it is due on sight."""
        return cls(bank, due_factor(due), amount, free)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a bar code (44) or a line (47), dots and blanks allowed; raises ValueError that names the wrong check digit."""
        digits = _digits_of(text)
        if len(digits) == 47:
            digits = _barcode_of_line(digits)
        if len(digits) != 44:
            raise ValueError(f"a boleto has 44 digits (bar code) or 47 (line), not {len(digits)}")
        if digits.startswith("8"):
            raise ValueError("the code begins with 8: it is of an arrecadação, not a boleto")
        read = cls(digits[:3], digits[5:9], Decimal(digits[9:19]).scaleb(-2), digits[19:], digits[3])
        _judge(digits[4], read.digit)
        return read

    @property
    def open(self) -> bool:
        """Whether the amount is left to payer or bank."""
        return not self.amount

    def due(self, reference: dt.date) -> dt.date | None:
        """The due date as read on the day `reference` (`due_date`)."""
        return due_date(self.factor, reference)

    @property
    def _value(self) -> str:
        return f"{self.factor}{int(self.amount.scaleb(2)):010d}"

    @property
    def digit(self) -> str:
        """The general check digit: 11 less the remainder, and 1 where that is 0, 10 or 11."""
        check = 11 - remainder11(f"{self.bank}{self.currency}{self._value}{self.free}")
        return str(check if check < 10 else 1)

    @property
    def barcode(self) -> str:
        """The 44 digits of the bar code."""
        return f"{self.bank}{self.currency}{self.digit}{self._value}{self.free}"

    @property
    def line(self) -> str:
        """The 47 digits of the linha digitável, unpunctuated."""
        fields = (f"{self.bank}{self.currency}{self.free[:5]}", self.free[5:15], self.free[15:])
        return "".join(f"{field}{mod10(field)}" for field in fields) + self.digit + self._value

    @property
    def printed(self) -> str:
        """The line as boletos print it: `34191.09008 01015.271248 80212.460002 4 25480000675787`."""
        line = self.line
        one, two, three = line[:10], line[10:21], line[21:32]
        return f"{one[:5]}.{one[5:]} {two[:5]}.{two[5:]} {three[:5]}.{three[5:]} {line[32]} {line[33:]}"


@dataclass(frozen=True, slots=True)
class Arrecadacao:
    """What the bar code of an arrecadação (taxes, utilities, convênios) says.

    Segment (1 city hall, 2 sanitation, 3 energy and gas, 4 telecommunication, 5 government, 6 others by CNPJ, 7 traffic fines,
    9 the bank's own), value kind (6 and 7 check by mod 10, 8 and 9 by mod 11; 6 and 8 are reais, 7 and 9 a quantity), the
    eleven digits of the value, and the 29 digits of company and free field.
    """

    segment: str
    kind: str
    value: str
    free: str

    def __post_init__(self) -> None:
        if self.kind not in {"6", "7", "8", "9"}:
            raise ValueError(f"the third digit of an arrecadação is 6, 7, 8 or 9, not {self.kind}")
        for name, width in (("segment", 1), ("value", 11), ("free", 29)):
            if not _is_digits(getattr(self, name), width):
                raise ValueError(f"the arrecadação's {name} must have {width} digits")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a bar code (44) or a line (48), dashes and blanks allowed; raises ValueError that names the wrong check digit."""
        digits = _digits_of(text)
        if not digits.startswith("8") or len(digits) not in {44, 48}:
            raise ValueError(f"an arrecadação begins with 8 and has 44 digits (bar code) or 48 (line), not {len(digits)}")
        code = digits if len(digits) == 44 else "".join(digits[at : at + 11] for at in range(0, 48, 12))
        read = cls(code[1], code[2], code[4:15], code[15:])
        for number, at in enumerate(range(0, 48, 12) if len(digits) == 48 else (), 1):
            told, computed = digits[at + 11], read._check(digits[at : at + 11])
            if told != computed:
                raise ValueError(f"the check digit of block {number} is {told}, its digits ask for {computed}: mistyped")
        _judge(code[3], read.digit)
        return read

    @property
    def amount(self) -> Decimal | None:
        """The amount in reais, 0 when it is open; None when the value is a quantity of some index."""
        return Decimal(self.value).scaleb(-2) if self.kind in {"6", "8"} else None

    def _check(self, digits: str) -> str:
        """Mod 10, or mod 11 where the remainders 0 and 1 give 0."""
        if self.kind in {"6", "7"}:
            return str(mod10(digits))
        check = 11 - remainder11(digits)
        return str(check if check < 10 else 0)

    @property
    def digit(self) -> str:
        """The general check digit, over the 43 other digits."""
        return self._check(f"8{self.segment}{self.kind}{self.value}{self.free}")

    @property
    def barcode(self) -> str:
        """The 44 digits of the bar code."""
        return f"8{self.segment}{self.kind}{self.digit}{self.value}{self.free}"

    @property
    def line(self) -> str:
        """The 48 digits of the line: four blocks of eleven, each with its check digit."""
        blocks = (self.barcode[at : at + 11] for at in range(0, 44, 11))
        return "".join(f"{block}{self._check(block)}" for block in blocks)


def parse_code(text: str) -> Boleto | Arrecadacao:
    """Whatever can be paid: a boleto (44 or 47 digits) or an arrecadação (44 or 48, begins with 8); raises ValueError."""
    return (Arrecadacao if _digits_of(text).startswith("8") else Boleto).parse(text)


def _is_digits(text: str, width: int) -> bool:
    return len(text) == width and text.isascii() and text.isdigit()


def _digits_of(text: str) -> str:
    digits = re.sub(r"[\s.-]", "", text)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("the code holds more than digits, dots, dashes and blanks")
    return digits


def _judge(told: str, computed: str) -> None:
    if told != computed:
        raise ValueError(f"the general check digit (DV) is {told}, its digits ask for {computed}: mistyped")


def _barcode_of_line(line: str) -> str:
    for number, field in enumerate((line[:10], line[10:21], line[21:32]), 1):
        told, computed = field[-1], str(mod10(field[:-1]))
        if told != computed:
            raise ValueError(f"the check digit of field {number} is {told}, its digits ask for {computed}: mistyped")
    return line[:4] + line[32:] + line[4:9] + line[10:20] + line[21:31]
