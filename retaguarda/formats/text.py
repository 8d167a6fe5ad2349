"""How bank files spell text, money and days: bytes to values, one small strict function each.

The header of a file is never believed about its encoding. Amounts that can be read in two ways are refused, never guessed.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from retaguarda.errors import IncompleteDownload

MAX_BYTES = 64 * 2**20
"""Largest bank file that is read: some 250,000 CNAB lines."""

KNOWN = 4096
"""Texts of one kind whose meanings are remembered."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_PLAIN = re.compile(r"[+-]?[0-9]{1,15}\.[0-9]{2}")
_GROUPED = re.compile(r"(?:[0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:[.,][0-9]{1,2})?")
_LONE_GROUP = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")


_T = TypeVar("_T")


class _Meanings(dict[str, _T]):
    """What texts mean, worked out when it is not known."""

    __slots__ = ("_worked_out",)

    def __init__(self, worked_out: Callable[[str], _T]) -> None:
        super().__init__()
        self._worked_out = worked_out

    def __missing__(self, text: str) -> _T:
        found = self._worked_out(text)
        if len(self) >= KNOWN:
            self.clear()
        self[text] = found
        return found


def kept(worked_out: Callable[[str], _T]) -> Callable[[str], _T]:
    """The same function, which remembers some meanings, for texts that come again and again as days do: thrice as fast as `lru_cache`."""
    return _Meanings(worked_out).__getitem__


def require_size(count: int, most: int = MAX_BYTES) -> None:
    """Raise IncompleteDownload for a file too large to be held in memory as a whole."""
    if count > most:
        raise IncompleteDownload(f"The file has {count} bytes; at most {most} are read.", remedy="Download a shorter period.")


def decode(data: bytes) -> str:
    """The text of a file: by its BOM, else strict UTF-8, else cp1252, else latin-1; raises IncompleteDownload over MAX_BYTES."""
    require_size(len(data))
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return data[len(bom) if encoding == "utf-8" else 0 :].decode(encoding, errors="replace")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def money(text: str) -> Decimal:
    """An amount as any Brazilian bank prints it: `-530,86`, `1.234,56`, `1,234.56`, ` 10.00-`, `(5,00)`, `R$ 7,1 D`.

    Raises ValueError for anything else, and for a lone group of three digits (`1.234`), which can be read in two ways.
    """
    raw = text.strip()
    if _PLAIN.fullmatch(raw):
        return Decimal(raw)
    raw = re.sub(r"R\$|\s", "", raw.upper())
    negative = raw.startswith(("-", "(")) or raw.endswith(("-", ")", "D"))
    body = raw.removeprefix("(").removesuffix(")").rstrip("CD").strip("+-")
    if _LONE_GROUP.fullmatch(body) or not _GROUPED.fullmatch(body):
        raise ValueError(f"not an amount: {text[:40]!r}")
    return -_unsigned(body) if negative else _unsigned(body)


def _unsigned(body: str) -> Decimal:
    whole, mark, decimals = body[:-3], body[-3:-2], body[-2:]
    if mark not in {".", ","}:
        whole, mark, decimals = body[:-2], body[-2:-1], body[-1:]
    if mark not in {".", ","}:
        whole, decimals = body, "0"
    return Decimal(f"{re.sub(r'[.,]', '', whole) or '0'}.{decimals.ljust(2, '0')}")


def cents(text: str) -> Decimal:
    """CNAB's amount with two implied decimals; blanks are zero; raises ValueError for anything but digits."""
    digits = text if text.isdigit() else text.strip() or "0"
    if not (digits.isdigit() and digits.isascii()):
        raise ValueError(f"not an amount: {digits!r}")
    return Decimal(digits + "E-2")


charge = kept(cents)
"""As `cents`, for amounts that are mostly nothing."""


def is_blank_money(text: str) -> bool:
    """Whether an amount field holds no number at all, as on balance rows (`            .  `)."""
    return not re.search(r"[0-9A-Za-z]", text)


@kept
def day(text: str) -> dt.date | None:
    """The day of `20261103100000[-03:EST]` or `2026-11-03T10:00:00`, as written, no time-zone shift; zeros and blanks are None.

    Raises ValueError for anything else and for years outside 1990 to 2099.
    """
    digits = text.strip()[:10].replace("-", "")[:8]
    if not digits.strip("0"):
        return None
    return _date(digits[:4], digits[4:6], digits[6:8], text)


@kept
def day_dmy(text: str) -> dt.date | None:
    """The day of CNAB's `DDMMAAAA`; zeros and blanks are None; raises ValueError otherwise."""
    digits = text.strip()
    if not digits.strip("0"):
        return None
    return _date(digits[4:8], digits[2:4], digits[:2], text)


def _date(year: str, month: str, day_: str, text: str) -> dt.date:
    if not re.fullmatch(r"(?:19[0-9]{2}|20[0-9]{2})[0-9]{4}", year + month + day_) or year < "1990":
        raise ValueError(f"not a date: {text[:40]!r}")
    return dt.date(int(year), int(month), int(day_))


_ISO = re.compile(r"[0-9]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T].{0,30})?")
_SLASHED = re.compile(r"([0-9]{2})[/.-]([0-9]{2})[/.-]([0-9]{4}|[0-9]{2})")


@kept
def day_br(text: str) -> dt.date:
    """The day of `01/04/2026`, `01/04/26`, `20260401` or `2026-04-01` (a time behind it is left out); raises ValueError otherwise."""
    try:
        if found := _SLASHED.fullmatch(text.strip()):
            year = found[3] if len(found[3]) == 4 else f"{'19' if found[3] >= '90' else '20'}{found[3]}"
            return _date(year, found[2], found[1], text)
        known = day(text) if _ISO.fullmatch(text.strip()) else None
    except ValueError:  # the 30th of February
        known = None
    if known is None:
        raise ValueError(f"not a date: {text[:40]!r}")
    return known
