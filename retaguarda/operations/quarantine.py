"""Files in which a secret was found: they lie locked up, and are opened for a reason, by leave of a second person, once a leave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction

from retaguarda.audit import events
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, NotEntitled
from retaguarda.people.roles import Role
from retaguarda.store.models import Person, QuarantinedFile
from retaguarda.vault import Vault

MAY_APPROVE = frozenset({Role.APPROVER, Role.AUDITOR})


@dataclass(frozen=True)
class QuarantineRoom:
    """The quarantine of an installation."""

    evidence: EvidenceStore
    vault: Callable[[], Vault]
    clock: Clock

    def files(self) -> list[QuarantinedFile]:
        """All of them, the newest first."""
        return list(QuarantinedFile.objects.order_by("-at"))

    def get(self, sha256: str) -> QuarantinedFile:
        """The file whose SHA-256 begins so; ConfigurationError when there is none, or more than one."""
        found = list(QuarantinedFile.objects.filter(sha256__startswith=sha256.lower())[:2]) if sha256 else []
        if len(found) != 1:
            raise ConfigurationError(
                f"no single quarantined file begins with {sha256!r}", remedy="see: retaguarda evidence quarantine list"
            )
        return found[0]

    def ask(self, file: QuarantinedFile, reason: str) -> None:
        """Ask for leave to open a file; an earlier leave ends."""
        if not reason.strip():
            raise ConfigurationError("a quarantined file is opened only for a reason", remedy="say why it must be seen")
        with transaction.atomic():
            file.asked_by, file.asked_at, file.reason = events.actor(), self.clock.now(), reason.strip()[:400]
            file.approved_by, file.approved_at = "", None
            file.save()
            events.record("quarantine.asked", run=file.run, target=file.label, data={"sha256": file.sha256, "reason": file.reason})

    def approve(self, file: QuarantinedFile) -> None:
        """Give leave; NotEntitled to whoever asked, and to people of the register who neither approve nor audit."""
        who = events.actor()
        person = Person.objects.filter(name=who).first()
        if not file.asked_by:
            raise ConfigurationError("nobody asked to open this file", remedy=f"retaguarda evidence quarantine release {file.sha256[:12]}")
        if who.strip().casefold() == file.asked_by.strip().casefold():
            raise NotEntitled("who asked to open a file does not approve it", remedy="ask a second person")
        if person is not None and not (person.active and MAY_APPROVE & set(person.roles)):
            raise NotEntitled("these roles do not approve opening a file", remedy="ask an approver or an auditor")
        with transaction.atomic():
            file.approved_by, file.approved_at = who, self.clock.now()
            file.save()
            facts = {"sha256": file.sha256, "reason": file.reason, "asked_by": file.asked_by}
            events.record("quarantine.approved", run=file.run, target=file.label, data=facts)

    def open(self, file: QuarantinedFile) -> bytes:
        """The file's bytes for whoever asked, once; NotEntitled without a second person's leave, or to somebody else."""
        if not file.approved_by:
            raise NotEntitled("a second person has not approved it", remedy=f"retaguarda evidence quarantine approve {file.sha256[:12]}")
        if events.actor().strip().casefold() != file.asked_by.strip().casefold():
            raise NotEntitled("only who asked for it opens the file", remedy="ask for it yourself, with your reason")
        sealed = self.evidence.quarantined(file.sha256).read_bytes()
        data = self.vault().unlocked(f"quarantine/{file.sha256}", sealed)
        with transaction.atomic():
            facts = {"sha256": file.sha256, "reason": file.reason, "approved_by": file.approved_by}
            events.record("quarantine.opened", run=file.run, target=file.label, data=facts)
            QuarantinedFile.objects.filter(pk=file.pk).update(asked_by="", asked_at=None, reason="", approved_by="", approved_at=None)
        return data
