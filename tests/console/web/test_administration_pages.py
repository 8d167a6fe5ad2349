"""Indicators and administration in real Chromium: charts that export, figures that a second count finds, people, holds, settings."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.store.connection import point_at
from retaguarda.store.models import Alert, Intent, IntentState, Item, ItemState, LegalHold, OutboxEvent, Person, RunRecord, RunState, Worker
from tests.console.web.looking import PHONE, faults, kept, somebody, stray_width
from tests.console.web.server import Console, served
from tests.sandbox_fixtures import ROOT

PAGES = {
    "indicators": "/indicators",
    "indicators-week": "/indicators?by=week",
    "administration": "/administration",
    "administration-alerts": "/administration/alerts",
    "administration-retention": "/administration/retention",
    "administration-backup": "/administration/backup",
    "administration-workers": "/administration/workers",
    "administration-settings": "/administration/settings",
}


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    home = tmp_path_factory.mktemp("administration")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    with served(home, url) as console:
        for name in ("administrator", "auditor", "operator"):
            console.person(f"the-{name}", name)
        _past(console)
        yield console
    point_at("sqlite://:memory:")


def _past(console: Console) -> None:
    """Runs of this month: ten minutes each, of four items three in order; presses, an alert, a worker."""
    now = console.clock.now()
    for number in range(6):
        run = console.runs.create("register_contracts", {"month": "2026-10"}, queue="default")
        RunRecord.objects.filter(pk=run.pk).update(state=RunState.SUCCESSFUL, started_at=now, ended_at=now + dt.timedelta(minutes=10))
        for turn in range(4):
            state = ItemState.SUCCESSFUL if turn else ItemState.FAILED_BUSINESS
            code = "" if turn else "refused"
            Item.objects.create(run=run, reference=f"B{number}{turn}", state=state, code=code, updated_at=now)
        facts = {"digest": "a", "run": run, "at": now, "boot": "b", "monotonic": 1, "picture": ""}
        proven = IntentState.DONE if number else IntentState.UNCERTAIN
        Intent.objects.create(portal="ccee", act="register", reference=f"B{number}", attempt=1, state=proven, **facts)
    Alert.objects.create(cause="portal/ccee", severity="critical", text="the portal is down", first_at=now, last_at=now)
    Worker.objects.create(name="w1", kind="worker", host="host", pid=1, queues=["default"], started_at=now, beat_at=now)


@pytest.fixture
def page(console: Console, chromium: Browser) -> Iterator[Page]:
    with somebody(console, chromium, "the-administrator") as page:
        yield page


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_in_order_on_a_desk_and_on_a_phone(console: Console, page: Page, name: str) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.goto(console.url + PAGES[name])
    if name.startswith("indicators"):
        expect(page.locator(".chart canvas")).to_have_count(8)
    kept(page, name)
    assert faults(page) == []
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    kept(page, f"{name}-phone")
    assert stray_width(page) <= 0
    assert told == []


def test_indicators_are_what_the_command_line_counts(console: Console, page: Page) -> None:
    given = {"RETAGUARDA_HOME": str(console.home), "RETAGUARDA_STORE__URL": f"sqlite://{console.home / 'retaguarda.db'}"}
    command = [sys.executable, "-m", "retaguarda", "indicators", "--json"]
    told = subprocess.run(command, cwd=ROOT, env=os.environ | given, capture_output=True, text=True, check=True)
    latest = json.loads(told.stdout)["periods"][-1]
    assert latest["items"]["register_contracts"] == {"total": 24, "good": 18, "bad": 6, "rate": 0.75}
    assert latest["mean_seconds"] == 600
    assert latest["portals"]["ccee"] == {"total": 6, "good": 5, "bad": 1, "rate": 5 / 6}
    assert latest["reasons"] == {"refused": 6}
    assert Decimal(str(latest["hours_saved"])) == Decimal("1.5")
    shown = console.signed_in("the-auditor").get(f"{console.url}/api/v1/indicators", timeout=60).json()
    assert shown["periods"][-1] == latest
    page.goto(f"{console.url}/indicators")
    expect(page.locator(".card .figure").first).to_have_text("75,0 %")


def test_charts_and_figures_export(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/indicators")
    with page.expect_download() as picture:
        page.locator("[data-picture=items]").click()
    assert picture.value.path().read_bytes().startswith(b"\x89PNG")
    text = console.signed_in("the-operator").see("/indicators/export?by=month").content.decode("utf-8-sig")
    assert "items.good;register_contracts;18" in text


def test_a_person_is_added_changed_and_shut_out(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/administration")
    page.get_by_label("Nome", exact=True).fill("joana")
    form = page.locator("form", has=page.get_by_label("Nome completo"))
    form.get_by_label("operador", exact=True).check()
    form.get_by_role("button").click()
    link = page.get_by_role("status").locator(".mono").inner_text()
    assert console.visitor().get(link, timeout=30).status_code == 200
    person = Person.objects.get(name="joana")
    assert person.roles == ["operator"]
    page.goto(f"{console.url}/administration")
    row = page.locator("tbody tr", has_text="joana")
    row.locator("summary").click()
    row.get_by_label("auditor", exact=True).check()
    row.get_by_role("button", name="Dar estes papéis").click()
    page.wait_for_url("**/administration")
    person.refresh_from_db()
    assert person.roles == ["operator", "auditor"]
    page.on("dialog", lambda dialog: dialog.accept())
    row = page.locator("tbody tr", has_text="joana")
    row.locator("summary").click()
    row.get_by_role("button", name="Bloquear", exact=True).click()
    page.wait_for_url("**/administration")
    person.refresh_from_db()
    assert not person.active
    told = [event.line for event in OutboxEvent.objects.order_by("id") if event.line["target"] == "joana"]
    assert {line["actor"] for line in told} == {"the-administrator"}
    assert [line["action"] for line in told][:2] == ["person.added", "person.link_made"]


def test_the_last_administrator_stays(console: Console, page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{console.url}/administration")
    row = page.locator("tbody tr", has=page.locator("th", has_text="the-administrator"))
    row.locator("summary").click()
    row.get_by_role("button", name="Bloquear", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert Person.objects.get(name="the-administrator").active


def test_a_hold_is_set_and_lifted_with_reasons(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/administration/retention")
    page.get_by_label("tudo").check()
    page.get_by_label("Por quê").last.fill("fiscalização em curso")
    page.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.get_by_text("fiscalização em curso")).to_be_visible()
    page.locator("tbody input[name=reason]").fill("encerrada")
    page.get_by_role("button", name="Levantar").click()
    expect(page.locator(".badge", has_text="levantada")).to_be_visible()
    hold = LegalHold.objects.get()
    assert (hold.by, hold.lifted_by) == ("the-administrator", "the-administrator")


def test_settings_name_their_source_and_no_password(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/administration/settings?q=console.port")
    row = page.locator("tbody tr")
    expect(row).to_contain_text(str(console.port))
    expect(row).to_contain_text("RETAGUARDA_CONSOLE__PORT")


def test_an_auditor_looks_and_an_operator_does_not(console: Console) -> None:
    auditor, operator = console.signed_in("the-auditor"), console.signed_in("the-operator")
    assert "<form" not in auditor.see("/administration").text.partition("<main")[2].partition("</main")[0]
    assert operator.see("/administration").status_code == 403
    assert operator.see("/administration/alerts").status_code == 200
    assert auditor.submit("/administration/people/add", {"name": "eve", "role": "administrator"}).status_code == 403
