"""The store on a real PostgreSQL server: its address and password, what it must promise, and how it comes back."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from retaguarda.audit import events
from retaguarda.errors import ConfigurationError, StoreUnavailable
from retaguarda.jobs.runs import Runs
from retaguarda.process import Process
from retaguarda.redaction import redactor
from retaguarda.run import Run
from retaguarda.settings import Settings, load_settings
from retaguarda.store.connection import connect, point_at
from retaguarda.store.databases import database, shown, with_password
from retaguarda.store.models import Item, OutboxEvent, RunRecord
from tests.conftest import OpenStore
from tests.house import House, SetClock, Thing
from tests.postgres import PASSWORD, PostgresServer
from tests.sandbox_fixtures import eventually


def asked(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {name}")
        return str(cursor.fetchone()[0])


# --- addresses --------------------------------------------------------------------------------------------------------


def test_an_address_is_read_with_what_was_escaped_in_it() -> None:
    read = database("postgresql://rob%40t:p%2Fw%3Ax@db.example:6543/reta?sslmode=verify-full&sslrootcert=/etc/ca.pem")
    assert (read["USER"], read["PASSWORD"], read["HOST"], read["PORT"], read["NAME"]) == ("rob@t", "p/w:x", "db.example", "6543", "reta")
    assert (read["OPTIONS"]["sslmode"], read["OPTIONS"]["sslrootcert"]) == ("verify-full", "/etc/ca.pem")
    assert database("postgres://u@/reta?host=/run/postgresql")["HOST"] == "/run/postgresql"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://u:canary-pw-1@h/x", "'mysql' is no kind of store"),
        ("postgresql://u:canary-pw-1@h", "no address of a database"),
        ("postgresql://u:canary-pw-1@h:54a/x", "no address of a database"),
        ("postgresql://u:canary-pw-1/2@h:5432/x", "no address of a database"),
        ("postgresql://u:canary-pw-1@[h/x", "no address of a database"),
        ("postgresql://u:canary-pw-1@h/x?options=-c%20fsync%3Doff", "unknown 'options'"),
    ],
)
def test_a_wrong_address_is_told_without_its_password(url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem) as raised:
        database(url)
    assert "canary-pw" not in "".join(traceback.format_exception_only(raised.value)) + raised.value.remedy


def test_an_address_is_shown_without_its_password_and_takes_one_from_elsewhere() -> None:
    assert shown("postgresql://u:a@b:c@h:5432/x") == "postgresql://u@h:5432/x"
    assert shown("sqlite:///a@b/c.db") == "sqlite:///a@b/c.db"
    assert with_password("postgresql://u@h:5432/x", "p@/w") == "postgresql://u:p%40%2Fw@h:5432/x"
    assert redactor.clean("it is p@/w") == "it is ***"
    with pytest.raises(ConfigurationError, match="names no user"):
        with_password("postgresql://h/x", "canary-pw-2")


def test_the_settings_do_not_show_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAGUARDA_STORE__URL", "postgresql://u:canary-pw-3@h/x")
    settings = load_settings()
    assert settings.store_url == "postgresql://u:canary-pw-3@h/x"
    assert "canary-pw" not in f"{settings!r} {settings}"


def test_a_refused_password_is_told_without_it(postgres: PostgresServer) -> None:
    try:
        with pytest.raises(StoreUnavailable, match="password authentication failed") as raised:
            connect(postgres.url("postgres").replace(PASSWORD, "canary-pw-4"))
    finally:
        point_at("sqlite://:memory:")
    assert "postgresql://retaguarda@127.0.0.1" in raised.value.text
    assert "canary-pw" not in f"{raised.value.text} {raised.value.remedy} {raised.value.__cause__}"


def test_the_password_may_lie_in_a_file(postgres: PostgresServer, tmp_path: Path) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"127.0.0.1:{postgres.port}:*:retaguarda:{PASSWORD}\n")
    file.chmod(0o600)
    try:
        point_at(f"postgresql://retaguarda@127.0.0.1:{postgres.port}/postgres?passfile={file}")
        assert asked("server_encoding") == "UTF8"
    finally:
        point_at("sqlite://:memory:")


# --- what it must promise ---------------------------------------------------------------------------------------------


@contextmanager
def set_to(postgres: PostgresServer, name: str, value: str) -> Iterator[None]:
    """The server with another setting for the block."""

    def change(statement: str, expected: str) -> None:
        postgres.ask(statement)
        postgres.ask("SELECT pg_reload_conf()")
        eventually(lambda: postgres.ask(f"SELECT setting FROM pg_settings WHERE name = '{name}'") == [(expected,)])

    before = str(postgres.ask(f"SELECT setting FROM pg_settings WHERE name = '{name}'")[0][0])
    change(f"ALTER SYSTEM SET {name} = '{value}'", value)
    try:
        yield
    finally:
        change(f"ALTER SYSTEM RESET {name}", before)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_commits_is_refused(postgres: PostgresServer, postgres_store: OpenStore, name: str) -> None:
    with set_to(postgres, name, "off"), pytest.raises(StoreUnavailable, match=f"{name} = off") as raised:
        connect(postgres_store.url)
    assert f"set {name} = on" in raised.value.remedy
    connect(postgres_store.url)


def test_a_session_asks_for_what_the_server_does_not_give_by_itself(postgres: PostgresServer, postgres_store: OpenStore) -> None:
    with (
        set_to(postgres, "synchronous_commit", "off"),
        set_to(postgres, "default_transaction_isolation", "serializable"),
        set_to(postgres, "TimeZone", "Asia/Tokyo"),
    ):
        connect(postgres_store.url)
        assert (asked("synchronous_commit"), asked("TimeZone")) == ("on", "UTC")
        with transaction.atomic():
            assert asked("transaction_isolation") == "read committed"


def test_a_dead_machines_session_ends_within_half_a_minute(postgres_store: OpenStore) -> None:
    server = [int(asked(f"tcp_keepalives_{name}").rstrip("s")) for name in ("idle", "interval", "count")]
    assert server[0] + server[1] * server[2] <= 30
    assert asked("tcp_user_timeout") == "25000"
    connection.ensure_connection()
    with socket.socket(fileno=socket.dup(connection.connection.fileno())) as link:
        client = [link.getsockopt(socket.IPPROTO_TCP, kind) for kind in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)]
        assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 25_000
    assert client == server


def test_a_newer_versions_store_is_refused(postgres: PostgresServer, migrated_database: str) -> None:
    with postgres.database(migrated_database) as url:
        postgres.ask("INSERT INTO django_migrations (app, name, applied) VALUES ('store', '9999_later', now())", url.rpartition("/")[2])
        with pytest.raises(StoreUnavailable, match="a newer version of Retaguarda wrote the store: 9999_later"):
            connect(url)
        point_at("sqlite://:memory:")


# --- how it comes back ------------------------------------------------------------------------------------------------


def test_a_connection_that_broke_is_made_anew_at_its_next_use(postgres: PostgresServer, postgres_store: OpenStore) -> None:
    assert RunRecord.objects.count() == 0
    postgres.stop()
    with pytest.raises(OperationalError):
        RunRecord.objects.count()
    with pytest.raises(StoreUnavailable, match="Connection refused") as raised:
        connect(postgres_store.url)
    assert raised.value.remedy == "check the server, the address and the password; see docs/postgresql.md"
    postgres.start()
    assert RunRecord.objects.count() == 0
    with pytest.raises(OperationalError), transaction.atomic():
        cut_off(postgres)
    with transaction.atomic():
        assert RunRecord.objects.count() == 0


def cut_off(postgres: PostgresServer) -> None:
    """The server ends this session, and the session is used."""
    postgres.ask(f"SELECT pg_terminate_backend({asked_pid()})")
    RunRecord.objects.count()


def asked_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_a_run_whose_server_goes_away_ends_as_one_that_may_be_tried_again(
    postgres: PostgresServer, postgres_store: OpenStore, clock: SetClock
) -> None:
    def works(run: Run) -> None:
        postgres.ask(f"SELECT pg_terminate_backend({asked_pid()})")
        run.stage("after the cut")

    with House.over(postgres_store.home, clock) as house:
        run = house.runner(Process("works", works)).start("works", {})
    assert run.error is not None
    assert (run.state, run.error["code"], run.error["disposition"]) == ("FAULTED", "store-unavailable", "retry")


OPENS = """
import sys
from retaguarda.store.connection import connect
connect(sys.argv[1])
print("open")
"""


def test_two_first_starts_at_once_make_the_tables_once(postgres: PostgresServer) -> None:
    with postgres.database() as url:
        starts = [subprocess.Popen([sys.executable, "-c", OPENS, url], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [start.communicate(timeout=60)[0] for start in starts] == ["open\n"] * 2


def test_no_thread_goes_on_with_the_store_that_was_left(any_store: OpenStore, tmp_path: Path) -> None:
    """A thread's connection of the other kind would be asked in the wrong dialect."""
    go_on, seen = threading.Event(), list[str]()

    def look() -> None:
        RunRecord.objects.count()
        seen.append(connection.vendor)
        go_on.wait(10)
        seen.append(connection.vendor)
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    eventually(lambda: len(seen) == 1)
    point_at(f"sqlite://{tmp_path}/other.db")
    go_on.set()
    thread.join()
    assert seen == [any_store.kind, "sqlite"]


