"""The first sheet of the accountants' workbook, and its charts: sums that recompute themselves from the other sheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from retaguarda.language import say
from retaguarda.report import receipts_tables as tables
from retaguarda.report.bulk_rows import Bulk
from retaguarda.report.canvas import FIRST, Canvas
from retaguarda.report.receipts_tables import Books
from retaguarda.report.sheets import Frame

_WIDTHS = (2.0, 46.0, *(20.0,) * 8)
_GRID = {"visible": True, "line": {"color": "#D5DDE5"}}
_COLOURS = ("#12344D", "#3E8E7E", "#C8553D")


@dataclass(frozen=True)
class Place:
    """The cells of a column on another sheet."""

    sheet: str
    letter: str
    first: int
    last: int

    @property
    def cells(self) -> str:
        return f"'{self.sheet}'!${self.letter}${self.first}:${self.letter}${self.last}"


Places = Mapping[str, Mapping[str, Place]]


def write_receipts_summary(frame: Frame, books: Books, places: Places, company: str) -> None:
    """Add the summary as the first sheet."""
    sheet = frame.sheet(frame.home)
    for col, width in enumerate(_WIDTHS):
        sheet.set_column(col, col, width)
    canvas = Canvas(frame, sheet, FIRST + 4)
    canvas.height(32)
    canvas.put(FIRST, company or say("Reconciliation of receipts and payments"), "company")
    canvas.next()
    canvas.put(FIRST, frame.subtitle, "subtitle", font_size=11)
    canvas.next(2)
    _tie_out(canvas, books, places)
    _second_proof(canvas, books, places)
    _counts(canvas, books)
    _provenance(canvas, books)
    canvas.flush()
    sheet.freeze_panes(2, 0)
    sheet.print_area(0, 0, canvas.row - 1, canvas.last)
    sheet.fit_to_pages(1, 1)  # what is signed stands on the page of the sums
    sheet.activate()


def _tie_out(canvas: Canvas, books: Books, places: Places) -> None:
    """Credits and debits of the statements against what became of them; each a formula over the sheet that has the lines."""
    canvas.section(say("Tie-out"), "", "", say("Credits"), say("Debits"), say("Total"), texts=2)
    first = canvas.row + 1
    by_account = places["accounts"]
    sums = _sums(books)
    formulas = {"all": (f"=SUM({by_account['credits'].cells})", f"=SUM({by_account['debits'].cells})")}
    for key, column in (("matched", "moved"), ("proposals", "moved"), ("classified", "moved"), ("breaks", "cents")):
        cells = places[key][column].cells
        formulas[key] = (f'=SUMIF({cells},">0")', f'=SUMIF({cells},"<0")')
    names = {
        "all": say("Movements of the statements"),
        "matched": say("Matched"),
        "proposals": say("Proposals"),
        "classified": say("Classified"),
        "breaks": say("Breaks"),
    }
    for key, name in names.items():
        canvas.put(FIRST, name, "name")
        canvas.fill("text", FIRST + 1)
        row = canvas.row + 1
        for col, formula, value in zip((FIRST + 2, FIRST + 3), formulas[key], sums[key], strict=True):
            canvas.put(col, _money(value), "money", formula=formula)
        letters = xl_col_to_name(FIRST + 2), xl_col_to_name(FIRST + 3)
        canvas.put(FIRST + 4, _money(sum(sums[key])), "money", formula=f"={letters[0]}{row}+{letters[1]}{row}")
        canvas.next()
    canvas.put(FIRST, say("Difference (must be zero)"), "sum", indent=1)
    canvas.fill("sum", FIRST + 1)
    for place, col in enumerate((FIRST + 2, FIRST + 3, FIRST + 4)):
        letter = xl_col_to_name(col)
        wanted, told = ([s[place] for s in sums.values()] if place < 2 else [sum(s) for s in sums.values()]), canvas.row
        rest = wanted[0] - sum(wanted[1:])
        formula = f"=ROUND({letter}{first}-SUM({letter}{first + 1}:{letter}{told}),2)"
        canvas.put(col, _money(rest), "money", formula=formula, bold=True, top=1)
        canvas.colour_zero(col)
    canvas.next(2)


def _sums(books: Books) -> dict[str, tuple[int, int]]:
    def split(cents: pl.Series) -> tuple[int, int]:
        return int(cents.filter(cents > 0).sum()), int(cents.filter(cents < 0).sum())

    accounts = tables.by_account(books)
    decision = pl.col("decision")
    return {
        "all": (int(accounts["credits"].sum()), int(accounts["debits"].sum())),
        "matched": split(books.lines.filter(decision == "auto")["cents"]),
        "proposals": split(books.lines.filter(decision == "proposal")["cents"]),
        "classified": split(tables.classified(books)["moved"].drop_nulls()),
        "breaks": split(tables.breaks(books)["cents"]),
    }


def _second_proof(canvas: Canvas, books: Books, places: Places) -> None:
    """What the matched lines moved = what they settled + their differences."""
    matched, held = places["matched"], tables.settled(books, "auto")
    canvas.section(say("Matched lines"), "", "", say("Amount"), texts=2)
    first = canvas.row + 1
    for name, column in ((say("Amount at the bank"), "moved"), (say("Settled"), "signed"), (say("Differences"), "rest")):
        canvas.put(FIRST, name, "name")
        canvas.fill("text", FIRST + 1)
        canvas.put(FIRST + 2, _money(int(held[column].sum() or 0)), "money", formula=f"=SUM({matched[column].cells})")
        canvas.next()
    letter = xl_col_to_name(FIRST + 2)
    canvas.put(FIRST, say("Difference (must be zero)"), "sum", indent=1)
    canvas.fill("sum", FIRST + 1)
    moved, signed, differences = (int(held[name].sum() or 0) for name in ("moved", "signed", "rest"))
    rest = moved - signed - differences
    formula = f"=ROUND({letter}{first}-{letter}{first + 1}-{letter}{first + 2},2)"
    canvas.put(FIRST + 2, _money(rest), "money", formula=formula, bold=True, top=1)
    canvas.colour_zero(FIRST + 2)
    canvas.next(2)


def _counts(canvas: Canvas, books: Books) -> None:
    lines = books.lines
    decided = lines.filter(pl.col("decision").is_not_null()).height
    auto = lines.filter(pl.col("decision") == "auto").height
    waiting, classified = tables.breaks(books).height, tables.classified(books).height
    canvas.section(say("In figures"), "", "", say("Lines"), texts=2)
    figures = (
        (say("Lines of the files"), lines.height),
        (say("Matched without a person"), auto),
        (say("Proposals"), decided - auto),
        (say("Classified"), classified),
        (say("Breaks"), waiting),
    )
    for name, count in figures:
        canvas.put(FIRST, name, "name")
        canvas.fill("text", FIRST + 1)
        canvas.put(FIRST + 2, count, "count")
        canvas.next()
    canvas.next()


def _provenance(canvas: Canvas, books: Books) -> None:
    """Which run this is: its identifier and the hashes it is made from; whoever has the same has the same decisions."""
    canvas.section(say("The run"), texts=5)
    for name, value in _facts(books.result):
        canvas.put(FIRST, name, "name")
        canvas.put(FIRST + 1, value, "mono", until=canvas.last)
        canvas.next()
    for name in (say("Prepared by"), say("Reviewed by"), say("Date and signature")):
        canvas.put(FIRST, name, "name")
        canvas.put(FIRST + 1, "", "text", until=canvas.last)
        canvas.next()


def _facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The run is what its inputs and rules make it: its identifier is taken from their hashes."""
    made = result.get("provenance", {})
    run = f"{made['inputs'][:12]}-{made['rules'][:8]}-{result['hash'][:8]}" if made else result["hash"][:16]
    found = [(say("Run"), run), (say("Hash of the inputs"), made.get("inputs")), (say("Hash of the rules"), made.get("rules"))]
    found += [(say("Version of the rules"), made.get("rules_version")), (say("Hash of the result"), result["hash"])]
    return [(name, str(value)) for name, value in found if value is not None]


