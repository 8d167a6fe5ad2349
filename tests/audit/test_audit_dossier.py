"""The dossier: one zip that opens offline, proves itself with Python alone, and whose tampering is found and named."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from django.db import transaction
from PIL import Image
from playwright.sync_api import Browser
from typer.testing import CliRunner

from retaguarda.audit import events
from retaguarda.audit.anchors import Anchors
from retaguarda.audit.merkle import includes, leaf_hash
from retaguarda.clock import SAO_PAULO, Clock
from retaguarda.console.commands_dossier import dossier
from retaguarda.settings import AuditSettings
from retaguarda.store.models import Request, RequestState, RunRecord
from tests.audit.elsewhere import witness_of
from tests.audit.logs import tell
from tests.audit.test_audit_foreign import TLOG
from tests.house import House

SCRIPT = "<script>document.title='owned'</script>"


def picture(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (320, 160), colour).save(held, "WEBP", lossless=True)
    return held.getvalue()


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunRecord:
    """A run among others, with pictures, an approval, a text of a portal that is a script; witnessed twice, signed six times."""
    monkeypatch.setenv("RETAGUARDA_HOME", str(house.home))
    monkeypatch.setenv("RETAGUARDA_OUTPUT", str(house.home / "output"))
    monkeypatch.setenv("RETAGUARDA_CONFIG_DIR", str(Path(__file__).parents[2] / "config"))
    monkeypatch.chdir(tmp_path)
    tell(7, run="another")
    house.audit.seal()
    with witness_of((house.audit.folder / "log.vkey").read_text(), tmp_path / "witness") as (_, settings):
        anchors = Anchors(house.audit, AuditSettings(witnesses={"w1": settings}), Clock(), lambda *_: "")
        anchors.make()
        record = house.services.runs.create("register_contracts", {"month": "2026-10"})
        for number, colour in enumerate(("#12344d", "#7fb069", "#d1495b")):
            house.services.evidence.keep(record, "picture", f"register BOL-{number}: receipt", picture(colour))
            tell(5, run="another")
            house.audit.seal()
        house.services.evidence.keep(record, "download", "extrato.ofx", b"OFXHEADER:100\nDATA:OFXSGML\n")
        with transaction.atomic():
            events.record("item.new", run=record.pk, item="BOL-0", target=SCRIPT, data={"name": SCRIPT})
        moment = dt.datetime.now(SAO_PAULO)
        answer = {"answered_by": "Bruno", "answered_at": moment, "reason": "conferido", "state": RequestState.ANSWERED}
        Request.objects.create(run=record, kind="approval", subject="plano", digest="ab" * 32, asked_at=moment, **answer)
        house.audit.seal()
        anchors.make()
    tell(3, run="another")
    house.audit.seal()
    return record


@pytest.fixture
def unpacked(run: RunRecord, tmp_path: Path) -> Path:
    import typer

    app = typer.Typer()
    app.command()(dossier)
    result = CliRunner().invoke(app, [run.pk, "--out", "run.zip", "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["files"], told["sha256"]) == (4, hashlib.sha256(Path("run.zip").read_bytes()).hexdigest())
    with zipfile.ZipFile("run.zip") as made:
        made.extractall(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def verified(folder: Path, *more: str) -> tuple[int, str]:
    """As the auditor does it: in the folder, with the dossier's own verifier, and nothing else."""
    command = [sys.executable, "-I", "-S", "verificar.py", "--extrato", "trilha", *more]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8", timeout=30)
    return done.returncode, done.stdout + done.stderr


def test_a_dossier_verifies_on_a_clean_machine_and_shows_nothing_of_other_runs(unpacked: Path, run: RunRecord) -> None:
    code, said = verified(unpacked)
    assert code == 0, said
    assert re.search(r"\(\d+ não mostrados\)", said)
    assert "2 testemunhos" in said
    lines = (unpacked / "eventos.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["run"] for line in lines} == {run.pk}
    assert not [path for path in unpacked.rglob("*") if path.is_file() and b'"another"' in path.read_bytes()]
    sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=unpacked, capture_output=True, text=True, check=False)
    assert (sums.returncode, sums.stdout) == (0, "")


