"""Requests from other areas in real Chromium: asked, taken, done by a run, answered, marked; and API tokens of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from retaguarda.operations.indicators import figures
from retaguarda.settings import IndicatorSettings
from retaguarda.store.models import ApiToken, OutboxEvent, Person, RunRecord, Ticket, TicketState
from retaguarda.tickets.tickets import MAIL
from tests.console.web.looking import PHONE, faults, kept, somebody, stray_width
from tests.console.web.samples import HOSTILE
from tests.console.web.server import Console

pytestmark = pytest.mark.browser
SHEET = Path(__file__).parents[2] / "data" / "tryton" / "contracts.csv"


def actions_of(target: str) -> list[str]:
    rows = OutboxEvent.objects.filter(line__target=target).order_by("id")
    return [row.line["action"] for row in rows if row.line["action"].startswith("ticket.")]


def test_a_request_is_asked_done_by_a_run_answered_and_marked(console: Console, chromium: Browser) -> None:
    with somebody(console, chromium, "the-approver") as page:
        page.goto(f"{console.url}/requests")
        page.get_by_role("link", name="Abrir chamado").click()
        page.get_by_label("Assunto").fill(f"Registrar contratos {HOSTILE}")
        page.get_by_role("textbox", name="Área").fill("Comercial")
        page.get_by_label("O que fazer").fill("Seguem os contratos de outubro.\nAté sexta.")
        page.get_by_label("Arquivos").set_input_files(SHEET)
        page.get_by_role("button", name="Enviar").click()
        expect(page.get_by_text("Sem responsável")).to_be_visible()
        assert page.get_by_role("button", name="Assumir").count() == 0, "who asks does not do it"
        number = int(page.url.rpartition("/")[2])
        kept(page, "ticket-asked")
    with somebody(console, chromium, "the-operator") as page:
        page.goto(f"{console.url}/requests")
        expect(page.locator("tr", has_text="Comercial").get_by_text("no prazo")).to_be_visible()
        kept(page, "requests")
        page.get_by_role("link", name=f"{number} ·").click()
        with page.expect_download() as downloaded:
            page.get_by_role("link", name="contracts.csv").click()
        assert downloaded.value.path().read_bytes() == SHEET.read_bytes()
        page.get_by_role("button", name="Assumir").click()
        expect(page.get_by_text("Em atendimento")).to_be_visible()
        kept(page, "ticket")
        assert faults(page) == []
        page.get_by_role("link", name="Registrar contratos na CCEE").click()
        expect(page.get_by_text("Para o chamado:")).to_be_visible()
        expect(page.get_by_text("Já enviado: contracts.csv")).to_be_visible()
        page.get_by_label("Mês de suprimento").fill("2026-10")
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Lançar", exact=True).click()
        page.wait_for_url("**/runs/*")
        run = RunRecord.objects.get(pk=page.url.rpartition("/")[2])
        assert Path(run.params["sheet"]).read_bytes() == SHEET.read_bytes()
        page.goto(f"{console.url}/requests/tickets/{number}")
        expect(page.get_by_role("link", name="Registrar contratos na CCEE").first).to_be_visible()
        page.get_by_label("O que foi feito").fill("Registrados.")
        page.get_by_role("button", name="Responder").click()
        expect(page.get_by_text("Respondido", exact=True).first).to_be_visible()
        assert page.locator("[name=mark]").count() == 0, "only who asked marks"
    with somebody(console, chromium, "the-approver", viewport=PHONE) as page:
        page.goto(f"{console.url}/requests/tickets/{number}")
        assert stray_width(page) <= 0
        page.get_by_label("4", exact=True).check()
        page.get_by_label("Por quê").fill("rápido")
        page.get_by_role("button", name="Enviar a avaliação").click()
        expect(page.get_by_text("4 de 5")).to_be_visible()
        kept(page, "ticket-phone")
    ticket = Ticket.objects.get(pk=number)
    assert (ticket.state, ticket.owner, ticket.satisfaction, ticket.run) == (TicketState.ANSWERED, "the-operator", 4, run)
    assert actions_of(f"{number}") == [f"ticket.{one}" for one in ("opened", "taken", "launched", "answered", "rated")]
    latest = figures(IndicatorSettings(), console.clock.today(), "month", 1)[-1]
    assert (latest.satisfaction, latest.tickets.total, latest.tickets.bad) == (4.0, 1, 0)


def test_who_asked_by_email_marks_by_the_link_alone(console: Console, chromium: Browser) -> None:
    ticket = console.tickets.ask(MAIL, "compras@empresa.example", HOSTILE, "Falta o extrato")
    console.tickets.answer(ticket, "the-operator", "Baixado.\n\nJá consta.")
    secret = console.tickets.secret(ticket)
    page = chromium.new_context(viewport={"width": 390, "height": 844}, locale="pt-BR").new_page()
    assert (page.goto(f"{console.url}/ticket/{ticket.pk}-{'0' * 40}") or pytest.fail("no answer")).status == 404
    page.goto(f"{console.url}/ticket/{secret}")
    expect(page.get_by_text("Já consta.")).to_be_visible()
    assert page.locator("nav.menu").count() == 0
    assert faults(page) == []
    page.get_by_label("2", exact=True).check()
    page.get_by_role("button", name="Enviar a avaliação").click()
    expect(page.get_by_text("sua avaliação é 2 de 5")).to_be_visible()
    kept(page, "ticket-by-link")
    assert stray_width(page) <= 0
    ticket.refresh_from_db()
    assert ticket.satisfaction == 2
    page.context.close()


def test_a_late_request_is_marked(console: Console, chromium: Browser) -> None:
    ticket = console.tickets.ask(MAIL, "compras@empresa.example", "Atrasado", "x")
    Ticket.objects.filter(pk=ticket.pk).update(due_at=ticket.asked_at)
    with somebody(console, chromium, "the-auditor") as page:
        page.goto(f"{console.url}/requests")
        expect(page.locator("tr.bad", has_text="Atrasado").get_by_text("fora do prazo")).to_be_visible()
        assert page.get_by_role("link", name="Abrir chamado").count() == 0, "an auditor changes nothing"


def asked(console: Console, secret: str, path: str, method: str = "GET", **more: object) -> requests.Response:
    return requests.request(
        method,
        f"{console.url}/api/v1{path}",
        headers={"Authorization": f"Bearer {secret}"},
        timeout=30,
        **more,  # type: ignore[arg-type]
    )


def test_a_token_of_ones_own(console: Console, chromium: Browser) -> None:
    with somebody(console, chromium, "two-hats") as page:
        page.goto(f"{console.url}/account")
        page.get_by_label("Para qual programa").fill("painel")
        page.get_by_label("operador", exact=True).check()
        page.get_by_label("Dias de validade").fill("10")
        page.get_by_role("button", name="Criar o token").click()
        secret = page.locator("#secret").inner_text()
        assert faults(page) == []
        page.goto(f"{console.url}/account")
        assert page.locator("#secret").count() == 0, "it is shown once"
        kept(page, "account")
        told = asked(console, secret, "/account").json()
        assert told == {"name": "two-hats", "full_name": "", "roles": ["operator"], "by_token": True}
        launched = asked(console, secret, "/runs", "POST", json={"process": "export_erp", "params": {"month": "2026-10"}})
        assert RunRecord.objects.get(pk=launched.json()["run"]).actor == "two-hats"
        body = {"keys": ["ab" * 32], "verdict": "confirm"}
        assert asked(console, secret, "/requests/1/decide", "POST", json=body).status_code == 403, "the token has not that role"
        assert asked(console, secret, "/account/tokens", "POST", json={"name": "more", "roles": ["operator"]}).status_code == 403
        assert (
            requests.get(
                f"{console.url}/runs", headers={"Authorization": f"Bearer {secret}"}, allow_redirects=False, timeout=30
            ).status_code
            == 302
        )
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Revogar").first.click()
        expect(page.get_by_text("revogado")).to_be_visible()
    assert asked(console, secret, "/account").status_code == 401
    held = ApiToken.objects.get(name="painel")
    assert secret not in str(vars(held))
    assert held.used_at is not None


def test_a_token_has_no_more_than_its_person(console: Console) -> None:
    from retaguarda.people.tokens import Tokens

    tokens = Tokens(console.settings, console.clock)
    person = console.person("leaves", "operator", "auditor")
    secret = tokens.make(person, "relatório", ["operator", "auditor"], 5)
    assert asked(console, secret, "/retention").status_code == 200
    console.register.give_roles(Person.objects.get(pk=person.pk), ["operator"])
    assert asked(console, secret, "/retention").status_code == 403
    assert Person.objects.get(pk=person.pk).roles == ["operator"]
    console.register.disable(Person.objects.get(pk=person.pk))
    console.register.enable(Person.objects.get(pk=person.pk))
    assert asked(console, secret, "/account").status_code == 401, "who was shut out makes new ones"
    assert asked(console, "rtg_wrong", "/account").status_code == 401
    ended = tokens.make(person, "velho", ["operator"], 1)
    ApiToken.objects.filter(name="velho").update(expires_at=console.clock.now())
    assert asked(console, ended, "/account").status_code == 401


def test_files_come_by_the_api_too(console: Console) -> None:
    from retaguarda.people.tokens import Tokens

    secret = Tokens(console.settings, console.clock).make(Person.objects.get(name="the-operator"), "planilhas", ["operator"], 5)
    with SHEET.open("rb") as file:
        given = asked(console, secret, "/uploads", "POST", files={"file": ("contracts.csv", file)}).json()
    body = {"process": "register_contracts", "params": {"month": "2026-10", "sheet": given["path"]}, "dry_run": True}
    launched = asked(console, secret, "/runs", "POST", json=body)
    assert launched.status_code == 201, launched.text
    body["params"] = {"month": "2026-10", "sheet": str(console.home / "vault.json")}
    assert asked(console, secret, "/runs", "POST", json=body).status_code == 409
