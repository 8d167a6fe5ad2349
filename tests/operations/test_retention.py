"""Retention: exactly what has expired goes, with its tombstone; what is held, shared, doubtful or young stays, whatever dies meanwhile."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retaguarda.audit.verify import verify
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError, LeaseHeld
from retaguarda.jobs.journal import ActKey
from retaguarda.operations.alerts import Alerts
from retaguarda.operations.backup.create import UPKEEP
from retaguarda.operations.findings import Finding
from retaguarda.operations.holds import hold, lift
from retaguarda.operations.installation import Installation
from retaguarda.operations.retention import Gone, Retention, compact
from retaguarda.settings import RetentionSettings
from retaguarda.store.models import (
    Alert,
    BoletoReturn,
    Booking,
    Evidence,
    FireState,
    Intent,
    IntentState,
    Item,
    ItemState,
    LegalHold,
    OutboxEvent,
    PlannedFire,
    Request,
    RequestState,
    RunRecord,
    RunState,
    StatementEntry,
    StatementFile,
    Worker,
)
from tests.conftest import OpenStore
from tests.house import House
from tests.sandbox_fixtures import ROOT

YEAR = 365 * 86_400
DAY = 86_400


def place(house: House, **days: int) -> Installation:
    """The house as its keepers see it; classes that are not named are kept for ever."""
    services = house.services
    kept = dict.fromkeys(RetentionSettings.model_fields, 0) | days
    settings = services.settings.model_copy(update={"retention": RetentionSettings(**kept)})
    return Installation(settings, services.clock, services.locks, lambda: house.vault)


def applied(house: House, **days: int) -> Gone:
    return Retention(place(house, **days)).apply()


def worked(house: House, *files: bytes, process: str = "export_erp", parent: RunRecord | None = None) -> RunRecord:
    """A run that ended, with its folder, its log, an item and evidence: the first file a picture, the others downloads."""
    services = house.services
    run = services.runs.create(process, {}, parent=parent)
    services.runs.begin(run)
    (Path(run.folder) / "run.jsonl").write_text("{}\n")
    services.runs.item(run, "R-1", "R-1", {})
    for number, data in enumerate(files):
        services.evidence.keep(run, "download" if number else "picture", f"file {number}", data)
    services.runs.end(run, RunState.SUCCESSFUL)
    return run


def later(house: House, seconds: float) -> None:
    house.services.clock.pause(seconds)


def held_files(house: House) -> set[bytes]:
    folder = house.services.evidence.folder
    return {path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def verified(house: House) -> None:
    """The log holds, and each missing file has its tombstone."""
    house.audit.seal()
    assert verify(house.audit.folder, house.services.evidence.folder).problems == []


def tombstones(action: str) -> list[dict[str, Any]]:
    return [event.line for event in OutboxEvent.objects.filter(line__action=action).order_by("pk")]


# --- what goes, and what stays ------------------------------------------------------------------------------------------


def test_pictures_go_before_files_and_runs(any_house: House) -> None:
    house = any_house
    old = worked(house, b"old picture", b"old statement")
    later(house, 2 * YEAR)
    young = worked(house, b"young picture", b"young statement")
    gone = applied(house, pictures=365, files=3650, runs=3650)
    assert dict(gone.counts) == {"pictures": 1}
    assert held_files(house) == {b"old statement", b"young picture", b"young statement"}
    [tombstone] = tombstones("evidence.removed")
    kept = Evidence.objects.get(run=old, kind="picture")
    assert (tombstone["run"], tombstone["data"]["sha256"], kept.removed_at is None) == (old.pk, kept.sha256, False)
    assert Evidence.objects.filter(run=young, removed_at__isnull=True).count() == 2
    verified(house)
    assert dict(applied(house, pictures=365, files=3650, runs=3650).counts) == {}, "nothing is done twice"


def test_bytes_that_a_kept_row_names_stay(any_house: House) -> None:
    house = any_house
    worked(house, b"the same")
    later(house, YEAR)
    worked(house, b"the same")
    applied(house, pictures=100)
    assert held_files(house) == {b"the same"}
    verified(house)
    later(house, YEAR)
    applied(house, pictures=100)
    assert held_files(house) == set()
    verified(house)


def test_a_tombstone_of_one_run_excuses_no_other(house: House) -> None:
    """Somebody deletes by hand a file that an older run had too: that one's tombstone does not hide it."""
    worked(house, b"the same")
    later(house, YEAR)
    young = worked(house, b"the same")
    applied(house, pictures=100)
    house.services.evidence.path(Evidence.objects.get(run=young).sha256).unlink()
    house.audit.seal()
    [problem] = verify(house.audit.folder, house.services.evidence.folder).problems
    assert problem.endswith("(file 0) is missing")


