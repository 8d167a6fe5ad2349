"""A store moves from its file to a server with every row, once, proven; whatever breaks off leaves the target empty."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models, transaction

from retaguarda.audit.log import AuditLog
from retaguarda.audit.verify import verify
from retaguarda.clock import SAO_PAULO
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.store.connection import connect, point_at
from retaguarda.store.copy import AT_ONCE, Proof, copy_to, leave, prepare, proofs, tables
from retaguarda.store.models import Item, RunRecord
from tests.house import House, SetClock
from tests.postgres import PASSWORD, PostgresServer
from tests.sandbox_fixtures import ROOT

ODD = "Ação – \u2028 % ' \" \\ \U0001f600"


def quiet(_table: str, _rows: int) -> None:
    """Show nothing."""


def fill(model: type[models.Model], number: int) -> models.Model:
    """A row with something odd in every column."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if isinstance(field, models.ForeignKey):
            first: Any = 3 if isinstance(field.target_field, models.BigAutoField) else "run-0"
            values[field.attname] = None if field.null and number == 0 else first
        elif isinstance(field, models.BigAutoField):
            values[field.attname] = 10 * number + 3  # with gaps, as after a deletion
        else:
            values[field.attname] = _value(field, number)
    return model._default_manager.create(**values)


def _value(field: Any, number: int) -> Any:
    if isinstance(field, models.JSONField):
        return {"z": [1, 2.5, None, True], ODD: {"b": 1e-7, "a": number}, "big": 2**70}
    if isinstance(field, models.DateTimeField):
        return dt.datetime(2026, 10, 31, 23, 59, 59, 999_999 - number, SAO_PAULO)
    if isinstance(field, models.DateField):
        return dt.date(2026, 2, 28) - dt.timedelta(number)
    if isinstance(field, models.DecimalField):
        return Decimal("1234567890123456.10") - number
    if isinstance(field, models.BooleanField):
        return number % 2 == 0
    if isinstance(field, models.FloatField):
        return 1_234_567.123_456_789 / (number + 1)
    if isinstance(field, models.PositiveSmallIntegerField):
        return number
    if isinstance(field, models.IntegerField):
        return 2_000_000 + number
    if field.primary_key:
        return f"run-{number}"
    return f"{number} {ODD}"[: field.max_length]


@pytest.fixture
def filled(store: Path) -> str:
    """A store in a file with three rows in every table; gives its address."""
    with transaction.atomic():  # rows may point at rows that come later
        for model in tables():
            for number in range(3):
                fill(model, number)
    return f"sqlite://{store}"


@pytest.fixture
def target(postgres: PostgresServer) -> Iterator[str]:
    """An empty database."""
    with postgres.database() as url:
        yield url


def copied(source: str, target: str) -> list[Proof]:
    prepare(target, source)
    with transaction.atomic():
        written = copy_to(target, quiet)
        leave()
    return written


def test_every_row_of_every_table_arrives_as_it_was(filled: str, target: str) -> None:
    before = proofs()
    assert {proof.rows for proof in before} == {3}
    assert copied(filled, target) == before
    connect(target)
    assert proofs() == before
    row = Item.objects.order_by("pk")[0]
    assert (row.pk, list(row.fields)) == (3, ["z", ODD, "big"])
    counted = [model for model in tables() if isinstance(model._meta.pk, models.BigAutoField)]
    assert len(counted) > 8
    for model in counted:  # the server's own counting goes on behind what was copied
        assert next_id(model) == 24, model


