"""One browser context of one portal: what it may reach, what it records, what it refuses."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from playwright.sync_api import Browser, BrowserContext, Dialog, Error, Locator, Page, Response, Route

from retaguarda.clock import Clock
from retaguarda.errors import ConfigurationError, PortalUnavailable
from retaguarda.model.secrets import Credential
from retaguarda.portal.browser import first_line, translated
from retaguarda.portal.downloads import Download
from retaguarda.portal.gate import SubmitGate
from retaguarda.portal.mailbox import open_mailbox, wait_for_code
from retaguarda.portal.manifest import Manifest

if TYPE_CHECKING:
    from loguru import Logger
    from playwright._impl._api_structures import ClientCertificate

VIEWPORT = {"width": 1366, "height": 900}


class Recorder(Protocol):
    """Where a session leaves its pictures and files: the run's evidence."""

    def picture(self, label: str, data: bytes) -> str:
        """Keep a screenshot; returns its SHA-256."""
        ...

    def keep(self, download: Download) -> None:
        """Keep a downloaded file, byte for byte."""
        ...


@dataclass(frozen=True)
class PortalSite:
    """Where a portal is: its address, mailbox for codes, account and certificate authority, from the configuration."""

    url: str
    mailbox: str = ""
    account: str = ""
    ca_file: Path | None = None
    quiet_seconds: float | None = None


