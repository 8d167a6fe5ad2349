"""The reconciliation in real Chromium: accounts by day, matches decided by keyboard, breaks, lineage, CCEE × ERP, sign-off."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import TypeAdapter

from retaguarda.clock import SAO_PAULO
from retaguarda.decisions import register
from retaguarda.model.values import Month
from retaguarda.reconcile.matching.model import Allocation, Decision, Evidence, Line, Verdict
from retaguarda.report.content import ContractLine, Findings
from retaguarda.store.connection import point_at
from retaguarda.store.models import BreakRecord, DecisionState, LedgerItem, MatchDecision, OutboxEvent, SignOff, StatementFile
from tests.console.web.looking import PHONE, faults, kept, somebody, stray_width
from tests.console.web.samples import HOSTILE
from tests.console.web.server import Console, served

THIS = dt.datetime.now(SAO_PAULO).date().replace(day=1)
MONTH = Month(THIS.year, THIS.month)
LAST = Month(THIS.year - (THIS.month == 1), (THIS.month - 2) % 12 + 1)
DAY = LAST.first + dt.timedelta(days=9)
AT = dt.datetime.combine(DAY, dt.time(9), SAO_PAULO)
PAGES = {
    "reconciliation": f"/reconciliation?month={LAST}",
    "reconciliation-decisions": "/reconciliation/decisions",
    "reconciliation-stands": "/reconciliation/decisions?state=STANDS",
    "reconciliation-breaks": "/reconciliation/breaks",
    "reconciliation-lineage": "/reconciliation/lineage?q=CT-1",
    "reconciliation-contracts": "/reconciliation/contracts",
    "reconciliation-months": f"/reconciliation/months?month={LAST}",
}


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console whose store has statements, matches, breaks and a comparison with CCEE."""
    home = tmp_path_factory.mktemp("reconciliation")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    with served(home, url) as console:
        for name in ("operator", "approver", "auditor"):
            console.person(f"the-{name}", name)
        console.person("second-approver", "approver")
        _statements()
        _matches()
        _breaks()
        _contracts(console)
        yield console
    point_at("sqlite://:memory:")


def _statements() -> None:
    """An account that is proved for ten days, then broken, then missing."""
    first, second = LAST.first, LAST.first + dt.timedelta(days=10)
    facts = {"account": "341/0417-38215", "format": "OFX", "at": AT, "closing": Decimal(100)}
    ten = first + dt.timedelta(days=9)
    StatementFile.objects.create(sha256="a" * 64, name="primeiro.ofx", start=first, end=ten, opening=100, proved=True, **facts)
    reasons = ["the file states no closing balance"]
    StatementFile.objects.create(
        sha256="b" * 64, name=f"{HOSTILE}.ofx", start=second, end=second + dt.timedelta(days=4), proved=False, reasons=reasons, **facts
    )


def _matches() -> None:
    """One that stands and sixty that wait."""
    for number in range(1, 62):
        facts = {"kind": "AR", "partner": "P1", "partner_name": "Cliente", "due_date": DAY, "seen_at": AT}
        LedgerItem.objects.create(item=f"I{number}", document=f"NF {number}", contract=f"CT-{number}", open_amount=100 + number, **facts)
    told = [_decision(number, Verdict.AUTO if number == 1 else Verdict.PROPOSAL) for number in range(1, 62)]
    register.record(told, "c" * 64, AT)


def _decision(number: int, verdict: Verdict) -> Decision:
    amount = Decimal(100 + number)
    line = Line(f"L{number:04d}", "341/0417-38215", "F1", DAY, amount, "", "", "", HOSTILE if number == 61 else f"PIX RECEBIDO {number}")
    evidence = Evidence((f"NF {number}",), (f"{amount:.2f}",))
    return Decision(line, (Allocation(f"I{number}", "AR", amount),), verdict, "reference.nf", 0.83, evidence, None)


