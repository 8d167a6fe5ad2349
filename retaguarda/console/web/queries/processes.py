"""What the launch of a process is chosen from."""

from __future__ import annotations

from retaguarda.process import Artifact
from retaguarda.settings import Settings
from retaguarda.store.models import Evidence, Person, RunRecord

SHOWN = 40
LOOKED_AT = 400
"""Kept files that are looked through, the newest first."""
KINDS = ("download", "output", "input")
ENDINGS = {"releases": ("releases.json",), "batches": ("batches.json",)}
"""Parameters that take only files of these names."""


def artifacts(parameter: str) -> list[tuple[str, str]]:
    """The files that runs handed on lately, newest first: as a parameter is written, and as people tell them apart."""
    newest = Evidence.objects.filter(kind__in=KINDS, removed_at=None).select_related("run").order_by("-pk")[:LOOKED_AT]
    wanted = ENDINGS.get(parameter, ())
    fits = [kept for kept in newest if (not wanted or kept.label in wanted) and kept.label != "findings.json"]
    return [(str(Artifact(kept.sha256, kept.label)), f"{kept.label} · {kept.run.process} · {kept.at:%d/%m %H:%M}") for kept in fits[:SHOWN]]


def credentials(settings: Settings) -> list[str]:
    """The credentials of the configured portals; which they are is no secret."""
    return sorted({portal.credential for portal in settings.portals.values() if portal.credential})


def approvers(but: str) -> list[Person]:
    """Who may approve what somebody launches."""
    return [person for person in Person.objects.filter(active=True).exclude(name=but).order_by("name")[:500] if "approver" in person.roles]


def last_of(process: str) -> RunRecord | None:
    """The newest run of a process."""
    return RunRecord.objects.filter(parent=None, process=process).order_by("-created_at").first()
