"""The sandbox month from the console alone: an operator, an approver, an auditor and an administrator in real Chromium, real robots."""

from __future__ import annotations

import base64
import datetime as dt
import io
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.clock import Clock
from retaguarda.jobs.runs import root_of
from retaguarda.portal.mailbox import open_mailbox, wait_for_code
from retaguarda.store.connection import connect, point_at
from retaguarda.store.models import (
    DecisionState,
    Intent,
    IntentState,
    MatchDecision,
    OutboxEvent,
    Request,
    RequestState,
    RunRecord,
    RunState,
    StatementEntry,
)
from robots.ccee.robot import CODE, SENDER
from sandbox.month import PERIOD
from tests.console.web.looking import kept
from tests.console.web.server import Console, served
from tests.console.web.test_with_robots import as_person
from tests.house import KEY
from tests.month.installation import Installation
from tests.sandbox_fixtures import Factory, SandboxProcess, eventually

pytestmark = [pytest.mark.browser, pytest.mark.month, pytest.mark.erp, pytest.mark.thorough, pytest.mark.timeout(2400)]
INVOICES = "Contas da Fatura.csv"
"""The ERP's export, by the name that it gives it."""
CONCLUDE = "POST /contratos/novo/concluir"
PATIENCE = 1_200_000
"""Milliseconds for what robots do, on a machine that does much else."""
PEOPLE = {"lancadora": ("operator",), "aprovadora": ("approver",), "auditora": ("auditor",), "administradora": ("administrator",)}


@pytest.fixture
def sandbox(sandbox_factory: Factory) -> SandboxProcess:
    return sandbox_factory("ccee,bank_jatoba,bank_cedro,erp")


@pytest.fixture
def house(sandbox: SandboxProcess, tmp_path: Path) -> Iterator[Installation]:
    settings = {
        "RETAGUARDA_VAULT_KEY": base64.b64encode(KEY).decode(),
        "RETAGUARDA_APPROVALS__PROCESSES": '["register_contracts"]',
        "RETAGUARDA_PORTALS__CCEE__MAILBOX": f"maildir:{tmp_path}",  # no code arrives there: a person types it
        "RETAGUARDA_PORTALS__CCEE__CHALLENGE_SECONDS": "20",
        "RETAGUARDA_PORTALS__CCEE__QUIET_SECONDS": "150",
    }
    house = Installation(tmp_path / "house", sandbox, settings=settings)
    worker = house.start_process("worker", "start", "--concurrency", "1")
    yield house
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=120)


@pytest.fixture
def console(house: Installation) -> Iterator[Console]:
    home = house.folder / "state"
    url = f"sqlite://{home / 'retaguarda.db'}"
    connect(url)
    with served(home, url, **house.settings) as console:
        for name, roles in PEOPLE.items():
            console.person(name, *roles)
        yield console
    point_at("sqlite://:memory:")