def test_a_run_goes_whole_with_its_steps(any_house: House) -> None:
    house = any_house
    root = worked(house, b"picture", process="close_month")
    step = worked(house, b"of a step", b"statement", parent=root)
    now = house.services.clock.now()
    Booking.objects.create(source="s", receivable="r", date=now.date(), amount=1, batch="b", run=step)
    Request.objects.create(run=step, kind="approval", subject="p", asked_at=now, state=RequestState.ANSWERED)
    fire = PlannedFire.objects.create(trigger="t", at=now, local="x", state=FireState.RUN, run=root)
    file = StatementFile.objects.create(account="a", sha256="f", name="n", format="ofx", at=now, proved=True, run=step)
    StatementEntry.objects.create(account="a", entry="e", date=now.date(), amount=1, file=file)
    BoletoReturn.objects.create(
        account="a", sha256="r", bank="341", sequence=7, name="n", format="cnab400", titles=1, credited=1, at=now, run=step
    )
    done = Intent.objects.create(
        portal="ccee", act="register", reference="R", attempt=1, digest="d", state=IntentState.DONE, run=step, at=now, boot="b", monotonic=1
    )
    lift(hold(root, "audit of 2026", house.services.clock).pk, "over", house.services.clock)
    folder = Path(root.folder)
    later(house, 6 * YEAR)
    young = worked(house, b"young")
    gone = applied(house, runs=1827)
    assert dict(gone.counts) == {"files": 3, "runs": 1}
    assert list(RunRecord.objects.all()) == [young]
    assert not folder.exists()
    assert not folder.parent.exists()
    assert Path(young.folder).is_dir()
    assert held_files(house) == {b"young"}
    fire.refresh_from_db()
    assert fire.run is None
    assert not Intent.objects.filter(pk=done.pk).exists()
    assert (StatementEntry.objects.get().file.run, StatementEntry.objects.count()) == (None, 1), "the book of accounts stays"
    assert BoletoReturn.objects.get().run is None
    assert (Booking.objects.count(), Request.objects.count(), Item.objects.count(), LegalHold.objects.count()) == (0, 0, 1, 0)
    [tombstone] = tombstones("run.removed")
    assert (tombstone["run"], tombstone["data"]["runs"]) == (root.pk, 2)
    verified(house)


def test_technical_logs_go_and_the_workbook_stays(any_house: House) -> None:
    house = any_house
    old = worked(house)
    workbook = Path(old.folder) / "export_erp.xlsx"
    workbook.write_bytes(b"x")
    (Path(old.folder) / "trace-ccee.zip").write_bytes(b"x")
    stranger = house.services.settings.output / "2020-01-01" / "not-a-run"
    stranger.mkdir(parents=True)
    (stranger / "run.jsonl").write_text("x")
    later(house, 200 * DAY)
    young = worked(house)
    gone = applied(house, logs=180)
    assert dict(gone.counts) == {"logs": 2}
    assert sorted(path.name for path in Path(old.folder).iterdir()) == ["export_erp.xlsx"]
    assert (Path(young.folder) / "run.jsonl").exists()
    assert (stranger / "run.jsonl").exists(), "what no run of the store made is not ours"


def test_a_folder_outside_of_the_outputs_is_never_deleted(house: House, tmp_path: Path) -> None:
    run = worked(house)
    outside = tmp_path / "precious"
    outside.mkdir()
    RunRecord.objects.filter(pk=run.pk).update(folder=str(outside))
    later(house, 6 * YEAR)
    applied(house, runs=1827)
    assert not RunRecord.objects.exists()
    assert outside.is_dir()


