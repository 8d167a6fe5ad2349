"""Verifies a backup from its bytes: every hash, the database's own checks, the audit log with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retaguarda.audit.verify import verify as verify_log
from retaguarda.operations.backup.create import Tell
from retaguarda.operations.backup.files import EVIDENCE_LIST, MANIFEST, Manifest, Pool, evidence_of, files_under, sha256_of
from retaguarda.operations.backup.stores import file_name, problems


@dataclass
class Checked:
    """What was verified; `problems` names each wrong file."""

    backup: str
    made_at: str
    kind: str
    files: int = 0
    evidence: int = 0
    events: int = 0
    root: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.problems


def verify(folder: Path, tell: Tell = lambda *_: None) -> Checked:
    """Recompute all of a backup; it needs neither the store nor the vault of the installation."""
    manifest = Manifest.read(folder)
    checked = Checked(manifest.name, manifest.made_at, manifest.kind)
    checked.problems += _wrong_files(folder, manifest, checked, tell)
    if EVIDENCE_LIST in manifest.files and (folder / EVIDENCE_LIST).exists():
        checked.problems += _wrong_evidence(folder, manifest, checked, tell)
    tell("asking the database", 0, 1)
    store = folder / file_name(manifest.kind)
    checked.problems += problems(store, manifest.kind) if store.exists() else ["there is no store in it"]
    tell("verifying the audit log", 0, 1)
    verdict = verify_log(folder / "audit", Pool(folder.parent).folder)
    checked.events, checked.root = verdict.events, verdict.root
    checked.problems += verdict.problems
    return checked


def _wrong_files(folder: Path, manifest: Manifest, checked: Checked, tell: Tell) -> Iterator[str]:
    for done, (name, sha256) in enumerate(sorted(manifest.files.items()), 1):
        path = folder / name
        checked.files += 1
        if not path.exists():
            yield f"file {name} is missing"
        elif sha256_of(path) != sha256:
            yield f"file {name} was changed"
        tell("recomputing hashes", done, len(manifest.files))
    there = {str(path.relative_to(folder)) for path in files_under(folder)}
    yield from (f"file {name} is not of this backup" for name in sorted(there - manifest.files.keys() - {MANIFEST}))


def _wrong_evidence(folder: Path, manifest: Manifest, checked: Checked, tell: Tell) -> Iterator[str]:
    pool, wanted = Pool(folder.parent), evidence_of(folder)
    for done, sha256 in enumerate(wanted, 1):
        checked.evidence += 1
        path = pool.path(sha256)
        if sha256 in manifest.missing:
            yield f"evidence {sha256} was missing or changed when the backup was made"
        elif not path.exists():
            yield f"evidence {sha256} is missing"
        elif sha256_of(path) != sha256:
            yield f"evidence {sha256} was changed"
        tell("recomputing evidence", done, len(wanted))