def test_every_event_has_a_proof_that_a_foreign_verifier_accepts(unpacked: Path) -> None:
    checked = 0
    for line in (unpacked / "eventos.jsonl").read_bytes().splitlines():
        seq = json.loads(line)["seq"]
        head, _, note = (unpacked / "provas" / f"{seq}.tlog-proof").read_text().partition("\n\n")
        first, index, *path = head.split("\n")
        size, root = int(note.split("\n")[1]), base64.b64decode(note.split("\n")[2])
        proof = [base64.b64decode(node) for node in path]
        assert (first, index) == ("c2sp.org/tlog-proof@v1", f"index {seq}")
        assert includes(leaf_hash(line), seq, size, proof, root)
        script = "import sys,json; from aics_tlog import verify_leaf_inclusion as v; a=json.load(sys.stdin); f=bytes.fromhex\n"
        script += "sys.exit(not v(f(a[0]),a[1],a[2],[f(n) for n in a[3]],f(a[4])))"
        given = json.dumps([line.hex(), seq, size, [node.hex() for node in proof], root.hex()])
        environment = os.environ | {"PYTHONPATH": str(TLOG)}
        if checked < 3:
            subprocess.run([sys.executable, "-c", script], input=given, text=True, env=environment, check=True)
        checked += 1
    assert checked >= 6


def test_any_changed_file_of_a_dossier_is_named(unpacked: Path) -> None:
    for path in sorted(path for path in unpacked.rglob("*") if path.is_file() and path.name != "SHA256SUMS"):
        before = path.read_bytes()
        path.write_bytes(before[:20] + bytes([before[20] ^ 1]) + before[21:])
        name = path.relative_to(unpacked)
        if name.parts[0] in {"trilha", "evidence"}:
            code, said = verified(unpacked)
            assert code == 1, name
            assert path.name in said or name.parts[-1] == "log.vkey" or "w1.vkey" in name.parts[-1], (name, said)
        sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=unpacked, capture_output=True, text=True, check=False)
        assert str(name) in sums.stdout
        path.write_bytes(before)
    assert verified(unpacked)[0] == 0


@pytest.mark.parametrize("spoilt", [b"_", b"~", b"\xff"])
@pytest.mark.parametrize("place", [5, 43])
def test_a_hidden_event_that_is_no_hash_any_more_is_named(unpacked: Path, spoilt: bytes, place: int) -> None:
    [segment] = (unpacked / "trilha" / "segments").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if line.startswith(b"~"))
    lines[number] = lines[number][:place] + spoilt + lines[number][place + 1 :]
    segment.write_bytes(b"".join(lines))
    code, said = verified(unpacked)
    assert code == 1
    assert f"{segment.name}:{number + 1}: não é um evento" in said


def test_a_forged_dossier_does_not_hold_against_the_auditors_key(unpacked: Path) -> None:
    code, _ = verified(unpacked, "none", "retaguarda/audit+00000000+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert code == 1


@pytest.mark.browser
def test_the_page_opens_offline_with_its_pictures_and_runs_no_script_of_a_portal(unpacked: Path, chromium: Browser, tmp_path: Path) -> None:
    context = chromium.new_context(offline=True, viewport={"width": 1366, "height": 900})
    page = context.new_page()
    failed: list[str] = []
    page.on("console", lambda message: failed.append(message.text))
    page.goto((unpacked / "index.html").as_uri())
    assert "owned" not in page.title()
    assert page.locator(".timeline img").count() == 3
    page.locator(".timeline img").last.scroll_into_view_if_needed()
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth === 320)")
    assert page.get_by_text("Bruno").count() == 1
    assert SCRIPT in page.locator(".timeline").inner_text()
    assert failed == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