def _breaks() -> None:
    """Seventy breaks of two kinds, of which some are overdue."""
    today = dt.datetime.now(SAO_PAULO).date()
    rows = [
        BreakRecord(
            key=f"{number:064x}",
            kind="unmatched-credit" if number % 3 else "statement-missing",
            account="341/0417-38215",
            line=f"L9{number:03d}" if number % 3 else "",
            date=DAY,
            amount=Decimal(number),
            text="No invoice explains the credit.",
            owner="contas a receber",
            opened_at=AT,
            due_on=today + dt.timedelta(days=number - 10),
        )
        for number in range(1, 71)
    ]
    BreakRecord.objects.bulk_create(rows)


def _contracts(console: Console) -> None:
    """What a reconciliation with CCEE left."""
    run = console.runs.create("reconcile_ccee", {"month": str(LAST)}, queue="default")
    parties: dict[str, Any] = {
        "seller": "70401 EXEMPLO",
        "buyer": "70402 CLIENTE",
        "submarket": "SUDESTE",
        "month": str(LAST),
        "state": "validated",
    }
    figures: dict[str, Any] = {"erp_mwh": Decimal(744), "erp_mw": Decimal(1), "ccee_mwh": Decimal(744), "ccee_mw": Decimal(1)}
    lines = [
        ContractLine(reference="BOL-1", code="C1", outcome="ok", **parties, **figures),
        ContractLine(reference="BOL-2", code="", outcome="missing-at-ccee", **parties, **(figures | {"ccee_mwh": None, "ccee_mw": None})),
    ]
    raw = TypeAdapter(Findings).dump_json(Findings(contracts=tuple(lines)))
    console.evidence.keep(run, "output", "findings.json", raw)


