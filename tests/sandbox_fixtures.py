"""Fixtures that start the sandbox as a process of its own, and robots at its portals in a real Chromium."""

from __future__ import annotations

import http.cookiejar
import json
import ssl
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from loguru import logger
from playwright.sync_api import Browser, expect

from retaguarda.clock import Clock
from retaguarda.model.secrets import Credential, Secret
from retaguarda.portal import Download, PortalSite, Robot, Session
from retaguarda.portal.browser import open_browser
from retaguarda.portal.session import open_session

expect.set_options(timeout=20_000)  # a busy machine is no defect

ROOT = Path(__file__).parent.parent
R = TypeVar("R", bound=Robot)
Factory = Callable[..., "SandboxProcess"]


@dataclass(frozen=True)
class SandboxProcess:
    """A running `python -m sandbox up`: its state folder, its portals' addresses, and its control endpoints."""

    state: Path
    pid: int
    urls: dict[str, str]

    def credential(self, name: str) -> Credential:
        """A credential that the sandbox made, e.g. `ccee/robo`."""
        values = dict(json.loads((self.state / "credentials.json").read_text("utf-8"))[name])
        user = values.pop("user", "")
        return Credential(name, user, {key: Secret(value) for key, value in values.items()})

    def site(self, portal: str) -> PortalSite:
        """The portal as the product's configuration describes it."""
        table = tomllib.loads((self.state / "portals.toml").read_text("utf-8"))["portals"][portal]
        ca_file = Path(table["ca_file"]) if table.get("ca_file") else None
        return PortalSite(table["url"], table.get("mailbox", ""), table.get("account", ""), ca_file)

    def faults(self, portal: str, *faults: dict[str, Any]) -> None:
        """Put these faults in the place of the portal's present ones."""
        self.control(portal, "faults", list(faults))

    def fired(self, portal: str) -> list[int]:
        """How often each fault of the portal fired."""
        return [fault["fired"] for fault in self.control(portal, "faults")]

    def set_clock(self, portal: str, now: str) -> None:
        self.control(portal, "clock", {"now": now})

    def truth(self, portal: str) -> dict[str, Any]:
        return dict(self.control(portal, "truth"))

    def control(self, portal: str, name: str, body: Any = None) -> Any:
        """Ask a control endpoint; a body makes it a POST."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.urls[portal]}/_sandbox/{name}", data, {"Content-Type": "application/json"})
        context = self._context(portal) if self.urls[portal].startswith("https") else None
        with urllib.request.urlopen(request, timeout=30, context=context) as answer:
            return json.load(answer)

    def _context(self, portal: str) -> ssl.SSLContext:
        """A TLS client with the portal's authority and the robot's own certificate."""
        context, credential = ssl.create_default_context(cafile=str(self.site(portal).ca_file)), self.credential(f"{portal}/robo")
        path = self.state / f"{portal}-test.pem"
        if not path.exists():
            path.write_bytes(_pem(credential))
        context.load_cert_chain(path)
        return context


def _pem(credential: Credential) -> bytes:
    import base64

    passphrase = credential.secret("passphrase").reveal().encode()
    loaded = pkcs12.load_pkcs12(base64.b64decode(credential.secret("certificate").reveal()), passphrase)
    assert loaded.key is not None
    assert loaded.cert is not None
    key = loaded.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + loaded.cert.certificate.public_bytes(Encoding.PEM)


@contextmanager
def running_sandbox(state: Path, portals: str = "ccee", faults: Path | None = None, seed: int = 42) -> Iterator[SandboxProcess]:
    """A sandbox on free ports for the block; it is ready when it says so on its standard output."""
    command = [sys.executable, "-m", "sandbox", "up", "--state", str(state), "--portals", portals, "--seed", str(seed), "--port-base", "0"]
    command += ["--faults", str(faults)] if faults else []
    state.mkdir(parents=True, exist_ok=True)
    with (state / "stderr.txt").open("w+") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line.startswith("ready"):
                process.wait(timeout=30)
                raise RuntimeError(f"the sandbox does not start: {line}{(state / 'stderr.txt').read_text()}")
            ready = json.loads((state / "ready.json").read_text("utf-8"))
            yield SandboxProcess(state, ready["pid"], {name: portal["url"] for name, portal in ready["portals"].items()})
        finally:
            process.terminate()
            process.wait(timeout=30)
            process.stdout.close()


@pytest.fixture
def sandbox_factory(tmp_path: Path) -> Iterator[Factory]:
    """Starts sandboxes that end with the test: `sandbox_factory("ccee,erp", faults=path, state=folder)`."""
    with ExitStack() as stack:
        count = iter(range(1, 100))

        def start(portals: str = "ccee", faults: Path | None = None, state: Path | None = None, seed: int = 42) -> SandboxProcess:
            folder = state or tmp_path / f"sandbox-{next(count)}"
            return stack.enter_context(running_sandbox(folder, portals, faults, seed))

        yield start


@dataclass
class Pictures:
    """A recorder that keeps what a session leaves: picture labels and downloads."""

    labels: list[str] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)

    def picture(self, label: str, data: bytes) -> str:
        assert data
        self.labels.append(label)
        return "picture"

    def keep(self, download: Download) -> None:
        self.downloads.append(download)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser a test module; a driver lives in one thread only once, so do not open another beside it."""
    with open_browser() as browser:
        yield browser


class Client:
    """A browser without a screen: cookies, redirects, and what came back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, **form: str) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self.url + path, urllib.parse.urlencode(form).encode()))

    def bytes_of(self, path: str) -> bytes:
        with self.opener.open(self.url + path, timeout=20) as answer:
            return bytes(answer.read())

    def send(self, path: str, value: Any) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self.url + path, json.dumps(value).encode(), {"Content-Type": "application/json"}))

    def faults(self, *orders: dict[str, Any]) -> None:
        assert self.send("/_sandbox/faults", orders)[0] == 200

    def truth(self) -> dict[str, Any]:
        return dict(json.loads(self.get("/_sandbox/truth")[1]))

    def _ask(self, asked: urllib.request.Request) -> tuple[int, str]:
        try:
            with self.opener.open(asked, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextmanager
def robot_at(sandbox: SandboxProcess, browser: Browser, robot: type[R], downloads: Path) -> Iterator[R]:
    """A robot before the entrance of its portal, in a fresh browser context."""
    manifest = robot.manifest()
    downloads.mkdir(parents=True, exist_ok=True)
    options = {"clock": Clock(), "log": logger.bind(portal=manifest.name), "recorder": Pictures(), "downloads": downloads}
    credential = sandbox.credential(f"{manifest.name}/robo")
    with open_session(browser, manifest, sandbox.site(manifest.name), credential, **options) as session:  # type: ignore[arg-type]
        yield robot(session)


def session_of(robot: Robot) -> Session:
    return robot.session


def eventually(check: Callable[[], bool], within: float = 10) -> None:
    """Wait until `check` holds; AssertionError when it does not in time."""
    clock = Clock()
    until = clock.monotonic() + within
    while not check():
        assert clock.monotonic() < until, "it did not happen in time"
        clock.pause(0.05)
