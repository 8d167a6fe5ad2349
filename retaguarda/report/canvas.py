"""A sheet laid out freely: cells put in any order, written row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from xlsxwriter.worksheet import Worksheet

from retaguarda.language import say
from retaguarda.report.labels import Tone
from retaguarda.report.listing import Value
from retaguarda.report.sheets import Frame, clean, guard

FIRST, LAST = 1, 9
"""Columns B to J carry the page, or more when a table needs more; A is its margin."""
ROW_HEIGHT = 16.5
_ONE_LINE = 18
"""Letters of a heading that a column of numbers is wide enough for; more need a second line."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell still to be written."""

    value: Value
    kind: str
    tone: Tone | None = None
    formula: str = ""
    link: str = ""
    until: int = 0  # last column of a merged range
    more: dict[str, Any] = field(default_factory=dict)


class Canvas:
    """Cells put in any order and written row by row, as the workbook's constant memory asks; `row` is the current row, from 0."""

    def __init__(self, frame: Frame, sheet: Worksheet, last: int = LAST) -> None:
        self.last = last
        self._frame = frame
        self._sheet = sheet
        self._cells: dict[tuple[int, int], _Cell] = {}
        self._heights: dict[int, float] = {}
        self.row = 0

    def put(self, col: int, value: Value, kind: str = "text", tone: Tone | None = None, **more: Any) -> None:
        """A cell of the current row; `formula`, `link` and `until` as in `_Cell`, the rest are properties of its style."""
        known = {name: more.pop(name) for name in ("formula", "link", "until") if name in more}
        self._cells[self.row, col] = _Cell(value, kind, tone, more=more, **known)

    def height(self, points: float) -> None:
        self._heights[self.row] = points

    def next(self, rows: int = 1) -> None:
        self.row += rows

    def section(self, title: str, *headings: str, texts: int = 2) -> None:
        """A section's title over the whole width, and the headings of its table: `texts` of words, then of numbers.

        A heading after `|` is of words again: `|Fonte`.
        """
        self.next()
        self.height(22)
        self.put(FIRST, title, "section")
        self.fill("section", *range(FIRST + 1, self.last + 1))
        self.next()
        for col, heading in enumerate(headings, FIRST):
            words = col < FIRST + texts or heading.startswith("|")
            self.put(col, heading.removeprefix("|"), "head" if words else "head-number")
        if headings:
            self.height(31 if any(len(heading) > _ONE_LINE for heading in headings[texts:]) else 19)
            self.next()

    def colour_zero(self, col: int) -> None:
        """Keep a cell of the current row green while it shows zero and red while it does not, whatever is edited above it."""
        for criteria, tone in (("==", Tone.GOOD), ("!=", Tone.BAD)):
            rule = {"type": "cell", "criteria": criteria, "value": 0, "format": self._frame.styles.rule(tone)}
            self._sheet.conditional_format(self.row, col, self.row, col, rule)

    def flush(self) -> None:
        for row in {row for row, _ in self._cells}:
            self._sheet.set_row(row, self._heights.get(row, ROW_HEIGHT))
        for (row, col), cell in sorted(self._cells.items(), key=lambda pair: pair[0]):
            self._write(row, col, cell)

    def _write(self, row: int, col: int, cell: _Cell) -> None:
        style = self._frame.styles.of(cell.kind, cell.tone, **{"valign": "vcenter", **cell.more})
        if cell.until:
            self._sheet.merge_range(row, col, row, cell.until, "", style)
        if cell.formula:
            value = cell.value
            self._sheet.write_formula(row, col, cell.formula, style, float(value) if isinstance(value, Decimal | int) else 0)
        elif cell.link:
            text = clean(str(cell.value))
            self._sheet.write_url(row, col, cell.link, self._frame.styles.of(cell.kind, cell.tone, valign="vcenter", **guard(text)), text)
        else:
            self._frame.write(self._sheet, row, col, cell.value, cell.kind, cell.tone, **{"valign": "vcenter", **cell.more})

    def nothing(self) -> None:
        """Say that a section has no lines, rather than leave it blank."""
        self.put(FIRST, say("Nothing to show"), "nothing")
        self.next()

    def fill(self, kind: str, *cols: int) -> None:
        """Empty cells of a style, so that a band or a rule goes through."""
        for col in cols:
            self.put(col, None, kind)
