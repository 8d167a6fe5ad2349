"""`retaguarda trigger` as operators type it: what it shows, what it changes, and how it ends."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retaguarda.console.commands_trigger import app
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.runs import Runs
from retaguarda.language import set_language
from retaguarda.settings import Settings
from retaguarda.store.models import OutboxEvent, PlannedFire, RunRecord
from retaguarda.triggers.file import load_triggers
from tests.agenda.planned import end_runs, ledger_of
from tests.house import SetClock

TRIGGERS = """schema = 1
[[trigger]]
name = "morning"
process = "download_statements"
rule = "every business day at 07:30"
overlap = "queue"

[[trigger]]
name = "dense"
process = "check_sign_in"
rule = "every 10 minutes"

[[trigger]]
name = "night"
process = "check_sign_in"
rule = "every day at 03:00"
windows = ["daily 06:00-23:00"]
closed = "skip"

[[trigger]]
name = "duty"
process = "close_month"
rule = "registered by MS+7du 18:00"
expected = "1h"

[[trigger]]
name = "asleep"
process = "check_sign_in"
rule = "every hour"
enabled = false
"""
HOUR = 3600


class Desk:
    """An operator's terminal, and the installation's scheduler."""

    def __init__(self, home: Path, clock: SetClock) -> None:
        self.clock, self.ledger = clock, ledger_of(Runs(home / "output", clock), clock)
        self.tick()

    def tick(self, hours: float = 0) -> None:
        self.clock.advance(hours * HOUR)
        self.ledger.tick(load_triggers(Settings.model_construct()))

    def call(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    def told(self, *arguments: str) -> Any:
        return json.loads(self.call(*arguments, "--json"))


@pytest.fixture
def desk(store: Path, clock: SetClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Wednesday, 11 November 2026, 10:00: the deadline is today at 18:00."""
    folder = tmp_path / "config"
    shutil.copytree("config", folder)
    (folder / "triggers.toml").write_text(TRIGGERS, "utf-8")
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(folder))
    monkeypatch.setenv("RETAGUARDA_HOME", str(store.parent))
    monkeypatch.setenv("RETAGUARDA_OUTPUT", str(store.parent / "output"))
    monkeypatch.setenv("RETAGUARDA_ACTOR", "Ana")
    monkeypatch.setenv("RETAGUARDA_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setattr("retaguarda.clock.Clock", lambda business_date=None: clock)
    yield Desk(store.parent, clock)
    set_language("pt-BR")


def test_the_list_says_what_comes_and_what_came(desk: Desk) -> None:
    desk.tick(0.2)
    shown = desk.call("list")
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(len(line) for line in lines) <= 110
    assert {"✓  morning", "✓  dense", "✓  duty", "·  asleep"} <= {line[:10].rstrip() for line in lines}
    assert "due Wed 11/11 18:00" in shown
    assert "begins by Wed 11/11 15:29" in shown
    assert "In time · margin 5 h 16 min" in shown
    assert "switched off in the configuration" in shown
    one = {each["trigger"]: each for each in desk.told("list")}
    assert one["morning"]["next"]["local"] == "2026-11-12T07:30:00-03:00"
    assert (one["dense"]["last"]["state"], one["dense"]["last"]["run_state"]) == ("RUN", "PENDING")
    assert (one["duty"]["obligation"]["level"], one["duty"]["obligation"]["margin_seconds"]) == ("ok", pytest.approx(5.28 * HOUR, abs=60))
    assert (one["asleep"]["enabled"], one["asleep"]["off"]) == (False, "switched off in the configuration")


def test_the_preview_tells_days_skips_and_deadlines(desk: Desk) -> None:
    shown = desk.call("preview", "--until", "2026-11-12")
    today, tomorrow = (part.splitlines() for part in shown.split("Thursday, 12/11/2026"))
    assert [line.split()[:2] for line in today[1:3]] == [["10:10–23:50", "dense"], ["18:00", "duty"]]
    assert [line.split()[:2] for line in tomorrow[1:4]] == [["00:00–23:50", "dense"], ["03:00", "night"], ["07:30", "morning"]]
    assert "skipped: the portal is closed at that hour" in tomorrow[2]
    assert "deadline; begins by Wed 11/11 15:29" in today[2]
    assert shown.splitlines()[-1] == "Not planned, switched off in the configuration: asleep"
    found = desk.told("preview", "night", "--until", "2026-11-13")
    assert [(each["local"][:10], each["refusal"]) for each in found] == [
        ("2026-11-12", "the portal is closed at that hour"),
        ("2026-11-13", "the portal is closed at that hour"),
    ]
    assert len(desk.told("preview", "duty")) == 2, "60 days: the deadline of January lies beyond"


def test_switching_off_and_on(desk: Desk) -> None:
    assert desk.call("disable", "dense", "--reason", "portal in mourning") == "dense is switched off.\n"
    assert desk.call("disable", "dense") == "dense was switched off already.\n"
    desk.tick(0.5)
    assert {row["reason"] for row in desk.told("history", "dense")} == {"switched off by Ana: portal in mourning"}
    assert "switched off by Ana: portal in mourning" in desk.call("list")
    assert desk.call("enable", "dense") == "dense is switched on.\n"
    assert desk.call("enable", "dense") == "dense was not switched off.\n"
    assert desk.call("enable", "asleep") == "asleep is switched on.\n"
    desk.tick()
    desk.tick(1)
    assert [row["state"] for row in desk.told("history", "asleep")] == ["RUN"]


def test_firing_by_hand(desk: Desk) -> None:
    assert "waits for a worker" in desk.call("fire", "morning")
    run = RunRecord.objects.get()
    assert (run.process, run.queue, run.trigger) == ("download_statements", "default", "morning")
    assert "comes after it" in desk.call("fire", "morning")
    desk.call("fire", "dense")
    with pytest.raises(ConfigurationError, match="has not ended") as refused:
        desk.call("fire", "dense")
    assert "retaguarda run stop" in refused.value.remedy
    end_runs(desk.clock, "morning")
    desk.tick(0.01)
    assert [(row["by"], row["state"]) for row in desk.told("history", "morning")] == [("Ana", "RUN"), ("Ana", "RUN")]
    assert "Ana" in desk.call("history", "morning")


def test_making_up_for_what_was_missed(desk: Desk) -> None:
    planned = desk.told("backfill", "morning", "--from", "2026-11-05", "--until", "2026-11-10", "--dry-run")
    assert [each["local"][:10] for each in planned] == ["2026-11-05", "2026-11-06", "2026-11-09", "2026-11-10"]
    assert not PlannedFire.objects.filter(trigger="morning").exists()
    shown = desk.call("backfill", "morning", "--from", "2026-11-05", "--until", "2026-11-10")
    assert "older than the ledger" in shown
    assert "4 fires are made up for, one after the other" in shown
    for _ in range(4):
        end_runs(desk.clock, "morning")
        desk.tick(0.01)
    assert RunRecord.objects.filter(trigger="morning").count() == 4
    assert desk.call("backfill", "morning", "--from", "2026-11-05", "--until", "2026-11-10") == "Every fire of these days had its run.\n"
    told = [event.line for event in OutboxEvent.objects.all() if event.line["action"] == "trigger.backfilled"]
    assert [(line["actor"], line["data"]["count"]) for line in told] == [("Ana", 4), ("Ana", 0)]


def test_what_is_not_there_is_said(desk: Desk) -> None:
    for arguments in (("fire", "nope"), ("history", "nope"), ("preview", "nope"), ("enable", "nope")):
        with pytest.raises(ConfigurationError, match="there is no trigger 'nope'") as refused:
            desk.call(*arguments)
        assert "asleep, dense, duty, morning, night" in refused.value.remedy
    with pytest.raises(ConfigurationError, match="is no day"):
        desk.call("preview", "--until", "tomorrow")
    assert desk.call("history", "night") == "The ledger has no fire of night yet.\n"
