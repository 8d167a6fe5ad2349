"""The schedule in real Chromium: triggers are written, tried, switched, removed; calendars, preview and history are read."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.agenda.scheduler import Rulebook
from retaguarda.agenda.written import all_triggers, version
from retaguarda.clock import SAO_PAULO
from retaguarda.settings import load_settings
from retaguarda.store.connection import point_at
from retaguarda.store.models import FireState, OutboxEvent, PlannedFire, TriggerEntry
from tests.console.web.looking import PHONE, faults, kept, somebody, stray_width
from tests.console.web.server import Console, served
from tests.sandbox_fixtures import ROOT

PAGES = {
    "schedule": "/schedule",
    "schedule-preview": "/schedule/preview",
    "schedule-fires": "/schedule/fires",
    "schedule-calendars": "/schedule/calendars",
    "schedule-calendar": "/schedule/calendars/ccee?year=2026",
    "schedule-trigger": "/schedule/triggers/register-by-deadline",
    "schedule-new": "/schedule/new",
}


@pytest.fixture(scope="module")
def console(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console with the triggers of the repository, all of them switched on, and a ledger."""
    home = tmp_path_factory.mktemp("schedule")
    shutil.copytree(ROOT / "config", home / "config")
    triggers = home / "config" / "triggers.toml"
    triggers.write_text(triggers.read_text("utf-8").replace("enabled = false", "enabled = true"), "utf-8")
    shutil.copyfile(migrated, home / "retaguarda.db")
    url = f"sqlite://{home / 'retaguarda.db'}"
    point_at(url)
    with pytest.MonkeyPatch.context() as patched, served(home, url, RETAGUARDA_CONFIG_DIR=str(home / "config")) as console:
        patched.setenv("RETAGUARDA_CONFIG_DIR", str(home / "config"))
        for name in ("operator", "auditor"):
            console.person(f"the-{name}", name)
        _ledger(console)
        yield console
    point_at("sqlite://:memory:")


def _ledger(console: Console) -> None:
    """120 fires that a run was made for, that were skipped, or missed."""
    run = console.runs.create("download_statements", {}, queue="default")
    start = dt.datetime(2026, 7, 1, 7, 30, tzinfo=SAO_PAULO)
    for number in range(120):
        state = (FireState.RUN, FireState.SKIPPED, FireState.MISSED)[number % 3]
        reason = {"SKIPPED": "the portal is closed at that hour", "MISSED": "no scheduler was at work"}.get(state, "")
        at = start + dt.timedelta(days=number)
        PlannedFire.objects.create(
            trigger="daily-statements",
            at=at.astimezone(dt.UTC),
            local=at.isoformat(),
            state=state,
            reason=reason,
            run=run if state == FireState.RUN else None,
            decided_at=at,
        )


@pytest.fixture
def page(console: Console, chromium: Browser) -> Iterator[Page]:
    with somebody(console, chromium, "the-operator") as page:
        yield page


def events(name: str) -> list[tuple[str, str]]:
    found = [event.line for event in OutboxEvent.objects.order_by("id")]
    return [(line["action"], line["actor"]) for line in found if line["target"] == name]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_in_order(console: Console, page: Page, name: str) -> None:
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.goto(console.url + PAGES[name])
    kept(page, name)
    assert faults(page) == []
    assert told == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_a_phone(console: Console, chromium: Browser, name: str) -> None:
    with somebody(console, chromium, "the-operator", viewport=PHONE) as page:
        page.goto(console.url + PAGES[name])
        kept(page, f"{name}-phone")
        assert stray_width(page) <= 0


