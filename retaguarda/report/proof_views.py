"""The proofs as the page shows them: tie-out, deadlines, breaks by kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.language import say
from retaguarda.report.content import RunReport, TieLine
from retaguarda.report.figures import break_counts, margin, met, tie_out, total
from retaguarda.report.labels import Label, label
from retaguarda.report.retell import retell
from retaguarda.report.show import number, shown, span
from retaguarda.report.vocabulary import CONFIDENCES, DEADLINES, TIE_LINES


@dataclass(frozen=True, slots=True)
class Amount:
    """A named sum with its number of entries."""

    name: str
    count: str
    amount: str


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the tie-out: its lines, and their sum."""

    name: str
    count: str
    amount: str
    lines: Sequence[Amount]


@dataclass(frozen=True, slots=True)
class TieView:
    """The tie-out with its verdict."""

    sides: Sequence[Side]
    title: str
    difference: str
    verdict: Label


def tie_view(report: RunReport) -> TieView | None:
    """The tie-out of the receipts, or None when the run reconciled none."""
    tie = tie_out(report)
    if tie is None:
        return None
    sides = [_side(say("Received"), tie.received), _side(say("Booked, classified and breaks"), tie.parts)]
    return TieView(sides, retell(tie.title), number(tie.difference, 2), tie.verdict)


def _side(name: str, lines: Sequence[TieLine]) -> Side:
    shown_lines = [Amount(retell(label(TIE_LINES, x.label).text), number(x.count, 0), number(x.amount, 2)) for x in lines]
    whole = say("Sum: {name}", name=name)
    return Side(whole, number(sum(line.count for line in lines), 0), number(total(lines), 2), shown_lines)


@dataclass(frozen=True, slots=True)
class DeadlineView:
    """A deadline with its verdict and what was left of it."""

    name: str
    verdict: Label
    at: str
    margin: str
    source: str
    confidence: str


def deadline_lines(report: RunReport) -> list[DeadlineView]:
    """Each deadline with the time left when the run ended."""
    return [
        DeadlineView(
            name=label(DEADLINES, line.name).text,
            verdict=met(line),
            at=shown(line.at),
            margin=_margin(margin(report, line)),
            source=retell(line.source),
            confidence=say("confidence: {level}", level=label(CONFIDENCES, line.confidence).text) if line.confidence else "",
        )
        for line in report.deadlines
    ]


def _margin(left: dt.timedelta | None) -> str:
    if left is None:
        return say("margin unknown: the run has not ended")
    if left < dt.timedelta():
        return say("{time} too late", time=span(-left))
    return say("{time} to spare", time=span(left))


@dataclass(frozen=True, slots=True)
class KindView:
    """The breaks of one kind."""

    kind: Label
    area: str
    count: str
    amount: str


def kind_lines(report: RunReport) -> list[KindView]:
    """How many breaks of each kind, and what they add up to."""
    return [KindView(line.kind, line.area.text, number(line.count, 0), _with_unit(line.amount, line.unit)) for line in break_counts(report)]


def _with_unit(amount: Decimal, unit: str) -> str:
    return f"R$ {number(amount, 2)}" if unit == "R$" else f"{number(amount, 3)} {unit}"
