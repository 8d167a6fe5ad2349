"""From the console to the portal and back: a person launches, another approves, the code of the portal is typed, robots register."""

from __future__ import annotations

import base64
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.clock import Clock
from retaguarda.portal.mailbox import open_mailbox, wait_for_code
from retaguarda.store.connection import connect, point_at
from retaguarda.store.models import OutboxEvent, Request, RequestState
from robots.ccee.robot import CODE, SENDER
from tests.console.web.server import Console, served
from tests.console.web.test_pages import enter
from tests.house import KEY
from tests.month.installation import Installation, write_sheet
from tests.sandbox_fixtures import Factory, SandboxProcess, eventually

pytestmark = pytest.mark.browser
PATIENCE = 90_000


@contextmanager
def as_person(chromium: Browser, console: Console, name: str) -> Iterator[Page]:
    context = chromium.new_context(base_url=console.url, locale="pt-BR", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    enter(page, console, name)
    yield page
    context.close()


@pytest.fixture
def ccee(sandbox_factory: Factory) -> SandboxProcess:
    return sandbox_factory("ccee")


@pytest.fixture
def house(ccee: SandboxProcess, tmp_path: Path) -> Iterator[Installation]:
    """An installation with a worker, whose plans are approved, and whose robots find no code by themselves."""
    settings = {
        "RETAGUARDA_VAULT_KEY": base64.b64encode(KEY).decode(),
        "RETAGUARDA_APPROVALS__PROCESSES": '["register_contracts"]',
        "RETAGUARDA_PORTALS__CCEE__MAILBOX": f"maildir:{tmp_path}",
        "RETAGUARDA_PORTALS__CCEE__CHALLENGE_SECONDS": "20",
    }
    house = Installation(tmp_path / "house", ccee, settings=settings)
    worker = house.start_process("worker", "start", "--concurrency", "1")
    yield house
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)


@pytest.fixture
def console(house: Installation) -> Iterator[Console]:
    home = house.folder / "state"
    url = f"sqlite://{home / 'retaguarda.db'}"
    connect(url)
    with served(home, url, **house.settings) as console:
        console.person("lancadora", "operator")
        console.person("aprovadora", "approver")
        yield console
    point_at("sqlite://:memory:")


@pytest.mark.timeout(400)
def test_two_people_and_a_robot_register_contracts(
    console: Console, house: Installation, ccee: SandboxProcess, chromium: Browser, tmp_path: Path
) -> None:
    references = write_sheet(tmp_path / "sheet.csv", 2)
    with as_person(chromium, console, "lancadora") as operator:
        operator.goto("/processes/register_contracts")
        operator.get_by_label("Mês de suprimento").fill("2026-10")
        operator.get_by_label("Planilha de contratos").set_input_files(tmp_path / "sheet.csv")
        operator.get_by_role("button", name="Lançar", exact=True).click()
        expect(operator.get_by_text("ver o plano")).to_be_visible(timeout=PATIENCE)
        with as_person(chromium, console, "aprovadora") as approver:
            approver.get_by_role("link", name="Pendências").click()
            approver.get_by_role("link", name="Aprovação").click()
            for reference in references:
                expect(approver.get_by_text(reference)).to_be_visible()
            approver.get_by_role("button", name="Aprovar este plano").click()
        operator.reload()
        operator.get_by_role("link", name="digitar o código").click(timeout=PATIENCE)
        eventually(lambda: Request.objects.get(kind="challenge").run.state == "SUSPENDED", 90)
        asked_again = Clock().now()
        operator.get_by_role("button", name="Pedir ao portal um novo código").click()
        eventually(lambda: Request.objects.filter(kind="challenge", state=RequestState.OPEN).exists(), 90)
        code = wait_for_code(open_mailbox(ccee.site("ccee").mailbox), Clock(), asked_again, CODE, SENDER, 60)  # she looks into her own mail
        operator.goto(f"/requests/{Request.objects.get(kind='challenge', state=RequestState.OPEN).pk}")
        operator.get_by_label("Código", exact=True).fill(code)
        operator.get_by_role("button", name="Enviar o código").click()
        expect(operator.locator(".badge.big").first).to_have_text("Concluída", timeout=PATIENCE)
        expect(operator.get_by_text("2 de 2 itens")).to_be_visible()
        expect(operator.get_by_role("img").first).to_be_visible()
        operator.get_by_role("link", name="Evidências").click()
        expect(operator.get_by_text("comprovante").first).to_be_visible()
    held = Counter(c["reference"] for c in ccee.truth("ccee")["contracts"] if c["reference"] in references)
    assert held == dict.fromkeys(references, 1)
    who = {line["action"]: line["actor"] for line in OutboxEvent.objects.values_list("line", flat=True)}
    assert who["run.queued"] == "lancadora"
    assert {event.line["actor"] for event in OutboxEvent.objects.filter(line__action="request.answered")} == {"lancadora", "aprovadora"}
    everything = "".join(str(line) for line in OutboxEvent.objects.values_list("line", flat=True))
    assert code not in everything
