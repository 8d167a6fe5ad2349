"""The proofs of the summary: receipts that tie out, statements that are whole, deadlines that were met, breaks by kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from retaguarda.language import say
from retaguarda.report.canvas import FIRST, LAST, Canvas
from retaguarda.report.content import RunReport, StatementLine, TieLine
from retaguarda.report.figures import BreakCount, TieOut, break_counts, closing_gap, margin, met, proven, tie_out, total
from retaguarda.report.headline import parameter
from retaguarda.report.labels import label
from retaguarda.report.listing import Listing
from retaguarda.report.retell import retell
from retaguarda.report.styles import COUNT, MONEY, MWH
from retaguarda.report.vocabulary import CONFIDENCES, DEADLINES, TIE_LINES

LABEL, BADGE, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH = range(FIRST, FIRST + 8)


def write_tie_out(canvas: Canvas, report: RunReport) -> None:
    """Credits received = booked + classified + breaks, with the sums and the difference as live formulas."""
    canvas.section(say("Tie-out of the receipts: received = booked + classified + breaks"), "", "", say("Entries"), say("Amount (R$)"))
    tie = tie_out(report)
    if tie is None:
        canvas.nothing()
        return
    received = _tie_lines(canvas, say("Received"), tie.received)
    parts = _tie_lines(canvas, say("Booked, classified and breaks"), tie.parts)
    _tie_difference(canvas, tie, received, parts)
    if tie.stated is not None and tie.stated != tie.difference:
        _tie_line(canvas, say("Difference stated by the reconciliation"), None, tie.stated)


def _tie_lines(canvas: Canvas, name: str, lines: Sequence[TieLine]) -> int:
    """The lines of one side and their sum; returns the row of the sum as Excel counts."""
    first = canvas.row + 1
    for line in lines:
        _tie_line(canvas, retell(label(TIE_LINES, line.label).text), line.count, line.amount)
    canvas.put(LABEL, say("Sum: {name}", name=name), "sum", indent=1)
    canvas.put(BADGE, None, "sum")
    for col, letter, value, shown in ((THIRD, "D", sum(x.count for x in lines), COUNT), (FOURTH, "E", total(lines), MONEY)):
        formula = f"=SUM({letter}{first}:{letter}{canvas.row})" if lines else ""
        canvas.put(col, value, "sum", formula=formula, num_format=shown)
    canvas.next()
    return canvas.row


def _tie_line(canvas: Canvas, name: str, count: int | None, amount: Decimal) -> None:
    canvas.put(LABEL, name, indent=2)
    canvas.fill("text", BADGE)
    canvas.put(THIRD, count, "count")
    canvas.put(FOURTH, amount, "money")
    canvas.next()


def _tie_difference(canvas: Canvas, tie: TieOut, received: int, parts: int) -> None:
    canvas.put(LABEL, retell(tie.title), "sum", indent=1)
    canvas.put(BADGE, tie.verdict, "badge", bold=True)
    canvas.fill("sum", THIRD)  # one credit may be booked in part and break in part: the counts need not agree
    canvas.put(FOURTH, tie.difference, "sum", tie.verdict.tone, formula=f"=ROUND(E{received}-E{parts},2)", num_format=MONEY)
    canvas.colour_zero(FOURTH)
    canvas.next()


def write_statements(canvas: Canvas, report: RunReport) -> None:
    """Opening balance + movement = closing balance, file by file."""
    headings = (say("Statement file"), say("Proof"), say("Entries"), say("Opening balance"), say("Movement"))
    canvas.section(
        say("Completeness of the statements: opening + movement = closing"),
        *headings, say("Calculated closing"), say("Stated closing"), say("Difference"), f"|{say('Account')}",
    )  # fmt: skip
    for line in report.statements:
        _statement(canvas, line)
    if not report.statements:
        canvas.nothing()


def _statement(canvas: Canvas, line: StatementLine) -> None:
    difference, row = closing_gap(line), canvas.row + 1
    canvas.put(LABEL, line.file)
    canvas.put(BADGE, proven(line))
    canvas.put(THIRD, line.entries, "count")
    canvas.put(FOURTH, line.opening, "money")
    canvas.put(FIFTH, line.movement, "money")
    canvas.put(SEVENTH, line.closing, "money")
    canvas.put(LAST, line.account)
    for col, value, formula in (
        (SIXTH, line.opening + line.movement if line.opening is not None else None, f"=E{row}+F{row}"),
        (EIGHTH, difference, f"=ROUND(G{row}-H{row},2)"),
    ):
        canvas.put(col, value, "money", formula=formula if value is not None else "")
    if difference is not None:
        canvas.colour_zero(EIGHTH)
    canvas.next()
    canvas.put(LABEL, " · ".join(filter(None, (parameter(line.period), retell(line.detail)))), "note", until=canvas.last, indent=2)
    canvas.next()


def write_deadlines(canvas: Canvas, report: RunReport) -> None:
    """Each deadline with the time that was left when the run ended, in hours."""
    canvas.section(
        say("Deadlines"), say("Deadline"), "", say("Date and time"), say("Margin"), say("Confidence"), f"|{say('Source')}", "", "", ""
    )
    for line in report.deadlines:
        left = margin(report, line)
        canvas.put(LABEL, label(DEADLINES, line.name).text)
        canvas.put(BADGE, met(line))
        canvas.put(THIRD, line.at, "moment", align="right")
        canvas.put(FOURTH, hours(left), "hours")
        canvas.put(FIFTH, label(CONFIDENCES, line.confidence).text, align="right")
        canvas.put(SIXTH, retell(line.source), until=canvas.last)
        canvas.next()
    if not report.deadlines:
        canvas.nothing()


def hours(span: dt.timedelta | None) -> Decimal | None:
    """A span as hours with one decimal, negative when it is past."""
    return None if span is None else (Decimal(int(span.total_seconds())) / 3600).quantize(Decimal("0.1"))


def write_breaks(canvas: Canvas, report: RunReport) -> None:
    """How many breaks of each kind, counted live on their sheet."""
    canvas.section(say("Breaks by kind"), say("Kind"), say("Area"), say("Quantity"), say("Difference"), say("Unit"))
    lines = break_counts(report)
    for line in lines:
        _break(canvas, line, say("Breaks"))
    if not lines:
        canvas.nothing()


def _break(canvas: Canvas, line: BreakCount, sheet: str) -> None:
    row = canvas.row + 1
    same = f"'{sheet}'!$B:$B,C{row},'{sheet}'!$C:$C,B{row},'{sheet}'!$I:$I,F{row}"
    kind = "mwh" if line.unit == "MWh" else "money"
    canvas.put(LABEL, line.kind.text, "link", link=f"internal:'{sheet}'!A1")
    canvas.put(BADGE, line.area.text)
    canvas.put(THIRD, line.count, "count", formula=f"=COUNTIFS({same})")
    canvas.put(FOURTH, line.amount, kind, formula=f"=SUMIFS('{sheet}'!$H:$H,{same})", num_format=MWH if kind == "mwh" else MONEY)
    canvas.put(FIFTH, line.unit, align="right")
    canvas.next()


def write_notes(canvas: Canvas, report: RunReport) -> None:
    """What the steps want a reader to know."""
    if not report.notes:
        return
    canvas.section(say("Notes"))
    for note in report.notes:
        canvas.put(LABEL, retell(note), until=canvas.last)
        canvas.next()


def write_contents(canvas: Canvas, sheets: Sequence[Listing[Any]]) -> None:
    """The other sheets, a click away."""
    canvas.section(say("Sheets of this workbook"), say("Sheet"), say("Lines"), f"|{say('Content')}", "", "", texts=1)
    for content in sheets:
        canvas.put(LABEL, content.name, "link", link=f"internal:'{content.name}'!A1")
        canvas.put(BADGE, len(content.lines), "count")
        canvas.put(THIRD, content.title, until=FIFTH, indent=1)
        canvas.next()
