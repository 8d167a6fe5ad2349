"""Files kept by their SHA-256: what the robots saw and got, unchanged."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import DatabaseError, transaction
from django.db.models import Sum

from retaguarda.audit import events
from retaguarda.audit.files import flush_folder
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor
from retaguarda.report.pictures import rank
from retaguarda.store.models import Evidence, QuarantinedFile, RunRecord

ORDINARY = 3
"""Rank from which a picture may be left out: it shows no failure, no form before the button, no receipt."""
LockUp = Callable[[str, bytes], bytes]
"""Encrypts a file under a name, as the vault does."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes of evidence of a run with its steps, and of a day, beyond which pictures of little worth are left out; 0: no limit."""

    run: int = 0
    day: int = 0


class EvidenceStore:
    """Content-addressed files under a folder, read-only once written."""

    def __init__(self, folder: Path, clock: Clock, lock_up: LockUp | None = None, budget: Budget = Budget()) -> None:  # frozen
        self.folder = folder
        self._clock = clock
        self._lock_up = lock_up
        self._budget = budget

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

        Where the budget is spent, a picture of no act and no failure is left out, and the log is told which.
        Raises StoreUnavailable when the disk refuses, or when a secret of this process stands in the data.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        if redactor.found_in(data):
            self._quarantine(run, kind, redactor.clean(label), data, sha256)
            raise StoreUnavailable(f"a secret stands in {label}: it is not kept", remedy="mask it at its source; see docs/runbook.md")
        if kind == "picture" and rank(label) >= ORDINARY and (spent := self._spent(run, len(data))):
            self._leave_out(run, label, sha256, len(data), spent)
            return sha256
        self._write(self.path(sha256), data)
        try:
            with transaction.atomic():
                Evidence.objects.create(run=run, sha256=sha256, kind=kind, label=label[:200], size=len(data), at=self._clock.now())
                events.record("evidence.kept", run=run.pk, target=label, data={"sha256": sha256, "kind": kind, "bytes": len(data)})
        except DatabaseError as error:
            raise StoreUnavailable(f"evidence cannot be recorded: {error}", remedy="free the disk, then resume") from error
        self._write(self.path(sha256), data)  # retention may have deleted the same bytes of an old run in between
        return sha256

    def _spent(self, run: RunRecord, more: int) -> str:
        """Which budget a further file would exceed, if one."""
        today = self._clock.now().astimezone(SAO_PAULO).replace(hour=0, minute=0, second=0, microsecond=0)
        kept = Evidence.objects.filter(removed_at=None)
        limits = {
            "run": (self._budget.run, kept.filter(run__folder=run.folder)),  # steps share the folder of their run
            "day": (self._budget.day, kept.filter(at__gte=today, at__lt=today + dt.timedelta(days=1))),
        }
        for name, (limit, files) in limits.items():
            if limit and (files.aggregate(sum=Sum("size"))["sum"] or 0) + more > limit:
                return name
        return ""

    def _leave_out(self, run: RunRecord, label: str, sha256: str, size: int, spent: str) -> None:
        with transaction.atomic():
            limit = self._budget.run if spent == "run" else self._budget.day
            facts = {"sha256": sha256, "bytes": size, "budget": spent, "limit": limit}
            events.record("evidence.thinned", run=run.pk, target=label, data=facts)

    def quarantined(self, sha256: str) -> Path:
        """Where a file lies in which a secret was found: locked up under `quarantine/<sha256>` in the vault's own cipher."""
        return self.folder.with_name("quarantine") / sha256

    def _quarantine(self, run: RunRecord, kind: str, label: str, data: bytes, sha256: str) -> None:
        """Set a file aside where nobody reads it by chance, and tell the log; the watchdog raises the alert."""
        if self._lock_up:
            self._write(self.quarantined(sha256), self._lock_up(f"quarantine/{sha256}", data))
        with transaction.atomic():
            if self._lock_up:
                told = {"run": run.pk, "kind": kind, "label": label[:200], "size": len(data), "at": self._clock.now()}
                QuarantinedFile.objects.get_or_create(sha256=sha256, defaults=told)
            facts = {"sha256": sha256, "kind": kind, "bytes": len(data), "kept": bool(self._lock_up)}
            events.record("evidence.quarantined", run=run.pk, target=label, data=facts)

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
