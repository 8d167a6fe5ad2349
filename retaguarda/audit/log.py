"""The append-only log: the sealer moves outbox events into segments, grows the Merkle tree and signs checkpoints.

Layout of the folder: `segments/000001.jsonl` …, `leaves` (the tree's leaf hashes, 32 bytes an event), `checkpoints`
(signed notes), `log.vkey` (public key); the private key and the note signed last lie under `keys/`, readable by their
owner alone.

A store has one log. Where several machines work on one store, the first folder that seals becomes it, by its key; the others
leave their events to it.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.db import connection, transaction

from retaguarda.audit import events
from retaguarda.audit.checkpoints import Checkpoint, VerifierKey, load_or_create_key, open_note, parsed, sign
from retaguarda.audit.files import NOTE_END, append_durably, cut_torn_note, ends_with, flush_folder, make_folder, replace_durably
from retaguarda.audit.merkle import HASH_BYTES, Frontier, LeafHashes, hidden_leaf, leaf_hash
from retaguarda.clock import Clock
from retaguarda.errors import StoreUnavailable
from retaguarda.locks import process_lock
from retaguarda.store.advisory import server_lock
from retaguarda.store.models import AuditFolder, OutboxEvent

ORIGIN = "retaguarda/audit"
SEGMENT_LINES = 100_000
MARKED_AT_ONCE = 500
LONGEST_NOTE = 4096
"""Bytes: a checkpoint and its signature have a few hundred."""


@dataclass
class _Standing:
    """What the folder holds when the sealer begins: the tree, its leaves, and the ids of the events in it.

    A process that seals again keeps it and reads on from where it was: `read` is the segments' sizes and times of change then.
    """

    tree: Frontier = field(default_factory=Frontier)
    leaves: bytearray = field(default_factory=bytearray)
    events: set[str] = field(default_factory=set)
    signed: int = 0
    read: dict[str, tuple[int, int]] = field(default_factory=dict)

    def enter(self, line: bytes) -> None:
        """Take in a line of a segment; of one that was erased only its hash is left."""
        leaf = hidden_leaf(line)
        self.add(leaf or leaf_hash(line), "" if leaf else _id_of(line))

    def add(self, leaf: bytes, event_id: str) -> None:
        self.tree.append_hash(leaf)
        self.leaves += leaf
        self.events.add(event_id)


class AuditLog:
    """One suite-wide log in a folder; safe to seal from several processes, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._segments = folder / "segments"
        make_folder(self._segments)
        self._kept: _Standing | None = None

    def seal(self) -> Checkpoint | None:
        """Append every waiting event, flush it, sign a checkpoint; returns it, or None when all was sealed and signed.

        None as well where another folder is the store's log: it will seal them. A torn last line (power cut) is cut off and
        written again from the outbox; an event is never sealed twice. Raises StoreUnavailable when the disk refuses, or when the
        log is no longer the one that was signed: a changed log is never signed again.
        """
        if self.kept_elsewhere():
            return None
        with process_lock(self.folder / "sealer.lock", wait=True), _alone_in_the_store():
            try:
                place = self._claimed()
                if self.kept_elsewhere():
                    return None
                standing, self._kept = self._recover(place.size), None  # kept again only when all goes well
                pending = list(OutboxEvent.objects.filter(sealed=False).order_by("id"))
                waiting = [event for event in pending if event.line["id"] not in standing.events]
                for batch in _by_segment(waiting, standing.tree.size):
                    self._append(batch, standing)
                self._keep_leaves(standing)
                if pending:
                    _mark(pending, place, standing.tree.size)
                standing.read = self._looks()
                made = self._sign(standing.tree) if standing.tree.size > standing.signed else None
                self._kept = standing
                return made
            except OSError as error:
                raise StoreUnavailable(f"the audit log cannot be written: {error}", remedy="free the disk, then run again") from error

    def lines(self) -> Iterator[bytes]:
        """The raw lines in order, without their newline."""
        yield from self._lines_after({})

    def last_note(self) -> tuple[str, int]:
        """The newest signed note and the size that it states; StoreUnavailable when nothing is signed."""
        note = _last_note(self.folder / "checkpoints")
        if not note:
            raise StoreUnavailable("no checkpoint: nothing vouches for this log", remedy="retaguarda audit seal")
        return note, parsed(note.partition("\n\n")[0]).size

    def line(self, seq: int) -> bytes:
        """The raw line of an event; StoreUnavailable when the log does not hold it."""
        path = self._segments / f"{seq // SEGMENT_LINES + 1:06d}.jsonl"
        if path.exists():
            with path.open("rb") as file:
                for line in islice(file, seq % SEGMENT_LINES, None):
                    return line.rstrip(b"\n")
        raise StoreUnavailable(f"the audit log holds no event {seq}", remedy="retaguarda audit verify")

    def leaf_hashes(self, size: int) -> LeafHashes:
        """The leaf hashes of the first `size` events."""
        return LeafHashes((self.folder / "leaves").read_bytes()[: size * HASH_BYTES])

    def kept_elsewhere(self) -> AuditFolder | None:
        """The folder that is the store's log, when it is another than this one: its machine seals."""
        place = AuditFolder.objects.first()
        return place if place and place.key != self._key() and not self._is_at(place) else None

    def adopt(self) -> None:
        """Let this folder be the store's log from now on: the machine that had it is lost. What that one sealed is in it alone."""
        with process_lock(self.folder / "sealer.lock", wait=True), _alone_in_the_store():
            before = AuditFolder.objects.first()
            standing = self._recover(0)
            with transaction.atomic():
                AuditFolder.objects.all().delete()
                self._become(standing.tree.size)
                facts = {"before": f"{before.host}:{before.path}" if before else "", "sealed_there": before.size if before else 0}
                events.record("audit.adopted", target=f"{socket.gethostname()}:{self.folder.absolute()}", data=facts)

    def _claimed(self) -> AuditFolder:
        """The store's word on its log; the first folder that seals becomes it, and may be moved with its key."""
        place = AuditFolder.objects.first() or self._become(0)
        if place.key == self._key() and not self._is_at(place):
            AuditFolder.objects.filter(pk=place.pk).update(**self._here())
        return place

    def _become(self, size: int) -> AuditFolder:
        key = load_or_create_key(self.folder / "keys" / "log.key")
        return AuditFolder.objects.create(key=VerifierKey(ORIGIN, key.public_key()).text(), size=size, **self._here())

    def _here(self) -> dict[str, Any]:
        return {"host": socket.gethostname(), "path": str(self.folder.absolute()), "at": Clock().now()}

    def _is_at(self, place: AuditFolder) -> bool:
        return (place.host, place.path) == (socket.gethostname(), str(self.folder.absolute()))

    def _key(self) -> str:
        """This folder's public key; empty before it has one."""
        path = self.folder / "keys" / "log.key"
        return VerifierKey(ORIGIN, load_or_create_key(path).public_key()).text() if path.exists() else ""

    def _recover(self, sealed: int) -> _Standing:
        """What the segments hold, held against every checkpoint that vouches for them and what the store knows to be in them."""
        cut_torn_note(self.folder / "checkpoints")
        vouched = {checkpoint.size: checkpoint.root for checkpoint in self._signed_last()}
        segments = sorted(self._segments.glob("*.jsonl"))
        if segments:
            _cut_torn_line(segments[-1])
        standing = self._kept if self._kept and self._only_grown(self._kept) else _Standing()
        standing.signed = max(vouched, default=0)
        if standing.tree.size in vouched and vouched.pop(standing.tree.size) != standing.tree.root():
            raise _changed(f"its first {standing.tree.size} events are not the ones that were signed")
        sure = max([sealed, *vouched])
        for line in self._lines_after(standing.read):
            if standing.tree.size >= sure and not _is_event(line):
                self._cut_behind(standing.tree.size)
                break
            standing.enter(line)
            size = standing.tree.size
            if size in vouched and vouched.pop(size) != standing.tree.root():
                raise _changed(f"its first {size} events are not the ones that were signed")
        if any(size > standing.tree.size for size in vouched):
            raise _changed(f"{max(vouched)} events were signed, it holds {standing.tree.size}")
        if standing.tree.size < sealed:
            raise _changed(f"{sealed} events were sealed, it holds {standing.tree.size}")
        return standing

    def _cut_behind(self, size: int) -> None:
        """Cut off what follows so many events: nothing vouches for it, a power cut tore it, and the outbox still has it."""
        for number, segment in enumerate(sorted(self._segments.glob("*.jsonl"))):
            kept = min(max(0, size - number * SEGMENT_LINES), SEGMENT_LINES)
            with segment.open("r+b") as file:
                file.truncate(sum(len(line) for line in islice(file, kept)))

    def _looks(self) -> dict[str, tuple[int, int]]:
        """Size and time of change of each segment."""
        return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(self._segments.glob("*.jsonl"))}

    def _only_grown(self, kept: _Standing) -> bool:
        """Whether the segments are as they were, or longer: anything else is read, and judged, from the beginning."""
        now = self._looks()
        return all(name in now and (now[name] == was or now[name][0] > was[0]) for name, was in kept.read.items())

    def _lines_after(self, read: Mapping[str, tuple[int, int]]) -> Iterator[bytes]:
        """The raw lines behind what was read before."""
        for segment in sorted(self._segments.glob("*.jsonl")):
            with segment.open("rb") as file:
                file.seek(read.get(segment.name, (0, 0))[0])
                yield from (line.rstrip(b"\n") for line in file)

    def _signed_last(self) -> list[Checkpoint]:
        """The last checkpoint, and the copy of it that the sealer keeps beside its key."""
        last = _last_note(self.folder / "checkpoints")
        notes = [last] if last else []
        own = _text(self.folder / "keys" / "last")
        if own and not notes:
            raise _changed("its checkpoints are gone")
        try:
            key = VerifierKey(ORIGIN, load_or_create_key(self.folder / "keys" / "log.key").public_key()) if notes else None
            return [open_note(note, key) for note in [*notes, *([own] if own else [])]] if key else []
        except ValueError as error:
            raise _changed(f"its last checkpoint does not hold: {error}") from error

    def _append(self, batch: list[OutboxEvent], standing: _Standing) -> None:
        path, lines = self._segments / f"{standing.tree.size // SEGMENT_LINES + 1:06d}.jsonl", []
        for event in batch:
            lines.append(orjson.dumps({"seq": standing.tree.size, "outbox": event.pk, **event.line}))
            standing.add(leaf_hash(lines[-1]), event.line["id"])
        append_durably(path, b"".join(line + b"\n" for line in lines))

    def _keep_leaves(self, standing: _Standing) -> None:
        """Bring the file of leaf hashes up to the segments: it names a changed event exactly."""
        path = self.folder / "leaves"
        is_new = not path.exists()
        kept = path.stat().st_size // HASH_BYTES * HASH_BYTES if path.exists() else 0
        kept = min(kept, standing.signed * HASH_BYTES)  # beyond the last checkpoint nothing vouches for it
        with path.open("r+b" if path.exists() else "wb") as file:
            file.truncate(kept)
            file.seek(kept)
            file.write(standing.leaves[kept:])
            file.flush()
            os.fdatasync(file.fileno())
        if is_new:
            flush_folder(self.folder)

    def _sign(self, tree: Frontier) -> Checkpoint:
        key = load_or_create_key(self.folder / "keys" / "log.key")
        self._publish_key(VerifierKey(ORIGIN, key.public_key()).text() + "\n")
        checkpoint = Checkpoint(ORIGIN, tree.size, tree.root())
        note = sign(checkpoint, key)
        append_durably(self.folder / "checkpoints", (note + NOTE_END).encode())
        replace_durably(self.folder / "keys" / "last", note)
        return checkpoint

    def _publish_key(self, text: str) -> None:
        path = self.folder / "log.vkey"
        if not path.exists():
            replace_durably(path, text)
        elif path.read_text(encoding="utf-8") != text:
            raise StoreUnavailable("the log's signing key is not the one of log.vkey", remedy="restore keys/log.key from the backup")


