"""Canaries: a secret that a portal shows, sends or echoes, and a robot that is careless with it, survives nowhere."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from loguru import logger
from PIL import Image
from playwright.sync_api import Browser

from retaguarda.clock import Clock
from retaguarda.model.secrets import Credential
from retaguarda.operations.conditions import quarantined_evidence
from retaguarda.operations.installation import Installation
from retaguarda.portal import PortalSite
from retaguarda.portal.session import open_session
from retaguarda.process import Process
from retaguarda.redaction import Redactor, redactor
from retaguarda.run import Run
from retaguarda.settings import AlertSettings, BrowserSettings
from retaguarda.store.models import OutboxEvent, RunRecord
from tests.core.toy.portal import PASSWORD, ToyPortal, running_toy
from tests.core.toy.robot import Registers, ToyRobot
from tests.house import House, Thing
from tests.portal.pages_server import Exchange, screen
from tests.sandbox_fixtures import Pictures

pytestmark = pytest.mark.browser
MASK = (255, 0, 255)
"""The colour that Playwright lays over what is masked."""


def zipped(data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("inside.xml", b"<a>" + data + b"</a>" * 50)
    return held.getvalue()


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "base64": lambda text: base64.b64encode(text.encode()),
    "url": lambda text: quote(text, safe="").encode(),
    "json": lambda text: text.encode().replace(b"-", b"-"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16, other byte order": lambda text: text.encode("utf-16-be"),
    "zip": lambda text: zipped(text.encode()),
    "zip of utf-16": lambda text: zipped(text.encode("utf-16-le")),
    "zip in a zip": lambda text: zipped(zipped(text.encode())),
    "gzip": lambda text: gzip.compress(text.encode() * 3),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_with_a_secret_in_it_is_set_aside_locked_up_and_told(house: House, form: str) -> None:
    run, data = house.record(), FORMS[form](PASSWORD)
    house.vault.put("toy/robo", {"password": PASSWORD})
    house.vault.credential("toy/robo")
    store = house.services.evidence
    store._lock_up = house.vault.lock_up
    with pytest.raises(Exception, match="a secret stands in file"):
        store.keep(run, "download", "file", data)
    [told] = [event.line for event in OutboxEvent.objects.all() if event.line["action"] == "evidence.quarantined"]
    sha256 = told["data"]["sha256"]
    assert not store.path(sha256).exists()
    sealed = store.quarantined(sha256).read_bytes()
    assert house.vault.unlocked(f"quarantine/{sha256}", sealed) == data
    services = house.services
    installation = Installation(
        services.settings.model_copy(update={"alerts": AlertSettings()}), services.clock, services.locks, lambda: house.vault
    )
    assert [(one.cause, one.severity, one.facts["said"]) for one in quarantined_evidence(installation)] == [
        ("evidence/secret", "critical", "file")
    ]


def survivors(house: House) -> list[str]:
    """Files of the installation in which the secret stands; the vault and what is locked up are encrypted."""
    known = Redactor()
    known.add(PASSWORD)
    files = [path for path in house.home.rglob("*") if path.is_file()]
    assert len(files) > 5
    return [str(path) for path in files if known.found_in(path.read_bytes())]


def shows(content: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.send(screen("Lista", content))


def alerting(portal: ToyPortal) -> None:
    portal.misbehave("GET /list", shows(f'<div role="alert">Senha {PASSWORD} inativo</div>'))


def echoing(portal: ToyPortal) -> None:
    echo = f"<h2>{PASSWORD}</h2><input value='{PASSWORD}'><script>console.error('{PASSWORD}'); window.p='{PASSWORD}'</script>"
    portal.misbehave("GET /list", shows(echo))


def sending_it_on(portal: ToyPortal) -> None:
    def redirect(exchange: Exchange) -> None:
        exchange.send("", 302, Location=f"/gone/{PASSWORD}?senha={PASSWORD}", Set_Cookie=f"senha={PASSWORD}")

    portal.misbehave("GET /list", redirect)


def careless(run: Run) -> None:
    """A task that does with a password what one must not."""
    credential = run._services.desks._vault().credential("toy/robo")
    password = credential.secret("password").reveal()
    run.log.warning("the password is {}", password, password=password)
    run.log.bind(password=password).error("bound")
    with run.item(Thing("R-9", password)):
        pass
    raise ValueError(f"cannot sign in with {password!r}", {"password": password})


def whole(run: Run) -> None:
    with run.robot("toy/robo", Registers) as robot:  # type: ignore[type-abstract]
        robot.session.shot("seen")  # type: ignore[attr-defined]
        robot.find(Thing("R-1"))


def carried_out(house: House, task: Callable[[Run], None], plant: Callable[[ToyPortal], None]) -> str:
    house.services.desks._settings = house.services.settings.model_copy(update={"browser": BrowserSettings(trace=True)})
    with running_toy() as toy:
        plant(toy)
        house.portal("toy", ToyRobot, toy.pages.url, {"user": "robo", "password": PASSWORD})
        house.services.desks._settings.portals.update(house.services.settings.portals)
        run = house.runner(Process("whole", task)).start("whole", {})
    house.audit.seal()
    return str(run.state)


@pytest.mark.parametrize("plant", [alerting, echoing, sending_it_on], ids=lambda plant: plant.__name__)
def test_what_a_portal_shows_and_sends_survives_nowhere(house: House, plant: Callable[[ToyPortal], None]) -> None:
    assert carried_out(house, whole, plant) == "FAULTED"
    [trace] = house.home.rglob("trace-*.zip")
    with zipfile.ZipFile(trace) as held:
        network = b"".join(held.read(name) for name in held.namelist() if name.endswith(".network"))
        assert b"sid=s1" not in b"".join(held.read(name) for name in held.namelist())
    assert network.count(b"\n") > 0
    assert survivors(house) == []


def test_what_a_careless_task_does_with_it_survives_nowhere(house: House) -> None:
    assert carried_out(house, careless, lambda _: None) == "FAULTED"
    error = RunRecord.objects.get().error
    assert error is not None
    assert "cannot sign in with '***'" in error["text"], "it came as far as its own mistake"
    assert survivors(house) == []


def test_the_search_would_find_a_survivor(house: House) -> None:
    carried_out(house, careless, lambda _: None)
    (house.home / "left.txt").write_text(PASSWORD)
    assert [Path(path).name for path in survivors(house)] == ["left.txt"]


class Albums(Pictures):
    """Keeps the pictures themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes] = []

    def picture(self, label: str, data: bytes) -> str:
        self.taken.append(data)
        return super().picture(label, data)


def test_a_page_that_shows_the_password_is_masked_in_its_picture(house: House, chromium: Browser) -> None:

    redactor.add(PASSWORD)
    with running_toy() as toy:
        echoing(toy)
        pictures = Albums()
        options = {"clock": Clock(), "log": logger, "recorder": pictures, "downloads": house.home}
        with open_session(chromium, ToyRobot.manifest(), PortalSite(toy.pages.url), Credential("toy/robo", "robo"), **options) as session:  # type: ignore[arg-type]
            session.goto("/list")
            session.shot("echo")
            box = session.page.get_by_text(PASSWORD).first.bounding_box()
    assert box is not None
    [data] = pictures.taken
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert image.getpixel((int(box["x"] + box["width"] / 4), int(box["y"] + box["height"] / 2))) == MASK
