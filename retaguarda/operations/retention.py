"""Retention: each class of data is kept for its days, then let go, with a tombstone in the audit log, which itself always stays.

Safe to kill and to repeat at any moment. Evidence is first marked as removed, with its event; then its file is deleted, unless
a kept row names the same bytes; a mark whose file is still there is finished by the next turn. What a legal hold covers stays.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction

from retaguarda.audit import events
from retaguarda.audit.evidence import EvidenceStore
from retaguarda.jobs.journal import UNRESOLVED
from retaguarda.jobs.runs import ENDED
from retaguarda.operations.backup.create import UPKEEP
from retaguarda.operations.holds import all_is_held, held_runs, tree_of
from retaguarda.operations.installation import Installation
from retaguarda.store.models import (
    Alert,
    BoletoReturn,
    Evidence,
    FireState,
    Intent,
    Item,
    ItemState,
    LegalHold,
    Notice,
    OutboxEvent,
    PlannedFire,
    Request,
    RequestState,
    RunRecord,
    RunState,
    StatementFile,
    Worker,
)

BATCH = 200
CLASSES = ("logs", "pictures", "files", "runs", "ledger", "alerts", "engine", "outbox")
TECHNICAL = ("run.jsonl", "trace-*.zip")
"""Files in a run's folder that are for those who mend robots: what auditors need is evidence."""
KEPT = (PlannedFire, StatementFile, BoletoReturn)
"""Rows that outlive the run that made them."""
UNKNOWN = (ItemState.UNCERTAIN, ItemState.DEFERRED)
"""Items of which nobody knows whether the portal took them: what tells of them stays, whatever its age."""
SPARE = 0.2
"""Share of a SQLite file that must be free before it is worth writing it anew."""
Forget = Callable[[dt.datetime], int]
Tell = Callable[[str, int], None]
"""Hears the class and how many of it are gone so far."""


@dataclass(frozen=True, slots=True)
class Expired:
    """What of a class is older than its days, and how much of that is held."""

    name: str
    days: int
    before: dt.datetime | None
    count: int = 0
    held: int = 0


@dataclass
class Gone:
    """What one turn let go, by class."""

    held: bool = False  # a hold on everything stands: nothing was looked at
    counts: Counter[str] = field(default_factory=Counter)
    freed: int = 0  # bytes of files


