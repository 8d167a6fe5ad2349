"""Every event of a run tells under which configuration, calendars, code and robots it happened; anybody can compute that again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from retaguarda.audit import versions
from retaguarda.audit.events import record
from retaguarda.errors import ConfigurationError
from retaguarda.report.versions import Legend, versions_text
from retaguarda.store.models import OutboxEvent
from tests.house import House


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    (folder / "calendars").mkdir(parents=True)
    (folder / "retaguarda.toml").write_text('company = "Comercializadora"\n')
    (folder / "matching.toml").write_text("version = 1\n")
    (folder / "calendars" / "ccee.toml").write_text("version = 1\n")
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
    for name in ("RETAGUARDA_CONFIG", "RETAGUARDA_HOME", "RETAGUARDA_OUTPUT", "RETAGUARDA_LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
    return folder


def test_a_version_is_what_sha256sum_says_of_the_files(installation: Path) -> None:
    command = "LC_ALL=C sha256sum *.toml | sha256sum"
    computed = subprocess.run(command, shell=True, cwd=installation, capture_output=True, text=True, check=True)
    assert computed.stdout.split()[0] == versions.configuration().digest


def test_a_changed_rule_calendar_or_variable_is_another_version(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, days = versions.configuration().digest, versions.calendars().digest
    (installation / "matching.toml").write_text("version = 2 # longer\n")
    changed = versions.configuration().digest
    assert changed != before
    monkeypatch.setenv("RETAGUARDA_AUDIT__SEAL_SECONDS", "7")
    assert versions.configuration().digest not in {before, changed}
    assert versions.calendars().digest == days
    (installation / "calendars" / "ccee.toml").write_text("version = 2 # longer\n")
    assert versions.calendars().digest != days


def test_a_password_in_a_variable_cannot_be_guessed_from_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions.configuration().digest
    monkeypatch.setenv("RETAGUARDA_STORE__URL", "postgresql://robo:senha@host/name")
    monkeypatch.setenv("RETAGUARDA_VAULT_KEY", "x" * 44)
    assert versions.configuration().digest == before


def test_every_event_of_a_run_carries_them_and_one_that_belongs_to_none_does_not(house: House) -> None:
    run = house.record()
    house.services.runs.begin(run)
    with transaction.atomic():
        record("thing.done")
    lines = [event.line for event in OutboxEvent.objects.order_by("id")]
    ours = {"config": versions.configuration().short, "calendars": versions.calendars().short, "code": versions.code().short}
    assert [line.get("versions") for line in lines] == [ours, ours, None]
    told = lines[1]["data"]["versions"]
    assert told["code"] == versions.code().digest
    assert told["config"] == {"sha256": versions.configuration().digest, "files": dict(versions.configuration().files)}


def test_a_robot_is_named_while_its_run_is_carried_out(house: House, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "robot.toml").write_text('name = "bank"\n')
    (folder / "robot.py").write_text("class Bank: ...\n")
    version = versions.of_folders([folder])
    run = house.record()
    with versions.carrying_out(run.pk):
        versions.at_work(run.pk, "bank", version)
        house.services.runs.begin(run)
    assert OutboxEvent.objects.latest("id").line["versions"]["robots"] == {"bank": version.short}
    assert "robots" not in versions.standing(run.pk)
    (folder / "robot.toml").write_text('name = "bank" # another\n')
    assert versions.of_folders([folder]).digest != version.digest


def test_a_file_of_the_configuration_that_is_gone_loses_no_event(monkeypatch: pytest.MonkeyPatch, house: House) -> None:
    monkeypatch.setenv("RETAGUARDA_CONFIG", "/nowhere/more.toml")
    house.record()
    assert versions.configuration().files["/nowhere/more.toml"] == versions.ABSENT
    assert OutboxEvent.objects.get().line["versions"]["config"]


def test_people_read_each_combination_once() -> None:
    events: list[dict[str, Any]] = [
        {"version": "1", "versions": {"config": "aa", "robots": {"ccee": "bb"}}},
        {"version": "1"},
        {"version": "1", "versions": {"config": "cc"}},
        {"version": "1", "versions": {"config": "aa", "robots": {"ccee": "bb"}}},
    ]
    legend = Legend()
    assert [legend.number(event) for event in events] == ["1", "", "2", "1"]
    assert [number for number, _ in legend.lines()] == ["1", "2"]
    assert "aa" in versions_text(events[0])
    assert "bb" in versions_text(events[0])


def test_a_run_that_cannot_begin_leaves_no_robot_behind(house: House) -> None:
    with pytest.raises(ConfigurationError), versions.carrying_out("r"):
        raise ConfigurationError
    assert versions.standing("r").keys() == {"config", "calendars", "code"}
