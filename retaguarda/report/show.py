"""Values as text for the page: Brazilian numbers and dates, or English ones when English is asked for."""

from __future__ import annotations

import datetime as dt
import functools
import re
from decimal import Decimal

from babel import Locale
from babel.numbers import NumberPattern, parse_pattern

from retaguarda.language import language
from retaguarda.report.figures import local
from retaguarda.report.labels import Label
from retaguarda.report.listing import NUMBERS, Value

_AMOUNT = re.compile(r"(?<![0-9.,])-?[0-9]{1,13}\.[0-9]{2}(?![0-9]|[.,][0-9])")


def shown(value: Value, kind: str = "text") -> str:
    """A value as a reader of the chosen language expects it; "" for nothing."""
    if value is None:
        return ""
    if isinstance(value, Label):
        return value.text
    if isinstance(value, Decimal | int):
        return number(value, NUMBERS.get(kind, 2 if isinstance(value, Decimal) else 0))
    if isinstance(value, dt.timedelta):
        return span(value)
    return value if isinstance(value, str) else _day(value, kind)


def number(value: Decimal | int, decimals: int) -> str:
    """`1.234,56` in Portuguese, `1,234.56` in English."""
    pattern, locale = _pattern(decimals, language())
    return str(pattern.apply(value, locale))


def amounts(text: str) -> str:
    """A text of evidence (`4203: 1234.56, 10/11/2026`) with its amounts as the reader's language writes them."""
    return _AMOUNT.sub(lambda found: number(Decimal(found[0]), 2), text)


def size(count: int) -> str:
    """Bytes for people: `812 B`, `14,2 kB`, `3,1 MB`."""
    if count < 1000:
        return f"{count} B"
    return f"{number(Decimal(count) / 1000, 1)} kB" if count < 1_000_000 else f"{number(Decimal(count) / 1_000_000, 1)} MB"


def span(value: dt.timedelta) -> str:
    """A duration as `1:02:03`, or `41 s` under a minute; a past one has a minus sign."""
    seconds = int(abs(value.total_seconds()))
    text = f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s" if seconds < 3600 else _long(seconds)
    return f"−{text}" if value < dt.timedelta() else text


def _long(seconds: int) -> str:
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    return f"{days} d {hours} h {minutes:02d} min" if days else f"{hours} h {minutes:02d} min"


def _day(value: dt.date | dt.datetime, kind: str) -> str:
    if isinstance(value, dt.datetime):
        return f"{local(value):%d/%m/%Y %H:%M:%S}"
    return f"{value:%m/%Y}" if kind == "month" else f"{value:%d/%m/%Y}"


@functools.cache
def _pattern(decimals: int, language_: str) -> tuple[NumberPattern, Locale]:
    whole = "#,##0." + "0" * decimals if decimals else "#,##0"
    return parse_pattern(whole), Locale.parse("pt_BR" if language_ == "pt-BR" else "en_GB")
