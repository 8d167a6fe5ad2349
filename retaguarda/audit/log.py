"""The append-only log: the sealer moves outbox events into segments, grows the Merkle tree and signs checkpoints.

Layout of the folder: `segments/000001.jsonl` …, `checkpoints` (signed notes, one blank line between), `log.vkey` (public
key); the private key lies beside it under `keys/`, readable by its owner alone.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import orjson
from django.db import transaction

from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, sign
from retaguarda.audit.merkle import Frontier
from retaguarda.errors import StoreUnavailable
from retaguarda.locks import process_lock
from retaguarda.store.models import OutboxEvent

ORIGIN = "retaguarda/audit"
SEGMENT_LINES = 100_000
NOTE_END = "\n\f\n"
"""Between notes in the `checkpoints` file: a form feed, which no note contains."""


class AuditLog:
    """One suite-wide log in a folder; safe to seal from several processes, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments = folder / "segments"
        self._segments.mkdir(parents=True, exist_ok=True)

    def seal(self) -> Checkpoint | None:
        """Append every waiting event, flush it, sign a checkpoint; returns it, or None when nothing was waiting.

        A torn last line (power cut) is cut off and written again from the outbox; an event is never sealed twice.
        """
        with process_lock(self.folder / "sealer.lock", wait=True):
            frontier, sealed = self._recover()
            pending = list(OutboxEvent.objects.filter(sealed=False).order_by("id"))
            waiting = [event for event in pending if event.pk not in sealed]
            for batch in _by_segment(waiting, frontier.size):
                self._append(batch, frontier)
            with transaction.atomic():
                OutboxEvent.objects.filter(pk__in=[event.pk for event in pending]).update(sealed=True)
            return self._sign(frontier) if waiting else None

    def lines(self) -> Iterator[bytes]:
        """The raw lines in order, without their newline."""
        for segment in sorted(self._segments.glob("*.jsonl")):
            with segment.open("rb") as file:
                yield from (line.rstrip(b"\n") for line in file)

    def _recover(self) -> tuple[Frontier, set[int]]:
        """The tree as the segments give it, and which outbox events they already hold."""
        segments = sorted(self._segments.glob("*.jsonl"))
        if segments:
            _cut_torn_line(segments[-1])
        frontier, sealed = Frontier(), set()
        for line in self.lines():
            frontier.append(line)
            sealed.add(orjson.loads(line)["outbox"])
        return frontier, sealed

    def _append(self, batch: list[OutboxEvent], frontier: Frontier) -> None:
        path = self._segments / f"{frontier.size // SEGMENT_LINES + 1:06d}.jsonl"
        try:
            with path.open("ab") as file:
                for event in batch:
                    line = orjson.dumps({"seq": frontier.size, "outbox": event.pk, **event.line})
                    file.write(line + b"\n")
                    frontier.append(line)
                file.flush()
                os.fdatasync(file.fileno())
        except OSError as error:
            raise StoreUnavailable(f"the audit log cannot be written: {error}", remedy="free the disk, then run again") from error

    def _sign(self, frontier: Frontier) -> Checkpoint:
        key = load_or_create_key(self.folder / "keys" / "log.key")
        checkpoint = Checkpoint(ORIGIN, frontier.size, frontier.root())
        vkey = self.folder / "log.vkey"
        if not vkey.exists():
            vkey.write_text(VerifierKey(ORIGIN, key.public_key()).text() + "\n", encoding="utf-8")
        with (self.folder / "checkpoints").open("a", encoding="utf-8") as file:
            file.write(sign(checkpoint, key) + NOTE_END)
            file.flush()
            os.fdatasync(file.fileno())
        return checkpoint


def _by_segment(events: list[OutboxEvent], size: int) -> Iterator[list[OutboxEvent]]:
    while events:
        room = SEGMENT_LINES - size % SEGMENT_LINES
        yield events[:room]
        size, events = size + len(events[:room]), events[room:]


def _cut_torn_line(segment: Path) -> None:
    data = segment.read_bytes()
    if data and not data.endswith(b"\n"):
        with segment.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def root_text(root: bytes) -> str:
    """A root as people compare it."""
    return base64.b64encode(root).decode()
