"""A console that is really served, and people who really sign in at it."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from retaguarda.audit.evidence import EvidenceStore
from retaguarda.clock import Clock
from retaguarda.jobs.requests import Requests
from retaguarda.jobs.runs import Runs
from retaguarda.model.secrets import STEP, one_time_code
from retaguarda.people.entrance import Entrance
from retaguarda.people.register import Register
from retaguarda.settings import ApprovalSettings, ConsoleSettings, TicketSettings
from retaguarda.store.models import FailedAttempt, Person
from retaguarda.tickets.tickets import Tickets
from retaguarda.vault import Vault
from tests.house import KEY
from tests.sandbox_fixtures import ROOT, eventually

PASSWORD = "quatro vagões azuis dormem"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass
class Console:
    """A served console over the store that is open, with the services that the test itself uses."""

    home: Path
    port: int
    settings: ConsoleSettings
    clock: Clock = field(default_factory=Clock)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def vault(self) -> Vault:
        return Vault(self.home / "vault.json", KEY)

    @property
    def register(self) -> Register:
        return Register(self.settings, self.clock, lambda: self.vault)

    @property
    def entrance(self) -> Entrance:
        return Entrance(self.settings, self.clock, lambda: self.vault)

    @property
    def runs(self) -> Runs:
        return Runs(self.home / "output", self.clock)

    @property
    def requests(self) -> Requests:
        return Requests(ApprovalSettings(), self.clock, self.runs, lambda: self.vault)

    @property
    def tickets(self) -> Tickets:
        return Tickets(TicketSettings(), self.clock, lambda: self.vault)

    @property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.home / "evidence", self.clock)

    def person(self, name: str, *roles: str) -> Person:
        """Somebody who took his link and can sign in."""
        person = self.register.add(name, roles)
        link = self.entrance.link(self.register.link(person), "test")
        assert link is not None
        seed = self.entrance.seed(link)
        return self.entrance.accept(link, PASSWORD, self.code_of(seed))

    def code_of(self, seed: str) -> str:
        return one_time_code(seed, int(self.clock.now().timestamp() // STEP))

    def code(self, name: str) -> str:
        """The person's code of now; that it was used is forgotten: tests do not wait half a minute."""
        Person.objects.filter(name=name).update(last_step=0)
        return self.code_of(self.vault.entry(f"person/{name}")["totp"])

    def visitor(self) -> Visitor:
        return Visitor(self)

    def signed_in(self, name: str) -> Visitor:
        FailedAttempt.objects.all().delete()
        visitor = self.visitor()
        visitor.sign_in(name)
        return visitor


class Visitor(requests.Session):
    """A browser without pictures: cookies, forms with their token, no redirect followed."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console
        self.trust_env = False

    def see(self, path: str, **more: object) -> requests.Response:
        return self.get(self.console.url + path, allow_redirects=False, timeout=30, **more)  # type: ignore[arg-type]

    def token(self, path: str = "/account") -> str:
        page = self.see(path).text
        found = TOKEN.search(page)
        assert found, page[:600]
        return found[1]

    def submit(self, path: str, form: dict[str, str] | None = None, *, seen: str = "/account", **more: object) -> requests.Response:
        """Send a form as a page of the console would."""
        given = (form or {}) | {"csrfmiddlewaretoken": self.token(seen)}
        return self.post(self.console.url + path, data=given, allow_redirects=False, timeout=60, **more)  # type: ignore[arg-type]

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        first = self.submit("/sign-in", {"name": name, "password": password}, seen="/sign-in")
        assert first.status_code == 302, first.text
        second = self.submit("/sign-in/code", {"code": self.console.code(name)}, seen="/sign-in/code")
        assert second.status_code == 302, second.text


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(home: Path, url: str, **settings: str) -> Iterator[Console]:
    """A console in a process of its own over the store that is open at `url`."""
    port = free_port()
    given = {
        "RETAGUARDA_HOME": str(home),
        "RETAGUARDA_OUTPUT": str(home / "output"),
        "RETAGUARDA_STORE__URL": url,
        "RETAGUARDA_VAULT_KEY": base64.b64encode(KEY).decode(),
        "RETAGUARDA_CONSOLE__PORT": str(port),
    }
    environment = os.environ | given | settings
    command = [sys.executable, "-m", "retaguarda", "console", "serve"]
    with (home / "console.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    known = {
        name.rpartition("__")[2].lower(): json.loads(value) if value.startswith("[") else value
        for name, value in settings.items()
        if name.startswith("RETAGUARDA_CONSOLE__")
    }
    console = Console(home, port, ConsoleSettings.model_validate(known), process=process)
    try:
        eventually(lambda: _answers(port) or process.poll() is not None, 120)
        assert process.poll() is None, (home / "console.log").read_text()
        yield console
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0