def test_the_month_by_people_alone(
    console: Console, house: Installation, sandbox: SandboxProcess, chromium: Browser, tmp_path: Path
) -> None:
    sandbox.faults("ccee", {"portal": "ccee", "at": CONCLUDE, "kind": "swallow", "skip": 17, "times": 1})
    with as_person(chromium, console, "lancadora") as operator:
        operator.goto("/processes/close_month")
        operator.get_by_label("Mês de suprimento").fill("2026-10")
        operator.get_by_label("De", exact=True).fill(f"{PERIOD[0]}")
        operator.get_by_label("Até", exact=True).fill(f"{PERIOD[1]}")
        operator.get_by_role("button", name="Lançar", exact=True).click()
        operator.wait_for_url("**/runs/*")
        run = operator.url.rpartition("/")[2]
        expect(operator.get_by_text("ao vivo")).to_be_visible(timeout=PATIENCE)
        expect(operator.locator("ol.stages, ul.stages").first).to_be_visible()
        kept(operator, "month-live")
        answered_until(operator, console, sandbox, lambda: Request.objects.filter(kind="approval", state=RequestState.OPEN).exists())
        with as_person(chromium, console, "aprovadora") as approver:
            approver.goto("/requests")
            approver.get_by_role("link", name="Aprovação").click()
            kept(approver, "month-approval")
            approver.get_by_role("button", name="Aprovar este plano").click()
        answered_until(operator, console, sandbox, lambda: Intent.objects.filter(state=IntentState.UNCERTAIN).exists())
        doubtful = Intent.objects.get(state=IntentState.UNCERTAIN)
        operator.goto(f"/runs/{run}")
        expect(operator.locator("main img").first).to_be_visible()
        kept(operator, "month-working")
        operator.get_by_role("button", name="Parar").click()
        answered_until(operator, console, sandbox, lambda: RunRecord.objects.get(pk=run).ended_at is not None)
        operator.goto("/requests/uncertain")
        expect(operator.get_by_role("heading", name=doubtful.reference)).to_be_visible()
        expect(operator.locator(".side-by-side img").first).to_be_visible()
        kept(operator, "month-uncertain")
        operator.get_by_role("button", name="Procurar de novo").click()
        answered_until(operator, console, sandbox, lambda: _ended_again(run))
        operator.goto("/requests/uncertain")
        expect(operator.get_by_text("Todo acionamento está comprovado")).to_be_visible()
        expect(operator.get_by_role("button", name="Sair")).to_be_visible()
    held = Counter(one["reference"] for one in sandbox.truth("ccee")["contracts"])
    assert held[doubtful.reference] == 1
    assert held.most_common(1)[0][1] == 1, "nothing stands there twice"
    _proposals_are_confirmed(console, chromium, run)
    with as_person(chromium, console, "auditora") as auditor:
        auditor.goto("/audit/verify")
        auditor.locator("main form button.main").click()
        expect(auditor.locator(".banner.good")).to_be_visible(timeout=PATIENCE)
        kept(auditor, "month-verified")
        auditor.goto(f"/audit/dossier?run={run}")
        with auditor.expect_download(timeout=PATIENCE) as downloaded:
            auditor.locator("main form button.main").click()
        dossier = zipfile.ZipFile(io.BytesIO(downloaded.value.path().read_bytes()))
        dossier.extractall(tmp_path / "dossier")
    checker = next((tmp_path / "dossier").rglob("verificar.py"))
    verified = subprocess.run(
        [sys.executable, str(checker), "--extrato", "trilha"], cwd=checker.parent, capture_output=True, text=True, check=False
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    with as_person(chromium, console, "administradora") as administrator:
        administrator.goto("/administration/workers")
        expect(administrator.get_by_text("trabalhando").first).to_be_visible()
        assert (administrator.goto("/processes/close_month") or pytest.fail("no answer")).status == 403
    who = {line["action"]: line["actor"] for line in OutboxEvent.objects.values_list("line", flat=True)}
    assert who["approval.used"]
    decided = OutboxEvent.objects.filter(line__action="request.answered", line__data__kind="approval").last()
    assert decided is not None
    assert decided.line["actor"] == "aprovadora"


def answered_until(page: Page, console: Console, sandbox: SandboxProcess, happened: Callable[[], bool]) -> None:
    """Wait for the robots, and type each code that CCEE sends into her own mail; she asks for a new one when hers is old."""

    def looked() -> bool:
        asked = Request.objects.filter(kind="challenge", state=RequestState.OPEN).select_related("run").last()
        if asked is not None:
            page.goto(f"/requests/{asked.pk}")
            if root_of(asked.run).state == RunState.SUSPENDED:
                page.get_by_role("button", name="Pedir ao portal um novo código").click()
            else:
                since = asked.asked_at - dt.timedelta(seconds=15)
                code = wait_for_code(open_mailbox(sandbox.site("ccee").mailbox), Clock(), since, CODE, SENDER, 60)
                page.get_by_label("Código", exact=True).fill(code)
                page.get_by_role("button", name="Enviar o código").click()
        return happened()

    eventually(looked, PATIENCE / 1000)


def _ended_again(run: str) -> bool:
    return RunRecord.objects.get(pk=run).state in {RunState.PARTIAL, RunState.SUCCESSFUL, RunState.FAULTED}


def _proposals_are_confirmed(console: Console, chromium: Browser, run: str) -> None:
    """The operator reconciles the period from the book and matches by hand what is left; the approver confirms it by keyboard."""
    with as_person(chromium, console, "lancadora") as operator:
        operator.goto("/processes/reconcile_period")
        operator.get_by_label("De", exact=True).fill(f"{PERIOD[0]}")
        operator.get_by_label("Até", exact=True).fill(f"{PERIOD[1]}")
        told = operator.locator("select[name=receivables] option", has_text=INVOICES).first  # what the ERP told in this month
        operator.locator("select[name=receivables]").select_option(told.get_attribute("value"))
        operator.get_by_role("button", name="Lançar", exact=True).click()
        operator.wait_for_url("**/runs/*")
        done = operator.url.rpartition("/")[2]
        eventually(lambda: _ended_again(done), PATIENCE / 1000)
        assert RunRecord.objects.get(pk=done).state == RunState.PARTIAL
        decided = MatchDecision.objects.values("line")
        left = StatementEntry.objects.filter(amount__gt=0).exclude(entry__in=decided).order_by("-amount").first()
        assert left, "the month has credits that no rule is sure of"
        operator.goto(f"/reconciliation/match/{left.entry}")
        settles = operator.locator("input.amount").first
        most = min(Decimal(settles.get_attribute("data-open") or "0"), left.amount)
        settles.fill(f"{most:.2f}".replace(".", ","))
        kept(operator, "month-by-hand")
        operator.get_by_role("button", name="Propor esta conciliação").click()
        eventually(lambda: MatchDecision.objects.filter(state=DecisionState.PROPOSED).exists(), 120)
    waiting = MatchDecision.objects.filter(state=DecisionState.PROPOSED).count()
    with as_person(chromium, console, "aprovadora") as approver:
        approver.goto("/reconciliation/decisions")
        kept(approver, "month-proposals")
        approver.keyboard.press("j")
        approver.keyboard.press("x")
        approver.keyboard.press("c")
        eventually(lambda: MatchDecision.objects.filter(state=DecisionState.PROPOSED).count() < waiting, 120)