def test_ledger_alerts_workers_and_event_copies(any_house: House) -> None:
    house, now = any_house, any_house.services.clock.now()
    for state in FireState.values:
        PlannedFire.objects.create(trigger=state, at=now, local="x", state=state)
    alerts = Alerts(place(house))
    alerts.update([Finding("disk", "warning", "the disk is filling up"), Finding("vault", "critical", "the vault cannot be opened")])
    Alert.objects.filter(cause="vault").update(recovered_at=now)
    Worker.objects.create(name="w", kind="worker", host="h", pid=1, started_at=now, beat_at=now, stopped_at=now)
    worked(house)
    house.audit.seal()
    OutboxEvent.objects.update(at=now)
    sealed = OutboxEvent.objects.count()
    later(house, YEAR)
    forgotten: list[dt.datetime] = []

    def forget(before: dt.datetime) -> int:
        forgotten.append(before)
        return 7

    gone = Retention(place(house, ledger=30, alerts=30, engine=30, outbox=30), forget).apply()
    assert dict(gone.counts) == {"ledger": 3, "alerts": 1, "engine": 8, "outbox": sealed - 1}
    assert [fire.state for fire in PlannedFire.objects.all()] == ["PLANNED"], "what is still to be decided is no history"
    assert [alert.cause for alert in Alert.objects.all()] == ["disk"], "an open alert is never old"
    assert forgotten[0].astimezone(SAO_PAULO).date() == dt.date(2027, 10, 12)
    assert OutboxEvent.objects.filter(sealed=True).count() == 1, "the newest stays, so that a log that is lost is noticed"
    verified(house)


# --- what must not go -----------------------------------------------------------------------------------------------------


def test_what_is_held_stays_and_a_hold_on_a_step_holds_its_whole_run(any_house: House) -> None:
    house, clock = any_house, any_house.services.clock
    root = worked(house, b"of the root", process="close_month")
    step = worked(house, b"of the step", parent=root)
    other = worked(house, b"of another")
    held = hold(step, "process 123/2026", clock)
    later(house, 6 * YEAR)
    days = {"logs": 1, "pictures": 1, "files": 1, "runs": 1, "ledger": 1}
    plan = {one.name: (one.count, one.held) for one in Retention(place(house, **days)).plan()}
    assert (plan["runs"], plan["pictures"], plan["logs"]) == ((1, 1), (1, 2), (1, 1))
    applied(house, **days)
    assert set(RunRecord.objects.all()) == {root, step}
    assert held_files(house) == {b"of the root", b"of the step"}
    assert (Path(root.folder) / "run.jsonl").exists()
    assert not Path(other.folder).exists()
    lift(held.pk, "judged", clock)
    applied(house, **days)
    assert not RunRecord.objects.exists()
    assert held_files(house) == set()
    assert [line["action"] for line in tombstones("hold.added") + tombstones("hold.lifted")] == ["hold.added", "hold.lifted"]
    verified(house)
    with pytest.raises(ConfigurationError):
        lift(held.pk, "again", clock)


def test_a_hold_on_everything_holds_everything(house: House) -> None:
    worked(house, b"picture")
    hold(None, "inspection", house.services.clock)
    later(house, 6 * YEAR)
    before = OutboxEvent.objects.count()
    gone = applied(house, **dict.fromkeys(RetentionSettings.model_fields, 1))
    assert gone.held
    assert held_files(house) == {b"picture"}
    assert OutboxEvent.objects.count() == before


def test_a_hold_that_comes_in_between_is_respected(any_house: House) -> None:
    house = any_house
    runs = [worked(house, f"{number}".encode()) for number in range(3)]
    last = max(runs, key=lambda run: run.pk)  # runs go in the order of their names
    later(house, 6 * YEAR)

    def somebody_holds(name: str, count: int) -> None:
        if (name, count) == ("runs", 1):
            hold(last, "just now", house.services.clock)

    Retention(place(house, runs=1), tell=somebody_holds).apply()
    assert list(RunRecord.objects.all()) == [last]
    assert held_files(house) == {f"{runs.index(last)}".encode()}


def test_a_hold_saves_what_a_killed_turn_had_only_marked(house: House) -> None:
    run = worked(house, b"picture")
    later(house, YEAR)
    Evidence.objects.update(removed_at=house.services.clock.now())
    held = hold(run, "just in time", house.services.clock)
    applied(house, pictures=100)
    assert held_files(house) == {b"picture"}
    lift(held.pk, "over", house.services.clock)
    applied(house, pictures=100)
    assert held_files(house) == set()


def test_what_is_doubtful_stays(any_house: House) -> None:
    house, services = any_house, any_house.services
    pressed, asked, working, unsure = (worked(house, name) for name in (b"pressed", b"asked", b"working", b"unsure"))
    Item.objects.filter(run=unsure).update(state=ItemState.UNCERTAIN)
    services.journal.intend(pressed, ActKey("ccee", "register", "R-1"), "d", {}, "p")
    Request.objects.create(run=asked, kind="approval", subject="p", asked_at=services.clock.now())
    RunRecord.objects.filter(pk=working.pk).update(state=RunState.SUSPENDED)
    later(house, 6 * YEAR)
    applied(house, pictures=1, files=1, runs=1)
    assert set(RunRecord.objects.all()) == {pressed, asked, working, unsure}
    assert held_files(house) == {b"pressed", b"working", b"unsure"}, (
        "the picture of a press whose outcome is unknown is what a person decides by"
    )


