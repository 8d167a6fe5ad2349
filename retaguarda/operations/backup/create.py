"""Makes a backup while the installation works.

The order makes it whole: the log is sealed, the store is copied as of one moment, and only then the log, so that it holds every
event that the store believes sealed; last the evidence that either of them names. What happens meanwhile is in the log alone.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from retaguarda import __version__
from retaguarda.audit import events
from retaguarda.clock import SAO_PAULO
from retaguarda.configuration import configuration_files
from retaguarda.errors import ConfigurationError
from retaguarda.locks import process_lock
from retaguarda.operations.backup.files import (
    EVIDENCE_LIST,
    MANIFEST,
    Manifest,
    Pool,
    copied,
    files_under,
    flush_file,
    sha256_of,
    write_durably,
)
from retaguarda.operations.backup.stores import file_name, snapshot
from retaguarda.operations.installation import Installation
from retaguarda.store.models import Evidence, Milestone, OutboxEvent, RunRecord

UPKEEP = "backup/retention"
"""Lock of what must not happen at once: a backup, and the retention that takes evidence away."""
LEFT_OUT = {"audit", "evidence", "locks", "store-lost.json"}
"""What lies in the state folder and is copied otherwise, or not at all."""
Tell = Callable[[str, int, int], None]
"""Hears the stage, how much of it is done, of how much."""


@dataclass(frozen=True)
class Backups:
    """The backups of an installation in a folder."""

    installation: Installation
    folder: Path

    def create(self, tell: Tell = lambda *_: None) -> Manifest:
        """Make a backup; what it lacks stands in its `missing`. LeaseHeld when another one, or retention, is at work.

        It appears under its name when all of it is on the disk. A broken-off one leaves only what the next makes use of.
        """
        self._must_have_the_log()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (
            process_lock(self.folder / ".lock", held_text="another backup is being made in this folder"),
            self.installation.locks.hold(UPKEEP),
        ):
            for left in self.folder.glob(".*.part"):
                shutil.rmtree(left)
            now = self.installation.clock.now().astimezone(SAO_PAULO)
            name = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
            part = self.folder / f".{name}.part"
            part.mkdir(mode=0o700)
            manifest = self._filled(part, name, now, tell)
            part.rename(self.folder / name)
            flush_file(self.folder)
        self._note(manifest, now)
        return manifest

    def all(self) -> list[Manifest]:
        """Every backup of the folder, the newest first."""
        return [Manifest.read(path.parent) for path in sorted(self.folder.glob(f"[!.]*/{MANIFEST}"), reverse=True)]

    def _must_have_the_log(self) -> None:
        elsewhere = self.installation.audit().kept_elsewhere()
        if elsewhere:
            raise ConfigurationError(
                f"the store's audit log lies on another machine: {elsewhere.host}:{elsewhere.path}", remedy="make the backup there"
            )

    def _filled(self, part: Path, name: str, now: dt.datetime, tell: Tell) -> Manifest:
        tell("sealing the audit log", 0, 1)
        with transaction.atomic():
            events.record("backup.begun", target=name)
        self.installation.audit().seal()
        store = part / file_name(connection.vendor)
        facts = {**snapshot(store, lambda done, total: tell("copying the store", done, total)), **_counts()}
        tell("copying the audit log", 0, 1)
        self._copy_log(part / "audit")
        missing = self._pool_evidence(part, tell)
        self._copy_home(part / "home")
        _copy_configuration(part / "config")
        files = {str(path.relative_to(part)): digest for path, digest in _hashed(part, tell)}
        manifest = Manifest(
            name=name,
            made_at=now.isoformat(timespec="seconds"),
            by=events.actor(),
            host=socket.gethostname(),
            version=__version__,
            kind=connection.vendor,
            facts=facts,
            files=files,
            missing=tuple(missing),
        )
        manifest.write(part)
        return manifest

    def _copy_log(self, target: Path) -> None:
        """The log as it stands, with no sealer at work."""
        source = self.installation.audit_folder
        with process_lock(source / "sealer.lock", wait=True):
            for path in files_under(source):
                if path.suffix != ".lock":
                    copied(path, target / path.relative_to(source))

    def _pool_evidence(self, part: Path, tell: Tell) -> list[str]:
        """Have all evidence that the snapshot or the copied log names in the pool; returns what cannot be had."""
        wanted = sorted(_named_by_store() | _named_by_log(part / "audit"))
        pool, source, missing = Pool(self.folder), self.installation.evidence_folder, []
        for done, sha256 in enumerate(wanted, 1):
            if not pool.add(sha256, source / sha256[:2] / sha256):
                missing.append(sha256)
            tell("copying evidence", done, len(wanted))
        write_durably(part / EVIDENCE_LIST, "\n".join(wanted).encode())
        return missing

    def _copy_home(self, target: Path) -> None:
        """What else lies in the state folder: the vault, and what remembers spent codes."""
        home = self.installation.settings.home
        database = str(connection.settings_dict["NAME"])
        for path in files_under(home):
            inside, whole = path.relative_to(home), path.absolute()
            ours = self.folder.absolute() in whole.parents or str(whole).startswith(database)
            if inside.parts[0] not in LEFT_OUT and path.suffix != ".lock" and not ours:
                copied(path, target / inside)

    def _note(self, manifest: Manifest, now: dt.datetime) -> None:
        facts = {"backup": manifest.name, "files": len(manifest.files), "missing": len(manifest.missing), **manifest.facts}
        with transaction.atomic():
            events.record("backup.created", target=str(self.folder / manifest.name), data=facts)
            place = {"at": now, "by": manifest.by, "facts": {"backup": manifest.name, "missing": len(manifest.missing)}}
            Milestone.objects.update_or_create(name="backup", defaults=place)


def find(folder: Path, name: str) -> Path:
    """The backup of that name in a folder, or the only one whose name ends with it; ConfigurationError otherwise."""
    found = [path.parent for path in folder.glob(f"[!.]*/{MANIFEST}") if path.parent.name.endswith(name)]
    if len(found) != 1:
        raise ConfigurationError(f"{'no' if not found else 'more than one'} backup {name!r}", remedy="see: retaguarda backup list")
    return found[0]


def _counts() -> dict[str, str]:
    """How much the store held shortly after the snapshot: for people, not for proof."""
    return {
        "runs": str(RunRecord.objects.count()),
        "last_event": str(OutboxEvent.objects.order_by("-id").values_list("pk", flat=True).first() or 0),
    }


def _named_by_store() -> set[str]:
    return set(Evidence.objects.filter(removed_at=None).values_list("sha256", flat=True))


def _named_by_log(audit: Path) -> set[str]:
    """Evidence that the log tells of and that retention did not take away."""
    kept: set[str] = set()
    for segment in sorted((audit / "segments").glob("*.jsonl")):
        with segment.open("rb") as file:
            for line in file:
                if b'"evidence.kept"' in line or b'"evidence.removed"' in line:
                    _follow(json.loads(line), kept)
    return kept


def _follow(event: dict[str, object], kept: set[str]) -> None:
    facts = event.get("data")
    sha256 = str(facts.get("sha256", "")) if isinstance(facts, dict) else ""
    if event.get("action") == "evidence.kept":
        kept.add(sha256)
    elif event.get("action") == "evidence.removed":
        kept.discard(sha256)


def _copy_configuration(target: Path) -> None:
    """The folder of the configuration, and the files that RETAGUARDA_CONFIG names."""
    folder = Path(os.environ.get("RETAGUARDA_CONFIG_DIR", "config"))
    inside = list(files_under(folder)) if folder.is_dir() else []
    for path in inside:
        copied(path, target / path.relative_to(folder))
    for path in configuration_files():
        if path not in inside and path.exists():
            copied(path, target / "named" / path.name)


def _hashed(part: Path, tell: Tell) -> list[tuple[Path, str]]:
    """Every file with its SHA-256, read back from where it was written."""
    paths, found = list(files_under(part)), []
    for done, path in enumerate(paths, 1):
        found.append((path, sha256_of(path)))
        tell("hashing", done, len(paths))
    return found
