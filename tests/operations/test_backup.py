"""Backups: whole while others work, proven byte by byte, restored into an empty place alone.

What came from one presses nothing before a person looked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from retaguarda.act import ActProtocol, OutcomeKind
from retaguarda.audit.verify import verify as verify_log
from retaguarda.errors import ConfigurationError, LeaseHeld, StoreUnavailable
from retaguarda.jobs.journal import ActKey
from retaguarda.model.acts import Receipt
from retaguarda.operations.alerts import keep_watch
from retaguarda.operations.backup.check import verify
from retaguarda.operations.backup.create import UPKEEP, Backups, find
from retaguarda.operations.backup.files import Manifest
from retaguarda.operations.backup.restore import accept, restore
from retaguarda.operations.installation import Installation
from retaguarda.store.connection import connect, point_at
from retaguarda.store.models import (
    Alert,
    Evidence,
    Intent,
    Item,
    ItemState,
    Milestone,
    OutboxEvent,
    Request,
    RequestState,
    RunRecord,
    RunState,
)
from tests.conftest import OpenStore
from tests.house import Form, House, SetClock, Thing, found
from tests.postgres import PostgresServer
from tests.sandbox_fixtures import ROOT

SECRET = "canary-vault-3"


@dataclass
class Site:
    """An installation and the folder of its backups."""

    house: House
    store: OpenStore
    folder: Path

    @property
    def installation(self) -> Installation:
        services = self.house.services
        return Installation(services.settings, services.clock, services.locks, lambda: self.house.vault)

    @property
    def backups(self) -> Backups:
        return Backups(self.installation, self.folder)

    def worked(self) -> RunRecord:
        """A run that ended, with evidence; one that is at work with a press on its way; one that waits in a queue; one parked."""
        services = self.house.services
        done = self.house.record("export_erp")
        services.runs.begin(done)
        services.evidence.keep(done, "download", "contracts.csv", b"contracts of the month")
        services.runs.end(done, RunState.SUCCESSFUL)
        services.runs.create("download_statements", {}, queue="default")
        parked = services.runs.create("settle_receivables", {}, queue="default")
        Request.objects.create(run=parked, kind="approval", subject="plan", asked_at=services.clock.now())
        RunRecord.objects.filter(pk=parked.pk).update(state=RunState.SUSPENDED)
        running = self.house.record()
        services.runs.begin(running)
        item = services.runs.item(running, "R-1", "R-1", {})
        services.runs.mark(item, ItemState.IN_PROGRESS)
        picture = services.evidence.keep(running, "picture", "form", b"a filled form")
        services.journal.intend(running, ActKey("ccee", "register", "R-1"), "d" * 64, {}, picture)
        self.house.vault.put("ccee/robo", {"user": "robo", "password": SECRET})
        return running


@dataclass
class Portal:
    """A portal that holds references, and what was pressed there."""

    house: House
    held: set[str]
    presses: list[str] = field(default_factory=list)

    def register(self, reference: str, *, dry_run: bool = False) -> OutcomeKind:
        """Leave a reference true there, by the act protocol."""
        services = self.house.services
        run = services.runs.create("registering", {}, dry_run=dry_run)

        def press() -> Receipt:
            self.held.add(reference)
            self.presses.append(reference)
            return Receipt("P-1")

        protocol = ActProtocol(
            run=run,
            portal="ccee",
            quiet_seconds=150,
            journal=services.journal,
            locks=services.locks,
            clock=services.clock,
            shot=lambda label: services.evidence.keep(run, "picture", label, label.encode()),
            may_press=lambda: None,
            dry_run=dry_run,
        )
        look = lambda wanted: found(wanted) if wanted.reference in self.held else None  # noqa: E731
        return protocol.ensure("register", Thing(reference), look, lambda wanted: Form(wanted.fields(), press)).kind


@pytest.fixture(autouse=True)
def _configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "retaguarda.toml").write_text('company = "Exemplo"\n')
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(config))


@pytest.fixture
def site(any_house: House, any_store: OpenStore, tmp_path: Path) -> Site:
    """Over both kinds of store."""
    return Site(any_house, any_store, tmp_path / "backups")


@pytest.fixture
def one_site(house: House, store: Path, tmp_path: Path) -> Site:
    """Over a store in a file: for what does not depend on the kind."""
    return Site(house, OpenStore("sqlite", f"sqlite://{store}", store.parent), tmp_path / "backups")


@pytest.fixture
def empty(any_store: OpenStore, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty database to restore into; nothing where a store is a file."""
    if any_store.kind == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url
        point_at("sqlite://:memory:")


