"""The installation as its keepers see it; the composition root fills it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retaguarda.audit.anchors import Anchors
from retaguarda.audit.log import AuditLog
from retaguarda.clock import Clock
from retaguarda.locks import Locks
from retaguarda.settings import Settings
from retaguarda.vault import Vault


@dataclass(frozen=True)
class Installation:
    """Settings, time, locks, vault and folders: what alerts, metrics, retention and backup work with."""

    settings: Settings
    clock: Clock
    locks: Locks
    vault: Callable[[], Vault]

    @property
    def audit_folder(self) -> Path:
        return self.settings.home / "audit"

    @property
    def evidence_folder(self) -> Path:
        return self.settings.home / "evidence"

    def audit(self) -> AuditLog:
        return AuditLog(self.audit_folder)

    def anchors(self) -> Anchors:
        """What binds the log from outside of this machine; it mails nothing."""
        return Anchors(self.audit(), self.settings.audit, self.clock, lambda *_: "")
