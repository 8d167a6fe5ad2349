"""What the launch of a process is chosen from."""

from __future__ import annotations

from retaguarda.clock import SAO_PAULO
from retaguarda.process import Artifact
from retaguarda.report.labels import label
from retaguarda.report.vocabulary import PROCESSES
from retaguarda.settings import Settings
from retaguarda.store.models import Evidence, Person, RunRecord

SHOWN = 40
LOOKED_AT = 400
"""Kept files that are looked through, the newest first."""
NOT_FOR_STEPS = {"findings.json", "log.html"}
KINDS = ("download", "output", "input")
ENDINGS = {"releases": ("releases.json",), "batches": ("batches.json",)}
"""Parameters that take only files of these names."""


def artifacts(parameter: str) -> list[tuple[str, str]]:
    """The files that runs handed on lately, newest first: as a parameter is written, and as people tell them apart."""
    newest = Evidence.objects.filter(kind__in=KINDS, removed_at=None).select_related("run").order_by("-pk")[:LOOKED_AT]
    wanted = ENDINGS.get(parameter, ())
    fits = [kept for kept in newest if (not wanted or kept.label in wanted) and kept.label not in NOT_FOR_STEPS]
    return [(str(Artifact(kept.sha256, kept.label)), _told(kept)) for kept in fits[:SHOWN]]


def _told(kept: Evidence) -> str:
    return f"{kept.label} · {label(PROCESSES, kept.run.process).text} · {kept.at.astimezone(SAO_PAULO):%d/%m %H:%M}"


def credentials(settings: Settings) -> list[str]:
    """The credentials of the configured portals; which they are is no secret."""
    return sorted({portal.credential for portal in settings.portals.values() if portal.credential})


def approvers(but: str) -> list[Person]:
    """Who may approve what somebody launches."""
    return [person for person in Person.objects.filter(active=True).exclude(name=but).order_by("name")[:500] if "approver" in person.roles]


def last_of(process: str) -> RunRecord | None:
    """The newest run of a process."""
    return RunRecord.objects.filter(parent=None, process=process).order_by("-created_at").first()