def test_not_while_a_backup_is_made(house: House) -> None:
    with house.services.locks.hold(UPKEEP), pytest.raises(LeaseHeld):
        applied(house, runs=1)


def test_the_same_bytes_come_again_while_they_are_deleted(any_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a run's look at the file and its row, retention deletes the file: the run writes it once more."""
    house = any_house
    worked(house, b"the same")
    later(house, YEAR)
    evidence = house.services.evidence
    write = evidence._write
    calls = 0

    def interrupted(path: Path, data: bytes) -> None:
        nonlocal calls
        calls += 1
        write(path, data)
        if calls == 1:
            applied(house, pictures=100)
            assert not path.exists()

    monkeypatch.setattr(evidence, "_write", interrupted)
    worked(house, b"the same")
    assert held_files(house) == {b"the same"}
    verified(house)


# --- whatever dies --------------------------------------------------------------------------------------------------------

TURNS = """
import datetime as dt, os, sys
from pathlib import Path
from retaguarda.store.connection import connect
url, home, output = sys.argv[1:]
connect(url)
from django.db import connections
from retaguarda.clock import Clock
from retaguarda.operations import retention
from retaguarda.operations.installation import Installation
from retaguarda.settings import RetentionSettings, Settings
from retaguarda.store.advisory import locks_for
from retaguarda.vault import Vault
class Late(Clock):
    def now(self):
        return super().now() + dt.timedelta(days=3650)
retention.BATCH = 3
settings = Settings.model_construct(home=Path(home), output=Path(output), retention=RetentionSettings())
connections.close_all()
for line in sys.stdin:
    if child := os.fork():
        os.waitpid(child, 0)
        print("over", flush=True)
        continue
    print(os.getpid(), flush=True)
    place = Installation(settings, Late(), locks_for(Path(home) / "locks"), lambda: Vault(Path(home) / "v", b""))
    retention.Retention(place, tell=lambda name, count: print(name, flush=True)).apply()
    print("done", flush=True)
    os._exit(0)
"""


@pytest.mark.one_store
def test_killed_again_and_again_it_comes_to_the_same_end(any_house: House, any_store: OpenStore) -> None:
    house, seeded, said = any_house, random.Random(7), [""]
    for number in range(12):
        worked(house, b"shared", f"{number % 5}".encode(), f"own {number}".encode())
    kept = worked(house, b"shared", b"kept")
    hold(kept, "held", house.services.clock)
    arguments = [any_store.url, str(any_store.home), str(house.services.settings.output)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    kills = 0
    with subprocess.Popen([sys.executable, "-c", TURNS, *arguments], **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while "done\n" not in said:
            process.stdin.write("turn\n")
            process.stdin.flush()
            turn = int(process.stdout.readline())
            for _ in range(seeded.randint(1, 4)):
                said.append(process.stdout.readline())
                if said[-1] == "done\n":
                    break
            else:
                os.kill(turn, signal.SIGKILL)
                kills += 1
            said += iter(process.stdout.readline, "over\n")
            missing = [one for one in Evidence.objects.filter(removed_at=None) if not house.services.evidence.path(one.sha256).exists()]
            assert missing == [], "at no moment does a row name bytes that are gone"
        process.stdin.close()
    assert kills >= 5
    assert list(RunRecord.objects.all()) == [kept]
    assert held_files(house) == {b"shared", b"kept"}
    verified(house)
    removed = [json.loads(line) for line in house.audit.lines() if b'"evidence.removed"' in line]
    assert len(removed) == len({(event["run"], event["data"]["sha256"]) for event in removed}) == 36, "each has one tombstone"


def test_space_goes_back_to_the_disk(house: House, store: Path) -> None:
    for _ in range(20):
        Item.objects.create(run=worked(house), reference="large", fields={"x": "y" * 100_000}, updated_at=house.services.clock.now())
    later(house, 6 * YEAR)
    applied(house, runs=1)
    size = store.stat().st_size
    running = house.record()
    house.services.runs.begin(running)
    assert compact() == 0, "not while something is at work"
    house.services.runs.end(running, RunState.SUCCESSFUL)
    freed = compact()
    assert freed > 0
    assert store.stat().st_size <= size - freed
    assert compact() == 0
