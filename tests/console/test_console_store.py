"""`credential`, `store` and `audit adopt` as people call them: what they say, in which exit, and never a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retaguarda.clock import Clock
from retaguarda.console.cli import app
from retaguarda.ends import exit_of
from retaguarda.errors import RetaguardaError
from retaguarda.jobs.leases import Leases
from retaguarda.language import set_language
from retaguarda.store.advisory import locks_for
from retaguarda.store.connection import point_at
from retaguarda.store.models import AuditFolder, OutboxEvent, SignIn
from tests.conftest import OpenStore
from tests.house import House
from tests.postgres import PASSWORD, PostgresServer
from tests.sandbox_fixtures import ROOT


@dataclass
class Said:
    """What a command printed, and its exit."""

    exit: int
    out: str


Command = Callable[..., Said]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """A command of the product in an installation, as the command line calls it; no password is ever among what it says."""

    def called(url: str, home: Path, *arguments: str, **more: str) -> Said:
        own = {"STORE__URL": url, "HOME": str(home), "OUTPUT": str(home / "output"), "VAULT__KEY_FILE": str(home / "key"), "LANGUAGE": "en"}
        for name, value in (own | more).items():
            monkeypatch.setenv(f"RETAGUARDA_{name}", value)
        monkeypatch.setenv("COLUMNS", "110")
        done = CliRunner().invoke(app, arguments)
        error = done.exception
        said = Said(done.exit_code, done.output)
        if isinstance(error, RetaguardaError):  # the command line's own end is tried by processes
            said = Said(exit_of(error), f"{done.output}{error.text}")
        assert PASSWORD not in said.out
        return said

    yield called
    set_language("pt-BR")
    point_at("sqlite://:memory:")


def tried(credential: str, state: str) -> None:
    SignIn.objects.create(credential=credential, at=Clock().now(), state=state)


def test_who_holds_a_credential_is_told_by_its_lock_and_who_must_look(any_store: OpenStore, any_house: House, command: Command) -> None:
    run, leases = any_house.record(), Leases(locks_for(any_store.home / "locks"), Clock())
    with leases.hold("ccee/robo", run):
        pass
    tried("ccee/robo", "ACCEPTED")
    tried("bank_cedro/robo", "REFUSED")
    tried("tryton/robo", "OPEN")
    with leases.hold("bank_jatoba/robo", run):
        done = command(any_store.url, any_store.home, "credential", "lease", "--json")
    told = {one["credential"]: one for one in json.loads(done.out)}
    assert done.exit == 1
    assert {name: (one["state"], one["held"]) for name, one in told.items()} == {
        "bank_cedro/robo": ("free", False),
        "bank_jatoba/robo": ("at work", True),
        "ccee/robo": ("free", False),
        "tryton/robo": ("free", False),
    }
    assert (told["ccee/robo"]["run"], told["ccee/robo"]["fence"], told["ccee/robo"]["blocked"]) == (run.pk, 1, None)
    blocked = {name: one["blocked"]["code"] for name, one in told.items() if one["blocked"]}
    assert blocked == {"bank_cedro/robo": "credential-refused", "tryton/robo": "credential-resting"}

    allowed = command(any_store.url, any_store.home, "credential", "allow", "tryton/robo")
    assert (allowed.exit, "attempts forgiven: 1" in allowed.out) == (0, True), allowed.out
    assert OutboxEvent.objects.filter(line__action="credential.allowed", line__target="tryton/robo").count() == 1
    shown = command(any_store.url, any_store.home, "credential", "lease")
    assert [line.split()[:2] for line in shown.out.splitlines()[2:5]] == [
        ["✗", "bank_cedro/robo"],
        ["✓", "bank_jatoba/robo"],
        ["✓", "ccee/robo"],
    ]
    unknown = command(any_store.url, any_store.home, "credential", "allow", "nobody/robo")
    assert (unknown.exit, "no credential 'nobody/robo'" in unknown.out) == (3, True)


def test_a_new_database_is_migrated_once_and_keeps_its_promises(postgres: PostgresServer, tmp_path: Path, command: Command) -> None:
    with postgres.database() as url:
        first, again = (command(url, tmp_path, "store", "migrate").out.splitlines() for _ in range(2))
        assert first[0] == "✓ 0001_first"
        assert first[-1] == f"The store is up to date; migrations made: {len(first) - 1}."
        assert again == ["The store is up to date; migrations made: 0."]
        done = command(url, tmp_path, "store", "check", "--json")
        told = {one["name"]: one for one in json.loads(done.out)}
        assert (done.exit, all(one["well"] for one in told.values())) == (0, True)
        assert told["address"]["seen"] == url.replace(f":{PASSWORD}", "")
        assert told["kind"]["seen"].startswith("PostgreSQL ")
        assert told["locks"]["seen"] == "the server's, for every machine"


def test_the_password_may_lie_in_the_vault(postgres_store: OpenStore, command: Command) -> None:
    url, more = postgres_store.url.replace(f":{PASSWORD}", ""), {"STORE__CREDENTIAL": "store/postgresql"}
    kept = postgres_store.home / "secrets.json"
    kept.write_text(json.dumps({"store/postgresql": {"password": PASSWORD}}))
    assert command(postgres_store.url, postgres_store.home, "vault", "import", str(kept)).exit == 0
    assert command(url, postgres_store.home, "run", "list", **more).exit == 0
    missing = command(url, postgres_store.home, "run", "list", **more | {"STORE__CREDENTIAL": "store/other"})
    assert (missing.exit, "no credential 'store/other'" in missing.out) == (3, True)


def test_a_server_that_is_away_is_no_defect(tmp_path: Path) -> None:
    environment = {"RETAGUARDA_STORE__URL": "postgresql://retaguarda@127.0.0.1:1/x", "RETAGUARDA_HOME": str(tmp_path)}
    called = [sys.executable, "-m", "retaguarda", "run", "list"]
    done = subprocess.run(called, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "confira o servidor" in done.stderr, "Defeito" in done.stderr) == (75, True, False)


def test_a_home_adopts_the_log_of_a_lost_machine(any_store: OpenStore, any_house: House, tmp_path: Path, command: Command) -> None:
    any_house.record()
    any_house.audit.seal()
    own = command(any_store.url, any_store.home, "audit", "adopt", "--yes")
    assert (own.exit, "is the store's log already" in own.out) == (3, True)
    other = tmp_path / "other"
    other.mkdir()
    asked = command(any_store.url, other, "audit", "adopt")
    assert asked.exit != 0, "it asks, and nobody answered"
    assert command(any_store.url, other, "audit", "adopt", "--yes").exit == 0
    assert AuditFolder.objects.get().path == str(other / "audit")
    assert command(any_store.url, other, "audit", "verify").exit == 0