def destroyed(site: Site) -> None:
    """The machine is lost: state folder and database."""
    point_at("sqlite://:memory:")
    shutil.rmtree(site.store.home)


def restored_house(site: Site, home: Path) -> House:
    """The installation over the restored store, which is open."""
    with House.over(home, site.house.services.clock) as house:
        return house


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """What the tables hold that a backup must bring back."""
    return {
        "runs": list(RunRecord.objects.order_by("pk").values_list("pk", "process", "params", "actor", "created_at")),
        "intents": list(Intent.objects.order_by("pk").values_list("portal", "reference", "attempt", "digest", "state", "at")),
        "evidence": list(Evidence.objects.order_by("pk").values_list("run", "sha256", "label", "size")),
    }


# --- the drill ------------------------------------------------------------------------------------------------------------


def test_restore_drill(site: Site, empty: str, tmp_path: Path) -> None:
    running = site.worked()
    manifest = site.backups.create()
    before = rows()
    after = site.house.record("lost_after_the_backup")
    destroyed(site)

    folder = find(site.folder, manifest.name[-4:])
    checked = verify(folder)
    assert checked.problems == []
    assert (checked.evidence, manifest.missing) == (2, ())
    home = tmp_path / "restored"
    restore(folder, home, site.house.services.clock, store_url=empty)

    assert rows() == before
    assert not RunRecord.objects.filter(pk=after.pk).exists()
    assert sorted(RunRecord.objects.values_list("state", flat=True)) == ["STOPPED", "STOPPED", "STOPPED", "SUCCESSFUL"]
    running.refresh_from_db()
    assert running.error
    assert running.error["code"] == "restored"
    assert Item.objects.get(run=running).state == ItemState.UNCERTAIN, "its press is on its way, as far as anybody knows"
    assert Request.objects.get().state == RequestState.EXPIRED
    house = restored_house(site, home)
    assert house.vault.entry("ccee/robo")["password"] == SECRET
    assert (home / "config.restored" / "retaguarda.toml").read_text() == 'company = "Exemplo"\n'
    house.audit.seal()
    verdict = verify_log(home / "audit", home / "evidence")
    assert verdict.problems == []
    assert verdict.files == 2
    assert not OutboxEvent.objects.filter(sealed=False).exists()
    actions = [json.loads(line)["action"] for line in house.audit.lines()]
    assert actions.count("backup.restored") == 1
    assert len(actions) == OutboxEvent.objects.count(), "no event was lost, and none written twice"


def test_nothing_is_pressed_before_a_person_accepts(site: Site, empty: str, tmp_path: Path) -> None:
    site.worked()
    manifest = site.backups.create()
    destroyed(site)
    clock = site.house.services.clock
    restore(site.folder / manifest.name, tmp_path / "restored", clock, store_url=empty)
    house = restored_house(site, tmp_path / "restored")
    portal = Portal(house, {"R-8"})  # pressed after the backup: the store does not know, the portal does
    assert portal.register("R-8") is OutcomeKind.ALREADY
    assert portal.register("R-9", dry_run=True) is OutcomeKind.PLANNED
    with pytest.raises(ConfigurationError, match="restored from the backup of 2026-11-11"):
        portal.register("R-9")
    assert portal.presses == []
    place = Installation(house.services.settings, clock, house.services.locks, lambda: house.vault)
    keep_watch(place)
    assert Alert.objects.get(cause="restored").severity == "critical"

    with pytest.raises(ConfigurationError, match="quiet period"):
        accept(clock, 150, "compared")
    clock.pause(151)
    assert accept(clock, 150, "compared with CCEE") == manifest.name
    assert portal.register("R-9") is OutcomeKind.DONE
    assert portal.register("R-8") is OutcomeKind.ALREADY
    assert portal.presses == ["R-9"]
    keep_watch(place)
    clock.pause(660)
    keep_watch(place)
    assert Alert.objects.get(cause="restored").recovered_at is not None
    with pytest.raises(ConfigurationError, match="was accepted"):
        accept(clock, 150, "again")


