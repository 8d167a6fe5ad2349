"""One browser context of one portal: what it may reach, what it records, what it refuses."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Error,
    FrameLocator,
    Locator,
    Page,
    Response,
    Route,
    TimeoutError,
    WebSocketRoute,
)
from playwright.sync_api import Download as SentFile

from retaguarda.clock import Clock
from retaguarda.errors import (
    ChallengeRequired,
    ConfigurationError,
    IncompleteDownload,
    PortalBlocked,
    PortalChanged,
    PortalUnavailable,
    RetaguardaError,
)
from retaguarda.model.secrets import Credential
from retaguarda.portal.browser import first_line, speaking, translated
from retaguarda.portal.certificates import client_certificate
from retaguarda.portal.downloads import Download
from retaguarda.portal.gate import SubmitGate
from retaguarda.portal.mailbox import POLL_SECONDS, Nobody, Person, open_mailbox, wait_for_code
from retaguarda.portal.manifest import Manifest
from retaguarda.portal.pictures import lossless_webp
from retaguarda.portal.traces import scrub
from retaguarda.redaction import redactor

if TYPE_CHECKING:
    from loguru import Logger

VISITS = 4
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
    challenge_seconds: float | None = None


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
        self.person: Person = Nobody()
        self._hosts = {urlsplit(self.url).netloc, *manifest.hosts}
        self.gate = SubmitGate(context, manifest.submit, self._hosts)
        self.dialogs: list[str] = []
        self.server_error = 0  # status of the present page, or of a frame in it, when the server failed to make it
        self._context = context
        self._recorder = recorder
        self._downloads = downloads
        self._masks: list[Locator] = []
        self._last_visit = 0.0
        self._frames: set[str] = set()
        self._fence(context)
        context.set_default_timeout(manifest.timeout_seconds * 1000)
        self.page: Page = context.new_page()
        self._listen(self.page)
        self._handle_popups(self.page, self.page)

    @property
    def account(self) -> str:
        """The account number at this portal, as the portal writes it."""
        return self.site.account

    def goto(self, path: str) -> None:
        """Open `path` of the portal; NetworkDown when nothing answers, PortalUnavailable on a server error, in the portal's words."""
        self._keep_pace()
        with speaking(f"opening {path}"):
            response = self._visit(self.url + path)
            if response and response.status >= 500:
                heads = " / ".join(self.page.locator("h1:visible").all_inner_texts())
                raise PortalUnavailable(f"the portal answered {response.status} to {path}{heads and f': {heads}'}")

    def _visit(self, address: str) -> Response | None:
        """Open an address; again while the browser is still busy showing that the request before had failed."""
        for _ in range(VISITS - 1):
            try:
                return self.page.goto(address)
            except Error as error:
                if "interrupted by another navigation" not in error.message:
                    raise
                self.page.wait_for_load_state()
        return self.page.goto(address)

    def must_be_at_home(self) -> None:
        """PortalBlocked when the page is not one of the manifest's hosts: a redirect can lead away past every fence."""
        address = urlsplit(self.page.url)
        if address.scheme in {"http", "https"} and address.netloc not in self._hosts:
            raise PortalBlocked(f"the portal led to another host: {address.netloc}", remedy="look at the portal; then add it to robot.toml")

    def said(self) -> str:
        """What the page's alerts say, in one line."""
        with speaking("reading alerts"):
            return " ".join(" ".join(self.page.get_by_role("alert").all_inner_texts()).split())

    def error_of(self, said: str) -> RetaguardaError:
        """The error that an alert means; PortalChanged for one that the manifest does not know."""
        return self.manifest.error_for(said) or PortalChanged(f"unknown alert: {said}", remedy="add it to robot.toml once understood")

    def download(self, trigger: Callable[[], object]) -> Download:
        """The file that `trigger` makes the portal send, saved, hashed and kept as evidence.

        Raises IncompleteDownload when it breaks off or is empty, what the portal said when it said something instead.
        """
        sent = self._sent_by(trigger)
        name = sent.suggested_filename
        path = self._downloads / f"{len(list(self._downloads.iterdir())) + 1:03d}-{_safe(name)}"
        with speaking("downloading a file"):
            broken = sent.failure()
        if broken:
            raise IncompleteDownload(f"{name} broke off: {broken}", remedy="download it again later")
        with speaking("saving a file"):
            sent.save_as(path)
        got = Download.of(path, name)
        self._recorder.keep(got)
        self.log.info("downloaded {} ({} bytes, sha256 {})", name, got.size, got.sha256[:12])
        return got

    def _sent_by(self, trigger: Callable[[], object]) -> SentFile:
        try:
            with self.page.expect_download() as caught:
                trigger()
            return caught.value
        except TimeoutError as error:
            said = self.said()
            raise (self.error_of(said) if said else translated(error, "downloading a file")) from error
        except Error as error:
            raise translated(error, "downloading a file") from error

    def mail_code(self, after: dt.datetime, pattern: str, sender: str = "") -> str:
        """The code of a mail delivered after `after`; ChallengeRequired when none comes within the manifest's patience."""
        if not self.site.mailbox:
            raise ConfigurationError(
                f"portals.{self.manifest.name}.mailbox is not set", remedy="say where the codes arrive, e.g. maildir:/folder"
            )
        self.log.info("waiting for the code by e-mail")
        box = open_mailbox(self.site.mailbox)
        return wait_for_code(box, self.clock, after, pattern, sender, self._patience, self.person)

    def one_time_code(self, credential: Credential) -> str:
        """The next code of the credential's own generator; waits up to half a minute when this moment's were given before."""

        def pause(seconds: float) -> None:
            self.log.info("the one-time codes of this moment were given before; waiting {} s for the next", math.ceil(seconds))
            self.clock.pause(seconds)

        return credential.totp(pause=pause)

    @property
    def _patience(self) -> float:
        """Seconds that a code is waited for."""
        stated = self.site.challenge_seconds
        return self.manifest.challenge_seconds if stated is None else stated

    def typed_code(self, question: str) -> str:
        """The code that a person types while the robot waits, e.g. from a telephone; ChallengeRequired when none comes in time."""
        self.log.info("waiting for a person's code")
        until = self.clock.monotonic() + self._patience
        while not (code := self.person.code()):
            self.person.ask(question)
            if self.clock.monotonic() >= until:
                raise ChallengeRequired(f"nobody typed the code: {question}", remedy="retaguarda request list")
            self.clock.pause(POLL_SECONDS)
        return code

    def shot(self, label: str) -> str:
        """A lossless screenshot of the page as evidence, masked; returns its SHA-256."""
        try:
            echoed = [self.page.get_by_text(value) for value in redactor.values]  # a page that shows the password that it was given
            masks = [mask for mask in self._masks if mask.page == self.page]
            picture = self.page.screenshot(mask=[*masks, *echoed], animations="disabled")
        except Error as error:
            raise translated(error, "taking a screenshot") from error
        return self._recorder.picture(label, lossless_webp(picture))

    def mask(self, *locators: Locator) -> None:
        """Black out these locators in every later screenshot; password fields always are."""
        self._masks += locators

    def _keep_pace(self) -> None:
        wait = self._last_visit + self.manifest.pace_ms / 1000 - self.clock.monotonic()
        if wait > 0:
            self.clock.pause(wait)
        self._last_visit = self.clock.monotonic()

    def _fence(self, context: BrowserContext) -> None:
        elsewhere = rf"://(?!({'|'.join(re.escape(host) for host in self._hosts)})(/|\?|#|$))"
        context.route(re.compile(f"^https?{elsewhere}"), self._refuse_host)
        context.route_web_socket(re.compile(f"^wss?{elsewhere}"), self._refuse_socket)

    def _refuse_socket(self, socket: WebSocketRoute) -> None:
        self.log.warning("blocked a connection to a host outside the manifest: {}", urlsplit(socket.url).netloc)
        socket.close()

    def _refuse_host(self, route: Route) -> None:
        self.log.warning("blocked a request to a host outside the manifest: {}", urlsplit(route.request.url).netloc)
        route.abort("blockedbyclient")

    def _listen(self, page: Page) -> None:
        self.mask(page.locator("input[type=password]"))
        page.on("dialog", self._dismiss)
        page.on("response", self._note_failure)
        page.on("popup", self._close_popup)

    def _dismiss(self, dialog: Dialog) -> None:
        """Say no to a question and remember it; leaving a half-filled form is what we want, so that question gets a yes."""
        if dialog.type == "beforeunload":
            dialog.accept()
            return
        self.dialogs.append(dialog.message)
        self.log.warning("the portal asked: {}", dialog.message)
        dialog.dismiss()

    def _close_popup(self, popup: Page) -> None:
        self.log.info("closed a window that the portal opened: {}", urlsplit(popup.url).path)
        popup.close()

    def _note_failure(self, response: Response) -> None:
        if response.request.is_navigation_request():  # of the page or of a frame in it
            self.server_error = response.status if response.status >= 500 else 0
        if response.status >= 400:
            self.log.debug("{} {}", response.status, urlsplit(response.url).path)

    def expect_frame(self, title: str) -> None:
        """Put known popups away inside the iframe of this title as well, from here on."""
        if title not in self._frames:
            self._frames.add(title)
            self._handle_popups(self.page, self.page.frame_locator(f'iframe[title="{title}"]'))

    def _handle_popups(self, page: Page, where: Page | FrameLocator) -> None:
        for title, button in self.manifest.popups.items():
            dialog = where.get_by_role("dialog", name=title)
            page.add_locator_handler(dialog, lambda found, button=button: self._put_away(found, button))

    def _put_away(self, dialog: Locator, button: str) -> None:
        try:
            dialog.get_by_role("button", name=button).click()
        except Error as error:  # the action that the dialog is in the way of fails with it, and tells it
            self.log.debug("could not put a dialog away: {}", error.message.partition("\n")[0])


def _safe(name: str) -> str:
    """A portal's file name as a harmless label: it never decides where a file goes."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:] or "download"


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
    # a service worker's requests pass every fence and gate
    options: dict[str, Any] = {"locale": "pt-BR", "timezone_id": "America/Sao_Paulo", "viewport": VIEWPORT, "service_workers": "block"}
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
        scrub(path)
        raise
    context.tracing.stop()
