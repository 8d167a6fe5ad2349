"""The steps of a run on a line of time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from retaguarda.language import say
from retaguarda.report.content import RunReport, StepLine
from retaguarda.report.figures import duration, heading_of, outcomes_of
from retaguarda.report.labels import SEVERE, Label, label
from retaguarda.report.retell import retell
from retaguarda.report.show import number, shown
from retaguarda.report.tables import Cell
from retaguarda.report.vocabulary import PROCESSES, RUN_STATES

SCALE = 1000
"""Width of the line of time in the units of its drawing."""
_SLIVER = 4


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step: when it began, how long it took, where its bar lies, and what became of its items."""

    name: str
    state: Label
    started: str
    duration: str
    start: int
    width: int
    counts: Sequence[str]
    error: str
    tone: str


@dataclass(frozen=True, slots=True)
class StepsView:
    """The table of steps."""

    heads: Sequence[Cell]
    rows: Sequence[StepRow]


def steps_view(report: RunReport) -> StepsView:
    """The steps with their bars, from the first start to the last end."""
    outcomes = outcomes_of(report.steps)
    starts = [step.started for step in report.steps if step.started]
    ends = [step.ended for step in report.steps if step.ended]
    begin = min(starts, default=None)
    whole = max((*ends, *starts)) - begin if begin else dt.timedelta()
    heads = [Cell(say("Step")), Cell(say("State"), "centred"), Cell(say("Start"), "centred"), Cell(say("Duration"), "number")]
    heads += [Cell(say("Timeline")), *(Cell(heading_of(code), "number") for code in outcomes)]
    return StepsView(heads, [_row(step, outcomes, begin, whole) for step in report.steps])


def _row(step: StepLine, outcomes: Sequence[str], begin: dt.datetime | None, whole: dt.timedelta) -> StepRow:
    start, width = _bar(step, begin, whole)
    state = label(RUN_STATES, step.state)
    return StepRow(
        name=label(PROCESSES, step.process).text,
        state=state,
        started=shown(step.started),
        duration=shown(duration(step.started, step.ended)),
        start=start,
        width=width,
        counts=[number(count, 0) if (count := step.counts.get(code, 0)) else "–" for code in outcomes],
        error=" ".join(retell(text) for text in (step.error, step.remedy) if text),
        tone=str(state.tone) if state.tone in SEVERE else "",
    )


def _bar(step: StepLine, begin: dt.datetime | None, whole: dt.timedelta) -> tuple[int, int]:
    """Where a step's bar begins and how wide it is; a step too short to see gets a sliver."""
    if begin is None or step.started is None or not whole:
        return 0, 0
    start = round(SCALE * ((step.started - begin) / whole))
    width = max(_SLIVER, round(SCALE * ((step.ended or step.started) - step.started) / whole))
    return min(start, SCALE - _SLIVER), min(width, SCALE - min(start, SCALE - _SLIVER))
