"""The first sheet: what was done, whether the money ties out, and what is left open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retaguarda.language import say
from retaguarda.report.canvas import FIRST, LAST, ROW_HEIGHT, Canvas
from retaguarda.report.content import RunReport
from retaguarda.report.figures import banners, duration, heading_of, outcomes_of
from retaguarda.report.headline import Fact, headline
from retaguarda.report.headline import facts as fact_lines
from retaguarda.report.labels import Tone, label
from retaguarda.report.listing import Listing
from retaguarda.report.proofs import write_breaks, write_contents, write_deadlines, write_notes, write_statements, write_tie_out
from retaguarda.report.retell import retell
from retaguarda.report.sheets import Frame
from retaguarda.report.styles import COUNT
from retaguarda.report.vocabulary import PROCESSES, RUN_STATES

_WIDTHS = (2.0, 46.0, 25.0, *(16.5,) * 12)
_LINE_CHARACTERS, _FACT_CHARACTERS = 165, 85


def write_summary(frame: Frame, report: RunReport, sheets: Sequence[Listing[Any]]) -> None:
    """Add the summary as the workbook's first sheet."""
    sheet = frame.sheet(frame.home)
    for col, width in enumerate(_WIDTHS):
        sheet.set_column(col, col, width)
    canvas = Canvas(frame, sheet, max(LAST, FIRST + 3 + len(outcomes_of(report.steps))))
    for write in (_title, _facts, _steps, write_tie_out, write_statements, write_deadlines, write_breaks, write_notes):
        write(canvas, report)
    write_contents(canvas, sheets)
    canvas.flush()
    sheet.freeze_panes(2, 0)
    sheet.print_area(0, 0, canvas.row - 1, canvas.last)
    sheet.activate()


def _title(canvas: Canvas, report: RunReport) -> None:
    state = label(RUN_STATES, report.state)
    canvas.height(32)
    canvas.put(FIRST, report.company, "company")
    canvas.put(canvas.last - 2, state.text, "state", state.tone, until=canvas.last)
    canvas.next()
    canvas.height(18)
    canvas.put(FIRST, f"{label(PROCESSES, report.process).text} · {say('Report of the run')}", "subtitle", font_size=11)
    canvas.next(2)
    for tone, text in banners(report):
        _across(canvas, text, tone, "banner")
    if report.error:
        _across(canvas, say("The run ended with an error: {text}", text=retell(report.error)), Tone.BAD, "panel")
    if report.remedy:
        _across(canvas, say("What to do: {text}", text=retell(report.remedy)), Tone.BAD, "panel")


def _across(canvas: Canvas, text: str, tone: Tone, kind: str) -> None:
    """A text over the whole width; merged rows do not grow by themselves, so their height follows the text."""
    canvas.height(19 + 13.5 * (len(text) // _LINE_CHARACTERS))
    canvas.put(FIRST, text, kind, tone, until=canvas.last)
    canvas.next()


def _facts(canvas: Canvas, report: RunReport) -> None:
    """Left: what ran, by whom, when. Right: the figures a reader looks for first."""
    canvas.next()
    canvas.height(21)
    for col in range(FIRST, canvas.last + 1):
        canvas.put(
            col, {FIRST: say("The run"), canvas.last - 2: say("In figures")}.get(col), "section" if col != canvas.last - 3 else "subtitle"
        )
    canvas.next()
    facts, figures = fact_lines(report), headline(report)
    for index in range(max(len(facts), len(figures))):
        if index < len(facts):
            _fact(canvas, facts[index])
        if index < len(figures):
            figure = figures[index]
            canvas.put(canvas.last - 2, figure.name, "name")
            canvas.fill("name", canvas.last - 1)
            canvas.put(canvas.last, figure.value, f"figure-{figure.kind}", figure.tone)
        canvas.next()


def _fact(canvas: Canvas, fact: Fact) -> None:
    canvas.put(FIRST, fact.name, "name")
    if fact.tone:  # something is wrong: the whole text must be read
        canvas.height(ROW_HEIGHT * (1 + len(str(fact.value)) // _FACT_CHARACTERS))
        canvas.put(FIRST + 1, fact.value, fact.kind, fact.tone, until=canvas.last - 4, text_wrap=True, align="left", indent=1)
        return
    canvas.put(FIRST + 1, fact.value, fact.kind, align="left", indent=1)
    canvas.fill("text", *range(FIRST + 2, canvas.last - 3))


def _steps(canvas: Canvas, report: RunReport) -> None:
    outcomes = outcomes_of(report.steps)
    headings = (say("Step"), say("State"), say("Start"), say("Duration"), *(heading_of(code) for code in outcomes))
    canvas.section(say("Steps"), *headings)
    first = canvas.row
    for step in report.steps:
        canvas.put(FIRST, label(PROCESSES, step.process).text)
        canvas.put(FIRST + 1, label(RUN_STATES, step.state), "badge")
        canvas.put(FIRST + 2, step.started, "moment", align="right")
        canvas.put(FIRST + 3, duration(step.started, step.ended), "span", align="right")
        for col, code in enumerate(outcomes, FIRST + 4):
            canvas.put(col, step.counts.get(code, 0), "tally")
        canvas.next()
        for text in filter(None, (step.error, step.remedy)):
            canvas.put(FIRST, retell(text), "note", Tone.BAD, until=canvas.last, indent=2)
            canvas.next()
    if not report.steps:
        canvas.nothing()
    elif outcomes:
        _step_totals(canvas, report, outcomes, first)


def _step_totals(canvas: Canvas, report: RunReport, outcomes: Sequence[str], first: int) -> None:
    canvas.put(FIRST, say("Total"), "sum", indent=1)
    for col in range(FIRST + 1, FIRST + 4):
        canvas.put(col, None, "sum")
    for col, code in enumerate(outcomes, FIRST + 4):
        letter, value = chr(ord("A") + col), sum(step.counts.get(code, 0) for step in report.steps)
        canvas.put(col, value, "sum", formula=f"=SUM({letter}{first + 1}:{letter}{canvas.row})", num_format=COUNT)
    canvas.next()