# --- alike on both ----------------------------------------------------------------------------------------------------


def test_documents_keep_the_order_of_their_keys_and_can_be_searched(any_house: House) -> None:
    fields = {"reference": "R-1", "value": "10", "b": "ç", "a": {"z": [1, 2.5, None, True], "y": "\u2028"}}
    record = any_house.record()
    any_house.services.runs.item(record, "R-1", "title", fields)
    kept = Item.objects.get(fields__value="10")
    assert (kept.fields, list(kept.fields), list(kept.fields["a"])) == (fields, list(fields), ["z", "y"])
    assert Item.objects.filter(fields__a__y="\u2028").count() == 1
    assert Item.objects.filter(fields__value="11").count() == 0
    line = OutboxEvent.objects.get(line__action="item.new").line
    assert list(line)[:3] == ["v", "id", "ts"]
    assert Item.objects.filter(fields=fields).count() == 1
    assert RunRecord.objects.filter(error__isnull=True, params={}).count() == 1


def test_texts_that_only_one_kind_would_take_are_taken_by_both(any_house: House) -> None:
    record = any_house.record()
    item = any_house.services.runs.item(record, "R-1", "título " * 99, {"name": "a\0b"})
    any_house.services.runs.mark(item, item.state, reason="nul \0 and half \ud800", protocol="9" * 500)  # type: ignore[arg-type]
    kept = Item.objects.get()
    assert (len(kept.title), kept.reason, len(kept.protocol)) == (200, "nul \N{REPLACEMENT CHARACTER} and half ?", 120)
    with transaction.atomic():
        events.record("x", data={"\ud800": "\0"})
    assert OutboxEvent.objects.latest("id").line["data"] == {"?": "\N{REPLACEMENT CHARACTER}"}


def test_moments_come_back_as_they_were(any_house: House, any_store: OpenStore) -> None:
    record = any_house.record()
    made = record.created_at
    record.refresh_from_db()
    assert record.created_at == made
    assert Runs(any_store.home, any_house.services.clock).latest()[0] == record


def test_an_item_is_made_once_by_two_at_once(any_house: House) -> None:
    record, together = any_house.record(), threading.Barrier(4)
    made = list[int]()

    def make() -> None:
        together.wait()
        made.append(any_house.services.runs.item(record, "R-1", "", Thing("R-1").fields()).pk)
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(set(made))) == (4, 1)
    assert OutboxEvent.objects.filter(line__action="item.new").count() == 1


def test_the_default_store_is_a_file(tmp_path: Path) -> None:
    assert Settings.model_construct(home=tmp_path).store_url == f"sqlite://{tmp_path}/retaguarda.db"
