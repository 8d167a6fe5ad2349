"""A certificate's end is told before it comes, and stops runs before they begin: at the terminal, in the queue, in the ledger."""

from __future__ import annotations

import base64
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from retaguarda.agenda.ledger import Ledger
from retaguarda.agenda.obligations import Standings
from retaguarda.clock import SAO_PAULO
from retaguarda.console.wiring import processes
from retaguarda.errors import ConfigurationError
from retaguarda.jobs.certificates import Certificates, Ending, credentials_of
from retaguarda.operations.conditions import ending_certificates, ending_passwords
from retaguarda.operations.installation import Installation
from retaguarda.process import task
from retaguarda.run import Run
from retaguarda.settings import AlertSettings
from retaguarda.store.models import PlannedFire, RunRecord
from tests.agenda.planned import every
from tests.house import House, SetClock
from tests.sandbox_fixtures import ROOT

BANK = "bank_toy/robo"


def a1(ends: dt.datetime, passphrase: str = "segredo") -> dict[str, str]:
    """A company's certificate in PKCS#12 that ends at that moment, as the vault keeps it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "EMPRESA FICTICIA")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(ends - dt.timedelta(days=365)).not_valid_after(ends)
    made = builder.sign(key, hashes.SHA256())
    data = pkcs12.serialize_key_and_certificates(b"a1", key, made, None, BestAvailableEncryption(passphrase.encode()))
    return {"user": "robo", "certificate": base64.b64encode(data).decode(), "passphrase": "segredo"}


@task
def look_at_bank(run: Run, credential: str = BANK) -> int:
    """Do what needs the certificate."""
    run.stage(f"at work with {credential}")
    return 1


def test_a_run_that_would_cross_the_end_does_not_begin(any_house: House) -> None:
    any_house.vault.put(BANK, a1(any_house.services.clock.now() + dt.timedelta(hours=3)))
    runner = any_house.runner(look_at_bank)
    with pytest.raises(ConfigurationError, match=rf"certificate of {BANK} ends on .* before the run could end"):
        runner.start("look_at_bank", {})
    [run] = RunRecord.objects.all()
    assert (run.state, run.error["code"]) == ("FAULTED", "configuration-error")
    assert run.started_at is None


def test_a_run_that_ends_before_it_begins(any_house: House) -> None:
    any_house.vault.put(BANK, a1(any_house.services.clock.now() + dt.timedelta(hours=9)))
    assert any_house.runner(look_at_bank).start("look_at_bank", {}).state == "SUCCESSFUL"


def test_the_ledger_says_why_a_fire_was_skipped(any_house: House, clock: SetClock) -> None:
    any_house.vault.put(BANK, a1(clock.now() + dt.timedelta(hours=3)))
    certificates = Certificates(lambda: any_house.vault, clock)
    ledger = Ledger(any_house.services.runs, clock, Standings(clock), lambda _: certificates.reason([BANK], 4 * 3600))
    trigger = every(60)
    ledger.tick({trigger.name: trigger})
    clock.advance(61)
    ledger.tick({trigger.name: trigger})
    [fire] = PlannedFire.objects.all()
    assert (fire.state, fire.run) == ("SKIPPED", None)
    assert fire.reason.startswith(f"certificate of {BANK} ends on ")
    any_house.vault.put(BANK, a1(clock.now() + dt.timedelta(days=365)))  # renewed
    clock.advance(60)
    ledger.tick({trigger.name: trigger})
    assert [one.state for one in PlannedFire.objects.order_by("at")] == ["SKIPPED", "RUN"]


@pytest.mark.parametrize(
    ("ends", "severity", "text"),
    [
        (dt.timedelta(days=12), "warning", "ends on"),
        (dt.timedelta(days=2), "critical", "ends on"),
        (dt.timedelta(days=-1), "critical", "ended on"),
    ],
)
def test_people_are_told_business_days_before(any_house: House, ends: dt.timedelta, severity: str, text: str) -> None:
    any_house.vault.put(BANK, a1(any_house.services.clock.now() + ends))
    [finding] = ending_certificates(installation(any_house))
    assert (finding.cause, finding.severity) == (f"certificate/{BANK}", severity)
    assert text in finding.text


def test_what_is_good_for_long_is_not_told_and_what_does_not_open_is(any_house: House) -> None:
    any_house.vault.put(BANK, a1(any_house.services.clock.now() + dt.timedelta(days=60)))
    any_house.vault.put("ccee/robo", {"user": "robo", "password": "x"})
    assert list(ending_certificates(installation(any_house))) == []
    any_house.vault.put(BANK, a1(any_house.services.clock.now() + dt.timedelta(days=60), passphrase="outra"))
    [finding] = ending_certificates(installation(any_house))
    assert (finding.severity, "cannot be read" in finding.text) == ("critical", True)


def test_a_password_with_a_last_day_is_told_too(any_house: House) -> None:
    today = any_house.services.clock.now().astimezone(SAO_PAULO).date()
    assert list(ending_passwords(installation(any_house))) == []
    any_house.vault.put("ccee/robo", {"user": "robo", "password": "x", "password_until": f"{today - dt.timedelta(days=1)}"})
    any_house.vault.put("erp/robo", {"user": "robo", "password": "x", "password_until": f"{today + dt.timedelta(days=400)}"})
    any_house.vault.put("erp/typo", {"user": "robo", "password": "x", "password_until": "next week"})
    over, typo = ending_passwords(installation(any_house))
    assert (over.cause, over.severity, "ended on" in over.text) == ("password/ccee/robo", "critical", True)
    assert over.facts["remedy"].endswith("retaguarda credential rotate ccee/robo")
    assert (typo.cause, "next week" in typo.facts["said"]) == ("password/erp/typo", True)


def test_rotating_asks_twice_keeps_the_rest_and_forgets_the_old_last_day(tmp_path: Path) -> None:
    home = {"RETAGUARDA_HOME": str(tmp_path / "state"), "RETAGUARDA_VAULT__KEY_FILE": str(tmp_path / "vault.key")}
    typed = "robo\nold\n2026-01-31\n"
    rows = ("--field", "user", "--field", "password", "--field", "password_until")
    assert retaguarda(home, "credential", "set", "erp/robo", *rows, typed=typed).returncode == 0
    assert retaguarda(home, "credential", "rotate", "erp/robo", typed="one\nother\n").returncode != 0
    assert retaguarda(home, "credential", "rotate", "erp/robo", typed="new\nnew\n").returncode == 0
    [told] = json.loads(retaguarda(home, "credential", "list", "--json").stdout)
    assert (told["fields"], told["password_ends"]) == (["password", "user"], None)
    done = retaguarda(home, "credential", "rotate", "erp/robo", "--until", "2027-01-31", typed="newer\nnewer\n")
    [told] = json.loads(retaguarda(home, "credential", "list", "--json").stdout)
    assert (done.returncode, told["password_ends"][:10]) == (0, "2027-01-31")
    assert "newer" not in done.stdout + done.stderr
    missing = retaguarda(home, "credential", "rotate", "erp/nobody", typed="x\nx\n")
    assert (missing.returncode, "credential set erp/nobody" in missing.stderr) == (3, True)


def test_business_days_are_counted_and_not_days() -> None:
    thursday = dt.datetime(2026, 11, 19, 15, tzinfo=dt.UTC)  # the Friday is a national holiday
    monday, tuesday = thursday + dt.timedelta(days=4), thursday + dt.timedelta(days=5)
    assert [Ending(BANK, ends).days_left(thursday) for ends in (monday, tuesday)] == [0, 1]
    assert Ending(BANK, thursday).days_left(thursday) == -1


def test_a_composed_process_names_the_credentials_of_its_steps() -> None:
    known = processes()
    assert set(known["close_month"].steps) >= {"export_erp", "download_statements", "register_contracts", "settle_receivables"}
    names = set(credentials_of("close_month", {"month": "2026-10"}, known))
    assert names == {"tryton/robo", "bank_jatoba/robo", "bank_cedro/robo", "ccee/robo"}
    assert list(credentials_of("download_statements", {"credentials": "bank_ipe/robo;bank_cedro/robo"}, known)) == [
        "bank_ipe/robo", "bank_cedro/robo"
    ]  # fmt: skip


def installation(house: House) -> Installation:
    services = house.services
    settings = services.settings.model_copy(update={"alerts": AlertSettings()})
    return Installation(settings, services.clock, services.locks, lambda: house.vault)


def retaguarda(home: dict[str, str], *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retaguarda", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ | home, capture_output=True, text=True, check=False, timeout=120, input=typed)


def test_the_command_line_shows_when_certificates_end(tmp_path: Path) -> None:
    given = {BANK: a1(dt.datetime.now(dt.UTC) + dt.timedelta(days=5)), "ccee/robo": {"user": "robo", "password": "x"}}
    soon = dt.datetime.now(SAO_PAULO).date() + dt.timedelta(days=8)
    given["erp/robo"] = {"user": "robo", "password": "x", "password_until": soon.isoformat()}
    given["erp/typo"] = {"user": "robo", "password": "x", "password_until": "next week"}
    (tmp_path / "credentials.json").write_text(json.dumps(given), "utf-8")
    home = {"RETAGUARDA_HOME": str(tmp_path / "state"), "RETAGUARDA_VAULT__KEY_FILE": str(tmp_path / "vault.key")}
    assert retaguarda(home, "vault", "import", str(tmp_path / "credentials.json")).returncode == 0
    listed = retaguarda(home, "credential", "list", "--json")
    [bank, ccee, erp, typo] = json.loads(listed.stdout)
    assert (listed.returncode, bank["credential"], bank["fields"]) == (0, BANK, ["certificate", "passphrase", "user"])
    assert 0 <= bank["business_days_left"] <= 4
    assert (ccee["certificate_ends"], ccee["attention"]) == (None, False)
    assert (erp["password_ends"][:10], erp["attention"]) == (soon.isoformat(), True)
    assert 3 <= erp["password_days_left"] <= 6
    assert (typo["attention"], "next week" in typo["problem"]) == (True, True)
    checked = retaguarda(home, "credential", "check")
    assert checked.returncode == 1
    assert BANK in checked.stdout
    assert "segredo" not in checked.stdout + listed.stdout
