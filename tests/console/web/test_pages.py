"""The pages in real Chromium: what people do from sign-up to approval, that it is accessible, and that nothing a portal says is obeyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.people.register import hash_of
from retaguarda.store.models import OneTimeLink, OutboxEvent, Request, RequestState, RunRecord, RunState
from tests.console.web.samples import HOSTILE, Samples, fill
from tests.console.web.server import PASSWORD, Console

AXE = (Path(__file__).parents[2] / "vendor" / "axe.min.js").read_text("utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def samples(console: Console) -> Samples:
    return fill(console)


@pytest.fixture
def page(chromium: Browser, console: Console) -> Iterator[Page]:
    """A browser of its own that fails the test when a page breaks the policy or throws."""
    context = chromium.new_context(base_url=console.url, locale="pt-BR", viewport={"width": 1280, "height": 900})
    opened, troubles = context.new_page(), []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert [trouble for trouble in troubles if "status of" not in trouble] == []


def enter(page: Page, console: Console, name: str) -> None:
    """Sign in with password and code, as a person does."""
    page.goto("/sign-in")
    page.get_by_label("Nome").fill(name)
    page.get_by_label("Senha").fill(PASSWORD)
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Os seis dígitos").fill(console.code(name))
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("button", name="Sair")).to_be_visible()


def test_an_administrator_begins_by_the_link_of_the_first_start(page: Page, console: Console) -> None:
    person = console.register.add("chegou", ["administrator"])
    secret = console.register.link(person)
    page.goto(f"/link/{secret}")
    page.get_by_label("Nova senha").fill(PASSWORD)
    page.get_by_label("A mesma, de novo").fill(PASSWORD)
    seed = page.locator("#seed").inner_text().replace(" ", "")
    assert seed == console.entrance.seed(OneTimeLink.objects.get(sha256=hash_of(secret)))
    page.get_by_label("Os seis dígitos").fill(console.code_of(seed))
    page.get_by_role("button", name="Começar").click()
    expect(page.get_by_role("heading", name="Hoje")).to_be_visible()


def test_an_operator_launches_a_process_and_finds_it_waiting(page: Page, console: Console) -> None:
    enter(page, console, "the-operator")
    page.get_by_role("link", name="Processos").click()
    page.get_by_role("link", name="Fechar o mês").click()
    page.get_by_role("button", name="Conferir").click()
    expect(page.locator(".wrong").first).to_have_text("É necessário.")
    page.get_by_label("Mês de suprimento").fill("2026-10")
    page.get_by_label("De", exact=True).fill("2026-11-01")
    page.get_by_label("Até", exact=True).fill("2026-11-10")
    page.get_by_role("button", name="Conferir").click()
    expect(page.get_by_text("Os parâmetros estão certos.")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Lançar", exact=True).click()
    expect(page.locator(".badge.big").first).to_have_text("Aguardando início")
    run = RunRecord.objects.get(pk=page.url.rpartition("/")[2])
    assert (run.actor, run.params, run.queue) == ("the-operator", {"month": "2026-10", "period": "2026-11-01..2026-11-10"}, "default")
    line = OutboxEvent.objects.filter(line__action="run.queued").order_by("-id").first()
    assert line is not None
    assert line.line["actor"] == "the-operator"


def test_a_sheet_is_checked_before_the_launch(page: Page, console: Console, tmp_path: Path) -> None:
    enter(page, console, "the-operator")
    page.goto("/processes/register_contracts")
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Modelo para preencher").click()
    assert downloaded.value.suggested_filename == "contracts.xlsx"
    sheet = tmp_path / f"{HOSTILE[:20].replace('/', '_')}.csv"
    source = (Path(__file__).parents[2] / "data" / "tryton" / "contracts.csv").read_text("utf-8").splitlines()
    sheet.write_text("\n".join([*source[:4], source[4].replace("2026-10-01", "ontem")]) + "\n", "utf-8")
    page.get_by_label("Mês de suprimento").fill("2026-10")
    page.get_by_label("Planilha de contratos").set_input_files(sheet)
    page.get_by_role("button", name="Conferir").click()
    expect(page.get_by_text("3 linhas lidas")).to_be_visible()
    expect(page.get_by_text("Já enviado:")).to_be_visible()
    page.get_by_role("button", name="Simular").click()
    run = RunRecord.objects.get(pk=page.url.rpartition("/")[2])
    assert run.dry_run
    kept = Path(run.params["sheet"])
    assert kept.read_bytes() == sheet.read_bytes()
    assert kept.is_relative_to(console.home / "uploads")


def test_a_run_is_watched_live(page: Page, console: Console) -> None:
    run = console.runs.create("export_erp", {"month": "2026-10"}, queue="default")
    enter(page, console, "the-auditor")
    page.goto(f"/runs/{run.pk}")
    expect(page.locator(".badge.big").first).to_have_text("Aguardando início")
    console.runs.begin(run)
    expect(page.locator(".badge.big").first).to_have_text("Em andamento")
    item = console.runs.item(run, "BOL-9", "one", {})
    console.runs.mark(item, "IN_PROGRESS")  # type: ignore[arg-type]
    expect(page.get_by_text("0 de 1 itens")).to_be_visible()
    Path(run.folder).mkdir(parents=True, exist_ok=True)
    line = '{"ts": "2026-11-26T10:00:00.000-03:00", "level": "WARNING", "text": "could not sign out: net::ERR_7", "portal": "ccee"}\n'
    (Path(run.folder) / "run.jsonl").write_text(line, "utf-8")
    expect(page.locator(".log .text")).to_contain_text("net::ERR_7")
    console.runs.mark(item, "SUCCESSFUL", outcome="done")  # type: ignore[arg-type]
    expect(page.get_by_text("1 de 1 itens")).to_be_visible()
    console.runs.end(run, RunState.SUCCESSFUL)
    expect(page.locator(".badge.big").first).to_have_text("Concluída")
    assert page.get_by_role("button", name="Parar").count() == 0, "an auditor changes nothing"


def asked(console: Console, launcher: str) -> Request:
    from retaguarda.audit import events

    with events.acting(launcher):
        run = console.runs.create("register_contracts", {"month": "2026-10"}, queue="default")
        console.runs.begin(run)
        facts = {"items": 2, "mwh": "744.000", "references": ["BOL-1", "BOL-2"]}
        request = console.requests.ask(run, "approval", "register 2026-10", digest="cd" * 32, facts=facts)
        console.runs.suspend(run, {"code": "approval-required", "text": "waits"})
    return request


def test_maker_is_not_checker(page: Page, console: Console) -> None:
    request = asked(console, "two-hats")
    enter(page, console, "two-hats")
    page.goto(f"/requests/{request.pk}")
    expect(page.get_by_text("quem decide é outra pessoa")).to_be_visible()
    assert page.get_by_role("button", name="Aprovar este plano").count() == 0
    forced = console.signed_in("two-hats").submit(f"/requests/{request.pk}/decide", {"decision": "approve", "digest": request.digest})
    assert forced.status_code == 409
    request.refresh_from_db()
    assert request.state == RequestState.OPEN


def test_another_person_approves(page: Page, console: Console) -> None:
    request = asked(console, "two-hats")
    enter(page, console, "the-approver")
    page.goto(f"/requests/{request.pk}")
    expect(page.get_by_text("cd" * 32)).to_be_visible()
    page.get_by_role("button", name="Aprovar este plano").click()
    expect(page.locator(".badge.big").first).to_have_text("Aguardando início")
    request.refresh_from_db()
    assert (request.state, request.answered_by) == (RequestState.ANSWERED, "the-approver")
    assert RunRecord.objects.get(pk=request.run_id).state == RunState.PENDING


def test_a_plan_that_changed_is_not_approved(console: Console) -> None:
    request = asked(console, "two-hats")
    approver = console.signed_in("the-approver")
    answer = approver.submit(f"/requests/{request.pk}/decide", {"decision": "approve", "digest": "ef" * 32})
    assert answer.status_code == 409
    request.refresh_from_db()
    assert request.state == RequestState.OPEN


def test_a_code_is_typed(page: Page, console: Console) -> None:
    run = console.runs.create("reconcile_ccee", {"month": "2026-10"}, queue="default")
    console.runs.begin(run)
    request = console.requests.ask(run, "challenge", "ccee/robo", facts={"question": "Digite o código enviado por e-mail"})
    enter(page, console, "the-operator")
    page.goto("/requests")
    page.locator(f'a[href="/requests/{request.pk}"]').first.click()
    expect(page.locator(".countdown")).not_to_be_empty()
    page.get_by_label("Código", exact=True).fill("246810")
    page.get_by_role("button", name="Enviar o código").click()
    expect(page.get_by_role("heading", name="Conciliar CCEE")).to_be_visible()
    assert console.requests.typed_code(run, "ccee/robo") == "246810"


def test_an_operator_stops_and_goes_on(page: Page, console: Console) -> None:
    run = console.runs.create("export_erp", {"month": "2026-09"}, queue="default")
    console.runs.begin(run)
    console.runs.suspend(run, {"code": "challenge-required", "text": "waits"})
    enter(page, console, "the-operator")
    page.goto(f"/runs/{run.pk}")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Parar").click()
    expect(page.locator(".badge.big").first).to_have_text("Interrompida pelo operador")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Retomar de onde parou").click()
    expect(page.locator(".badge.big").first).to_have_text("Aguardando início")


PLACES = (
    "/",
    "/runs",
    "/runs/{run}",
    "/runs/{run}?tab=items",
    "/runs/{run}?tab=evidence",
    "/runs/{run}?tab=log",
    "/runs/{run}?tab=parameters",
    "/runs/{run}?tab=audit",
    "/processes",
    "/processes/close_month",
    "/processes/register_contracts",
    "/processes/reconcile_receipts",
    "/requests",
    "/requests/{approval}",
    "/requests/{challenge}",
    "/requests/uncertain",
    "/account",
    "/nothing",
)


@pytest.fixture(scope="module")
def all_roles(chromium: Browser, console: Console) -> Iterator[Page]:
    if not console.register.everybody() or "everything" not in [person.name for person in console.register.everybody()]:
        console.person("everything", "operator", "approver", "auditor", "administrator")
    context = chromium.new_context(base_url=console.url, locale="pt-BR", viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    enter(opened, console, "everything")
    yield opened
    context.close()


@pytest.mark.parametrize("place", PLACES)
def test_pages_are_accessible_and_obey_no_portal(all_roles: Page, samples: Samples, place: str) -> None:
    """axe finds nothing; what portals and files are called is only text; nothing is wider than a phone."""
    page = all_roles
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(place.format(run=samples.run.pk, approval=samples.approval.pk, challenge=samples.challenge.pk))
    found: list[dict[str, Any]] = examined(page)
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found] == []
    assert page.title().endswith(" – Exemplo Comercializadora de Energia Ltda")
    assert page.locator("img[src=x], script:not([src])").count() == 0
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def examined(page: Page) -> list[dict[str, Any]]:
    """What axe has to say; it is run past the page's own policy, which lets no script of ours in."""
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE})
    given = {"expression": f"axe.run(document, {RULES!r}).then(r => r.violations)", "awaitPromise": True, "returnByValue": True}
    answer = session.send("Runtime.evaluate", given)
    session.detach()
    assert "exceptionDetails" not in answer, answer
    found: list[dict[str, Any]] = answer["result"]["value"]
    return found


@pytest.mark.parametrize("place", ["/sign-in", "/link/none"])
def test_the_door_is_accessible(page: Page, place: str) -> None:
    page.goto(place)
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in examined(page)] == []


def test_the_phone_has_a_menu(page: Page, console: Console) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    enter(page, console, "the-approver")
    expect(page.get_by_role("link", name="Pendências")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Pendências").click()
    expect(page.get_by_role("heading", name="Pendências")).to_be_visible()
