"""Lists of lines, described once: the workbook makes a sheet of each, the page a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from retaguarda.report.labels import Label

T = TypeVar("T")
Value = str | int | Decimal | dt.date | dt.datetime | dt.timedelta | Label | None
"""What a cell can hold: numbers and dates as such, a Label for a coloured state."""
Target = tuple[str, int]
"""Where a link leads: the key of a listing and the index of a line there, from 0."""
NUMBERS: Mapping[str, int] = {"money": 2, "mwh": 3, "mw": 6, "count": 0, "tally": 0, "hours": 1}
"""Kinds that are numbers, with their decimals."""
CENTRED = frozenset({"date", "moment", "month", "span", "badge"})
"""Kinds that stand in the middle of their column."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column: its heading (English), where its value comes from, and how it is shown.

    `kind` is text, code (never broken), wrap, mono, badge, date, moment, month, span or a kind of `NUMBERS`; a callable
    gives it line by line (units that differ). `formula` takes a row as Excel counts and returns the formula whose cached value is `value`.
    `choice` columns can be filtered by value on the page; `note` is a second line that only the page has.
    """

    heading: str
    value: Callable[[T], Value]
    kind: str | Callable[[T], str] = "text"
    total: bool = False
    width: float = 0
    choice: bool = False
    note: Callable[[T], str] | None = None
    formula: Callable[[int], str] | None = None
    link: Callable[[T], Target | None] | None = None

    def kind_of(self, line: T) -> str:
        return self.kind if isinstance(self.kind, str) else self.kind(line)

    def head_kind(self, lines: Sequence[T]) -> str:
        """The kind that the heading is aligned by: that of the first line."""
        return self.kind if isinstance(self.kind, str) else self.kind(lines[0]) if lines else "text"

    def sum(self, lines: Sequence[T]) -> Decimal:
        """The sum of the column's numbers."""
        return sum((Decimal(value) for line in lines if isinstance(value := self.value(line), Decimal | int)), Decimal())


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list of lines of one sort: `name` is short (a sheet's tab), `title` says what it holds."""

    key: str
    name: str
    title: str
    columns: Sequence[Column[T]]
    lines: Sequence[T]
    printed: int = 0
    """How many columns go to paper, from the left; 0 is all of them."""
