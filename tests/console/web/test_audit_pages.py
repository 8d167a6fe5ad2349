"""The audit, and portals and robots, in real Chromium: search, proof and its refusal, coverage, changes, access, dossier, drift."""

from __future__ import annotations

import datetime as dt
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.audit.log import AuditLog
from retaguarda.store.connection import point_at
from retaguarda.store.models import Evidence, ItemState, Lease, OutboxEvent, RunRecord, RunState, SignIn, SignInState
from tests.console.web.looking import PHONE, faults, kept, somebody, stray_width
from tests.console.web.samples import PIXEL, Samples, fill
from tests.console.web.server import Console, served

SECRET = "segredo-que-ninguem-ve"  # a test's
PAGES = {
    "audit": "/audit",
    "audit-verify": "/audit/verify",
    "audit-coverage": "/audit/coverage",
    "audit-changes": "/audit/changes",
    "audit-access": "/audit/access",
    "audit-dossier": "/audit/dossier",
    "audit-event": "/audit/events/3",
    "portals": "/portals",
    "portals-credentials": "/portals/credentials",
    "portals-credential": "/portals/credentials/ccee/robo",
    "portals-drift": "/portals/drift",
}


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("audit")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    with served(home, url) as console:
        for name in ("auditor", "operator"):
            console.person(f"the-{name}", name)
        console.vault.put("ccee/robo", {"user": "robo", "password": SECRET})
        yield console
    point_at("sqlite://:memory:")


@pytest.fixture(scope="module")
def samples(console: Console) -> Samples:
    """A run with evidence, sign-ins, a changed screen, and all of it sealed."""
    samples = fill(console)
    now = console.clock.now()
    SignIn.objects.create(credential="ccee/robo", at=now, state=SignInState.REFUSED, text="Usuário ou senha inválidos.", ended_at=now)
    Lease.objects.create(credential="ccee/robo", fence=7, run=samples.run.pk, executor="host:1", since=now)
    for state in (RunState.SUCCESSFUL, RunState.FAULTED):
        run = console.runs.create("export_erp", {"month": "2026-10"}, queue="default")
        console.evidence.keep(run, "picture", "contratos", PIXEL)
        error = {"code": "portal-changed", "text": "the heading Contratos is not there", "remedy": ""}
        ended = {"ended_at": now + dt.timedelta(seconds=1), "started_at": now}
        RunRecord.objects.filter(pk=run.pk).update(state=state, error=error if state == RunState.FAULTED else None, **ended)
    AuditLog(console.home / "audit").seal()
    return samples


