"""Gathers what a run did from the store and its artifacts, and writes its workbook and page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.verify import verify
from retaguarda.calendars.deadlines import load_deadlines
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
from retaguarda.model.values import Month
from retaguarda.process import Artifact
from retaguarda.report.content import AuditLine, Deadline, EvidenceLine, Findings, ItemLine, LogLine, RunReport, StepLine
from retaguarda.report.page import write_page
from retaguarda.report.workbook import write_workbook
from retaguarda.settings import Settings
from retaguarda.store.models import Evidence, Item, RunRecord
from retaguarda.store.outcomes import outcome_counts

FINDINGS = "findings"
"""Key of a result under which a task leaves its Findings for the report."""


class Reporter:
    """Writes the reports of a finished run into its folder and keeps them as evidence."""

    def __init__(self, settings: Settings, clock: Clock, runs: Runs, evidence: EvidenceStore, audit: Path) -> None:
        self._settings = settings
        self._known = load_deadlines(settings)  # what is wrong in their file stops the start, not the report
        self._clock = clock
        self._runs = runs
        self._evidence = evidence
        self._audit = audit

    def write(self, run: RunRecord) -> None:
        """Write `<process>.xlsx` and `log.html`."""
        report, folder = self.gather(run), Path(run.folder)
        for path, write in ((folder / f"{run.process}.xlsx", write_workbook), (folder / "log.html", write_page)):
            write(report, path)
            self._evidence.keep(run, "output", path.name, path.read_bytes())

    def gather(self, run: RunRecord) -> RunReport:
        """The content of the report: the run, its steps, items, findings, evidence and log."""
        tree = self._runs.tree(run)
        findings = _merged(self._findings(tree))
        error = run.error or {}
        return RunReport(
            company=self._settings.company,
            run_id=run.pk,
            process=run.process,
            params=run.params,
            state=run.state,
            dry_run=run.dry_run,
            actor=run.actor,
            version=run.version,
            started=run.started_at,
            ended=run.ended_at,
            business_date=self._clock.today(),
            rehearsal=self._clock.rehearsal,
            judged_at=self._clock.business_now(),
            steps=tuple(_step(step) for step in tree[1:] or tree),
            items=tuple(_item(item) for step in tree for item in step.items.order_by("id")),
            deadlines=self._deadlines(run),
            evidence=tuple(self._evidence_lines(tree)),
            log=tuple(_log_lines(Path(run.folder) / "run.jsonl", {step.pk: step.process for step in tree})),
            audit=self._audit_line(),
            error=str(error.get("text", "")),
            remedy=str(error.get("remedy", "")),
            **{field.name: getattr(findings, field.name) for field in fields(findings)},
        )

    def _findings(self, tree: list[RunRecord]) -> Iterator[Findings]:
        reader = TypeAdapter(Findings)
        for step in tree:
            told: Any = step.result.get(FINDINGS) if isinstance(step.result, dict) else None
            if told:
                yield reader.validate_json(self._evidence.path(Artifact(**told).sha256).read_bytes())

    def _deadlines(self, run: RunRecord) -> tuple[Deadline, ...]:
        if "month" not in run.params:
            return ()
        month, now = Month.parse(run.params["month"]), self._clock.business_now()
        ends = (self._known.of(month, event) for event in ("register", "validate"))
        return tuple(Deadline(one.event, one.at, one.source, one.confidence, now <= one.at) for one in ends)

    def _evidence_lines(self, tree: list[RunRecord]) -> Iterator[EvidenceLine]:
        for kept in Evidence.objects.filter(run__in=tree).select_related("run").order_by("id"):
            path = self._evidence.path(kept.sha256)
            yield EvidenceLine(kept.at, kept.run.process, kept.kind, kept.label, kept.sha256, kept.size, path)

    def _audit_line(self) -> AuditLine:
        verdict = verify(self._audit)
        return AuditLine(verdict.events, verdict.root, verdict.holds, tuple(verdict.problems))


def _merged(several: Iterator[Findings]) -> Findings:
    merged = Findings()
    for found in several:
        merged = replace(merged, **{field.name: getattr(merged, field.name) + getattr(found, field.name) for field in fields(Findings)})
    return merged


def _step(run: RunRecord) -> StepLine:
    error = run.error or {}
    return StepLine(
        run.process, run.state, run.started_at, run.ended_at, outcome_counts(run), str(error.get("text", "")), str(error.get("remedy", ""))
    )


def _item(item: Item) -> ItemLine:
    return ItemLine(
        item.run.process,
        item.reference,
        item.title,
        item.state,
        item.outcome,
        item.code,
        item.reason,
        item.remedy,
        item.protocol,
        {name: str(value) for name, value in item.fields.items()},
        item.updated_at,
    )


def _log_lines(path: Path, steps: dict[str, str]) -> Iterator[LogLine]:
    if not path.exists():
        return
    for line in path.read_bytes().splitlines():
        told = orjson.loads(line)
        step = steps.get(told.get("run", ""), "")
        yield LogLine(dt.datetime.fromisoformat(told["ts"]), told["level"], step, told.get("item", ""), told["text"])
