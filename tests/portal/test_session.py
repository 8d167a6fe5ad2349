"""A session keeps what the portal gave and what the robot saw, whole, masked, and with the browser's death told as such."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import os
import signal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.x509.oid import NameOID
from loguru import logger
from PIL import Image
from playwright.sync_api import Browser

from retaguarda.clock import Clock
from retaguarda.errors import BrowserCrashed, ConfigurationError, IncompleteDownload, OutcomeUnknown, PortalChanged, Refused
from retaguarda.model.acts import Permit
from retaguarda.model.secrets import Credential, Secret
from retaguarda.portal import Manifest, PortalPage, PortalSite, Session
from retaguarda.portal.browser import find_chromium
from retaguarda.portal.certificates import client_certificate
from retaguarda.portal.session import open_session
from tests.portal.conftest import MANIFEST, Opener
from tests.portal.pages_server import Exchange, Pages, screen
from tests.sandbox_fixtures import Pictures

pytestmark = pytest.mark.browser


class HomePage(PortalPage):
    heading = "Início"


def click(session: Session) -> None:
    session.page.get_by_role("link", name="Baixar").click()


@pytest.fixture
def home(session: Session, portal: Pages) -> Session:
    """A session on a page with a link to a file."""
    portal.answers["/"] = screen("Início", '<a href="/file">Baixar</a>')
    session.goto("/")
    return session


def test_a_download_is_kept_byte_for_byte_under_a_harmless_name(home: Session, portal: Pages, recorder: Pictures, tmp_path: Path) -> None:
    content = bytes(range(256)) * 9
    portal.answers["/file"] = lambda exchange: exchange.attach(content, "../../etc/extrato (1).ofx")
    got = home.download(lambda: click(home))
    assert got.read_bytes() == content
    assert (got.size, got.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert got.path.parent == tmp_path
    assert "/" not in got.name
    assert recorder.downloads == [got]
    again = home.download(lambda: click(home))
    assert (again.sha256, again.path == got.path) == (got.sha256, False)


def test_an_empty_or_broken_off_file_is_incomplete_and_not_kept(home: Session, portal: Pages, recorder: Pictures) -> None:
    portal.answers["/file"] = lambda exchange: exchange.attach(b"", "extrato.ofx")
    with pytest.raises(IncompleteDownload, match="empty file"):
        home.download(lambda: click(home))
    portal.answers["/file"] = lambda exchange: exchange.attach(b"OFXHEADER", "extrato.ofx", promised=5000)
    with pytest.raises(IncompleteDownload, match="broke off"):
        home.download(lambda: click(home))
    assert recorder.downloads == []


def test_a_page_in_the_place_of_a_file_is_told_in_the_portals_words(home: Session, portal: Pages) -> None:
    portal.answers["/file"] = screen("Início", '<div role="alert">O perfil está inativo</div>')
    with pytest.raises(Refused, match="O perfil está inativo"):
        home.download(lambda: click(home))
    portal.answers["/file"] = screen("Início", "<p>Seu arquivo está sendo gerado</p>")
    home.goto("/")
    with pytest.raises(PortalChanged, match="downloading a file"):
        home.download(lambda: click(home))


class Gallery(Pictures):
    """A recorder that keeps the last picture."""

    last: bytes = b""

    def picture(self, label: str, data: bytes) -> str:
        self.last = data
        return super().picture(label, data)


def test_passwords_and_masked_fields_are_black_boxes_in_pictures(open_at: Opener, portal: Pages, recorder: Pictures) -> None:
    field = '<label>{0} <input {1} style="position:absolute;left:{2}px;top:200px;width:100px;height:40px;background:#0f0"></label>'
    fields = [("Senha", "type=password", 100), ("Código", "", 300), ("Nome", "", 500)]
    portal.answers["/"] = screen("Início", "".join(field.format(*one) for one in fields))
    session = open_at()
    gallery = Gallery()
    session._recorder = gallery
    session.goto("/")
    page = HomePage(session)
    page.fill_secret("Código", "canary-123456")
    assert session.shot("form") == "picture"
    assert gallery.labels == ["form"]
    picture = Image.open(io.BytesIO(gallery.last)).convert("RGB")
    assert picture.size == (1366, 900)
    middles = [picture.getpixel((left + 90, 230)) for _, _, left in fields]
    assert middles[2] == (0, 255, 0)
    assert middles[0] == middles[1] != middles[2]


def renderers(browser: Browser) -> list[int]:
    told = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
    return [process["id"] for process in told["processInfo"] if process["type"] == "renderer"]


def test_a_killed_renderer_is_a_browser_that_crashed(chromium: Browser, home: Session, open_at: Opener, portal: Pages) -> None:
    page = HomePage(home).prove()
    for pid in renderers(chromium):
        os.kill(pid, signal.SIGKILL)
    for use in (page.prove, lambda: home.shot("failure"), lambda: home.goto("/"), lambda: page.rows("Contratos")):
        with pytest.raises(BrowserCrashed):
            use()
    again = open_at()
    again.goto("/")
    HomePage(again).prove()


def test_a_renderer_that_dies_after_the_press_leaves_an_unknown_outcome(chromium: Browser, session: Session, portal: Pages) -> None:
    def kill(exchange: Exchange) -> None:
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        exchange.send(screen("Registrado"))

    portal.answers |= {"/": screen("Início", '<form method="post" action="/act"><button>Concluir</button></form>'), "POST /act": kill}
    session.goto("/")
    victims = renderers(chromium)
    permit = Permit("R-1", 1)
    with pytest.raises(OutcomeUnknown):
        HomePage(session).prove().submit("Concluir", permit, HomePage)
    assert permit.used
    assert portal.asked["POST /act"] == 1


def home_of(session: Session) -> None:
    session.goto("/")
    HomePage(session).prove()


def test_a_trace_is_kept_only_where_asked_and_only_of_a_failure(chromium: Browser, portal: Pages, tmp_path: Path) -> None:
    portal.answers["/"] = screen("Início")
    options = {"clock": Clock(), "log": logger, "recorder": Pictures(), "downloads": tmp_path, "trace": tmp_path / "trace.zip"}
    arguments = (chromium, Manifest.model_validate(MANIFEST), PortalSite(portal.url), Credential("toy/robo", "robo"))
    with open_session(*arguments, **options) as session:  # type: ignore[arg-type]
        home_of(session)
    assert not (tmp_path / "trace.zip").exists()
    portal.answers["/"] = screen("Outra tela")
    with pytest.raises(PortalChanged), open_session(*arguments, **options) as session:  # type: ignore[arg-type]
        home_of(session)
    assert (tmp_path / "trace.zip").stat().st_size > 0


def certificate(days: int, passphrase: str = "canary-pass") -> Credential:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robo")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - dt.timedelta(days=9), now + dt.timedelta(days=days))
    p12 = pkcs12.serialize_key_and_certificates(
        b"robo", key, builder.sign(key, hashes.SHA256()), None, BestAvailableEncryption(b"canary-pass")
    )
    return Credential("bank/robo", "", {"certificate": Secret(base64.b64encode(p12).decode()), "passphrase": Secret(passphrase)})


def test_a_client_certificate_never_touches_the_disk_and_says_what_is_wrong_with_it() -> None:
    given = client_certificate(certificate(30), "https://bank.example")
    assert (given["cert"] or b"").startswith(b"-----BEGIN CERTIFICATE")
    assert (given["key"] or b"").startswith(b"-----BEGIN PRIVATE KEY")
    with pytest.raises(ConfigurationError, match="expired on"):
        client_certificate(certificate(-1), "https://bank.example")
    with pytest.raises(ConfigurationError, match="does not open") as raised:
        client_certificate(certificate(30, "wrong"), "https://bank.example")
    assert "canary" not in str(raised.value)
    broken = Credential("bank/robo", "", {"certificate": Secret("não é base64"), "passphrase": Secret("x")})
    with pytest.raises(ConfigurationError, match="does not open"):
        client_certificate(broken, "https://bank.example")


def test_the_browser_is_the_configured_one_or_one_that_is_installed() -> None:
    found = find_chromium()
    assert found is None or Path(found).exists()
    with pytest.raises(ConfigurationError, match=r"browser\.path does not exist"):
        find_chromium("/nowhere/chromium")


def test_pace_is_kept_between_visits(open_at: Opener, portal: Pages) -> None:
    portal.answers["/"] = screen("Início")
    session = open_at(pace_ms=150)
    before = session.clock.monotonic()
    for _ in range(3):
        session.goto("/")
    assert session.clock.monotonic() - before >= 0.3