def next_id(model: type[models.Model]) -> int:
    """The number that the server gives the next row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [model._meta.db_table])
        return int(cursor.fetchone()[0])


def test_the_file_is_left(filled: str, target: str) -> None:
    copied(filled, target)
    with pytest.raises(ConfigurationError, match="this store was copied to another one, where its history goes on"):
        connect(filled)


def test_a_digest_changes_with_any_change_and_with_no_order(store: Path, clock: SetClock) -> None:
    with House.over(store.parent, clock) as house:
        record = house.record()
        for number in range(3):
            house.services.runs.item(record, f"R-{number}", "", {"a": "1", "b": "2"})

    def digest() -> str:
        return next(proof.digest for proof in proofs() if proof.table == "store_item")

    whole, item = digest(), Item.objects.order_by("pk")[1]
    Item.objects.filter(pk=item.pk).update(fields={"b": "2", "a": "1"})
    assert digest() != whole
    Item.objects.filter(pk=item.pk).update(fields={"a": "1", "b": "2"})
    assert digest() == whole
    item.delete()
    assert digest() != whole


def test_many_rows_go_in_batches_and_are_told(store: Path, target: str, clock: SetClock) -> None:
    with House.over(store.parent, clock) as house:
        record = house.record()
    with transaction.atomic():
        Item.objects.bulk_create(Item(run=record, reference=f"R-{number}", updated_at=clock.now()) for number in range(2 * AT_ONCE + 5))
    told = list[tuple[str, int]]()
    prepare(target, f"sqlite://{store}")
    with transaction.atomic():
        written = copy_to(target, lambda table, rows: told.append((table, rows)))
    assert [rows for table, rows in told if table == "store_item"] == [AT_ONCE, AT_ONCE]
    assert next(proof.rows for proof in written if proof.table == "store_item") == 2 * AT_ONCE + 5


def empty(url: str, source: str) -> bool:
    point_at(url)
    try:
        return all(proof.rows == 0 for proof in proofs())
    finally:
        point_at(source)


def test_a_copy_that_broke_off_leaves_nothing_and_is_made_anew(filled: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retaguarda.store.copy.AT_ONCE", 2)

    def breaks_off(table: str, _rows: int) -> None:
        if table == "store_outboxevent":
            raise KeyboardInterrupt

    prepare(target, filled)
    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        copy_to(target, breaks_off)
    assert empty(target, filled)
    connect(filled)  # it was not left either
    assert {proof.rows for proof in copied(filled, target)} == {3}


def test_a_copy_that_is_not_what_was_read_is_not_kept(filled: str, target: str, postgres: PostgresServer) -> None:
    prepare(target, filled)
    name = target.rpartition("/")[2]
    postgres.ask("CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.reason := 'x'; RETURN NEW; END $$", name)
    postgres.ask("CREATE TRIGGER spoil BEFORE INSERT ON store_item FOR EACH ROW EXECUTE FUNCTION spoil()", name)
    with pytest.raises(StoreUnavailable, match="the copy of store_item is not what was read"), transaction.atomic():
        copy_to(target, quiet)
    assert empty(target, filled)


def test_a_target_that_holds_something_is_refused(filled: str, target: str) -> None:
    copied(filled, target)
    point_at(filled)
    with pytest.raises(ConfigurationError, match="is not empty") as raised, transaction.atomic():
        copy_to(target, quiet)
    assert PASSWORD not in raised.value.text


# --- the command ------------------------------------------------------------------------------------------------------


def command(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "RETAGUARDA_HOME": str(home),
        "RETAGUARDA_OUTPUT": str(home / "output"),
        "RETAGUARDA_LANGUAGE": "en",
        "COLUMNS": "110",
    }
    done = [sys.executable, "-m", "retaguarda", *arguments]
    return subprocess.run(done, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_moves_an_installation_whose_log_goes_on(store: Path, target: str, clock: SetClock) -> None:
    home = store.parent
    with House.over(home, clock) as house:
        record = house.record()
        lock, held = house.services.locks, f"run/{record.pk}"
        with lock.hold(held):
            RunRecord.objects.update(state="RUNNING")
            refused = command(home, "store", "copy", "--to", target)
        assert (refused.returncode, f"run {record.pk} is at work" in refused.stderr) == (3, True), refused.stderr
        RunRecord.objects.update(state="PENDING")
        house.audit.seal()
    done = command(home, "store", "copy", "--to", target, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["tables"]["store_runrecord"]["rows"] == 1
    assert PASSWORD not in done.stdout + done.stderr + json.dumps(told)
    again = command(home, "store", "check")
    assert (again.returncode, "was copied to another one" in again.stderr) == (3, True)
    connect(target)
    log = AuditLog(home / "audit")
    assert log.kept_elsewhere() is None
    assert log.seal() is not None
    assert verify(log.folder).problems == []
    left, arrived = (json.loads(line) for line in list(log.lines())[-2:])
    assert (left["action"], left["target"]) == ("store.copied", told["to"])
    assert (arrived["action"], arrived["target"], arrived["data"]) == ("store.arrived", f"sqlite://{store}", told["tables"])


def test_the_command_refuses_the_wrong_way_round(store: Path) -> None:
    done = command(store.parent, "store", "copy", "--to", "sqlite:///tmp/x.db")
    assert (done.returncode, "from its file to a server" in done.stderr) == (3, True)
