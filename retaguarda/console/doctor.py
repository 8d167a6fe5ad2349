"""`retaguarda doctor`: whether this machine can do the work, each finding with its remedy."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from retaguarda.console import doctor_operations
from retaguarda.console.doctor_finding import Finding
from retaguarda.console.wiring import House, open_house, robot_names
from retaguarda.errors import RetaguardaError
from retaguarda.language import say

MIN_FREE_GB = 2


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Look at browser, vault, store, disk, clock, log, triggers, workers, alerts, backup, portals. Exit 3 when a needed one is not well."""
    house = open_house()
    findings = [_looked(house, check) for check in (_browser, _vault, _store, _disk, _clock, _audit, *doctor_operations.CHECKS)] + _portals(
        house
    )
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            _show(finding)
    raise typer.Exit(0 if all(finding.well or not finding.needed for finding in findings) else 3)


def _show(finding: Finding) -> None:
    from retaguarda.console.screen import screen

    console = screen()
    mark = "[green]✓[/green]" if finding.well else "[bold red]✗[/bold red]" if finding.needed else "·"
    console.print(f"{mark} {subjects().get(finding.name, finding.name):<14} ", end="")
    console.print(finding.seen, markup=False, soft_wrap=True)
    if not finding.well and finding.remedy:
        console.print(f"  → {finding.remedy}", markup=False, soft_wrap=True)


def subjects() -> dict[str, str]:
    """What is looked at, as people call it; a portal goes by its name."""
    return {
        "browser": say("browser"),
        "vault": say("vault"),
        "store": say("store"),
        "disk": say("disk"),
        "clock": say("clock"),
        "audit": say("audit log"),
        "triggers": say("triggers"),
        "scheduler": say("scheduler"),
        "workers": say("workers"),
        "alerts": say("alerts"),
        "backup": say("backup"),
        "origin": say("origin"),
        "server": say("server"),
    }


def _looked(house: House, check: Callable[[House], Finding]) -> Finding:
    from retaguarda.report.retell import retell

    try:
        return check(house)
    except RetaguardaError as error:
        return Finding(check.__name__.strip("_"), well=False, seen=retell(error.text), remedy=retell(error.remedy))


def _browser(house: House) -> Finding:
    from retaguarda.portal.browser import find_chromium, open_browser

    with open_browser(house.settings.browser.path) as browser:
        page = browser.new_page()
        page.set_content("<h1>olá</h1>")
        well = page.locator("h1").inner_text() == "olá"
        path = find_chromium(house.settings.browser.path) or "Playwright"
        return Finding("browser", well, f"Chromium {browser.version} ({path})")


def _vault(house: House) -> Finding:
    vault = house.vault()
    for name in vault.names():
        vault.entry(name)
    count = len(vault.names())
    return Finding("vault", count > 0, say("{count} credentials open", count=count), say("to keep one: retaguarda vault set NAME"))


def _store(_house: House) -> Finding:
    from retaguarda.console.store_findings import kind
    from retaguarda.store.models import RunRecord

    seen = say("{kind}: {count} runs, commits reach the disk", kind=kind(), count=RunRecord.objects.count())
    return Finding("store", well=True, seen=seen)


def _disk(house: House) -> Finding:
    house.settings.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=house.settings.output):
        free = shutil.disk_usage(house.settings.output).free / 1e9
    return Finding("disk", free > MIN_FREE_GB, say("{free:.0f} GB free", free=free), say("free at least {least} GB", least=MIN_FREE_GB))


def _clock(house: House) -> Finding:
    adjusted = Path("/run/systemd/timesync/synchronized").exists()
    seen = f"{house.clock.now():%d/%m/%Y %H:%M %Z}" + (" · NTP" if adjusted else "")
    if house.clock.rehearsal:
        return Finding("clock", well=True, seen=say("{now}; rehearsing {day}", now=seen, day=f"{house.clock.today():%d/%m/%Y}"))
    return Finding("clock", well=True, seen=seen)


def _audit(house: House) -> Finding:
    from retaguarda.audit.verify import verify
    from retaguarda.report.retell import retell
    from retaguarda.store.models import OutboxEvent

    if place := house.audit().kept_elsewhere():
        waiting = OutboxEvent.objects.filter(sealed=False).count()
        where = f"{place.host}:{place.path}"
        seen = say("{where}: {sealed} events sealed, {waiting} waiting", where=where, sealed=place.size, waiting=waiting)
        return Finding("audit", well=True, seen=seen)
    if not (house.audit_folder / "segments").exists() and not OutboxEvent.objects.filter(sealed=True).exists():
        return Finding("audit", well=True, seen=say("no event yet"))
    verdict = verify(house.audit_folder)
    seen = say("{count} events, the log holds", count=verdict.events) if verdict.holds else retell(verdict.problems[0])
    return Finding("audit", verdict.holds, seen, say("touch nothing in the folder; see all of it with: retaguarda audit verify"))


def _portals(house: House) -> list[Finding]:
    return [_portal(house, name) for name in robot_names()]


def _portal(house: House, name: str) -> Finding:
    from retaguarda.report.retell import retell

    site = house.settings.portals.get(name)
    if site is None:
        remedy = say("write [portals.{name}] url = … in config/portals.toml", name=name)
        return Finding(name, well=False, seen=say("not configured"), remedy=remedy, needed=not house.settings.portals)
    parts = urlsplit(site.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=5):
            return Finding(name, well=True, seen=say("answers at {address}", address=parts.netloc))
    except OSError as error:
        seen = say("does not answer at {address} ({error})", address=parts.netloc, error=retell(error.strerror or str(error)))
        return Finding(name, well=False, seen=seen, remedy=say("check the address and the network; in the sandbox: retaguarda sandbox up"))
