"""`trigger set|remove` and `reconcile month|sign|countersign`: what the console does, from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retaguarda.console.cli import app
from retaguarda.store.models import OutboxEvent, SignOff, TriggerEntry

Call = Callable[..., str]
TABLE = '[[trigger]]\nname = "x"\nprocess = "check_sign_in"\nrule = "every day at 10:00"\nparams = { credential = "ccee/robo" }\n'


@pytest.fixture
def call(store: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("RETAGUARDA_HOME", str(store.parent))

    def called(*arguments: str, who: str = "ana") -> str:
        monkeypatch.setenv("RETAGUARDA_ACTOR", who)
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return called


def test_a_trigger_is_tried_kept_and_taken_out(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "trigger.toml"
    file.write_text(TABLE, "utf-8")
    told = json.loads(call("trigger", "set", "minha", str(file), "--dry-run", "--json"))
    assert (len(told["next"]), TriggerEntry.objects.count()) == (10, 0)
    call("trigger", "set", "minha", str(file))
    assert "minha" in call("trigger", "list")
    call("trigger", "remove", "minha")
    actions = [(event.line["action"], event.line["actor"]) for event in OutboxEvent.objects.order_by("id")]
    assert actions == [("trigger.written", "ana"), ("trigger.removed", "ana")]


def test_a_month_is_signed_by_two(call: Call) -> None:
    state = json.loads(call("reconcile", "month", "2026-10", "--json"))
    call("reconcile", "sign", "2026-10", "--digest", state["digest"])
    call("reconcile", "countersign", "2026-10", "--digest", state["digest"], who="bruno")
    row = SignOff.objects.get()
    assert (row.signed_by, row.countersigned_by, row.digest) == ("ana", "bruno", state["digest"])
