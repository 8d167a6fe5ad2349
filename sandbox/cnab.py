"""CNAB 240 lines: every field is put at the positions that FEBRABAN's layout tables print (1-based, both ends included)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Self

from sandbox.month import plain_text

WIDTH = 240
CRLF = "\r\n"


class Line:
    """One line of 240 characters; a field that does not fit or overlaps another raises ValueError."""

    def __init__(self, bank: int, lot: int, kind: int) -> None:
        self._cells = [" "] * WIDTH
        self._taken: set[int] = set()
        self.number(1, 3, bank).number(4, 7, lot).number(8, 8, kind)

    def _put(self, start: int, end: int, value: str) -> Self:
        places = range(start - 1, end)
        if len(value) != len(places) or not self._taken.isdisjoint(places):
            raise ValueError(f"{value!r} does not fit {start}-{end}")
        self._taken.update(places)
        self._cells[start - 1 : end] = value
        return self

    def text(self, start: int, end: int, value: str) -> Self:
        """Upper case, without accents, left-aligned, cut at the field's end."""
        width = end - start + 1
        return self._put(start, end, plain_text(value)[:width].ljust(width))

    def number(self, start: int, end: int, value: int) -> Self:
        return self._put(start, end, f"{value:0{end - start + 1}d}")

    def digits(self, start: int, end: int, value: str) -> Self:
        """An identifier, right-aligned and zero-padded; letters stay (alphanumeric CNPJ)."""
        return self._put(start, end, value.rjust(end - start + 1, "0"))

    def money(self, start: int, end: int, value: Decimal) -> Self:
        """Absolute amount in cents with two implied decimals."""
        return self.number(start, end, int(abs(value) * 100))

    def day(self, start: int, value: dt.date | None) -> Self:
        """DDMMAAAA in eight positions; zeros when there is no date."""
        return self._put(start, start + 7, f"{value:%d%m%Y}" if value else "0" * 8)

    def side(self, place: int, value: Decimal) -> Self:
        """D or C by the sign."""
        return self._put(place, place, "D" if value < 0 else "C")

    def __str__(self) -> str:
        return "".join(self._cells)


def file_trailer(bank: int, lots: int, records: int) -> Line:
    """Record 9; `records` counts every line of the file, this one included."""
    return Line(bank, 9999, 9).number(18, 23, lots).number(24, 29, records).number(30, 35, 0)


def encode(lines: Iterable[Line]) -> bytes:
    """The file's bytes: latin-1, every line ended by CRLF."""
    return "".join(f"{line}{CRLF}" for line in lines).encode("latin-1")
