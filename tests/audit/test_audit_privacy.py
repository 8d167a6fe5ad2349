"""Personal data is masked wherever a role does not need it; who sees it nevertheless says why, and the log keeps that."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.db import transaction
from typer.testing import CliRunner

from retaguarda.audit import events
from retaguarda.console.cli import app
from retaguarda.errors import ConfigurationError, NotEntitled
from retaguarda.people import privacy
from retaguarda.people.privacy import Mask
from retaguarda.settings import PortalSettings, Settings
from retaguarda.store.models import OutboxEvent, Person, RunRecord
from tests.house import House

CPF, BARE, ACCOUNT = "529.982.247-25", "52998224725", "conta 45678-9"
PERSONAL = (CPF, BARE, "45678-9")
ROOT = Path(__file__).parents[2]


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"PIX {CPF} FULANO", "PIX ***.982.247-** FULANO"),
        (f"PIX {BARE} FULANO", "PIX ***.982.247-** FULANO"),
        ("fone 11987654321", "fone 11987654321"),  # eleven digits that are no CPF
        ("CNPJ 12.345.678/0001-95", "CNPJ 12.345.678/0001-95"),
        ("TED conta 45678-9", "TED conta ***8-9"),
        ("TED C/C: 0045678-X", "TED C/C: ***8-X"),
        ("0158 / 45678-9", "0158 / ***8-9"),
        ("conta 60417-8", "conta 60417-8"),  # the company's own
        ("0158 / 60417-8", "0158 / 60417-8"),
        ("de 10/2026 a 11/2026, 1.234.567,89", "de 10/2026 a 11/2026, 1.234.567,89"),
        ("conta 2026-11-10", "conta 2026-11-10"),
        ("a" * 40 + BARE, "a" * 40 + BARE),  # part of a longer name
    ],
)
def test_what_is_masked_and_what_is_not(text: str, shown: str) -> None:
    mask = Mask.of(Settings(portals={"bank": PortalSettings(url="https://bank.example", account="0158 / 60417-8")}))
    assert mask.text(text) == shown
    assert mask.value({text: [text, 7]}) == {shown: [shown, 7]}
    assert mask.found_in(text.encode()) is (text != shown)


def test_only_an_operator_sees_it_and_only_an_auditor_may_ask(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [role for role in ("operator", "approver", "auditor", "administrator") if privacy.sees([role])] == ["operator"]
    for name, role in (("ana", "auditor"), ("bia", "approver"), ("caio", "administrator")):
        Person.objects.create(name=name, roles=[role], active=True, created_at="2026-11-01T00:00:00Z")
    monkeypatch.setenv("RETAGUARDA_ACTOR", "ana")
    with pytest.raises(ConfigurationError, match="only for a reason"):
        privacy.unmask("  ", "audit log")
    privacy.unmask("ofício 12", "audit log")
    for name in ("bia", "caio"):
        monkeypatch.setenv("RETAGUARDA_ACTOR", name)
        with pytest.raises(NotEntitled):
            privacy.unmask("curious", "audit log")
    told = OutboxEvent.objects.get().line
    assert (told["action"], told["actor"], told["target"], told["data"]) == (
        "personal.unmasked",
        "ana",
        "audit log",
        {"reason": "ofício 12"},
    )


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunRecord:
    monkeypatch.setenv("RETAGUARDA_HOME", str(house.home))
    monkeypatch.setenv("RETAGUARDA_OUTPUT", str(house.home / "output"))
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(ROOT / "config"))
    monkeypatch.chdir(tmp_path)
    record = house.services.runs.create("reconcile_receipts", {})
    with transaction.atomic():
        events.record("item.new", run=record.pk, item="BOL-1", target=f"PIX {CPF}", data={"payer": BARE, "text": f"TED {ACCOUNT}"})
        events.record("item.new", run=record.pk, item="BOL-2", target="nothing of a person")
    house.services.evidence.keep(record, "download", "extrato.ofx", f"<MEMO>PIX {BARE}\n".encode())
    house.services.evidence.keep(record, "download", "plain.ofx", b"<MEMO>TARIFA\n")
    house.services.evidence.keep(record, "picture", "what the robot saw", b"RIFFxxxxWEBP" + bytes(60))
    house.audit.seal()
    return record


def test_lists_and_exports_are_masked_until_somebody_says_why(run: RunRecord) -> None:
    _, log = invoke("audit", "log", "--run", run.pk, "--json")
    assert not [text for text in PERSONAL if text in log]
    assert [json.loads(line).get("masked", False) for line in log.splitlines()].count(True) == 1
    for kind in ("csv", "jsonl"):
        invoke("audit", "export", "--run", run.pk, "--format", kind, "--out", f"out.{kind}")
        assert not [text for text in PERSONAL if text in Path(f"out.{kind}").read_text()]
        assert "BOL-1" in Path(f"out.{kind}").read_text()
    assert "personal.unmasked" not in [event.line["action"] for event in OutboxEvent.objects.all()]
    code, said = invoke("audit", "log", "--run", run.pk, "--json", "--unmask", "ofício 12")
    assert code == 0
    assert all(text in said for text in PERSONAL)
    told = OutboxEvent.objects.filter(line__action="personal.unmasked").get().line
    assert told["data"] == {"reason": "ofício 12"}


def test_the_log_itself_is_not_taken_along_without_a_reason(run: RunRecord) -> None:
    with pytest.raises(ConfigurationError, match="only for a reason"):
        invoke("audit", "export", "--format", "tiles")
    assert invoke("audit", "export", "--format", "tiles", "--unmask", "revisão anual")[0] == 0


def test_a_dossier_without_personal_data_still_proves_itself(run: RunRecord, tmp_path: Path) -> None:
    code, said = invoke("audit", "dossier", run.pk, "--masked", "--out", "run.zip")
    assert code == 0, said
    with zipfile.ZipFile("run.zip") as made:
        made.extractall(tmp_path / "elsewhere")
    found = [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()]
    assert not [(path.name, text) for path in found for text in PERSONAL if text.encode() in path.read_bytes()]
    assert [path.read_bytes() for path in found if path.parent.parent.name == "evidence"] == [b"<MEMO>TARIFA\n"]
    command = [sys.executable, "-I", "-S", "verificar.py", "--extrato", "trilha"]
    done = subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    page = (tmp_path / "elsewhere" / "index.html").read_text()
    assert "***.982.247-**" in page
    assert "BOL-2" in page