@pytest.fixture
def page(console: Console, chromium: Browser, samples: Samples) -> Iterator[Page]:
    with somebody(console, chromium, "the-auditor") as page:
        yield page


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_in_order_on_a_desk_and_on_a_phone(console: Console, page: Page, name: str) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.goto(console.url + PAGES[name])
    kept(page, name)
    assert SECRET not in page.content()
    assert faults(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    kept(page, f"{name}-phone")
    assert stray_width(page) <= 0
    assert told == []
    assert page.title() not in {"1", "2"}


def test_the_log_is_searched_and_reading_it_is_an_event(console: Console, page: Page, samples: Samples) -> None:
    page.goto(f"{console.url}/audit?q=BOL-2&run={samples.run.pk}")
    rows = page.locator("tbody tr")
    assert rows.count() >= 1
    expect(rows.first).to_contain_text("BOL-2")
    page.goto(f"{console.url}/audit?q=nada-disso")
    expect(page.get_by_text("Nenhum evento é assim")).to_be_visible()
    read = [event.line for event in OutboxEvent.objects.order_by("-id")[:20]]
    assert ("console.read", "the-auditor") in {(line["action"], line["actor"]) for line in read if "nada-disso" in line["target"]}


def test_the_proof_is_shown_and_a_changed_file_is_named(console: Console, page: Page, samples: Samples) -> None:
    page.goto(f"{console.url}/audit/verify")
    page.get_by_role("button", name="Verificar agora").click()
    expect(page.get_by_role("status")).to_contain_text("O registro está íntegro")
    kept(page, "audit-verified")
    sealed = sum(1 for _ in AuditLog(console.home / "audit").lines())
    assert int(page.locator("dl.facts dd").first.inner_text()) == sealed
    kept_file = console.evidence.path(samples.evidence)
    raw = kept_file.read_bytes()
    kept_file.chmod(0o600)
    kept_file.write_bytes(raw + b"x")
    page.get_by_role("button", name="Verificar agora").click()
    expect(page.get_by_role("alert")).to_contain_text("O registro não está íntegro")
    expect(page.get_by_role("alert")).to_contain_text(samples.evidence[:12])
    kept_file.write_bytes(raw)


def test_the_dossier_of_a_run_is_a_zip_that_stands_alone(console: Console, samples: Samples) -> None:
    visitor = console.signed_in("the-auditor")
    answer = visitor.submit("/audit/dossier", {"run": samples.run.pk}, seen="/audit/dossier")
    assert answer.status_code == 200, answer.text[:500]
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert any(name.endswith("verificar.py") for name in names)
    assert visitor.submit("/audit/dossier", {"run": "../../etc/passwd"}, seen="/audit/dossier").status_code == 404


def test_an_operator_reads_no_log_and_changes_name_who_did_them(console: Console, page: Page) -> None:
    visitor = console.signed_in("the-operator")
    for path in ("/audit", "/audit/verify", "/audit/access"):
        assert visitor.see(path).status_code == 403
    page.goto(f"{console.url}/audit/changes?about=People")
    expect(page.locator("tbody")).to_contain_text("the-auditor")


def test_credentials_say_who_works_and_what_is_left_and_never_the_secret(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/portals/credentials")
    row = page.locator("tbody tr", has_text="ccee/robo")
    expect(row).to_contain_text("bloqueada")
    expect(row).to_contain_text("0 / 1")
    page.goto(f"{console.url}/portals/drift")
    expect(page.locator("figure")).to_have_count(2)
    expect(page.locator("section.panel")).to_contain_text("Contratos")


CPF, MASKED = "529.982.247-25", "***.982.247-**"


@pytest.fixture(scope="module")
def personal(console: Console, samples: Samples) -> RunRecord:
    """A run whose events, items and files tell of a person."""
    run = console.runs.create("reconcile_receipts", {"payer": CPF}, queue="default")
    item = console.runs.item(run, "BOL-9", f"PIX {CPF}", {"payer": CPF})
    console.runs.mark(item, ItemState.FAILED_BUSINESS, outcome="refused", reason=f"payer {CPF}")
    console.evidence.keep(run, "download", "extrato.ofx", f"<MEMO>PIX {CPF}\n".encode())
    for name in ("approver", "administrator"):
        console.person(f"the-{name}", name)
    AuditLog(console.home / "audit").seal()
    return run


@pytest.mark.parametrize("name", ["the-approver", "the-administrator", "the-auditor"])
def test_a_role_that_does_not_need_personal_data_sees_none(console: Console, personal: RunRecord, name: str) -> None:
    visitor, file = console.signed_in(name), Evidence.objects.get(run=personal)
    for path in (
        f"/runs/{personal.pk}",
        f"/runs/{personal.pk}?tab=items",
        "/runs",
        f"/api/v1/runs/{personal.pk}",
        f"/api/v1/runs/{personal.pk}/items",
    ):
        answer = visitor.see(path)
        assert answer.status_code == 200, path
        assert CPF not in answer.text, path
    assert MASKED in visitor.see(f"/runs/{personal.pk}?tab=items").text
    assert visitor.see(f"/runs/{personal.pk}/evidence/{file.sha256}").status_code == 403


def test_whose_work_needs_it_sees_it(console: Console, personal: RunRecord) -> None:
    visitor, file = console.signed_in("the-operator"), Evidence.objects.get(run=personal)
    assert CPF in visitor.see(f"/runs/{personal.pk}?tab=items").text
    assert CPF.encode() in visitor.see(f"/runs/{personal.pk}/evidence/{file.sha256}").content


def test_an_auditor_says_why_and_sees_it_for_a_while_and_the_log_keeps_both(console: Console, personal: RunRecord) -> None:
    visitor, path = console.signed_in("the-auditor"), f"/runs/{personal.pk}?tab=items"
    assert visitor.submit("/audit/unmask", {"reason": " "}).status_code == 409
    assert CPF not in visitor.see(path).text
    assert visitor.submit("/audit/unmask", {"reason": "ofício 12"}).status_code == 302
    assert CPF in visitor.see(path).text
    told = [event.line for event in OutboxEvent.objects.order_by("-id")[:2]]
    assert [(line["action"], line["actor"], line["data"]) for line in told] == [
        ("console.read", "the-auditor", {"unmasked": True}),
        ("personal.unmasked", "the-auditor", {"reason": "ofício 12"}),
    ]
    assert visitor.submit("/audit/unmask", {"hide": "1"}).status_code == 302
    assert CPF not in visitor.see(path).text


def test_the_pages_say_that_something_is_masked_and_how_to_see_it(console: Console, page: Page, personal: RunRecord) -> None:
    page.goto(f"{console.url}/audit")
    page.get_by_text("CPFs e contas de terceiros estão mascarados").click()
    kept(page, "audit-masked")
    page.get_by_label("Por que precisam ser vistos").fill("ofício 12")
    page.get_by_role("button", name="Mostrar por 15 minutos").click()
    expect(page.get_by_text("Dados pessoais visíveis até")).to_be_visible()
    kept(page, "audit-unmasked")
    page.get_by_role("button", name="Mascarar de novo").click()
    expect(page.get_by_text("Dados pessoais visíveis até")).to_have_count(0)
