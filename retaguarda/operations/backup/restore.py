"""Restores a backup into an empty place, and marks it: the store does not know what was pressed after the backup was made.

While the mark stands nothing is pressed (`Journal.intend` refuses), whatever is launched; looking, downloading and simulating
are free. A person takes it away with `backup accept`, once every simulation shows as already there what was done since.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

from django.db import connections, transaction

from retaguarda.audit import events
from retaguarda.audit.log import AuditLog
from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.journal import RESTORED
from retaguarda.jobs.runs import Runs
from retaguarda.operations.backup.check import verify
from retaguarda.operations.backup.create import Tell
from retaguarda.operations.backup.files import Manifest, Pool, evidence_of, files_under, flush_file
from retaguarda.operations.backup.stores import POSTGRESQL, SQLITE, must_be_empty, restore_postgresql, restore_sqlite
from retaguarda.store.connection import connect
from retaguarda.store.models import Lease, Milestone, Request, RequestState, RunRecord, RunState, Worker

UNFINISHED = (RunState.PENDING, RunState.RUNNING, RunState.SUSPENDED)


def restore(folder: Path, home: Path, clock: Clock, *, store_url: str = "", tell: Tell = lambda *_: None) -> Manifest:
    """Restore a backup to the state folder `home`, and its store to an empty database where it is PostgreSQL's.

    Refused when the place is not empty, or when the backup does not verify. What breaks off leaves no installation behind.
    """
    manifest = Manifest.read(folder)
    if home.exists() and any(home.iterdir()):
        raise ConfigurationError(f"{home} is not empty", remedy="give a new folder: a living installation is never written over")
    if manifest.kind == "postgresql":
        must_be_empty(_needed(store_url))
    checked = verify(folder, tell)
    if not checked.holds:
        raise ConfigurationError(f"the backup does not hold: {checked.problems[0]}", remedy=f"retaguarda backup verify {manifest.name}")
    part = home.with_name(f".{home.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    _put_files(folder, part, tell)
    tell("restoring the store", 0, 1)
    url = _put_store(folder, part, manifest, clock, store_url)
    if home.exists():
        home.rmdir()
    _mark(url, part, manifest, clock)
    connections.close_all()  # nothing of the store may be open under its old name
    part.rename(home)
    flush_file(home.parent)
    connect(url if manifest.kind == "postgresql" else f"sqlite://{home.absolute() / 'retaguarda.db'}")
    return manifest


def _needed(store_url: str) -> str:
    if not store_url:
        raise ConfigurationError("this backup is of PostgreSQL", remedy="give an empty database: --store postgresql://user@host:5432/name")
    return store_url


def _put_files(folder: Path, part: Path, tell: Tell) -> None:
    """Vault, log and evidence to their places; the configuration beside them, for a person to compare."""
    part.mkdir(parents=True, mode=0o700)
    for source, target in (("home", part), ("audit", part / "audit"), ("config", part / "config.restored")):
        for path in files_under(folder / source):
            _put(path, target / path.relative_to(folder / source), 0o600)
    pool, wanted = Pool(folder.parent), evidence_of(folder)
    for done, sha256 in enumerate(wanted, 1):
        _put(pool.path(sha256), part / "evidence" / sha256[:2] / sha256, 0o440)
        tell("restoring evidence", done, len(wanted))


def _put(source: Path, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _put_store(folder: Path, part: Path, manifest: Manifest, clock: Clock, store_url: str) -> str:
    """The store in its place, marked; returns its address."""
    if manifest.kind == "sqlite":
        restore_sqlite(folder / SQLITE, part / "retaguarda.db")
        return f"sqlite://{part.absolute() / 'retaguarda.db'}"
    facts = json.dumps(_facts(manifest, clock)).replace("'", "''")
    at = clock.now().isoformat()
    columns = "INSERT INTO public.store_milestone (name, at, by, facts)"
    restore_postgresql(folder / POSTGRESQL, store_url, f"{columns} VALUES ('{RESTORED}', '{at}', '{_quoted(events.actor())}', '{facts}')")
    return store_url


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _facts(manifest: Manifest, clock: Clock) -> dict[str, object]:
    return {"backup": manifest.name, "made_at": manifest.made_at, "boot": clock.boot_id(), "monotonic": clock.monotonic()}


def _mark(url: str, part: Path, manifest: Manifest, clock: Clock) -> None:
    """Say in the restored store what it is, and stop everything that was on its way: what became of it since is unknown."""
    connect(url)
    runs = Runs(part, clock)
    with transaction.atomic():
        place = {"at": clock.now(), "by": events.actor(), "facts": _facts(manifest, clock)}
        Milestone.objects.update_or_create(name=RESTORED, defaults=place)
        made = {"at": dt.datetime.fromisoformat(manifest.made_at), "by": manifest.by, "facts": {"backup": manifest.name}}
        Milestone.objects.update_or_create(name="backup", defaults=made)
        for run in RunRecord.objects.filter(state__in=UNFINISHED).order_by("-created_at"):
            text = f"restored from the backup of {manifest.made_at[:10]}: what became of it since is unknown"
            error = {"code": "restored", "text": text, "remedy": f"retaguarda run resume {run.pk}"}
            runs.end(run, RunState.STOPPED, error=error)
        reason = f"restored from backup {manifest.name}"
        Request.objects.filter(state=RequestState.OPEN).update(state=RequestState.EXPIRED, answered_at=clock.now(), reason=reason)
        Worker.objects.filter(stopped_at=None).update(stopped_at=clock.now())
        Lease.objects.filter(released_at=None).update(released_at=clock.now())
        events.record("backup.restored", target=manifest.name, data={"made_at": manifest.made_at, "by": manifest.by})
    AuditLog(part / "audit").seal()


def accept(clock: Clock, quiet_seconds: float, reason: str) -> str:
    """A person says that the restored store agrees with the portals: presses are free again. Returns the backup's name.

    Refused before the longest quiet period has passed since the restore, on the monotonic clock: what was pressed last may
    still be on its way, and no simulation could have seen it.
    """
    restored = Milestone.objects.filter(name=RESTORED).first()
    if restored is None:
        raise ConfigurationError("this store does not come from a backup, or was accepted", remedy="nothing is to be done")
    began = float(restored.facts.get("monotonic", 0)) if restored.facts.get("boot") == clock.boot_id() else 0.0
    left = quiet_seconds - (clock.monotonic() - began)
    if left > 0:
        raise ConfigurationError(
            f"the portals' quiet period has not passed: {left:.0f} s are left", remedy="simulate meanwhile, then accept"
        )
    with transaction.atomic():
        restored.delete()
        events.record("backup.accepted", target=str(restored.facts.get("backup", "")), data={"reason": reason})
    return str(restored.facts.get("backup", ""))


def simulations_since(restored: Milestone) -> int:
    """Runs that were simulated since the restore: without one nobody has looked."""
    return RunRecord.objects.filter(parent=None, dry_run=True, created_at__gt=restored.at).count()
