"""Erasure of personal data (LGPD): the content of an event goes, its leaf hash stays, so that the root and every proof hold.

First an event tells which are erased, why, and who approved it, and is sealed; then the lines go, from the segments, the outbox
and the index. A crash in between leaves lines that an event calls erased: `erase` again finishes it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from django.db import connection, transaction

from retaguarda.audit import events
from retaguarda.audit.files import flush_folder
from retaguarda.audit.log import SEGMENT_LINES, AuditLog
from retaguarda.audit.merkle import HIDDEN, hiding
from retaguarda.errors import ConfigurationError
from retaguarda.locks import process_lock
from retaguarda.store.models import AuditEntry, OutboxEvent

KEPT = frozenset({"data.erased", "evidence.kept", "evidence.removed"})
"""Actions whose content others are proved by: it names nobody by itself."""


def erase(log: AuditLog, numbers: Sequence[int], *, reason: str, approver: str) -> None:
    """Erase the content of events; ConfigurationError when one is not there, or holds what others are proved by."""
    log.seal()
    size = log.last_note()[1]
    wrong = sorted(number for number in numbers if not 0 <= number < size)
    if wrong:
        raise ConfigurationError(f"the log holds no event {wrong[0]}", remedy="see: retaguarda audit log")
    for number in numbers:
        line = log.line(number)
        if not HIDDEN.fullmatch(line) and any(f'"action":"{action}"'.encode() in line for action in KEPT):
            raise ConfigurationError(f"event {number} proves evidence or an erasure: it is kept", remedy="leave it out")
    with transaction.atomic():
        events.record("data.erased", data={"events": sorted(set(numbers)), "reason": reason, "approver": approver})
    log.seal()
    with process_lock(log.folder / "sealer.lock", wait=True):
        for segment in sorted({number // SEGMENT_LINES for number in numbers}):
            _hide(
                log.folder / "segments" / f"{segment + 1:06d}.jsonl",
                {number % SEGMENT_LINES for number in numbers if number // SEGMENT_LINES == segment},
            )
    _forget(numbers)


def _hide(path: Path, places: set[int]) -> None:
    """Write a segment anew with hashes in the place of some lines; the old one goes only once the new one is whole."""
    temporary = path.with_name(f".{path.name}.new")
    with path.open("rb") as old, temporary.open("wb") as new:
        for place, line in enumerate(old):
            hidden = place in places and not HIDDEN.fullmatch(line[:-1])
            new.write(hiding(line[:-1]) + b"\n" if hidden else line)
        new.flush()
        os.fsync(new.fileno())
    temporary.replace(path)
    flush_folder(path.parent)


def _forget(numbers: Sequence[int]) -> None:
    """What the store holds of these events: their copies in the outbox, and their texts in the index."""
    with transaction.atomic():
        for entry in AuditEntry.objects.filter(seq__in=list(numbers), at__isnull=False):
            OutboxEvent.objects.filter(sealed=True, line__run=entry.run, line__action=entry.action, at=entry.at or "").delete()
        AuditEntry.objects.filter(seq__in=list(numbers)).delete()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # old pages of the journal hold the text