class Session:
    """One browser context of one portal, signed in or not; belongs to the thread that opened it."""

    def __init__(
        self,
        context: BrowserContext,
        manifest: Manifest,
        site: PortalSite,
        *,
        clock: Clock,
        log: Logger,
        recorder: Recorder,
        downloads: Path,
    ) -> None:
        self.manifest = manifest
        self.site = site
        self.url = site.url.rstrip("/")
        self.log = log
        self.clock = clock
        self.gate = SubmitGate(context, manifest.submit)
        self.dialogs: list[str] = []
        self._context = context
        self._recorder = recorder
        self._downloads = downloads
        self._masks: list[Locator] = []
        self._last_visit = 0.0
        self._fence(context)
        context.set_default_timeout(manifest.timeout_seconds * 1000)
        self.page: Page = context.new_page()
        self._listen(self.page)
        self._handle_popups(self.page)

    @property
    def account(self) -> str:
        """The account number at this portal, as the portal writes it."""
        return self.site.account

    def goto(self, path: str) -> None:
        """Open `path` of the portal; NetworkDown when nothing answers, PortalUnavailable on a server error without a page."""
        self._keep_pace()
        try:
            response = self.page.goto(self.url + path)
        except Error as error:
            raise translated(error, f"opening {path}") from error
        if response and response.status >= 500 and not self.page.locator("h1").count():
            raise PortalUnavailable(f"the portal answered {response.status} to {path}")

    def download(self, trigger: Callable[[], object]) -> Download:
        """The file that `trigger` makes the portal send, saved, hashed and kept as evidence."""
        try:
            with self.page.expect_download() as caught:
                trigger()
            name = caught.value.suggested_filename
            path = self._downloads / f"{len(list(self._downloads.iterdir())) + 1:03d}-{_safe(name)}"
            caught.value.save_as(path)
        except Error as error:
            raise translated(error, "downloading a file") from error
        got = Download.of(path, name)
        self._recorder.keep(got)
        self.log.info("downloaded {} ({} bytes, sha256 {})", name, got.size, got.sha256[:12])
        return got

    def mail_code(self, after: dt.datetime, pattern: str, sender: str = "") -> str:
        """The code of a mail delivered after `after`; ChallengeRequired when none comes within the manifest's patience."""
        if not self.site.mailbox:
            raise ConfigurationError(
                f"portals.{self.manifest.name}.mailbox is not set", remedy="say where the codes arrive, e.g. maildir:/folder"
            )
        self.log.info("waiting for the code by e-mail")
        box = open_mailbox(self.site.mailbox)
        return wait_for_code(box, self.clock, after, pattern, sender, self.manifest.challenge_seconds)

    def shot(self, label: str) -> str:
        """A lossless screenshot of the page as evidence, masked; returns its SHA-256."""
        try:
            picture = self.page.screenshot(
                type="webp", quality=100, mask=[m for m in self._masks if m.page == self.page], animations="disabled"
            )
        except Error as error:
            raise translated(error, "taking a screenshot") from error
        return self._recorder.picture(label, picture)

    def mask(self, *locators: Locator) -> None:
        """Black out these locators in every later screenshot; password fields always are."""
        self._masks += locators

    def _keep_pace(self) -> None:
        wait = self._last_visit + self.manifest.pace_ms / 1000 - self.clock.monotonic()
        if wait > 0:
            self.clock.pause(wait)
        self._last_visit = self.clock.monotonic()

    def _fence(self, context: BrowserContext) -> None:
        allowed = [re.escape(urlsplit(self.url).netloc), *(re.escape(host) for host in self.manifest.hosts)]
        context.route(re.compile(rf"^(https?|wss?)://(?!({'|'.join(allowed)})(/|\?|#|$))"), self._refuse_host)

    def _refuse_host(self, route: Route) -> None:
        self.log.warning("blocked a request to a host outside the manifest: {}", urlsplit(route.request.url).netloc)
        route.abort("blockedbyclient")

    def _listen(self, page: Page) -> None:
        self.mask(page.locator("input[type=password]"))
        page.on("dialog", self._dismiss)
        page.on("response", self._note_failure)
        page.on("popup", self._close_popup)

    def _dismiss(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        self.log.warning("the portal asked: {}", dialog.message)
        dialog.dismiss()

    def _close_popup(self, popup: Page) -> None:
        self.log.info("closed a window that the portal opened: {}", urlsplit(popup.url).path)
        popup.close()

    def _note_failure(self, response: Response) -> None:
        if response.status >= 400:
            self.log.debug("{} {}", response.status, urlsplit(response.url).path)

    def _handle_popups(self, page: Page) -> None:
        for title, button in self.manifest.popups.items():
            dialog = page.get_by_role("dialog", name=title)
            page.add_locator_handler(dialog, lambda found, button=button: found.get_by_role("button", name=button).click())


def _safe(name: str) -> str:
    """A portal's file name as a harmless label: it never decides where a file goes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:] or "download"


def client_certificate(credential: Credential, origin: str) -> ClientCertificate:
    """The credential's PKCS#12 as PEM bytes for Playwright: old RC2 exports open too, and no key touches the disk."""
    p12 = base64.b64decode(credential.secret("certificate").reveal())
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(p12, credential.secret("passphrase").reveal().encode())
    except ValueError as error:
        raise ConfigurationError(
            f"certificate of {credential.name} does not open: {error}", remedy="check the passphrase in the vault"
        ) from error
    if key is None or certificate is None:
        raise ConfigurationError(f"certificate of {credential.name} holds no key")
    if certificate.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise ConfigurationError(
            f"certificate of {credential.name} expired on {certificate.not_valid_after_utc:%Y-%m-%d}", remedy="renew it in the vault"
        )
    pem = b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *chain))
    return {"origin": origin, "cert": pem, "key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())}


@contextmanager
def open_session(
    browser: Browser,
    manifest: Manifest,
    site: PortalSite,
    credential: Credential,
    *,
    clock: Clock,
    log: Logger,
    recorder: Recorder,
    downloads: Path,
    trace: Path | None = None,
) -> Iterator[Session]:
    """A fresh context for the block; nothing of it survives, except a trace where it was asked for and the block failed."""
    options: dict[str, Any] = {"locale": "pt-BR", "timezone_id": "America/Sao_Paulo", "viewport": VIEWPORT}
    parts = urlsplit(site.url)
    if "certificate" in credential.secrets:
        options["client_certificates"] = [client_certificate(credential, f"{parts.scheme}://{parts.netloc}")]
    try:
        context = browser.new_context(**options)
    except Error as error:
        raise ConfigurationError(f"cannot open a session for {credential.name}: {first_line(error)}") from error
    with context, _tracing(context, trace):
        yield Session(context, manifest, site, clock=clock, log=log, recorder=recorder, downloads=downloads)


@contextmanager
def _tracing(context: BrowserContext, path: Path | None) -> Iterator[None]:
    """Record a trace, without pictures and sources, and keep it only when the block fails: traces hold cookies."""
    if path is None:
        yield
        return
    context.tracing.start(snapshots=True, screenshots=False, sources=False)
    try:
        yield
    except BaseException:
        context.tracing.stop(path=path)
        raise
    context.tracing.stop()
