"""Large sheets at the speed of columns: rows become XML by polars, xlsxwriter keeps the rest of the workbook.

Cell by cell xlsxwriter writes about 150,000 cells a second; a year of a large trader has millions. Texts are written as inline
strings, so that none is ever a formula; a text that Excel would read as one when somebody edits the cell has the quote prefix.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

CHUNK = 20_000
MAX_TEXT = 32_000
_CONTROLS = "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_FORMULA = r"^[=+\-@\t\r]"


@dataclass(frozen=True, slots=True)
class Bulk:
    """How one column is written: whole cents as money, days as days, numbers and texts as such."""

    name: str
    kind: str  # text | cents | day | number
    look: Format
    guarded: Format | None = None
    """The look of texts that begin like a formula."""


class BulkSheet(Worksheet):  # type: ignore[misc, unused-ignore]
    """A sheet that can also take a whole table at once; rows must come from the top down, as in constant memory."""

    def write_table(self, first_row: int, table: pl.DataFrame, columns: Sequence[Bulk]) -> None:
        """Write `table` from `first_row` on, a cell a column."""
        if table.is_empty():
            return
        last_row = first_row + table.height - 1
        self._write_single_row(first_row)  # what was written cell by cell above comes first
        self._check_dimensions(first_row, 0)
        self._check_dimensions(last_row, len(columns) - 1)
        cells = [_cell(column) for column in columns]
        for start in range(0, table.height, CHUNK):
            part = table.slice(start, CHUNK).with_row_index("row", offset=first_row + start + 1)
            rows = part.select(pl.concat_str(pl.lit('<row r="'), pl.col("row").cast(pl.String), pl.lit('">'), *cells, pl.lit("</row>")))
            self.fh.write("".join(rows.to_series().to_list()))
        self.previous_row = last_row + 1


def _cell(column: Bulk) -> pl.Expr:
    value, style = pl.col(column.name), column.look._get_xf_index()
    empty = f'<c s="{style}"/>'
    if column.kind == "text":
        guarded = (column.guarded or column.look)._get_xf_index()
        text = _text(value)
        head = pl.when(value.str.contains(_FORMULA)).then(pl.lit(f'<c s="{guarded}"')).otherwise(pl.lit(f'<c s="{style}"'))
        whole = pl.concat_str(head, pl.lit(' t="inlineStr"><is><t>'), text, pl.lit("</t></is></c>"))
        return pl.when(value.fill_null("") == "").then(pl.lit(empty)).otherwise(whole)
    whole = pl.concat_str(pl.lit(f'<c s="{style}"><v>'), _number(value, column.kind), pl.lit("</v></c>"))
    return whole.fill_null(empty)


def _text(value: pl.Expr) -> pl.Expr:
    text = value.str.slice(0, MAX_TEXT).str.replace_all(_CONTROLS, "\ufffd").str.replace_all(r"_(x[0-9A-Fa-f]{4}_)", "_x005F_$1")
    return text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


def _number(value: pl.Expr, kind: str) -> pl.Expr:
    if kind == "day":
        return (value.cast(pl.Int32) + 25_569).cast(pl.String)  # days since 1970-01-01, as Excel counts them
    return ((value / 100).round(2) if kind == "cents" else value).cast(pl.String)


def plain_text(text: str) -> str:
    """A text that any cell can hold."""
    return re.sub(_CONTROLS, "\ufffd", text)[:MAX_TEXT]