def test_a_trigger_is_tried_kept_changed_switched_and_removed(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/schedule")
    page.get_by_role("link", name="Novo gatilho").click()
    page.get_by_label("Nome", exact=True).fill("entradas-da-tarde")
    page.get_by_label("Processo", exact=True).select_option("check_sign_in")
    page.get_by_label("Regra", exact=True).fill("todo dia útil às 14:15")
    page.get_by_label("Parâmetros, um por linha").fill("credential = ccee/robo")
    page.get_by_role("button", name="Mostrar os próximos disparos").click()
    expect(page.get_by_role("status")).to_contain_text("14:15")
    kept(page, "schedule-tried")
    assert not TriggerEntry.objects.exists()
    before = version()
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("entradas-da-tarde")
    entry = TriggerEntry.objects.get(name="entradas-da-tarde")
    assert (entry.changed_by, entry.table["rule"]) == ("the-operator", "todo dia útil às 14:15")
    assert version() != before
    page.get_by_label("Por quê").fill("banco em greve")
    page.get_by_role("button", name="Desligar").click()
    expect(page.locator(".badge.big")).to_have_text("desligado")
    expect(page.get_by_text("banco em greve").first).to_be_visible()
    page.get_by_role("button", name="Ligar").click()
    expect(page.locator(".badge.big")).to_have_text("ligado")
    page.get_by_role("link", name="Alterar").click()
    page.get_by_label("Regra", exact=True).fill("todo dia útil às 15:45")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_text("15:45").first).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remover").click()
    page.wait_for_url("**/schedule")
    assert not TriggerEntry.objects.exists()
    told = ["trigger.written", "trigger.disabled", "trigger.enabled", "trigger.written", "trigger.removed"]
    assert events("entradas-da-tarde") == [(action, "the-operator") for action in told]


def test_what_cannot_be_understood_is_told_and_nothing_is_kept(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/schedule/new")
    page.get_by_label("Nome", exact=True).fill("errado")
    page.get_by_label("Processo", exact=True).select_option("check_sign_in")
    page.get_by_label("Regra", exact=True).fill("às vezes")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("alert")).to_contain_text("às vezes")
    expect(page.get_by_label("Regra", exact=True)).to_have_value("às vezes")
    page.get_by_label("Regra", exact=True).fill("todo dia às 10:00")
    page.get_by_label("Parâmetros, um por linha").fill("portals = ccee")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_role("alert")).to_contain_text("portals")
    assert not TriggerEntry.objects.exists()


def test_what_is_written_overrules_the_configuration_until_it_is_removed(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/schedule/triggers/daily-statements/edit")
    expect(page.get_by_label("Parâmetros, um por linha")).to_have_value("period = {date-1du}..{date-1du}")
    page.get_by_label("Regra", exact=True).fill("todo dia útil às 06:45")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_text("06:45").first).to_be_visible()
    settings = load_settings()
    book = Rulebook(console.home / "config", lambda: all_triggers(settings), version)
    book.read()
    assert "06:45" in book.triggers["daily-statements"].rule
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remover").click()
    expect(page.get_by_text("07:30").first).to_be_visible()
    book.refresh()
    assert "07:30" in book.triggers["daily-statements"].rule


def test_the_history_turns_its_pages_and_says_why(console: Console, page: Page) -> None:
    page.goto(f"{console.url}/schedule/fires")
    seen = []
    while True:
        seen += page.locator("tbody tr th time").evaluate_all("all => all.map(one => one.dateTime)")
        older = page.get_by_role("link", name="Mais antigos")
        if not older.count():
            break
        older.click()
        page.wait_for_load_state()
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, reverse=True)
    page.goto(f"{console.url}/schedule/fires?state=SKIPPED")
    expect(page.locator("tbody tr").first).to_contain_text("o portal está fechado")


def test_an_auditor_reads_and_changes_nothing(console: Console, chromium: Browser) -> None:
    with somebody(console, chromium, "the-auditor") as page:
        page.goto(f"{console.url}/schedule/triggers/daily-statements")
        expect(page.get_by_role("button", name="Desligar")).to_have_count(0)
        expect(page.get_by_role("link", name="Alterar")).to_have_count(0)
        answer = page.goto(f"{console.url}/schedule/new")
        assert answer is not None
        assert answer.status == 403


def test_the_api_does_the_same(console: Console) -> None:
    visitor = console.signed_in("the-operator")
    path, headers = f"{console.url}/api/v1/schedule/triggers/pela-api", {"X-CSRFToken": visitor.token()}
    body: dict[str, Any] = {"process": "check_sign_in", "rule": "todo dia às 10:00", "params": {"credential": "ccee/robo"}}
    tried = visitor.put(path, json={"table": body, "dry_run": True}, headers=headers, timeout=30)
    assert tried.status_code == 200, tried.text
    assert len(tried.json()["next_fires"]) == 10
    assert visitor.put(path, json={"table": body}, headers=headers, timeout=30).status_code == 200
    assert visitor.get(path, timeout=30).json()["table"]["rule"] == "todo dia às 10:00"
    assert visitor.put(path, json={"table": body | {"rule": "nunca"}}, headers=headers, timeout=30).status_code in {409, 422}
    assert visitor.delete(path, headers=headers, timeout=30).json() == {"configuration_holds": False}
    assert visitor.get(path, timeout=30).status_code == 404
