"""What a report's lines add up to: the same figures for the workbook and the page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.clock import SAO_PAULO
from retaguarda.language import say
from retaguarda.report.content import BreakLine, Deadline, ItemLine, RunReport, StatementLine, StepLine, TieLine
from retaguarda.report.labels import Label, Tone, label
from retaguarda.report.vocabulary import AREAS, BREAKS, ITEM_STATES, OUTCOME_HEADINGS, OUTCOMES

ZERO = Decimal()
RECEIVED, PART, DIFFERENCE = "received", "part", "difference"


@dataclass(frozen=True, slots=True)
class TieOut:
    """Credits received against what became of them; amounts in R$. `stated` is the difference that the reconciliation gave."""

    received: tuple[TieLine, ...]
    parts: tuple[TieLine, ...]
    title: str
    stated: Decimal | None

    @property
    def difference(self) -> Decimal:
        return total(self.received) - total(self.parts)

    @property
    def holds(self) -> bool:
        return not self.difference and not self.stated

    @property
    def verdict(self) -> Label:
        return Label(say("Ties out"), Tone.GOOD) if self.holds else Label(say("Does not tie out"), Tone.BAD)


@dataclass(frozen=True, slots=True)
class BreakCount:
    """The breaks of one kind: how many, and the sum of found minus expected in `unit`."""

    area: Label
    kind: Label
    unit: str
    count: int
    amount: Decimal


def total(lines: Iterable[TieLine]) -> Decimal:
    """The sum of tie-out lines in R$."""
    return sum((line.amount for line in lines), ZERO)


def tie_out(report: RunReport) -> TieOut | None:
    """The tie-out of the receipts, or None when the run reconciled none."""
    if not report.tie_out:
        return None
    by_kind = {kind: tuple(line for line in report.tie_out if line.kind == kind) for kind in (RECEIVED, PART, DIFFERENCE)}
    stated = by_kind[DIFFERENCE][0] if by_kind[DIFFERENCE] else None
    return TieOut(by_kind[RECEIVED], by_kind[PART], stated.label if stated else "Difference", stated.amount if stated else None)


def gap(line: BreakLine) -> Decimal:
    """Found minus expected, a missing side counted as nothing."""
    return (line.found or ZERO) - (line.expected or ZERO)


def break_counts(report: RunReport) -> list[BreakCount]:
    """Breaks by area, kind and unit, in the order they first appear."""
    groups: dict[tuple[str, str, str], list[Decimal]] = {}
    for line in report.breaks:
        groups.setdefault((line.area, line.kind, line.unit), []).append(gap(line))
    return [
        BreakCount(label(AREAS, area), label(BREAKS, kind), unit, len(gaps), sum(gaps, ZERO)) for (area, kind, unit), gaps in groups.items()
    ]


def verdict(item: ItemLine) -> Label:
    """What became of an item: its outcome where it has one, else its state."""
    return label(OUTCOMES, item.outcome) if item.outcome else label(ITEM_STATES, item.state)


def tones(items: Iterable[ItemLine]) -> dict[Tone, int]:
    """How many items ended in each tone."""
    counts = dict.fromkeys(Tone, 0)
    for item in items:
        counts[verdict(item).tone] += 1
    return counts


def outcomes_of(steps: Iterable[StepLine]) -> list[str]:
    """The outcomes that the table of steps has a column for: those that happened, in their usual order."""
    seen = [code for step in steps for code, count in step.counts.items() if count]
    return [code for code in OUTCOME_HEADINGS if code in seen] + sorted(set(seen) - set(OUTCOME_HEADINGS))


def heading_of(outcome: str) -> str:
    """The short heading of an outcome's column."""
    return say(OUTCOME_HEADINGS[outcome]) if outcome in OUTCOME_HEADINGS else label(OUTCOMES, outcome).text


def duration(started: dt.datetime | None, ended: dt.datetime | None) -> dt.timedelta | None:
    """The time between two moments, or None while one is missing."""
    return ended - started if started and ended else None


def margin(report: RunReport, deadline: Deadline) -> dt.timedelta | None:
    """The time left to a deadline when the run ended; a rehearsal is judged on its own day."""
    judged = report.judged_at or report.ended
    return local(deadline.at) - local(judged) if judged else None


def closing_gap(line: StatementLine) -> Decimal | None:
    """Opening balance plus movement minus closing balance, or None when the file states no balances."""
    if line.opening is None or line.closing is None:
        return None
    return line.opening + line.movement - line.closing


def proven(line: StatementLine) -> Label:
    """Whether a statement file was proven complete."""
    return Label(say("Complete"), Tone.GOOD) if line.proven else Label(say("Not proven"), Tone.BAD)


def met(deadline: Deadline) -> Label:
    """Whether a deadline was met."""
    return Label(say("Met"), Tone.GOOD) if deadline.met else Label(say("Missed deadline"), Tone.BAD)


def local(moment: dt.datetime) -> dt.datetime:
    """A moment in São Paulo; a naive one is taken as already there."""
    return moment.replace(tzinfo=SAO_PAULO) if moment.tzinfo is None else moment.astimezone(SAO_PAULO)


def banners(report: RunReport) -> list[tuple[Tone, str]]:
    """What a reader must know before any figure: a broken audit log, a simulation, a rehearsal."""
    found = []
    if report.audit and not report.audit.holds:
        found.append((Tone.BAD, say("The audit log does not hold: see the problems below before relying on this report.")))
    if report.dry_run:
        found.append((Tone.WARN, say("Simulation: nothing was pressed and nothing was booked.")))
    if report.rehearsal:
        day = f"{report.business_date:%d/%m/%Y}"
        found.append((Tone.WARN, say("Rehearsal: deadlines were judged as of {day}; every timestamp is the real one.", day=day)))
    return found
