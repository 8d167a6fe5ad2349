"""Small values with rules of their own: CNPJ, supply month, Brazilian numbers and dates."""

from __future__ import annotations

import calendar
import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Self

from stdnum.br import cnpj as _cnpj

CENT = Decimal("0.01")
MW = Decimal("0.000001")
MWH = Decimal("0.001")
_NAMES = {name: n for n, name in enumerate(("jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"), 1)}
_MONTHS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?P<year>\d{4})[-/_]?(?P<month>\d{2})",
        r"(?P<month>\d{2})[-/](?P<year>\d{4})",
        rf"(?P<month>{'|'.join(_NAMES)})[-/](?P<year>\d{{4}}|\d{{2}})",
        r"01[-/](?P<month>\d{2})[-/](?P<year>\d{4})",
        r"(?P<year>\d{4})-(?P<month>\d{2})-01",
    )
)


_is_cnpj = lru_cache(maxsize=65_536)(_cnpj.is_valid)  # payers repeat thousands of times in a statement


class Cnpj(str):
    """A valid CNPJ in its compact form: 14 characters, alphanumeric since July 2026, always text."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """The CNPJ in `text`, masked or not; raises ValueError when its check digits are wrong."""
        compact = re.sub(r"[\s./-]", "", text).upper()
        if compact.isdigit() and len(compact) == 13:
            compact = compact.zfill(14)  # a spreadsheet ate the leading zero
        if not _is_cnpj(compact):
            raise ValueError(f"invalid CNPJ: {text!r}")
        return cls(compact)

    @property
    def root(self) -> str:
        """The eight characters that all branches of a company share."""
        return self[:8]

    @property
    def masked(self) -> str:
        return f"{self[:2]}.{self[2:5]}.{self[5:8]}/{self[8:12]}-{self[12:]}"


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """A month, e.g. the month of supply; `2026-10` in text."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Accepts 2026-10, 2026_10, 202610, 10/2026, out/26, out/2026 and a first day (01/10/2026, 2026-10-01); else ValueError."""
        for pattern in _MONTHS:
            if found := pattern.fullmatch(text.strip().lower()):
                year, month = int(found["year"]), _NAMES.get(found["month"]) or int(found["month"])
                year += 2000 if len(found["year"]) == 2 else 0
                if 1 <= month <= 12 and year >= 1000:
                    return cls(year, month)
        raise ValueError(f"not a month: {text!r} (use AAAA-MM)")

    @property
    def first(self) -> dt.date:
        return dt.date(self.year, self.month, 1)

    @property
    def last(self) -> dt.date:
        return dt.date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    @property
    def next(self) -> Month:
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def shifted(self, count: int) -> Month:
        """So many months after this one, or before it when `count` is negative."""
        months = self.year * 12 + self.month - 1 + count
        return Month(months // 12, months % 12 + 1)

    @property
    def hours(self) -> int:
        """Hours of the month as CCEE counts them since daylight saving ended in 2019."""
        return 24 * self.last.day

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """A closed interval of days."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"period ends before it starts: {self}")

    def __contains__(self, day: dt.date) -> bool:
        return self.start <= day <= self.end

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d}..{self.end:%Y-%m-%d}"

    @classmethod
    def parse(cls, text: str) -> Self:
        start, _, end = text.partition("..")
        return cls(dt.date.fromisoformat(start), dt.date.fromisoformat(end or start))


def cents(value: Decimal) -> Decimal:
    """`value` rounded to cents, half up (commercial rounding)."""
    return value.quantize(CENT, ROUND_HALF_UP)


def mw_average(mwh: Decimal, month: Month) -> Decimal:
    """MWh spread over the month's hours: MWmédio with CCEE's six decimals."""
    return (mwh / month.hours).quantize(MW, ROUND_HALF_UP)


def megawatt_hours(mw: Decimal, month: Month) -> Decimal:
    """MWmédio over the month's hours: MWh with three decimals."""
    return (mw * month.hours).quantize(MWH, ROUND_HALF_UP)


def decimal_br(text: str) -> Decimal:
    """A number as Brazilian screens and files print it: `1.234,56`, `-1.234,56`, `1.234,56-`, `(1.234,56)`, `1234.56`.

    The last of comma and point is the decimal mark; several points without a comma are thousands (`1.234.567`), a lone
    point is a decimal mark (`1.234` is less than two). Raises ValueError for anything else.
    """
    raw = re.sub(r"R\$|\s", "", text)
    negative = raw.startswith(("-", "(")) or raw.endswith(("-", ")"))
    body = raw.strip("()+-")
    if "," in body:
        body = body.replace(".", "").replace(",", ".") if body.rfind(",") > body.rfind(".") else body.replace(",", "")
    elif re.fullmatch(r"[0-9]{1,3}(\.[0-9]{3}){2,}", body):
        body = body.replace(".", "")
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]{0,12})?|\.[0-9]{1,12}", body):
        raise ValueError(f"not a number: {text!r}")
    return -Decimal(body) if negative else Decimal(body)


def date_br(text: str) -> dt.date:
    """A day as `31/12/2026`, `31-12-2026` or `2026-12-31`; raises ValueError otherwise."""
    raw = text.strip()[:10]
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw):
        return dt.date.fromisoformat(raw)
    found = re.fullmatch(r"([0-9]{2})[/-]([0-9]{2})[/-]([0-9]{4})", raw)
    if not found:
        raise ValueError(f"not a date: {text!r} (use DD/MM/AAAA)")
    return dt.date(int(found[3]), int(found[2]), int(found[1]))


def plain(text: str) -> str:
    """Upper case, no accents, single spaces: how banks and CCEE print names, and how we compare them."""
    bare = text if text.isascii() else "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(bare.upper().split())
