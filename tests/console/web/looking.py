"""Real Chromium at a served console: somebody signed in, pages looked at, and judged by axe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page

from tests.console.web.server import Console
from tests.sandbox_fixtures import ROOT

AXE = ROOT / "tests" / "vendor" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PHONE = {"width": 390, "height": 844}


@contextmanager
def somebody(console: Console, browser: Browser, name: str, **more: Any) -> Iterator[Page]:
    """A page of a browser in which a person is signed in."""
    visitor = console.signed_in(name)
    context: BrowserContext = browser.new_context(viewport=more.pop("viewport", {"width": 1440, "height": 900}), bypass_csp=False, **more)
    context.add_cookies([{"name": one.name, "value": str(one.value), "url": console.url} for one in visitor.cookies])
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()


def faults(page: Page) -> list[str]:
    """What axe finds wrong with the page, a line each; a page that says an error in its console is wrong as well."""
    source = AXE.read_text("utf-8")
    page.evaluate(source)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [f"{one['id']}: {one['help']} {[node['target'] for node in one['nodes']][:3]}" for one in found["violations"]]


def kept(page: Page, name: str) -> None:
    """A picture of the whole page, when the variable CONSOLE_PICTURES names a folder for them."""
    if folder := os.environ.get("CONSOLE_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def stray_width(page: Page) -> int:
    """Pixels by which the page is wider than its window: a phone must not scroll sideways."""
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found
