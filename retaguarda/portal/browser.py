"""Finds and starts the Chromium that robots drive, and translates what Playwright raises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, TimeoutError, sync_playwright

from retaguarda.errors import BrowserCrashed, ConfigurationError, NetworkDown, PortalChanged, RetaguardaError

CANDIDATES = (
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/bin/chromium-headless-shell",
    "/usr/lib/chromium/chromium",
    "chromium",
    "chromium-browser",
    "google-chrome",
)
_CRASHES = ("Target crashed", "Page crashed", "Target closed", "has been closed", "Browser closed", "Connection closed")


def find_chromium(configured: str = "") -> str | None:
    """Path of the browser: the configured one, else one that is installed, else None (Playwright's own)."""
    if configured:
        if not Path(configured).exists():
            raise ConfigurationError(f"browser.path does not exist: {configured}", remedy="correct it or leave it out")
        return configured
    found = (shutil.which(name) for name in CANDIDATES)
    return next((path for path in found if path), None)


@contextmanager
def open_browser(path: str = "", ca_bundle: Path | None = None) -> Iterator[Browser]:
    """A headless browser for the time of the block.

    `ca_bundle` holds the authorities of portals with private certificates; the driver reads it once, at its start, since
    with client certificates the driver and not Chromium verifies the server.
    """
    if ca_bundle:
        os.environ["NODE_EXTRA_CA_CERTS"] = str(ca_bundle)
    with sync_playwright() as driver:
        browser = _launch(driver, find_chromium(path))
        try:
            yield browser
        finally:
            browser.close()


def _launch(driver: Playwright, executable: str | None) -> Browser:
    try:
        # an ordinary user can and should keep Chromium's own sandbox; root cannot have it
        return driver.chromium.launch(executable_path=executable, chromium_sandbox=os.environ.get("RETAGUARDA_CHROMIUM_SANDBOX") == "1")
    except Error as error:
        raise ConfigurationError(
            f"the browser does not start: {first_line(error)}",
            remedy="install it (Debian: apt-get install chromium-headless-shell; else: playwright install chromium) or set browser.path",
        ) from error


def first_line(error: Error) -> str:
    """The sentence of an error, without Playwright's call log."""
    return error.message.splitlines()[0] if error.message else type(error).__name__


def translated(error: Error, doing: str) -> RetaguardaError:
    """Playwright's error in our words; the only translation there is."""
    text = first_line(error)
    if any(mark in text for mark in _CRASHES):
        return BrowserCrashed(f"the browser died while {doing}")
    if "net::ERR" in text or "ECONNREFUSED" in text:
        return NetworkDown(f"no answer while {doing}: {text.split(' at ')[0]}")
    if isinstance(error, TimeoutError):
        return PortalChanged(f"nothing as expected while {doing}: {text}")
    return PortalChanged(f"unexpected while {doing}: {text}")


@contextmanager
def speaking(doing: str) -> Iterator[None]:
    """Translate whatever Playwright raises in the block; `doing` says what was going on."""
    try:
        yield
    except Error as error:
        raise translated(error, doing) from error


if __name__ == "__main__":  # used by the set-up: exits 0 when a browser starts
    with open_browser(os.environ.get("RETAGUARDA_BROWSER__PATH", "")) as found:
        print(found.version)
