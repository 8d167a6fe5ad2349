"""The dossier of a run: one zip that stands without us. It opens in any browser, and is verified with public tools."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retaguarda.audit import independent_path
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.audit.excerpt import excerpt
from retaguarda.audit.index import AuditIndex, Hit
from retaguarda.audit.log import AuditLog
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.runs import Runs
from retaguarda.people.privacy import Mask
from retaguarda.report.dossier_page import Kept, Proof, Question, page
from retaguarda.report.page import page as report_page
from retaguarda.reporting import Reporter
from retaguarda.store.models import AuditEntry, Evidence, Request, RunRecord

FIXED_DATE = (2026, 1, 1, 0, 0, 0)
"""Members carry no time of their own, so that the same dossier has the same bytes."""
READ_ME = Path(__file__).with_name("dossier-readme.txt")


@dataclass(frozen=True, slots=True)
class Made:
    """A dossier that was written."""

    path: Path
    events: int
    files: int
    sha256: str
    withheld: int = 0


class Dossiers:
    """Makes dossiers of runs."""

    def __init__(self, log: AuditLog, evidence: EvidenceStore, runs: Runs, reporter: Reporter) -> None:
        self._log = log
        self._evidence = evidence
        self._runs = runs
        self._reporter = reporter

    def make(self, run: RunRecord, path: Path, mask: Mask | None = None) -> Made:
        """Write the dossier of a run, its steps included; raises StoreUnavailable when a piece of evidence was changed.

        With a `mask`, events with personal data stand in the proof by their hash alone, and pictures and files with such data are left out.
        """
        tree = self._runs.tree(run)
        hits = list(AuditIndex(self._log).read(self._entries(tree)))
        kept = [self._withheld(one, mask) if mask else one for one in self._kept(tree)]
        withheld = {one.sha256 for one in kept if one.withheld}
        told = {hit.seq for hit in hits if not hit.hidden} | self._erasures({hit.seq for hit in hits if hit.hidden})
        numbers = told - {hit.seq for hit in hits if mask and _is_personal(hit, mask, withheld)}
        if not numbers:
            raise ConfigurationError(f"the log tells nothing of run {run.pk}", remedy="see: retaguarda audit log")
        held = excerpt(self._log, numbers)
        proof = Proof(held.size, held.root.hex(), held.files["log.vkey"].decode().strip(), held.witnesses, frozenset(numbers))
        report = self._reporter.gather(run)
        report = replace(report, evidence=tuple(one for one in report.evidence if one.sha256 not in withheld))
        events = [dict(hit.event) for hit in hits if not hit.hidden]
        pages = {"index.html": page(report, events, list(_questions(tree)), kept, proof), "relatorio.html": report_page(report)}
        content: dict[str, bytes] = {
            **{name: (mask.text(text) if mask else text).encode("utf-8", "replace") for name, text in pages.items()},
            "eventos.jsonl": b"".join(hit.raw + b"\n" for hit in hits if hit.seq in numbers and not hit.hidden),
            "LEIA-ME.txt": READ_ME.read_bytes(),
            "verificar.py": independent_path().read_bytes(),
            **{f"trilha/{name}": data for name, data in held.files.items()},
            **{f"provas/{number}.tlog-proof": text.encode() for number, text in held.proofs.items()},
        }
        files = {one.file: self._evidence.unchanged(one.sha256) for one in kept if one.file}
        _write(path, content, files)
        return Made(path, len(numbers), len(files), hashlib.sha256(path.read_bytes()).hexdigest(), len(withheld))

    def _withheld(self, one: Kept, mask: Mask) -> Kept:
        """A piece of evidence as a masked dossier has it: a picture, which nobody searches, or personal data stays out."""
        if one.file and (one.kind == "picture" or mask.found_in(self._evidence.unchanged(one.sha256).read_bytes())):
            return replace(one, file="", withheld=True)
        return one

    def _entries(self, tree: Sequence[RunRecord]) -> Any:
        return AuditEntry.objects.filter(run__in=[run.pk for run in tree]).order_by("seq")

    def _erasures(self, hidden: set[int]) -> set[int]:
        """The events that tell of erasures in this run: without them its gaps would look like forgery."""
        rows = AuditEntry.objects.filter(action="data.erased").order_by("seq") if hidden else AuditEntry.objects.none()
        return {hit.seq for hit in AuditIndex(self._log).read(rows) if hidden & set(hit.event["data"]["events"])}

    def _kept(self, tree: Sequence[RunRecord]) -> Iterator[Kept]:
        for row in Evidence.objects.filter(run__in=[run.pk for run in tree]).order_by("id"):
            path = self._evidence.path(row.sha256)
            file = f"evidence/{row.sha256[:2]}/{row.sha256}" if path.exists() else ""
            beginning = b""
            if file:
                with path.open("rb") as held:
                    beginning = held.read(4)
            yield Kept(row.at, row.kind, row.label, row.sha256, row.size, file, beginning)


def _is_personal(hit: Hit, mask: Mask, withheld: set[str]) -> bool:
    """Whether a masked dossier shows only the hash of an event: it holds personal data, or names a file that is withheld."""
    names_a_file = str(hit.event.get("action", "")).startswith("evidence.") and hit.event["data"].get("sha256") in withheld
    return names_a_file or mask.value(hit.event) != hit.event


def _questions(tree: Sequence[RunRecord]) -> Iterator[Question]:
    for one in Request.objects.filter(run__in=[run.pk for run in tree]).select_related("run").order_by("asked_at"):
        answer = (one.answered_by, one.answered_at, one.state, one.reason)
        yield Question(one.asked_at, one.kind, one.subject, one.run.actor, *answer, one.digest)


def _write(path: Path, content: dict[str, bytes], files: dict[str, Path]) -> None:
    """Write the zip whole or not at all, with the SHA-256 of every member, as `sha256sum -c` reads them."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    for name, file in files.items():
        with file.open("rb") as held:
            sums[name] = hashlib.file_digest(held, "sha256").hexdigest()
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()
    temporary = path.with_name(f".{path.name}.new")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in [*content.items(), ("SHA256SUMS", listing)]:
            made.writestr(_member(name), data)
        for name, file in sorted(files.items()):
            made.writestr(_member(name), file.read_bytes())
    temporary.replace(path)


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, FIXED_DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = 0o644 << 16
    return member
