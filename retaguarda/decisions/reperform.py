"""A reconciliation made again from its kept evidence, and held against what it gave then, byte by byte."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.index import Asked, AuditIndex
from retaguarda.audit.log import AuditLog
from retaguarda.decisions.matching import FILES, HOLIDAYS, PRODUCED, RULES, matched, produced
from retaguarda.errors import ConfigurationError
from retaguarda.store.models import Evidence, RunRecord


@dataclass(frozen=True, slots=True)
class Reperformed:
    """A file of the result, as it was kept and as it is now."""

    name: str
    kept: str
    now: str

    @property
    def same(self) -> bool:
        return self.kept == self.now


def reperform(run: RunRecord, evidence: EvidenceStore) -> list[Reperformed]:
    """Every file of a reconciliation's result beside the one that its evidence gives now; raises what `evidence_of` raises."""
    kept = evidence_of(run, evidence)
    result = matched({name: kept[name] for name in (*FILES, RULES, HOLIDAYS)})
    return [Reperformed(name, _digest(kept[name].read_bytes()), _digest(data)) for name, data in produced(result).items()]


def program_of(run: RunRecord, log: AuditLog) -> str:
    """The first digits of the program's digest that a run was last begun by; "" when the log does not tell."""
    index = AuditIndex(log)
    index.catch_up()
    begun = [hit.event for hit in index.read(index.found(Asked(run=run.pk, action="run.started"))) if hit.value("run") == run.pk]
    return str(begun[-1].get("versions", {}).get("code", "")) if begun else ""


def evidence_of(run: RunRecord, evidence: EvidenceStore) -> dict[str, Path]:
    """Where the files that a reconciliation read and wrote lie, by name.

    Raises ConfigurationError when the run made no reconciliation, StoreUnavailable when evidence was changed on the disk.
    """
    hashes = dict(Evidence.objects.filter(run=run).order_by("id").values_list("label", "sha256"))  # the last one of a name counts
    wanted = (*FILES, RULES, HOLIDAYS, *PRODUCED)
    if missing := [name for name in wanted if name not in hashes]:
        remedy = "give a run of reconcile_period that came to its end"
        raise ConfigurationError(f"run {run.pk} has no evidence of {', '.join(missing)}", remedy=remedy)
    return {name: evidence.unchanged(hashes[name]) for name in wanted}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
