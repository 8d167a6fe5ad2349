"""Sheets of lines: title, totals on top, frozen heading with filter, typed cells, print set-up."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from retaguarda.language import say
from retaguarda.report.figures import local
from retaguarda.report.labels import Label, Tone
from retaguarda.report.listing import CENTRED, NUMBERS, Column, Listing, Target, Value
from retaguarda.report.styles import Styles

T = TypeVar("T")
TITLE_ROW, SUBTITLE_ROW, TOTALS_ROW, HEAD_ROW, FIRST_ROW = range(5)
MAX_TEXT = 32_000  # Excel holds 32,767 characters a cell and refuses the file beyond
FORMULA_STARTS = frozenset("=+-@\t\r")
MAX_LINKS = 5_000  # Excel drops hyperlinks beyond 65,530 a sheet; long lists need none
SAMPLE = 400
ROW_HEIGHT, LINE_HEIGHT = 16.5, 13.2
MAX_TEXT_ROWS = 12
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_WIDTHS = {"date": 11.5, "moment": 18.5, "month": 10, "span": 10, "mono": 66, "wrap": 46}


@dataclass(frozen=True)
class Frame:
    """What all sheets of a workbook share: the book, its styles and the texts of its margins."""

    book: Workbook
    styles: Styles
    subtitle: str
    footer: str
    home: str
    names: Mapping[str, str]

    def place(self, target: Target | None) -> str:
        """Where a link leads, as Excel writes it; "" when no sheet has the list."""
        return f"internal:'{self.names[target[0]]}'!A{FIRST_ROW + 1 + target[1]}" if target and target[0] in self.names else ""

    def sheet(self, name: str) -> Worksheet:
        """A new sheet of that name with the print set-up of the house: A4 landscape, one page wide, numbered."""
        made = self.book.add_worksheet(name)
        made.set_landscape()
        made.set_paper(9)
        made.fit_to_pages(1, 0)
        made.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        made.set_footer(f"&L&8&K5F6C7B{self.footer.replace('&', '&&')}&R&8&K5F6C7B{say('Page {page} of {pages}', page='&P', pages='&N')}")
        made.hide_gridlines(2)
        return made

    def write(self, sheet: Worksheet, row: int, col: int, value: Value, kind: str, tone: Tone | None = None, **more: Any) -> None:
        """One typed cell: numbers and dates as such, every text as text whatever it starts with."""
        if isinstance(value, Label):
            sheet.write_string(row, col, clean(value.text), self.styles.of("badge", value.tone, **guard(value.text), **more))
        elif value is None or value == "":
            sheet.write_blank(row, col, None, self.styles.of(kind, tone, **more))
        elif isinstance(value, str):
            sheet.write_string(row, col, clean(value), self.styles.of(kind, tone, **guard(value), **more))
        elif isinstance(value, dt.datetime):
            sheet.write_datetime(row, col, local(value).replace(tzinfo=None), self.styles.of(kind, tone, **more))
        elif isinstance(value, dt.date | dt.timedelta):
            sheet.write_datetime(row, col, value, self.styles.of(kind, tone, **more))
        else:
            sheet.write_number(row, col, float(value), self.styles.of(kind, tone, **more))


def guard(text: str) -> dict[str, Any]:
    """The quote prefix, for a text that Excel would read as a formula once someone edits the cell."""
    return {"quote_prefix": True} if text[:1] in FORMULA_STARTS else {}


def clean(text: str) -> str:
    """A text that a workbook can hold: no lone surrogates, no control characters, not longer than Excel takes."""
    whole = _CONTROLS.sub("\ufffd", text.encode("utf-8", "replace").decode())
    return whole if len(whole) <= MAX_TEXT else whole[:MAX_TEXT] + "…"


def write_list(frame: Frame, content: Listing[T]) -> None:
    """Add one sheet of lines to the workbook."""
    sheet = frame.sheet(content.name)
    _heading(frame, sheet, content)
    for number, line in enumerate(content.lines, FIRST_ROW):
        _line(frame, sheet, content.columns, number, line)
    if not content.lines:
        sheet.write_string(FIRST_ROW, 0, say("Nothing to show"), frame.styles.of("nothing"))
    _furnish(frame, sheet, content)


def _heading(frame: Frame, sheet: Worksheet, content: Listing[T]) -> None:
    sheet.set_row(TITLE_ROW, 24)
    sheet.set_row(SUBTITLE_ROW, ROW_HEIGHT)
    sheet.write_string(TITLE_ROW, 0, content.title, frame.styles.of("title"))
    sheet.write_string(SUBTITLE_ROW, 0, f"{_count(len(content.lines))} · {frame.subtitle}", frame.styles.of("subtitle"))
    sheet.set_row(TOTALS_ROW, 18)
    sheet.write_url(TOTALS_ROW, 0, f"internal:'{frame.home}'!A1", frame.styles.of("back"), f"← {frame.home}")
    if content.lines:
        _totals(frame, sheet, content)
    sheet.set_row(HEAD_ROW, 30)
    for col, column in enumerate(content.columns):
        sheet.write_string(HEAD_ROW, col, say(column.heading), frame.styles.of(_head_of(column.head_kind(content.lines))))


def _count(lines: int) -> str:
    return say("{count} lines", count=f"{lines:,}".replace(",", ".")) if lines != 1 else say("1 line")


def _head_of(kind: str) -> str:
    return "head-number" if kind in NUMBERS else "head-center" if kind in CENTRED else "head"


def _totals(frame: Frame, sheet: Worksheet, content: Listing[T]) -> None:
    """Totals of the lines that the filter leaves visible, as live formulas with their values."""
    summed = [col for col, column in enumerate(content.columns) if column.total]
    if not summed:
        return
    if summed[0] > 1:
        sheet.write_string(TOTALS_ROW, summed[0] - 1, say("Total of the visible lines"), frame.styles.of("sum-label"))
    for col in summed:
        column = content.columns[col]
        name, last = xl_col_to_name(col), FIRST_ROW + len(content.lines)
        style = frame.styles.of(column.head_kind(content.lines), bold=True, top=1, bg_color="#F4F7FA")
        sheet.write_formula(TOTALS_ROW, col, f"=SUBTOTAL(109,{name}{FIRST_ROW + 1}:{name}{last})", style, float(column.sum(content.lines)))


def _line(frame: Frame, sheet: Worksheet, columns: Sequence[Column[T]], row: int, line: T) -> None:
    sheet.set_row(row, max(ROW_HEIGHT, LINE_HEIGHT * max(_text_rows(column, line) for column in columns) + 3))
    for col, column in enumerate(columns):
        value = column.value(line)
        target = frame.place(column.link(line)) if column.link and row < MAX_LINKS else ""
        if column.formula and isinstance(value, Decimal):
            sheet.write_formula(row, col, column.formula(row + 1), frame.styles.of(column.kind_of(line)), float(value))
        elif target and isinstance(value, str) and value:
            sheet.write_url(row, col, target, frame.styles.of("link", **guard(value)), clean(value))
        else:
            frame.write(sheet, row, col, value, column.kind_of(line))


def _text_rows(column: Column[T], line: T) -> int:
    """How many rows of text a wrapped cell takes, on the generous side: not every reader of the file fits rows by itself."""
    value = column.value(line)
    if column.kind_of(line) != "wrap" or not isinstance(value, str):
        return 1
    capitals = sum(map(str.isupper, value[:MAX_TEXT]))
    return min(MAX_TEXT_ROWS, math.ceil((len(value) + 0.25 * capitals) / ((column.width or _WIDTHS["wrap"]) - 1)) or 1)


def _furnish(frame: Frame, sheet: Worksheet, content: Listing[T]) -> None:
    """Widths, frozen heading, filter, colours that follow the text, and repeated rows in print."""
    last_col = len(content.columns) - 1
    for col, column in enumerate(content.columns):
        sheet.set_column(col, col, column.width or _width(column, content.lines))
    sheet.freeze_panes(FIRST_ROW, 1)
    sheet.repeat_rows(HEAD_ROW)
    sheet.print_area(0, 0, max(FIRST_ROW, FIRST_ROW + len(content.lines) - 1), (content.printed or len(content.columns)) - 1)
    if content.lines:
        sheet.autofilter(HEAD_ROW, 0, FIRST_ROW + len(content.lines) - 1, last_col)
        _colours(frame, sheet, content)


def _colours(frame: Frame, sheet: Worksheet, content: Listing[T]) -> None:
    """One conditional format for each label of a column, so that an edited cell changes its colour too."""
    for col, column in enumerate(content.columns):
        if column.kind != "badge":
            continue
        seen = {label.text: label.tone for line in content.lines if isinstance(label := column.value(line), Label)}
        top, bottom = xl_rowcol_to_cell(FIRST_ROW, col), xl_rowcol_to_cell(FIRST_ROW + len(content.lines) - 1, col)
        for text, tone in seen.items():
            quoted = text.replace('"', '""')
            rule: Mapping[str, Any] = {"type": "cell", "criteria": "==", "value": f'"{quoted}"', "format": frame.styles.rule(tone)}
            sheet.conditional_format(f"{top}:{bottom}", dict(rule))


def _width(column: Column[T], lines: Sequence[T]) -> float:
    """A width in characters that fits the heading and most values, between 8 and 46."""
    kind = column.head_kind(lines)
    least = max(8.0, max(map(len, say(column.heading).split())) + 4.0)
    if kind in _WIDTHS:
        return max(least, _WIDTHS[kind])
    step = max(1, len(lines) // SAMPLE)
    shown = [_shown(column.value(line), column.kind_of(line)) for line in lines[::step]]
    if column.total:
        shown.append(_shown(column.sum(lines), kind) + 1)  # totals are bold
    return min(46.0, max(least, max(shown, default=0) * 1.02 + 3.0))


def _shown(value: Value, kind: str) -> int:
    """The characters a value takes in its cell."""
    if isinstance(value, Label):
        return len(value.text)
    if isinstance(value, Decimal | int):
        return len(f"{value:,.{NUMBERS.get(kind, 2)}f}")
    return len(value) if isinstance(value, str) else 10