class Retention:
    """The retention of an installation. `forget` lets the engine's own rows go, where an engine runs in this process."""

    def __init__(self, installation: Installation, forget: Forget = lambda _: 0, tell: Tell = lambda *_: None) -> None:
        self._installation = installation
        self._forget = forget
        self._tell = tell
        self._evidence = EvidenceStore(installation.evidence_folder, installation.clock)

    def plan(self) -> list[Expired]:
        """What `apply` would let go; nothing is changed."""
        held, everything = held_runs(), all_is_held()
        return [self._expired(name, held, everything=everything) for name in CLASSES]

    def apply(self) -> Gone:
        """Let go what has expired, in small steps; LeaseHeld while a backup is made, or another turn is at work."""
        gone = Gone(held=all_is_held())
        if gone.held:
            return gone
        with self._installation.locks.hold(UPKEEP):
            self._finish_removals(gone)
            steps: Sequence[tuple[str, Callable[[dt.datetime, Gone], None]]] = (
                ("logs", self._logs),
                ("pictures", self._pictures),
                ("files", self._files),
                ("runs", self._runs),
                ("ledger", self._ledger),
                ("alerts", self._alerts),
                ("engine", self._engine),
                ("outbox", self._outbox),
            )
            for name, step in steps:
                before = self._before(name)
                if before:
                    step(before, gone)
            with transaction.atomic():
                events.record("retention.applied", data=dict(gone.counts))
        return gone

    def _before(self, name: str) -> dt.datetime | None:
        """Older than this has expired; None where the class is kept for ever."""
        days = getattr(self._installation.settings.retention, name)
        return self._installation.clock.now() - dt.timedelta(days=days) if days else None

    def _count(self, gone: Gone, name: str, count: int) -> None:
        gone.counts[name] += count
        self._tell(name, gone.counts[name])

    # --- what has expired -----------------------------------------------------------------------------------------------

    def _expired(self, name: str, held: set[str], *, everything: bool) -> Expired:
        before = self._before(name)
        days = getattr(self._installation.settings.retention, name)
        if before is None:
            return Expired(name, days, before)
        if name == "logs":
            found = [run for run, _ in self._technical_files(before)]
            kept = len(found) if everything else sum(run in held for run in found)
            return Expired(name, days, before, len(found) - kept, kept)
        rows = self._rows(name, before)
        run = {"runs": "pk", "pictures": "run_id", "files": "run_id", "ledger": "run_id"}.get(name)
        total = sum(query.count() for query in rows)
        kept = total if everything else sum(query.filter(**{f"{run}__in": held}).count() for query in rows) if run else 0
        return Expired(name, days, before, total - kept, kept)

    def _rows(self, name: str, before: dt.datetime) -> list[models.QuerySet[Any]]:
        """The rows of a class that have expired, held ones with them."""
        if name in {"pictures", "files"}:
            return [_old_evidence(before, picture=name == "pictures")]
        if name == "alerts":
            return [Alert.objects.filter(recovered_at__lt=before), Notice.objects.filter(alert=None, made_at__lt=before)]
        if name == "engine":
            return [Worker.objects.filter(stopped_at__lt=before)]
        if name == "outbox":
            last = OutboxEvent.objects.filter(sealed=True).order_by("-id").values_list("pk", flat=True).first() or 0
            return [OutboxEvent.objects.filter(sealed=True, at__lt=before, pk__lt=last)]
        return [_old_fires(before)] if name == "ledger" else [_old_runs(before)]

    # --- letting go -----------------------------------------------------------------------------------------------------

    def _logs(self, before: dt.datetime, gone: Gone) -> None:
        held = held_runs()
        for run, path in self._technical_files(before):
            if run not in held:
                gone.freed += path.stat().st_size
                path.unlink()
                self._count(gone, "logs", 1)

    def _technical_files(self, before: dt.datetime) -> Iterator[tuple[str, Path]]:
        """Logs and traces of root runs that ended before a moment, as they lie under output/<date>/<run>/."""
        for day in sorted(self._installation.settings.output.glob("[0-9]*-[0-9]*-[0-9]*")):
            if day.name > f"{before:%Y-%m-%d}":
                return
            folders = {folder.name: folder for folder in day.iterdir() if folder.is_dir()}
            ended = RunRecord.objects.filter(pk__in=folders, state__in=ENDED, ended_at__lt=before)
            for run in ended.order_by("pk").values_list("pk", flat=True):
                yield from ((run, path) for pattern in TECHNICAL for path in sorted(folders[run].glob(pattern)))

    def _pictures(self, before: dt.datetime, gone: Gone) -> None:
        self._remove(_old_evidence(before, picture=True), "pictures", gone)

    def _files(self, before: dt.datetime, gone: Gone) -> None:
        self._remove(_old_evidence(before, picture=False), "files", gone)

    def _remove(self, expired: models.QuerySet[Evidence], name: str, gone: Gone) -> None:
        """Mark evidence as removed, each piece with its tombstone, then delete the files that nobody else names."""
        while True:
            with _nobody_adds():
                if all_is_held():
                    return
                batch = list(expired.exclude(run__in=held_runs()).order_by("pk")[:BATCH])
                Evidence.objects.filter(pk__in=[one.pk for one in batch]).update(removed_at=self._installation.clock.now())
                for one in batch:
                    facts = {"sha256": one.sha256, "kind": one.kind, "bytes": one.size, "kept_since": one.at.isoformat()}
                    events.record("evidence.removed", run=one.run_id, target=one.label, data=facts)
            if not batch:
                return
            self._delete_files({one.sha256 for one in batch}, gone)
            self._count(gone, name, len(batch))

    def _delete_files(self, hashes: set[str], gone: Gone) -> None:
        """Delete the files that no kept row and no held run names; nobody can begin to name one meanwhile."""
        with _nobody_adds():
            named = Evidence.objects.filter(models.Q(removed_at=None) | models.Q(run__in=held_runs()), sha256__in=hashes)
            kept = hashes if all_is_held() else set(named.values_list("sha256", flat=True))
            for sha256 in sorted(hashes - kept):
                path = self._evidence.path(sha256)
                if path.exists():
                    gone.freed += path.stat().st_size
                    path.unlink()

    def _finish_removals(self, gone: Gone) -> None:
        """Delete files whose removal was marked by a turn that was killed."""
        marked = Evidence.objects.filter(removed_at__isnull=False).values_list("sha256", flat=True).distinct()
        left = [sha256 for sha256 in marked.iterator(chunk_size=1000) if self._evidence.path(sha256).exists()]
        for start in range(0, len(left), BATCH):
            self._delete_files(set(left[start : start + BATCH]), gone)

    def _runs(self, before: dt.datetime, gone: Gone) -> None:
        """Whole trees of runs: first their evidence and folder, then their rows, with one tombstone a tree."""
        last = ""
        while root := _old_runs(before).filter(pk__gt=last).exclude(pk__in=held_runs()).order_by("pk").first():
            last = root.pk
            tree = tree_of(root.pk)
            if _doubtful(tree):
                continue
            self._remove(Evidence.objects.filter(run__in=tree, removed_at=None), "files", gone)
            if self._let_go(root, tree):
                self._count(gone, "runs", 1)

    def _let_go(self, root: RunRecord, tree: set[str]) -> bool:
        """Delete a tree; false when somebody came to hold it meanwhile."""
        with _nobody_adds():
            if all_is_held() or tree & held_runs() or _doubtful(tree) or Evidence.objects.filter(run__in=tree, removed_at=None).exists():
                return False
            self._delete_folder(Path(root.folder))
            facts = {
                "runs": len(tree),
                "process": root.process,
                "state": root.state,
                "ended_at": root.ended_at.isoformat() if root.ended_at else "",
            }
            _delete_rows(tree)
            events.record("run.removed", run=root.pk, target=root.process, data=facts)
        return True

    def _delete_folder(self, folder: Path) -> None:
        """The folder of a run; only one that lies where runs have theirs."""
        output = self._installation.settings.output.resolve()
        if folder.is_dir() and output in folder.resolve().parents:
            shutil.rmtree(folder)
            if not any(folder.parent.iterdir()):
                folder.parent.rmdir()

    def _ledger(self, before: dt.datetime, gone: Gone) -> None:
        self._delete_batches("ledger", lambda: _old_fires(before).exclude(run__in=held_runs()), gone)

    def _alerts(self, before: dt.datetime, gone: Gone) -> None:
        for rows in self._rows("alerts", before):
            self._delete_batches("alerts", rows.all, gone)

    def _engine(self, before: dt.datetime, gone: Gone) -> None:
        self._delete_batches("engine", Worker.objects.filter(stopped_at__lt=before).all, gone)
        self._count(gone, "engine", self._forget(before))

    def _outbox(self, before: dt.datetime, gone: Gone) -> None:
        """The copies of what the log holds; the newest stays, so that a log that is lost is noticed."""
        [rows] = self._rows("outbox", before)
        self._delete_batches("outbox", rows.all, gone)

    def _delete_batches(self, name: str, rows: Callable[[], models.QuerySet[Any]], gone: Gone) -> None:
        while True:
            with _nobody_adds():
                if all_is_held():
                    return
                batch = list(rows().order_by("pk").values_list("pk", flat=True)[:BATCH])
                rows().model._default_manager.filter(pk__in=batch).delete()
            if not batch:
                return
            self._count(gone, name, len(batch))


