"""`credential`, `store` and `audit adopt` as people call them: what they say, in which exit, and never a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from retaguarda.clock import Clock
from retaguarda.jobs.leases import Leases
from retaguarda.store.advisory import locks_for
from retaguarda.store.models import AuditFolder, OutboxEvent, SignIn
from tests.conftest import OpenStore
from tests.house import House
from tests.postgres import PASSWORD, PostgresServer
from tests.sandbox_fixtures import ROOT


def command(url: str, home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "RETAGUARDA_STORE__URL": url,
        "RETAGUARDA_HOME": str(home),
        "RETAGUARDA_OUTPUT": str(home / "output"),
        "RETAGUARDA_VAULT__KEY_FILE": str(home / "key"),
        "RETAGUARDA_LANGUAGE": "en",
        "COLUMNS": "110",
    }
    called = [sys.executable, "-m", "retaguarda", *arguments]
    done = subprocess.run(called, cwd=ROOT, env=environment | more, capture_output=True, text=True, check=False, timeout=60)
    assert PASSWORD not in done.stdout + done.stderr
    return done


def tried(credential: str, state: str) -> None:
    SignIn.objects.create(credential=credential, at=Clock().now(), state=state)


def test_who_holds_a_credential_is_told_by_its_lock_and_who_must_look(any_store: OpenStore, any_house: House) -> None:
    run, leases = any_house.record(), Leases(locks_for(any_store.home / "locks"), Clock())
    with leases.hold("ccee/robo", run):
        pass
    tried("ccee/robo", "ACCEPTED")
    tried("bank_cedro/robo", "REFUSED")
    tried("tryton/robo", "OPEN")
    with leases.hold("bank_jatoba/robo", run):
        done = command(any_store.url, any_store.home, "credential", "lease", "--json")
    told = {one["credential"]: one for one in json.loads(done.stdout)}
    assert done.returncode == 1
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
    assert (allowed.returncode, "attempts forgiven: 1" in allowed.stdout) == (0, True), allowed.stderr
    assert OutboxEvent.objects.filter(line__action="credential.allowed", line__target="tryton/robo").count() == 1
    shown = command(any_store.url, any_store.home, "credential", "lease")
    assert [line.split()[:2] for line in shown.stdout.splitlines()[2:5]] == [
        ["✗", "bank_cedro/robo"],
        ["✓", "bank_jatoba/robo"],
        ["✓", "ccee/robo"],
    ]
    unknown = command(any_store.url, any_store.home, "credential", "allow", "nobody/robo")
    assert (unknown.returncode, "no credential 'nobody/robo'" in unknown.stderr) == (3, True)


def test_a_new_database_is_migrated_once_and_keeps_its_promises(postgres: PostgresServer, tmp_path: Path) -> None:
    with postgres.database() as url:
        first, again = (command(url, tmp_path, "store", "migrate").stdout.splitlines() for _ in range(2))
        assert first[0] == "✓ 0001_first"
        assert first[-1] == f"The store is up to date; migrations made: {len(first) - 1}."
        assert again == ["The store is up to date; migrations made: 0."]
        done = command(url, tmp_path, "store", "check", "--json")
        told = {one["name"]: one for one in json.loads(done.stdout)}
        assert (done.returncode, all(one["well"] for one in told.values())) == (0, True)
        assert told["address"]["seen"] == url.replace(f":{PASSWORD}", "")
        assert told["kind"]["seen"].startswith("PostgreSQL ")
        assert told["locks"]["seen"] == "the server's, for every machine"


def test_the_password_may_lie_in_the_vault(postgres_store: OpenStore) -> None:
    url, more = postgres_store.url.replace(f":{PASSWORD}", ""), {"RETAGUARDA_STORE__CREDENTIAL": "store/postgresql"}
    kept = postgres_store.home / "secrets.json"
    kept.write_text(json.dumps({"store/postgresql": {"password": PASSWORD}}))
    assert command(postgres_store.url, postgres_store.home, "vault", "import", str(kept)).returncode == 0
    assert command(url, postgres_store.home, "run", "list", **more).returncode == 0
    missing = command(url, postgres_store.home, "run", "list", **more | {"RETAGUARDA_STORE__CREDENTIAL": "store/other"})
    assert (missing.returncode, "no credential 'store/other'" in missing.stderr) == (3, True)


def test_a_server_that_is_away_is_no_defect(postgres_store: OpenStore) -> None:
    done = command("postgresql://retaguarda@127.0.0.1:1/x", postgres_store.home, "run", "list")
    assert (done.returncode, "check the server" in done.stderr, "Defect" in done.stderr) == (75, True, False)


def test_a_home_adopts_the_log_of_a_lost_machine(any_store: OpenStore, any_house: House, tmp_path: Path) -> None:
    any_house.record()
    any_house.audit.seal()
    own = command(any_store.url, any_store.home, "audit", "adopt", "--yes")
    assert (own.returncode, "is the store's log already" in own.stderr) == (3, True)
    other = tmp_path / "other"
    other.mkdir()
    asked = command(any_store.url, other, "audit", "adopt")
    assert asked.returncode != 0, "it asks, and nobody answered"
    assert command(any_store.url, other, "audit", "adopt", "--yes").returncode == 0
    assert AuditFolder.objects.get().path == str(other / "audit")
    assert command(any_store.url, other, "audit", "verify").returncode == 0
