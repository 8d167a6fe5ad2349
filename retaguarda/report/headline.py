"""The top of a report: what ran, by whom and when, and the figures a reader looks for first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from retaguarda.language import say
from retaguarda.model.values import Month, Period
from retaguarda.report.content import AuditLine, RunReport
from retaguarda.report.figures import duration, tie_out, tones
from retaguarda.report.labels import Tone, label
from retaguarda.report.listing import Value
from retaguarda.report.retell import retell
from retaguarda.report.vocabulary import PARAMETERS, PROCESSES


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about the run; `kind` as in `Column`."""

    name: str
    value: Value
    kind: str = "text"
    tone: Tone | None = None


def facts(report: RunReport) -> list[Fact]:
    """What ran, by whom, when."""
    return [
        Fact(say("Process"), label(PROCESSES, report.process).text),
        *(Fact(say(PARAMETERS.get(name, name)), parameter(str(value))) for name, value in report.params.items()),
        Fact(say("Run"), report.run_id),
        Fact(say("Executed by"), report.actor),
        Fact(say("Version"), report.version),
        Fact(say("Business date"), report.business_date, "date"),
        Fact(say("Start"), report.started, "moment"),
        Fact(say("End"), report.ended, "moment"),
        Fact(say("Duration"), duration(report.started, report.ended), "span"),
        *(_sealed(report.audit) if report.audit else ()),
    ]


def parameter(text: str) -> str:
    """A parameter as people write it: `2026-10` is 10/2026, an ISO period is `01/11/2026 – 10/11/2026`."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            return f"{Month.parse(text).first:%m/%Y}"
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}\.\.\d{4}-\d{2}-\d{2}", text):
            period = Period.parse(text)
            return f"{period.start:%d/%m/%Y} – {period.end:%d/%m/%Y}"
    except ValueError:
        return text
    return text


def _sealed(audit: AuditLine) -> list[Fact]:
    if audit.holds:
        told = say("{events} events, chain intact", events=audit.events)
    else:
        told = say("{events} events, CHAIN BROKEN: {problems}", events=audit.events, problems="; ".join(map(retell, audit.problems)))
    return [Fact(say("Audit root"), audit.root, "mono"), Fact(say("Audit log"), told, tone=None if audit.holds else Tone.BAD)]


def headline(report: RunReport) -> list[Fact]:
    """The figures of the run; a tone where a figure calls for attention."""
    counts, tie = tones(report.items), tie_out(report)
    settled, open_, failed = counts[Tone.GOOD] + counts[Tone.INFO], counts[Tone.WARN] + counts[Tone.IDLE], counts[Tone.BAD]
    figures = [
        Fact(say("Items"), len(report.items), "count"),
        Fact(say("Items in order"), settled, "count", Tone.GOOD if settled else None),
        Fact(say("Refused, rejected or open"), open_, "count", Tone.WARN if open_ else None),
        Fact(say("Uncertain or failed"), failed, "count", Tone.BAD if failed else None),
        Fact(say("Rows rejected at intake"), len(report.rejections), "count", Tone.WARN if report.rejections else None),
        Fact(say("Matches"), len(report.matches), "count"),
        Fact(say("Booked (R$)"), sum((match.booked for match in report.matches), Decimal()), "money"),
        Fact(say("Breaks"), len(report.breaks), "count", Tone.WARN if report.breaks else Tone.GOOD),
    ]
    if report.contracts:
        figures.append(Fact(say("Contracts compared"), len(report.contracts), "count"))
    if tie:
        name = say("Difference of the tie-out (R$)")
        figures.append(Fact(name, tie.difference, "money", Tone.GOOD if tie.holds else Tone.BAD))
    return figures
