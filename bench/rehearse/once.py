"""The level `once`: one click in a real Chromium whose answer is cut, counted as POSTs at the portal, for each way portals are reached.

By a plain click Chromium repeats the POST by itself; that is counted too, so that a cut that Chromium does not notice shows.
"""

from __future__ import annotations

import base64
import math
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loguru import logger
from playwright.sync_api import Browser, BrowserContext

from bench.rehearse.tally import Tally
from retaguarda.clock import Clock
from retaguarda.errors import OutcomeUnknown
from retaguarda.model.acts import Permit
from retaguarda.model.secrets import Credential, Secret
from retaguarda.portal import Manifest, PortalPage, PortalSite
from retaguarda.portal.browser import open_browser
from retaguarda.portal.session import Session, open_session
from sandbox import nginx, pki
from tests.portal.pages_server import Exchange, Pages, screen, serving
from tests.sandbox_fixtures import Pictures

REVIEW = screen("Conferência", '<form method="post" action="/act"><input name="n" value="1"><button>Concluir</button></form>')
CONTROLS = 3
"""Plain clicks of each profile, beside the ones that go through the gate."""


@dataclass(frozen=True)
class Profile:
    """How a portal is reached."""

    name: str
    protocol: str
    tls: bool = True
    certificate: bool = False

    @property
    def control(self) -> str:
        return f"{self.name}: repeated by a plain click"

    @property
    def cut(self) -> str:
        return f"{self.name}: answer cut"


PROFILES = (
    Profile("HTTP/1.1", "http/1.1", tls=False),
    Profile("HTTP/1.1, TLS", "http/1.1"),
    Profile("HTTP/2", "h2"),
    Profile("HTTP/1.1, client certificate", "http/1.1", certificate=True),
    Profile("HTTP/2, client certificate", "h2", certificate=True),
)


class ReviewPage(PortalPage):
    heading = "Conferência"


class ReceiptPage(PortalPage):
    heading = "Registrado"


@dataclass(frozen=True)
class Trusting:
    """A browser that trusts the sandbox's authority; with a client certificate the driver checks the server itself."""

    browser: Browser

    def new_context(self, **options: Any) -> BrowserContext:
        return self.browser.new_context(ignore_https_errors=True, **options)


def _manifest(via: str) -> Manifest:
    return Manifest.model_validate(
        {
            "name": "once",
            "title": "Once",
            "robot": "OnceRobot",
            "capabilities": [],
            "timeout_seconds": 20,
            "pages": {"signed_in": "Sair", "login": "Acesso", "maintenance": "Em manutenção"},
            "submit": {"guard": ["/act"], "via": via},
        }
    )


class Relay:
    """Passes bytes on between the browser and a server, and cuts all connections when it is told to."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._open: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # the door was closed
            while True:
                browser, _ = self._door.accept()
                server = socket.create_connection(("127.0.0.1", self._behind))
                self._open += [browser, server]
                threading.Thread(target=self._join, args=(browser, server), daemon=True).start()

    def _join(self, browser: socket.socket, server: socket.socket) -> None:
        with browser, server:
            back = threading.Thread(target=self._pass_on, args=(server, browser), daemon=True)
            back.start()
            self._pass_on(browser, server)
            back.join()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while read := source.recv(65536):
                target.sendall(read)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End every connection, whatever is under way on it."""
        ended, self._open = self._open, []
        for end in ended:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let nobody in any more."""
        self._door.close()
        self.cut()


@dataclass
class Desk:
    """Where the clicks happen: the browser, the portal's pages, and the infrastructure of its certificates."""

    browser: Browser
    pages: Pages
    pki: pki.Pki
    folder: Path

    @contextmanager
    def address(self, profile: Profile) -> Iterator[str]:
        """The portal, reached as the profile says; the answer to an act is cut on the way to the browser."""
        behind = int(urlsplit(self.pages.url).port or 0)
        with ExitStack() as stack:
            if profile.tls:
                behind = stack.enter_context(self._nginx(profile, behind))
            relay = Relay(behind)
            stack.callback(relay.close)

            def answer(exchange: Exchange) -> None:
                relay.cut()
                exchange.cut()

            self.pages.answers["POST /act"] = answer
            yield f"{'https' if profile.tls else 'http'}://127.0.0.1:{relay.port}"

    @contextmanager
    def _nginx(self, profile: Profile, behind: int) -> Iterator[int]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        http2 = profile.protocol == "h2"
        front = nginx.start(self.folder / f"nginx-{port}", port, behind, self.pki, http2=http2, certificate=profile.certificate)
        try:
            yield port
        finally:
            front.stop()

    @contextmanager
    def session(self, profile: Profile, url: str, via: str) -> Iterator[Session]:
        """A session of the kit."""
        secrets = {}
        if profile.certificate:
            told = {"certificate": base64.b64encode(self.pki.client.read_bytes()).decode(), "passphrase": self.pki.passphrase}
            secrets = {name: Secret(value) for name, value in told.items()}
        browser: Any = self.browser if profile.certificate else Trusting(self.browser)
        options: dict[str, Any] = {"clock": Clock(), "log": logger, "recorder": Pictures(), "downloads": self.folder}
        with open_session(browser, _manifest(via), PortalSite(url), Credential("once/robo", "robo", secrets), **options) as session:
            session.goto("/review")
            spoken = session.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
            if spoken != profile.protocol:
                raise RuntimeError(f"{profile.name}: the browser speaks {spoken}")
            yield session

    def posts_of(self, session: Session) -> int:
        """Click once, and count what arrives."""
        before = self.pages.asked["POST /act"]
        session.goto("/review")
        with suppress(OutcomeUnknown):
            ReviewPage(session).prove().submit("Concluir", Permit("R-1", 1), ReceiptPage)
        session.goto("/")
        return self.pages.asked["POST /act"] - before


@contextmanager
def open_desk() -> Iterator[Desk]:
    """A browser that is told the sandbox's authority, and a portal that cuts the answer of every act."""
    logger.remove()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="retaguarda-once-")))
        made = pki.prepare(folder / "pki", "Exemplo Comercializadora", "11222333000181")
        pages = stack.enter_context(serving())
        pages.answers |= {"/review": REVIEW, "/": screen("Início")}
        yield Desk(stack.enter_context(open_browser(ca_bundle=made.ca)), pages, made, folder)


def rehearse(seeds: range, seconds: float = math.inf, profiles: tuple[Profile, ...] = PROFILES) -> Tally:
    """Click so often at each profile, an equal share of the seconds at most; every click must arrive as one POST."""
    tally = Tally("once", tuple(kind for profile in profiles for kind in (profile.cut, profile.control)))
    clock = Clock()
    began = clock.monotonic()
    with open_desk() as desk:
        for profile in profiles:
            with desk.address(profile) as url:
                with desk.session(profile, url, "fetch") as session:
                    until = clock.monotonic() + seconds / len(profiles)
                    for _ in seeds:
                        if clock.monotonic() > until:
                            break
                        _count(tally, profile, desk.posts_of(session))
                with desk.session(profile, url, "click") as session:
                    repeated = sum(desk.posts_of(session) > 1 for _ in range(CONTROLS))
                    tally.fired[profile.control] += repeated
    tally.seconds = clock.monotonic() - began
    return tally


def _count(tally: Tally, profile: Profile, posts: int) -> None:
    if posts == 1:
        tally.add(Counter({profile.cut: 1}), [f"{profile.name}: one POST"], posts)
    else:
        tally.schedules += 1
        tally.broken.append(f"{profile.name}: one click, {posts} POSTs")
