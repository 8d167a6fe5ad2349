"""Random samples of the log that anybody draws again, and working papers of events."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Max, Min

from retaguarda.audit.index import Asked, AuditIndex, Hit
from retaguarda.audit.log import AuditLog
from retaguarda.errors import ConfigurationError
from retaguarda.language import say
from retaguarda.redaction import visible
from retaguarda.report.actions import action_text
from retaguarda.report.papers import workbook
from retaguarda.report.versions import versions_text

LONGEST_DETAIL = 400
Row = list[str | int | dt.datetime | None]


@dataclass(frozen=True)
class Sample:
    """Events that were drawn, and out of how many."""

    seed: int
    population: int
    hits: Sequence[Hit]


def draw(index: AuditIndex, asked: Asked, seed: int, size: int) -> Sample:
    """So many events of those that are asked for; the same seed draws the same ones from the same log.

    ConfigurationError when there is no such event.
    """
    rows = index.found(asked)
    bounds = rows.aggregate(first=Min("seq"), last=Max("seq"))
    population = rows.count()
    if not population:
        raise ConfigurationError("no event is like that", remedy="choose another period or action")
    places = sorted(random.Random(seed).sample(range(population), min(size, population)))  # noqa: S311  # an auditor must draw it again
    whole = bounds["last"] - bounds["first"] + 1 == population  # nothing lies between: a place in the population tells the number
    drawn = [bounds["first"] + place for place in places] if whole else _numbers(rows.values_list("seq", flat=True).iterator(), places)
    return Sample(seed, population, list(index.read(index.found(asked).filter(seq__in=drawn))))


def paper(sample: Sample, facts: Mapping[str, str]) -> bytes:
    """The sample as a workbook with columns for the auditor."""
    told = {**facts, say("Seed"): str(sample.seed), say("Population"): say("{count} events", count=sample.population)}
    blank = [say("Examined by"), say("Examined on"), say("Conclusion"), say("Remarks")]
    return workbook(
        say("Audit sample"), {name: value for name, value in told.items() if value}, headings(), map(row_of, sample.hits), blank
    )


def headings() -> list[str]:
    """What stands above the columns of `row_of`."""
    names = ("No.", "When", "Who", "What", "Code", "Run", "Item", "Where", "Details", "Versions", "SHA-256 of the line")
    return [say(name) for name in names]


def row_of(hit: Hit) -> Row:
    """An event as a row of a paper."""
    when = dt.datetime.fromisoformat(hit.event["ts"]) if "ts" in hit.event else None
    details = json.dumps(hit.event.get("data", {}), ensure_ascii=False)
    details = details if len(details) <= LONGEST_DETAIL else details[:LONGEST_DETAIL] + "…"
    code = hit.value("action") or "erased"
    what = action_text(code) if hit.event else say("Content erased")
    texts = [what, code, hit.value("run"), hit.value("item"), hit.value("target"), "" if details == "{}" else details]
    return [hit.seq, when, visible(hit.value("actor")), *map(visible, texts), versions_text(hit.event), hashlib.sha256(hit.raw).hexdigest()]


def facts_of(log: AuditLog, company: str, asked: Asked) -> dict[str, str]:
    """What stands above a paper: which log it is of, and what was asked for."""
    note, size = log.last_note()
    period = f"{asked.since:%d/%m/%Y} – " if asked.since else "… – "
    period += f"{asked.until - dt.timedelta(days=1):%d/%m/%Y}" if asked.until else "…"
    facts = {say("Company"): company, say("Period"): period, say("Checkpoint"): say("{count} events", count=size)}
    facts |= {say("Root"): note.split("\n")[2], say("Key of the log"): (log.folder / "log.vkey").read_text(encoding="utf-8").strip()}
    return {name: value for name, value in facts.items() if value}


def _numbers(every: Iterator[int], places: Sequence[int]) -> list[int]:
    """The numbers that stand at these places, in their order."""
    wanted = iter(places)
    place, found = next(wanted, None), []
    for position, number in enumerate(every):
        if position == place:
            found.append(number)
            place = next(wanted, None)
            if place is None:
                break
    return found
