"""`doctor` on operations: a plain machine passes, what is switched on must work, and each remedy is named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from retaguarda.console import doctor_operations as doctor
from retaguarda.console.wiring import House
from retaguarda.errors import ConfigurationError
from retaguarda.settings import AlertSettings, AlertTarget, BackupSettings, Settings, VaultSettings
from retaguarda.store.models import Milestone, Notice, RunRecord, Worker
from tests.conftest import OpenStore
from tests.house import SetClock

TRIGGER = """
schema = 1
[[trigger]]
name = "daily"
process = "export_erp"
rule = "every business day at 07:30"
params = { month = "{supply}" }
enabled = true
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder without triggers."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
    return folder


def made(store: OpenStore, clock: SetClock, **settings: Any) -> House:
    key = VaultSettings(key_file=store.home / "vault.key")
    return House(Settings.model_construct(home=store.home, output=store.home / "output", vault=key, **settings), clock)


@pytest.fixture
def house(any_store: OpenStore, config: Path, clock: SetClock) -> House:
    return made(any_store, clock)


def failing(house: House) -> list[str]:
    """What makes `doctor` end with 3."""
    return [found.name for check in doctor.CHECKS for found in [check(house)] if not found.well and found.needed]


def test_a_plain_machine_passes(house: House) -> None:
    assert failing(house) == []
    for check in doctor.CHECKS:
        found = check(house)
        assert found.well or found.remedy


def test_triggers_that_are_on_want_a_scheduler(house: House, config: Path) -> None:
    (config / "triggers.toml").write_text(TRIGGER)
    assert failing(house) == ["scheduler"]
    now = house.clock.now()
    Worker.objects.create(name="scheduler/s", kind="scheduler", host="h", pid=1, started_at=now, beat_at=now)
    assert failing(house) == ["scheduler"], "it died"
    with house.locks().hold("scheduler/s"):
        assert failing(house) == []
        assert doctor.scheduler(house).seen == "scheduler/s em atividade"


def test_a_trigger_that_cannot_be_understood_is_told(house: House, config: Path) -> None:
    (config / "triggers.toml").write_text(TRIGGER.replace("07:30", "25:99"))
    with pytest.raises(ConfigurationError):
        doctor.triggers(house)


def test_queued_runs_want_a_worker(house: House) -> None:
    house.runs().create("export_erp", {}, queue="night")
    found = doctor.workers(house)
    assert (found.well, found.needed, found.remedy.endswith("worker start --queues night")) == (False, True, True)
    now = house.clock.now()
    Worker.objects.create(name="w", kind="worker", host="h", pid=1, queues=["night"], started_at=now, beat_at=now)
    with house.locks().hold("worker/w"):
        assert doctor.workers(house).well
    assert failing(house) == ["workers"]
    RunRecord.objects.update(queue="")
    Worker.objects.update(stopped_at=now)
    assert failing(house) == []


def test_targets_want_their_addresses(any_store: OpenStore, config: Path, clock: SetClock) -> None:
    house = made(any_store, clock, alerts=AlertSettings(targets={"desk": AlertTarget()}))
    assert doctor.alerts(house).remedy == "retaguarda vault set alert/desk --field url"
    assert failing(house) == ["alerts"]
    house.vault().put("alert/desk", {"url": "json://127.0.0.1:1"})
    assert failing(house) == []
    Notice.objects.create(kind="digest", target="desk", subject="s", body="b", made_at=clock.now(), attempts=1, error="refused")
    assert failing(house) == ["alerts"]


def test_a_backup_folder_wants_backups(any_store: OpenStore, config: Path, clock: SetClock) -> None:
    house = made(any_store, clock, backup=BackupSettings(folder=any_store.home / "b"))
    assert failing(house) == ["backup"]
    Milestone.objects.create(name="backup", at=clock.now())
    clock.pause(dt.timedelta(hours=3, minutes=5).total_seconds())
    assert doctor.backup(house).seen == "o último foi feito há 3 h 5 min"
    assert failing(house) == []


def test_a_restored_store_is_told(house: House) -> None:
    Milestone.objects.create(name="restored", at=house.clock.now(), facts={"backup": "20261111-020000-9f3a"})
    assert failing(house) == ["origin"]
    assert "20261111-020000-9f3a" in doctor.restored(house).seen
