"""The search index over the log: derived from the segments alone, caught up with before it is asked, made anew by `reindex`."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.db import transaction
from django.db.models import Q, QuerySet

from retaguarda.audit.log import AuditLog
from retaguarda.store.models import AuditEntry, RunRecord

BATCH = 1000
ACTORS = 300
"""Names that a search by name steps through."""
KEYS_APART = {"v", "seq", "outbox", "id", "boot", "mono", "ts"}
"""Members of an event that nobody searches by their value."""
_CNPJ = re.compile(r"\b([0-9a-z]{2})\.([0-9a-z]{3})\.([0-9a-z]{3})/([0-9a-z]{4})-(\d{2})\b")
_CPF = re.compile(r"\b(\d{3})\.(\d{3})\.(\d{3})-(\d{2})\b")
_AMOUNT = re.compile(r"(?<![\d.,])(-?\d{1,3}(?:\.\d{3})*|-?\d+),(\d{2})(?!\d)")
_DAY = re.compile(r"\b(\d{2})/(\d{2})/(\d{4})\b")


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for; empty fields do not count, all others must hold. `words` may stand anywhere in an event."""

    words: Sequence[str] = ()
    run: str = ""
    actor: str = ""
    action: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An event of the log: its number, and what its raw line holds; `hidden` when its content was erased."""

    seq: int
    raw: bytes
    event: Mapping[str, Any]

    @property
    def hidden(self) -> bool:
        return not self.event

    @property
    def shown(self) -> bytes:
        """The line as it may be shown: the raw one, or what was left of it when personal data was masked."""
        return orjson.dumps(self.event) if self.event.get("masked") else self.raw

    def value(self, key: str) -> str:
        return str(self.event.get(key, ""))


class AuditIndex:
    """Finds events in a log by the store's index."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log

    def catch_up(self) -> int:
        """Enter what was sealed since; returns how many events are in the index."""
        last = AuditEntry.objects.order_by("-seq").first()
        entries = _entries(self._log.folder / "segments", last)
        while batch := list(islice(entries, BATCH)):
            AuditEntry.objects.bulk_create(batch, ignore_conflicts=True)  # another process may be at it
        newest = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
        return 0 if newest is None else newest + 1

    def rebuild(self) -> int:
        """Forget the index and make it anew from the segments."""
        with transaction.atomic():
            AuditEntry.objects.all().delete()
            return self.catch_up()

    def found(self, asked: Asked) -> QuerySet[AuditEntry]:
        """The entries of what is asked for, in the order of the log."""
        rows = AuditEntry.objects.order_by("seq")
        if asked.run:
            rows = rows.filter(run__in=_tree(asked.run))
        if asked.actor:
            rows = rows.filter(actor__in=named) if (named := _named(asked.actor)) is not None else rows.filter(actor__icontains=asked.actor)
        if asked.action:
            rows = rows.filter(Q(action=asked.action) | Q(action__startswith=f"{asked.action.rstrip('.')}."))
        if asked.since:
            rows = rows.filter(at__gte=asked.since)
        if asked.until:
            rows = rows.filter(at__lt=asked.until)
        for word in asked.words:
            rows = rows.filter(text__contains=folded(word))
        return rows

    def read(self, rows: QuerySet[AuditEntry]) -> Iterator[Hit]:
        """The events themselves, from the segments."""
        for row in rows.iterator(chunk_size=BATCH):
            with (self._log.folder / "segments" / row.segment).open("rb") as file:
                file.seek(row.offset)
                raw = file.read(row.length)
            yield Hit(row.seq, raw, _event(raw))


def _named(part: str) -> list[str] | None:
    """The actors whose name holds a text, found by stepping from name to name through the index; None when there are too many names.

    The log has millions of events, and a few dozen names.
    """
    found: list[str] = []
    last = ""
    for _ in range(ACTORS):
        name = AuditEntry.objects.filter(actor__gt=last).order_by("actor").values_list("actor", flat=True).first()
        if name is None:
            return found
        if part.casefold() in name.casefold():
            found.append(name)
        last = name
    return None


def folded(text: str) -> str:
    """A text as it is searched for: small letters without accents; CNPJ, CPF, amounts and days in their plain form."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    plain = _CPF.sub(r"\1\2\3\4", _CNPJ.sub(r"\1\2\3\4\5", plain))
    plain = _AMOUNT.sub(lambda found: f"{found[1].replace('.', '')}.{found[2]}", plain)
    return _DAY.sub(r"\3-\2-\1", plain)


def _tree(run: str) -> set[str]:
    """A run and all under it; a run that retention let go is looked for by its id alone."""
    found, level = {run}, {run}
    while level := set(RunRecord.objects.filter(parent__in=level).values_list("pk", flat=True)):
        found |= level
    return found


def _entries(folder: Path, last: AuditEntry | None) -> Iterator[AuditEntry]:
    seq = last.seq + 1 if last else 0
    for path in sorted(folder.glob("*.jsonl")):
        if last and path.name < last.segment:
            continue
        at = last.offset + last.length + 1 if last and path.name == last.segment else 0
        with path.open("rb") as file:
            file.seek(at)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # being written
                yield _entry(seq, line[:-1], path.name, at)
                seq, at = seq + 1, at + len(line)


def _entry(seq: int, raw: bytes, segment: str, offset: int) -> AuditEntry:
    event = _event(raw)
    text = folded(" ".join(_values({key: value for key, value in event.items() if key not in KEYS_APART})))
    words = {key: str(event.get(key, ""))[:limit] for key, limit in (("actor", 120), ("run", 80), ("item", 200), ("target", 200))}
    action = str(event.get("action", "erased"))[:80]
    at = dt.datetime.fromisoformat(event["ts"]) if "ts" in event else None
    return AuditEntry(seq=seq, at=at, action=action, text=text, segment=segment, offset=offset, length=len(raw), **words)


def _event(raw: bytes) -> dict[str, Any]:
    """The event in a line; an empty one where only a hash is left of it."""
    return {} if raw.startswith(b"~") else dict(orjson.loads(raw))


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    elif value is not None:
        yield str(value)
