"""Files kept by their SHA-256: what the robots saw and got, unchanged."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from django.db import DatabaseError, transaction

from retaguarda.audit import events
from retaguarda.audit.files import flush_folder
from retaguarda.clock import Clock
from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor
from retaguarda.store.models import Evidence, RunRecord


class EvidenceStore:
    """Content-addressed files under a folder, read-only once written."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self._clock = clock

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256

    def unchanged(self, sha256: str) -> Path:
        """Where the file of that SHA-256 lies; StoreUnavailable when its bytes are no longer the ones that were kept."""
        path = self.path(sha256)
        with path.open("rb") as file:
            held = hashlib.file_digest(file, "sha256").hexdigest()
        if held != sha256:
            raise StoreUnavailable(f"evidence {sha256} was changed on the disk", remedy="restore it from the backup")
        return path

    def keep(self, run: RunRecord, kind: str, label: str, data: bytes) -> str:
        """Keep `data` for a run and tell the audit log; returns its SHA-256.

        Raises StoreUnavailable when the disk refuses, or when a secret of this process stands in the data.
        """
        if redactor.found_in(data):
            raise StoreUnavailable(f"a secret stands in {label}: it is not kept", remedy="mask it at its source; see docs/runbook.md")
        sha256 = hashlib.sha256(data).hexdigest()
        self._write(self.path(sha256), data)
        try:
            with transaction.atomic():
                Evidence.objects.create(run=run, sha256=sha256, kind=kind, label=label[:200], size=len(data), at=self._clock.now())
                events.record("evidence.kept", run=run.pk, target=label, data={"sha256": sha256, "kind": kind, "bytes": len(data)})
        except DatabaseError as error:
            raise StoreUnavailable(f"evidence cannot be recorded: {error}", remedy="free the disk, then resume") from error
        self._write(self.path(sha256), data)  # retention may have deleted the same bytes of an old run in between
        return sha256

    def _write(self, path: Path, data: bytes) -> None:
        if path.exists():
            return
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o440)
            temporary.rename(path)
            flush_folder(path.parent)
        except OSError as error:
            raise StoreUnavailable(
                f"evidence cannot be written: {error}", remedy="free the disk; nothing is pressed without evidence"
            ) from error