def test_a_reboot_counts_the_quiet_period_anew(house: House, store: Path, tmp_path: Path) -> None:
    clock = house.services.clock
    assert isinstance(clock, SetClock)
    Milestone.objects.create(name="restored", at=clock.now(), facts={"boot": clock.boot_id(), "monotonic": clock.monotonic()})
    clock.reboot()
    with pytest.raises(ConfigurationError, match="130 s are left"):
        accept(clock, 150, "compared")
    clock.pause(131)
    accept(clock, 150, "compared")


# --- whole ----------------------------------------------------------------------------------------------------------------


def test_evidence_is_copied_once(one_site: Site) -> None:
    run = one_site.worked()
    first = one_site.backups.create()
    pool = one_site.folder / "evidence"
    inodes = {path.name: path.stat().st_ino for path in pool.rglob("*") if path.is_file()}
    one_site.house.services.evidence.keep(run, "picture", "another", b"another form")
    second = one_site.backups.create()
    there = {path.name: path.stat().st_ino for path in pool.rglob("*") if path.is_file()}
    assert len(there) == 3
    assert there.items() >= inodes.items()
    assert [manifest.name for manifest in one_site.backups.all()] == sorted([second.name, first.name], reverse=True)
    for manifest in (first, second):
        assert verify(one_site.folder / manifest.name).problems == []


def test_it_is_whole_while_events_come(one_site: Site, tmp_path: Path) -> None:
    """Whatever happens between the steps is in the log, so that the restored store never believes sealed what is not."""
    one_site.worked()

    def busy(*_: object) -> None:
        run = one_site.house.record("meanwhile")
        one_site.house.services.evidence.keep(run, "picture", "meanwhile", os.urandom(8))
        one_site.house.audit.seal()

    manifest = one_site.backups.create(busy)
    checked = verify(one_site.folder / manifest.name)
    assert checked.problems == []
    assert checked.evidence > 2, "what was kept while the store was copied is there as well"
    destroyed(one_site)
    restore(one_site.folder / manifest.name, tmp_path / "restored", one_site.house.services.clock)
    house = restored_house(one_site, tmp_path / "restored")
    sealed = [json.loads(line)["id"] for line in house.audit.lines()]
    assert len(sealed) == len(set(sealed))
    assert {event.line["id"] for event in OutboxEvent.objects.all()} <= set(sealed)


WRITER = """
import sys
from pathlib import Path
from retaguarda.store.connection import connect
connect(sys.argv[1])
from retaguarda.clock import Clock
from retaguarda.jobs.runs import Runs
runs = Runs(Path(sys.argv[2]), Clock())
print("ready", flush=True)
while True:
    runs.create("busy", {})
"""