@pytest.fixture
def page(console: Console, chromium: Browser) -> Iterator[Page]:
    with somebody(console, chromium, "the-operator") as page:
        yield page


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_in_order_on_a_desk_and_on_a_phone(console: Console, page: Page, name: str) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.goto(console.url + PAGES[name])
    kept(page, name)
    assert faults(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    kept(page, f"{name}-phone")
    assert stray_width(page) <= 0
    assert told == []
    assert page.title() not in {"1", "2"}  # what a portal or a file's name says is never run


def test_accounts_by_day_say_what_is_missing_and_why(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/reconciliation?month={LAST}")
    row = page.locator("table.days tbody tr").first
    assert row.locator("td.good").count() == 10
    assert row.locator("td.bad").count() > 5
    expect(page.locator(".panel").first).to_contain_text("não informa o saldo final")


def test_proposals_are_confirmed_and_rejected_by_keyboard(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/reconciliation/decisions")
    chosen = [page.locator("tbody a.row").nth(n).get_attribute("href") for n in range(3)]
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("[data-chosen]")).to_have_text("2")
    page.keyboard.press("c")
    expect(page.get_by_role("status")).to_contain_text("2 decididas")
    page.wait_for_load_state()  # keys are heard when the page is whole
    keys = [str(path).rpartition("/")[2] for path in chosen]
    assert [MatchDecision.objects.get(key=key).state for key in keys] == ["STANDS", "STANDS", "PROPOSED"]
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("r")
    page.keyboard.type("outro pagador")
    page.get_by_role("button", name="Rejeitar").click()
    expect(page.get_by_role("status")).to_contain_text("1 decididas")
    row = MatchDecision.objects.get(key=keys[2])
    assert row.state == DecisionState.REJECTED
    last = row.events.order_by("-id")[0]
    assert (last.by, last.reason) == ("the-operator", "outro pagador")
    page.goto(f"{console.url}/reconciliation/decisions/{keys[2]}")
    expect(page.locator("ol.plain")).to_contain_text("outro pagador")


def test_what_stands_is_undone_with_a_reason_only(console: Console, page: Page) -> None:
    row = MatchDecision.objects.get(line="L0001")
    page.goto(f"{console.url}/reconciliation/decisions/{row.key}")
    page.get_by_role("button", name="Desfazer").click()
    expect(page.get_by_role("alert")).to_contain_text("motivo")
    page.goto(f"{console.url}/reconciliation/decisions/{row.key}")
    page.get_by_label("Motivo").fill("pago duas vezes")
    page.get_by_role("button", name="Desfazer").click()
    expect(page.locator(".head-line")).to_contain_text("Desfeita")
    row.refresh_from_db()
    assert row.state == DecisionState.UNDONE


def test_a_break_tells_its_amounts_as_its_reader_writes_them(console: Console, page: Page) -> None:
    row = BreakRecord.objects.filter(kind="unmatched-credit").first()
    assert row is not None
    BreakRecord.objects.filter(pk=row.pk).update(text="PIX RECEBIDO 12345678000195 R-4204 (1500.01)")
    page.goto(f"{console.url}/reconciliation/breaks/{row.key}")
    expect(page.get_by_text("R-4204 (1.500,01)")).to_be_visible()


def test_breaks_turn_their_pages_and_are_closed_with_a_reason(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/reconciliation/breaks")
    seen: list[str] = []
    while True:
        seen += page.locator("tbody a.row").evaluate_all("all => all.map(one => one.getAttribute('href'))")
        more = page.get_by_role("link", name="Mais", exact=False).and_(page.locator("[rel=next]"))
        if not more.count():
            break
        more.click()
        page.wait_for_load_state()
    assert len(set(seen)) == len(seen) == BreakRecord.objects.filter(closed_at=None).count()
    page.goto(console.url + seen[0])
    page.get_by_label("Por que é fechada").fill("devolvido ao cliente")
    page.get_by_role("button", name="Fechar").click()
    expect(page.locator(".badge.big")).to_have_text("fechada")
    row = BreakRecord.objects.get(key=seen[0].rpartition("/")[2])
    assert (row.closed_by, row.closed_because) == ("the-operator", "devolvido ao cliente")


def test_a_month_is_signed_by_one_and_countersigned_by_another(console: Console, chromium: Browser) -> None:
    address = f"{console.url}/reconciliation/months?month={LAST}"
    with somebody(console, chromium, "the-approver") as page:
        page.goto(address)
        page.get_by_label("por que assinar").fill("divergências em cobrança")
        page.get_by_role("button", name="Assinar este mês").click()
        expect(page.get_by_text("outro aprovador o referenda")).to_be_visible()
        expect(page.get_by_role("button", name="Referendar")).to_have_count(0)
        row = SignOff.objects.get()
        own = console.signed_in("the-approver").submit(f"/reconciliation/months/{LAST}/sign", {"digest": row.digest})
        assert own.status_code == 409
    with somebody(console, chromium, "second-approver") as page:
        page.goto(address)
        page.get_by_role("button", name="Referendar").click()
        expect(page.get_by_text("assinado e referendado como está")).to_be_visible()
        kept(page, "reconciliation-signed")
        row.refresh_from_db()
        assert (row.signed_by, row.countersigned_by) == ("the-approver", "second-approver")
        told = [event.line for event in OutboxEvent.objects.order_by("id") if event.line["target"] == str(LAST)]
        assert [(line["action"], line["actor"]) for line in told] == [
            ("month.signed", "the-approver"),
            ("month.countersigned", "second-approver"),
        ]
        assert told[1]["data"]["digest"] == row.digest
        register.confirm(MatchDecision.objects.filter(state=DecisionState.PROPOSED)[0], "somebody", AT)
        page.goto(address)
        expect(page.get_by_text("mudou desde então")).to_be_visible()


def test_contracts_stand_beside_each_other(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/reconciliation/contracts")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.locator("a.card.bad").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("BOL-2")


def test_an_auditor_decides_nothing(console: Console) -> None:
    visitor = console.signed_in("the-auditor")
    row = MatchDecision.objects.filter(state=DecisionState.PROPOSED)[0]
    assert visitor.submit("/reconciliation/decide", {"key": row.key, "verdict": "confirm"}).status_code == 403
    row.refresh_from_db()
    assert row.state == DecisionState.PROPOSED
    assert 'name="verdict"' not in visitor.see("/reconciliation/decisions").text