def _money(cents: int) -> Decimal:
    return Decimal(cents) / 100


def write_charts(frame: Frame, books: Books) -> None:
    """Add the sheet of charts, with the figures that they draw beside one another to its right."""
    sheet = frame.sheet(say("Charts"))
    parts = {"weeks": tables.weeks(books), "ages": tables.ages(books), "received": tables.received(books), "energy": tables.energy(books)}
    first_col, places = 30, {}
    columns: list[Bulk] = [Bulk(f"gap{n}", "text", frame.styles.of("note", bottom=0)) for n in range(first_col)]
    wide = pl.DataFrame({"gap0": pl.Series([None] * max(1, *(p.height for p in parts.values())), dtype=pl.String)})
    wide = wide.with_columns(pl.lit(None, dtype=pl.String).alias(f"gap{n}") for n in range(1, first_col))
    heads = []
    for key, part in parts.items():
        places[key] = (len(columns), part.height)
        named = part.rename({name: f"{key}.{name}" for name in part.columns})
        wide = wide.with_columns(named.get_column(name).extend_constant(None, wide.height - named.height) for name in named.columns)
        for name in part.columns:
            heads.append((len(columns), say(_HEADS[name])))
            columns.append(_look(frame, f"{key}.{name}", name))
    sheet.set_row(0, 24)
    sheet.write_string(0, 0, say("Charts"), frame.styles.of("title"))
    for col, text in heads:
        sheet.set_column(col, col, 14)
        sheet.write_string(1, col, text, frame.styles.of("head"))
    sheet.write_table(2, wide, columns)
    for place, (key, draw) in enumerate(_CHARTS.items()):
        col, count = places[key]
        chart = draw(frame, sheet.get_name(), col, max(1, count))
        chart.set_size({"width": 760, "height": 330})
        sheet.insert_chart(2 + 17 * (place // 2), 0 if place % 2 == 0 else 12, chart)
    sheet.print_area(0, 0, 2 + 17 * -(-len(_CHARTS) // 2), first_col - 1)  # the figures beside them are for whoever checks a chart


_HEADS = {
    "week": "Week", "auto": "Without a person", "decided": "With proposals", "bucket": "Age", "count": "Breaks", "cents": "Amount",
    "date": "Day", "month": "Month", "erp": "MWh in the ERP", "ccee": "MWh at CCEE",
}  # fmt: skip


def _look(frame: Frame, name: str, kind: str) -> Bulk:
    styles = frame.styles
    if kind in {"week", "date"}:
        return Bulk(name, "day", styles.of("date"))
    if kind in {"auto", "decided"}:
        return Bulk(name, "number", styles.of("count", num_format="0.0%"))
    if kind == "cents":
        return Bulk(name, "cents", styles.of("money"))
    if kind in {"erp", "ccee"}:
        return Bulk(name, "number", styles.of("mwh"))
    return Bulk(name, "number" if kind == "count" else "text", styles.of("count" if kind == "count" else "text"))


def _series(sheet: str, col: int, value: int, count: int, colour: str) -> dict[str, Any]:
    return {
        "name": [sheet, 1, value],
        "categories": [sheet, 2, col, 1 + count, col],
        "values": [sheet, 2, value, 1 + count, value],
        "fill": {"color": colour},
        "line": {"color": colour, "width": 2},
        "gap": 60,
    }


def _dressed(chart: Any, title: str, number: str, category: str = "") -> Any:
    chart.set_title({"name": title, "name_font": {"size": 12, "color": _COLOURS[0]}})
    chart.set_y_axis({"num_format": number, "major_gridlines": _GRID, "line": {"none": True}})
    days = {"num_format": category, "date_axis": True, "major_unit": 14, "major_unit_type": "days"}
    chart.set_x_axis(days if category else {})
    chart.set_legend({"position": "bottom"})
    return chart


def _matched_share(frame: Frame, sheet: str, col: int, count: int) -> Any:
    chart = frame.book.add_chart({"type": "line"})
    for value, colour in ((col + 1, _COLOURS[0]), (col + 2, _COLOURS[1])):
        chart.add_series(_series(sheet, col, value, count, colour))
    chart = _dressed(chart, say("Matched share by week"), "0%", "dd/mm")
    chart.set_y_axis({"num_format": "0%", "min": 0, "max": 1, "major_gridlines": _GRID})
    return chart


def _breaks_by_age(frame: Frame, sheet: str, col: int, count: int) -> Any:
    chart = frame.book.add_chart({"type": "column"})
    chart.add_series(_series(sheet, col, col + 2, count, _COLOURS[2]))
    return _dressed(chart, say("Breaks by age in days, R$"), "#,##0")


def _received_by_day(frame: Frame, sheet: str, col: int, count: int) -> Any:
    chart = frame.book.add_chart({"type": "column"})
    chart.add_series(_series(sheet, col, col + 1, count, _COLOURS[1]))
    return _dressed(chart, say("Cash received by day, R$"), "#,##0", "dd/mm")


def _registered_and_contracted(frame: Frame, sheet: str, col: int, count: int) -> Any:
    chart = frame.book.add_chart({"type": "column"})
    for value, colour in ((col + 1, _COLOURS[0]), (col + 2, _COLOURS[1])):
        chart.add_series(_series(sheet, col, value, count, colour))
    return _dressed(chart, say("MWh contracted and registered by month"), "#,##0")


_CHARTS: Mapping[str, Callable[[Frame, str, int, int], Any]] = {
    "weeks": _matched_share,
    "ages": _breaks_by_age,
    "received": _received_by_day,
    "energy": _registered_and_contracted,
}