def _by_segment(events: list[OutboxEvent], size: int) -> Iterator[list[OutboxEvent]]:
    while events:
        room = SEGMENT_LINES - size % SEGMENT_LINES
        yield events[:room]
        size, events = size + len(events[:room]), events[room:]


def _alone_in_the_store() -> AbstractContextManager[None]:
    """One sealer among all machines; on SQLite they are one machine, and the folder's own lock does."""
    return server_lock("audit/sealer") if connection.vendor == "postgresql" else nullcontext()


def _mark(pending: list[OutboxEvent], place: AuditFolder, size: int) -> None:
    """Say in the store that these events are in the log, unless another log took them meanwhile."""
    with transaction.atomic():
        if not AuditFolder.objects.filter(pk=place.pk, size=place.size).update(size=size, at=Clock().now()):
            raise StoreUnavailable("another folder became the audit log meanwhile", remedy="see: retaguarda doctor")
        for start in range(0, len(pending), MARKED_AT_ONCE):  # a statement takes only so many variables
            OutboxEvent.objects.filter(pk__in=[event.pk for event in pending[start : start + MARKED_AT_ONCE]]).update(sealed=True)


def _id_of(line: bytes) -> str:
    try:
        return str(orjson.loads(line)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise _changed(f"a line is no event: {line[:80]!r}") from error


def _changed(what: str) -> StoreUnavailable:
    return StoreUnavailable(f"the audit log was changed: {what}", remedy="retaguarda audit verify; then restore it from the backup")


def _is_event(line: bytes) -> bool:
    """Whether a line was written whole; of several that were not flushed yet, a power cut may leave any part."""
    try:
        return "id" in orjson.loads(line)
    except (ValueError, TypeError):
        return False


def _cut_torn_line(segment: Path) -> None:
    if not ends_with(segment, b"\n"):
        with segment.open("r+b") as file:
            file.truncate(segment.read_bytes().rfind(b"\n") + 1)


def _last_note(path: Path) -> str:
    """The newest of the notes in a file that may hold many."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LONGEST_NOTE))
        notes = [note for note in file.read().decode("utf-8", "replace").split(NOTE_END) if note]
    return notes[-1] if notes else ""


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def root_text(root: bytes) -> str:
    """A root as people compare it."""
    return base64.b64encode(root).decode()
