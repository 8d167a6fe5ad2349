"""Lists of lines as the page's tables: every cell already a text, every link already an address inside the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from retaguarda.language import say
from retaguarda.report.labels import SEVERE, Label
from retaguarda.report.listing import CENTRED, NUMBERS, Column, Listing
from retaguarda.report.show import number, shown

T = TypeVar("T")
SHORT = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: `look` is a class of the style sheet, `tone` colours a badge, `href` leads inside the page, `note` is small."""

    text: str
    look: str = ""
    tone: str = ""
    href: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row with the anchor that links lead to and the tone of its worst badge, when a reader must not miss it."""

    anchor: str
    tone: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter: the column it looks at, its heading, and the values to choose from."""

    column: int
    heading: str
    values: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table of the page, made of a listing as its rows are asked for."""

    listing: Listing[Any]

    @property
    def key(self) -> str:
        return self.listing.key

    @property
    def count(self) -> str:
        return number(len(self.listing.lines), 0)

    @property
    def filtered(self) -> bool:
        """Whether the table is long enough to be searched."""
        return len(self.listing.lines) > SHORT

    @property
    def heads(self) -> list[Cell]:
        lines = self.listing.lines
        return [Cell(say(column.heading), look_of(column.head_kind(lines))) for column in self.listing.columns]

    @property
    def rows(self) -> list[Row]:
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        columns, key = self.listing.columns, self.key
        for index, line in enumerate(self.listing.lines):
            tones = [value.tone for column in columns if isinstance(value := column.value(line), Label)]
            severe = next((str(tone) for tone in sorted(tones) if tone in SEVERE), "")
            yield Row(f"{key}-{index}", severe, [_cell(column, line) for column in columns])

    @property
    def totals(self) -> list[Cell]:
        """The cells of the last row, or none when no column has a total."""
        lines, columns = self.listing.lines, self.listing.columns
        if not lines or not any(column.total for column in columns):
            return []
        return [Cell(shown(c.sum(lines), c.head_kind(lines)) if c.total else "", look_of(c.head_kind(lines))) for c in columns]

    @property
    def choices(self) -> list[Choice]:
        """A filter for each column that has one and more than one value."""
        found = []
        for index, column in enumerate(self.listing.columns):
            values = sorted({shown(column.value(line)) for line in self.listing.lines}) if column.choice else []
            if len(values) > 1:
                found.append(Choice(index, say(column.heading), values))
        return found


def look_of(kind: str) -> str:
    """The class of the style sheet that a kind of value is shown with."""
    if kind in NUMBERS:
        return "number"
    return "centred" if kind in CENTRED else kind if kind in {"wrap", "mono", "code"} else ""


def _cell(column: Column[T], line: T) -> Cell:
    value, kind = column.value(line), column.kind_of(line)
    target = column.link(line) if column.link else None
    href = f"#{target[0]}-{target[1]}" if target else ""
    text = shown(value, kind)
    if isinstance(value, Label):
        return Cell(text, "centred", str(value.tone))
    look = look_of(kind) + (" negative" if kind in NUMBERS and text.startswith("-") else "")
    return Cell(text, look, href=href, note=column.note(line) if column.note else "")
