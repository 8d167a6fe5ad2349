"""Anchors: copies of the log's checkpoint outside of this machine, the only thing that binds its administrator.

Each kind is tried when it is due, whatever became of the others. What a witness or an authority gave lies under `anchors/` in
the log's folder (`witnessed`, `<size>.note` and `<size>.tsr`), and is worth what *their* copy or key is worth.
"""

from __future__ import annotations

import datetime as dt
import gzip
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson
from django.db import transaction

from retaguarda.audit import events
from retaguarda.audit.files import append_durably, cut_torn_note, flush_folder, replace_durably
from retaguarda.audit.log import AuditLog
from retaguarda.audit.timestamps import stamped
from retaguarda.audit.witnesses import witnessed
from retaguarda.clock import Clock
from retaguarda.errors import InfrastructureError, LeaseHeld, RetaguardaError, StoreUnavailable
from retaguarda.locks import process_lock
from retaguarda.settings import AuditSettings
from retaguarda.store.models import Milestone

PREFIX, TROUBLE = "anchor/", "no-anchor/"
Mail = Callable[[str, str, str], str]
"""Sends subject and body to a target; returns why it could not, or nothing."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What became of one anchor: the size that it holds, or why it could not be made."""

    name: str
    size: int
    at: dt.datetime | None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What an administrator could still change unseen: the events behind the last anchor, and since when the first of them waits."""

    size: int
    anchored: int
    since: dt.datetime | None

    def minutes(self, now: dt.datetime) -> int:
        return max(0, int((now - self.since).total_seconds() // 60)) if self.since else 0


class Anchors:
    """The anchors that the settings name."""

    def __init__(self, log: AuditLog, settings: AuditSettings, clock: Clock, mail: Mail) -> None:
        self._log = log
        self._settings = settings
        self._clock = clock
        self._mail = mail
        self._folder = log.folder / "anchors"

    def names(self) -> list[str]:
        """The anchors that are set up."""
        return list(self._kinds())

    def make(self, *, now: bool = False) -> list[Anchored]:
        """Make every anchor that is due, or all of them; none when another process is at it. Trouble is told, never raised."""
        if not self.names() or not (self._log.folder / "checkpoints").exists():
            return []
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with process_lock(self._folder / ".lock"):
                note, size = self._log.last_note()
                return [self._made(name, note, size) for name in self.names() if self._is_due(name, size, now=now)]
        except LeaseHeld:
            return []

    def standing(self) -> list[Anchored]:
        """Each anchor as it stands."""
        good = {row.name: row for row in Milestone.objects.filter(name__startswith=PREFIX)}
        bad = {row.name.removeprefix(TROUBLE): row for row in Milestone.objects.filter(name__startswith=TROUBLE)}
        return [_shown(name, good.get(PREFIX + name), bad.get(name)) for name in self.names()]

    def exposure(self) -> Exposure:
        """What no anchor covers yet."""
        size = self._log.last_note()[1] if (self._log.folder / "checkpoints").exists() else 0
        anchored = min(size, max((one.size for one in self.standing()), default=0))
        line = self._log.line(anchored) if anchored < size else b""
        since = None if not line else self._clock.now() if line.startswith(b"~") else dt.datetime.fromisoformat(orjson.loads(line)["ts"])
        return Exposure(size, anchored, since)

    def _kinds(self) -> Mapping[str, tuple[float, Callable[[str, int, int], None]]]:
        """Name, hours between two, and what makes it of a note, its size, and the size that it held before."""
        settings = self._settings
        kinds: dict[str, tuple[float, Callable[[str, int, int], None]]] = {
            f"witness/{name}": (0, self._witness(name)) for name in settings.witnesses
        }
        if settings.stamp_url:
            kinds["time stamp"] = (settings.stamp_hours, self._stamp)
        if settings.copy_folder:
            kinds["copy"] = (settings.copy_hours, self._copy)
        if settings.mail:
            kinds["mail"] = (settings.copy_hours, self._send)
        return kinds

    def _is_due(self, name: str, size: int, *, now: bool) -> bool:
        last = Milestone.objects.filter(name=PREFIX + name).first()
        if last is None or (now and last.facts["size"] < size):
            return True
        return bool(last.facts["size"] < size and self._clock.now() - last.at >= dt.timedelta(hours=self._kinds()[name][0]))

    def _made(self, name: str, note: str, size: int) -> Anchored:
        last = Milestone.objects.filter(name=PREFIX + name).first()
        try:
            self._kinds()[name][1](note, size, last.facts["size"] if last else 0)
        except (RetaguardaError, OSError) as error:
            return self._failed(name, last, str(error))
        with transaction.atomic():
            made, _ = Milestone.objects.update_or_create(name=PREFIX + name, defaults={"at": self._clock.now(), "facts": {"size": size}})
            if Milestone.objects.filter(name=TROUBLE + name).delete()[0]:
                events.record("anchor.recovered", target=name, data={"size": size})
        return _shown(name, made, None)

    def _failed(self, name: str, last: Milestone | None, why: str) -> Anchored:
        """Tell it once: an event for each try would make the log grow by its own anchoring."""
        with transaction.atomic():
            facts = {"text": why}
            bad, is_new = Milestone.objects.update_or_create(
                name=TROUBLE + name, defaults={"facts": facts}, create_defaults={"at": self._clock.now(), "facts": facts}
            )
            if is_new:
                events.record("anchor.failed", target=name, data=facts)
        return _shown(name, last, bad)

    def _witness(self, name: str) -> Callable[[str, int, int], None]:
        def ask(note: str, size: int, before: int) -> None:
            cosigned = witnessed(self._settings.witnesses[name], note, before, self._log.leaf_hashes(size))
            replace_durably(self._folder / f"{name}.vkey", self._settings.witnesses[name].key.strip() + "\n")
            cut_torn_note(self._folder / "witnessed")
            append_durably(self._folder / "witnessed", cosigned)

        return ask

    def _stamp(self, note: str, size: int, _before: int) -> None:
        response = stamped(self._settings.stamp_url, self._settings.stamp_roots, note.encode())
        replace_durably(self._folder / f"{size:012d}.note", note)
        path = self._folder / f"{size:012d}.tsr"
        path.with_suffix(".new").write_bytes(response)
        path.with_suffix(".new").replace(path)
        flush_folder(self._folder)

    def _copy(self, note: str, size: int, before: int) -> None:
        """Add the events since the last copy and the checkpoint to the folder; nothing in it is ever written twice."""
        folder = self._settings.copy_folder
        if folder is None or not folder.is_dir():
            raise StoreUnavailable(f"the folder for copies of the log is not there: {folder}", remedy="mount it")
        lines = b"".join(line + b"\n" for line in islice(self._log.lines(), before, size))
        _add(folder / f"events-{before:012d}-{size:012d}.jsonl.gz", gzip.compress(lines, mtime=0))
        _add(folder / f"{size:012d}.note", note.encode())
        if not (folder / "log.vkey").exists():
            _add(folder / "log.vkey", (self._log.folder / "log.vkey").read_bytes())

    def _send(self, note: str, size: int, _before: int) -> None:
        why = self._mail(self._settings.mail, f"[Retaguarda] checkpoint {size}", note)
        if why:
            raise InfrastructureError(f"the checkpoint could not be mailed: {why}", remedy=f"check the alert target {self._settings.mail}")


def _shown(name: str, good: Milestone | None, bad: Milestone | None) -> Anchored:
    return Anchored(name, good.facts["size"] if good else 0, good.at if good else None, str(bad.facts["text"]) if bad else "")


def _add(path: Path, data: bytes) -> None:
    """Write a file that must not be there yet; the same bytes, from a turn that broke off, are left as they are."""
    if path.exists() and path.read_bytes() == data:
        return
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o440), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    flush_folder(path.parent)


def anchor_files(folder: Path) -> Iterator[Path]:
    """The files of a folder of anchors that hold notes, whoever kept them."""
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.suffix in {"", ".note", ".txt"} and not path.name.startswith("."))
