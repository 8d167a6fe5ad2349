"""Events: in the transaction of the state they tell of, without a secret, and never longer than a line may be."""

from __future__ import annotations

import datetime as dt
import getpass
import json
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from retaguarda.audit.events import LONGEST, record
from retaguarda.errors import StoreUnavailable
from retaguarda.redaction import redactor
from retaguarda.store.models import Item, ItemState, OutboxEvent, RunRecord, RunState
from tests.house import House


def actions() -> list[str]:
    return [event.line["action"] for event in OutboxEvent.objects.order_by("id")]


def only() -> dict[str, object]:
    line: dict[str, object] = OutboxEvent.objects.get().line
    return line


def test_an_event_outside_a_transaction_is_a_defect(store: Path) -> None:
    with pytest.raises(StoreUnavailable, match="outside a transaction"):
        record("thing.done")
    assert actions() == []


def test_state_and_event_are_rolled_back_together(house: House) -> None:
    run = house.record()
    before = actions()

    def begin_and_die() -> None:
        with transaction.atomic():
            house.services.runs.begin(run)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begin_and_die()
    assert RunRecord.objects.get().state == "PENDING"
    assert actions() == before


@pytest.mark.parametrize("table", ["store_item", "store_outboxevent"])
def test_neither_state_nor_event_survives_when_the_other_cannot_be_written(house: House, table: str) -> None:
    run = house.record()
    item = house.services.runs.item(run, "R-1", "", {})
    before = actions()

    def broken(execute: object, sql: str, *rest: object) -> object:
        if table in sql and not sql.startswith("SELECT"):
            raise DatabaseError("disk I/O error")
        return execute(sql, *rest)  # type: ignore[operator]

    with connection.execute_wrapper(broken), pytest.raises(DatabaseError):
        house.services.runs.mark(item, ItemState.SUCCESSFUL, outcome="done")
    assert Item.objects.get().state == "NEW"
    assert actions() == before


def test_every_change_of_state_of_a_run_and_its_items_is_told(house: House) -> None:
    runs, run = house.services.runs, house.record()
    runs.begin(run)
    item = runs.item(run, "R-1", "", {"value": "10"})
    runs.item(run, "R-1", "", {})
    runs.mark(item, ItemState.FAILED_BUSINESS, outcome="refused", reason="Perfil inativo")
    runs.request_stop(run)
    runs.end(run, RunState.STOPPED)
    assert actions() == ["run.queued", "run.started", "item.new", "item.failed_business", "run.stop_requested", "run.stopped"]


def test_an_event_says_who_what_when_and_where(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_ACTOR", "marina")
    before = dt.datetime.now(dt.UTC)
    with transaction.atomic():
        record("thing.done", run="r", item="i", target="t", data={"amount": 1, "list": ("a", None, True), "day": dt.date(2026, 10, 1)})
    line = only()
    assert before <= dt.datetime.fromisoformat(str(line["ts"])) <= dt.datetime.now(dt.UTC)
    assert str(line["local"]).endswith("-03:00")
    assert line["data"] == {"amount": 1, "list": ["a", None, True], "day": "2026-10-01"}
    assert {name: line[name] for name in ("v", "actor", "action", "run", "item", "target")} == {
        "v": 1,
        "actor": "marina",
        "action": "thing.done",
        "run": "r",
        "item": "i",
        "target": "t",
    }
    assert {"id", "boot", "mono", "version"} <= line.keys()


def test_somebody_else_can_be_named_and_the_machines_user_is_the_default(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RETAGUARDA_ACTOR", raising=False)
    monkeypatch.setattr(getpass, "getuser", lambda: "robo")
    with transaction.atomic():
        record("thing.done")
        record("thing.done", who="paula")
    assert [event.line["actor"] for event in OutboxEvent.objects.order_by("id")] == ["robo", "paula"]


def test_no_secret_stands_in_an_event(store: Path) -> None:
    redactor.add("canary-ev-8812")
    with transaction.atomic():
        record("x", data={"text": "senha canary-ev-8812!", "deep": [{"canary-ev-8812": ValueError("canary-ev-8812")}]})
    assert "canary" not in json.dumps(only())


def test_a_line_is_never_longer_than_a_log_keeps(store: Path) -> None:
    with transaction.atomic():
        record("x", data={"text": "á" * 10 * LONGEST})
    cut = only()["data"]
    assert isinstance(cut, dict)
    assert str(cut["text"]).endswith("…")
    OutboxEvent.objects.all().delete()
    with transaction.atomic():
        record("x", data={f"field {n}": "x" * 100 for n in range(1000)})
    data = only()["data"]
    assert isinstance(data, dict)
    assert (data["cut"], len(str(data["sha256"]))) == (True, 64)
    assert len(json.dumps(only())) < LONGEST


def test_no_two_events_have_the_same_salt(store: Path) -> None:
    """A leaf hash whose line was erased must not be guessed from what such an event usually says."""
    with transaction.atomic():
        for _ in range(20):
            record("thing.done", item="the same")
    ids = [str(event.line["id"]) for event in OutboxEvent.objects.all()]
    assert len(set(ids)) == 20
    assert all(len(bytes.fromhex(one)) == 16 for one in ids)
