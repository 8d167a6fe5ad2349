"""Lists for auditors as a workbook or as CSV: every text stays a text, whatever it begins with."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence

import xlsxwriter

from retaguarda.clock import SAO_PAULO
from retaguarda.report.sheets import FORMULA_STARTS, clean, guard

Cell = str | int | dt.datetime | None
WIDEST = 60


def workbook(
    title: str, facts: Mapping[str, str], headings: Sequence[str], rows: Iterable[Sequence[Cell]], blank: Sequence[str] = ()
) -> bytes:
    """A sheet with its facts above the table, and empty columns that whoever works with it fills in."""
    held = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(held, options)
    sheet = book.add_worksheet(title[:31])
    look = {"font_name": "Calibri", "font_size": 10, "valign": "top", "text_wrap": True}
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "name": book.add_format({"font_color": "#5B6770", "font_size": 10}),
        "head": book.add_format({**look, "bold": True, "bg_color": "#1F3A4D", "font_color": "#FFFFFF", "border": 1}),
        "text": book.add_format({**look, "bottom": 4}),
        "guarded": book.add_format({**look, "bottom": 4, "quote_prefix": True}),
        "moment": book.add_format({**look, "bottom": 4, "num_format": "dd/mm/yyyy hh:mm:ss", "align": "left"}),
        "fill": book.add_format({**look, "bottom": 4, "bg_color": "#FFF8E1"}),
    }
    sheet.write_string(0, 0, title, styles["title"])
    for row, (name, fact) in enumerate(facts.items(), 1):
        sheet.merge_range(row, 0, row, 1, name, styles["name"])
        sheet.write_string(row, 2, clean(fact))
    head = len(facts) + 2
    widths = [len(heading) + 2 for heading in (*headings, *blank)]
    for col, heading in enumerate((*headings, *blank)):
        sheet.write_string(head, col, heading, styles["head"])
    last = head
    for last, values in enumerate(rows, head + 1):
        for col, value in enumerate(values):
            widths[col] = min(WIDEST, max(widths[col], 20 if isinstance(value, dt.datetime) else len(str(value or "")) + 1))
            _write(sheet, last, col, value, styles)
        for col in range(len(headings), len(widths)):
            sheet.write_blank(last, col, None, styles["fill"])
    for col, width in enumerate(widths):
        sheet.set_column(col, col, max(width, 9) if col < len(headings) else max(18, width))
    sheet.freeze_panes(head + 1, 0)
    sheet.autofilter(head, 0, max(last, head + 1), len(widths) - 1)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(head)
    book.close()
    return held.getvalue()


def _write(sheet: xlsxwriter.worksheet.Worksheet, row: int, col: int, value: Cell, styles: Mapping[str, object]) -> None:
    if isinstance(value, dt.datetime):
        sheet.write_datetime(row, col, value.astimezone(SAO_PAULO).replace(tzinfo=None), styles["moment"])
    elif isinstance(value, int):
        sheet.write_number(row, col, value, styles["text"])
    else:
        text = clean(value or "")
        sheet.write_string(row, col, text, styles["guarded" if guard(text) else "text"])


def as_csv(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Semicolons and a mark of UTF-8, as a Brazilian Excel opens it; an apostrophe before whatever it would take for a formula."""
    held = io.StringIO()
    writer = csv.writer(held, delimiter=";", lineterminator="\r\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow([_neutral(value) for value in row])
    return b"\xef\xbb\xbf" + held.getvalue().encode("utf-8", "replace")


def _neutral(value: Cell) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(SAO_PAULO).isoformat(timespec="seconds")
    text = clean(str("" if value is None else value))
    return f"'{text}" if text[:1] in FORMULA_STARTS and text[:1] and not isinstance(value, int) else text
