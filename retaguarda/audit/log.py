"""The append-only log: the sealer moves outbox events into segments, grows the Merkle tree and signs checkpoints.

Layout of the folder: `segments/000001.jsonl` …, `leaves` (the tree's leaf hashes, 32 bytes an event), `checkpoints`
(signed notes), `log.vkey` (public key); the private key and the note signed last lie under `keys/`, readable by their
owner alone.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from django.db import transaction

from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, open_note, sign
from retaguarda.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from retaguarda.errors import StoreUnavailable
from retaguarda.locks import process_lock
from retaguarda.store.models import OutboxEvent

ORIGIN = "retaguarda/audit"
SEGMENT_LINES = 100_000
MARKED_AT_ONCE = 500
NOTE_END = "\n\f\n"
"""Between notes in the `checkpoints` file: a form feed, which no note contains."""


@dataclass
class _Standing:
    """What the folder holds when the sealer begins: the tree, its leaves, and the ids of the events in it."""

    tree: Frontier = field(default_factory=Frontier)
    leaves: bytearray = field(default_factory=bytearray)
    events: set[str] = field(default_factory=set)
    signed: int = 0

    def add(self, line: bytes, event_id: str) -> None:
        leaf = leaf_hash(line)
        self.tree.append_hash(leaf)
        self.leaves += leaf
        self.events.add(event_id)


class AuditLog:
    """One suite-wide log in a folder; safe to seal from several processes, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments = folder / "segments"
        self._segments.mkdir(parents=True, exist_ok=True)

    def seal(self) -> Checkpoint | None:
        """Append every waiting event, flush it, sign a checkpoint; returns it, or None when all was sealed and signed.

        A torn last line (power cut) is cut off and written again from the outbox; an event is never sealed twice. Raises
        StoreUnavailable when the disk refuses, or when the log is no longer the one that was signed: a changed log is
        never signed again.
        """
        with process_lock(self.folder / "sealer.lock", wait=True):
            try:
                standing = self._recover()
                pending = list(OutboxEvent.objects.filter(sealed=False).order_by("id"))
                waiting = [event for event in pending if event.line["id"] not in standing.events]
                for batch in _by_segment(waiting, standing.tree.size):
                    self._append(batch, standing)
                self._keep_leaves(standing)
                _mark(pending)
                return self._sign(standing.tree) if standing.tree.size > standing.signed else None
            except OSError as error:
                raise StoreUnavailable(f"the audit log cannot be written: {error}", remedy="free the disk, then run again") from error

    def lines(self) -> Iterator[bytes]:
        """The raw lines in order, without their newline."""
        for segment in sorted(self._segments.glob("*.jsonl")):
            with segment.open("rb") as file:
                yield from (line.rstrip(b"\n") for line in file)

    def _recover(self) -> _Standing:
        """What the segments hold, held against every checkpoint that vouches for them."""
        segments = sorted(self._segments.glob("*.jsonl"))
        if segments:
            _cut_torn_line(segments[-1])
        _cut_torn_note(self.folder / "checkpoints")
        vouched = {checkpoint.size: checkpoint.root for checkpoint in self._signed_last()}
        standing = _Standing(signed=max(vouched, default=0))
        for line in self.lines():
            standing.add(line, _id_of(line))
            size = standing.tree.size
            if size in vouched and vouched.pop(size) != standing.tree.root():
                raise _changed(f"its first {size} events are not the ones that were signed")
        if vouched:
            raise _changed(f"{max(vouched)} events were signed, it holds {standing.tree.size}")
        return standing

    def _signed_last(self) -> list[Checkpoint]:
        """The last checkpoint, and the copy of it that the sealer keeps beside its key."""
        notes = [note for note in _text(self.folder / "checkpoints").split(NOTE_END) if note][-1:]
        own = _text(self.folder / "keys" / "last")
        if own and not notes:
            raise _changed("its checkpoints are gone")
        try:
            key = VerifierKey(ORIGIN, load_or_create_key(self.folder / "keys" / "log.key").public_key()) if notes else None
            return [open_note(note, key) for note in [*notes, *([own] if own else [])]] if key else []
        except ValueError as error:
            raise _changed(f"its last checkpoint does not hold: {error}") from error

    def _append(self, batch: list[OutboxEvent], standing: _Standing) -> None:
        path = self._segments / f"{standing.tree.size // SEGMENT_LINES + 1:06d}.jsonl"
        with path.open("ab") as file:
            for event in batch:
                line = orjson.dumps({"seq": standing.tree.size, "outbox": event.pk, **event.line})
                file.write(line + b"\n")
                standing.add(line, event.line["id"])
            file.flush()
            os.fdatasync(file.fileno())

    def _keep_leaves(self, standing: _Standing) -> None:
        """Bring the file of leaf hashes up to the segments: it names a changed event exactly."""
        path = self.folder / "leaves"
        kept = path.stat().st_size // HASH_BYTES * HASH_BYTES if path.exists() else 0
        kept = min(kept, standing.signed * HASH_BYTES)  # beyond the last checkpoint nothing vouches for it
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(kept)
            file.seek(kept)
            file.write(standing.leaves[kept:])
            file.flush()
            os.fdatasync(file.fileno())

    def _sign(self, tree: Frontier) -> Checkpoint:
        key = load_or_create_key(self.folder / "keys" / "log.key")
        self._publish_key(VerifierKey(ORIGIN, key.public_key()).text() + "\n")
        checkpoint = Checkpoint(ORIGIN, tree.size, tree.root())
        note = sign(checkpoint, key)
        with (self.folder / "checkpoints").open("a", encoding="utf-8") as file:
            file.write(note + NOTE_END)
            file.flush()
            os.fdatasync(file.fileno())
        _replace(self.folder / "keys" / "last", note)
        return checkpoint

    def _publish_key(self, text: str) -> None:
        path = self.folder / "log.vkey"
        if not path.exists():
            _replace(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise StoreUnavailable("the log's signing key is not the one of log.vkey", remedy="restore keys/log.key from the backup")


def _by_segment(events: list[OutboxEvent], size: int) -> Iterator[list[OutboxEvent]]:
    while events:
        room = SEGMENT_LINES - size % SEGMENT_LINES
        yield events[:room]
        size, events = size + len(events[:room]), events[room:]


def _mark(events: list[OutboxEvent]) -> None:
    """Say in the store that these events are in the log."""
    with transaction.atomic():
        for start in range(0, len(events), MARKED_AT_ONCE):  # a statement takes only so many variables
            OutboxEvent.objects.filter(pk__in=[event.pk for event in events[start : start + MARKED_AT_ONCE]]).update(sealed=True)


def _id_of(line: bytes) -> str:
    try:
        return str(orjson.loads(line)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise _changed(f"a line is no event: {line[:80]!r}") from error


def _changed(what: str) -> StoreUnavailable:
    return StoreUnavailable(f"the audit log was changed: {what}", remedy="retaguarda audit verify; then restore it from the backup")


def _cut_torn_line(segment: Path) -> None:
    data = segment.read_bytes()
    if data and not data.endswith(b"\n"):
        with segment.open("r+b") as file:
            file.truncate(data.rfind(b"\n") + 1)


def _cut_torn_note(path: Path) -> None:
    data, end = path.read_bytes() if path.exists() else b"", NOTE_END.encode()
    if data and not data.endswith(end):
        with path.open("r+b") as file:
            file.truncate(data.rfind(end) + len(end) if end in data else 0)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def root_text(root: bytes) -> str:
    """A root as people compare it."""
    return base64.b64encode(root).decode()