@contextmanager
def _nobody_adds() -> Iterator[None]:
    """A transaction in which nobody else adds a hold or evidence: SQLite's writer is alone anyway."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LOCK TABLE store_legalhold, store_evidence IN SHARE ROW EXCLUSIVE MODE")
        yield


def _old_evidence(before: dt.datetime, *, picture: bool) -> models.QuerySet[Evidence]:
    """Evidence of ended runs that has expired; that of a press or an item whose outcome is unknown stays."""
    pressed, unsure = Intent.objects.filter(state__in=UNRESOLVED).values("run"), Item.objects.filter(state__in=UNKNOWN).values("run")
    old = Evidence.objects.filter(at__lt=before, removed_at=None, run__state__in=ENDED).exclude(run__in=pressed).exclude(run__in=unsure)
    return old.filter(kind="picture") if picture else old.exclude(kind="picture")


def _old_runs(before: dt.datetime) -> models.QuerySet[RunRecord]:
    """Root runs that ended before a moment."""
    return RunRecord.objects.filter(parent=None, state__in=ENDED, ended_at__lt=before)


def _doubtful(tree: set[str]) -> bool:
    """Whether a tree of runs is not over: a step not ended, a press unresolved, an item uncertain, a question open."""
    return (
        RunRecord.objects.filter(pk__in=tree).exclude(state__in=ENDED).exists()
        or Intent.objects.filter(run__in=tree, state__in=UNRESOLVED).exists()
        or Item.objects.filter(run__in=tree, state__in=UNKNOWN).exists()
        or Request.objects.filter(run__in=tree, state=RequestState.OPEN).exists()
    )


def _old_fires(before: dt.datetime) -> models.QuerySet[PlannedFire]:
    return PlannedFire.objects.filter(at__lt=before).exclude(state=FireState.PLANNED)


def _delete_rows(tree: set[str]) -> None:
    """A tree of runs with every row that hangs on it; planned fires and the book of accounts stay, without their run."""
    for kept in KEPT:
        kept._default_manager.filter(run__in=tree).update(run=None)
    LegalHold.objects.filter(run__in=tree).delete()  # lifted ones: standing ones keep the tree
    for relation in RunRecord._meta.related_objects:
        if relation.related_model not in {*KEPT, LegalHold, RunRecord}:
            relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": tree}).delete()
    RunRecord.objects.filter(pk__in=tree).update(parent=None)
    RunRecord.objects.filter(pk__in=tree).delete()


def compact() -> int:
    """Give the space of deleted rows back to the disk; returns the bytes. On PostgreSQL its own autovacuum does.

    SQLite writes the file anew and lets nobody else write meanwhile: only when nothing is running, and when it is worth it.
    """
    if connection.vendor != "sqlite" or RunRecord.objects.filter(state=RunState.RUNNING).exists():
        return 0
    with connection.cursor() as cursor:
        free, pages, size = (cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "page_size"))
        if not pages or free / pages < SPARE:
            return 0
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return int(free * size)
