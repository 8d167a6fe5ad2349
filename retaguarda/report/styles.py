"""The look of the workbook: palette, number formats and cell styles, each made once."""

from __future__ import annotations

from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format

from retaguarda.report.labels import Tone

INK, SOFT, BRAND, LINE, PAPER = "#1F2933", "#5F6C7B", "#12344D", "#D5DDE5", "#F4F7FA"
TONES: dict[Tone, tuple[str, str]] = {
    Tone.GOOD: ("#DCF3E3", "#14532D"),
    Tone.WARN: ("#FFF0C9", "#704500"),
    Tone.BAD: ("#FBDCDC", "#8B1A1A"),
    Tone.INFO: ("#DDEBF9", "#0B3D66"),
    Tone.IDLE: ("#EBEFF3", "#44515F"),
}
"""Fill and ink of each tone; ink on fill has a contrast of at least 7."""

MONEY, MWH, MW = "#,##0.00;[Red]-#,##0.00", "#,##0.000;[Red]-#,##0.000", "#,##0.000000;[Red]-#,##0.000000"
COUNT, COUNT_OR_DASH = "#,##0;[Red]-#,##0", '#,##0;[Red]-#,##0;"–"'
DAY, MOMENT, MONTH, SPAN, HOURS = "dd/mm/yyyy", "dd/mm/yyyy hh:mm:ss", "mm/yyyy", "[h]:mm:ss", '#,##0.0" h";[Red]-#,##0.0" h"'
_RIGHT: dict[str, Any] = {"align": "right"}
_CELL: dict[str, Any] = {"bottom": 1, "bottom_color": LINE}
_STYLES: dict[str, dict[str, Any]] = {
    # cells of tables; Excel shows the number formats in the reader's locale: 1.234,56 in Brazil
    "text": {**_CELL, "num_format": "@", "indent": 1},
    "code": {**_CELL, "num_format": "@", "indent": 1},
    "wrap": {**_CELL, "num_format": "@", "text_wrap": True, "indent": 1},
    "mono": {**_CELL, "num_format": "@", "indent": 1, "font_name": "Consolas", "font_size": 9},
    "money": {**_CELL, "num_format": MONEY},
    "mwh": {**_CELL, "num_format": MWH},
    "mw": {**_CELL, "num_format": MW},
    "count": {**_CELL, "num_format": COUNT},
    "tally": {**_CELL, "num_format": COUNT_OR_DASH},
    "date": {**_CELL, "num_format": DAY, "align": "center"},
    "moment": {**_CELL, "num_format": MOMENT, "align": "center"},
    "month": {**_CELL, "num_format": MONTH, "align": "center"},
    "span": {**_CELL, "num_format": SPAN, "align": "center"},
    "hours": {**_CELL, "num_format": HOURS},
    "badge": {**_CELL, "align": "center"},
    "link": {**_CELL, "indent": 1, "font_color": "#0B5CAD", "underline": 1},
    # furniture
    "head": {
        "indent": 1,
        "bold": True,
        "font_color": "#FFFFFF",
        "bg_color": BRAND,
        "text_wrap": True,
        "valign": "vcenter",
        "border": 1,
        "border_color": BRAND,
    },
    "head-number": {"bold": True, "font_color": "#FFFFFF", "bg_color": BRAND, "text_wrap": True, "valign": "vcenter", **_RIGHT},
    "head-center": {"bold": True, "font_color": "#FFFFFF", "bg_color": BRAND, "text_wrap": True, "valign": "vcenter", "align": "center"},
    "company": {"bold": True, "font_size": 20, "font_color": BRAND, "valign": "vcenter"},
    "title": {"bold": True, "font_size": 15, "font_color": BRAND, "valign": "vcenter"},
    "subtitle": {"font_color": SOFT, "valign": "vcenter"},
    "section": {"bold": True, "font_size": 12, "font_color": BRAND, "bottom": 2, "bottom_color": BRAND, "valign": "vcenter"},
    "note": {"italic": True, "font_color": SOFT},
    "nothing": {"indent": 1, "italic": True, "font_color": SOFT},
    "back": {"font_color": "#0B5CAD", "underline": 1},
    "name": {**_CELL, "indent": 1, "font_color": SOFT},
    "state": {"bold": True, "font_size": 13, "align": "center", "valign": "vcenter", "border": 1, "border_color": LINE},
    "banner": {"bold": True, "valign": "vcenter", "text_wrap": True, "indent": 1},
    "panel": {"valign": "vcenter", "text_wrap": True, "indent": 1},
    "figure-count": {**_CELL, "bold": True, "font_size": 12, "num_format": COUNT},
    "figure-money": {**_CELL, "bold": True, "font_size": 12, "num_format": MONEY},
    "sum": {"bold": True, "top": 1, "top_color": BRAND, "bg_color": PAPER},
    "sum-label": {"bold": True, "bg_color": PAPER, **_RIGHT},
}


class Styles:
    """The cell styles of one workbook."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[str, Tone | None, tuple[tuple[str, Any], ...]], Format] = {}

    def of(self, name: str, tone: Tone | None = None, **more: Any) -> Format:
        """The style of that name, tinted by a tone where one is given, with extra properties of xlsxwriter."""
        key = (name, tone, tuple(sorted(more.items())))
        if key not in self._made:
            base = {"font_name": "Calibri", "font_size": 10, "font_color": INK, "valign": "vcenter"}
            self._made[key] = self._book.add_format({**base, **_STYLES[name], **self.tint(tone), **more})
        return self._made[key]

    def tint(self, tone: Tone | None) -> dict[str, str]:
        """The properties that colour a cell by its tone."""
        return {"bg_color": TONES[tone][0], "font_color": TONES[tone][1]} if tone else {}

    def rule(self, tone: Tone) -> Format:
        """The style that a conditional format lays over a cell."""
        return self._book.add_format(self.tint(tone))