@pytest.mark.thorough
def test_a_snapshot_is_of_one_moment_while_another_process_writes(one_site: Site, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, one_site.store.url, str(tmp_path / "output")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
            manifest = one_site.backups.create()
        finally:
            writer.kill()
    destroyed(one_site)
    restore(one_site.folder / manifest.name, tmp_path / "restored", one_site.house.services.clock)
    queued = {event.line["run"] for event in OutboxEvent.objects.filter(line__action="run.queued")}
    assert queued == set(RunRecord.objects.values_list("pk", flat=True)), "a run and its event are both there, or neither"
    assert queued


def test_no_secret_is_in_a_backup_in_plain_text(site: Site) -> None:
    site.worked()
    manifest = site.backups.create()
    held = [path for path in site.folder.rglob("*") if path.is_file()]
    assert any(path.name == "vault.json" for path in held)
    assert [path for path in held if SECRET.encode() in path.read_bytes()] == []
    assert not [path for path in held if path.stat().st_mode & 0o077]
    assert "vault.key" not in json.dumps(vars(Manifest.read(site.folder / manifest.name)))


# --- proven ---------------------------------------------------------------------------------------------------------------


def test_every_changed_byte_is_found(one_site: Site) -> None:
    one_site.worked()
    folder = one_site.folder / one_site.backups.create().name
    pooled = next(path for path in (one_site.folder / "evidence").rglob("*") if path.is_file())
    for path in [*(path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"), pooled]:
        raw, mode = path.read_bytes(), path.stat().st_mode
        path.chmod(0o600)
        path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        assert any(path.name in problem or path.parent.name in problem for problem in verify(folder).problems), path
        path.write_bytes(raw)
        path.chmod(mode)
    assert verify(folder).problems == []
    (folder / "audit" / "stranger").write_text("x")
    assert verify(folder).problems == ["file audit/stranger is not of this backup"]


def test_evidence_that_is_gone_is_told_when_it_is_made_and_when_it_is_verified(one_site: Site) -> None:
    one_site.worked()
    evidence = Evidence.objects.get(label="contracts.csv")
    path = one_site.house.services.evidence.path(evidence.sha256)
    path.chmod(0o600)
    path.write_bytes(b"changed")
    manifest = one_site.backups.create()
    assert manifest.missing == (evidence.sha256,)
    assert f"evidence {evidence.sha256} was missing or changed when the backup was made" in verify(one_site.folder / manifest.name).problems
    with pytest.raises(ConfigurationError, match="does not hold"):
        restore(one_site.folder / manifest.name, one_site.folder / "x", one_site.house.services.clock, store_url="")


# --- never over a living one ------------------------------------------------------------------------------------------


def test_it_is_restored_into_an_empty_place_alone(site: Site, empty: str, tmp_path: Path) -> None:
    site.worked()
    folder = site.folder / site.backups.create().name
    clock = site.house.services.clock
    with pytest.raises(ConfigurationError, match="is not empty"):
        restore(folder, site.store.home, clock, store_url=empty)
    if site.store.kind == "postgresql":
        with pytest.raises(ConfigurationError, match="database to restore into is not empty"):
            restore(folder, tmp_path / "new", clock, store_url=site.store.url)
        with pytest.raises(ConfigurationError, match="of PostgreSQL"):
            restore(folder, tmp_path / "new", clock)
        with pytest.raises(StoreUnavailable) as raised:
            restore(folder, tmp_path / "new", clock, store_url=f"{site.store.url}_none")
        assert "canary-postgres" not in raised.value.text
    assert not (tmp_path / "new").exists()
    assert RunRecord.objects.filter(state=RunState.RUNNING).count() == 1, "the living store was left as it was"


def test_one_at_a_time_and_not_while_retention_works(one_site: Site) -> None:
    with one_site.house.services.locks.hold(UPKEEP), pytest.raises(LeaseHeld):
        one_site.backups.create()
    one_site.folder.mkdir(exist_ok=True)
    (one_site.folder / ".20261111-000000-dead.part").mkdir()
    manifest = one_site.backups.create()
    assert [path.name for path in one_site.folder.glob("*2026*")] == [manifest.name], "what a broken-off one left is gone"


def test_a_backup_that_breaks_off_is_none(one_site: Site) -> None:
    one_site.worked()

    def dies(stage: str, *_: object) -> None:
        if stage == "copying evidence":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        one_site.backups.create(dies)
    assert one_site.backups.all() == []
    assert not Milestone.objects.filter(name="backup").exists()
    manifest = one_site.backups.create()
    assert verify(one_site.folder / manifest.name).problems == []
    assert Milestone.objects.get(name="backup").facts["backup"] == manifest.name


def test_the_command_line_goes_all_the_way(tmp_path: Path) -> None:
    """The drill as an operator types it, on a store in a file."""
    settings = {
        "RETAGUARDA_HOME": str(tmp_path / "state"),
        "RETAGUARDA_OUTPUT": str(tmp_path / "output"),
        "RETAGUARDA_VAULT__KEY_FILE": str(tmp_path / "vault.key"),
        "RETAGUARDA_BACKUP__FOLDER": str(tmp_path / "backups"),
        "COLUMNS": "110",
    }

    def typed(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "retaguarda", *arguments]
        return subprocess.run(command, cwd=ROOT, env=os.environ | settings | more, capture_output=True, text=True, check=False)

    connect(f"sqlite://{tmp_path / 'state' / 'retaguarda.db'}")
    connection.close()
    made = json.loads(typed("backup", "create", "--json").stdout)
    restored = typed("backup", "restore", made["name"], "--to", str(tmp_path / "restored"))
    assert restored.returncode == 0, restored.stderr
    assert "retaguarda backup accept" in restored.stdout
    there = {"RETAGUARDA_HOME": str(tmp_path / "restored")}
    refused = typed("backup", "accept", "--reason", "comparado", "--yes", **there)
    assert (refused.returncode, "quarentena" in refused.stderr) == (3, True)
